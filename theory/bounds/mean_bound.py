"""Bounds on the mean of one sample, and what is built from any of them: intervals, comparisons."""

from dataclasses import dataclass
from typing import Protocol

import numpy.typing as npt

from theory.bounds.bound import (
    INDEPENDENT_BOUNDED,
    Bound,
    Interval,
    assert_union,
    checked_delta,
)
from theory.bounds.losses import FloatArray, checked_losses, paired_differences


class MeanLimit(Protocol):
    """The limits of samples along the last axis: the numbers of a `MeanBound`, and nothing else."""

    def __call__(
        self,
        observations: npt.ArrayLike,
        delta: float,
        *,
        loss_bound: float,
        lowest: float,
        lower: bool,
    ) -> FloatArray:
        """Return the limits, shape (...,), of observations of shape (..., n)."""
        ...


@dataclass(frozen=True)
class MeanBound:
    """A bound on the mean of one sample in [lowest, loss_bound], from above or from below.

    Attributes:
        limit: what it computes.
        name: as reports show it.
        source: the reference.
        further: assumptions beyond independent observations in the declared range.
    """

    limit: MeanLimit
    name: str
    source: str
    further: tuple[str, ...] = ()

    def __call__(
        self,
        observations: npt.ArrayLike,
        delta: float,
        loss_bound: float = 1.0,
        *,
        lowest: float = 0.0,
        lower: bool = False,
    ) -> Bound:
        """Return the limit of one sample of shape (n,) with everything it rests on.

        Raises:
            TheoryInputError: delta outside (0, 1), observations that are no vector or lie outside
                [lowest, loss_bound].
        """
        values = checked_losses(observations, loss_bound, lowest=lowest, name="observations")
        value = self.limit(values, delta, loss_bound=loss_bound, lowest=lowest, lower=lower)
        return Bound(
            value=float(value),
            delta=delta,
            n=values.size,
            loss_bound=loss_bound,
            name=self.name,
            assumptions=(*INDEPENDENT_BOUNDED, *self.further),
            source=self.source,
            trivial=lowest if lower else loss_bound,
            lower=lower,
        )


def two_sided(
    method: MeanBound,
    observations: npt.ArrayLike,
    delta: float,
    loss_bound: float = 1.0,
    *,
    lowest: float = 0.0,
) -> Interval:
    """Return an interval for the mean, each side at delta/2.

    Raises:
        TheoryInputError: as the method.
    """
    half = checked_delta(delta) / 2.0
    interval = Interval(
        lower=method(observations, half, loss_bound, lowest=lowest, lower=True),
        upper=method(observations, half, loss_bound, lowest=lowest),
    )
    assert_union((interval.lower, interval.upper), delta)
    return interval


def paired(
    method: MeanBound,
    first: npt.ArrayLike,
    second: npt.ArrayLike,
    delta: float,
    loss_bound: float = 1.0,
    *,
    lower: bool = False,
) -> Bound:
    """Bound R(first) - R(second) from the losses of two methods on the same examples, (n,) each.

    The differences lie in [-M, M], an interval twice as wide as that of the losses, but what the
    two methods share cancels in them.

    Raises:
        TheoryInputError: different numbers of examples, or as the method.
    """
    differences = paired_differences(first, second, loss_bound)
    return method(differences, delta, loss_bound, lowest=-loss_bound, lower=lower)
