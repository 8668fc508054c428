"""The generalization gap: its intervals, what they cover, and the paired difference of two gaps."""

import math

import numpy as np
import pytest
from scipy.stats import binom, norm, ttest_ind

from theory.bounds.gaps import GapMethod, generalization_gap, paired_gap_difference
from theory.errors import TheoryInputError

TRAINING = np.array([0.0, 0.1, 0.0, 0.2, 0.05])
HELD_OUT = np.array([0.3, 0.5, 0.1])


def test_the_gap_is_held_out_minus_training() -> None:
    estimate = generalization_gap(TRAINING, HELD_OUT, 0.1)
    assert estimate.gap == pytest.approx(0.3 - 0.07, abs=1e-15)
    assert (estimate.n_training, estimate.n_held_out) == (5, 3)
    assert estimate.training_risk == pytest.approx(0.07)
    assert estimate.held_out_risk == pytest.approx(0.3)


def test_hoeffding_counts_both_samples_in_one_inequality() -> None:
    estimate = generalization_gap(2 * TRAINING, 2 * HELD_OUT, 0.1, 2.0)
    radius = 2 * math.sqrt(0.5 * math.log(2 / 0.1) * (1 / 5 + 1 / 3))
    assert estimate.interval.upper.value == pytest.approx(estimate.gap + radius, abs=1e-14)
    assert estimate.interval.lower.value == pytest.approx(estimate.gap - radius, abs=1e-14)
    assert estimate.finite_sample
    assert estimate.interval.delta == pytest.approx(0.1)


def test_empirical_bernstein_unites_four_statements() -> None:
    budget = math.log(2 / (0.1 / 4))
    radius = sum(
        math.sqrt(2 * sample.var(ddof=1) * budget / sample.size)
        + 7 * budget / (3 * (sample.size - 1))
        for sample in (TRAINING, HELD_OUT)
    )
    estimate = generalization_gap(TRAINING, HELD_OUT, 0.1, method=GapMethod.EMPIRICAL_BERNSTEIN)
    assert estimate.interval.width == pytest.approx(2 * radius, rel=1e-13)
    assert estimate.finite_sample


def test_welch_has_the_standard_error_of_scipy_and_says_that_it_is_asymptotic() -> None:
    estimate = generalization_gap(TRAINING, HELD_OUT, 0.1, method=GapMethod.WELCH)
    error = estimate.gap / ttest_ind(HELD_OUT, TRAINING, equal_var=False).statistic
    assert estimate.interval.width == pytest.approx(2 * norm.isf(0.05) * error, rel=1e-12)
    assert not estimate.finite_sample
    assert "asymptotic" in estimate.interval.upper.source


def test_swapping_the_samples_mirrors_the_interval() -> None:
    for method in GapMethod:
        forth = generalization_gap(TRAINING, HELD_OUT, 0.1, method=method).interval
        back = generalization_gap(HELD_OUT, TRAINING, 0.1, method=method).interval
        assert forth.upper.value == pytest.approx(-back.lower.value, abs=1e-15)


@pytest.mark.parametrize("method", list(GapMethod))
def test_the_paired_difference_is_the_difference_of_the_gaps(method: GapMethod) -> None:
    generator = np.random.default_rng(5)
    training, other_training = generator.random((2, 40))
    held_out, other_held_out = generator.random((2, 60))
    estimate = paired_gap_difference(
        (training, other_training), (held_out, other_held_out), 0.05, method=method
    )
    first = generalization_gap(training, held_out, 0.05, method=method)
    second = generalization_gap(other_training, other_held_out, 0.05, method=method)
    assert estimate.gap == pytest.approx(first.gap - second.gap, abs=1e-14)
    assert estimate.interval.upper.trivial == 2.0


def test_pairing_uses_what_the_methods_share() -> None:
    generator = np.random.default_rng(6)
    hardness = generator.random(2000)
    first, second = hardness, np.clip(hardness + 0.01, 0, 1)
    samples = (first[:1000], second[:1000]), (first[1000:], second[1000:])
    difference = paired_gap_difference(*samples, 0.05, method=GapMethod.WELCH)
    alone = generalization_gap(first[:1000], first[1000:], 0.05, method=GapMethod.WELCH)
    assert difference.interval.width < 0.05 * alone.interval.width


def _missed(method: GapMethod, n: int, m: int, p: float, q: float, delta: float) -> float:
    """P(interval misses q - p), summed over both binomial counts."""
    total = 0.0
    for k in range(n + 1):
        training = (np.arange(n) < k).astype(float)
        for j in range(m + 1):
            held_out = (np.arange(m) < j).astype(float)
            interval = generalization_gap(training, held_out, delta, method=method).interval
            if not interval.lower.value <= q - p <= interval.upper.value:
                total += float(binom.pmf(k, n, p) * binom.pmf(j, m, q))
    return total


@pytest.mark.parametrize("method", [GapMethod.HOEFFDING, GapMethod.EMPIRICAL_BERNSTEIN])
@pytest.mark.parametrize(("p", "q"), [(0.5, 0.5), (0.02, 0.3), (0.0, 0.05), (1.0, 0.9)])
def test_finite_sample_intervals_cover_by_exact_count(
    method: GapMethod, p: float, q: float
) -> None:
    assert _missed(method, 6, 9, p, q, 0.2) <= 0.2


def test_the_asymptotic_interval_may_fail_in_small_samples_and_covers_in_large_ones() -> None:
    """Why it carries its label: with constant samples its width is zero."""
    assert _missed(GapMethod.WELCH, 6, 9, 0.02, 0.05, 0.1) > 0.3
    generator = np.random.default_rng(7)
    samples = generator.random((2000, 400)) ** 2, generator.random((2000, 300)) < 0.4
    target = 0.4 - 1 / 3
    missed = sum(
        not interval.lower.value <= target <= interval.upper.value
        for training, held_out in zip(*samples, strict=True)
        for interval in [
            generalization_gap(training, held_out, 0.1, method=GapMethod.WELCH).interval
        ]
    )
    assert abs(missed / 2000 - 0.1) < 0.035


def test_the_interval_covers_the_realised_gap_of_a_fitted_predictor() -> None:
    """Memorising: the training losses are all 0, far from independent draws of the held-out law."""
    n = m = 20
    held_out = (np.arange(m) < np.arange(m + 1)[:, np.newaxis]).astype(float)
    for p in (0.1, 0.5, 0.9):
        missed = 0.0
        for k in range(m + 1):
            interval = generalization_gap(np.zeros(n), held_out[k], 0.2).interval
            if not interval.lower.value <= p <= interval.upper.value:
                missed += float(binom.pmf(k, m, p))
        assert missed <= 0.2


def test_bad_input_is_refused() -> None:
    with pytest.raises(TheoryInputError, match="needs two; use hoeffding"):
        generalization_gap([0.1], HELD_OUT, 0.1, method=GapMethod.WELCH)
    with pytest.raises(TheoryInputError, match="training losses is empty"):
        generalization_gap([], HELD_OUT, 0.1)
    with pytest.raises(TheoryInputError, match="held-out losses: row 0"):
        generalization_gap(TRAINING, [math.nan], 0.1)
    with pytest.raises(TheoryInputError, match="delta"):
        generalization_gap(TRAINING, HELD_OUT, 0.0)
    with pytest.raises(TheoryInputError, match="first held-out losses has 3 losses but second"):
        paired_gap_difference((TRAINING, TRAINING), (HELD_OUT, HELD_OUT[:2]), 0.1)
