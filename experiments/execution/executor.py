"""Many runs: one after another, several at once in processes of their own, or on a Ray cluster.

Whoever does them, the order is the schedule's, a run is locked while it is worked on
(`experiments.running.store`), so that several invocations on one folder share its runs, and the
numbers are the same, at equal threads.
"""

import time
from collections.abc import Iterator, Sequence

from experiments.execution.jobs import Cluster, JobOutcome, News, Say, Workers, Workplace, attempt
from experiments.execution.schedule import Schedule
from experiments.execution.time_left import TimeLeft
from experiments.planning.plan import PlannedRun
from experiments.running.durations import duration
from experiments.running.processes import count
from mixkd_core.errors import DiskFullError, InputError

SECONDS_BETWEEN_LOOKS = 0.5


def execute(
    runs: Sequence[PlannedRun],
    done: Sequence[str],
    workplace: Workplace,
    *,
    jobs: int = 1,
    cluster: Cluster | None = None,
    say: Say,
    time_left: TimeLeft | None = None,
) -> dict[str, str]:
    """Do the runs that are not done.

    Args:
        runs: all of them, in the order wanted.
        done: ids of those that are finished.
        jobs: how many at once, on this machine.
        cluster: where to do them instead of on this machine; one that answers
            (`experiments.execution.ray_workers.check_cluster`).
        say: told of every step.
        time_left: how long the others will take, told with every step; None tells nothing.

    Returns:
        Why runs failed, by id; empty if all are done.

    Raises:
        DiskFullError: if no space is left; what is finished stays.
        InputError: see `check_workers`.
    """
    check_workers(jobs, cluster)
    schedule = Schedule(runs, done)
    total = schedule.left
    if not total:
        return {}
    counted = _Counted(say, total, time_left)
    workers: Workers
    if cluster is not None:
        from experiments.execution.ray_workers import RayWorkers

        workers = RayWorkers(workplace, cluster)
    elif jobs > 1 and total > 1:
        from experiments.execution.local_workers import LocalWorkers

        workers = LocalWorkers(workplace, min(jobs, total))
    else:
        workers = _ThisProcess(workplace, counted)
    try:
        _work_through(schedule, workers, counted)
    finally:
        workers.stop()
    return schedule.failures


def check_workers(jobs: int, cluster: Cluster | None) -> None:
    """Refuse to start processes for runs that are shared by processes already.

    Raises:
        InputError: saying how to do without.
    """
    if count() > 1 and (jobs > 1 or cluster is not None):
        raise InputError(
            f"{count()} processes were launched to share each run, so runs are done one after "
            "another: leave out --jobs and --executor, or start mixkd without the launcher."
        )


def _work_through(schedule: Schedule, workers: Workers, say: "_Counted") -> None:
    while schedule.left or workers.busy:
        while workers.free and (run := schedule.take()) is not None:
            workers.start(run)
        if not workers.busy:
            if schedule.left:
                say.waiting()
                time.sleep(SECONDS_BETWEEN_LOOKS)
            continue
        for news in workers.news(SECONDS_BETWEEN_LOOKS):
            if isinstance(news, str):
                say(news)
            else:
                _note(schedule, *news, say)


def _note(schedule: Schedule, run: PlannedRun, outcome: JobOutcome, say: "_Counted") -> None:
    if outcome.state == "disk full":
        raise DiskFullError(outcome.reason)
    if outcome.state == "busy":
        schedule.defer(run)
        return
    say.one_more(run)
    if outcome.state == "failed":
        schedule.fail(run, outcome.reason)
        say(f"{run.spec.folder_name}: FAILED: {outcome.reason}")
    else:
        schedule.finish(run)


class _Counted:
    """Says how many of the runs are behind us, and for how long the others will take."""

    def __init__(self, say: Say, total: int, time_left: TimeLeft | None) -> None:
        self._say, self._total, self._behind, self._waited = say, total, 0, False
        self._time_left = time_left
        self._left = self._told()

    def __call__(self, text: str) -> None:
        self._say(f"[{self._behind}/{self._total}{self._left}] {text}")

    def one_more(self, run: PlannedRun) -> None:
        """Take note that a run is behind us, however it ended."""
        self._behind += 1
        if self._time_left is not None:
            self._time_left.done(run)
            self._left = self._told()

    def _told(self) -> str:
        seconds = None if self._time_left is None else self._time_left.seconds
        return "" if not seconds else f", about {duration(seconds)} left"

    def waiting(self) -> None:
        if not self._waited:
            self("the runs that are left are being worked on by another process: waiting for it")
        self._waited = True


class _ThisProcess:
    """One run after another, here."""

    def __init__(self, workplace: Workplace, say: Say) -> None:
        self._workplace, self._say = workplace, say
        self._run: PlannedRun | None = None

    @property
    def free(self) -> bool:
        return self._run is None

    @property
    def busy(self) -> bool:
        return self._run is not None

    def start(self, run: PlannedRun) -> None:
        self._run = run

    def news(self, seconds: float) -> Iterator[News]:
        run, self._run = self._run, None
        assert run is not None
        yield run, attempt(run, self._workplace, self._say)

    def stop(self) -> None:
        """Nothing is left behind."""
