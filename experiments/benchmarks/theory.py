"""The theory's kernels against plain Python loops: equal results, and at what speed.

    python -m experiments.benchmarks.theory [--json FILE] [--repetitions 5]

Every pair of contestants answers the same question from the same definition and must return equal
answers: exact ones equal as rationals, Monte Carlo ones equal replication by replication, because
both consume the same random stream. They run in turn, after one warm-up each, and medians of the
wall time are reported. The second table shows how the kernels' cost grows.

For a continuous law there is nothing to enumerate or to count: every loss of every point must be
evaluated either way, so the kernel saves the interpreter's share and no more.
"""

import argparse
import json
import math
import statistics
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from fractions import Fraction
from pathlib import Path

import numpy as np

from theory.laws.finite_laws import (
    EIGHTHS_MIXING,
    FiniteClass,
    FiniteLaw,
    TableLoss,
    tent_class,
    three_point_class,
)
from theory.laws.gap_law import GapLaw
from theory.laws.minimal_gap import gap_law, mixup_limit_gap_law
from theory.laws.sampled_class import FloatArray, SampledClass
from theory.laws.simulation import simulate_finite_gaps, simulate_gaps
from theory.laws.type_counts import type_count

DELTA = Fraction(1, 20)


@dataclass(frozen=True)
class Duel:
    """Median seconds of loop and kernel on one question, and whether they agreed.

    A question answered by simulation says how many samples it simulates.
    """

    question: str
    loop_seconds: float
    kernel_seconds: float
    equal: bool
    simulations: int | None = None

    @property
    def speedup(self) -> float:
        return self.loop_seconds / self.kernel_seconds


@dataclass(frozen=True)
class Growth:
    """Median seconds of a kernel at one size."""

    kernel: str
    varied: str
    size: int
    work: int
    seconds: float


def compositions(draws: int, letters: int) -> Iterator[tuple[int, ...]]:
    """All count vectors, one at a time."""
    if letters == 1:
        yield (draws,)
        return
    for first in range(draws + 1):
        for rest in compositions(draws - first, letters - 1):
            yield (first, *rest)


def looped_gap(problem: FiniteClass, n: int) -> tuple[Fraction, Fraction]:
    """eps(n, delta) and CVaR by a loop over types: the definition, in rationals."""
    table, risks = problem.loss_table(), problem.risks()
    law: dict[Fraction, Fraction] = {}
    for counts in compositions(n, len(problem.law.points)):
        gap = max(
            risk - sum((c * g for c, g in zip(counts, row, strict=True)), Fraction(0)) / n
            for risk, row in zip(risks, table, strict=True)
        )
        law[gap] = law.get(gap, Fraction(0)) + type_probability(problem, counts)
    return tail_values(law)


def looped_limit_gap(problem: FiniteClass, n: int, weight: Fraction) -> tuple[Fraction, Fraction]:
    """eps_inf(delta) and CVaR of R - w R_S - (1-w) U_n by a loop over types."""
    table, risks, kernels = problem.loss_table(), problem.risks(), problem.kernels(EIGHTHS_MIXING)
    law: dict[Fraction, Fraction] = {}
    for counts in compositions(n, len(problem.law.points)):
        gaps = []
        for risk, row, kernel in zip(risks, table, kernels, strict=True):
            empirical = sum((c * g for c, g in zip(counts, row, strict=True)), Fraction(0)) / n
            pairs = Fraction(0)
            for k, c in enumerate(counts):
                for j, d in enumerate(counts):
                    pairs += c * (d - (1 if j == k else 0)) * kernel[k][j]
            gaps.append(risk - weight * empirical - (1 - weight) * pairs / (n * (n - 1)))
        gap = max(gaps)
        law[gap] = law.get(gap, Fraction(0)) + type_probability(problem, counts)
    return tail_values(law)


def type_probability(problem: FiniteClass, counts: tuple[int, ...]) -> Fraction:
    """The multinomial probability of a type."""
    probability = Fraction(math.factorial(sum(counts)))
    for count, p in zip(counts, problem.law.probabilities, strict=True):
        probability *= p**count / math.factorial(count)
    return probability


def tail_values(law: dict[Fraction, Fraction]) -> tuple[Fraction, Fraction]:
    """The (1-delta)-quantile and the mean of the upper delta-tail."""
    held, quantile = Fraction(0), Fraction(0)
    for gap in sorted(law):
        held += law[gap]
        if held >= 1 - DELTA:
            quantile = gap
            break
    excess = sum((p * (gap - quantile) for gap, p in law.items() if gap > quantile), Fraction(0))
    return quantile, quantile + excess / DELTA


def kernel_values(law: GapLaw) -> tuple[Fraction, Fraction]:
    return law.quantile(DELTA), law.cvar(DELTA)


def looped_finite_simulation(
    problem: FiniteClass, n: int, replications: int, seed: int
) -> list[float]:
    """Gaps of simulated samples of a finite law, summed point by point for each hypothesis."""
    rng = random_stream(seed)
    probabilities = [float(p) for p in problem.law.probabilities]
    table = [[float(g) for g in row] for row in problem.loss_table()]
    risks = [float(risk) for risk in problem.risks()]
    gaps = []
    for _ in range(replications):
        counts = rng.multinomial(n, probabilities).tolist()
        sample = [letter for letter, count in enumerate(counts) for _ in range(count)]
        gaps.append(
            max(
                risk - sum([row[letter] for letter in sample]) / n
                for risk, row in zip(risks, table, strict=True)
            )
        )
    return gaps


def threshold_class(size: int) -> SampledClass:
    """Disagreement of `size` threshold classifiers with the one at 1/2, x uniform on [0, 1]."""
    cuts = [(f + 0.5) / size for f in range(size)]

    def disagreement(cut: float) -> Callable[[FloatArray], FloatArray]:
        low, high = min(cut, 0.5), max(cut, 0.5)
        return lambda x: np.asarray((x > low) & (x <= high), dtype=np.float64)

    return SampledClass(
        sampler=lambda rng, count: rng.random(count),
        losses=tuple(disagreement(cut) for cut in cuts),
        risks=np.array([abs(cut - 0.5) for cut in cuts]),
        loss_bound=1.0,
    )


def looped_simulation(size: int, n: int, replications: int, seed: int) -> list[float]:
    """The same gaps for the same random numbers, one point and one classifier at a time."""
    rng = random_stream(seed)
    cuts = [(f + 0.5) / size for f in range(size)]
    gaps = []
    for _ in range(replications):
        sample = [rng.random() for _ in range(n)]
        largest = -1.0
        for cut in cuts:
            errors = 0
            for x in sample:
                if (x > cut) != (x > 0.5):
                    errors += 1
            largest = max(largest, abs(cut - 0.5) - errors / n)
        gaps.append(largest)
    return gaps


def random_stream(seed: int) -> np.random.Generator:
    return np.random.default_rng(seed)


def duel(
    question: str,
    loop: Callable[[], object],
    kernel: Callable[[], object],
    repetitions: int,
    equal: Callable[[object, object], bool] = lambda first, second: first == second,
    simulations: int | None = None,
) -> Duel:
    """Time both in turn after a warm-up each, whose answers are compared."""
    agreed = equal(loop(), kernel())
    times: tuple[list[float], list[float]] = ([], [])
    for _ in range(repetitions):
        for contestant, record in zip((loop, kernel), times, strict=True):
            start = time.perf_counter()
            contestant()
            record.append(time.perf_counter() - start)
    loop_seconds, kernel_seconds = (statistics.median(record) for record in times)
    return Duel(question, loop_seconds, kernel_seconds, agreed, simulations)


def same_gaps(first: object, second: object) -> bool:
    """Equal in every replication: dyadic losses, n a power of two, so no rounding in the means."""
    return bool(np.array_equal(np.asarray(first), np.asarray(second)))


def duels(repetitions: int) -> list[Duel]:
    three, tent = three_point_class(), tent_class()
    thresholds = threshold_class(64)
    return [
        duel(
            "exact: eps(N), CVaR; three hypotheses, three points, N=80",
            lambda: looped_gap(three, 80),
            lambda: kernel_values(gap_law(three, 80)),
            repetitions,
        ),
        duel(
            "exact: eps_inf, CVaR; tent, w=1/2, n=80",
            lambda: looped_limit_gap(tent, 80, Fraction(1, 2)),
            lambda: kernel_values(mixup_limit_gap_law(tent, 80, "1/2", EIGHTHS_MIXING)),
            repetitions,
        ),
        duel(
            "Monte Carlo: gaps; finite law, three hypotheses, n=256",
            lambda: looped_finite_simulation(three, 256, 4000, seed=1),
            lambda: simulate_finite_gaps(three, 256, 4000, random_stream(1)),
            repetitions,
            same_gaps,
            simulations=4000,
        ),
        duel(
            "Monte Carlo: gaps; continuous law, 64 thresholds, n=64",
            lambda: looped_simulation(64, 64, 500, seed=1),
            lambda: simulate_gaps(thresholds, 64, 500, random_stream(1)),
            repetitions,
            same_gaps,
            simulations=500,
        ),
    ]


def random_class(size: int) -> FiniteClass:
    """`size` hypotheses with losses in quarters on four points."""
    rng = np.random.default_rng(size)
    law = FiniteLaw.of({0: "1/2", 1: "1/4", 2: "1/8", 3: "1/8"})
    losses = tuple(
        TableLoss.of({k: Fraction(int(g), 4) for k, g in enumerate(row)})
        for row in rng.integers(5, size=(size, 4))
    )
    return FiniteClass(law, losses, Fraction(1))


def growth(repetitions: int) -> list[Growth]:
    """Measure how the kernels' cost grows with N, with |H| and with the replications."""

    def measured(call: Callable[[], object]) -> float:
        call()
        times = []
        for _ in range(repetitions):
            start = time.perf_counter()
            call()
            times.append(time.perf_counter() - start)
        return statistics.median(times)

    rows = []
    three = three_point_class()
    for n in (25, 50, 100, 200):
        seconds = measured(lambda n=n: kernel_values(gap_law(three, n)))  # type: ignore[misc]
        rows.append(Growth("exact eps(N)", "N", n, type_count(n, 3), seconds))
    for size in (1, 4, 16, 64, 256):
        problem = random_class(size)
        seconds = measured(lambda p=problem: kernel_values(gap_law(p, 30)))  # type: ignore[misc]
        rows.append(Growth("exact eps(30)", "|H|", size, size * type_count(30, 4), seconds))
    for size in (1, 4, 16, 64):
        thresholds = threshold_class(size)
        seconds = measured(lambda p=thresholds: simulate_gaps(p, 64, 2_000, random_stream(1)))  # type: ignore[misc]
        rows.append(Growth("simulated gaps, n=64", "|H|", size, size * 128_000, seconds))
    thresholds = threshold_class(16)
    for count in (1_000, 10_000, 100_000):
        seconds = measured(lambda r=count: simulate_gaps(thresholds, 64, r, random_stream(1)))  # type: ignore[misc]
        rows.append(Growth("simulated gaps, n=64", "replications", count, 1024 * count, seconds))
    return rows


def main() -> None:
    parser = argparse.ArgumentParser(description="Benchmark of the theory's kernels.")
    parser.add_argument("--json", type=Path, help="also write the numbers to this file")
    parser.add_argument("--repetitions", type=int, default=5, help="timed runs of each contestant")
    arguments = parser.parse_args()
    contests, costs = duels(arguments.repetitions), growth(arguments.repetitions)
    print(f"{'question':<64} {'loop s':>9} {'kernel s':>9} {'speedup':>8}  equal")
    for row in contests:
        print(
            f"{row.question:<64} {row.loop_seconds:9.4f} {row.kernel_seconds:9.5f} "
            f"{row.speedup:7.0f}x  {'yes' if row.equal else 'NO'}"
        )
    print(f"\n{'kernel':<24} {'varied':<14} {'size':>8} {'work':>12} {'seconds':>10}")
    for cost in costs:
        print(
            f"{cost.kernel:<24} {cost.varied:<14} {cost.size:>8} {cost.work:>12} "
            f"{cost.seconds:10.5f}"
        )
    if arguments.json:
        document = {
            "duels": [asdict(row) | {"speedup": row.speedup} for row in contests],
            "growth": [asdict(cost) for cost in costs],
        }
        arguments.json.write_text(json.dumps(document, indent=2, allow_nan=False) + "\n")


if __name__ == "__main__":
    main()
