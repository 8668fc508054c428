"""A held-out split made from one table: apart, stratified, decided by the texts alone."""

from __future__ import annotations

import random
from collections import Counter
from pathlib import Path

import datasets
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mixkd_core.data.held_out import hold_out
from mixkd_core.data.inspection import contents, overlap, plain
from mixkd_core.data.own_data import from_datasets, load_files
from mixkd_core.data.task_data import TaskData
from mixkd_core.data.tasks import Task
from mixkd_core.errors import InputError

THREE = Task("three", ("text",), "label", ("a", "b", "c"))
SCORES = Task("scores", ("text",), "label")


def table(rows: list[tuple[str, int]]) -> datasets.Dataset:
    return datasets.Dataset.from_dict(
        {
            "example_id": [f"train-{row}" for row in range(len(rows))],
            "text": [text for text, _ in rows],
            "label": [label for _, label in rows],
        }
    )


ROWS = [(f"text {row}", row % 10 // 4) for row in range(200)]


def test_a_fifth_of_each_class_is_held_out() -> None:
    train, dev = hold_out(THREE, table(ROWS), 0.2, "dev")
    assert Counter(train["label"]) == {0: 64, 1: 64, 2: 32}
    assert Counter(dev["label"]) == {0: 16, 1: 16, 2: 8}
    assert {*train["example_id"]} | {*dev["example_id"]} == {
        f"{'dev' if text in dev['text'] else 'train'}-{row}" for row, (text, _) in enumerate(ROWS)
    }


@pytest.mark.slow
@settings(max_examples=50)
@given(
    rows=st.lists(st.tuples(st.text("aAb ", max_size=4), st.integers(0, 2)), min_size=8),
    fraction=st.floats(0.3, 0.7),
    seed=st.integers(0, 9),
)
def test_the_parts_share_no_text_and_the_order_does_not_matter(
    rows: list[tuple[str, int]], fraction: float, seed: int
) -> None:
    try:
        train, dev = hold_out(THREE, table(rows), fraction, "dev")
    except InputError:
        return
    assert not overlap(train, dev).alike
    assert len(train) + len(dev) == len(rows)
    shuffled = random.Random(seed).sample(rows, len(rows))
    again = hold_out(THREE, table(shuffled), fraction, "dev")[1]
    assert {plain(content) for content in contents(dev)} == {
        plain(content) for content in contents(again)
    }


def test_a_class_of_one_text_stays_in_training() -> None:
    train, dev = hold_out(THREE, table([*ROWS[:4], ("b", 1), ("c", 2), ("C", 2)]), 0.5, "dev")
    assert set(dev["label"]) == {0}
    assert Counter(train["label"]) == {0: 2, 1: 1, 2: 2}


def test_real_values_are_stratified_too() -> None:
    rows = datasets.Dataset.from_dict(
        {"text": [f"t{row}" for row in range(100)], "label": [row / 7 for row in range(100)]}
    )
    data = from_datasets(SCORES, rows, {}, dev_fraction=0.1)
    assert sorted(int(value * 7 + 0.5) // 10 for value in data.evaluation["dev"]["label"]) == list(
        range(10)
    )


def test_one_file_is_enough(tmp_path: Path) -> None:
    path = tmp_path / "all.csv"
    path.write_text("text,label\n" + "".join(f"{text},{'abc'[label]}\n" for text, label in ROWS))

    def load(fraction: float | None) -> TaskData:
        return load_files(THREE, path, {}, dev_fraction=fraction)

    data = load(0.2)
    assert (len(data.train), len(data.evaluation["dev"])) == (160, 40)
    assert data.origin == "files all.csv (0.2 of it held out as dev)"
    assert "held out 40 examples as dev" in data.remarks[0]
    assert load(0.2).fingerprint == data.fingerprint != load(0.3).fingerprint
    assert not load(None).evaluation
    with pytest.raises(InputError, match="choose one"):
        load_files(THREE, path, {"dev": path}, dev_fraction=0.2)


@pytest.mark.parametrize("fraction", [0.0, 1.0, -1.0, float("nan"), 0.001])
def test_an_unusable_share_is_refused(fraction: float) -> None:
    with pytest.raises(InputError, match=r"held out|held-out"):
        hold_out(THREE, table(ROWS), fraction, "dev")
