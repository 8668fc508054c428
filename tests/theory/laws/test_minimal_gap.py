"""Exact minimal gaps: every rational that the theory states, by enumeration."""

import math
from fractions import Fraction as Q
from itertools import pairwise

import numpy as np
import pytest

from theory.errors import TheoryInputError
from theory.laws.finite_laws import (
    EIGHTHS_MIXING,
    FLOOR_MIXING,
    UNIFORM_MIXING,
    FiniteClass,
    bernoulli_class,
    certificate_class,
    sign_square_class,
    square_class,
    teacher_tent_square_class,
    tent_class,
    three_point_class,
)
from theory.laws.minimal_gap import (
    expected_rademacher,
    gap_law,
    mixup_gap_law,
    mixup_limit_gap_law,
)
from theory.laws.piecewise import PiecewisePolynomial
from theory.laws.type_counts import enumerate_types, type_weights


def test_three_point_class_has_the_stated_means_and_a_nonincreasing_mean_and_cvar():
    laws = [gap_law(three_point_class(), n) for n in range(1, 31)]
    means = [law.mean() for law in laws]
    assert means[:4] == [Q(17, 40), Q(109, 400), Q(221, 1000), Q(1491, 8000)]
    assert all(later <= earlier for earlier, later in pairwise(means))
    for delta in ("1/20", "1/10", "1/3", "9/10"):
        cvars = [law.cvar(delta) for law in laws]
        assert all(later <= earlier for earlier, later in pairwise(cvars))
        assert all(law.quantile(delta) <= cvar for law, cvar in zip(laws, cvars, strict=True))
        # L1's consequence: eps(N) <= CVaR of any smaller sample, with no size condition.
        assert all(law.quantile(delta) <= cvars[4] for law in laws[4:])


def test_fair_coin_cvar():
    cvars = [gap_law(bernoulli_class("1/2"), n).cvar("1/8") for n in range(1, 8)]
    assert cvars == [Q(1, 2), Q(1, 2), Q(1, 2), Q(3, 8), Q(7, 20), Q(1, 3), Q(33, 112)]


@pytest.mark.parametrize(("n", "gap"), [(5, Q(2, 5)), (10, Q(11, 40)), (12, Q(19, 80))])
def test_three_point_class_minimal_gap(n, gap):
    assert gap_law(three_point_class(), n).quantile("1/20") == gap


def test_three_point_class_violates_monotonicity_at_thirteen():
    assert gap_law(three_point_class(), 13).quantile("1/20") > Q(19, 80)


def test_three_point_class_t1_thresholds():
    """T1(a) 13, 28, 37 and T1(b) 29, 61, 92, and beyond them the gap is as small as promised."""
    laws = {n: gap_law(three_point_class(), n) for n in range(1, 101)}
    for n, by_class, by_mean in ((5, 13, 29), (10, 28, 61), (12, 37, 92)):
        eps = float(laws[n].quantile("1/20"))
        mean = float(laws[n].mean())
        assert math.ceil(math.log(3 * 20) / (2 * eps**2)) == by_class
        assert math.ceil(math.log(20) / (2 * (eps - mean) ** 2)) == by_mean
        promised = laws[n].quantile("1/20")
        assert all(laws[N].quantile("1/20") <= promised for N in range(by_class, 101))


def test_minimal_gap_stays_below_hoeffding():
    for n in range(1, 31):
        bound = math.sqrt(math.log(3 * 20) / (2 * n))
        assert float(gap_law(three_point_class(), n).quantile("1/20")) <= bound


def test_expected_rademacher_of_the_three_point_class():
    values = [expected_rademacher(three_point_class(), n) for n in range(1, 6)]
    assert values == [Q(19, 40), Q(103, 400), Q(479, 2000), Q(7633, 40000), Q(7221, 40000)]


def test_expected_gap_is_at_most_twice_the_rademacher_complexity():
    for n in range(1, 6):
        bound = 2 * expected_rademacher(three_point_class(), n)
        assert gap_law(three_point_class(), n).mean() <= bound


def test_tent_moments():
    problem = tent_class()
    assert problem.risks() == problem.mixed_risks(UNIFORM_MIXING) == (Q(1, 5),)
    (kernel,) = problem.kernels(UNIFORM_MIXING)
    assert kernel[1][0] == kernel[1][2] == kernel[0][2] == Q(1, 4)
    assert problem.kernels(EIGHTHS_MIXING) == problem.kernels(UNIFORM_MIXING)
    p = problem.law.probabilities
    second = sum(p[k] * p[j] * kernel[k][j] ** 2 for k in range(3) for j in range(3))
    rows = [sum(p[j] * kernel[k][j] for j in range(3)) for k in range(3)]
    assert 2 * (second - Q(1, 25)) == Q(2, 25)
    assert 4 * sum(q * (r - Q(1, 5)) ** 2 for q, r in zip(p, rows, strict=True)) == Q(1, 25)
    assert gap_law(problem, 1).variance() == Q(4, 25)


# (n, w): eps_p at delta=1/10 and eps_inf(1/20)
CLASS_VALUES = {
    (6, "0"): (Q(1, 5), Q(11, 90)),
    (6, "1/2"): (Q(1, 5), Q(19, 120)),
    (6, "9/10"): (Q(1, 5), Q(23, 120)),
    (12, "0"): (Q(7, 60), Q(211, 1980)),
    (12, "1/2"): (Q(7, 60), Q(353, 2640)),
    (12, "9/10"): (Q(7, 60), Q(493, 2640)),
    (20, "0"): (Q(1, 10), Q(43, 456)),
    (20, "1/2"): (Q(1, 10), Q(157, 1520)),
    (20, "9/10"): (Q(1, 10), Q(1069, 7600)),
}


@pytest.mark.parametrize(
    ("n", "eps_p", "eps_limit", "kappa", "draws"),
    [(12, Q(7, 60), Q(89, 1320), Q(13, 264), 618), (20, Q(1, 10), Q(9, 152), Q(31, 760), 901)],
)
def test_tent_kappa_and_threshold(n, eps_p, eps_limit, kappa, draws):
    problem = tent_class()
    assert gap_law(problem, n).quantile("1/10") == eps_p
    assert mixup_limit_gap_law(problem, n, 0, UNIFORM_MIXING).quantile("1/20") == eps_limit
    assert eps_p - eps_limit == kappa
    assert math.ceil(math.log(20) / (2 * float(kappa) ** 2)) == draws


def test_tent_kappa_vanishes_at_three():
    eps_limit = mixup_limit_gap_law(tent_class(), 3, 0, UNIFORM_MIXING).quantile("1/20")
    assert gap_law(tent_class(), 3).quantile("1/10") == eps_limit


@pytest.mark.slow
@pytest.mark.parametrize(
    ("a", "gap"),
    [
        (4, Q(1, 5)),
        (8, Q(11, 80)),
        (16, Q(17, 160)),
        (32, Q(29, 320)),
        (64, Q(101, 1280)),
        (128, Q(91, 1280)),
    ],
)
def test_tent_finite_draws(a, gap):
    assert mixup_gap_law(tent_class(), 12, a, 0, EIGHTHS_MIXING).quantile("1/10") == gap


@pytest.mark.slow
def test_two_sided_bounds_enclose_the_finite_gap():
    """T2.3: eps_inf(delta+eta) - t <= eps*(a, delta) <= eps_inf(delta-eta) + t, both sides."""
    limit = mixup_limit_gap_law(tent_class(), 12, 0, EIGHTHS_MIXING)
    for a in (8, 32, 128):
        exact = float(mixup_gap_law(tent_class(), 12, a, 0, EIGHTHS_MIXING).quantile("1/10"))
        for eta in (Q(1, 100), Q(1, 20), Q(9, 100)):
            slack = math.sqrt(math.log(1 / eta) / (2 * a))
            assert exact <= float(limit.quantile(Q(1, 10) - eta)) + slack
            assert exact >= float(limit.quantile(Q(1, 10) + eta)) - slack


def test_floor_example():
    problem = tent_class()
    assert problem.kernels(FLOOR_MIXING)[0][0][2] == 0
    assert problem.biases(FLOOR_MIXING) == (Q(2, 25),)
    limit = mixup_limit_gap_law(problem, 12, 0, FLOOR_MIXING)
    assert limit.quantile("3/20") == Q(19, 120) > gap_law(problem, 12).quantile("1/10")
    finite = [mixup_gap_law(problem, 12, a, 0, FLOOR_MIXING) for a in (24, 32)]
    assert [law.quantile("1/10") for law in finite] == [Q(43, 240), Q(59, 320)]


def test_cvar_of_the_mixup_gap_falls_with_the_draws_and_tends_to_the_limit():
    limit = mixup_limit_gap_law(tent_class(), 6, "1/3", FLOOR_MIXING)
    laws = [mixup_gap_law(tent_class(), 6, a, "1/3", FLOOR_MIXING) for a in range(1, 25)]
    for delta in ("1/10", "1/2"):
        cvars = [law.cvar(delta) for law in laws]
        assert all(later <= earlier for earlier, later in pairwise(cvars))
        assert cvars[-1] >= limit.cvar(delta)


def test_class_example():
    """Teacher, tent and x^2/4: the values are this project's own, beside the stated biases."""
    problem = teacher_tent_square_class()
    assert problem.biases(UNIFORM_MIXING) == (0, 0, Q(1, 15))
    computed = {
        (n, w): (
            gap_law(problem, n).quantile("1/10"),
            mixup_limit_gap_law(problem, n, w, UNIFORM_MIXING).quantile("1/20"),
        )
        for n in (6, 12, 20)
        for w in ("0", "1/2", "9/10")
    }
    assert computed == CLASS_VALUES


def test_sign_square_example():
    problem = sign_square_class()
    assert (problem.risks(), problem.mixed_risks(UNIFORM_MIXING)) == ((1,), (Q(2, 3),))
    assert gap_law(problem, 5).quantile("1/10") == 0
    for n in (2, 3, 5, 9):
        law = mixup_limit_gap_law(problem, n, 0, UNIFORM_MIXING)
        assert law.exceedance(0) == 1 - Q(2) ** (1 - n)
    assert mixup_limit_gap_law(problem, 5, 0, UNIFORM_MIXING).quantile("1/10") == Q(2, 5)


def test_square_example():
    problem = square_class()
    assert problem.biases(UNIFORM_MIXING) == (Q(4, 15),)
    assert gap_law(problem, 6).quantile("1/10") == Q(2, 15)
    assert mixup_limit_gap_law(problem, 6, 0, UNIFORM_MIXING).quantile("3/20") == Q(2, 5)


def test_certificate_example_gaps():
    assert gap_law(certificate_class(), 1).quantile("1/6") == Q(1, 2)
    assert gap_law(certificate_class(), 5).quantile("1/6") == Q(3, 10)


def test_whole_weight_on_the_sample_gives_the_original_gap():
    problem = teacher_tent_square_class()
    original = gap_law(problem, 4)
    assert mixup_limit_gap_law(problem, 4, 1, UNIFORM_MIXING) == original
    assert mixup_gap_law(problem, 4, 3, 1, FLOOR_MIXING) == original


def test_self_pairs_shift_the_weight_exactly():
    """T2.6: V_n = ((n-1)/n) U_n + R_S/n, so self-pairs at w are distinct pairs at w+(1-w)/n."""
    problem = teacher_tent_square_class()
    for n in (2, 3, 7):
        for w in (Q(0), Q(1, 3), Q(1)):
            with_self = mixup_limit_gap_law(problem, n, w, UNIFORM_MIXING, pairing="self")
            assert with_self == mixup_limit_gap_law(problem, n, w + (1 - w) / n, UNIFORM_MIXING)


def test_log_moment_generating_function_of_the_tent_obeys_t21():
    """The ratio to the sub-Gaussian bound stays <= 1; the largest, .866, is that of w=1.

    There it is the optimal proxy of a Bernoulli(1/5) variable over 1/4 (Kearns and Saul):
    (1-2p)/(2 log((1-p)/p)) * 4.
    """
    worst = {0.0: 0.0, 0.25: 0.0, 0.5: 0.0, 0.75: 0.0, 1.0: 0.0}
    for n in (2, 3, 5, 8, 11):
        types = enumerate_types(n, 3)
        weights, total = type_weights(types, tent_class().law.probabilities)
        probabilities = np.array([int(weight) / total for weight in weights])
        counts = types.astype(float)
        same_one = counts[:, 1] * (counts[:, 1] - 1)
        same_zero = counts[:, 0] * (counts[:, 0] - 1) + counts[:, 2] * (counts[:, 2] - 1)
        pairs = n * (n - 1)
        for a in (1, 4, 16):
            for w in worst:
                spread = w / math.sqrt(n) + (1 - w) / math.sqrt(n // 2)
                proxy = (spread**2 + (1 - w) ** 2 / a) / 4
                for s in np.linspace(-20, 20, 80):
                    # On a mixed pair of unlike points g is 0 or uniform on [0, 1], evenly.
                    t = -s * (1 - w) / a
                    uniform = math.expm1(t) / t if t else 1.0
                    unlike = (pairs - same_one - same_zero) * (1 + uniform) / 2
                    draw = (same_zero + same_one * math.exp(t) + unlike) / pairs
                    sample = np.exp(s * (0.2 - w * counts[:, 1] / n)) * draw**a
                    log_mgf = math.log(float(probabilities @ sample))
                    worst[w] = max(worst[w], log_mgf / (s * s * proxy / 2))
    assert max(worst.values()) <= 1 + 1e-9
    assert max(worst.values()) == worst[1.0] == pytest.approx(0.6 / (2 * math.log(4)) * 4, abs=2e-3)
    assert worst[1.0] == pytest.approx(0.866, abs=5e-4)


def test_log_moment_generating_function_matches_the_law():
    law = gap_law(three_point_class(), 4)
    pairs = zip(law.values, law.probabilities, strict=True)
    direct = math.log(sum(float(p) * math.exp(-3.5 * float(v)) for v, p in pairs))
    assert law.log_moment_generating(-3.5) == pytest.approx(direct, rel=1e-12)


def test_large_samples_switch_to_python_integers_without_overflow():
    """At n=200 the weights have hundreds of digits; they still add up, and agree with scipy."""
    law = gap_law(bernoulli_class("3/10"), 200)
    assert sum(law.probabilities) == 1
    assert law.mean() == 0
    assert law.variance() == Q(21, 100) / 200
    types = enumerate_types(62, 2)
    weights, total = type_weights(types, (Q(1, 2), Q(1, 2)))
    assert sum(int(weight) for weight in weights) == total == 2**62


@pytest.mark.parametrize("tiny", [Q(1, 10**15 + 37), Q(1, 3 * 10**18 + 1), Q(1, 10**30 + 57)])
def test_huge_denominators_of_probabilities_do_not_overflow(tiny):
    law = gap_law(bernoulli_class(tiny), 3)
    assert law.values == tuple(tiny - Q(k, 3) for k in (3, 2, 1, 0))
    assert law.probabilities == (
        tiny**3,
        3 * tiny**2 * (1 - tiny),
        3 * tiny * (1 - tiny) ** 2,
        (1 - tiny) ** 3,
    )


@pytest.mark.parametrize("denominator", [10**6 + 3, 3 * 10**17 + 1, 10**40 + 1])
def test_huge_denominators_of_losses_do_not_overflow(denominator):
    """Scaling every loss by one factor scales every gap by it, whatever integers that takes."""
    factor = 1 - Q(1, denominator)
    plain = teacher_tent_square_class()
    scaled = FiniteClass(
        plain.law,
        tuple(
            PiecewisePolynomial(
                loss.breaks, tuple(tuple(factor * c for c in piece) for piece in loss.pieces)
            )
            for loss in plain.losses
        ),
        plain.loss_bound,
    )
    assert expected_rademacher(scaled, 3) == factor * expected_rademacher(plain, 3)
    for law in (
        lambda problem: gap_law(problem, 6),
        lambda problem: mixup_limit_gap_law(problem, 6, "1/3", UNIFORM_MIXING),
        lambda problem: mixup_gap_law(problem, 4, 3, "1/3", FLOOR_MIXING),
    ):
        expected = law(plain)
        assert law(scaled).values == tuple(factor * v for v in expected.values)
        assert law(scaled).probabilities == expected.probabilities


def test_too_large_an_enumeration_names_its_cost_and_the_alternative():
    with pytest.raises(TheoryInputError, match=r"needs 5151 types.*theory\.laws\.simulation"):
        gap_law(three_point_class(), 100, limit=5000)
    with pytest.raises(TheoryInputError, match=r"bits .*theory\.laws\.simulation"):
        mixup_gap_law(tent_class(), 12, 128, 0, EIGHTHS_MIXING, bit_limit=1000)
    with pytest.raises(TheoryInputError, match="signed draws"):
        expected_rademacher(three_point_class(), 50, limit=10_000)


@pytest.mark.parametrize("delta", [0, 1, "3/2", -1, 0.1, float("nan"), "abc"])
def test_levels_must_be_rational_and_inside_the_unit_interval(delta):
    with pytest.raises(TheoryInputError, match="delta is"):
        gap_law(bernoulli_class("1/2"), 3).quantile(delta)


def test_bad_sizes_and_weights_are_refused():
    with pytest.raises(TheoryInputError, match="n is 0"):
        gap_law(bernoulli_class("1/2"), 0)
    with pytest.raises(TheoryInputError, match="distinct points"):
        mixup_limit_gap_law(tent_class(), 1, 0, UNIFORM_MIXING)
    with pytest.raises(TheoryInputError, match="weight is 3/2"):
        mixup_limit_gap_law(tent_class(), 3, "3/2", UNIFORM_MIXING)
    with pytest.raises(TheoryInputError, match="a is 0"):
        mixup_gap_law(tent_class(), 3, 0, 0, EIGHTHS_MIXING)
    with pytest.raises(TheoryInputError, match="finite mixing law"):
        mixup_gap_law(tent_class(), 3, 2, 0, UNIFORM_MIXING)
    with pytest.raises(TheoryInputError, match="pairing is 'all'"):
        mixup_limit_gap_law(tent_class(), 3, 0, UNIFORM_MIXING, pairing="all")
