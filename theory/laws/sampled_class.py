"""Finite classes of vectorised losses under distributions that can be sampled."""

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from theory.bounds.bound import checked_count, checked_delta, checked_loss_bound
from theory.errors import TheoryInputError
from theory.laws.finite_laws import FiniteClass, FiniteLaw
from theory.laws.mixing_coefficient import MixingLaw

FloatArray = NDArray[np.float64]
Sampler = Callable[[np.random.Generator, int], FloatArray]
"""(rng, count) -> `count` independent points, of shape (count, *point_shape)."""
VectorLoss = Callable[[FloatArray], FloatArray]
"""Points of shape (count, *point_shape) -> losses of shape (count,)."""

CHUNK_VALUES = 1 << 18


@dataclass(frozen=True)
class SampledClass:
    """A finite class under a distribution that can be sampled.

    Attributes:
        sampler: draws independent points of the law.
        losses: the vectorised losses g_f, each in [0, loss_bound].
        risks: the true risks R(f), of shape (|H|,).
        loss_bound: M.
        risk_error: a bound on |risks - true risks|, simultaneous over the class.
        risk_failure: the probability with which that bound may fail.

    Raises TheoryInputError for an empty class or risks of another shape.
    """

    sampler: Sampler
    losses: tuple[VectorLoss, ...]
    risks: FloatArray
    loss_bound: float
    risk_error: float = 0.0
    risk_failure: float = 0.0

    def __post_init__(self) -> None:
        checked_loss_bound(self.loss_bound)
        if not self.losses or np.shape(self.risks) != (len(self.losses),):
            raise TheoryInputError(
                f"the class has {len(self.losses)} losses and risks of shape "
                f"{np.shape(self.risks)}; give one risk for each loss, and at least one loss."
            )

    @property
    def size(self) -> int:
        """|H|."""
        return len(self.losses)

    @classmethod
    def of_finite(cls, problem: FiniteClass) -> "SampledClass":
        """The same distribution and class in floating point, with the exact risks.

        Raises TheoryInputError when a loss has no vectorised `values` method, as
        PiecewisePolynomial and TableLoss have.
        """
        losses = tuple(getattr(loss, "values", None) for loss in problem.losses)
        if not all(callable(loss) for loss in losses):
            raise TheoryInputError(
                f"loss function {losses.index(None)} has no method `values`; give a "
                "PiecewisePolynomial or a TableLoss, or build the SampledClass by hand."
            )
        return cls(
            sampler=law_sampler(problem.law),
            losses=tuple(loss for loss in losses if loss is not None),
            risks=np.array([float(risk) for risk in problem.risks()]),
            loss_bound=float(problem.loss_bound),
        )

    @classmethod
    def with_estimated_risks(
        cls,
        sampler: Sampler,
        losses: tuple[VectorLoss, ...],
        loss_bound: float,
        *,
        draws: int,
        rng: np.random.Generator,
        failure: float,
    ) -> "SampledClass":
        """A class whose risks are means over `draws` fresh points.

        Their error is at most M sqrt(log(2|H|/failure)/(2 draws)), simultaneously over the class,
        with probability >= 1-failure (Hoeffding and the union); `summarise_gaps` counts it in.
        """
        checked_loss_bound(loss_bound)
        checked_delta(failure, "failure")
        totals = np.zeros(len(losses))
        for count in chunks(checked_count(draws, "draws"), len(losses)):
            totals += checked_loss_values(losses, sampler(rng, count), loss_bound).sum(axis=1)
        error = loss_bound * math.sqrt(math.log(2 * len(losses) / failure) / (2 * draws))
        return cls(sampler, losses, totals / draws, loss_bound, error, failure)


def law_sampler(law: FiniteLaw) -> Sampler:
    """Inverse distribution function of a finite distribution: one uniform number a point."""
    points = np.array([float(x) for x in law.points])
    cumulative = np.cumsum([float(p) for p in law.probabilities])[:-1]

    def sample(rng: np.random.Generator, count: int) -> FloatArray:
        result: FloatArray = points[np.searchsorted(cumulative, rng.random(count), side="right")]
        return result

    return sample


def mixed_sampler(sampler: Sampler, mixing: MixingLaw) -> Sampler:
    """The distribution p_mix of lambda x + (1-lambda) x~ with independent x, x~ and lambda."""

    def sample(rng: np.random.Generator, count: int) -> FloatArray:
        first, second = sampler(rng, count), sampler(rng, count)
        coefficient = mixing.sample(rng, count).reshape((count,) + (1,) * (first.ndim - 1))
        return coefficient * first + (1 - coefficient) * second

    return sample


def chunks(replications: int, values_each: int) -> Iterator[int]:
    """Numbers of replications whose `values_each` floats each fit the cache together."""
    size = max(CHUNK_VALUES // values_each, 1)
    for start in range(0, replications, size):
        yield min(size, replications - start)


def checked_loss_values(
    losses: tuple[VectorLoss, ...], points: FloatArray, loss_bound: float
) -> FloatArray:
    """All losses at the points, of shape (|H|, count), checked to lie in [0, M].

    Raises TheoryInputError for a loss of another shape, outside [0, M] or NaN.
    """
    values = np.empty((len(losses), len(points)))
    slack = 1e-9 * loss_bound  # rounding at the ends of the range is no violation
    for f, loss in enumerate(losses):
        row = loss(points)
        if np.shape(row) != (len(points),):
            raise TheoryInputError(
                f"loss function {f} has shape {np.shape(row)} on {len(points)} points; it must "
                "return one number for each point."
            )
        values[f] = row
    # NaN fails both comparisons; the costlier search for the culprit runs only when there is one.
    if not (values.min() >= -slack and values.max() <= loss_bound + slack):
        bad = ~((values >= -slack) & (values <= loss_bound + slack))
        f, index = (int(i) for i in np.argwhere(bad)[0])
        raise TheoryInputError(
            f"loss function {f} is {values[f, index]} at point {points[index]}, outside "
            f"[0, {loss_bound}]; clip the loss or raise loss_bound."
        )
    return values
