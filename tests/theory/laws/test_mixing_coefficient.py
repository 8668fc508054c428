"""Laws of lambda: exact moments, agreement of all routes, and the refusal of asymmetric laws."""

import math
from fractions import Fraction as Q
from itertools import pairwise

import numpy as np
import pytest
from scipy import integrate, special, stats

from theory.errors import TheoryInputError
from theory.laws.mixing_coefficient import BetaMixing, FiniteMixing, SampledMixing


@pytest.mark.parametrize("alpha", ["1/10", "2/5", "1", "7/2"])
def test_beta_moments_against_quadrature(alpha):
    mixing, a = BetaMixing(alpha), float(Q(alpha))
    for j, k in ((0, 0), (1, 0), (1, 1), (2, 3), (4, 0)):
        numeric = special.beta(a + j, a + k) / special.beta(a, a)
        assert float(mixing.moment(j, k)) == pytest.approx(numeric, rel=1e-12)


@pytest.mark.parametrize(
    ("alpha", "value"),
    [("1", Q(1, 4)), ("2", Q(5, 16)), ("3", Q(11, 32)), ("4", Q(93, 256))],
)
def test_expected_minimum_is_rational_at_integers(alpha, value):
    assert BetaMixing(alpha).expected_minimum() == value


def test_expected_minimum_elsewhere():
    assert BetaMixing("1/2").expected_minimum() == pytest.approx(0.5 - 1 / math.pi, abs=1e-15)
    assert BetaMixing("2/5").expected_minimum() == pytest.approx(0.160242438313006, abs=5e-15)
    for alpha in (0.03, 0.7, 2.5, 40.5):
        gamma = special.gammaln(alpha + 0.5) - special.gammaln(alpha + 1)
        closed = (1 - math.exp(gamma) / math.sqrt(math.pi)) / 2
        assert BetaMixing(alpha).expected_minimum() == pytest.approx(closed, rel=1e-10)
        numeric = special.betainc(alpha + 1, alpha, 0.5)
        assert BetaMixing(alpha).expected_minimum() == pytest.approx(numeric, rel=1e-12)


def test_expected_minimum_vanishes_like_alpha_log_two():
    alpha = 1e-9
    assert BetaMixing(alpha).expected_minimum() == pytest.approx(alpha * math.log(2), rel=1e-6)
    assert 0.49 < BetaMixing(10_000.5).expected_minimum() < 0.5


@pytest.mark.parametrize("alpha", [1, 2, 4])
def test_partial_moments_add_up_and_match_quadrature(alpha):
    mixing, cuts = BetaMixing(alpha), (Q(0), Q(1, 5), Q(2, 3), Q(1))
    for power in range(4):
        parts = [mixing.partial_moment(power, a, b) for a, b in pairwise(cuts)]
        assert sum(parts) == mixing.moment(power, 0)
        numeric, _ = integrate.quad(
            lambda u, k=power: u**k * stats.beta.pdf(u, alpha, alpha), 0.2, 2 / 3
        )
        assert float(parts[1]) == pytest.approx(numeric, abs=1e-12)


def laws():
    return [
        BetaMixing("2/5"),
        BetaMixing(3),
        FiniteMixing.uniform_on("1/4", "3/4"),
        FiniteMixing((Q(0), Q(1, 2), Q(1)), (Q(1, 4), Q(1, 2), Q(1, 4))),
        SampledMixing(lambda rng, count: rng.beta(0.4, 0.4, count)),
    ]


@pytest.mark.parametrize("mixing", laws(), ids=lambda m: type(m).__name__)
def test_integrated_cdf_is_the_integral_of_the_cdf(mixing):
    grid = (np.arange(200_000) + 0.5) / 200_000
    cumulative = np.cumsum(mixing.cdf(grid)) / 200_000
    for place in (20_000, 99_990, 150_000, 199_999):
        at = np.array([grid[place] + 0.5 / 200_000])
        assert mixing.integrated_cdf(at)[0] == pytest.approx(cumulative[place], abs=1e-5)
    # E(1-lambda)_+ = 1/2 for every law symmetric about 1/2
    assert mixing.integrated_cdf(np.array([1.0]))[0] == pytest.approx(0.5, abs=1e-12)


@pytest.mark.parametrize("mixing", laws(), ids=lambda m: type(m).__name__)
def test_samples_follow_the_law(mixing):
    draws = mixing.sample(np.random.default_rng(3), (200, 500))
    assert draws.shape == (200, 500)
    for j, k in ((1, 0), (1, 1), (2, 2)):
        mean = float(np.mean(draws**j * (1 - draws) ** k))
        # Hoeffding at 5e-8 two-sided for 1e5 draws, plus the stored sample's own error
        assert mean == pytest.approx(float(mixing.moment(j, k)), abs=0.02)


@pytest.mark.parametrize("mixing", laws()[:4], ids=lambda m: type(m).__name__)
def test_quadrature_integrates_polynomials_exactly(mixing):
    nodes, weights = mixing.quadrature(6)
    for j, k in ((0, 0), (1, 1), (3, 2), (5, 5)):
        value = float(weights @ (nodes**j * (1 - nodes) ** k))
        assert value == pytest.approx(float(mixing.moment(j, k)), rel=1e-12)


def test_sampled_law_has_the_moments_of_its_source():
    sampled = SampledMixing(lambda rng, count: rng.beta(0.4, 0.4, count), seed=5)
    exact = BetaMixing("2/5")
    assert sampled.moment(1, 0) == pytest.approx(0.5, abs=1e-12)  # symmetrised
    assert sampled.moment(1, 1) == pytest.approx(float(exact.moment(1, 1)), abs=0.003)
    assert sampled.expected_minimum() == pytest.approx(exact.expected_minimum(), abs=0.003)


@pytest.mark.parametrize(
    "sampler",
    [
        lambda rng, count: rng.beta(0.4, 0.5, count),
        lambda rng, count: rng.random(count) * 0.9,
        lambda rng, count: np.ones(count),
    ],
)
def test_asymmetric_samplers_are_refused(sampler):
    with pytest.raises(TheoryInputError, match="not symmetric about 1/2"):
        SampledMixing(sampler)


@pytest.mark.parametrize(
    "sampler",
    [
        lambda rng, count: rng.integers(2, size=count).astype(float),
        lambda rng, count: np.full(count, 0.5),
        lambda rng, count: rng.choice([0.1, 0.9], count),
        lambda rng, count: rng.beta(0.01, 0.01, count),
    ],
)
def test_symmetric_samplers_with_atoms_pass(sampler):
    assert SampledMixing(sampler).moment(1, 0) == pytest.approx(0.5, abs=1e-12)


def test_samplers_that_break_their_contract_are_refused():
    with pytest.raises(TheoryInputError, match=r"lie in \[0, 1\]"):
        SampledMixing(lambda rng, count: rng.normal(0.5, 1, count))
    with pytest.raises(TheoryInputError, match="returned nan"):
        SampledMixing(lambda rng, count: np.full(count, np.nan))
    with pytest.raises(TheoryInputError, match="shape"):
        SampledMixing(lambda rng, count: rng.random((count, 2)))


def test_asymmetric_and_improper_finite_laws_are_refused():
    with pytest.raises(TheoryInputError, match=r"not symmetric.*lambda=1/4"):
        FiniteMixing((Q(1, 4), Q(1, 2)), (Q(1, 2), Q(1, 2)))
    with pytest.raises(TheoryInputError, match="not symmetric"):
        FiniteMixing((Q(1, 4), Q(3, 4)), (Q(1, 3), Q(2, 3)))
    with pytest.raises(TheoryInputError, match="sum to 1/2"):
        FiniteMixing((Q(1, 2),), (Q(1, 2),))
    with pytest.raises(TheoryInputError, match="atom 2"):
        FiniteMixing((Q(2), Q(-1)), (Q(1, 2), Q(1, 2)))
    with pytest.raises(TheoryInputError, match="0 atoms"):
        FiniteMixing.uniform_on()


@pytest.mark.parametrize("alpha", [0, -1, "-1/2", 0.0, float("nan"), float("inf"), "x", None])
def test_alpha_must_be_positive_and_finite(alpha):
    with pytest.raises(TheoryInputError, match="alpha is"):
        BetaMixing(alpha)
