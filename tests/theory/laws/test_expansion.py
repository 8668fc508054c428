"""T6: exact mixup loss against its second-order forms, their remainders and the two regimes."""

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from theory.errors import TheoryInputError
from theory.laws.expansion import (
    SmoothLoss,
    affine_residual_loss,
    exact_difference,
    half_squared_residual,
    midpoint_form,
    midpoint_remainder_bound,
    one_sided_form,
    one_sided_remainder_bound,
    vanishing_alpha_limit,
)
from theory.laws.mixing_coefficient import BetaMixing, FiniteMixing

PLUS = np.array([(0, 0), (1, 0), (0, 1), (-1, 1), (1, -2)], dtype=float)
DIRECTIONS = PLUS - PLUS.mean(axis=0)
MIXING = BetaMixing(Fraction(2, 5))


def residual(x):
    return (np.sin(1.3 * x[:, 0]) + 0.5 * x[:, 1] ** 2 - 0.3 * x[:, 0] * x[:, 1] + 0.2)[:, None]


def jacobian(x):
    first = 1.3 * np.cos(1.3 * x[:, 0]) - 0.3 * x[:, 1]
    return np.stack([first, x[:, 1] - 0.3 * x[:, 0]], axis=-1)[:, None, :]


def hessians(x):
    h = np.zeros((len(x), 1, 2, 2))
    h[:, 0, 0, 0] = -1.69 * np.sin(1.3 * x[:, 0])
    h[:, 0, 1, 1] = 1.0
    h[:, 0, 0, 1] = h[:, 0, 1, 0] = -0.3
    return h


DISTILLATION = half_squared_residual(residual, jacobian, hessians)
QUARTIC = SmoothLoss(lambda x: x[:, 0] ** 4, lambda x: 4 * x**3, lambda x: 12 * x[:, :, None] ** 2)


def sample(spread):
    return np.array([0.4, -0.2]) + spread * DIRECTIONS


def test_derivatives_of_the_squared_residual_match_finite_differences():
    x, step = sample(0.8), 1e-6
    for axis in range(2):
        shift = step * np.eye(2)[axis]
        slope = (DISTILLATION.value(x + shift) - DISTILLATION.value(x - shift)) / (2 * step)
        np.testing.assert_allclose(DISTILLATION.gradient(x)[:, axis], slope, atol=1e-8)
        rows = (DISTILLATION.gradient(x + shift) - DISTILLATION.gradient(x - shift)) / (2 * step)
        np.testing.assert_allclose(DISTILLATION.hessian(x)[:, axis], rows, atol=1e-7)


@pytest.mark.parametrize(
    ("spread", "expected"),
    [
        (0.2, (-0.01127264238, -0.01122602835, -0.01114818115)),
        (0.1, (-0.002608517527, -0.002605482945, -0.002600616046)),
    ],
)
def test_values_of_the_document(spread, expected):
    x = sample(spread)
    measured = (
        exact_difference(DISTILLATION, x, MIXING),
        midpoint_form(DISTILLATION, x, MIXING),
        one_sided_form(DISTILLATION, x, MIXING),
    )
    assert measured == pytest.approx(expected, abs=5e-12)


@pytest.mark.parametrize("form", [midpoint_form, one_sided_form])
@pytest.mark.parametrize("pairing", ["self", "distinct"])
def test_the_error_is_of_fourth_order_in_the_spread(form, pairing):
    spreads = 0.2 / 2.0 ** np.arange(4)
    errors = [
        abs(
            exact_difference(DISTILLATION, x, MIXING, pairing)
            - form(DISTILLATION, x, MIXING, pairing)
        )
        for x in map(sample, spreads)
    ]
    slopes = np.log2(np.array(errors[:-1]) / errors[1:])
    assert np.all((slopes >= 3.9) & (slopes <= 4.1)), slopes


def test_alpha_to_zero_is_not_a_regime_of_the_forms():
    x, tiny = sample(0.8), BetaMixing(Fraction(1, 10**7))
    limit = vanishing_alpha_limit(DISTILLATION, x)
    assert limit == pytest.approx(-1.30716160, abs=1e-7)
    assert exact_difference(DISTILLATION, x, tiny) * 1e7 == pytest.approx(limit, abs=1e-5)
    assert midpoint_form(DISTILLATION, x, tiny) * 1e7 == pytest.approx(-1.2431, abs=5e-5)
    assert one_sided_form(DISTILLATION, x, tiny) * 1e7 == pytest.approx(-1.0778, abs=5e-5)


def test_the_midpoint_remainder_is_an_equality_for_a_quartic():
    x = np.array([[0.0], [1.0], [3.0], [-2.0]])
    mixing = BetaMixing(1)
    remainder = exact_difference(QUARTIC, x, mixing) - midpoint_form(QUARTIC, x, mixing)
    assert remainder == pytest.approx(-5.125, abs=1e-9)
    assert midpoint_remainder_bound(24.0, x, mixing) == pytest.approx(5.125, abs=1e-12)


@settings(deadline=None, max_examples=60, derandomize=True)
@given(
    st.lists(st.floats(-2, 2), min_size=2, max_size=6),
    st.fractions("1/20", 6, max_denominator=20),
    st.tuples(*[st.floats(-1, 1)] * 5),
    st.sampled_from(["self", "distinct"]),
)
def test_remainder_bounds_hold_for_polynomials(points, alpha, coefficients, pairing):
    """Degree 4 with K4 = 24|c4|: both remainders stay within their bounds."""
    polynomial = np.polynomial.Polynomial(coefficients)
    slope, curvature = polynomial.deriv(1), polynomial.deriv(2)
    loss = SmoothLoss(
        lambda x: polynomial(x[:, 0]), lambda x: slope(x), lambda x: curvature(x[:, :, None])
    )
    x, mixing = np.array(points)[:, None], BetaMixing(alpha)
    exact = exact_difference(loss, x, mixing, pairing)
    fourth = 24 * abs(coefficients[4])
    midpoint_error = abs(exact - midpoint_form(loss, x, mixing, pairing))
    one_sided_error = abs(exact - one_sided_form(loss, x, mixing, pairing))
    slack = 1e-9
    assert midpoint_error == pytest.approx(
        midpoint_remainder_bound(fourth, x, mixing, pairing), abs=slack
    )
    assert one_sided_error <= one_sided_remainder_bound(fourth, x, mixing, pairing) + slack


@settings(deadline=None, max_examples=40, derandomize=True)
@given(
    st.lists(st.floats(-2, 2), min_size=2, max_size=6),
    st.fractions("1/20", 6, max_denominator=20),
    st.tuples(*[st.floats(-1, 1)] * 3),
)
def test_quadratics_are_exact_and_convex_ones_not_positive(points, alpha, coefficients):
    polynomial = np.polynomial.Polynomial((*coefficients[:2], abs(coefficients[2])))
    slope, curvature = polynomial.deriv(1), polynomial.deriv(2)
    loss = SmoothLoss(
        lambda x: polynomial(x[:, 0]),
        lambda x: slope(x),
        lambda x: np.broadcast_to(curvature(0.0), (len(x), 1, 1)),
    )
    x, mixing = np.array(points)[:, None], BetaMixing(alpha)
    exact = exact_difference(loss, x, mixing)
    assert exact == pytest.approx(midpoint_form(loss, x, mixing), abs=1e-10)
    assert exact == pytest.approx(one_sided_form(loss, x, mixing), abs=1e-10)
    assert exact <= 1e-10


def test_affine_residuals_are_downweighted_in_variance_only():
    rng = np.random.default_rng(3)
    x, slopes, shift = rng.normal(size=(7, 3)), rng.normal(size=(3, 2)), rng.normal(size=2)
    zero = np.zeros((2, 3, 3))
    loss = half_squared_residual(
        lambda x: x @ slopes + shift,
        lambda x: np.broadcast_to(slopes.T, (len(x), 2, 3)),
        lambda x: np.broadcast_to(zero, (len(x), 2, 3, 3)),
    )
    alpha = 0.4
    s = (alpha + 1) / (2 * alpha + 1)
    mixed = exact_difference(loss, x, MIXING) + loss.value(x).mean()
    assert affine_residual_loss(x @ slopes + shift, s) == pytest.approx(mixed, abs=1e-10)
    distinct = exact_difference(loss, x, MIXING, "distinct") + loss.value(x).mean()
    s_n = s - alpha / ((2 * alpha + 1) * (len(x) - 1))
    assert affine_residual_loss(x @ slopes + shift, s_n) == pytest.approx(distinct, abs=1e-10)


def test_the_expansion_serves_any_symmetric_law():
    mixing = FiniteMixing.uniform_on("1/4", "3/4")
    x = np.array([[0.0], [1.0], [3.0]])
    by_hand = np.mean([
        0.5 * ((0.25 * a + 0.75 * b) ** 4 + (0.75 * a + 0.25 * b) ** 4)
        for a in x[:, 0] for b in x[:, 0]
    ]) - np.mean(x**4)  # fmt: skip
    assert exact_difference(QUARTIC, x, mixing) == pytest.approx(by_hand, abs=1e-12)
    error = abs(by_hand - midpoint_form(QUARTIC, x, mixing))
    assert error == pytest.approx(midpoint_remainder_bound(24.0, x, mixing), abs=1e-10)


@pytest.mark.parametrize(
    ("points", "pairing", "words"),
    [
        (np.zeros(3), "self", "shape"),
        (np.zeros((1, 2)), "self", "n >= 2"),
        (np.array([[0.0], [np.nan]]), "self", "NaN"),
        (np.zeros((2, 1)), "some", "'distinct' or 'self'"),
    ],
)
def test_bad_samples_are_refused(points, pairing, words):
    with pytest.raises(TheoryInputError, match=words):
        midpoint_form(QUARTIC, points, MIXING, pairing)


def test_a_negative_fourth_derivative_is_refused():
    with pytest.raises(TheoryInputError, match="K4"):
        midpoint_remainder_bound(-1.0, np.zeros((2, 1)), MIXING)
