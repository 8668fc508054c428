"""The power of the paired test against simulation, and the seeds that it asks for."""

from math import ceil, log2

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from mixkd_core.errors import InputError
from reports.statistics.power import fewest_seeds, paired_power, seeds_needed
from reports.statistics.seeds import sign_flip_p_value
from theory.bounds.binomial import clopper_pearson_limit

# How often a right power would be called wrong here, each time it is compared.
FALSE_ALARM = 1e-7
TRIALS = 20_000

sds = st.floats(0.001, 0.1)
alphas = st.floats(0.001, 0.2)


@pytest.mark.parametrize(
    ("difference", "sd", "n", "alpha"),
    [
        (0.01, 0.01, 10, 0.05),
        (-0.01, 0.01, 10, 0.05 / 6),
        (0.005, 0.012, 20, 0.05),
        (0.001, 0.012, 6, 0.05),  # both tails count where the difference is small
    ],
)
def test_the_power_is_the_share_of_simulated_rejections(
    difference: float, sd: float, n: int, alpha: float
) -> None:
    rng = np.random.default_rng(1)
    values = rng.normal(difference, sd, (TRIALS, n))
    found = int((stats.ttest_1samp(values, 0, axis=1).pvalue <= alpha).sum())
    low = float(clopper_pearson_limit(found, TRIALS, FALSE_ALARM / 2, lower=True))
    high = float(clopper_pearson_limit(found, TRIALS, FALSE_ALARM / 2))
    assert low <= paired_power(difference, sd, n, alpha) <= high


def test_the_sign_flip_test_of_the_verdicts_has_nearly_this_power() -> None:
    rng = np.random.default_rng(2)
    trials = 1000
    found = sum(sign_flip_p_value([rng.normal(0.01, 0.01, 10)]) <= 0.05 for _ in range(trials))
    assert found / trials == pytest.approx(paired_power(0.01, 0.01, 10, 0.05), abs=0.06)


def test_the_power_at_no_difference_is_the_level() -> None:
    assert paired_power(0.0, 0.01, 12, 0.05) == pytest.approx(0.05)


def test_known_values() -> None:
    # Cohen's tables: d = 0.5, two-sided 5 %, power 0.8 take 34 pairs; d = 0.8 takes 15.
    assert seeds_needed(0.5, 1.0, 0.05) == 34
    assert seeds_needed(0.8, 1.0, 0.05) == 15


@given(sds, alphas, st.floats(0.3, 0.95))
def test_seeds_needed_are_enough_and_one_fewer_are_not(
    sd: float, alpha: float, power: float
) -> None:
    n = seeds_needed(0.01, sd, alpha, power)
    assert paired_power(0.01, sd, n, alpha) >= power
    assert paired_power(0.01, sd, n - 1, alpha) < power


@pytest.mark.slow
@given(sds, alphas)
def test_noise_and_strictness_cost_seeds(sd: float, alpha: float) -> None:
    n = seeds_needed(0.01, sd, alpha)
    assert seeds_needed(0.01, 1.5 * sd, alpha) >= n
    assert seeds_needed(0.01, sd, alpha / 2) >= n
    assert seeds_needed(0.02, sd, alpha) <= n
    assert seeds_needed(-0.01, sd, alpha) == n, "either sign"


@given(alphas)
def test_no_difference_is_large_enough_where_the_exact_test_cannot_reject(alpha: float) -> None:
    n = fewest_seeds(alpha)
    assert n == 1 + ceil(log2(1 / alpha))
    assert 2.0 ** (1 - n) <= alpha < 2.0 ** (2 - n)
    assert paired_power(1.0, 0.0, n - 1, alpha) == 0.0
    assert paired_power(1.0, 0.0, n, alpha) == 1.0
    assert seeds_needed(1.0, 0.0, alpha) == n


def test_a_level_that_is_a_power_of_two_is_reached() -> None:
    assert fewest_seeds(1 / 32) == 6


@pytest.mark.parametrize(
    ("call", "said"),
    [
        (lambda: fewest_seeds(0.0), "level is 0"),
        (lambda: paired_power(0.01, -1.0, 5, 0.05), "standard deviation is -1"),
        (lambda: paired_power(float("nan"), 1.0, 5, 0.05), "difference is nan"),
        (lambda: paired_power(0.01, 0.01, 0, 0.05), "0 seeds"),
        (lambda: seeds_needed(0.0, 0.01, 0.05), "difference of 0"),
        (lambda: seeds_needed(0.01, 0.01, 0.05, 1.0), "power is 1"),
        (lambda: seeds_needed(1e-9, 1.0, 0.05), "larger difference"),
    ],
)
def test_what_makes_no_sense_is_refused(call: object, said: str) -> None:
    with pytest.raises(InputError, match=said):
        call()  # type: ignore[operator]
