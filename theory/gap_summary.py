"""What a simulation says of the minimal gap: estimates with intervals of a stated failure."""

import math
from dataclasses import dataclass

import numpy as np
from scipy import stats

from theory.bounds import checked_delta
from theory.concentration import empirical_bernstein_limit
from theory.errors import TheoryInputError
from theory.sampled_class import FloatArray, SampledClass


@dataclass(frozen=True)
class Estimate:
    """A Monte Carlo value with a two-sided interval."""

    value: float
    lower: float
    upper: float


@dataclass(frozen=True)
class GapSummary:
    """What a simulation says of the gap's law.

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
) -> GapSummary:
    """Minimal gap, CVaR and mean of simulated gaps, jointly valid with probability >= 1-failure.

    A third of `failure` goes to each. Quantile: binomial order statistics, valid for any law.
    Mean: Maurer-Pontil on [-M, M]. CVaR: the first half of the gaps yields a quantile t and an
    interval [l, u] for it; on the second half, for the fixed t and u,
        CVaR <= t + E(Delta-t)_+ / delta   and   CVaR >= l + E(Delta-u)_+ / delta
    with Maurer-Pontil bounds on the two expectations. If the risks were estimated, every interval
    is widened by their error and their failure probability is added.

    Raises TheoryInputError for fewer than four gaps, NaN, or levels outside (0, 1).
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

    def widened(value: float, lower: float, upper: float) -> Estimate:
        return Estimate(value, max(lower - widening, -bound), min(upper + widening, bound))

    ordered = np.sort(gaps)
    value = _empirical_quantile(ordered, delta)
    minimal_gap = widened(value, *quantile_interval(ordered, delta, bound, share))
    mean = widened(float(gaps.mean()), *_mean_interval(gaps, -bound, bound, share))

    pilot, rest = np.sort(gaps[: gaps.size // 2]), gaps[gaps.size // 2 :]
    low, high = quantile_interval(pilot, delta, bound, share / 2)
    centre = _empirical_quantile(pilot, delta)
    # E(Delta-t)_+ = E max(Delta, t) - t. Each call spends a quarter of the share on the side used.
    above = _mean_interval(np.maximum(rest, centre), centre, bound, share / 2)[1] - centre
    beyond = _mean_interval(np.maximum(rest, high), high, bound, share / 2)[0] - high
    upper, lower = centre + above / delta, low + max(beyond, 0.0) / delta
    cvar_value = value + float(np.maximum(gaps - value, 0.0).mean()) / delta
    return GapSummary(
        minimal_gap=minimal_gap,
        cvar=widened(cvar_value, lower, upper),
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


def _empirical_quantile(ordered: FloatArray, delta: float) -> float:
    """The least value that at least (1-delta) of the sorted gaps do not exceed."""
    # The subtraction keeps rounding in (1-delta)*B from skipping a rank that exactly suffices.
    rank = max(math.ceil((1 - delta) * ordered.size - 1e-9), 1)
    return float(ordered[rank - 1])


def _mean_interval(
    values: FloatArray, lowest: float, highest: float, failure: float
) -> tuple[float, float]:
    """Two-sided Maurer-Pontil interval for the mean of i.i.d. values in [lowest, highest]."""
    if highest <= lowest:  # the quantile sits at the end of the range: nothing lies beyond it
        return lowest, lowest
    sides = [
        empirical_bernstein_limit(values, failure / 2, highest, lowest=lowest, lower=lower)
        for lower in (True, False)
    ]
    return float(sides[0]), float(sides[1])
