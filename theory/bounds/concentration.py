"""Concentration bounds on a mean: Hoeffding, Bernstein, empirical Bernstein, McDiarmid.

Each inequality comes twice. `*_limit` takes samples along the last axis of an array of any shape
and returns the limits alone, for simulations; the plain name takes one sample and returns a
`Bound`. Bounds from below are bounds from above on the mirrored sample. The target is the common
mean of the observations: for the losses of a fixed predictor, its generalization risk.
"""

from collections.abc import Callable
from functools import partial
from math import inf, log, sqrt

import numpy as np
import numpy.typing as npt

from theory.bounds.bound import Bound, checked_delta
from theory.bounds.losses import FloatArray, checked_batch, from_unit, to_unit
from theory.bounds.mean_bound import MeanBound
from theory.errors import TheoryInputError


def hoeffding_radius(n: float, delta: float, width: float = 1.0) -> float:
    """Return width sqrt(log(1/delta) / (2n)), for observations in an interval of this width.

    Raises:
        TheoryInputError: delta outside [1e-300, 1).
    """
    return width * sqrt(log(1.0 / checked_delta(delta)) / (2.0 * n))


def bernstein_radius(n: float, delta: float, variance: float, width: float = 1.0) -> float:
    """Return sqrt(2 variance log(1/delta) / n) + width log(1/delta) / (3n), the variance known.

    width: no observation is further than this from the mean (Boucheron, Lugosi and Massart 2013,
    corollary 2.11).

    Raises:
        TheoryInputError: delta outside [1e-300, 1).
    """
    return bernstein_deviation(n, log(1.0 / checked_delta(delta)), variance, width)


def bernstein_deviation(n: float, budget: float, variance: float, width: float = 1.0) -> float:
    """Return `bernstein_radius` at log(1/delta) = budget, which a union over a class may make."""
    return sqrt(2.0 * variance * budget / n) + width * budget / (3.0 * n)


def hoeffding_limit(
    observations: npt.ArrayLike,
    delta: float,
    loss_bound: float = 1.0,
    *,
    lowest: float = 0.0,
    lower: bool = False,
) -> FloatArray:
    """Return Hoeffding's bound of each sample: observations (..., n), result (...,).

    Raises:
        TheoryInputError: delta outside (0, 1), or observations outside [lowest, loss_bound].
    """

    def limit(unit: FloatArray) -> FloatArray:
        above: FloatArray = unit.mean(axis=-1) + hoeffding_radius(unit.shape[-1], delta)
        return above

    return _rescaled(limit, observations, delta, loss_bound, lowest, lower)


def bernstein_limit(
    observations: npt.ArrayLike,
    delta: float,
    variance: float,
    loss_bound: float = 1.0,
    *,
    lowest: float = 0.0,
    lower: bool = False,
) -> FloatArray:
    """Return Bernstein's bound of each sample, the variance of one observation being known.

    observations: (..., n); variance: in squared units of the observations, at most
    (loss_bound - lowest)²/4; result (...,).

    Raises:
        TheoryInputError: delta outside (0, 1), observations outside [lowest, loss_bound], or a
            variance that no distribution on that range has.
    """
    width = loss_bound - lowest
    if not 0.0 <= variance <= 0.25 * width**2:
        raise TheoryInputError(
            f"the variance is {variance!r}, but a law on [{lowest!r}, {loss_bound!r}] has one "
            f"between 0 and {0.25 * width**2!r}; give the variance, not the standard deviation"
        )

    def limit(unit: FloatArray) -> FloatArray:
        n = unit.shape[-1]
        above: FloatArray = unit.mean(axis=-1) + bernstein_radius(n, delta, variance / width**2)
        return above

    return _rescaled(limit, observations, delta, loss_bound, lowest, lower)


def empirical_bernstein_limit(
    observations: npt.ArrayLike,
    delta: float,
    loss_bound: float = 1.0,
    *,
    lowest: float = 0.0,
    lower: bool = False,
) -> FloatArray:
    """Return the empirical Bernstein bound of each sample: observations (..., n), result (...,).

    mean + sqrt(2 V log(2/delta) / n) + 7 log(2/delta) / (3 (n-1)), V the unbiased sample variance
    (Maurer and Pontil 2009, theorem 4). One observation says nothing about a variance, so the
    bound of a sample with n = 1 is infinite.

    Raises:
        TheoryInputError: delta outside (0, 1), or observations outside [lowest, loss_bound].
    """

    def limit(unit: FloatArray) -> FloatArray:
        n = unit.shape[-1]
        mean: FloatArray = unit.mean(axis=-1)
        if n == 1:
            return np.full_like(mean, inf)
        budget = log(2.0 / delta)
        variance = unit.var(axis=-1, ddof=1)
        above: FloatArray = (
            mean + np.sqrt(2.0 * variance * budget / n) + 7.0 * budget / (3.0 * (n - 1))
        )
        return above

    return _rescaled(limit, observations, delta, loss_bound, lowest, lower)


hoeffding = MeanBound(hoeffding_limit, name="Hoeffding", source="Hoeffding (1963)")
empirical_bernstein = MeanBound(
    empirical_bernstein_limit,
    name="empirical Bernstein",
    source="Maurer and Pontil (2009), theorem 4, one-sided",
)


def bernstein(
    observations: npt.ArrayLike,
    delta: float,
    variance: float,
    loss_bound: float = 1.0,
    *,
    lowest: float = 0.0,
    lower: bool = False,
) -> Bound:
    """Return Bernstein's bound on the mean of one sample of shape (n,), its variance known.

    Raises:
        TheoryInputError: as `bernstein_limit`.
    """
    bound = MeanBound(
        partial(bernstein_limit, variance=variance),
        name="Bernstein",
        source="Boucheron, Lugosi and Massart (2013), corollary 2.11",
        further=("the variance is known and was not estimated from these observations",),
    )
    return bound(observations, delta, loss_bound, lowest=lowest, lower=lower)


def mcdiarmid(value: float, delta: float, differences: npt.ArrayLike, loss_bound: float) -> Bound:
    """Bound the expectation of a function of independent variables by one value of it.

    E f <= f + sqrt(log(1/delta) sum c_i² / 2), where replacing the i-th variable changes f by at
    most c_i. differences: the c_i, shape (n,); loss_bound: the largest value f can take.

    Raises:
        TheoryInputError: delta outside (0, 1), or a difference that is negative or not finite.
    """
    changes = np.asarray(differences, dtype=np.float64)
    if changes.ndim != 1 or changes.size == 0 or not bool(np.all(np.isfinite(changes))):
        raise TheoryInputError(
            f"the bounded differences have shape {changes.shape}; give one finite number for each "
            "independent variable"
        )
    if bool(np.any(changes < 0.0)):
        raise TheoryInputError(
            f"bounded difference {int(np.argmin(changes))} is {float(changes.min())!r}; a largest "
            "change cannot be negative"
        )
    radius = sqrt(0.5 * log(1.0 / checked_delta(delta)) * float(np.sum(changes**2)))
    return Bound(
        value=value + radius,
        delta=delta,
        n=changes.size,
        loss_bound=loss_bound,
        name="McDiarmid",
        assumptions=(
            "the variables are independent",
            "replacing one variable changes the function by at most its bounded difference",
        ),
        source="McDiarmid (1989)",
    )


def _rescaled(
    limit: Callable[[FloatArray], FloatArray],
    observations: npt.ArrayLike,
    delta: float,
    loss_bound: float,
    lowest: float,
    lower: bool,
) -> FloatArray:
    checked_delta(delta)
    values = checked_batch(observations, loss_bound, lowest=lowest, name="observations")
    unit = to_unit(values, lowest, loss_bound, mirrored=lower)
    return from_unit(limit(unit), lowest, loss_bound, mirrored=lower)
