"""Runs on a Ray cluster: each a task with its demand of CPUs and GPUs, the store shared by all.

Ray finds a place for a task, and another one if its worker is lost. What is to be shared is the
folder that the command was started in (relative paths mean the same everywhere) and the store.
"""

import importlib.util
import logging
import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import chdir, suppress
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import Any

from experiments.execution.jobs import Cluster, JobOutcome, News, Workplace, attempt
from experiments.execution.worker import settle, threads
from experiments.planning.plan import PlannedRun
from experiments.running.store import reason_of
from mixkd_core.errors import InputError

HOME = Path(__file__).resolve().parents[2]  # of the suite's packages

SECONDS_TO_ANSWER = 30

# How often Ray gives a run to another worker after it lost the one that worked on it.
RETRIES_OF_A_LOST_RUN = 3

# Ray waits for minutes for an address that does not answer, and the wait cannot be cut short from
# inside the process: so another process asks first.
_ASK = """
import sys
import ray
try:
    ray.init(address=sys.argv[1], log_to_driver=False, logging_level="CRITICAL")
except Exception as error:
    sys.exit(next(iter(str(error).splitlines()), type(error).__name__))
"""


def check_cluster(cluster: Cluster) -> None:
    """See that Ray is installed and the cluster answers, within a bounded time.

    Raises:
        InputError: if not, with the remedy.
    """
    if importlib.util.find_spec("ray") is None:
        raise InputError(
            "--executor ray needs Ray, which is not installed: pip install 'mixkd[ray]'."
        )
    try:
        asked = subprocess.run(
            [sys.executable, "-c", _ASK, cluster.address],
            capture_output=True,
            text=True,
            timeout=SECONDS_TO_ANSWER,
        )
    except subprocess.TimeoutExpired:
        reason = f"no answer within {SECONDS_TO_ANSWER} seconds"
    else:
        if asked.returncode == 0:
            return
        reason = next(iter(asked.stderr.strip().splitlines()[-1:]), "no reason given").rstrip(".")
    raise InputError(
        f"no Ray cluster answers at --address {cluster.address!r} ({reason}): give the address of "
        "one, such as 10.0.0.1:6379, or start one here with `ray start --head`."
    )


class RayWorkers:
    """The workers of a Ray cluster that answers (`check_cluster`)."""

    def __init__(self, workplace: Workplace, cluster: Cluster) -> None:
        import ray
        from ray.util.queue import Queue

        # Workers import from the folder that Ray is joined in before anywhere else. In the user's
        # folder they would take another `experiments` package for ours.
        with chdir(HOME):
            ray.init(address=cluster.address, log_to_driver=False, logging_level=logging.ERROR)
        gpus = cluster.gpus
        if gpus is None:
            gpus = 1 if ray.cluster_resources().get("GPU", 0) >= 1 else 0
        self._ray = ray
        self._task = ray.remote(_do).options(
            num_cpus=cluster.cpus, num_gpus=gpus, max_retries=RETRIES_OF_A_LOST_RUN
        )
        self._unheard = _demand_that_no_node_meets(ray.nodes(), {"CPU": cluster.cpus, "GPU": gpus})
        self._messages = Queue(actor_options={"num_cpus": 0, "max_restarts": -1})
        self._workplace = Workplace(workplace.out.absolute(), workplace.command)
        self._cpus = cluster.cpus
        # What every worker must see in the store before it works there.
        self._mark = NamedTemporaryFile(dir=self._workplace.out, prefix=".ray-")  # noqa: SIM115
        self._going: dict[Any, PlannedRun] = {}

    @property
    def free(self) -> bool:
        return True  # what finds no place yet waits in Ray

    @property
    def busy(self) -> bool:
        return bool(self._going)

    def start(self, run: PlannedRun) -> None:
        mark = Path(self._mark.name)
        task = self._task.remote(run, self._workplace, Path.cwd(), mark, self._cpus, self._messages)
        self._going[task] = run

    def news(self, seconds: float) -> Iterator[News]:
        if self._unheard:
            yield self._unheard
            self._unheard = ""
        ready, _ = self._ray.wait(list(self._going), timeout=seconds)
        yield from self._said()
        for task in ready:
            run = self._going.pop(task)
            yield run, self._outcome(task)

    def stop(self) -> None:
        for task in self._going:
            self._ray.cancel(task, force=True)
        self._mark.close()
        self._ray.shutdown()

    def _said(self) -> Iterator[str]:
        """Yield what workers said since; it is lost if the node that holds it is."""
        with suppress(self._ray.exceptions.RayError):
            while not self._messages.empty():
                yield self._messages.get()

    def _outcome(self, task: Any) -> JobOutcome:
        try:
            outcome: JobOutcome = self._ray.get(task)
        except self._ray.exceptions.RayTaskError as error:  # it could not even be attempted
            return JobOutcome("failed", reason_of(error.cause or error))
        except self._ray.exceptions.RayError as error:
            times = RETRIES_OF_A_LOST_RUN + 1
            return JobOutcome(
                "failed", f"Ray lost its worker {times} times, at last: {reason_of(error)}"
            )
        return outcome


def _do(
    run: PlannedRun, workplace: Workplace, folder: Path, mark: Path, cpus: int, messages: Any
) -> JobOutcome:
    """One run, in a worker of the cluster."""
    from ray.exceptions import RayError

    if not folder.is_dir():
        return JobOutcome("failed", _not_shared(f"the folder {folder}, where mixkd was started,"))
    # Listed, not asked for by name: an NFS client then looks for what other hosts have written.
    if not workplace.out.is_dir() or mark.name not in os.listdir(workplace.out):
        return JobOutcome("failed", _not_shared(f"the store {workplace.out}"))
    os.chdir(folder)
    settle(threads(cpus))

    def say(text: str) -> None:
        with suppress(RayError):
            messages.put(text)

    return attempt(run, workplace, say)


def _not_shared(what: str) -> str:
    return (
        f"{what} is not seen on host {socket.gethostname()}: work in a folder, and give an --out, "
        "on a file system that every node of the cluster shares"
    )


def _demand_that_no_node_meets(nodes: list[dict[str, Any]], demand: dict[str, float]) -> str:
    """A notice for a cluster that cannot start a run as it is now; others may join."""
    offered = [node["Resources"] for node in nodes if node["Alive"]]
    if any(all(one.get(name, 0) >= part for name, part in demand.items()) for one in offered):
        return ""
    wanted = " and ".join(f"{part:g} {name}" for name, part in demand.items() if part)
    return f"no node of the cluster has {wanted}, which a run takes: waiting for one to join"
