"""Timing contestants in turn, and what may be said of the times.

Every contestant runs once untimed, then all of them run one stretch each, round after round, in an
order that is turned around from round to round. A machine that slows down for a while slows down
the whole round, so a ratio is taken within a round and the median of the rounds' ratios reported.
"""

import gc
import statistics
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import torch

from mixkd_core.errors import InputError

Clock = Literal["wall", "cpu"]
CLOCKS: tuple[Clock, ...] = ("wall", "cpu")


@dataclass(frozen=True)
class Stretch:
    """Some training steps in a row, and how long they took.

    Attributes:
        steps: optimisation steps.
        examples: originals seen, mixed samples not counted.
        tokens: real tokens that the student read, those of mixed samples included.
        wall: seconds.
        cpu: seconds of processor time of this process, all threads together.
    """

    steps: int
    examples: int
    tokens: int
    wall: float
    cpu: float

    def seconds(self, clock: Clock) -> float:
        return self.wall if clock == "wall" else self.cpu

    def examples_per_second(self, clock: Clock) -> float:
        return self.examples / self.seconds(clock)

    def tokens_per_second(self, clock: Clock) -> float:
        return self.tokens / self.seconds(clock)


# Told how long the stretch should take, runs one.
Contestant = Callable[[float], Stretch]


@dataclass(frozen=True)
class Spread:
    """Median, lowest and highest of the rounds."""

    median: float
    low: float
    high: float

    @classmethod
    def of(cls, values: Sequence[float]) -> "Spread":
        return cls(statistics.median(values), min(values), max(values))

    def named(self, name: str) -> dict[str, float]:
        """As columns of a table."""
        return {name: self.median, f"{name}_low": self.low, f"{name}_high": self.high}


class Stopwatch:
    """Both clocks, read only when the accelerator has finished what it was given."""

    def __init__(self, device: torch.device) -> None:
        self.device = device
        self.started = self.read()

    def read(self) -> tuple[float, float]:
        """Seconds of wall and processor time since some moment."""
        if self.device.type != "cpu":
            torch.accelerator.synchronize(self.device)
        return time.perf_counter(), time.process_time()

    def start(self) -> None:
        self.started = self.read()

    def elapsed(self) -> tuple[float, float]:
        """Seconds of wall and processor time since `start`."""
        wall, cpu = self.read()
        return wall - self.started[0], cpu - self.started[1]


def alternate(
    contestants: Mapping[str, Contestant],
    repetitions: int,
    seconds: float,
    progress: Callable[[], object] = lambda: None,
) -> dict[str, list[Stretch]]:
    """One stretch of every contestant in every round, after a warm-up of each.

    Args:
        contestants: by name.
        repetitions: rounds.
        seconds: about how long a stretch is to be.
        progress: called after every stretch, the warm-up's too.

    Raises:
        InputError: for less than one round.
    """
    if repetitions < 1:
        raise InputError(f"{repetitions} repetitions were asked for: give at least 1.")
    for contestant in contestants.values():
        contestant(0.0)
        progress()
    stretches: dict[str, list[Stretch]] = {name: [] for name in contestants}
    for round_number in range(repetitions):
        names = list(contestants)
        for name in names if round_number % 2 == 0 else reversed(names):
            gc.collect()  # what others left behind is not this one's cost
            stretches[name].append(contestants[name](seconds))
            progress()
    return stretches


def ratios(numerators: Sequence[float], denominators: Sequence[float]) -> Spread:
    """Median and extremes of the rounds' ratios, each of two numbers of one round."""
    return Spread.of([above / below for above, below in zip(numerators, denominators, strict=True)])


class Pace:
    """The number of steps of a stretch: as many as fill the time, found by the first one.

    Args:
        least, most: bounds of it; the first stretch has `least`.
        steps: the number itself, where it is given.
    """

    def __init__(self, least: int, most: int, steps: int | None = None) -> None:
        self.least, self.most = least, most
        self.steps = steps
        self.per_step: float | None = None

    def asked(self, seconds: float) -> int:
        """Steps of the next stretch, which is to take about so many seconds."""
        if self.steps is None and self.per_step is not None:
            self.steps = max(self.least, min(self.most, round(seconds / self.per_step)))
        return self.steps or self.least

    def note(self, stretch: Stretch) -> Stretch:
        """Learn from a stretch; returns it."""
        self.per_step = stretch.wall / stretch.steps
        return stretch
