"""Attacks on losses against their definitions, theorem T8, and an attack whose success is known."""

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mixkd_core.errors import InputError
from reports.statistics.membership import (
    Membership,
    attack_auc,
    best_threshold_advantage,
    calibrated,
    true_positive_rate,
)
from theory.laws.membership import membership_gap, threshold_advantage

# Few values, so that ties are frequent.
LOSSES = st.lists(st.integers(0, 6), min_size=1, max_size=25)


def law(losses: list[int]) -> dict[Fraction, Fraction]:
    """The empirical distribution of some losses, exactly."""
    return {Fraction(loss): Fraction(losses.count(loss), len(losses)) for loss in losses}


@given(LOSSES, LOSSES)
def test_the_area_is_that_over_all_pairs(members: list[int], others: list[int]) -> None:
    pairs = [(m < o) + 0.5 * (m == o) for m in members for o in others]
    assert attack_auc(members, others) == pytest.approx(np.mean(pairs))
    assert attack_auc(members, others) == pytest.approx(1 - attack_auc(others, members))


@given(LOSSES, LOSSES)
def test_the_advantage_is_the_theorys_and_holds_what_t8_says(
    members: list[int], others: list[int]
) -> None:
    """Two routes, floating point and fractions; and T8 on the two empirical distributions."""
    measured = best_threshold_advantage(members, others)
    exact = threshold_advantage(law(members), law(others))
    assert measured == pytest.approx(float(exact))
    assert measured >= float(membership_gap(law(members), law(others))) / 6 - 1e-12
    errors, fresh = ([int(loss > 2) for loss in losses] for losses in (members, others))
    zero_one = float(membership_gap(law(errors), law(fresh)))
    assert best_threshold_advantage(errors, fresh) == pytest.approx(max(zero_one, 0.0))


@given(LOSSES, LOSSES, st.sampled_from([0.1, 0.3, 0.5]))
def test_no_more_false_positives_than_allowed_and_no_threshold_does_better(
    members: list[int], others: list[int], rate: float
) -> None:
    found = true_positive_rate(members, others, rate)
    if rate * len(others) < 1:
        assert found is None
        return
    allowed = [t for t in range(8) if np.mean(np.array(others) < t) <= rate + 1e-9]
    assert found == pytest.approx(max(np.mean(np.array(members) < t) for t in allowed))


def test_a_rate_finer_than_the_non_members_is_not_assessable() -> None:
    members = np.linspace(0, 1, 50)
    assert true_positive_rate(members, np.linspace(0, 1, 999), 0.001) is None
    assert true_positive_rate(members, np.linspace(0.5, 1, 1000), 0.001) == 0.5
    assert true_positive_rate(members, np.linspace(0, 1, 99), 0.01) is None


@pytest.mark.parametrize(("members", "others"), [([], [1.0]), ([1.0], []), ([np.nan], [1.0])])
def test_an_attack_set_without_members_or_others_is_refused(
    members: list[float], others: list[float]
) -> None:
    with pytest.raises(InputError, match=r"attack set has no|is nan"):
        attack_auc(members, others)


def test_calibration_finds_what_difficulty_hides() -> None:
    """Losses are difficulty + noise, less δ for a member: the plain attack is near chance.

    With difficulty of sd 3, noise of sd .1 and δ = .3 the calibrated score has AUC
    Φ(.3 / (.1·√2·√(1 + 1/4))) = .972 with four references; both bounds are five standard errors
    away, so that this fails by chance with less than 1e-5.
    """
    rng = np.random.default_rng(1)
    ids = np.arange(4000, dtype=np.uint64)
    difficulty = rng.normal(5, 3, 4000)
    attacked = difficulty + rng.normal(0, 0.1, 4000) - 0.3 * (ids < 1000)
    references = []
    for _ in range(4):
        unseen = rng.permutation(4000)[:3000]
        references.append((ids[unseen], difficulty[unseen] + rng.normal(0, 0.1, 3000)))
    split = Membership(ids[:1000], attacked[:1000], ids[1000:], attacked[1000:])
    ours, others = calibrated(split, references)
    assert attack_auc(split.members, split.others) < 0.56
    assert attack_auc(ours, others) > 0.94
    assert 0.99 < len(ours) / 1000 < 1


def test_only_references_that_never_saw_an_example_say_how_hard_it_is() -> None:
    split = Membership(
        np.array([1, 2, 3], dtype=np.uint64), np.array([0.1, 0.2, 0.3]),
        np.array([4, 5], dtype=np.uint64), np.array([1.0, 2.0]),
    )  # fmt: skip
    first = np.array([4, 1, 9], dtype=np.uint64), np.array([3.0, 0.5, 7.0])
    second = np.array([1], dtype=np.uint64), np.array([1.5])
    nothing = np.array([], dtype=np.uint64), np.array([])
    ours, others = calibrated(split, [first, second, nothing])
    np.testing.assert_allclose(ours, [0.1 - 1.0])
    np.testing.assert_allclose(others, [1.0 - 3.0])
