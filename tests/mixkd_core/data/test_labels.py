"""Labels: one reading for every format, and classes read off the data."""

from __future__ import annotations

import csv
import io
import json
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import datasets
import pyarrow as pa
import pyarrow.feather
import pyarrow.parquet
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mixkd_core.data.labels import label_reader, read_label_names
from mixkd_core.data.own_data import label_names_in
from mixkd_core.data.splits import build_split
from mixkd_core.data.table_files import read_table
from mixkd_core.data.tasks import Task
from mixkd_core.errors import InputError

Rows = list[dict[str, Any]]


def written_csv(rows: Rows, separator: str) -> str:
    file = io.StringIO()
    writer = csv.writer(file, delimiter=separator)
    writer.writerow(rows[0])
    writer.writerows(row.values() for row in rows)
    return file.getvalue()


def tsv(rows: Rows) -> str:
    lines = [rows[0].keys(), *(row.values() for row in rows)]
    return "\n".join("\t".join(map(str, line)) for line in lines)


WRITERS: dict[str, Callable[[Path, Rows], object]] = {
    "a.csv": lambda path, rows: path.write_text(written_csv(rows, ","), newline=""),
    "b.CSV": lambda path, rows: path.write_text(written_csv(rows, ";"), newline=""),
    "a.tsv": lambda path, rows: path.write_text(tsv(rows), newline=""),
    "a.jsonl": lambda path, rows: path.write_text("\n".join(map(json.dumps, rows))),
    "a.json": lambda path, rows: path.write_text(json.dumps(rows, indent=1)),
    "a.parquet": lambda path, rows: pa.parquet.write_table(pa.Table.from_pylist(rows), path),
    "a.feather": lambda path, rows: pa.feather.write_feather(pa.Table.from_pylist(rows), path),
    "a.arrow": lambda path, rows: stream(path, pa.Table.from_pylist(rows)),
    "saved": lambda path, rows: datasets.Dataset.from_list(rows).save_to_disk(path),
}


def stream(path: Path, table: Any) -> None:
    with pa.ipc.new_stream(path, table.schema) as file:
        file.write_table(table)


# A table's texts, and its labels with the names that a user gives for their classes.
TEXTS = st.text(st.characters(codec="utf-8", exclude_characters="\t\n\r\0"), max_size=8).map(
    lambda text: f"word {text}"
)
LABELS = st.sampled_from(
    [
        ((True, False), ("True", "False")),
        ((True, False), ("false", "true")),
        ((1.0, 0.0), ("1.0", "0.0")),
        ((1.0, 0.0), ("True", "False")),
        ((1, 0), ("True", "False")),
        ((True, False), ("1", "0")),
        ((1.0, 0.0, 2.0), ("2", "1", "0")),
        ((2, 1, 7), ("7", "1.0", "2")),
        (("sales", "help, EU"), ("help, EU", "sales")),
        (("1", "0", "a"), ("a", "0", "1")),
        (("Sales", "sales"), ("sales", "Sales")),
    ]
)


def means_the_same(value: Any, name: str) -> bool:
    """Whether a class's name spells a value, as a person reads both."""
    spelled = {"true": 1.0, "false": 0.0}.get(name.lower(), name)
    return value == spelled if isinstance(value, str) else float(value) == float(spelled)


@pytest.mark.slow
@settings(max_examples=40)
@given(texts=st.lists(TEXTS, min_size=4, max_size=6), labels=LABELS, data=st.data())
def test_a_table_reads_alike_in_every_format(
    texts: list[str], labels: tuple[tuple[Any, ...], tuple[str, ...]], data: st.DataObject
) -> None:
    values, names = labels
    rows = [{"text": text, "label": data.draw(st.sampled_from(values))} for text in texts]
    task = Task("mine", ("text",), "label", names)
    read: dict[str, Any] = {}
    with tempfile.TemporaryDirectory() as folder:
        for file, write in WRITERS.items():
            path = Path(folder) / file
            write(path, rows)
            read[file] = build_split(task, "train", read_table(path))[:]
    assert all(found == read["a.csv"] for found in read.values()), read
    assert read["a.csv"]["text"] == [text.strip() for text in texts]
    for row, index in zip(rows, read["a.csv"]["label"], strict=True):
        assert means_the_same(row["label"], names[index])


@pytest.mark.parametrize(
    ("names", "first", "second"),
    [
        (("True", "False"), [True, "true", "TRUE", "1", 1, 1.0, "1.0"], [False, "false", 0, 0.0]),
        (("1.0", "0.0"), [1, 1.0, "1", "1.0", True, "true"], [0, 0.0, "0", False]),
        (("no", "yes"), [" no ", "0", 0, 0.0, "0.0"], ["yes", 1, 1.0, "1", "1.0"]),
        (("2", "1"), ["2", 2, 2.0], [1, "1.0", True]),
        (("1", "1.0"), ["1", 1], ["1.0", 1.0]),
    ],
)
def test_names_come_first(
    names: tuple[str, ...], first: list[object], second: list[object]
) -> None:
    read = label_reader(Task("mine", ("text",), "label", names))
    assert [read(spelling) for spelling in first] == [0] * len(first)
    assert [read(spelling) for spelling in second] == [1] * len(second)


@pytest.mark.parametrize(
    ("names", "label"),
    [
        (("yes", "no"), True),  # as an index, `true` would be the class `no`
        (("yes", "no"), "false"),
        (("yes", "no"), 2),
        (("yes", "no"), -1),
        (("yes", "no"), 0.5),
        (("yes", "no"), "Yes"),
        (("2", "1"), 0),
        (("1", "1.0", "2"), "1.00"),  # which of the two is meant?
        (None, True),
        (None, "high"),
        (None, float("inf")),
        (None, "1e999"),
        (None, "1_000"),
    ],
)
def test_a_label_that_may_mean_something_else_is_refused(
    names: tuple[str, ...] | None, label: object
) -> None:
    with pytest.raises(ValueError, match="label"):
        label_reader(Task("mine", ("text",), "label", names))(label)


@pytest.mark.parametrize(
    ("labels", "names"),
    [
        (["b", "a", "b"], ("a", "b")),
        ([True, False, None], ("False", "True")),
        (["TRUE", "false", ""], ("False", "True")),
        ([1, 0, 1, 0], ("0", "1")),
        (["10", "9", "9", "10"], ("9", "10")),
        ([1.0, 0.0, float("nan"), 1.0, 0.0], ("0", "1")),
        (["1", "0", "n/a"], ("0", "1", "n/a")),
        ([0.5, 1.0, 0.5, 1.0], None),
        (list(range(50)), None),
        ([1, 2, 3], None),
    ],
)
def test_classes_are_read_off_the_data(labels: list[object], names: tuple[str, ...] | None) -> None:
    assert read_label_names(labels, "the column") == names


@pytest.mark.parametrize(
    ("labels", "complaint"),
    [
        ([], "no label at all"),
        ([None, " "], "no label at all"),
        (["a", "a"], "'a' and no other"),
        ([1, 1], "'1' and no other"),
        (["Sales", "sales", "help"], "'Sales' and 'sales'"),
        ([f"text {row}" for row in range(30)], "30 different labels in 30 rows"),
    ],
)
def test_columns_that_hold_no_classes_are_refused(labels: list[object], complaint: str) -> None:
    with pytest.raises(InputError, match=complaint):
        read_label_names(labels, "the column")


@pytest.mark.parametrize("file", WRITERS)
def test_the_same_classes_are_read_off_every_format(tmp_path: Path, file: str) -> None:
    for number, values in enumerate([(True, False), (1.0, 0.0), (3, 1), ("b", "a")]):
        rows = [{"text": f"t{row}", "label": values[row % 2]} for row in range(6)]
        folder = tmp_path / str(number)
        folder.mkdir()
        for written in (file, "a.csv"):
            WRITERS[written](folder / written, rows)
        found = label_names_in(folder / file, "label")
        assert found == label_names_in(folder / "a.csv", "label")
        assert found is not None
        assert len(found) == 2
