"""T5: what mixup leaves unchanged for linear students, and the shrinkage it does cause."""

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from theory.errors import TheoryInputError
from theory.laws.linear import (
    fit_mixed,
    minimum_norm_solution,
    mixed_second_moment,
    polynomial_rank,
)

ROWS = [(0, 0), (1, 2), (3, 1), (2, 5)]
FEATURE = np.array([[Fraction(x)] for x, _ in ROWS], dtype=object)
TARGET = np.array([Fraction(x + 2 * y) for x, y in ROWS], dtype=object)


def s(alpha):
    return Fraction(alpha + 1, 2 * alpha + 1)


def s_distinct(alpha, n):
    return s(alpha) - Fraction(alpha, (2 * alpha + 1) * (n - 1))


def test_the_fixture_without_intercept():
    slopes = [
        fit_mixed(FEATURE, TARGET, factor, intercept=False)[0]
        for factor in (Fraction(1), s(1), s_distinct(1, 4))
    ]
    assert slopes == [Fraction(22, 7), Fraction(121, 37), Fraction(176, 53)]


@pytest.mark.parametrize("factor", [Fraction(1), s(1), s(3), s_distinct(1, 4), s_distinct(5, 4)])
def test_the_fixture_with_intercept_never_moves(factor):
    assert list(fit_mixed(FEATURE, TARGET, factor, intercept=True)) == [Fraction(11, 5)] * 2


def test_the_second_moment_is_that_of_enumerated_pairs():
    """Against the definition, λ ∈ {1/4, 3/4}: s = 5/8."""
    rows = np.array(
        [[Fraction(x), Fraction(1), y] for (x, _), y in zip(ROWS, TARGET, strict=True)],
        dtype=object,
    )
    lams = (Fraction(1, 4), Fraction(3, 4))
    for distinct in (False, True):
        mixed = [
            lam * rows[i] + (1 - lam) * rows[j]
            for lam in lams
            for i in range(4)
            for j in range(4)
            if not distinct or i != j
        ]
        by_hand = sum(np.outer(z, z) for z in mixed) / len(mixed)
        factor = Fraction(5, 8) - (Fraction(3, 8) / 3 if distinct else 0)
        assert np.array_equal(by_hand, mixed_second_moment(rows, factor))


@settings(deadline=None, max_examples=40, derandomize=True)
@given(
    st.integers(0, 10_000), st.floats(0.5, 1.0), st.floats(0.01, 10.0), st.booleans()
)  # fmt: skip
def test_ridge_with_mixup_is_a_larger_ridge_without(seed, factor, ridge, label_mixing):
    """Any labels: the targets need not be affine in the features."""
    rng = np.random.default_rng(seed)
    features = rng.normal(size=(9, 3))
    targets = rng.normal(size=9) if label_mixing else features @ rng.normal(size=3)
    mixed = fit_mixed(features, targets, factor, intercept=True, ridge=ridge)
    plain = fit_mixed(features, targets, intercept=True, ridge=ridge / factor)
    np.testing.assert_allclose(mixed, plain, rtol=1e-8, atol=1e-10)
    assert ridge <= ridge / factor <= 2 * ridge


def test_the_intercept_matters():
    rng = np.random.default_rng(0)
    features, targets = rng.normal(size=(9, 2)) + 1.0, rng.normal(size=9)
    with_mixup = fit_mixed(features, targets, 0.7, intercept=False)
    without = fit_mixed(features, targets, intercept=False)
    assert np.max(np.abs(with_mixup - without)) > 1e-3


@pytest.mark.parametrize("weight", [0.1, 0.5, 1.0])
def test_fewer_points_than_dimensions_gives_the_same_minimum_norm_solution(weight):
    rng = np.random.default_rng(5)
    n, d, a = 5, 12, 40
    points, teacher = rng.normal(size=(n, d)), rng.normal(size=d)
    i, j, lam = rng.integers(n, size=a), rng.integers(n, size=a), rng.beta(0.4, 0.4, a)[:, None]
    mixed = lam * points[i] + (1 - lam) * points[j]
    plain = np.linalg.pinv(points) @ (points @ teacher)
    solution = minimum_norm_solution(points, points @ teacher, mixed, mixed @ teacher, weight)
    np.testing.assert_allclose(solution, plain, atol=1e-9)
    # A metamorphic route: gradient descent from zero on the mixed objective.
    design = np.vstack([points * np.sqrt(weight / n), mixed * np.sqrt((1 - weight) / a)])
    theta, step = np.zeros(d), 1 / np.linalg.norm(design, 2) ** 2
    for _ in range(20_000):
        theta -= step * design.T @ (design @ (theta - teacher))
    np.testing.assert_allclose(theta, solution, atol=1e-6)


def test_enough_points_identify_the_teacher_either_way():
    rng = np.random.default_rng(6)
    points, teacher = rng.normal(size=(15, 4)), rng.normal(size=4)
    mixed = 0.5 * points[:7] + 0.5 * points[8:]
    solution = minimum_norm_solution(points, points @ teacher, mixed, mixed @ teacher, 0.5)
    np.testing.assert_allclose(solution, teacher, atol=1e-9)


@pytest.mark.parametrize("weight", [0.0, 0.3, 1.0])
def test_the_weighted_loss_is_stationary_at_the_solution(weight):
    """With noise in the targets the two means pull apart, and the weights decide."""
    rng = np.random.default_rng(9)
    points, mixed = rng.normal(size=(15, 4)), rng.normal(size=(30, 4))
    targets, mixed_targets = rng.normal(size=15), rng.normal(size=30)
    theta = minimum_norm_solution(points, targets, mixed, mixed_targets, weight)
    gradient = weight * points.T @ (points @ theta - targets) / 15
    gradient += (1 - weight) * mixed.T @ (mixed @ theta - mixed_targets) / 30
    np.testing.assert_allclose(gradient, 0, atol=1e-12)


def test_one_interior_point_identifies_a_quadratic_teacher():
    ends = np.array([0.0, 1.0])
    assert polynomial_rank(ends, 2) == 2
    mixed = np.append(ends, 0.25)
    assert polynomial_rank(mixed, 2) == 3
    teacher = np.array([2.0, -3.0, 1.0])
    fitted = np.linalg.solve(np.vander(mixed, 3), np.polyval(teacher, mixed))
    np.testing.assert_allclose(fitted, teacher, atol=1e-12)
    # Extreme mixing coefficients add no point at all.
    assert polynomial_rank(np.append(ends, [0.0, 1.0]), 2) == 2


def test_bad_input_is_refused():
    with pytest.raises(TheoryInputError, match="one target a row"):
        fit_mixed(FEATURE, TARGET[:3], intercept=False)
    with pytest.raises(TheoryInputError, match="factor"):
        mixed_second_moment(FEATURE, Fraction(3, 2))
    with pytest.raises(TheoryInputError, match="singular"):
        fit_mixed(np.array([[1.0], [1.0]]), np.array([1.0, 2.0]), intercept=True)
    with pytest.raises(TheoryInputError, match="singular"):
        fit_mixed(FEATURE * 0, TARGET, intercept=True)
    with pytest.raises(TheoryInputError, match="weight"):
        minimum_norm_solution(np.eye(2), np.ones(2), np.eye(2), np.ones(2), 1.5)
    with pytest.raises(TheoryInputError, match="degree"):
        polynomial_rank(np.zeros(2), -1)
