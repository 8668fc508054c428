"""Empirical risk, and the generalization risk estimated from held-out losses.

The risk R(f) of a predictor is the mean of its loss under the distribution of the data. On the
examples it was fitted to, the mean loss is the empirical risk R_S(f) and no estimate of R(f); on
held-out examples it is an unbiased one.
"""

from dataclasses import dataclass

import numpy.typing as npt

from theory.bounds.betting import betting
from theory.bounds.binomial import clopper_pearson
from theory.bounds.bound import Interval, assert_union, checked_delta
from theory.bounds.losses import checked_losses
from theory.bounds.mean_bound import MeanBound, two_sided


@dataclass(frozen=True, slots=True)
class RiskEstimate:
    """The generalization risk: its unbiased estimate and an interval at 1 - delta."""

    estimate: float
    interval: Interval


def empirical_risk(losses: npt.ArrayLike, loss_bound: float = 1.0) -> float:
    """Return the mean of the losses of shape (n,), each in [0, loss_bound].

    Raises:
        TheoryInputError: empty, NaN, or a loss outside the range.
    """
    return float(checked_losses(losses, loss_bound).mean())


def generalization_risk(
    held_out_losses: npt.ArrayLike,
    delta: float,
    loss_bound: float = 1.0,
    *,
    method: MeanBound = betting,
) -> RiskEstimate:
    """Estimate the risk from losses (n,) on examples unused in training and selection.

    method: the bound for either side at delta/2; every choice is valid in finite samples, if made
    before looking at the losses.

    Raises:
        TheoryInputError: delta outside (0, 1), empty, NaN, or a loss outside [0, loss_bound].
    """
    values = checked_losses(held_out_losses, loss_bound, name="held-out losses")
    return RiskEstimate(
        estimate=empirical_risk(values, loss_bound),
        interval=two_sided(method, values, delta, loss_bound),
    )


def zero_one_risk(held_out_losses: npt.ArrayLike, delta: float) -> RiskEstimate:
    """Estimate the error probability from 0-1 losses (n,), with the exact binomial interval.

    Raises:
        TheoryInputError: delta outside (0, 1), empty, or a loss other than 0 and 1.
    """
    half = checked_delta(delta) / 2.0
    interval = Interval(
        lower=clopper_pearson(held_out_losses, half, lower=True),
        upper=clopper_pearson(held_out_losses, half),
    )
    assert_union((interval.lower, interval.upper), delta)
    return RiskEstimate(estimate=empirical_risk(held_out_losses), interval=interval)
