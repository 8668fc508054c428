"""Checks of T7 and T8: coverage of the held-out certificates, and membership inference."""

from collections.abc import Callable, Sequence
from fractions import Fraction
from math import log

import numpy as np
from scipy.stats import binom

from theory.bounds.betting import betting, betting_limit, log_capital, plug_in_bets
from theory.bounds.binomial import clopper_pearson_limit, exact_paired_difference_limit
from theory.bounds.concentration import (
    empirical_bernstein,
    empirical_bernstein_limit,
    hoeffding,
    hoeffding_limit,
)
from theory.checks.case1 import counterexample_check
from theory.checks.check import (
    Check,
    Effort,
    Outcome,
    all_equal,
    rejection_count,
)
from theory.laws.membership import (
    best_advantage,
    membership_gap,
    proportional_advantage,
    threshold_advantage,
)

Array = np.ndarray[tuple[int, ...], np.dtype[np.float64]]
SIZE, LEVEL, SEED = 200, 0.1, 99


def _exact_values(effort: Effort) -> Outcome:
    cases = ((0, 100), (7, 277), (60, 872))
    limits = [float(clopper_pearson_limit(k, m, 0.05)) for k, m in cases]
    return all_equal(
        ", ".join(f"{u:.10f}" for u in limits), "0.0295130496, 0.0469402632, 0.0845973515"
    )


def _bounded_values(effort: Effort) -> Outcome:
    data = ((37 * np.arange(1, 501)) % 101) / 200
    values = [method(data, 0.05).value for method in (hoeffding, empirical_bernstein, betting)]
    return all_equal(
        ", ".join(f"{value:.10f}" for value in values), "0.3048732831, 0.2851004537, 0.2661597118"
    )


def _paired_values(effort: Effort) -> Outcome:
    # Each side of the difference already splits its δ between the two binomials.
    upper = float(exact_paired_difference_limit(40, 22, 872, 0.05))
    lower = float(exact_paired_difference_limit(40, 22, 872, 0.05, lower=True))
    return all_equal(f"{upper:.10f}, {lower:.10f}", "0.0460658286, -0.0049790988")


def _exact_coverage(effort: Effort) -> Outcome:
    grid, worst = np.arange(1, 1000) / 1000, 1.0
    for m in (5, 20, 50, *((200,) if effort.thorough else ())):
        counts = np.arange(m + 1)
        limits = clopper_pearson_limit(counts, m, 0.05)
        masses = binom.pmf(counts[None, :], m, grid[:, None])
        worst = min(worst, float(np.min((masses * (limits >= grid[:, None])).sum(axis=1))))
    return Outcome(f"least coverage {worst:.5f}", ">= 0.95", worst >= 0.95 - 1e-12)


_LAWS: dict[str, tuple[float, Callable[[np.random.Generator, tuple[int, int]], Array]]] = {
    "Bern(.1)": (0.1, lambda rng, size: (rng.random(size) < 0.1).astype(float)),
    "Beta(1,9)": (0.1, lambda rng, size: rng.beta(1, 9, size)),
    "Bern(.5)": (0.5, lambda rng, size: (rng.random(size) < 0.5).astype(float)),
    "U(0,1)": (0.5, lambda rng, size: rng.random(size)),
}


def _misses(name: str, effort: Effort) -> dict[str, int]:
    """Count how often each bound lies below the true mean.

    The betting bound misses exactly when its capital against the true mean reaches 1/δ (the
    capital is nondecreasing in the mean), which spares a search for each sample; that the two
    agree is a check of its own.
    """
    mean, draw = _LAWS[name]
    rng = np.random.default_rng(SEED)
    counts = dict.fromkeys(("betting", "Maurer-Pontil", "Hoeffding"), 0)
    for _ in range(effort.replications // 2000):
        data = draw(rng, (2000, SIZE))
        capital = log_capital(data, plug_in_bets(data, LEVEL), mean)
        counts["betting"] += int(np.sum(capital >= log(1 / LEVEL)))
        counts["Maurer-Pontil"] += int(np.sum(empirical_bernstein_limit(data, LEVEL) < mean))
        counts["Hoeffding"] += int(np.sum(hoeffding_limit(data, LEVEL) < mean))
    return counts


def _coverage(name: str) -> Check:
    def run(effort: Effort) -> Outcome:
        counts = _misses(name, effort)
        limit = rejection_count(effort.replications, LEVEL)
        return Outcome(
            ", ".join(f"{method} {count}" for method, count in counts.items()),
            f"each fewer than {limit} of {effort.replications}",
            max(counts.values()) < limit,
        )

    return Check(
        f"T7.coverage {name}", "misses of three bounds, m = 200, δ = .1",
        f"Monte Carlo, seed {SEED}", run, 3,
    )  # fmt: skip


def _betting_agrees(effort: Effort) -> Outcome:
    """The limit lies below the true mean exactly when the capital reaches 1/δ."""
    agreed = total = 0
    for mean, draw in _LAWS.values():
        data = draw(np.random.default_rng(4), (effort.pick(300, 2000), SIZE))
        by_limit = betting_limit(data, LEVEL) < mean
        by_capital = log_capital(data, plug_in_bets(data, LEVEL), mean) >= log(1 / LEVEL)
        agreed += int(np.sum(by_limit == by_capital))
        total += len(data)
    return Outcome(f"{agreed} of {total} samples", "all", agreed == total)


def _attacks(effort: Effort) -> Outcome:
    """Random pairs of loss distributions: the attacks' advantages, exactly, against the gap."""
    rng, holding = np.random.default_rng(20), 0
    total = effort.pick(200, 2000)
    for number in range(total):
        values = (0, 1) if number % 2 else range(5)
        members, fresh = (_random_losses(rng, values) for _ in range(2))
        bound = max(values)
        least = membership_gap(members, fresh) / bound
        best = best_advantage(members, fresh)
        thresholds = max(threshold_advantage(members, fresh), threshold_advantage(fresh, members))
        holding += (
            proportional_advantage(members, fresh, bound) == least
            and abs(least) <= thresholds <= best
            and (bound > 1 or best == abs(least))
        )
    return Outcome(f"{holding} of {total}", "all", holding == total)


def _random_losses(rng: np.random.Generator, values: Sequence[int]) -> dict[Fraction, Fraction]:
    counts = rng.integers(0, 10, size=len(values)) + np.eye(1, len(values), dtype=int)[0]
    total = int(counts.sum())
    return {
        Fraction(value): Fraction(int(count), total)
        for value, count in zip(values, counts, strict=True)
    }


CHECKS = (
    Check("T7.exact", "Clopper-Pearson (0,100), (7,277), (60,872)", "closed form", _exact_values),
    Check("T7.bounded", "Hoeffding, Maurer-Pontil, betting on 500 losses", "root search",
          _bounded_values),
    Check("T7.paired", "0-1 difference (40, 22, 872): upper, lower", "closed form",
          _paired_values),
    Check("T7.grid", "Clopper-Pearson covers on 999 p, m = 5, 20, 50", "exact", _exact_coverage),
    Check("T7.capital", "limit and capital agree on a miss", "4 laws", _betting_agrees),
    *(_coverage(name) for name in _LAWS),
    Check("T8.attacks", "advantage = gap/M, <= best threshold <= total variation", "exact",
          _attacks),
    counterexample_check("leak_without_gap", "T8.leak", "no gap, and yet members are told apart"),
)  # fmt: skip
