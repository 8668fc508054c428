"""The times that a user waits for: a study, a large report, the command's start, the theory."""

import resource
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from experiments.benchmarks import theory
from experiments.benchmarks.alternation import CLOCKS, Spread
from experiments.benchmarks.child_environment import child_environment
from experiments.benchmarks.synthetic_store import write_store
from mixkd_core.errors import MixKDError
from mixkd_core.records.run_folder import find_records

Row = dict[str, Any]

MIXKD = [sys.executable, "-m", "mixkd"]
HELP, IMPORT = "mixkd --help", "import mixkd_core"
STUDY, REPORT = "limited-data, embedded", "report"

# The shipped study on the embedded law and its small encoder of four layers.
EMBEDDED = (
    "defaults.encoder=null",
    "defaults.teacher={epochs: 3, learning_rate: 1e-3, max_length: 64}",
    "defaults.student={epochs: 3, learning_rate: 1e-3, max_length: 64}",
    "students=[{layers: 2}]",
    "evaluation={remainder_size: 500, fresh_size: 1000}",
)


class CommandError(MixKDError):
    """A timed command that failed."""


@dataclass(frozen=True)
class StudySize:
    """The part of `limited-data` that is run."""

    seeds: tuple[int, ...]
    fractions: tuple[float, ...]
    train_size: int

    def changes(self) -> list[str]:
        return [
            *EMBEDDED,
            f"seeds={list(self.seeds)}",
            f"fractions={list(self.fractions)}",
            f"tasks={{embedded-sentiment: {{train_size: {self.train_size}}}}}",
        ]


def measure_starts(repetitions: int) -> list[Row]:
    """Seconds until the command line has printed its help, and until the core is imported."""
    commands = {
        HELP: [*MIXKD, "--help"],
        IMPORT: [sys.executable, "-c", "import mixkd_core"],
    }
    times: dict[str, list[tuple[float, float]]] = {name: [] for name in commands}
    for _ in range(repetitions + 1):
        for name, command in commands.items():
            times[name].append(seconds_of(command))
    return [_row(name, found[1:]) for name, found in times.items()]  # the first warms the disk


def measure_study(size: StudySize, out: Path) -> Row:
    """Seconds of the study from an empty folder to its last run."""
    changes = [word for change in size.changes() for word in ("--set", change)]
    taken = seconds_of([*MIXKD, "run", "limited-data", "--out", str(out), *changes])
    runs = sum(1 for _ in find_records(out))
    return _row(f"{STUDY}, {runs} runs", [taken])


def measure_report(records: int, scratch: Path) -> Row:
    """Seconds of `mixkd report` on so many made-up runs."""
    write_store(scratch / "store", records)
    taken = seconds_of([*MIXKD, "report", str(scratch / "store"), "-o", str(scratch / "report")])
    return _row(f"{REPORT} of {records} runs", [taken])


def measure_theory(repetitions: int) -> list[Row]:
    """The theory's kernels against plain loops, and simulations a second of both."""
    rows = []
    for duel in theory.duels(repetitions):
        row: Row = asdict(duel) | {"speedup": duel.speedup}
        if duel.simulations is not None:
            row["loop_per_second"] = duel.simulations / duel.loop_seconds
            row["kernel_per_second"] = duel.simulations / duel.kernel_seconds
        rows.append(row)
    return rows


def seconds_of(command: Sequence[str]) -> tuple[float, float]:
    """Wall and processor seconds of a command and all that it starts.

    Raises:
        CommandError: if it fails, with its last words.
    """
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    started = time.perf_counter()
    done = subprocess.run(
        command,
        capture_output=True,
        text=True,
        check=False,
        env=child_environment(),
    )
    wall = time.perf_counter() - started
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    if done.returncode:
        last = (done.stderr.strip().splitlines() or ["it said nothing"])[-1]
        raise CommandError(
            f"the timed command {command[-1]!r} ended with {done.returncode}: {last}"
        )
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return wall, cpu


def _row(what: str, times: Sequence[tuple[float, float]]) -> Row:
    row: Row = {"what": what, "rounds": len(times)}
    for clock, found in zip(CLOCKS, zip(*times, strict=True), strict=True):
        row |= Spread.of(found).named(f"{clock}_seconds")
    return row
