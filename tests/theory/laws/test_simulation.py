"""Monte Carlo of the gap against the exact laws, and its guarantees under the stated budget.

The rule: with B=20000 replications "P <= 1/10" fails iff the count reaches k0=2231, which a true
P of 1/10 does with probability <= 5e-8; "P > 1/10" needs the Clopper-Pearson lower limit at that
level to exceed 1/10.
"""

import math
from fractions import Fraction as Q

import numpy as np
import pytest
from scipy import stats

from theory.errors import TheoryInputError
from theory.laws.finite_laws import (
    EIGHTHS_MIXING,
    FLOOR_MIXING,
    UNIFORM_MIXING,
    FiniteClass,
    FiniteLaw,
    bernoulli_class,
    teacher_tent_square_class,
    tent_class,
    three_point_class,
)
from theory.laws.gap_summary import quantile_interval, summarise_gaps
from theory.laws.minimal_gap import gap_law, mixup_gap_law, mixup_limit_gap_law
from theory.laws.sampled_class import SampledClass, law_sampler, mixed_sampler
from theory.laws.simulation import (
    simulate_finite_gaps,
    simulate_gaps,
    simulate_mixup_gaps,
    simulate_mixup_limit_gaps,
    simulate_rademacher,
)

FALSE_ALARM = 5e-8
K0 = 2231


def rng(seed):
    return np.random.default_rng(seed)


def assert_follows(gaps, law):
    """Dvoretzky-Kiefer-Wolfowitz at 5e-8: the whole law, with its means and its tails."""
    ordered = np.sort(gaps)
    allowed = math.sqrt(math.log(2 / FALSE_ALARM) / (2 * gaps.size))
    for value in law.values:
        at = float(value) + 1e-9  # rounding must not push a simulated atom past itself
        simulated = np.searchsorted(ordered, at) / gaps.size
        assert abs(simulated - float(1 - law.exceedance(value))) <= allowed


def test_the_rules_critical_count():
    assert stats.binom.sf(K0 - 1, 20_000, 0.1) <= FALSE_ALARM < stats.binom.sf(K0 - 2, 20_000, 0.1)


def test_original_samples_follow_the_exact_law():
    problem = three_point_class()
    gaps = simulate_gaps(SampledClass.of_finite(problem), 6, 20_000, rng(1))
    assert_follows(gaps, gap_law(problem, 6))
    assert_follows(simulate_finite_gaps(problem, 6, 20_000, rng(2)), gap_law(problem, 6))


@pytest.mark.parametrize("pairing", ["distinct", "self"])
def test_mixup_samples_follow_the_exact_laws(pairing):
    problem = teacher_tent_square_class()
    simulated = SampledClass.of_finite(problem)
    finite = mixup_gap_law(problem, 4, 6, "1/4", EIGHTHS_MIXING, pairing=pairing)
    gaps = simulate_mixup_gaps(
        simulated, 4, 6, 0.25, EIGHTHS_MIXING, 20_000, rng(3), pairing=pairing
    )
    assert_follows(gaps, finite)
    limit = mixup_limit_gap_law(problem, 4, "1/4", FLOOR_MIXING, pairing=pairing)
    gaps = simulate_mixup_limit_gaps(
        simulated, 4, 0.25, FLOOR_MIXING, 20_000, rng(4), pairing=pairing
    )
    assert_follows(gaps, limit)


def test_quadrature_makes_polynomial_losses_exact_in_the_limit():
    """x^2/4 under Beta(1,1): two nodes integrate it, and the atoms are those of the exact law."""
    problem = FiniteClass(tent_class().law, teacher_tent_square_class().losses[2:], Q(1))
    exact = mixup_limit_gap_law(problem, 5, 0, UNIFORM_MIXING)
    gaps = simulate_mixup_limit_gaps(
        SampledClass.of_finite(problem), 5, 0.0, UNIFORM_MIXING, 20_000, rng(5), nodes=2
    )
    assert set(np.round(gaps, 9)) == {round(float(v), 9) for v in exact.values}
    assert_follows(gaps, exact)


@pytest.mark.slow
def test_t23_threshold_suffices_and_ten_draws_do_not():
    problem = SampledClass.of_finite(tent_class())
    eps_p = float(gap_law(tent_class(), 20).quantile("1/10"))
    enough = simulate_mixup_gaps(problem, 20, 901, 0.0, UNIFORM_MIXING, 20_000, rng(11))
    assert np.count_nonzero(enough > eps_p + 1e-12) < K0
    few = simulate_mixup_gaps(problem, 20, 10, 0.0, UNIFORM_MIXING, 20_000, rng(14))
    exceedances = np.count_nonzero(few > eps_p + 1e-12)
    assert stats.beta.ppf(FALSE_ALARM, exceedances, 20_001 - exceedances) > 0.1


def test_rademacher_of_the_mixed_law():
    """Rad_3(p_mix), p uniform on {-1,0,1}, alpha=1: below 10/27, above sqrt(2/3) 10/27."""
    sampler = mixed_sampler(law_sampler(FiniteLaw.uniform_on(-1, 0, 1)), UNIFORM_MIXING)
    suprema = simulate_rademacher(sampler, (lambda x: x, lambda x: -x), 3, 1_000_000, rng(52))
    tolerance = math.sqrt(math.log(2 / FALSE_ALARM) / 2e6)  # suprema lie in [0, 1]
    assert suprema.min() >= 0
    assert suprema.max() <= 1
    assert suprema.mean() == pytest.approx(0.3119, abs=2 * tolerance)
    assert suprema.mean() + tolerance < 10 / 27
    assert suprema.mean() - tolerance > math.sqrt(2 / 3) * 10 / 27


def test_conditional_rademacher_ratio_above_one_at_small_alpha():
    """S={-1,0,1}, a=3 draws i != j, alpha=.05: ratio 1.0853 to Rad(S)=1/3."""
    points = np.array([-1.0, 0.0, 1.0])

    def draws(generator, count):
        i = generator.integers(3, size=count)
        j = (i + 1 + generator.integers(2, size=count)) % 3
        u = generator.beta(0.05, 0.05, count)
        return u * points[i] + (1 - u) * points[j]

    suprema = simulate_rademacher(draws, (lambda x: x, lambda x: -x), 3, 1_000_000, rng(7))
    tolerance = 3 * math.sqrt(math.log(2 / FALSE_ALARM) / 2e6)
    assert 3 * suprema.mean() == pytest.approx(1.0853, abs=0.0005 + tolerance)
    assert 3 * suprema.mean() - tolerance > 1


def test_case_one_is_the_pooled_sample():
    problem = SampledClass.of_finite(bernoulli_class("1/2"))
    gaps = simulate_gaps(problem, 3 + 1, 20_000, rng(6))
    assert_follows(gaps, gap_law(bernoulli_class("1/2"), 4))


def test_vector_points_mix_coordinatewise():
    """Points in the plane on one line behave as their coordinate along it does."""
    law = tent_class()
    flat = SampledClass.of_finite(law)
    direction = np.array([3.0, 4.0])

    def sampler(generator, count):
        return flat.sampler(generator, count)[:, None] * direction

    plane = SampledClass(
        sampler, (lambda x: flat.losses[0](np.round(x @ direction / 25, 12)),), flat.risks, 1.0
    )
    for mixing in (EIGHTHS_MIXING, UNIFORM_MIXING):
        line = simulate_mixup_gaps(flat, 5, 4, 0.5, mixing, 500, rng(7))
        assert simulate_mixup_gaps(plane, 5, 4, 0.5, mixing, 500, rng(7)) == pytest.approx(line)
    line = simulate_mixup_limit_gaps(flat, 5, 0.5, EIGHTHS_MIXING, 200, rng(7))
    other = simulate_mixup_limit_gaps(plane, 5, 0.5, EIGHTHS_MIXING, 200, rng(7))
    assert other == pytest.approx(line)


def test_chunks_do_not_change_the_number_of_replications(monkeypatch):
    problem = SampledClass.of_finite(tent_class())
    whole = simulate_gaps(problem, 5, 1000, rng(8))
    monkeypatch.setattr("theory.laws.sampled_class.CHUNK_VALUES", 64)
    assert np.array_equal(simulate_gaps(problem, 5, 1000, rng(8)), whole)
    assert simulate_mixup_gaps(problem, 5, 3, 0.0, UNIFORM_MIXING, 77, rng(8)).shape == (77,)
    assert simulate_finite_gaps(tent_class(), 5, 77, rng(8)).shape == (77,)


@pytest.mark.slow
def test_all_three_intervals_are_valid_on_adversarial_laws():
    """1000 summaries of 400 gaps at failure 1/5; the truth is enumerated.

    Each interval may miss with probability 1/15. The test fails only where the Clopper-Pearson
    lower limit at 5e-8 of a miss rate exceeds that.
    """
    cases = [
        (gap_law(bernoulli_class("1/2"), 1), 0.1),
        (gap_law(bernoulli_class("1/1000"), 1), 0.1),
        (gap_law(bernoulli_class("99/100"), 4), 0.05),
        (gap_law(three_point_class(), 7), 0.05),
        (mixup_gap_law(tent_class(), 6, 20, 0, EIGHTHS_MIXING), 0.2),
    ]
    problem = SampledClass.of_finite(tent_class())
    generator = rng(9)
    for law, delta in cases:
        values = np.array([float(v) for v in law.values])
        masses = np.array([float(p) for p in law.probabilities])
        level = Q(str(delta))
        truths = [float(law.quantile(level)), float(law.cvar(level)), float(law.mean())]
        misses = [0, 0, 0]
        for _ in range(1000):
            gaps = generator.choice(values, size=400, p=masses)
            summary = summarise_gaps(gaps, problem, delta, failure=0.2)
            parts = (summary.minimal_gap, summary.cvar, summary.mean)
            for k, (part, truth) in enumerate(zip(parts, truths, strict=True)):
                misses[k] += not part.lower - 1e-12 <= truth <= part.upper + 1e-12
        for count in misses:
            lower = stats.beta.ppf(FALSE_ALARM, count, 1001 - count) if count else 0.0
            assert lower <= 0.2 / 3


def test_intervals_are_informative():
    problem = three_point_class()
    law = gap_law(problem, 12)
    gaps = simulate_finite_gaps(problem, 12, 200_000, rng(10))
    summary = summarise_gaps(gaps, SampledClass.of_finite(problem), 0.05)
    assert summary.minimal_gap.upper - summary.minimal_gap.lower < 0.02
    assert summary.cvar.upper - summary.cvar.lower < 0.02
    assert summary.mean.upper - summary.mean.lower < 0.004
    assert summary.minimal_gap.value == pytest.approx(float(law.quantile("1/20")), abs=1e-9)
    assert summary.cvar.value == pytest.approx(float(law.cvar("1/20")), abs=2e-3)
    assert summary.minimal_gap.value <= summary.cvar.value


def test_quantile_ranks_are_the_tightest_safe_ones():
    """X_(u) misses from below iff u gaps lie below q; both ends move one rank too far otherwise."""
    size, delta, failure = 300, 0.1, 0.05
    lower, upper = quantile_interval(np.arange(1.0, size + 1), delta, 1e9, failure)
    below, above = int(lower), int(upper)
    assert stats.binom.cdf(below - 1, size, 1 - delta) <= failure / 2
    assert stats.binom.cdf(below, size, 1 - delta) > failure / 2
    assert stats.binom.sf(above - 1, size, 1 - delta) <= failure / 2
    assert stats.binom.sf(above - 2, size, 1 - delta) > failure / 2


def test_a_small_simulation_falls_back_on_the_range():
    problem = SampledClass.of_finite(tent_class())
    summary = summarise_gaps(np.array([-0.5, 0.0, 0.1, 0.2]), problem, 0.01)
    assert (summary.minimal_gap.upper, summary.cvar.upper) == (1.0, 1.0)
    assert summary.failure == 0.01
    assert summary.replications == 4


def test_constant_gaps_at_the_end_of_the_range():
    problem = SampledClass.of_finite(tent_class())
    summary = summarise_gaps(np.ones(1000), problem, 0.1)
    assert (summary.cvar.value, summary.cvar.upper, summary.minimal_gap.lower) == (1, 1, 1)


def test_estimated_risks_widen_the_intervals_and_spend_their_failure():
    exact = SampledClass.of_finite(tent_class())
    estimated = SampledClass.with_estimated_risks(
        exact.sampler, exact.losses, 1.0, draws=100_000, rng=rng(12), failure=0.005
    )
    radius = math.sqrt(math.log(2 / 0.005) / 2e5)
    assert estimated.risk_error == pytest.approx(radius)
    assert abs(estimated.risks[0] - 0.2) <= radius
    two = SampledClass.with_estimated_risks(
        exact.sampler, exact.losses * 2, 1.0, draws=100_000, rng=rng(12), failure=0.005
    )
    assert two.risk_error == pytest.approx(math.sqrt(math.log(4 / 0.005) / 2e5))  # the union
    gaps = simulate_gaps(exact, 12, 5_000, rng(13))
    plain, wide = summarise_gaps(gaps, exact, 0.1), summarise_gaps(gaps, estimated, 0.1)
    assert wide.mean.upper - plain.mean.upper == pytest.approx(radius)
    assert plain.minimal_gap.lower - wide.minimal_gap.lower == pytest.approx(radius)
    assert wide.failure == pytest.approx(0.015)


def test_bad_input_is_refused():
    problem = SampledClass.of_finite(tent_class())
    with pytest.raises(TheoryInputError, match="n is 0"):
        simulate_gaps(problem, 0, 10, rng(0))
    with pytest.raises(TheoryInputError, match="replications is 0"):
        simulate_gaps(problem, 1, 0, rng(0))
    with pytest.raises(TheoryInputError, match="n is 1"):
        simulate_mixup_gaps(problem, 1, 3, 0.5, UNIFORM_MIXING, 10, rng(0))
    with pytest.raises(TheoryInputError, match=r"weight is 1\.5"):
        simulate_mixup_limit_gaps(problem, 3, 1.5, UNIFORM_MIXING, 10, rng(0))
    with pytest.raises(TheoryInputError, match="pairing is 'all'"):
        simulate_mixup_gaps(problem, 3, 3, 0.5, UNIFORM_MIXING, 10, rng(0), pairing="all")
    high = SampledClass(problem.sampler, (lambda x: x + 1,), np.array([1.0]), 1.0)
    with pytest.raises(TheoryInputError, match=r"loss function 0 is 2\.0 at point 1\.0"):
        simulate_gaps(high, 50, 10, rng(0))
    missing = SampledClass(problem.sampler, (lambda x: x * np.nan,), np.array([1.0]), 1.0)
    with pytest.raises(TheoryInputError, match="loss function 0 is nan"):
        simulate_gaps(missing, 50, 10, rng(0))
    wrong = SampledClass(problem.sampler, (lambda x: np.ones(3),), np.array([1.0]), 1.0)
    with pytest.raises(TheoryInputError, match="one number for each point"):
        simulate_gaps(wrong, 50, 10, rng(0))
    with pytest.raises(TheoryInputError, match="risks of shape"):
        SampledClass(problem.sampler, problem.losses, np.array([0.1, 0.2]), 1.0)
    with pytest.raises(TheoryInputError, match="no method `values`"):
        SampledClass.of_finite(FiniteClass(FiniteLaw.uniform_on(0, 1), (lambda x: x,), Q(1)))
    with pytest.raises(TheoryInputError, match="1 NaN"):
        summarise_gaps(np.array([0.0, 0.1, np.nan, 0.2]), problem, 0.1)
    with pytest.raises(TheoryInputError, match=r"a gap is 1\.5"):
        summarise_gaps(np.array([0.0, 0.1, 1.5, 0.2]), problem, 0.1)
    with pytest.raises(TheoryInputError, match="delta"):
        summarise_gaps(np.zeros(10), problem, 1.0)
