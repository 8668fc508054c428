"""Means over seeds, paired differences, exact tests and the correction for asking many questions.

What is random here is the seed: subset, initial weights, order and mixup. Intervals and tests
speak of other seeds on the same held-out examples, not of other examples (for those: the
certificates).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from math import exp, lgamma, sqrt

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import stdtrit

from mixkd_core.errors import InputError

LEVEL = 0.95

# Sign patterns are enumerated up to this many differences and drawn at random beyond.
ENUMERATED = 16
DRAWS = (1 << ENUMERATED) - 1

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Summary:
    """Some seeds' values in three numbers.

    Attributes:
        n: how many.
        mean: theirs.
        sd: with n − 1; None for a single value.
        interval: Student's t at `LEVEL` for the mean over all seeds; None for a single value,
            which says nothing about its spread.
    """

    n: int
    mean: float
    sd: float | None
    interval: tuple[float, float] | None


@dataclass(frozen=True)
class PairedDifference:
    """First minus second, over the seeds that both have.

    Attributes:
        seeds: those.
        difference: mean, spread and interval of the differences.
        p_value: of the exact sign-flip test, two-sided; None for a single pair, for which it is
            always 1.
        smallest_p: the smallest that this many pairs can give, 2^(1−n).
        cohen_d: mean over standard deviation of the differences (d_z); None if that is 0 or
            unknown.
        hedges_g: d_z without its small-sample bias.
    """

    seeds: tuple[int, ...]
    difference: Summary
    p_value: float | None
    smallest_p: float
    cohen_d: float | None
    hedges_g: float | None


def summarise_seeds(values: ArrayLike, level: float = LEVEL) -> Summary:
    """Mean, standard deviation and t-interval of one value per seed, of shape `(n,)`.

    Raises:
        InputError: for no values, or one that is not finite.
    """
    array = _checked(values)
    mean = float(array.mean())
    if len(array) == 1:
        return Summary(1, mean, None, None)
    sd = float(array.std(ddof=1))
    radius = _t_quantile((1 + level) / 2, len(array) - 1) * sd / sqrt(len(array))
    return Summary(len(array), mean, sd, (mean - radius, mean + radius))


def paired_difference(
    first: Mapping[int, float], second: Mapping[int, float]
) -> PairedDifference | None:
    """Compare two methods, given each one's value by seed; None if they share no seed.

    Raises:
        InputError: for a value that is not finite.
    """
    seeds = tuple(sorted(set(first) & set(second)))
    if not seeds:
        return None
    differences = _checked([first[seed] - second[seed] for seed in seeds])
    summary = summarise_seeds(differences)
    several = len(seeds) > 1
    effect = summary.mean / summary.sd if summary.sd else None
    return PairedDifference(
        seeds=seeds,
        difference=summary,
        p_value=sign_flip_p_value([differences]) if several else None,
        smallest_p=2.0 ** (1 - len(seeds)),
        cohen_d=effect,
        hedges_g=None if effect is None else effect * hedges_correction(len(seeds) - 1),
    )


def sign_flip_p_value(strata: Sequence[ArrayLike], seed: int = 0) -> float:
    """Two-sided p-value of "every difference is symmetric about 0".

    The statistic is the mean over strata of their mean difference, so that a task with many seeds
    does not outweigh one with few. All sign patterns are enumerated up to `ENUMERATED` differences;
    beyond, `DRAWS` are drawn and the observed one is counted among them, which keeps the test valid
    (Phipson and Smyth, 2010).

    Args:
        strata: the differences of each task or setting, each of shape `(n_k,)`.
        seed: of the drawn patterns.

    Raises:
        InputError: for no differences, or one that is not finite.
    """
    arrays = [_checked(stratum) for stratum in strata]
    if not arrays:
        raise InputError("there are no differences to test: give at least one stratum.")
    weighted = np.concatenate([array / (len(array) * len(arrays)) for array in arrays])
    observed = abs(float(weighted.sum()))
    # Sums that are equal on paper must count as equal: rounding may not decide a tie.
    reached = observed - 1e-9 * float(np.abs(weighted).sum())
    n = len(weighted)
    if n <= ENUMERATED:
        return float(np.mean(np.abs(_all_signs(n) @ weighted) >= reached))
    rng = np.random.default_rng(seed)
    count = 0
    for part in np.array_split(np.arange(DRAWS), 16):
        signs = rng.choice([-1.0, 1.0], size=(len(part), n))
        count += int(np.count_nonzero(np.abs(signs @ weighted) >= reached))
    return (1 + count) / (1 + DRAWS)


@lru_cache(maxsize=ENUMERATED)
def _all_signs(n: int) -> Floats:
    """All patterns of n signs but for the opposite ones, of shape `(2^(n−1), n)`.

    The last sign is fixed: flipping all of them changes no absolute value.
    """
    patterns = np.arange(2 ** (n - 1))
    signs = np.where((patterns[:, None] >> np.arange(n)) & 1, -1.0, 1.0)
    signs.setflags(write=False)
    return signs


def stratified_summary(strata: Sequence[ArrayLike], level: float = LEVEL) -> Summary:
    """Mean over strata of their mean difference, with an interval.

    The standard error is that of independent strata; the degrees of freedom are Welch and
    Satterthwaite's. Strata with one difference have no spread of their own: with any of those,
    `sd` and `interval` are None. `sd` is the standard error times the square root of the number of
    differences.

    Raises:
        InputError: for no differences, or one that is not finite.
    """
    arrays = [_checked(stratum) for stratum in strata]
    if not arrays:
        raise InputError("there are no differences to average: give at least one stratum.")
    n = sum(len(array) for array in arrays)
    mean = float(np.mean([array.mean() for array in arrays]))
    if min(len(array) for array in arrays) == 1:
        return Summary(n, mean, None, None)
    parts = np.array([array.var(ddof=1) / len(array) for array in arrays]) / len(arrays) ** 2
    error = sqrt(float(parts.sum()))
    if error == 0.0:
        return Summary(n, mean, 0.0, (mean, mean))
    degrees = np.array([len(array) - 1 for array in arrays])
    freedom = float(parts.sum() ** 2 / (parts**2 / degrees).sum())
    radius = _t_quantile((1 + level) / 2, freedom) * error
    return Summary(n, mean, error * sqrt(n), (mean - radius, mean + radius))


def hedges_correction(freedom: int) -> float:
    """J(m) = Γ(m/2) / (√(m/2) Γ((m−1)/2)), which makes d unbiased (Hedges, 1981); 0 at m = 1.

    At m = 1 the expectation of d does not exist, and no correction makes it unbiased.
    """
    if freedom < 2:
        return 0.0
    half = freedom / 2
    return exp(lgamma(half) - lgamma(half - 0.5)) / sqrt(half)


def holm(p_values: Sequence[float]) -> list[float]:
    """Adjusted p-values of a family, in its order (Holm, 1979).

    Rejecting those at most α keeps the probability of any false rejection at most α, whatever the
    dependence between the tests.

    Raises:
        InputError: for a p-value outside [0, 1].
    """
    array = np.asarray(p_values, dtype=np.float64)
    if not bool(np.all((array >= 0) & (array <= 1))):
        raise InputError(f"a p-value lies outside [0, 1]: {list(p_values)}.")
    order = np.argsort(array, kind="stable")
    factors = len(array) - np.arange(len(array))
    adjusted = np.minimum(1.0, np.maximum.accumulate(factors * array[order]))
    result = np.empty(len(array))
    result[order] = adjusted
    return [float(value) for value in result]


def _t_quantile(probability: float, freedom: float) -> float:
    """Student's, without `scipy.stats` around it, whose checks take a hundred times as long."""
    return float(stdtrit(freedom, probability))


def _checked(values: ArrayLike) -> Floats:
    array = np.asarray(values, dtype=np.float64)
    if array.ndim != 1 or not len(array):
        raise InputError(f"values have the shape {array.shape}: one per seed is needed.")
    if not np.isfinite(array).all():
        place = int(np.flatnonzero(~np.isfinite(array))[0])
        raise InputError(f"value {place} is {array[place]}: a mean over it would mean nothing.")
    return array
