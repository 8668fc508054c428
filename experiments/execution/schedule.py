"""The choice of a study's next run."""

import time
from collections.abc import Callable, Iterable

from experiments.planning.plan import PlannedRun

# Before a run that another process was working on is looked at again.
SECONDS_UNTIL_ANOTHER_LOOK = 2.0


class Schedule:
    """The runs that are left, in their order; each student after its teacher.

    Args:
        runs: all runs of the study, in the order wanted.
        done: ids of those that are finished already.
        clock: seconds; for tests.
    """

    def __init__(
        self,
        runs: Iterable[PlannedRun],
        done: Iterable[str],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.done = set(done)
        self.failures: dict[str, str] = {}
        self._clock = clock
        self._waiting = [run for run in runs if run.spec.id not in self.done]
        self._names = {run.spec.id: run.spec.folder_name for run in self._waiting}
        self._not_before: dict[str, float] = {}

    @property
    def left(self) -> int:
        """Runs that were not handed out yet, or were deferred."""
        return len(self._waiting)

    def take(self) -> PlannedRun | None:
        """The next run that can start now; None if there is none at this moment.

        Students of a teacher that failed are taken off the list as failed too.
        """
        for run in list(self._waiting):
            teacher = run.teacher_id
            if teacher in self.failures:
                self._waiting.remove(run)
                self.fail(run, f"its teacher {self._names[teacher]} failed")
            elif (teacher is None or teacher in self.done) and self._rested(run):
                self._waiting.remove(run)
                return run
        return None

    def finish(self, run: PlannedRun) -> None:
        """Take note that a run is done, here or by another process."""
        self.done.add(run.spec.id)

    def fail(self, run: PlannedRun, reason: str) -> None:
        """Take note that a run failed."""
        self.failures[run.spec.id] = reason

    def defer(self, run: PlannedRun) -> None:
        """Put a run that another process works on behind the others, for another look later."""
        self._not_before[run.spec.id] = self._clock() + SECONDS_UNTIL_ANOTHER_LOOK
        self._waiting.append(run)

    def _rested(self, run: PlannedRun) -> bool:
        return self._clock() >= self._not_before.get(run.spec.id, 0.0)
