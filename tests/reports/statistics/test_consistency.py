"""Measures of consistency: against the definitions, and against what is known of the truth."""

from collections import Counter
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from reports.statistics.consistency import (
    FEWEST_TEXTS,
    Outcomes,
    any_of_group,
    divergence,
    mean_over_alterations,
    of_labelled_texts,
    where_predictions_should_agree,
    where_predictions_should_change,
)

LOGITS = st.integers(1, 12).flatmap(
    lambda n: arrays(np.float64, (2, n, 3), elements=st.floats(-30, 30))
)


def outcomes(before: Any, after: Any, labels: Any, altered: Any, **others: Any) -> Outcomes:
    """Outcomes of predictions given as classes of three."""
    names = np.array(others.get("alterations", ["typo"] * len(before)), dtype=object)
    groups = np.array(others.get("groups", range(len(before))), dtype=object)
    return Outcomes(
        5.0 * np.eye(3)[before], 5.0 * np.eye(3)[after], np.asarray(labels), np.asarray(altered),
        groups, names,
    )  # fmt: skip


def drawn(seed: int, n: int = 60) -> Outcomes:
    rng = np.random.default_rng(seed)
    labels = rng.integers(0, 3, n)
    return Outcomes(
        rng.normal(size=(n, 3)),
        rng.normal(size=(n, 3)),
        labels,
        np.where(rng.random(n) < 0.2, -1, labels),
        rng.integers(0, n // 2, n).astype(object),
        rng.choice(np.array(["typo", "case", "name"], dtype=object), n, p=[0.6, 0.35, 0.05]),
    )


@given(LOGITS)
def test_divergence_is_between_0_and_1_symmetric_and_0_for_equal_predictions(pair: Any) -> None:
    one, other = pair
    found = divergence(one, other)
    assert ((found >= 0) & (found <= 1)).all()
    assert np.allclose(found, divergence(other, one), atol=1e-12)
    assert np.allclose(divergence(one, one + 7.0), 0, atol=1e-12)


def test_divergence_is_that_of_the_definition() -> None:
    p, q = np.array([0.9, 0.1]), np.array([0.2, 0.8])
    m = (p + q) / 2
    by_hand = 0.5 * (p * np.log2(p / m)).sum() + 0.5 * (q * np.log2(q / m)).sum()
    assert divergence(np.log(p)[None], np.log(q)[None])[0] == pytest.approx(by_hand)
    assert divergence(np.array([[800.0, 0.0]]), np.array([[0.0, 800.0]]))[0] == pytest.approx(1)


def test_alterations_weigh_the_same() -> None:
    values = np.array([1.0, 0, 0, 0, 1])
    names = np.array(["a", "b", "b", "b", "c"], dtype=object)
    every = np.ones(5, dtype=bool)
    found = mean_over_alterations(values, every, names)
    assert found is not None
    assert found.value == pytest.approx(2 / 3)
    counted = every & (names != "c")
    assert mean_over_alterations(values, counted, names).value == pytest.approx(1 / 2)  # type: ignore[union-attr]
    assert mean_over_alterations(values, every & False, names) is None


@settings(max_examples=40)
@given(seed=st.integers(0, 50), kind=st.sampled_from(["agree", "change"]), row=st.integers(0, 59))
def test_influence_is_the_derivative_by_the_weight_of_a_text(
    seed: int, kind: str, row: int
) -> None:
    """A text counted twice moves a mean by about its influence over n: exactly in the limit."""
    one = drawn(seed)
    measured = (
        where_predictions_should_agree if kind == "agree" else where_predictions_should_change
    )
    # Many copies of everything, and one text once more.
    rows = np.r_[np.tile(np.arange(60), 200), row]
    more = measured(
        Outcomes(
            one.logits[rows], one.altered_logits[rows], one.labels[rows],
            one.altered_labels[rows], one.groups[rows], one.alterations[rows],
        )
    )  # fmt: skip
    for name, estimate in measured(one).items():
        assert abs(estimate.influence.mean()) < 1e-12
        assert len(estimate.influence) == 60
        if name.startswith("worst") or name == "group_flip":
            continue  # a maximum, and a mean over originals
        moved = more[name].value - estimate.value
        assert moved == pytest.approx(estimate.influence[row] / len(rows), rel=0.02, abs=1e-9)


def test_flips_are_counted_and_counted_given_that_the_original_is_right() -> None:
    found = where_predictions_should_agree(
        outcomes([0, 0, 1, 1], [0, 1, 2, 1], [0, 0, 0, -1], [0, 0, 0, -1], groups=[1, 1, 2, 3])
    )
    assert found["flip"].value == 0.5
    assert found["flip_right"].value == 0.5  # of the first two
    assert found["flip_right"].texts == 2
    assert found["group_flip"].value == pytest.approx(2 / 3)
    assert found["accuracy_before"].value == pytest.approx(2 / 3)
    assert found["accuracy_after"].value == pytest.approx(1 / 3)
    assert "worst_flip" not in found


def test_predictions_that_stay_where_the_label_changed() -> None:
    found = where_predictions_should_change(
        outcomes([0, 0, 1, 1], [0, 1, 2, 1], [0, 0, 1, 2], [1, 1, 0, -1])
    )
    assert found["unchanged"].value == 0.5
    assert found["unchanged_right"].value == pytest.approx(1 / 3)
    assert found["accuracy_after"].value == pytest.approx(1 / 3)
    assert found["accuracy_after_right"].value == pytest.approx(1 / 3)


def test_the_worst_alteration_needs_texts() -> None:
    n = FEWEST_TEXTS
    names = ["many"] * (2 * n) + ["few"] * (n - 1) + ["enough"] * n
    after = np.array([0] * (2 * n) + [1] * (n - 1) + [0] * (n - 5) + [1] * 5)
    found = where_predictions_should_agree(
        outcomes(np.zeros(len(names), int), after, after * 0, after * 0, alterations=names)
    )
    assert found["worst_flip"].value == 5 / n


def test_without_labels_nothing_is_said_of_accuracy() -> None:
    unknown = [-1, -1]
    found = where_predictions_should_agree(outcomes([0, 1], [1, 1], unknown, unknown))
    assert found["flip"].value == 0.5
    assert not {"flip_right", "accuracy_before", "accuracy_after"} & set(found)
    assert of_labelled_texts(outcomes([0, 1], [0, 1], unknown, unknown)) == {}


def test_a_constant_answer_never_flips_and_never_changes() -> None:
    constant = outcomes([1] * 9, [1] * 9, [0, 1, 2] * 3, [0, 1, 2] * 3)
    assert where_predictions_should_agree(constant)["flip"].value == 0
    assert where_predictions_should_change(constant)["unchanged"].value == 1


@given(seed=st.integers(0, 30))
def test_any_of_a_group_is_at_least_the_rate_and_counts_groups(seed: int) -> None:
    rng = np.random.default_rng(seed)
    happened, groups = rng.random(40) < 0.3, rng.integers(0, 9, 40).astype(object)
    found = any_of_group(happened, groups)
    hit = Counter(group for group, one in zip(groups, happened, strict=True) if one)
    assert found is not None
    assert found.value == pytest.approx(len(hit) / len(set(groups)))
    assert found.texts == len(set(groups))
