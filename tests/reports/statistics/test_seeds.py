"""Intervals and tests over seeds: against scipy, by simulation with a stated budget, by hand."""

from itertools import product

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from mixkd_core.errors import InputError
from reports.statistics.seeds import (
    DRAWS,
    hedges_correction,
    holm,
    paired_difference,
    sign_flip_p_value,
    stratified_summary,
    summarise_seeds,
)
from theory.bounds.binomial import clopper_pearson_limit

# A validity test fails when the exact lower limit of the observed rate exceeds the nominal one;
# at this level the six of this file raise a false alarm with probability below 1e-6.
FALSE_ALARM = 1e-7
finite = st.floats(-10, 10, allow_nan=False)


def rate_exceeds(count: int, trials: int, nominal: float) -> bool:
    return float(clopper_pearson_limit(count, trials, FALSE_ALARM, lower=True)) > nominal


@given(st.lists(finite, min_size=2, max_size=12))
def test_the_interval_is_that_of_scipy(values: list[float]) -> None:
    found = summarise_seeds(values)
    assert found.sd == pytest.approx(np.std(values, ddof=1))
    assert found.interval is not None
    if found.sd:
        expected = stats.ttest_1samp(values, 0.0).confidence_interval(0.95)
        assert found.interval == pytest.approx((expected.low, expected.high), abs=1e-9)


def test_one_seed_has_no_interval_and_no_test() -> None:
    assert summarise_seeds([0.3]).interval is None
    assert summarise_seeds([0.3]).sd is None
    found = paired_difference({7: 0.3}, {7: 0.1, 8: 0.2})
    assert found is not None
    assert (found.seeds, found.p_value, found.cohen_d) == ((7,), None, None)
    assert paired_difference({1: 0.3}, {2: 0.1}) is None


@given(st.lists(finite, min_size=1, max_size=9))
def test_the_exact_test_is_that_of_scipy(values: list[float]) -> None:
    if np.any(np.abs(values) < 1e-6):
        values = [value + 0.5 for value in values]
    if len(values) < 2:
        assert sign_flip_p_value([values]) == 1.0
        return
    expected = stats.permutation_test(
        (np.array(values),), lambda x, axis: x.mean(axis=axis), permutation_type="samples",
        vectorized=True, n_resamples=np.inf, alternative="two-sided",
    )  # fmt: skip
    # scipy doubles the smaller tail, which is the same here: the null law is symmetric.
    assert sign_flip_p_value([values]) == pytest.approx(expected.pvalue)


def test_strata_weigh_the_same_whatever_their_size() -> None:
    strata = [[0.5, 0.25], [1.0, -0.5, 0.25, 2.0]]
    observed = abs(np.mean(strata[0]) + np.mean(strata[1]))
    reached = 0
    for signs in product([-1, 1], repeat=6):
        flipped = np.array(signs) * np.concatenate(strata)
        reached += abs(flipped[:2].mean() + flipped[2:].mean()) >= observed - 1e-12
    assert sign_flip_p_value(strata) == reached / 64


def test_drawn_patterns_agree_with_all_of_them() -> None:
    values = np.random.default_rng(5).normal(0.35, 1, 17)
    signs = 1.0 - 2.0 * ((np.arange(2**17)[:, None] >> np.arange(17)) & 1)
    exact = np.mean(np.abs(signs @ values) >= abs(values.sum()) - 1e-9)
    # Five standard errors of a proportion of DRAWS.
    tolerance = 5 * np.sqrt(exact * (1 - exact) / DRAWS)
    assert sign_flip_p_value([values]) == pytest.approx(exact, abs=tolerance)
    assert sign_flip_p_value([np.ones(40)]) == 1 / (1 + DRAWS), "never 0"


@pytest.mark.parametrize("law", ["normal", "heavy tails", "ties"])
def test_the_test_is_valid_under_symmetric_laws(law: str) -> None:
    rng = np.random.default_rng(11)
    trials = 4000
    draws = {
        "normal": lambda: rng.normal(size=6),
        "heavy tails": lambda: rng.standard_cauchy(6),
        "ties": lambda: rng.choice([-1.0, 0.0, 1.0], 6),
    }[law]
    count = sum(sign_flip_p_value([draws()]) <= 0.05 for _ in range(trials))
    assert not rate_exceeds(count, trials, 0.05)


def test_the_test_has_power() -> None:
    rng = np.random.default_rng(12)
    found = [sign_flip_p_value([rng.normal(1.5, 1, 8)]) <= 0.05 for _ in range(400)]
    assert np.mean(found) > 0.8


def test_intervals_cover_as_often_as_they_say() -> None:
    rng = np.random.default_rng(13)
    trials = 6000
    missed = missed_strata = 0
    for _ in range(trials):
        low, high = summarise_seeds(rng.normal(0.2, 1, 5)).interval or (0, 0)
        missed += not low <= 0.2 <= high
        strata = [rng.normal(0.2, scale, 4) for scale in (1.0, 0.1, 1.0)]
        low, high = stratified_summary(strata).interval or (0, 0)
        missed_strata += not low <= 0.2 <= high
    assert not rate_exceeds(missed, trials, 0.05)
    # Welch and Satterthwaite's degrees of freedom are approximate: one point of room.
    assert not rate_exceeds(missed_strata, trials, 0.06)
    assert missed > 0.03 * trials, "an interval that always covers says too little"


def test_one_stratum_is_the_plain_interval() -> None:
    values = [0.1, 0.4, -0.2, 0.3]
    plain, stratified = summarise_seeds(values), stratified_summary([values])
    assert stratified.interval == pytest.approx(plain.interval)
    assert stratified.sd == pytest.approx(plain.sd)
    assert stratified_summary([values, [0.3]]).interval is None


def test_two_strata_are_half_of_welchs_interval() -> None:
    """(mean of a + mean of b) / 2 is half of the difference between a and −b: scipy's route."""
    first, second = [0.1, 0.4, -0.2, 0.3], [0.02, 0.05, 0.03]
    stratified = stratified_summary([first, second])
    welch = stats.ttest_ind(first, np.negative(second), equal_var=False).confidence_interval()
    assert stratified.interval == pytest.approx((welch.low / 2, welch.high / 2))


def test_paired_differences_use_the_shared_seeds_only() -> None:
    first = {0: 0.5, 1: 0.7, 2: 0.6, 9: 100.0}
    second = {0: 0.4, 1: 0.5, 2: 0.3, 5: -100.0}
    found = paired_difference(first, second)
    assert found is not None
    assert found.seeds == (0, 1, 2)
    assert found.difference.mean == pytest.approx(0.2)
    assert found.difference.interval == pytest.approx(
        tuple(stats.ttest_rel([0.5, 0.7, 0.6], [0.4, 0.5, 0.3]).confidence_interval(0.95))
    )
    assert found.p_value == found.smallest_p == 0.25
    assert found.cohen_d == pytest.approx(2.0)
    assert found.hedges_g == pytest.approx(2.0 * hedges_correction(2))


def test_the_correction_makes_the_effect_size_unbiased() -> None:
    assert hedges_correction(10) == pytest.approx(1 - 3 / (4 * 10 - 1), rel=1e-3)
    rng = np.random.default_rng(14)
    samples = rng.normal(0.5, 1.0, size=(200_000, 6))
    effects = samples.mean(axis=1) / samples.std(axis=1, ddof=1)
    assert effects.mean() * hedges_correction(5) == pytest.approx(0.5, abs=0.01)
    assert effects.mean() > 0.55


@given(st.lists(st.floats(0, 1), max_size=8))
def test_holm_is_as_defined(p_values: list[float]) -> None:
    adjusted = holm(p_values)
    order = sorted(range(len(p_values)), key=lambda place: p_values[place])
    largest = 0.0
    for rank, place in enumerate(order):
        largest = max(largest, (len(p_values) - rank) * p_values[place])
        assert adjusted[place] == pytest.approx(min(1.0, largest))


def test_holm_keeps_the_family_wise_error() -> None:
    rng = np.random.default_rng(15)
    trials = 4000
    wrong = sum(min(holm(list(rng.uniform(size=8)))) <= 0.05 for _ in range(trials))
    assert not rate_exceeds(wrong, trials, 0.05)
    assert wrong > 0.03 * trials


@pytest.mark.parametrize("values", [[], [1.0, float("nan")], [[1.0]]])
def test_what_cannot_be_averaged_is_refused(values: list[float]) -> None:
    with pytest.raises(InputError, match=r"one per seed|value 1 is nan"):
        summarise_seeds(values)
    with pytest.raises(InputError, match=r"outside \[0, 1\]"):
        holm([0.5, 1.5])
