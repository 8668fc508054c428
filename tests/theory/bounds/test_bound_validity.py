"""Do the bounds miss no oftener than delta? Seeded simulation with a known truth.

20000 samples a check. A check fails when the Clopper-Pearson lower limit of the miss rate exceeds
delta, at a level that makes a false alarm anywhere in this file rarer than one in a million. Exact
counts over Bernoulli laws are elsewhere; the laws here are adversarial in other ways. That a bound
holds says nothing about its use, so its power is tested separately.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pytest

from theory.bounds.betting import betting_limit
from theory.bounds.binomial import clopper_pearson_limit
from theory.bounds.concentration import bernstein_limit, empirical_bernstein_limit, hoeffding_limit

REPLICATIONS = 20_000
DELTA = 0.1
FALSE_ALARM = 1e-6


@dataclass(frozen=True)
class Law:
    """A law on [0, 1] with a known mean and variance."""

    draw: Callable[[np.random.Generator, tuple[int, int]], np.ndarray]
    mean: float
    variance: float


def _two_points(low: float, high: float, p: float) -> Law:
    """The value high with probability p, else low."""
    return Law(
        lambda generator, shape: np.where(generator.random(shape) < p, high, low),
        low + (high - low) * p,
        (high - low) ** 2 * p * (1 - p),
    )


LAWS = {
    "constant": Law(lambda _, shape: np.full(shape, 0.3), 0.3, 0.0),
    "nearly 0": _two_points(0.0, 1.0, 0.01),
    "nearly 1": _two_points(0.0, 1.0, 0.99),
    "rare and large": _two_points(0.1, 1.0, 0.04),
    "fair coin": _two_points(0.0, 1.0, 0.5),
    "uniform": Law(lambda generator, shape: generator.random(shape), 0.5, 1 / 12),
    "Beta(1, 9)": Law(lambda generator, shape: generator.beta(1, 9, shape), 0.1, 9 / 1100),
}
SIZES = (1, 2, 5, 30)
CHECKS = len(LAWS) * len(SIZES) * 2 * 4


@pytest.mark.parametrize("n", SIZES)
@pytest.mark.parametrize("name", LAWS)
def test_bounds_hold(name: str, n: int) -> None:
    law = LAWS[name]
    seed = 1000 * list(LAWS).index(name) + n
    samples = law.draw(np.random.default_rng(seed), (REPLICATIONS, n))
    for lower in (False, True):
        limits = {
            "Hoeffding": hoeffding_limit(samples, DELTA, lower=lower),
            "Bernstein": bernstein_limit(samples, DELTA, law.variance, lower=lower),
            "Maurer-Pontil": empirical_bernstein_limit(samples, DELTA, lower=lower),
            "betting": betting_limit(samples, DELTA, lower=lower),
        }
        for bound, limit in limits.items():
            # Room for the rounding of the mean itself, or a constant law would be missed by an ulp.
            missed = limit > law.mean + 1e-12 if lower else limit < law.mean - 1e-12
            count = int(np.count_nonzero(missed))
            rate = clopper_pearson_limit(count, REPLICATIONS, FALSE_ALARM / CHECKS, lower=True)
            assert rate <= DELTA, (bound, "lower" if lower else "upper", count)


def test_a_variance_over_the_wrong_axis_is_caught() -> None:
    """The rule has teeth: a variance of the means for that of the losses misses far too often."""
    samples = LAWS["fair coin"].draw(np.random.default_rng(13), (REPLICATIONS, 200))
    means = samples.mean(axis=1)
    wrong = means + np.sqrt(2 * means.var() * np.log(2 / DELTA) / 200)
    count = int(np.count_nonzero(wrong < 0.5))
    rate = clopper_pearson_limit(count, REPLICATIONS, FALSE_ALARM, lower=True)
    assert rate > DELTA


@pytest.mark.slow
def test_power_on_the_documents_laws() -> None:
    """Misses among 20000 samples of 200: betting spends its budget where the others waste it."""
    generator = np.random.default_rng(99)
    bernoulli = (generator.random((REPLICATIONS, 200)) < 0.1).astype(float)
    beta = generator.beta(1, 9, (REPLICATIONS, 200))
    limits = {
        "betting": betting_limit(bernoulli, DELTA),
        "Maurer-Pontil": empirical_bernstein_limit(bernoulli, DELTA),
        "Hoeffding": hoeffding_limit(bernoulli, DELTA),
    }
    misses = {name: int(np.count_nonzero(limit < 0.1)) for name, limit in limits.items()}
    assert misses == {"betting": 1717, "Maurer-Pontil": 2, "Hoeffding": 0}
    assert int(np.count_nonzero(betting_limit(beta, DELTA) < 0.1)) == 131
    # Where the variance is small, the tighter bounds are much tighter.
    assert np.median(limits["betting"]) < np.median(limits["Maurer-Pontil"]) < 0.2
    assert np.median(limits["Hoeffding"]) > np.median(limits["betting"]) + 0.02
    # A risk of twice the true one is refuted nearly always.
    assert np.mean(limits["betting"] < 0.2) > 0.95
