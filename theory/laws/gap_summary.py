"""The minimal gap from a simulation: estimates with intervals of a stated failure."""

import math
from dataclasses import dataclass

import numpy as np
from scipy import stats

from theory.bounds.binomial import clopper_pearson_limit
from theory.bounds.bound import checked_delta
from theory.bounds.concentration import empirical_bernstein_limit
from theory.errors import TheoryInputError
from theory.laws.sampled_class import FloatArray, SampledClass


@dataclass(frozen=True)
class Estimate:
    """A Monte Carlo value with a two-sided interval."""

    value: float
    lower: float
    upper: float


@dataclass(frozen=True)
class SimulatedGap:
    """The gap's distribution from a simulation.

    Attributes:
        minimal_gap: the (1-delta)-quantile eps(N, delta), between order statistics.
        cvar: CVaR_delta, never below the minimal gap.
        mean: E Delta.
        delta: the level of the quantile and of the CVaR.
        replications: the number of simulated gaps.
        failure: the probability that any of the three intervals misses, risks' error included.
    """

    minimal_gap: Estimate
    cvar: Estimate
    mean: Estimate
    delta: float
    replications: int
    failure: float


def summarise_gaps(
    gaps: FloatArray, problem: SampledClass, delta: float, *, failure: float = 0.01
) -> SimulatedGap:
    """Minimal gap, CVaR and mean of simulated gaps, jointly valid with probability >= 1-failure.

    A third of `failure` goes to each: `quantile_interval` for the quantile, `cvar_interval` for
    the CVaR, two one-sided Maurer-Pontil bounds on [-M, M] for the mean. If the risks were
    estimated, every interval is widened by their error and their failure probability is added.

    Raises TheoryInputError for fewer than four gaps, NaN, gaps outside [-M, M], or levels outside
    (0, 1).
    """
    checked_delta(delta)
    checked_delta(failure, "failure")
    gaps = np.asarray(gaps, dtype=np.float64)
    if gaps.ndim != 1 or gaps.size < 4 or not np.isfinite(gaps).all():
        raise TheoryInputError(
            f"gaps has shape {gaps.shape} and {int(np.isnan(gaps).sum())} NaN; at least four "
            "finite simulated gaps in one row are needed."
        )
    share, bound, widening = failure / 3, problem.loss_bound, problem.risk_error
    if np.abs(gaps).max() > bound * (1 + 1e-9):
        raise TheoryInputError(
            f"a gap is {gaps[np.abs(gaps).argmax()]}, but gaps of losses in [0, {bound}] lie in "
            f"[-{bound}, {bound}]; pass the class that the gaps were simulated from."
        )
    gaps = np.clip(gaps, -bound, bound)  # of rounding only

    def widened(value: float, lower: float, upper: float) -> Estimate:
        return Estimate(value, max(lower - widening, -bound), min(upper + widening, bound))

    ordered = np.sort(gaps)
    value = _empirical_quantile(ordered, delta)
    minimal_gap = widened(value, *quantile_interval(ordered, delta, bound, share))
    mean = widened(
        float(gaps.mean()),
        _mean_limit(gaps, -bound, bound, share / 2, lower=True),
        _mean_limit(gaps, -bound, bound, share / 2, lower=False),
    )
    cvar_value = value + float(np.maximum(gaps - value, 0.0).mean()) / delta
    return SimulatedGap(
        minimal_gap=minimal_gap,
        cvar=widened(cvar_value, *cvar_interval(gaps, delta, bound, share)),
        mean=mean,
        delta=delta,
        replications=gaps.size,
        failure=failure + problem.risk_failure,
    )


def quantile_interval(
    ordered: FloatArray, delta: float, loss_bound: float, failure: float
) -> tuple[float, float]:
    """Order statistics that hold the (1-delta)-quantile with probability >= 1-failure.

    X_(l) <= q unless at most l-1 of B gaps are <= q, and each is with probability >= 1-delta;
    X_(u) >= q unless u gaps are < q, and each is with probability <= 1-delta. Where no order
    statistic is safe, the end of [-M, M] stands in. `ordered` must be sorted.
    """
    size = ordered.size
    # ppf(failure/2) is the least k with P(Bin <= k) >= failure/2, so P(Bin <= k-1) < failure/2.
    lower_rank = int(stats.binom.ppf(failure / 2, size, 1 - delta))
    # isf(failure/2) is the least k with P(Bin > k) <= failure/2, i.e. P(Bin >= k+1) <= failure/2.
    upper_rank = int(stats.binom.isf(failure / 2, size, 1 - delta)) + 1
    lower = float(ordered[lower_rank - 1]) if lower_rank >= 1 else -loss_bound
    upper = float(ordered[upper_rank - 1]) if upper_rank <= size else loss_bound
    return lower, upper


def cvar_interval(
    gaps: FloatArray, delta: float, loss_bound: float, failure: float
) -> tuple[float, float]:
    """An interval that holds CVaR_delta with probability >= 1-failure, for gaps in [-M, M].

    The first half of the gaps yields an estimate t of the quantile q and an interval [l, u] for
    it; the second half bounds expectations at these then fixed points. phi(t) = t +
    E(Delta-t)_+/delta is convex with minimum CVaR at q, and its slope left of u is
    1 - P(Delta>=u)/delta, so that
        CVaR <= phi(t)   and   CVaR >= phi(u) - (u-l) (1 - P(Delta>=u)/delta)_+.
    The interval [l, u], the two expectations (Maurer-Pontil) and the probability
    (Clopper-Pearson) spend a quarter of `failure` each.
    """
    pilot, rest = np.sort(gaps[: gaps.size // 2]), gaps[gaps.size // 2 :]
    share = failure / 4
    low, high = quantile_interval(pilot, delta, loss_bound, share)
    centre = _empirical_quantile(pilot, delta)

    def tail(t: float, *, lower: bool) -> float:
        """A bound on E(Delta-t)_+ = E max(Delta, t) - t."""
        limit = _mean_limit(np.maximum(rest, t), t, loss_bound, share, lower=lower)
        return max(limit - t, 0.0)

    reached = int(np.count_nonzero(rest >= high))
    probability = float(clopper_pearson_limit(reached, rest.size, share, lower=True))
    slope = max(1 - probability / delta, 0.0)
    lower = high + tail(high, lower=True) / delta - (high - low) * slope
    return max(lower, low), centre + tail(centre, lower=False) / delta


def _empirical_quantile(ordered: FloatArray, delta: float) -> float:
    """The least value that at least (1-delta) of the sorted gaps do not exceed."""
    # The subtraction keeps rounding in (1-delta)*B from skipping a rank that exactly suffices.
    rank = max(math.ceil((1 - delta) * ordered.size - 1e-9), 1)
    return float(ordered[rank - 1])


def _mean_limit(
    values: FloatArray, lowest: float, highest: float, failure: float, *, lower: bool
) -> float:
    """One-sided Maurer-Pontil bound for the mean of i.i.d. values in [lowest, highest]."""
    if highest <= lowest:  # the quantile sits at the end of the range: nothing lies beyond it
        return lowest
    return float(empirical_bernstein_limit(values, failure, highest, lowest=lowest, lower=lower))
