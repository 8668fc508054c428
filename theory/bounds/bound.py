"""The result of every bound of the suite: a value together with everything it rests on."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import fsum, isclose, isfinite

from theory.errors import TheoryInputError

# Below these, quotients and tails leave what a double can hold: log(1/5e-324) is infinite.
SMALLEST_DELTA = 1e-300
LOSS_BOUNDS = (1e-100, 1e100)
# Counts above this, and classes above that, are slips of the keyboard.
LARGEST_COUNT = 10**15
LARGEST_CLASS = 10**200

INDEPENDENT_BOUNDED = (
    "the observations are independent draws of one law, unused in training and selection",
    "every observation lies in the declared range",
)


@dataclass(frozen=True, slots=True)
class Bound:
    """One confidence statement "with probability at least 1 - delta, target <= value".

    value: the bound, in the unit of the losses. It is never clipped to the trivial value, so that
        two bounds can be compared even where both say nothing.
    delta: the probability this statement may fail with, everything it unites included.
    n: the number of independent observations it rests on.
    loss_bound: M, the largest value a loss can take.
    name: the inequality in a word or two.
    assumptions: what must be true of the data for the statement to hold.
    source: where the inequality is stated and proved.
    trivial: the value below (upper bound) or above (lower bound) which the statement says
        something at all; None stands for M in an upper bound and 0 in a lower one.
    lower: True when the statement reads "target >= value".
    """

    value: float
    delta: float
    n: int
    loss_bound: float
    name: str
    assumptions: tuple[str, ...]
    source: str
    trivial: float | None = None
    lower: bool = False

    @property
    def vacuous(self) -> bool:
        """True when the statement excludes nothing that the range of the losses allows."""
        if self.lower:
            return not self.value > (0.0 if self.trivial is None else self.trivial)
        return not self.value < (self.loss_bound if self.trivial is None else self.trivial)


@dataclass(frozen=True, slots=True)
class Interval:
    """Two one-sided bounds that hold together with probability at least 1 - delta."""

    lower: Bound
    upper: Bound

    @property
    def delta(self) -> float:
        """The union of what the two sides spend."""
        return spent((self.lower, self.upper))

    @property
    def width(self) -> float:
        """Upper minus lower value."""
        return self.upper.value - self.lower.value


def spent(bounds: Sequence[Bound]) -> float:
    """The probability that at least one of the bounds fails is at most this sum (union bound)."""
    return fsum(bound.delta for bound in bounds)


def assert_union(bounds: Sequence[Bound], delta: float) -> None:
    """Assert that the bounds, taken together, spend exactly delta (to rounding).

    A breach is an error of the program and not of its user, hence an AssertionError: somebody
    divided the budget wrongly, spent it twice or left a part of it unused.
    """
    total = spent(bounds)
    if not isclose(total, delta, rel_tol=1e-9, abs_tol=0.0):
        raise AssertionError(f"the bounds spend {total!r} together but the budget is {delta!r}")


def checked_delta(delta: float, name: str = "delta") -> float:
    """Return delta, an allowed failure probability, or raise if it is outside [1e-300, 1).

    Raises:
        TheoryInputError: delta is not a number between `SMALLEST_DELTA` and 1, or is 1.
    """
    if not 0.0 < delta < 1.0:
        raise TheoryInputError(
            f"{name} is {delta!r}, but a failure probability lies strictly between 0 and 1; "
            "give for example 0.05"
        )
    if delta < SMALLEST_DELTA:
        raise TheoryInputError(
            f"{name} is {delta!r}, below {SMALLEST_DELTA:g}, the smallest failure probability "
            "that is computed with; give a larger one, or share it among fewer statements"
        )
    return float(delta)


def checked_count(n: int, name: str = "n", at_least: int = 1, at_most: int = LARGEST_COUNT) -> int:
    """Return n, a number of observations, or raise if it is below what the statement needs.

    Raises:
        TheoryInputError: n is not a whole number, or not between `at_least` and `at_most`.
    """
    if n > at_most:
        raise TheoryInputError(
            f"{name} is above {at_most:.0e}, the largest that is computed with; check the number"
        )
    if not isfinite(n) or int(n) != n or n < at_least:
        raise TheoryInputError(
            f"{name} is {n!r}, but a whole number of at least {at_least} is needed; "
            "give more observations"
        )
    return int(n)


def checked_loss_bound(loss_bound: float, name: str = "loss bound M") -> float:
    """Return M, or raise if it is not positive, not finite or beyond what is computed with.

    Raises:
        TheoryInputError: M is not a number within `LOSS_BOUNDS`.
    """
    if not (isfinite(loss_bound) and loss_bound > 0.0):
        raise TheoryInputError(
            f"{name} is {loss_bound!r}, but it must be positive and finite; declare the largest "
            "value the loss can take, or clip the loss first"
        )
    lowest, highest = LOSS_BOUNDS
    if not lowest <= loss_bound <= highest:
        raise TheoryInputError(
            f"{name} is {loss_bound!r}, outside [{lowest:g}, {highest:g}]; give the loss in "
            "another unit"
        )
    return float(loss_bound)
