"""Thresholds and constants: reference values, consistency and properties."""

from fractions import Fraction
from math import ceil, inf, log, sqrt

import pytest
import sympy as sp
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import binom, norm

from theory.errors import TheoryInputError
from theory.laws.finite_laws import three_point_class
from theory.laws.minimal_gap import gap_law
from theory.statements import thresholds
from theory.symbolic.catalogue import derivation
from theory.symbolic.thresholds import H, M, complexity, delta, gap, kappa, mean_gap

GAPS = st.floats(0.01, 1)
LEVELS = st.floats(0.001, 0.5)
BOUNDS = st.floats(0.1, 5)


@pytest.mark.parametrize(
    ("n", "epsilon", "sizes"),
    [(5, "2/5", (13, 29)), (10, "11/40", (28, 61)), (12, "19/80", (37, 92))],
)
def test_the_sizes_of_the_document(n, epsilon, sizes):
    law = gap_law(three_point_class(), n)
    assert law.quantile(Fraction(1, 20)) == Fraction(epsilon)
    value, mean = float(Fraction(epsilon)), float(law.mean())
    first = thresholds.finite_class_sample_size(value, 3, 1.0, 0.05)
    second = thresholds.mean_gap_sample_size(value, mean, 1.0, 0.05)
    assert (thresholds.least_count(first), thresholds.least_count(second)) == sizes


def test_the_example_of_the_command_line():
    size = thresholds.finite_class_sample_size(0.12, 4, 1.0, 0.05)
    assert thresholds.least_count(size) == 153


def test_the_obstruction_of_the_document():
    sizes = [
        thresholds.obstruction_sample_size(4 / 15, w, 1, 1.0, 0.1, 0.05) for w in (0, 0.5, 0.9)
    ]
    assert sizes == [31, 114, 2639]


def test_the_draws_of_the_document():
    sizes = [
        thresholds.least_count(thresholds.mixup_draws_needed(k, 0.0, 1, 1.0, 0.1))
        for k in (13 / 264, 31 / 760)
    ]
    assert sizes == [618, 901]


@settings(max_examples=15)
@given(GAPS, st.integers(1, 1000), BOUNDS, LEVELS)
def test_numbers_agree_with_the_derivations(epsilon, size, bound, level):
    values = {gap: epsilon, H: size, M: bound, delta: level}
    derived = float(derivation("T1a").derived.subs(values))
    assert thresholds.finite_class_sample_size(epsilon, size, bound, level) == pytest.approx(
        derived, rel=1e-9
    )
    values |= {mean_gap: epsilon / 3}
    assert thresholds.mean_gap_sample_size(epsilon, epsilon / 3, bound, level) == pytest.approx(
        float(derivation("T1b").derived.subs(values)), rel=1e-9
    )
    values |= {complexity: 0.7, sp.Symbol("L", positive=True): log(1 / level)}
    assert thresholds.complexity_sample_size(epsilon, 0.7, bound, level) == pytest.approx(
        float(derivation("T1c").derived.subs(values)), rel=1e-9
    )
    values |= {kappa: epsilon, sp.Symbol("v", positive=True): 0.75}
    assert thresholds.mixup_draws_needed(epsilon, 0.25, size, bound, level) == pytest.approx(
        float(derivation("T2.3").derived.subs(values)), rel=1e-9
    )


@given(GAPS, st.integers(1, 1000), BOUNDS, LEVELS)
def test_every_threshold_has_the_shape_of_theorem_1(epsilon, size, bound, level):
    """N = M² log(1/δ)/c for each form."""
    shape = bound**2 * log(1 / level)
    assert thresholds.finite_class_sample_size(epsilon, size, bound, level) == pytest.approx(
        shape / thresholds.finite_class_constant(epsilon, size, level)
    )
    mean = epsilon / 2
    assert thresholds.mean_gap_sample_size(epsilon, mean, bound, level) == pytest.approx(
        shape / thresholds.mean_gap_constant(epsilon, mean)
    )
    assert thresholds.complexity_sample_size(epsilon, 0.3, bound, level) == pytest.approx(
        shape / thresholds.complexity_constant(epsilon, 0.3, bound, level)
    )


@given(GAPS, st.integers(1, 1000), BOUNDS, LEVELS, st.floats(1.01, 3))
def test_thresholds_are_monotone(epsilon, size, bound, level, factor):
    base = thresholds.finite_class_sample_size(epsilon, size, bound, level)
    assert thresholds.finite_class_sample_size(epsilon * factor, size, bound, level) < base
    assert thresholds.finite_class_sample_size(epsilon, size + 1, bound, level) > base
    assert thresholds.finite_class_sample_size(epsilon, size, bound * factor, level) > base
    assert thresholds.finite_class_sample_size(epsilon, size, bound, level / factor) > base
    # Scale: measuring the loss in other units changes nothing.
    assert thresholds.finite_class_sample_size(
        epsilon * factor, size, bound * factor, level
    ) == pytest.approx(base)


@given(st.integers(1, 10_000), st.integers(1, 1000), BOUNDS, LEVELS)
def test_the_largest_possible_gap_needs_exactly_n(n, size, bound, level):
    largest = thresholds.largest_possible_gap(n, size, bound, level)
    assert thresholds.finite_class_sample_size(largest, size, bound, level) == pytest.approx(n)


@given(st.integers(2, 500), st.floats(0, 0.999), BOUNDS)
def test_mixing_distinct_pairs_never_lowers_the_range_based_deviation(n, weight, bound):
    assert thresholds.limit_deviation(n, weight, bound) > bound / 2 / sqrt(n)
    assert thresholds.limit_deviation(n, 1.0, bound) == pytest.approx(bound / 2 / sqrt(n))


@given(
    st.floats(0.05, 1), st.floats(0, 0.9), st.integers(1, 50), st.floats(0.01, 0.4),
    st.floats(0.01, 0.4),
)  # fmt: skip
def test_the_obstruction_starts_at_n0_and_stays(bias, weight, size, level, eta):
    first = thresholds.obstruction_sample_size(bias, weight, size, 1.0, level, eta)

    def margin(n):
        return thresholds.obstruction_margin(n, bias, weight, size, 1.0, level, eta)

    assert margin(first) > 0
    assert first == 2 or margin(first - 1) <= 0
    assert all(margin(n) > 0 for n in range(first, first + 30))


def test_the_asymptotic_ratio_depends_on_the_variance():
    """2 log(1/δ)/z² is for σ = M/2; a Bernoulli(1/10) loss needs (M/2σ)² = 25/9 times as much."""
    n, level = 4_000_000, 0.05
    ratios = []
    for p in (0.5, 0.1):
        epsilon = p - binom.ppf(level, n, p) / n
        ratios.append(thresholds.finite_class_sample_size(epsilon, 1, 1.0, level) / n)
    fair = 2 * log(1 / level) / norm.isf(level) ** 2
    assert ratios == pytest.approx([fair, fair * 25 / 9], rel=5e-3)
    assert ratios[1] == pytest.approx(6.15, abs=0.03)


def test_full_weight_on_the_original_sample_needs_no_draws():
    assert thresholds.mixup_draws_needed(0.1, 1.0, 5, 1.0, 0.05) == 0
    assert thresholds.mixup_constant(0.1, 1.0) == inf
    assert thresholds.least_count(12.0) == 12
    assert thresholds.least_count(12.0001) == ceil(12.0001) == 13


@pytest.mark.parametrize(
    ("call", "word"),
    [
        (lambda: thresholds.finite_class_sample_size(0.0, 3, 1.0, 0.05), "gap"),
        (lambda: thresholds.mean_gap_sample_size(0.1, 0.1, 1.0, 0.05), "mean_gap"),
        (lambda: thresholds.mixup_draws_needed(-0.1, 0.5, 3, 1.0, 0.05), "kappa"),
        (lambda: thresholds.floor_draws(0.2, 0.2, 0.0, 1, 1.0, 0.05), "eps_infinity"),
        (lambda: thresholds.limit_deviation(1, 0.5, 1.0), "n >= 2"),
        (lambda: thresholds.obstruction_margin(9, 0.1, 0.5, 1, 1.0, 0.6, 0.4), "below 1"),
        (lambda: thresholds.obstruction_sample_size(0.0, 0.5, 1, 1.0, 0.1, 0.1), "bias"),
    ],
)
def test_a_threshold_that_does_not_exist_says_why(call, word):
    with pytest.raises(TheoryInputError, match=word):
        call()
