"""Tokenised texts in flat arrays."""

from typing import Any

import numpy as np
import pytest
import torch
from datasets import Dataset

from mixkd_core.data.token_table import check_labels, token_table
from mixkd_core.errors import InputError

ROWS = {
    "input_ids": [[7, 8, 9], [5], [6, 4]],
    "token_type_ids": [[0, 0, 1], [0], [0, 1]],
    "labels": [1, 0, 2],
}


def test_texts_are_padded_on_demand() -> None:
    table = token_table(Dataset.from_dict(ROWS), pad_token_id=3)
    assert len(table) == 3
    assert table.lengths.tolist() == [3, 1, 2]
    assert table.labels.tolist() == [1, 0, 2]
    padded = table.pad(np.array([2, 0]), 4)
    assert padded["input_ids"].tolist() == [[6, 4, 3, 3], [7, 8, 9, 3]]
    assert padded["token_type_ids"].tolist() == [[0, 1, 0, 0], [0, 0, 1, 0]]
    assert padded["attention_mask"].tolist() == [[1, 1, 0, 0], [1, 1, 1, 0]]
    assert all(tensor.dtype == torch.int64 for tensor in padded.values())


def test_rows_of_a_table_make_a_table() -> None:
    table = token_table(Dataset.from_dict(ROWS), pad_token_id=3)
    chosen = table.select(np.array([2, 0, 2]))
    assert chosen.labels.tolist() == [2, 1, 2]
    every = np.arange(3)
    for name, values in chosen.pad(every, 3).items():
        assert torch.equal(values, table.pad(np.array([2, 0, 2]), 3)[name])


def test_a_selection_is_read_in_its_order() -> None:
    """A `select` or `shuffle` leaves the storage as it was and keeps a list of indices."""
    table = token_table(Dataset.from_dict(ROWS).select([2, 0]), pad_token_id=0)
    assert table.pad(np.array([0, 1]), 3)["input_ids"].tolist() == [[6, 4, 0], [7, 8, 9]]
    assert table.labels.tolist() == [2, 1]
    sliced = token_table(Dataset.from_dict(ROWS).select(range(1, 3)), pad_token_id=0)
    assert sliced.pad(np.array([0, 1]), 2)["input_ids"].tolist() == [[5, 0], [6, 4]]


class Rows(torch.utils.data.Dataset[Any]):
    """A map-style data set of dictionaries, the way PyTorch users write them."""

    def __len__(self) -> int:
        return 3

    def __getitem__(self, row: int) -> dict[str, Any]:
        values = {name: column[row] for name, column in ROWS.items()}
        return {name: torch.tensor(value) for name, value in values.items()}


def test_any_sequence_of_rows_will_do() -> None:
    rows = [{name: column[row] for name, column in ROWS.items()} for row in range(3)]
    expected = token_table(Dataset.from_dict(ROWS), 0)
    formatted = Dataset.from_dict(ROWS).with_format("torch")
    for dataset in (rows, Rows(), formatted):
        table = token_table(dataset, 0)
        assert table.labels.tolist() == expected.labels.tolist()
        assert table.offsets.tolist() == expected.offsets.tolist()
        for name, values in expected.columns.items():
            assert np.array_equal(table.columns[name], values)


def test_texts_padded_beforehand_lose_their_padding() -> None:
    """Whichever side it is on: taken for tokens, it would be attended to and mixed."""
    padded = {
        "input_ids": [[7, 8, 9], [0, 0, 5], [6, 4, 0]],
        "token_type_ids": [[0, 0, 1], [0, 0, 0], [0, 1, 0]],
        "attention_mask": [[1, 1, 1], [0, 0, 1], [1, 1, 0]],
        "labels": [1, 0, 2],
    }
    table, expected = (token_table(Dataset.from_dict(rows), 0) for rows in (padded, ROWS))
    assert table.offsets.tolist() == expected.offsets.tolist()
    assert table.columns.keys() == expected.columns.keys()
    for name, values in expected.columns.items():
        assert np.array_equal(table.columns[name], values)


def test_labels_keep_their_kind() -> None:
    def labels_of(labels: Any, name: str = "labels") -> Any:
        dataset = Dataset.from_dict({"input_ids": ROWS["input_ids"], name: labels})
        return token_table(dataset, None, label_column=name).labels

    assert labels_of([1, 0, 2]).dtype == np.int64
    real = labels_of([0.5, -1, 2], name="score")
    assert real.dtype == np.float32
    soft = labels_of([[0.5, 0.5], [1, 0], [0.25, 0.75]])
    assert soft.dtype == np.float32
    assert soft.tolist() == [[0.5, 0.5], [1, 0], [0.25, 0.75]]
    assert labels_of([[0, 1], [1, 0], [1, 0]]).dtype == np.float32


def without(column: str) -> dict[str, Any]:
    return {name: values for name, values in ROWS.items() if name != column}


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        (without("labels"), "no column 'labels' .it has input_ids, token_type_ids."),
        (without("input_ids"), "no column 'input_ids'"),
        ({**ROWS, "input_ids": [[7, 8, 9], [], [6]]}, "row 1 of the data set has no token"),
        # Of nothing but empty lists Arrow does not know the type.
        (
            {"input_ids": [[], [], []], "labels": ROWS["labels"]},
            "row 0 of the data set has no token",
        ),
        ({"input_ids": [[], []], "labels": [0, 1]}, "row 0 .* a template for them"),
        (
            {**ROWS, "attention_mask": [[1, 1, 1], [1], [0, 0]]},
            "row 2 of the data set has no token",
        ),
        ({name: [] for name in ROWS}, "the data set is empty"),
        ({**ROWS, "labels": ["good", "bad", "good"]}, "not numbers"),
        ({**ROWS, "labels": [True, False, True]}, "not numbers, .*they are of type bool"),
        ({**ROWS, "labels": [[0.5, 0.5], [1.0], [1.0, 0.0]]}, "of one length"),
    ],
)
def test_what_cannot_be_read_is_refused(rows: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=message):
        token_table(Dataset.from_dict(rows), 0)


def test_a_stream_is_refused() -> None:
    with pytest.raises(InputError, match="stream of unknown length"):
        token_table(Dataset.from_dict(ROWS).to_iterable_dataset(), 0)


@pytest.mark.parametrize(
    ("labels", "num_labels"),
    [
        ([0, 1, 2], 3),
        ([0.5, -1.0], 1),
        ([3, 5], 1),
        ([[0.5, 0.5], [1.0, 0.0]], 2),
    ],
)
def test_labels_that_fit_the_student(labels: Any, num_labels: int) -> None:
    check_labels(np.array(labels), num_labels)


@pytest.mark.parametrize(
    ("labels", "num_labels", "message"),
    [
        ([0, 3, 1], 3, "row 1 .* the label 3, but a student of 3 .* an integer from 0 to 2"),
        ([0, 1, -1], 3, "row 2 .* the label -1"),
        ([0.0, 1.0], 3, "row 0 .* the label 0.0"),
        ([0.5, np.nan], 1, "row 1 .* the label nan, .* a finite number"),
        ([[0.5, 0.5], [0.5, 0.6]], 2, "row 1 .* a list of 2 probabilities that sum to 1"),
        ([[1.5, -0.5]], 2, "row 0"),
        ([[0.5, 0.5]], 3, "row 0 .* a list of 3 probabilities"),
        ([[1.0]], 1, "row 0"),
    ],
)
def test_labels_that_do_not_fit_are_refused(labels: Any, num_labels: int, message: str) -> None:
    with pytest.raises(InputError, match=message):
        check_labels(np.array(labels), num_labels)


@pytest.mark.parametrize("ids", [[[7, 2**31]], [[0.5, 3.0]], [["a", "b"]], [[7, None]]])
def test_what_is_no_token_id_is_refused(ids: Any) -> None:
    with pytest.raises(InputError, match=r"the values in column 'input_ids' .* are no token ids"):
        token_table(Dataset.from_dict({"input_ids": ids, "labels": [0]}), 0)
