"""Many runs on this machine: one after another, or several at once in processes of their own.

Either way a run is locked while it is worked on (`experiments.store`), so that several invocations
on one folder share its runs; and either way the numbers are the same, at equal threads.
"""

import multiprocessing
import os
import signal
import sys
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from multiprocessing.connection import Connection, wait
from pathlib import Path
from typing import Literal

from experiments.plan import PlannedRun, load_source
from experiments.schedule import Schedule
from experiments.store import reason_of
from mixkd_core.errors import DiskFullError, RunBusyError

SECONDS_BETWEEN_LOOKS = 0.5

Say = Callable[[str], None]


@dataclass(frozen=True)
class Workplace:
    """Where runs are done, and in whose name.

    Attributes:
        out: the store.
        command: the command line, for the model cards.
    """

    out: Path
    command: str


@dataclass(frozen=True)
class Outcome:
    """How an attempt at a run ended.

    Attributes:
        state: `"busy"` if another process works on it.
        reason: of a failure; the sentence of a full disk.
    """

    state: Literal["done", "busy", "failed", "disk full"]
    reason: str = ""


def execute(
    runs: Sequence[PlannedRun],
    done: Sequence[str],
    workplace: Workplace,
    *,
    jobs: int,
    say: Say,
) -> dict[str, str]:
    """Do the runs that are not done.

    Args:
        runs: all of them, in the order wanted.
        done: ids of those that are finished.
        jobs: how many at once.
        say: told of every step.

    Returns:
        Why runs failed, by id; empty if all are done.

    Raises:
        DiskFullError: if no space is left; what is finished stays.
    """
    schedule = Schedule(runs, done)
    total = schedule.left
    counted = _Counted(say, total)
    if jobs == 1:
        _one_after_another(schedule, workplace, counted)
    elif total:
        _several_at_once(schedule, workplace, min(jobs, total), counted)
    return schedule.failures


def attempt(run: PlannedRun, workplace: Workplace, say: Say) -> Outcome:
    """Do one run, unless another process works on it; what is said names what it stands for."""
    from experiments.runner import Resources
    from experiments.runner import run as do

    try:
        do(
            run.spec,
            Resources(
                data=load_source(run.material.source),
                encoder=run.material.encoder,
                out=workplace.out,
                student_checkpoint=run.student_checkpoint,
                translators=dict(run.translators),
                command=workplace.command,
                say=lambda text: say(f"{run.labels[0]}: {text}"),
                wait=False,
            ),
        )
    except RunBusyError:
        return Outcome("busy")
    except DiskFullError as error:
        return Outcome("disk full", str(error))
    except Exception as error:  # one failing run must not stop the study, whatever it failed of
        return Outcome("failed", reason_of(error))
    return Outcome("done")


class _Counted:
    """Says how many of the runs are behind us before whatever there is to say."""

    def __init__(self, say: Say, total: int) -> None:
        self._say, self._total, self.behind, self._waited = say, total, 0, False

    def __call__(self, text: str) -> None:
        self._say(f"[{self.behind}/{self._total}] {text}")

    def waiting(self) -> None:
        if not self._waited:
            self("the runs that are left are being worked on by another process: waiting for it")
        self._waited = True


def _note(schedule: Schedule, run: PlannedRun, outcome: Outcome, say: _Counted) -> None:
    if outcome.state == "disk full":
        raise DiskFullError(outcome.reason)
    if outcome.state == "busy":
        schedule.defer(run)
        return
    say.behind += 1
    if outcome.state == "failed":
        schedule.fail(run, outcome.reason)
        say(f"{run.spec.folder_name}: FAILED: {outcome.reason}")
    else:
        schedule.finish(run)


def _one_after_another(schedule: Schedule, workplace: Workplace, say: _Counted) -> None:
    while schedule.left:
        run = schedule.take()
        if run is not None:
            _note(schedule, run, attempt(run, workplace, say), say)
        elif schedule.left:
            say.waiting()
            time.sleep(SECONDS_BETWEEN_LOOKS)


# ---- several at once ----


class _Worker:
    """A process that does one run after another, and what it is doing."""

    def __init__(self, place: int, workplace: Workplace, jobs: int, gpus: int) -> None:
        # A spawned process starts clean: a forked one would inherit torch's threads half-dead.
        context = multiprocessing.get_context("spawn")
        self.place = place
        self.run: PlannedRun | None = None
        self.connection, theirs = context.Pipe()
        self.process = context.Process(
            target=_work, args=(theirs, workplace, place, jobs, gpus), daemon=True
        )
        self.process.start()
        theirs.close()

    def start(self, run: PlannedRun) -> None:
        self.run = run
        with suppress(OSError):  # it died while it waited: seen when its answer is waited for
            self.connection.send(run)

    def stop(self) -> None:
        """End the process at once; whatever it was doing can be taken up again."""
        self.process.terminate()
        self.process.join()
        self.connection.close()


def _several_at_once(schedule: Schedule, workplace: Workplace, jobs: int, say: _Counted) -> None:
    import torch

    # Counted here: a worker that asked would fix which GPUs it sees before it is told.
    gpus = torch.cuda.device_count()
    workers = [_Worker(place, workplace, jobs, gpus) for place in range(jobs)]
    try:
        while schedule.left or any(worker.run is not None for worker in workers):
            for worker in workers:
                if worker.run is None and (run := schedule.take()) is not None:
                    worker.start(run)
            working = {worker.connection: worker for worker in workers if worker.run is not None}
            if not working:
                if schedule.left:
                    say.waiting()
                    time.sleep(SECONDS_BETWEEN_LOOKS)
                continue
            for ready in wait(list(working), timeout=SECONDS_BETWEEN_LOOKS):
                worker = working[ready]  # type: ignore[index]
                try:
                    message = worker.connection.recv()
                except (EOFError, ConnectionResetError):
                    message = _end_of(worker)
                    workers.remove(worker)
                    if schedule.left:
                        workers.append(_Worker(worker.place, workplace, jobs, gpus))
                if isinstance(message, Outcome):
                    finished, worker.run = worker.run, None
                    assert finished is not None
                    _note(schedule, finished, message, say)
                else:
                    say(message)
    finally:
        for worker in workers:
            worker.stop()


def _end_of(worker: _Worker) -> Outcome:
    """What became of a run whose process is no more."""
    worker.process.join()
    code = worker.process.exitcode
    killed = code is not None and code < 0
    cause = f"signal {signal.Signals(-code).name}" if killed and code else f"exit status {code}"
    hint = "; memory may have run out" if code == -signal.SIGKILL else ""
    return Outcome("failed", f"its process ended by {cause}{hint}")


def _work(connection: Connection, workplace: Workplace, place: int, jobs: int, gpus: int) -> None:
    """What a worker's process does until its parent is gone; a run begun by then is finished."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent is interrupted, and ends us
    os.environ |= worker_environment(place, jobs, dict(os.environ), gpus)
    import torch

    from experiments.cli.console import quiet_libraries

    torch.set_num_threads(int(os.environ["OMP_NUM_THREADS"]))
    quiet_libraries()
    # Several progress bars on one terminal overwrite each other, so they are told it is none.
    sys.stderr.isatty = lambda: False  # type: ignore[method-assign]

    def say(text: str) -> None:
        with suppress(OSError):
            connection.send(text)

    try:
        while True:
            connection.send(attempt(connection.recv(), workplace, say))
    except (EOFError, BrokenPipeError):
        return


def worker_environment(
    place: int, jobs: int, environment: dict[str, str], gpus: int
) -> dict[str, str]:
    """What the environment of worker number `place` of `jobs` has more: its threads, its GPU.

    The cores are shared out, so that workers do not fight for them; a smaller number that the
    environment asks for stays.
    """
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    threads = max(1, (cores or 1) // jobs)
    asked = environment.get("OMP_NUM_THREADS", "")
    if asked.isdecimal() and int(asked) > 0:
        threads = min(threads, int(asked))
    more = dict.fromkeys(("OMP_NUM_THREADS", "RAYON_NUM_THREADS"), str(threads))
    visible = [name for name in environment.get("CUDA_VISIBLE_DEVICES", "").split(",") if name]
    if gpus > 1:
        names = visible or [str(number) for number in range(gpus)]
        more["CUDA_VISIBLE_DEVICES"] = names[place % gpus]
    return more
