"""The distribution of mixup x' = lambda x + (1-lambda) x~: moments, distance to the data, bias.

Sources: THEORY.md L0 (convex order), T3 (distance and bias), T2.6 (sampling schemes).
"""

import math
from dataclasses import dataclass
from fractions import Fraction
from itertools import pairwise
from typing import Literal, get_args

import numpy as np
from numpy.typing import NDArray
from scipy import optimize

from theory.bounds.bound import checked_count
from theory.errors import TheoryInputError
from theory.laws.finite_laws import FiniteLaw
from theory.laws.minimal_gap import Pairing
from theory.laws.mixing_coefficient import FiniteMixing, MixingLaw, Number

FloatArray = NDArray[np.float64]

Scheme = Literal["distinct", "self", "permutation", "batch permutation", "one coefficient a batch"]
"""The way a mixup draws are produced from n points; see `effective_sample`."""


@dataclass(frozen=True)
class MixingMoments:
    """Moments of lambda that the theory uses; exact Fractions where they can be, else floats.

    Attributes:
        contraction: s = E[lambda^2 + (1-lambda)^2], the factor on the covariance.
        product: E[lambda (1-lambda)] = (1-s)/2.
        minimum: m = E min(lambda, 1-lambda), the factor on the Wasserstein distance.
        one_sided: (mu_1, ..., mu_4), mu_k = E (1-lambda~)^k = 2 E[lambda (1-lambda)^k], where
            lambda~ has lambda's size-biased law: Beta(alpha+1, alpha) for Beta(alpha, alpha).
        fourth_central: E (lambda - 1/2)^4.
    """

    contraction: Number
    product: Number
    minimum: Number
    one_sided: tuple[Number, Number, Number, Number]
    fourth_central: Number


def mixing_moments(mixing: MixingLaw) -> MixingMoments:
    """All the moments of a distribution of lambda symmetric about 1/2."""
    product = mixing.moment(1, 1)
    # With q = lambda(1-lambda): (lambda-1/2)^2 = 1/4 - q, hence (lambda-1/2)^4 = 1/16 - q/2 + q^2.
    fourth = Fraction(1, 16) - product / 2 + mixing.moment(2, 2)
    return MixingMoments(
        contraction=1 - 2 * product,
        product=product,
        minimum=mixing.expected_minimum(),
        one_sided=(
            2 * mixing.moment(1, 1),
            2 * mixing.moment(1, 2),
            2 * mixing.moment(1, 3),
            2 * mixing.moment(1, 4),
        ),
        fourth_central=fourth,
    )


def covariance_factor(mixing: MixingLaw, n: int | None, pairing: Pairing) -> Number:
    """The factor c with Cov(x' | S) = c * Cov_S, Cov_S being the sample covariance with 1/n.

    s with self-pairs; s - 2 E[lambda(1-lambda)]/(n-1) for pairs i != j, because distinct points of
    a sample are negatively correlated. n=None means independent pairs from the population: s.

    Raises TheoryInputError for n < 2 with distinct pairs, n < 1 otherwise.
    """
    product = mixing.moment(1, 1)
    if n is None:
        return 1 - 2 * product
    if pairing == "self":
        checked_count(n, "n")
        return 1 - 2 * product
    checked_count(n, "n (mixup of distinct points)", at_least=2)
    return 1 - 2 * product - 2 * product / (n - 1)


def mixed_covariance(points: FloatArray, mixing: MixingLaw, pairing: Pairing) -> FloatArray:
    """Cov(x' | S) of one mixup draw from the sample `points` of shape (n, d): shape (d, d).

    Raises TheoryInputError for points of another shape, NaN, or too few points.
    """
    sample = _sample_of(points)
    centred = sample - sample.mean(axis=0)
    factor = float(covariance_factor(mixing, len(sample), pairing))
    result: FloatArray = factor * (centred.T @ centred) / len(sample)
    return result


def mean_pair_distance(points: FloatArray) -> float:
    """The mean of ||x_i - x_j|| over pairs i != j of the sample `points` of shape (n, d).

    This is the unbiased estimate of E||x - x~||; a FiniteLaw has its own exact method. Raises
    TheoryInputError for points of another shape, NaN, or fewer than two points.
    """
    sample = _sample_of(points)
    n = checked_count(len(sample), "n (pairs of distinct points)", at_least=2)
    total = 0.0
    for i in range(n - 1):  # a row at a time: n^2 distances need not lie in memory together
        total += float(np.linalg.norm(sample[i + 1 :] - sample[i], axis=1).sum())
    return 2 * total / (n * (n - 1))


def wasserstein_to_mixed(law: FiniteLaw, mixing: MixingLaw) -> Number:
    """W1(p, p_mix) = integral |F - G| for a finite distribution p on the line.

    Exact (a Fraction) for a finite mixing law. Otherwise F is constant and the distribution
    function G of p_mix is monotone between neighbouring points, so the integrand changes sign at
    most once there; the crossing is found by bisection and both sides integrated in closed form.
    """
    if isinstance(mixing, FiniteMixing):
        return _exact_wasserstein(law, mixing)
    points, masses = zip(*sorted(zip(law.points, law.probabilities, strict=True)), strict=True)
    x = np.array([float(p) for p in points])
    p = np.array([float(m) for m in masses])
    cumulative = np.cumsum(p)
    left, right = np.triu_indices(len(x), k=1)
    gap = x[right] - x[left]
    pair_mass = 2 * p[left] * p[right]

    def mixed_cdf(t: float) -> float:
        pairs = mixing.cdf(np.clip((t - x[left]) / gap, 0.0, 1.0)) * (t >= x[left])
        return float(pair_mass @ pairs + (p**2) @ (t >= x))

    def mixed_integral(t: float) -> float:
        """The integral of G up to t: E(t - x')_+."""
        inside = gap * mixing.integrated_cdf(np.clip((t - x[left]) / gap, 0.0, 1.0))
        beyond = np.maximum(t - x[right], 0.0)
        return float(pair_mass @ (inside + beyond) + (p**2) @ np.maximum(t - x, 0.0))

    def signed_area(lower: float, upper: float, level: float) -> float:
        return level * (upper - lower) - (mixed_integral(upper) - mixed_integral(lower))

    def crossing_of(level: float, lower: float, upper: float) -> float:
        return float(optimize.bisect(lambda t: mixed_cdf(t) - level, lower, upper))

    total = 0.0
    for k, (lower, upper) in enumerate(pairwise(x.tolist())):
        level = float(cumulative[k])
        inner = math.nextafter(upper, lower)
        if mixed_cdf(lower) < level < mixed_cdf(inner):
            crossing = crossing_of(level, lower, inner)
            total += abs(signed_area(lower, crossing, level))
            total += abs(signed_area(crossing, upper, level))
        else:
            total += abs(signed_area(lower, upper, level))
    return total


def wasserstein_bound(mixing: MixingLaw, mean_distance: float | Fraction) -> Number:
    """m * E||x - x~||, which W1(p, p_mix) never exceeds (T3; equality on two points)."""
    return mixing.expected_minimum() * _nonnegative(mean_distance, "mean_distance")


def lipschitz_bias_bound(
    mixing: MixingLaw, lipschitz: float | Fraction, mean_distance: float | Fraction
) -> Number:
    """L m E||x - x~||, a bound on |R - R_mix| for an L-Lipschitz loss (T3)."""
    return _nonnegative(lipschitz, "lipschitz") * wasserstein_bound(mixing, mean_distance)


def smooth_bias_bound(
    mixing: MixingLaw, curvature: float | Fraction, trace_covariance: float | Fraction
) -> Number:
    """beta E[lambda(1-lambda)] tr Cov(x), an upper bound on R - R_mix (T3).

    Holds when the loss's Hessian is at most `curvature` times the identity on the convex hull;
    with equality for x -> curvature ||x||^2 / 2. The lower bound is 0 for a convex loss.
    """
    factor = _nonnegative(curvature, "curvature") * mixing.moment(1, 1)
    return factor * _nonnegative(trace_covariance, "trace_covariance")


@dataclass(frozen=True)
class EffectiveSample:
    """The weights and the counts of T2.1 under a sampling scheme.

    Attributes:
        original_weight: the weight that R_S carries once self-pairs are counted into it.
        draws: the number of independent bounded terms that the a draws are worth.
        variance_proxy: sigma^2 / M^2 * 4 of R_S, U_n and the draws together:
            (w'/sqrt(n) + (1-w')/sqrt(floor(n/2)))^2 + (1-w)^2/draws.
        sample_size: 1 / variance_proxy, the size of the i.i.d. sample with the same proxy.
    """

    original_weight: float
    draws: float
    variance_proxy: float
    sample_size: float


def effective_sample(
    scheme: Scheme, n: int, a: int, weight: float, batch_size: int | None = None
) -> EffectiveSample:
    """The effective sample size of n originals and a mixup draws under a pairing scheme (T2.6).

    Parameters:
        scheme: how the a draws come about.
            "distinct": i.i.d. given S, pair uniform over i != j, own lambda.
            "self": the same over all n^2 pairs, so w becomes w + (1-w)/n.
            "permutation": whole-sample permutations, a a multiple of n; w becomes w + (1-w)/n and
                the draws count a quarter (Doob differences of range 2M/m instead of M/m).
            "batch permutation": permutations within batches of m = batch_size drawn independently
                given S; w becomes w + (1-w)/m, and each batch is one independent term.
            "one coefficient a batch": i != j pairs, lambda shared within a batch: each batch is
                one independent term.
        n, a: sample size (>= 2) and number of draws (>= 1).
        weight: w in [0, 1], the nominal weight of the original sample.
        batch_size: m, for the two batch schemes only; it must divide a.

    Raises TheoryInputError for values outside these ranges or an unknown scheme.
    """
    if scheme not in get_args(Scheme):
        raise TheoryInputError(f"scheme is {scheme!r}; it must be one of {get_args(Scheme)}.")
    checked_count(n, "n", at_least=2)
    checked_count(a, "a")
    if not 0 <= weight <= 1:
        raise TheoryInputError(f"weight is {weight}, but it must lie in [0, 1].")
    batched = scheme in ("batch permutation", "one coefficient a batch")
    if batched != (batch_size is not None):
        raise TheoryInputError(
            f"batch_size is {batch_size}, but scheme {scheme!r} "
            f"{'needs one' if batched else 'has no batches; leave it out'}."
        )
    block = n if scheme == "permutation" else checked_count(batch_size or 1, "batch_size")
    if a % block:
        raise TheoryInputError(
            f"a is {a}, but scheme {scheme!r} makes draws in blocks of {block}; give a multiple."
        )
    self_pairs = {"self": 1 / n, "permutation": 1 / n, "batch permutation": 1 / block}
    original = weight + (1 - weight) * self_pairs.get(scheme, 0.0)
    draws = a / 4 if scheme == "permutation" else a / block
    proxy = (original / math.sqrt(n) + (1 - original) / math.sqrt(n // 2)) ** 2
    proxy += (1 - weight) ** 2 / draws
    return EffectiveSample(original, draws, proxy, 1 / proxy)


def _sample_of(points: FloatArray) -> FloatArray:
    sample = np.asarray(points, dtype=np.float64)
    if sample.ndim != 2 or not sample.size:
        raise TheoryInputError(
            f"points has shape {sample.shape}, but a sample of shape (n, d) is needed; reshape a "
            "single feature to (n, 1)."
        )
    if not np.isfinite(sample).all():
        row = int(np.flatnonzero(~np.isfinite(sample).all(axis=1))[0])
        raise TheoryInputError(f"row {row} of points is not finite; remove or repair it.")
    return sample


def _nonnegative(value: float | Fraction, name: str) -> float | Fraction:
    if not value >= 0:  # also catches NaN
        raise TheoryInputError(f"{name} is {value}, but it must be a number >= 0.")
    return value


def _exact_wasserstein(law: FiniteLaw, mixing: FiniteMixing) -> Fraction:
    change: dict[Fraction, Fraction] = {}
    for x, p in zip(law.points, law.probabilities, strict=True):
        change[x] = change.get(x, Fraction(0)) + p
        for y, q in zip(law.points, law.probabilities, strict=True):
            for value, mass in zip(mixing.values, mixing.probabilities, strict=True):
                mixed = value * x + (1 - value) * y
                change[mixed] = change.get(mixed, Fraction(0)) - p * q * mass
    total, difference = Fraction(0), Fraction(0)
    for lower, upper in pairwise(sorted(change)):
        difference += change[lower]
        total += abs(difference) * (upper - lower)
    return total
