"""The generalization gap R(f) - R_S(f) with an interval, and the paired gap of two methods.

The estimate is the mean loss on held-out examples minus that on the training examples. Three
intervals are offered, and each counts the uncertainty of both samples:

* ``hoeffding`` and ``empirical_bernstein`` hold at every sample size for losses of a fixed
  predictor on two independent samples. For a predictor that was fitted to the training sample the
  target is the realised gap R(f) - R_S(f), whose second part is then known: the held-out sample
  alone would do, and both intervals, being wider than the one it gives, remain valid.
* ``welch`` is asymptotic: it rests on the normal approximation, not on the range of the losses.
"""

from dataclasses import dataclass
from enum import StrEnum
from math import log, sqrt

import numpy as np
import numpy.typing as npt
from scipy.stats import norm

from theory.bounds.bound import Bound, Interval, assert_union, checked_delta
from theory.bounds.losses import FloatArray, checked_losses, paired_differences
from theory.errors import TheoryInputError


class GapMethod(StrEnum):
    """The ways to build the interval of a gap."""

    HOEFFDING = "hoeffding"
    EMPIRICAL_BERNSTEIN = "empirical_bernstein"
    WELCH = "welch"

    @property
    def finite_sample(self) -> bool:
        """True when the interval covers at every sample size, false when only asymptotically."""
        return self is not GapMethod.WELCH


_SOURCES = {
    GapMethod.HOEFFDING: "Hoeffding (1963), two independent samples",
    GapMethod.EMPIRICAL_BERNSTEIN: "Maurer and Pontil (2009), theorem 4, on each sample and side",
    GapMethod.WELCH: "normal approximation with Welch's standard error (asymptotic)",
}
_ASSUMPTIONS = {
    True: (
        "held-out examples are independent draws, unused in training and selection",
        "training losses are independent draws, or the realised gap of a fitted predictor is meant",
        "every loss lies in the declared range",
    ),
    False: (
        "held-out examples are independent draws, unused in training and selection",
        "both samples are large enough for the normal approximation",
    ),
}


@dataclass(frozen=True, slots=True)
class GapEstimate:
    """Held-out risk minus training risk, with an interval for the generalization gap.

    gap = held_out_risk - training_risk. The bounds of the interval carry n, the size of the smaller
    sample, and the method; `finite_sample` says whether it covers at every sample size.
    """

    gap: float
    training_risk: float
    held_out_risk: float
    n_training: int
    n_held_out: int
    method: GapMethod
    finite_sample: bool
    interval: Interval


def generalization_gap(
    training_losses: npt.ArrayLike,
    held_out_losses: npt.ArrayLike,
    delta: float,
    loss_bound: float = 1.0,
    *,
    method: GapMethod = GapMethod.HOEFFDING,
) -> GapEstimate:
    """Estimate the gap from losses (n,) on training and (m,) on held-out examples, in [0, M].

    Raises:
        TheoryInputError: delta outside (0, 1), empty, NaN or out-of-range losses, or fewer than
            two examples in a sample whose variance the method estimates.
    """
    training = checked_losses(training_losses, loss_bound, name="training losses")
    held_out = checked_losses(held_out_losses, loss_bound, name="held-out losses")
    return _gap(training, held_out, delta, 0.0, loss_bound, method)


def paired_gap_difference(
    training_losses: tuple[npt.ArrayLike, npt.ArrayLike],
    held_out_losses: tuple[npt.ArrayLike, npt.ArrayLike],
    delta: float,
    loss_bound: float = 1.0,
    *,
    method: GapMethod = GapMethod.HOEFFDING,
) -> GapEstimate:
    """Estimate gap(first) - gap(second) for two methods (first, second) on the same examples.

    It is the gap of the paired loss differences, which lie in [-M, M]; `training_risk` and
    `held_out_risk` of the result are the mean differences.

    Raises:
        TheoryInputError: the methods have different numbers of examples in a sample, or as
            `generalization_gap`.
    """
    training = paired_differences(
        *training_losses, loss_bound, names=("first training losses", "second training losses")
    )
    held_out = paired_differences(
        *held_out_losses, loss_bound, names=("first held-out losses", "second held-out losses")
    )
    return _gap(training, held_out, delta, -loss_bound, loss_bound, method)


def _gap(
    training: FloatArray,
    held_out: FloatArray,
    delta: float,
    lowest: float,
    highest: float,
    method: GapMethod,
) -> GapEstimate:
    half = checked_delta(delta) / 2.0
    gap = float(held_out.mean() - training.mean())
    radius = _radius(training, held_out, half, highest - lowest, method)
    width = highest - lowest

    def side(lower: bool) -> Bound:
        return Bound(
            value=gap - radius if lower else gap + radius,
            delta=half,
            n=min(training.size, held_out.size),
            loss_bound=highest,
            name=method.value,
            assumptions=_ASSUMPTIONS[method.finite_sample],
            source=_SOURCES[method],
            trivial=-width if lower else width,
            lower=lower,
        )

    interval = Interval(lower=side(True), upper=side(False))
    assert_union((interval.lower, interval.upper), delta)
    return GapEstimate(
        gap=gap,
        training_risk=float(training.mean()),
        held_out_risk=float(held_out.mean()),
        n_training=training.size,
        n_held_out=held_out.size,
        method=method,
        finite_sample=method.finite_sample,
        interval=interval,
    )


def _radius(
    training: FloatArray, held_out: FloatArray, side_delta: float, width: float, method: GapMethod
) -> float:
    """Half the width of the interval, each of whose sides may fail with side_delta."""
    sizes = np.array([training.size, held_out.size], dtype=np.float64)
    if method is GapMethod.HOEFFDING:
        # One inequality for the difference of the means: its n + m independent terms have ranges
        # width/n and width/m. Adding two separate bounds would cost up to sqrt(2) more.
        return width * sqrt(0.5 * log(1.0 / side_delta) * float(np.sum(1.0 / sizes)))
    if sizes.min() < 2:
        raise TheoryInputError(
            f"a sample has {int(sizes.min())} example, but {method.value} estimates a variance and "
            "needs two; use hoeffding"
        )
    variances = np.array([training.var(ddof=1), held_out.var(ddof=1)])
    if method is GapMethod.WELCH:
        return float(norm.isf(side_delta) * np.sqrt(np.sum(variances / sizes)))
    # Each side unites one statement about each sample, at half of what the side may spend.
    budget = log(2.0 / (side_delta / 2.0))
    radii = np.sqrt(2.0 * variances * budget / sizes) + 7.0 * width * budget / (3.0 * (sizes - 1.0))
    return float(np.sum(radii))
