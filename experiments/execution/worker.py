"""The work inside a worker's process.

This module imports nothing heavy, so that a new process learns which GPU is its own, and how many
threads it has, before torch is loaded and decides for itself.
"""

import os
import signal
import sys
import threading
from collections.abc import Mapping
from contextlib import suppress
from multiprocessing.connection import Connection


def work(connection: Connection, environment: Mapping[str, str]) -> None:
    """Do the runs that come through `connection` until the parent is gone.

    Args:
        connection: brings a `(PlannedRun, Workplace)` at a time; takes what there is to say, and
            at the end of each run its `JobOutcome`.
        environment: what this process's environment has more than its parent's.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent is interrupted, and ends us
    # Several progress bars on one terminal overwrite each other, so they are told it is none.
    sys.stderr.isatty = lambda: False  # type: ignore[method-assign]
    settle(environment)
    from experiments.execution.jobs import attempt

    def say(text: str) -> None:
        with suppress(OSError):
            connection.send(text)

    try:
        while True:
            run, workplace = connection.recv()
            connection.send(attempt(run, workplace, say))
    except (EOFError, BrokenPipeError):
        return


def settle(environment: Mapping[str, str]) -> None:
    """Take up a worker's environment, and the threads that it grants."""
    os.environ |= environment
    import torch
    from tqdm import tqdm

    from experiments.running.quiet import quiet_libraries

    # The lock that its bars would make is for several processes: a semaphore of the system, which
    # a worker that is ended leaves behind, and Python complains of at the parent's end.
    tqdm.set_lock(threading.RLock())

    torch.set_num_threads(int(os.environ["OMP_NUM_THREADS"]))
    quiet_libraries()


def worker_environment(
    place: int, jobs: int, environment: Mapping[str, str], gpus: int
) -> dict[str, str]:
    """Return what worker number `place` of `jobs` has more in its environment: threads, GPU.

    The cores are shared out, so that workers do not fight for them; a smaller number that the
    environment asks for stays.

    Args:
        environment: of the parent.
        gpus: how many GPUs the parent sees; where there are fewer than workers, some are shared.
    """
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    share = max(1, (cores or 1) // jobs)
    asked = environment.get("OMP_NUM_THREADS", "")
    if asked.isdecimal() and int(asked) > 0:
        share = min(share, int(asked))
    more = threads(share)
    visible = [name for name in environment.get("CUDA_VISIBLE_DEVICES", "").split(",") if name]
    if gpus > 1:
        names = visible or [str(number) for number in range(gpus)]
        more["CUDA_VISIBLE_DEVICES"] = names[place % gpus]
    return more


def threads(number: int) -> dict[str, str]:
    """The environment that grants a number of threads to torch and to the tokenizers."""
    return dict.fromkeys(("OMP_NUM_THREADS", "RAYON_NUM_THREADS"), str(number))
