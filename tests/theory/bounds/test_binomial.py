"""Clopper-Pearson and the exact paired difference, against exact arithmetic."""

import math
from fractions import Fraction

import numpy as np
import pytest
from scipy.stats import binom, multinomial

from theory.bounds.binomial import (
    clopper_pearson,
    clopper_pearson_limit,
    exact_paired_difference,
    exact_paired_difference_limit,
)
from theory.bounds.concentration import empirical_bernstein_limit, hoeffding_limit
from theory.errors import TheoryInputError


@pytest.mark.parametrize(
    ("errors", "n", "expected"),
    [(0, 100, 0.0295130496), (7, 277, 0.0469402632), (60, 872, 0.0845973515)],
)
def test_reference_values(errors: int, n: int, expected: float) -> None:
    assert float(clopper_pearson_limit(errors, n, 0.05)) == pytest.approx(expected, abs=5e-11)
    losses = np.zeros(n)
    losses[:errors] = 1.0
    assert clopper_pearson(losses, 0.05).value == pytest.approx(expected, abs=5e-11)


def test_closed_forms_at_the_ends() -> None:
    for n in (1, 7, 10**6):
        assert float(clopper_pearson_limit(0, n, 0.05)) == pytest.approx(
            -math.expm1(math.log(0.05) / n), rel=1e-11
        )
        assert float(clopper_pearson_limit(n, n, 0.05)) == 1.0
        assert float(clopper_pearson_limit(0, n, 0.05, lower=True)) == 0.0
        assert float(clopper_pearson_limit(n, n, 0.05, lower=True)) == pytest.approx(
            0.05 ** (1 / n), rel=1e-11
        )
    assert clopper_pearson([1.0], 0.05).vacuous
    assert not clopper_pearson([0.0], 0.05).vacuous


def _at_most(errors: int, n: int, p: Fraction) -> Fraction:
    return sum((math.comb(n, i) * p**i * (1 - p) ** (n - i) for i in range(errors + 1)), Fraction())


@pytest.mark.parametrize("delta", [0.05, 1e-6, 0.5])
@pytest.mark.parametrize(("errors", "n"), [(0, 1), (0, 9), (3, 20), (19, 20), (50, 101), (7, 277)])
def test_the_root_is_on_the_conservative_side_in_rational_arithmetic(
    errors: int, n: int, delta: float
) -> None:
    upper = Fraction(float(clopper_pearson_limit(errors, n, delta)))
    assert _at_most(errors, n, upper) <= Fraction(delta)
    assert _at_most(errors, n, upper * (1 - Fraction(1, 10**10))) > Fraction(delta)
    lower = Fraction(float(clopper_pearson_limit(n - errors, n, delta, lower=True)))
    assert 1 - _at_most(n - errors - 1, n, lower) <= Fraction(delta)
    assert 1 - _at_most(n - errors - 1, n, lower * (1 + Fraction(1, 10**8))) > Fraction(delta)


@pytest.mark.parametrize("n", [5, 20, 50])
def test_coverage_on_the_999_point_grid(n: int) -> None:
    counts = np.arange(n + 1)
    grid = np.arange(1, 1000) / 1000
    weights = binom.pmf(counts, n, grid[:, np.newaxis])
    above = clopper_pearson_limit(counts, n, 0.05) >= grid[:, np.newaxis]
    below = clopper_pearson_limit(counts, n, 0.05, lower=True) <= grid[:, np.newaxis]
    coverage = (weights * above).sum(axis=1)
    assert coverage.min() >= 0.95
    assert (weights * below).sum(axis=1).min() >= 0.95
    if n == 50:  # power: exact limits nearly exhaust their budget somewhere on the grid
        assert coverage.min() == pytest.approx(0.95008, abs=1e-4)


def test_arrays_broadcast() -> None:
    limits = clopper_pearson_limit([[0], [3]], [10, 20, 30], 0.05)
    assert limits.shape == (2, 3)
    assert limits[1, 2] == clopper_pearson_limit(3, 30, 0.05)


def test_no_bound_from_the_count_alone_is_below_the_exact_one() -> None:
    for n in (1, 2, 5, 17, 60):
        counts = np.arange(n + 1)
        samples = (np.arange(n) < counts[:, np.newaxis]).astype(float)
        for delta in (0.001, 0.05, 0.3):
            exact = clopper_pearson_limit(counts, n, delta)
            assert np.all(np.minimum(hoeffding_limit(samples, delta), 1.0) >= exact)
            assert np.all(np.minimum(empirical_bernstein_limit(samples, delta), 1.0) >= exact)


def test_paired_reference_values() -> None:
    assert float(exact_paired_difference_limit(40, 22, 872, 0.05)) == pytest.approx(
        0.0460658286, abs=5e-11
    )
    assert float(exact_paired_difference_limit(40, 22, 872, 0.05, lower=True)) == pytest.approx(
        -0.0049790988, abs=5e-11
    )


def test_paired_losses_are_counted_in_the_right_direction() -> None:
    first = np.array([1.0] * 5 + [0.0] * 2 + [1.0, 0.0])
    second = np.array([0.0] * 5 + [1.0] * 2 + [1.0, 0.0])
    bound = exact_paired_difference(first, second, 0.1)
    assert bound.value == float(exact_paired_difference_limit(5, 2, 9, 0.1))
    mirrored = exact_paired_difference(second, first, 0.1, lower=True)
    assert bound.value == pytest.approx(-mirrored.value, abs=1e-15)
    assert exact_paired_difference(second, first, 0.1).value != bound.value


def test_paired_coverage_by_exact_count() -> None:
    n, delta = 12, 0.1
    first, second = np.meshgrid(np.arange(n + 1), np.arange(n + 1), indexing="ij")
    possible = first + second <= n
    first, second = first[possible], second[possible]
    counts = np.stack([first, second, n - first - second], axis=-1)
    upper = exact_paired_difference_limit(first, second, n, delta)
    lower = exact_paired_difference_limit(first, second, n, delta, lower=True)
    worst = 0.0
    for p10 in (0.01, 0.1, 0.3, 0.6):
        for p01 in (0.01, 0.1, 0.3):
            weights = multinomial.pmf(counts, n, [p10, p01, 1 - p10 - p01])
            misses = weights[upper < p10 - p01].sum()
            assert misses <= delta
            assert weights[lower > p10 - p01].sum() <= delta
            worst = max(worst, misses)
    assert worst > 0.01  # power: the bound is not vacuous


@pytest.mark.parametrize(
    ("errors", "n"), [(-1, 10), (11, 10), (2.5, 10), (0, 0), (1, 2.5), (math.nan, 5), (1, math.inf)]
)
def test_impossible_counts_are_refused(errors: float, n: float) -> None:
    with pytest.raises(TheoryInputError):
        clopper_pearson_limit(errors, n, 0.05)


def test_bad_input_is_refused() -> None:
    with pytest.raises(TheoryInputError, match=r"row 1 .* is 0\.5"):
        clopper_pearson([0.0, 0.5], 0.05)
    with pytest.raises(TheoryInputError, match="shape"):
        clopper_pearson([], 0.05)
    with pytest.raises(TheoryInputError, match="delta"):
        clopper_pearson([0.0], 1.0)
    with pytest.raises(TheoryInputError, match="add up"):
        exact_paired_difference_limit(6, 5, 10, 0.05)
    with pytest.raises(TheoryInputError, match="first has 2 losses"):
        exact_paired_difference([0.0, 1.0], [1.0], 0.05)
