"""Metrics against values computed by hand, and their degenerate cases."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mixkd_core.data.tasks import GLUE, Task
from mixkd_core.errors import InputError
from mixkd_core.evaluation.metrics import compute_metrics, majority_baseline


def test_two_class_metrics_by_hand() -> None:
    # True positives 3, false positives 1, false negatives 2, true negatives 4.
    predictions = [1, 1, 1, 1, 0, 0, 0, 0, 0, 0]
    labels = [1, 1, 1, 0, 1, 1, 0, 0, 0, 0]
    assert compute_metrics(GLUE["mrpc"], predictions, labels) == {
        "accuracy": pytest.approx(0.7),
        "f1": pytest.approx(2 * 3 / (2 * 3 + 1 + 2)),
    }
    matthews = (3 * 4 - 1 * 2) / math.sqrt((3 + 1) * (3 + 2) * (4 + 1) * (4 + 2))
    assert compute_metrics(GLUE["cola"], predictions, labels) == {
        "matthews_correlation": pytest.approx(matthews),
        "accuracy": pytest.approx(0.7),
    }


def test_f1_is_that_of_class_one() -> None:
    task = GLUE["qqp"]
    one_way = compute_metrics(task, [1, 0, 0, 0], [1, 1, 0, 0])["f1"]
    other_way = compute_metrics(task, [0, 1, 1, 1], [0, 0, 1, 1])["f1"]
    assert one_way == pytest.approx(2 / 3)
    assert other_way == pytest.approx(4 / 5)


def test_correlations_by_hand() -> None:
    # Deviations (-3, -1, 1, 3) / 2 and (-3, 1, -1, 3) / 2, so 4 over 5; ranks the same.
    expected = {"pearson": pytest.approx(0.8), "spearman": pytest.approx(0.8)}
    assert compute_metrics(GLUE["stsb"], [0, 1, 2, 3], [0, 2, 1, 3]) == expected
    curved = compute_metrics(GLUE["stsb"], [0, 1, 2, 3], [0, 1, 8, 27])
    assert curved["spearman"] == pytest.approx(1)
    # Deviations (-1.5, -0.5, 0.5, 1.5) and (-9, -8, -1, 18): products 44, squares 5 and 470.
    assert curved["pearson"] == pytest.approx(44 / math.sqrt(5 * 470))


def test_three_classes_count_exact_hits() -> None:
    assert compute_metrics(GLUE["mnli"], [0, 1, 2, 2], [0, 1, 1, 2]) == {"accuracy": 0.75}


@pytest.mark.parametrize("name", ["cola", "mrpc", "stsb"])
@pytest.mark.parametrize("constant", [0, 1])
def test_a_constant_prediction_shows_no_association(name: str, constant: int) -> None:
    metrics = compute_metrics(GLUE[name], [constant] * 4, [0, 0, 0, 1])
    for metric in ("matthews_correlation", "pearson", "spearman"):
        assert metrics.get(metric, 0.0) == 0.0
    if name == "mrpc" and constant == 0:
        assert metrics["f1"] == 0.0


@given(st.lists(st.tuples(st.integers(0, 1), st.integers(0, 1)), min_size=1, max_size=30))
def test_no_metric_is_ever_nan(pairs: list[tuple[int, int]]) -> None:
    predictions, labels = zip(*pairs, strict=True)
    for name in ("cola", "mrpc", "stsb"):
        values = compute_metrics(GLUE[name], predictions, labels).values()
        assert all(-1 - 1e-12 <= value <= 1 + 1e-12 for value in values)


def test_the_majority_comes_from_the_training_labels() -> None:
    task = GLUE["mrpc"]
    assert majority_baseline(task, [1, 1, 0], [0, 0, 0, 1]) == {
        "accuracy": 0.25,
        "f1": pytest.approx(0.4),
    }
    assert majority_baseline(task, [1, 0], [0, 0, 0, 1])["accuracy"] == 0.75


def test_the_regression_baseline_is_the_mean() -> None:
    assert majority_baseline(GLUE["stsb"], [1.0, 2.0], [0.0, 5.0, 3.0]) == {
        "pearson": 0.0,
        "spearman": 0.0,
    }


@pytest.mark.parametrize(
    ("predictions", "labels", "complaint"),
    [
        ([1, 0], [1], "2 predictions came with 1 labels"),
        ([], [], "n at least 1"),
        ([[0.1, 0.9]], [1], r"shape \(1, 2\)"),
        ([0.0, math.nan], [0, 1], "not finite, at 1"),
        ([0, 1], [math.inf, 1], "labels hold a value that is not finite, at 0"),
    ],
)
def test_unusable_values_are_refused(
    predictions: list[float], labels: list[float], complaint: str
) -> None:
    with pytest.raises(InputError, match=complaint):
        compute_metrics(GLUE["sst2"], predictions, labels)


def test_metrics_follow_the_tasks_list() -> None:
    task = Task("t", ("a",), "y", ("n", "p"), metrics=("f1", "matthews_correlation"))
    assert list(compute_metrics(task, np.array([0, 1]), np.array([0, 1]))) == [
        "f1",
        "matthews_correlation",
    ]
