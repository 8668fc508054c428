"""Several runs at once on this machine, each in a process of its own."""

import multiprocessing
import os
import signal
from collections.abc import Iterator
from contextlib import suppress
from multiprocessing.connection import Connection, wait

from experiments.execution.jobs import JobOutcome, News, Workplace
from experiments.execution.worker import work, worker_environment
from experiments.planning.plan import PlannedRun


class LocalWorkers:
    """Up to `jobs` processes; they share the cores, or have a GPU each where there are several.

    A process does one run after another. One that dies costs its run, and another takes its place.
    """

    def __init__(self, workplace: Workplace, jobs: int) -> None:
        import torch

        self._workplace, self._jobs = workplace, jobs
        # Counted here: a worker that asked would fix which GPUs it sees before it is told.
        self._gpus = torch.cuda.device_count()
        self._workers: dict[int, _Worker] = {}

    @property
    def free(self) -> bool:
        return len(self._working()) < self._jobs

    @property
    def busy(self) -> bool:
        return bool(self._working())

    def start(self, run: PlannedRun) -> None:
        place = min(
            place
            for place in range(self._jobs)
            if place not in self._workers or self._workers[place].run is None
        )
        if place not in self._workers:
            environment = worker_environment(place, self._jobs, os.environ, self._gpus)
            self._workers[place] = _Worker(environment)
        self._workers[place].start(run, self._workplace)

    def news(self, seconds: float) -> Iterator[News]:
        places = {worker.connection: place for place, worker in self._working().items()}
        for ready in wait(list(places), timeout=seconds):
            place = places[ready]  # type: ignore[index]
            worker = self._workers[place]
            try:
                message = worker.connection.recv()
            except (EOFError, ConnectionResetError):
                message = worker.end()
                del self._workers[place]
            if isinstance(message, JobOutcome):
                finished, worker.run = worker.run, None
                assert finished is not None
                yield finished, message
            else:
                yield message

    def stop(self) -> None:
        for worker in self._workers.values():
            worker.stop()

    def _working(self) -> "dict[int, _Worker]":
        return {place: one for place, one in self._workers.items() if one.run is not None}


class _Worker:
    """A process that does one run after another, and what it is doing."""

    def __init__(self, environment: dict[str, str]) -> None:
        # A spawned process starts clean: a forked one would inherit torch's threads half-dead.
        context = multiprocessing.get_context("spawn")
        self.run: PlannedRun | None = None
        ours, theirs = context.Pipe()
        self.connection: Connection = ours
        self.process = context.Process(target=work, args=(theirs, environment), daemon=True)
        self.process.start()
        theirs.close()

    def start(self, run: PlannedRun, workplace: Workplace) -> None:
        self.run = run
        with suppress(OSError):  # it died while it waited: seen when its answer is waited for
            self.connection.send((run, workplace))

    def end(self) -> JobOutcome:
        """Return what became of the run of a process that is no more."""
        self.process.join()
        self.connection.close()
        code = self.process.exitcode
        killed = code is not None and code < 0
        cause = f"signal {signal.Signals(-code).name}" if killed and code else f"exit status {code}"
        hint = "; memory may have run out" if code == -signal.SIGKILL else ""
        return JobOutcome("failed", f"its process ended by {cause}{hint}")

    def stop(self) -> None:
        """End the process at once; whatever it was doing can be taken up again."""
        self.process.terminate()
        self.process.join()
        self.connection.close()
