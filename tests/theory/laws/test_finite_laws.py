"""Finite laws, losses and kernels: exact values, two routes to each mean, refusals."""

import math
from fractions import Fraction as Q

import numpy as np
import pytest
from scipy import integrate, stats

from theory.errors import TheoryInputError
from theory.laws.finite_laws import (
    FLOOR_MIXING,
    TENT,
    FiniteClass,
    FiniteLaw,
    TableLoss,
    bernoulli_class,
    tent_class,
    three_point_class,
    three_point_line,
)
from theory.laws.mixing_coefficient import BetaMixing
from theory.laws.piecewise import PiecewisePolynomial


def test_law_moments():
    law = FiniteLaw.of({0: "1/4", 4: "3/4"})
    assert (law.mean(), law.variance(), law.mean_pair_distance()) == (3, 3, Q(3, 2))
    assert three_point_line().mean_pair_distance() == Q(24, 25)


def test_tent_is_the_stated_function():
    for x in (Q(-2), Q(-1, 2), Q(-1, 5), Q(0), Q(1, 3), Q(1, 2), Q(7)):
        assert TENT(x) == max(Q(0), 1 - 2 * abs(x))


def test_vectorised_losses_agree_with_the_exact_ones():
    points = [Q(k, 8) for k in range(-16, 17)]
    step = PiecewisePolynomial.of([0, 1], [[0], [1, 2, 3], ["1/2"]])
    for loss in (TENT, step):
        values = loss.values(np.array([float(x) for x in points]).reshape(3, 11))
        assert values.shape == (3, 11)
        assert values.ravel().tolist() == [float(loss(x)) for x in points]


def test_a_break_belongs_to_the_piece_on_its_left():
    step = PiecewisePolynomial.of([0], [[0], [1]])
    assert (step(Q(0)), step(Q(1, 10**9))) == (0, 1)
    assert step.values(np.array([0.0, 1e-9])).tolist() == [0.0, 1.0]


@pytest.mark.parametrize("alpha", [1, 2, 5])
@pytest.mark.parametrize(("x", "y"), [(-1, 1), (0, 1), (1, 0), (-1, "1/3"), (2, 2), (1, 3)])
def test_beta_mean_of_a_kinked_loss_against_quadrature(alpha, x, y):
    x, y = Q(x), Q(y)
    exact = TENT.beta_mean(x, y, BetaMixing(alpha))
    kinks = [float((b - y) / (x - y)) for b in TENT.breaks] if x != y else []
    numeric, _ = integrate.quad(
        lambda u: (
            max(0.0, 1 - 2 * abs(u * float(x) + (1 - u) * float(y)))
            * stats.beta.pdf(u, alpha, alpha)
        ),
        0,
        1,
        points=[k for k in kinks if 0 < k < 1] or None,
    )
    assert float(exact) == pytest.approx(numeric, abs=1e-10)


def test_beta_mean_of_a_smooth_loss_is_exact_for_any_rational_alpha():
    square = PiecewisePolynomial.polynomial(0, 0, 1)
    for alpha in (Q(1, 3), Q(2, 5), Q(7, 2)):
        product = alpha / (2 * (2 * alpha + 1))
        # lambda^2 + (1-lambda)^2 = 1 - 2q and 2 lambda (1-lambda) = 2q, q = lambda (1-lambda)
        expected = (1 - 2 * product) / 2 * (9 + 4) + 2 * product * 3 * (-2)
        assert square.beta_mean(Q(3), Q(-2), BetaMixing(alpha)) == expected


def test_beta_mean_across_a_kink_needs_an_integer_alpha():
    with pytest.raises(TheoryInputError, match=r"only for integer alpha.*theory\.laws\.simulation"):
        tent_class().kernels(BetaMixing("1/2"))


def test_kernels_are_symmetric_with_the_loss_on_the_diagonal():
    for mixing in (BetaMixing(2), FLOOR_MIXING):
        (kernel,) = tent_class().kernels(mixing)
        (losses,) = tent_class().loss_table()
        for k in range(3):
            assert kernel[k][k] == losses[k]
            assert [kernel[k][j] for j in range(3)] == [kernel[j][k] for j in range(3)]


def test_a_plain_function_mixes_under_finite_laws_only():
    problem = FiniteClass(FiniteLaw.uniform_on(0, 1), (lambda x: x * x,), Q(1))
    assert problem.kernels(FLOOR_MIXING)[0][0][1] == Q(5, 16)
    with pytest.raises(TheoryInputError, match="no PiecewisePolynomial"):
        problem.kernels(BetaMixing(1))


def test_tabulated_losses_cannot_be_mixed():
    with pytest.raises(TheoryInputError, match="not tabulated at 3/4"):
        three_point_class().kernels(FLOOR_MIXING)
    with pytest.raises(TheoryInputError, match=r"not tabulated at 0\.5"):
        TableLoss.of({0: 1, 1: 0}).values(np.array([0.0, 0.5]))


@pytest.mark.parametrize(
    ("masses", "message"),
    [
        ({}, "0 points"),
        ({0: "1/2", 1: "1/3"}, "sum to 5/6"),
        ({0: 1, 1: 0}, "probability 0"),
        ({0: 0.5, 1: 0.5}, "probability is 0.5"),
        ({0: "1/2", "0/3": "1/2"}, "twice"),
    ],
)
def test_bad_laws_are_refused(masses, message):
    with pytest.raises(TheoryInputError, match=message):
        FiniteLaw.of(masses)


def test_bad_classes_are_refused():
    law = FiniteLaw.uniform_on(0, 1)
    with pytest.raises(TheoryInputError, match="class is empty"):
        FiniteClass(law, (), Q(1))
    with pytest.raises(TheoryInputError, match="loss function 0 is 2 at point 1"):
        FiniteClass(law, (TableLoss.of({0: 0, 1: 2}),), Q(1))
    with pytest.raises(TheoryInputError, match="loss_bound is 0"):
        FiniteClass(law, (TableLoss.of({0: 0, 1: 0}),), Q(0))
    spike = PiecewisePolynomial.of([0, "1/2"], [[0], [3], [0]])
    with pytest.raises(TheoryInputError, match="is 3 at point 1/4"):
        FiniteClass(law, (spike,), Q(1)).kernels(FLOOR_MIXING)
    with pytest.raises(TheoryInputError, match="needs 2 non-empty pieces"):
        PiecewisePolynomial.of([0], [[1]])
    with pytest.raises(TheoryInputError, match="do not increase"):
        PiecewisePolynomial.of([1, 0], [[1], [1], [1]])


def test_bernoulli_class_is_l2s_single_function():
    problem = bernoulli_class("3/10")
    assert problem.risks() == (Q(3, 10),)
    assert math.isclose(float(problem.law.variance()), 0.21)
