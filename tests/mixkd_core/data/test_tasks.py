"""The registry of tasks."""

from __future__ import annotations

import re
from pathlib import PurePath

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mixkd_core.data.tasks import EMBEDDED, GLUE, KNOWN, Task, find_task
from mixkd_core.errors import InputError

# The label order of the hub's nyu-mll/glue, which models on the hub were trained with.
HUB_LABELS = {
    "cola": ("unacceptable", "acceptable"),
    "sst2": ("negative", "positive"),
    "mrpc": ("not_equivalent", "equivalent"),
    "qqp": ("not_duplicate", "duplicate"),
    "stsb": None,
    "mnli": ("entailment", "neutral", "contradiction"),
    "qnli": ("entailment", "not_entailment"),
    "rte": ("entailment", "not_entailment"),
    "wnli": ("not_entailment", "entailment"),
}
OFFICIAL_METRICS = {
    "cola": {"matthews_correlation", "accuracy"},
    "mrpc": {"accuracy", "f1"},
    "qqp": {"accuracy", "f1"},
    "stsb": {"pearson", "spearman"},
}


def test_all_nine_glue_tasks_have_the_hubs_label_order() -> None:
    assert {name: task.label_names for name, task in GLUE.items()} == HUB_LABELS


@pytest.mark.parametrize("name", HUB_LABELS)
def test_glue_tasks_have_their_official_metrics(name: str) -> None:
    task = GLUE[name]
    assert set(task.metrics) == OFFICIAL_METRICS.get(name, {"accuracy"})
    assert task.primary_metric in task.metrics


def test_mnli_is_evaluated_matched_and_mismatched() -> None:
    assert GLUE["mnli"].evaluation_splits == {
        "dev_matched": "validation_matched",
        "dev_mismatched": "validation_mismatched",
    }


def test_shapes_follow_from_the_columns_and_labels() -> None:
    assert (GLUE["sst2"].num_labels, GLUE["sst2"].is_pair, GLUE["sst2"].is_regression) == (
        2,
        False,
        False,
    )
    assert (GLUE["stsb"].num_labels, GLUE["stsb"].is_pair, GLUE["stsb"].is_regression) == (
        1,
        True,
        True,
    )
    assert EMBEDDED["embedded-inference"].num_labels == 3


def test_tasks_are_hashable() -> None:
    assert len({*GLUE.values(), *EMBEDDED.values()}) == 12


def test_find_task_knows_every_registered_task() -> None:
    for name, task in KNOWN.items():
        assert find_task(name) is task


@pytest.mark.parametrize(
    ("asked", "meant"),
    [("SST-2", "sst2"), ("STS_B", "stsb"), ("mnl", "mnli"), ("embeded-sentiment", EMBEDDED)],
)
def test_an_unknown_task_names_the_nearest_and_all(asked: str, meant: object) -> None:
    nearest = meant if isinstance(meant, str) else "embedded-sentiment"
    with pytest.raises(InputError, match=f"did you mean '{nearest}'") as caught:
        find_task(asked)
    assert all(name in str(caught.value) for name in (*GLUE, *EMBEDDED))


def test_a_task_of_ones_own_has_sensible_defaults() -> None:
    task = Task("tickets", ("message",), "queue", ("sales", "help", "other"))
    assert task.metrics == ("accuracy",)
    assert task.primary_metric == "accuracy"
    assert Task("ratings", ("review",), "stars").metrics == ("pearson", "spearman")


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        ({"text_columns": ()}, "0 text columns"),
        ({"text_columns": ("a", "b", "c")}, "3 text columns"),
        ({"text_columns": ("a", "a")}, "uses a column twice"),
        ({"text_columns": ("y",)}, "uses a column twice"),
        ({"label_names": ("only",)}, "at least two"),
        ({"label_names": ("same", "same")}, "all different"),
        ({"label_names": ("pos", "", "neg")}, "the label name ''"),
        ({"label_names": ("pos", " neg")}, "the label name ' neg'"),
        ({"metrics": ("rouge",)}, "'rouge'"),
        ({"metrics": ("pearson",)}, "'pearson'"),
        ({"label_names": None, "metrics": ("accuracy",)}, "'accuracy'"),
        ({"primary_metric": "f1"}, "not among its metrics"),
        ({"label_names": ("a", "b", "c"), "metrics": ("f1",)}, "f1 with 3 classes"),
    ],
)
def test_a_contradictory_task_is_refused(arguments: dict[str, object], complaint: str) -> None:
    valid = {"text_columns": ("a",), "label_column": "y", "label_names": ("no", "yes")}
    with pytest.raises(InputError, match=re.escape(complaint)):
        Task("mine", **{**valid, **arguments})  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("name", "near"),
    [
        ("a/b", "a-b"),
        ("../x", "x"),
        ("..", "my-task"),
        ("", "my-task"),
        ("support/tickets v2", "support-tickets-v2"),
        (".hidden", "hidden"),
        ("-option", "option"),
        ("a\nb", "a-b"),
        ("a\n", "a"),
        ("long" * 20, "long" * 10),
    ],
)
def test_a_name_that_cannot_name_a_folder_is_refused_with_one_that_can(
    name: str, near: str
) -> None:
    with pytest.raises(InputError, match=re.escape(f"such as {near!r}")):
        Task(name, ("a",), "y", ("no", "yes"))
    assert Task(near, ("a",), "y", ("no", "yes")).name == near


@pytest.mark.slow
@given(st.text(max_size=50))
def test_a_task_that_can_be_named_has_a_folder_of_its_own(name: str) -> None:
    try:
        Task(name, ("a",), "y", ("no", "yes"))
    except InputError:
        return
    assert PurePath(name).parts == (name,)
    assert len(name.encode()) < 200
    assert not name.startswith(".")
