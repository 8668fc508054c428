"""When a direction stands: against scipy, by hand, and what a rare bad run does."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from reports.statistics.direction import (
    failing_check,
    is_skewed,
    one_sided_sign_flip,
    sign_test_p_value,
    spread,
    stands_above_zero,
    unseen_share,
)

LEVEL = 0.025
finite = st.floats(-10, 10, allow_nan=False)


@given(st.lists(finite, min_size=1, max_size=15))
def test_the_sign_test_is_that_of_scipy_with_ties_against_it(values: list[float]) -> None:
    above = sum(value > 0 for value in values)
    expected = stats.binomtest(above, len(values), 0.5, alternative="greater").pvalue
    assert sign_test_p_value([values]) == pytest.approx(expected)
    assert sign_test_p_value([values[:1], values[1:]] if values[1:] else [values]) == (
        pytest.approx(expected)
    ), "pairs of all tasks count alike"


@given(st.lists(st.integers(-8, 8), min_size=2, max_size=9))
def test_the_one_sided_test_counts_patterns_at_least_as_far_up(values: list[int]) -> None:
    """Of all 2^n patterns; ties halve only where the mean is above 0, as they must."""
    n = len(values)
    signs = 1 - 2 * ((np.arange(2**n)[:, None] >> np.arange(n)) & 1)
    sums = signs @ np.array(values)
    expected = float(np.mean(sums >= sum(values)))
    assert one_sided_sign_flip([values]) == pytest.approx(expected if sum(values) > 0 else 1.0)


def test_each_check_says_what_fails() -> None:
    steady = np.linspace(0.9, 1.1, 10)
    assert failing_check([steady], LEVEL) is None
    assert failing_check([-steady], LEVEL) == "too few of the pairs agree"
    wide = np.array([0.001] * 9 + [1.0])
    assert failing_check([wide], LEVEL) == "the interval holds 0"
    few = np.linspace(0.5, 1.5, 7)
    assert failing_check([few], LEVEL) == "one more pair against it would undo it"
    assert failing_check([np.array([1.0]), steady], LEVEL) == "the interval holds 0"


def test_one_more_pair_is_as_large_as_the_largest_of_all_tasks() -> None:
    """By hand: nine pairs around 1 and one of −1.2, by Student's limit."""
    values = np.array([0.8, 0.9, 1.0, 1.1, 1.2, 0.85, 0.95, 1.05, 1.15])
    joined = stats.ttest_1samp([*values, -1.2], 0.0, alternative="greater").pvalue
    for level in (0.6 * joined, 1.7 * joined):
        assert stands_above_zero([values], level) == (level > joined)


def test_the_spread_is_that_of_a_pair() -> None:
    assert spread([[1.0, 2.0, 3.0]]) == pytest.approx(1.0)
    assert spread([[1.0, 2.0, 3.0], [7.0]]) == pytest.approx(1.0), "pooled where a task has one"
    assert spread([[1.0], [2.0]]) is None


def test_skewness_is_named_where_it_is_there() -> None:
    rng = np.random.default_rng(3)
    assert is_skewed(np.array([0.01] * 9 + [-0.09]))
    assert is_skewed(rng.exponential(size=40))
    assert sum(is_skewed(rng.normal(size=12)) for _ in range(400)) < 60
    assert not is_skewed(np.zeros(5))
    assert not is_skewed([1.0, 2.0])


def test_what_ten_pairs_cannot_show() -> None:
    share = unseen_share(10, 0.05)
    assert (1 - share) ** 10 == pytest.approx(0.05)
    assert share == pytest.approx(0.2589, abs=1e-4)
