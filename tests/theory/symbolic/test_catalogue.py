"""Every closed form: derived equals stated, and both equal quadrature and simulation."""

import numpy as np
import pytest
import sympy as sp
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import integrate, stats

from theory.errors import TheoryInputError
from theory.symbolic.catalogue import all_derivations, derivation
from theory.symbolic.law import ALPHA, NUMBER_OF_POINTS, beta_expectation, beta_moment
from theory.symbolic.thresholds import H, M, delta, gap, mean_gap


@pytest.mark.parametrize("item", all_derivations(), ids=lambda item: item.id)
def test_derived_equals_stated(item):
    assert item.residual() == 0
    # A second route: both sides evaluated at odd numbers, so that simplify cannot be the judge.
    symbols = sorted(item.derived.free_symbols | item.stated.free_symbols, key=str)
    values = {symbol: sp.Rational(7 + 3 * k, 11 + 2 * k) for k, symbol in enumerate(symbols)}
    derived, stated = (complex(side.subs(values).evalf(30)) for side in (item.derived, item.stated))
    assert derived == pytest.approx(stated, rel=1e-12)


def test_a_wrong_closed_form_is_noticed():
    right = derivation("product")
    wrong = type(right)(
        right.id,
        right.theorem,
        right.quantity,
        right.method,
        right.derived,
        ALPHA / (2 * ALPHA + 1),
    )
    assert not wrong.holds()


@pytest.mark.parametrize("alpha", [0.3, 0.4, 1.0, 2.5])
def test_closed_forms_agree_with_quadrature(alpha):
    density = stats.beta(alpha, alpha).pdf

    def mean(function):
        # The two halves mirror each other; λ = u^(1/α) removes the singularity at 0.
        def half(v):
            lam = v ** (1 / alpha)
            return (function(lam) + function(1 - lam)) * density(lam) * lam ** (1 - alpha) / alpha

        return integrate.quad(half, 0, 0.5**alpha, epsabs=1e-13, epsrel=1e-12)[0]

    expected = {
        "s": lambda u: u**2 + (1 - u) ** 2,
        "product": lambda u: u * (1 - u),
        "m": lambda u: min(u, 1 - u),
        "fourth central": lambda u: (u - 0.5) ** 4,
        "label mixing": lambda u: (u * (1 - u)) ** 2 / 2,
        # The size-biased law of the one-sided form: E[(1-λ̃)^k] = 2 E[λ(1-λ)^k].
        "mu1": lambda u: 2 * u * (1 - u),
        "mu2": lambda u: 2 * u * (1 - u) ** 2,
        "mu3": lambda u: 2 * u * (1 - u) ** 3,
        "mu4": lambda u: 2 * u * (1 - u) ** 4,
    }
    for identifier, function in expected.items():
        stated = float(derivation(identifier).stated.subs(ALPHA, sp.Float(alpha, 30)))
        assert stated == pytest.approx(mean(function), abs=1e-8), identifier


def test_closed_forms_agree_with_simulation():
    draws = 400_000
    lam = np.random.default_rng(20).beta(0.7, 0.7, draws)
    # Two-sided 5e-8 for means of [0, 1] variables.
    tolerance = np.sqrt(np.log(4e7) / (2 * draws))
    for identifier, values in {
        "s": lam**2 + (1 - lam) ** 2,
        "m": np.minimum(lam, 1 - lam),
        "product": lam * (1 - lam),
    }.items():
        stated = float(derivation(identifier).stated.subs(ALPHA, sp.Rational(7, 10)))
        assert abs(values.mean() - stated) < tolerance, identifier


def test_m_at_the_values_of_the_document():
    m = derivation("m").derived
    half = sp.Rational(1, 2)
    values = [half, 1, 2, 3, 4]
    expected = [half - 1 / sp.pi, sp.Rational(1, 4), sp.Rational(5, 16), sp.Rational(11, 32),
                sp.Rational(93, 256)]  # fmt: skip
    assert [sp.simplify(m.subs(ALPHA, value) - want) for value, want in zip(
        values, expected, strict=True)] == [0] * 5  # fmt: skip
    assert float(m.subs(ALPHA, sp.Rational(2, 5))) == pytest.approx(0.160242438313006, abs=1e-14)


@settings(deadline=None, max_examples=25, derandomize=True)
@given(st.integers(0, 6), st.fractions("1/10", 8, max_denominator=20))
def test_beta_moments_agree_with_scipy(order, alpha):
    value = beta_moment(order).subs(ALPHA, sp.Rational(alpha.numerator, alpha.denominator))
    assert float(value) == pytest.approx(
        float(stats.beta(float(alpha), float(alpha)).moment(order)), rel=1e-10
    )


def test_covariance_of_distinct_pairs_on_a_sample():
    points = np.array([0.0, 1.0, 3.0, 7.0])
    n = len(points)
    first, second = np.divmod(np.arange(n * n), n)
    x, y = points[first[first != second]], points[second[first != second]]
    nodes, weights = np.polynomial.legendre.leggauss(5)  # α = 1, exact for degree 9
    mixed = (1 + nodes)[:, None] / 2 * x + (1 - nodes)[:, None] / 2 * y
    variance = np.average((mixed - points.mean()) ** 2, axis=0, weights=weights).mean()
    factor = derivation("s distinct").derived.subs({ALPHA: 1, NUMBER_OF_POINTS: n})
    assert variance / points.var() == pytest.approx(float(factor), abs=1e-13)
    assert beta_expectation(sp.Integer(1)) == 1


def test_t1_thresholds_at_the_values_of_the_document():
    three = {M: 1, H: 3, delta: sp.Rational(1, 20)}
    for epsilon, size in [("2/5", 13), ("11/40", 28), ("19/80", 37)]:
        threshold = derivation("T1a").derived.subs(three).subs(gap, sp.Rational(epsilon))
        assert sp.ceiling(threshold) == size
    c = derivation("T1b c").derived
    assert c.subs({gap: sp.Rational(2, 5), mean_gap: sp.Rational(1, 5)}) == sp.Rational(2, 25)


def test_asymptotic_ratio_of_the_t1_threshold():
    z = sp.Symbol("z", positive=True)
    ratio = derivation("T1 asymptotic").derived
    measured = [
        float(ratio.subs({delta: level, z: stats.norm.isf(level)}))
        for level in (0.1, 0.05, 0.01, 0.001)
    ]
    assert measured == pytest.approx([2.804, 2.2145, 1.7019, 1.4467], abs=5e-4)


def test_unknown_derivation_names_the_known_ones():
    with pytest.raises(TheoryInputError, match="midpoint remainder"):
        derivation("zeta")
