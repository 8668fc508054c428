"""The time that a study's other runs will take, told after each run."""

from collections.abc import Sequence
from pathlib import Path

from experiments.planning.plan import PlannedRun, estimate
from mixkd_core.records.run_folder import RunRecord, find_record


class TimeLeft:
    """An estimate that follows what finished runs took.

    Args:
        runs: those that are to be done.
        finished: runs of earlier invocations.
        out: the store, where the record of a run is when it is done.
        abreast: how many are done at once.
    """

    def __init__(
        self, runs: Sequence[PlannedRun], finished: Sequence[RunRecord], out: Path, abreast: int
    ) -> None:
        self._left = {run.spec.id: run for run in runs}
        self._finished = list(finished)
        self._out, self._abreast = out, abreast

    def done(self, run: PlannedRun) -> None:
        """Take note that a run is behind us, however it ended."""
        self._left.pop(run.spec.id, None)
        record = find_record(self._out, run.spec)
        if record is not None:
            self._finished.append(record)

    @property
    def seconds(self) -> float | None:
        """Seconds until the last run is done; None if no finished run tells."""
        found = [estimate(run, self._finished) for run in self._left.values()]
        known = [one[0] for one in found if one is not None]
        if not known:
            return None
        # Runs unlike every finished one are taken for as long as the others on average.
        return sum(known) * len(found) / len(known) / self._abreast
