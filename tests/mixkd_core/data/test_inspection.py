"""What a careful reader would say of the data, and what is refused."""

from __future__ import annotations

import datasets
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mixkd_core.data.inspection import Overlap, overlap
from mixkd_core.data.own_data import from_datasets
from mixkd_core.data.task_data import TaskData
from mixkd_core.data.tasks import Task
from mixkd_core.errors import InputError

MINE = Task("mine", ("text",), "label", ("no", "yes"))
PAIRS = Task("pairs", ("one", "two"), "label", ("no", "yes"))
SCORES = Task("scores", ("text",), "label")

Rows = list[tuple[str, object]]


def split(rows: Rows) -> datasets.Dataset:
    return datasets.Dataset.from_dict(
        {"text": [text for text, _ in rows], "label": [label for _, label in rows]}
    )


def loaded(train: Rows, dev: Rows, task: Task = MINE) -> TaskData:
    return from_datasets(task, split(train), {"dev": split(dev)})


TRAIN: Rows = [("a b", "no"), ("c", "yes"), ("d", "no"), ("e", "yes")]
DEV: Rows = [("x", "no"), ("y", "yes")]


def test_clean_data_need_no_remark() -> None:
    assert loaded(TRAIN, DEV).remarks == ()


def test_overlap_is_counted_word_for_word_and_up_to_case_and_spacing() -> None:
    data = loaded(TRAIN, [("a b", "no"), ("A  B", "yes"), ("C", "yes"), ("x", "no")])
    assert data.remarks == (
        "3 of the 4 examples of dev are in the training data too (1 word for word, 2 up to case "
        "and spacing).",
    )


def test_every_evaluation_set_is_compared() -> None:
    data = from_datasets(MINE, split(TRAIN), {"dev": split(DEV), "hard": split([*DEV, TRAIN[0]])})
    assert [remark.partition(" are in")[0] for remark in data.remarks] == [
        "1 of the 3 examples of hard"
    ]


def test_a_pair_overlaps_only_as_a_whole() -> None:
    def pairs(rows: list[tuple[str, str, str]]) -> datasets.Dataset:
        return datasets.Dataset.from_dict(
            dict(zip(("one", "two", "label"), map(list, zip(*rows, strict=True)), strict=True))
        )

    train = pairs([("a", "b", "no"), ("c", "d", "yes")])
    data = from_datasets(
        PAIRS, train, {"dev": pairs([("a", "d", "no"), ("b", "a", "yes"), ("C", "d", "yes")])}
    )
    assert len(data.remarks) == 1
    assert "1 of the 3 examples of dev" in data.remarks[0]


@pytest.mark.slow
@given(
    train=st.lists(st.text("aA ", max_size=3), max_size=6),
    other=st.lists(st.text("aA ", max_size=3), max_size=6),
)
def test_overlap_agrees_with_the_definition(train: list[str], other: list[str]) -> None:
    sets = [datasets.Dataset.from_dict({"text": texts}) for texts in (train, other)]
    same = [" ".join(text.lower().split()) for text in train]
    assert overlap(*sets) == Overlap(
        examples=len(other),
        exact=sum(text in train for text in other),
        alike=sum(" ".join(text.lower().split()) in same for text in other),
    )


@pytest.mark.parametrize(
    ("train", "dev", "said"),
    [
        ([*TRAIN, ("c", "no")], DEV, "2 of the 5 examples of train have a text that stands there"),
        (TRAIN, [*DEV, ("x", "yes")], "2 of the 3 examples of dev have a text that stands there"),
        (TRAIN, DEV[:1], "All 1 examples of dev are of class 'no'"),
        (TRAIN, [("x", "no"), ("x", "no"), ("x", "yes")], "All 3 texts of dev are equal"),
    ],
)
def test_what_a_user_should_know_is_said(train: Rows, dev: Rows, said: str) -> None:
    assert any(said in remark for remark in loaded(train, dev).remarks)


def test_classes_that_are_missing_are_named() -> None:
    task = Task("mine", ("text",), "label", ("no", "yes", "perhaps", "never"))
    data = loaded(TRAIN, [*DEV, ("z", "never")], task)
    assert data.remarks == (
        "train has no example of classes 'perhaps', 'never'.",
        "dev has no example of class 'perhaps'.",
        "dev has examples of class 'never', of which train has none.",
    )


@pytest.mark.parametrize(
    ("train", "reason"),
    [
        ([("a", "yes")], "all of its 1 examples have class 'yes'"),
        ([("a", "yes"), ("b", "yes")], "all of its 2 examples have class 'yes'"),
        ([("a", "yes"), ("a", "no"), ("a", "no")], "all of its 3 texts are equal"),
        ([("a", "yes"), ("a", "no"), ("b", "no"), ("b", "yes")], "contradict each other"),
    ],
)
def test_training_data_that_teach_nothing_are_refused(train: Rows, reason: str) -> None:
    with pytest.raises(InputError, match=f"'mine' teach nothing: .*{reason}"):
        loaded(train, DEV)


def test_real_values_that_teach_nothing_are_refused() -> None:
    dev: Rows = [("x", 1.0), ("y", 2.0)]
    for train in ([("a", 2.0), ("b", 2.0)], [("a", 1.0), ("a", 2.0)]):
        with pytest.raises(InputError, match="teach nothing"):
            loaded(list(train), dev, SCORES)
    assert loaded([("a", 1.0), ("b", 2.0)], dev, SCORES).remarks == ()


@pytest.mark.parametrize("change", [str, str.upper, lambda text: f" {text} "])
def test_a_development_set_inside_the_training_set_is_refused(change: object) -> None:
    assert callable(change)
    with pytest.raises(InputError, match="Every one of the 3 examples of dev is in the training"):
        loaded(TRAIN, [(change(text), label) for text, label in TRAIN[1:]])
