"""The law of mixup: moments, covariance, distance, bias and effective sample size."""

import itertools
import math
from fractions import Fraction as Q

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import integrate

from theory.counterexamples.sampling import permutation_batch_law
from theory.errors import TheoryInputError
from theory.laws.finite_laws import (
    EIGHTHS_MIXING,
    FLOOR_MIXING,
    FiniteClass,
    FiniteLaw,
    TableLoss,
    square_class,
)
from theory.laws.mixing_coefficient import BetaMixing, FiniteMixing, SampledMixing
from theory.laws.mixup_law import (
    covariance_factor,
    effective_sample,
    lipschitz_bias_bound,
    mean_pair_distance,
    mixed_covariance,
    mixing_moments,
    smooth_bias_bound,
    wasserstein_bound,
    wasserstein_to_mixed,
)
from theory.laws.piecewise import PiecewisePolynomial

profile = settings(deadline=None, derandomize=True, max_examples=40)
fractions = st.fractions(min_value=Q(1, 20), max_value=20, max_denominator=20)


@profile
@given(fractions)
def test_beta_moments_have_their_closed_forms(alpha):
    m = mixing_moments(BetaMixing(alpha))
    assert m.contraction == (alpha + 1) / (2 * alpha + 1)
    assert m.product == alpha / (2 * (2 * alpha + 1))
    assert m.one_sided == (
        alpha / (2 * alpha + 1),
        alpha / (2 * alpha + 1) / 2,
        alpha * (alpha + 2) / (2 * (2 * alpha + 1) * (2 * alpha + 3)),
        alpha * (alpha + 3) / (4 * (2 * alpha + 1) * (2 * alpha + 3)),
    )
    assert m.fourth_central == Q(3) / (16 * (2 * alpha + 1) * (2 * alpha + 3))


def test_moments_of_a_finite_law_by_hand():
    m = mixing_moments(FLOOR_MIXING)
    assert (m.contraction, m.product, m.minimum) == (Q(5, 8), Q(3, 16), Q(1, 4))
    assert m.fourth_central == Q(1, 256)


@pytest.mark.parametrize("mixing", [BetaMixing(1), BetaMixing("2/5"), FLOOR_MIXING])
def test_covariance_given_the_sample_by_enumerating_pairs(mixing):
    """On {0, 1, 3, 7}: Var(x'|S) over all pairs, E over lambda by its moments."""
    points = [Q(x) for x in (0, 1, 3, 7)]
    n, mean = len(points), sum(points) / len(points)
    variance = sum((x - mean) ** 2 for x in points) / n
    squares, products = mixing.moment(2, 0), mixing.moment(1, 1)
    for pairing, pairs in (
        ("distinct", list(itertools.permutations(points, 2))),
        ("self", list(itertools.product(points, repeat=2))),
    ):
        second = sum(squares * (x * x + y * y) + 2 * products * x * y for x, y in pairs)
        exact = second / len(pairs) - mean**2
        assert covariance_factor(mixing, n, pairing) * variance == exact
        computed = mixed_covariance(np.array([[0.0], [1.0], [3.0], [7.0]]), mixing, pairing)
        assert computed == pytest.approx(np.array([[float(exact)]]), rel=1e-12)


def test_covariance_factor_is_the_stated_one():
    alpha, n = Q(2, 5), 9
    s = (alpha + 1) / (2 * alpha + 1)
    mixing = BetaMixing(alpha)
    assert covariance_factor(mixing, n, "self") == covariance_factor(mixing, None, "distinct") == s
    stated = s - alpha / ((2 * alpha + 1) * (n - 1))
    assert covariance_factor(mixing, n, "distinct") == stated


def test_covariance_of_vectors_against_simulation():
    rng = np.random.default_rng(8)
    points = rng.normal(size=(6, 3)) @ np.array([[1.0, 2, 0], [0, 1, 0], [0, 0, 3]])
    i = rng.integers(6, size=400_000)
    j = (i + 1 + rng.integers(5, size=i.size)) % 6
    u = rng.beta(0.4, 0.4, i.size)[:, None]
    mixed = u * points[i] + (1 - u) * points[j]
    exact = mixed_covariance(points, BetaMixing("2/5"), "distinct")
    assert np.cov(mixed.T, bias=True) == pytest.approx(exact, abs=0.02 * exact.max())


def test_wasserstein_on_three_points_is_the_stated_value():
    law = FiniteLaw.uniform_on(0, 1, 3)
    value = wasserstein_to_mixed(law, BetaMixing(1))
    assert value == pytest.approx(0.285185185, abs=5e-10)
    assert value == pytest.approx(77 / 270, abs=1e-12)
    assert wasserstein_bound(BetaMixing(1), law.mean_pair_distance()) == Q(1, 3)


@pytest.mark.parametrize("alpha", [0.05, 0.4, 1.0, 3.0])
def test_wasserstein_against_quadrature(alpha):
    """Another route: |F-G| evaluated from the definition and integrated adaptively."""
    law, mixing = FiniteLaw.of({0: "1/2", 1: "1/8", "5/2": "3/8"}), BetaMixing(alpha)
    x = [float(p) for p in law.points]
    p = [float(q) for q in law.probabilities]

    def difference(t):
        total = sum(q for y, q in zip(x, p, strict=True) if y <= t)
        for (a, pa), (b, pb) in itertools.product(zip(x, p, strict=True), repeat=2):
            if a == b:
                total -= pa * pb * (a <= t)
            else:
                cut = (t - min(a, b)) / abs(a - b)
                total -= pa * pb * float(mixing.cdf(np.clip(np.array([cut]), 0, 1))[0])
        return abs(total)

    numeric, _ = integrate.quad(difference, 0, 2.5, points=[1.0], limit=400)
    assert wasserstein_to_mixed(law, mixing) == pytest.approx(numeric, abs=1e-6)


@profile
@given(
    st.tuples(st.integers(-5, 5), st.integers(1, 5)), st.integers(1, 9), st.sampled_from([1, 2, 5])
)
def test_the_bound_is_attained_on_every_two_point_law(place, mass, alpha):
    law = FiniteLaw.of({place[0]: Q(mass, 10), sum(place): 1 - Q(mass, 10)})
    for mixing in (EIGHTHS_MIXING, FLOOR_MIXING):
        exact = wasserstein_to_mixed(law, mixing)
        assert exact == wasserstein_bound(mixing, law.mean_pair_distance())
        assert isinstance(exact, Q)
    mixing = BetaMixing(alpha)
    bound = float(wasserstein_bound(mixing, law.mean_pair_distance()))
    assert wasserstein_to_mixed(law, mixing) == pytest.approx(bound, abs=1e-11)


@profile
@given(
    st.lists(st.integers(-6, 6), min_size=2, max_size=5, unique=True),
    st.sampled_from([0.1, 0.4, 1.0, 4.0]),
    st.integers(1, 6),
)
def test_wasserstein_obeys_its_bound_and_scales(points, alpha, factor):
    law = FiniteLaw.uniform_on(*points)
    scaled = FiniteLaw.uniform_on(*[factor * x + 3 for x in points])
    value = wasserstein_to_mixed(law, BetaMixing(alpha))
    assert value <= wasserstein_bound(BetaMixing(alpha), law.mean_pair_distance()) + 1e-12
    assert wasserstein_to_mixed(scaled, BetaMixing(alpha)) == pytest.approx(factor * value, 1e-9)
    exact = wasserstein_to_mixed(law, FLOOR_MIXING)
    assert exact <= wasserstein_bound(FLOOR_MIXING, law.mean_pair_distance())


def test_wasserstein_of_a_sampled_law_is_close_to_its_source():
    law = FiniteLaw.uniform_on(0, 1, 3)
    sampled = SampledMixing(lambda rng, count: rng.random(count))
    assert wasserstein_to_mixed(law, sampled) == pytest.approx(77 / 270, abs=3e-3)


def test_bias_bounds_hold_and_the_smooth_one_is_attained_by_quadratics():
    problem = square_class()
    mixing = BetaMixing("2/5")
    (bias,) = problem.biases(mixing)
    assert smooth_bias_bound(mixing, 2, problem.law.variance()) == bias
    assert bias <= lipschitz_bias_bound(mixing, 2, problem.law.mean_pair_distance())
    hat = PiecewisePolynomial.of([0], [[1, 1], [1, -1]])  # 1-|x|, Lipschitz with constant 1
    kinked = FiniteClass(problem.law, (hat,), Q(1))
    for alpha in (1, 3):
        bound = lipschitz_bias_bound(BetaMixing(alpha), 1, kinked.law.mean_pair_distance())
        assert abs(kinked.biases(BetaMixing(alpha))[0]) <= bound


def test_mean_pair_distance_of_a_sample():
    points = np.random.default_rng(1).normal(size=(7, 2))
    pairs = [np.linalg.norm(points[i] - points[j]) for i, j in itertools.permutations(range(7), 2)]
    assert mean_pair_distance(points) == pytest.approx(np.mean(pairs), rel=1e-12)


def test_effective_sample_sizes():
    n, a, w = 100, 400, 0.5
    plain = effective_sample("distinct", n, a, w)
    # T2.1's reference at M=1, |H|=1, delta=.05: sqrt(L/2 * proxy) = 0.15086972986
    assert math.sqrt(math.log(20) / 2 * plain.variance_proxy) == pytest.approx(0.15086972986)
    assert math.sqrt(math.log(60) / 2 * plain.variance_proxy) == pytest.approx(0.17637734777)
    with_self = effective_sample("self", n, a, w)
    assert with_self.original_weight == w + (1 - w) / n
    assert with_self.draws == plain.draws == a
    whole = effective_sample("permutation", n, a, w)
    assert (whole.original_weight, whole.draws) == (with_self.original_weight, a / 4)
    batches = effective_sample("batch permutation", n, a, w, batch_size=20)
    assert (batches.original_weight, batches.draws) == (w + (1 - w) / 20, 20)
    shared = effective_sample("one coefficient a batch", n, a, w, batch_size=20)
    assert (shared.original_weight, shared.draws) == (w, 20)
    assert shared.sample_size < plain.sample_size
    odd = effective_sample("distinct", 101, 10**9, 0.0)  # 50 disjoint pairs, one point left over
    assert odd.sample_size == pytest.approx(50, rel=1e-6)
    only_sample = effective_sample("distinct", n, a, 1.0)
    assert only_sample.sample_size == pytest.approx(n)


@profile
@given(
    st.integers(2, 300),
    st.integers(1, 5000),
    st.floats(0, 1),
    st.sampled_from(["distinct", "self"]),
)
def test_effective_size_never_exceeds_the_sample_nor_falls_with_the_draws(n, a, w, scheme):
    """T2.2 in other words: with range-based terms mixup is worth at most the n points."""
    now, later = effective_sample(scheme, n, a, w), effective_sample(scheme, n, a + 1, w)
    assert now.sample_size <= later.sample_size <= n * (1 + 1e-12)


def log_mgf_ratio(law, s, proxy):
    """log E exp(s(X-EX)) over s^2 proxy / 2."""
    return (law.log_moment_generating(s) - s * float(law.mean())) / (s * s * proxy / 2)


def test_permutation_batches_obey_four_times_the_iid_proxy_but_not_the_iid_one():
    """T2.6: all permutations for m <= 5; ratio .48 to the proxy 4/(4m), 1.92 to the i.i.d. one."""
    half = FiniteMixing.uniform_on("1/2")
    rng = np.random.default_rng(4)
    worst = 0.0
    for m in range(2, 6):
        sample = tuple(Q(2**k) for k in range(m))  # all midpoints differ from all points
        midpoints = {(x + y) / 2 for x, y in itertools.product(sample, repeat=2)}
        tables = [{x: int(x not in sample) for x in midpoints}]
        tables += [{x: int(rng.integers(2)) for x in sorted(midpoints)} for _ in range(4)]
        for table in tables:
            loss = TableLoss.of(table)
            problem = FiniteClass(FiniteLaw.uniform_on(*sample), (loss,), Q(1))
            law = permutation_batch_law(problem, sample, half)
            assert sum(law.probabilities) == 1
            for s in (-8.0, -3.0, -1.0, 1.0, 3.0, 8.0):
                worst = max(worst, log_mgf_ratio(law, s, 1 / (4 * m)))
    assert worst == pytest.approx(1.92, abs=0.005)  # m=2, s=1: 16 log cosh(1/2)
    assert worst == pytest.approx(16 * math.log(math.cosh(0.5)), rel=1e-12)
    assert worst / 4 == pytest.approx(0.48, abs=0.005)


def test_permutation_batch_mean_is_that_of_self_pairs():
    """T2.6: the conditional mean is V_m, and a permutation has one fixed point on average."""
    sample = tuple(Q(k) for k in (-1, 0, 1, 3))
    loss = PiecewisePolynomial.of([0], [[0, "-1/4"], [0, 0, "1/9"]])
    problem = FiniteClass(FiniteLaw.uniform_on(*sample), (loss,), Q(1))
    law = permutation_batch_law(problem, sample, FLOOR_MIXING)
    assert law.mean() == problem.mixed_risks(FLOOR_MIXING)[0]
    permutations = list(itertools.permutations(range(4)))
    fixed = sum(sum(i == j for i, j in enumerate(p)) for p in permutations)
    assert Q(fixed, len(permutations)) == 1


def test_bad_input_is_refused():
    mixing = BetaMixing(1)
    with pytest.raises(TheoryInputError, match="distinct points"):
        covariance_factor(mixing, 1, "distinct")
    with pytest.raises(TheoryInputError, match=r"shape \(3,\)"):
        mixed_covariance(np.zeros(3), mixing, "self")
    with pytest.raises(TheoryInputError, match="row 1 of points"):
        mean_pair_distance(np.array([[0.0], [np.nan]]))
    with pytest.raises(TheoryInputError, match="lipschitz is -1"):
        lipschitz_bias_bound(mixing, -1, 1)
    with pytest.raises(TheoryInputError, match="mean_distance is nan"):
        wasserstein_bound(mixing, float("nan"))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("pairs", 10, 10, 0.5), "scheme is 'pairs'"),
        (("distinct", 1, 10, 0.5), "n is 1"),
        (("distinct", 10, 0, 0.5), "a is 0"),
        (("distinct", 10, 10, 1.5), "weight is 1.5"),
        (("distinct", 10, 10, float("nan")), "weight is nan"),
        (("distinct", 10, 10, 0.5, 5), "has no batches"),
        (("batch permutation", 10, 10, 0.5), "needs one"),
        (("batch permutation", 10, 10, 0.5, 3), "blocks of 3"),
        (("permutation", 10, 15, 0.5), "blocks of 10"),
    ],
)
def test_bad_schemes_are_refused(arguments, message):
    with pytest.raises(TheoryInputError, match=message):
        effective_sample(*arguments)
