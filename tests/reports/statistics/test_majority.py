"""Being better than the majority class: by more than chance, and seldom by mistake."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binom

from reports.statistics.majority import LEVEL, beats_majority, has_majority_class, sentence


@pytest.mark.parametrize(
    ("metric", "value", "majority", "examples", "better"),
    [
        ("accuracy", 0.453, 0.413, 150, False),  # within chance
        ("accuracy", 0.453, 0.413, 15_000, True),
        ("accuracy", 0.413, 0.413, 10**6, False),
        ("accuracy", 0.96, 0.413, 150, True),
        ("f1", 0.81, 0.81, 408, False),
        ("f1", 0.82, 0.81, 408, True),
        ("matthews_correlation", 0.0, 0.0, 1043, False),
    ],
)
def test_known_cases(
    metric: str, value: float, majority: float, examples: int, better: bool
) -> None:
    assert beats_majority(metric, value, majority, examples) is better


@pytest.mark.slow
@given(st.integers(20, 400), st.floats(0.3, 0.95))
def test_a_network_at_the_majority_class_is_seldom_called_better(n: int, p: float) -> None:
    """Exactly: the probability, over its number of right answers, is at most the level."""
    called = np.array([beats_majority("accuracy", k / n, p, n) for k in range(n + 1)])
    assert binom.pmf(np.arange(n + 1), n, p)[called].sum() <= LEVEL


@given(st.integers(1, 400), st.floats(0, 1), st.data())
def test_a_better_value_is_never_judged_worse(n: int, majority: float, data: st.DataObject) -> None:
    low, high = sorted(data.draw(st.lists(st.integers(0, n), min_size=2, max_size=2)))
    if beats_majority("accuracy", low / n, majority, n):
        assert beats_majority("accuracy", high / n, majority, n)


def test_the_sentence_names_networks_metric_set_and_remedy() -> None:
    said = sentence(["kd", "ft"], "accuracy", "dev")
    assert "majority class on dev (accuracy): kd, ft." in said
    assert "try more epochs" in said


def test_a_regression_has_no_classes_to_name_the_most_frequent_of() -> None:
    assert not has_majority_class("spearman")
    assert has_majority_class("matthews_correlation"), "whose zero is a majority class's"
    assert sentence(["kd"], "pearson", "dev").startswith("no better than a constant prediction on")
    assert sentence(["kd"], "f1", "dev").startswith("no better than the majority class on dev (f1)")
