"""The shape of a check, and the error budget of those that draw random numbers.

A Monte Carlo check must not fail by chance: with B replications, "P <= δ" is refuted only by a
count k >= k₀, the least count with P(Bin(B, δ) >= k₀) <= 5e-8; "P > δ" is accepted only when the
one-sided Clopper-Pearson lower limit at that level exceeds δ; the mean of B variables in [0, 1]
must lie within √(log(4e7)/(2B)) of its value. At most 19 such tests keep the chance of any false
alarm in a whole run below one in a million.
"""

from collections.abc import Callable
from dataclasses import dataclass
from math import log, sqrt

from scipy.stats import binom

from theory.bounds.binomial import clopper_pearson_limit

FALSE_ALARM = 5e-8
MOST_RANDOM_TESTS = 19
REPLICATIONS = 20_000


@dataclass(frozen=True)
class Effort:
    """The size of the checks: the default, or the larger sizes of a thorough run."""

    thorough: bool = False

    @property
    def replications(self) -> int:
        """B of the Monte Carlo tests; only the default size reproduces the seeded counts."""
        return 5 * REPLICATIONS if self.thorough else REPLICATIONS

    def pick(self, default: int, thorough: int) -> int:
        """One of two sizes."""
        return thorough if self.thorough else default


@dataclass(frozen=True)
class Outcome:
    """The values a check measured and expected, and whether they agree."""

    measured: str
    expected: str
    passed: bool


@dataclass(frozen=True)
class Check:
    """One verification: `checked` says how (exactly, by quadrature, by simulation, …).

    `random_tests` is how many tests of the error budget it spends.
    """

    id: str
    statement: str
    checked: str
    run: Callable[[Effort], Outcome]
    random_tests: int = 0


@dataclass(frozen=True)
class CheckResult:
    """A check that was run."""

    id: str
    statement: str
    checked: str
    measured: str
    expected: str
    passed: bool
    seconds: float

    @property
    def verdict(self) -> str:
        return "PASS" if self.passed else "FAIL"


def rejection_count(replications: int, probability: float) -> int:
    """k₀: the least k with P(Bin(B, probability) >= k) <= 5e-8."""
    k = int(binom.isf(FALSE_ALARM, replications, probability))
    # isf answers the least k with P(Bin > k) <= level, hence k + 1; step to be sure of rounding.
    while binom.sf(k - 1, replications, probability) > FALSE_ALARM:
        k += 1
    while binom.sf(k - 2, replications, probability) <= FALSE_ALARM:
        k -= 1
    return k


def at_most(count: int, replications: int, delta: float) -> Outcome:
    """Outcome of "P <= δ" after `count` events: refuted iff count >= k₀."""
    limit = rejection_count(replications, delta)
    return Outcome(
        f"{count} of {replications}", f"fewer than {limit} (P <= {delta:g})", count < limit
    )


def more_than(count: int, replications: int, delta: float) -> Outcome:
    """Outcome of "P > δ": the Clopper-Pearson lower limit at level 1 - 5e-8 must exceed δ."""
    lower = float(clopper_pearson_limit(count, replications, FALSE_ALARM, lower=True))
    return Outcome(f"{count} of {replications}, P >= {lower:.4f}", f"P > {delta:g}", lower > delta)


def mean_tolerance(replications: int, width: float = 1.0) -> float:
    """Two-sided tolerance at level 5e-8 for the mean of variables in an interval of this width."""
    return width * sqrt(log(2 / FALSE_ALARM) / (2 * replications))


def all_equal(measured: object, expected: object) -> Outcome:
    """Outcome of an exact comparison."""
    return Outcome(str(measured), str(expected), measured == expected)


def close(measured: float, expected: float, tolerance: float, digits: int = 10) -> Outcome:
    """Outcome of a comparison within an absolute tolerance."""
    return Outcome(
        f"{measured:.{digits}g}",
        f"{expected:.{digits}g} ± {tolerance:.0e}",
        abs(measured - expected) <= tolerance,
    )


def within(measured: float, bound: float, digits: int = 6) -> Outcome:
    """Outcome of "measured <= bound"."""
    return Outcome(f"{measured:.{digits}g}", f"<= {bound:.{digits}g}", measured <= bound)
