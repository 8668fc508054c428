"""Task data in its canonical form, whatever source it came from.

Every source is read as :class:`SourceRows` (rows with their place, for messages) and turned by
:func:`build_split` into a ``datasets.Dataset`` with the columns

* ``example_id``: unique and stable, ``<split>-<id column's value, or row number from 0>``;
* ``text``, and ``text_pair`` for a sentence pair: surrounding white space removed;
* ``label``: class index (int64), or the real value (float64); absent from unlabelled sets;
* ``group``: equal for examples of a split that share a source
  (:mod:`mixkd_core.data.source_groups`), where they are not independent draws;
  added by :func:`assemble`.
"""

from __future__ import annotations

import json
import logging
import math
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from hashlib import sha256
from typing import TYPE_CHECKING, Any

from mixkd_core.data.source_groups import phrase_groups, shared_text_groups
from mixkd_core.data.tasks import Task
from mixkd_core.errors import InputError

if TYPE_CHECKING:
    from datasets import Dataset

logger = logging.getLogger(__name__)

FreshExamples = Callable[[int, int], "Dataset"]


@dataclass(frozen=True)
class TaskData:
    """A task's examples.

    Attributes:
        task: the task.
        train: the training split, canonical columns.
        evaluation: evaluation sets by name, canonical columns.
        fresh: ``fresh(count, seed)`` draws that many new i.i.d. examples of the training set's
            own law; None where the law is not known (everywhere but the embedded tasks).
        fingerprint: SHA-256 of ids, texts and labels in order, the same on every machine.
        origin: the kind of source and its file names, without folders.
    """

    task: Task
    train: Dataset
    evaluation: Mapping[str, Dataset]
    fresh: FreshExamples | None
    fingerprint: str
    origin: str


@dataclass(frozen=True)
class BrokenRow:
    """A row with the wrong number of fields."""

    found: int
    expected: int


@dataclass(frozen=True)
class SourceRows:
    """Rows as they were read, with their places.

    Attributes:
        name: the file's or data set's name, for error messages.
        unit: what a place counts: "line" or "row".
        columns: the column names.
        rows: (place, values by column), or (place, :class:`BrokenRow`).
    """

    name: str
    unit: str
    columns: tuple[str, ...]
    rows: Iterable[tuple[int, Mapping[str, Any] | BrokenRow]]


def assemble(
    task: Task,
    train: Dataset,
    evaluation: Mapping[str, Dataset],
    *,
    origin: str,
    fresh: FreshExamples | None = None,
) -> TaskData:
    """Task data from canonical splits, with their fingerprint and, without a law, their groups."""
    digest = sha256()
    for split, data in [("train", train), *sorted(evaluation.items())]:
        digest.update(f"{split}\n".encode())
        for row in data:
            digest.update(json.dumps(list(row.values())).encode() + b"\n")
    if fresh is None:
        train = _with_groups(task, train)
        evaluation = {name: _with_groups(task, data) for name, data in evaluation.items()}
    return TaskData(task, train, dict(evaluation), fresh, digest.hexdigest(), origin)


def _with_groups(task: Task, data: Dataset) -> Dataset:
    columns = [list(data[name]) for name in ("text", "text_pair") if name in data.column_names]
    groups = phrase_groups(columns[0]) if task.phrases else shared_text_groups(*columns)
    return data.add_column("group", groups)


def build_split(
    task: Task,
    split: str,
    table: SourceRows,
    *,
    text_columns: tuple[str, ...] | None = None,
    label_column: str | None = None,
    id_column: str | None = None,
    labelled: bool = True,
    skip_broken_rows: bool = False,
) -> Dataset:
    """The table's rows in canonical form.

    Args:
        task: decides the label's meaning, and the columns unless given here.
        split: the split's name, the first part of every example id.
        table: the rows.
        text_columns, label_column: the table's names for the task's columns.
        id_column: column that names an example; None names it by its row number, broken rows
            counted, so that GLUE's files and the hub agree on the ids.
        labelled: False for a test set without labels.
        skip_broken_rows: leave out rows with the wrong number of fields, with a warning.

    Raises:
        InputError: missing columns, a row with the wrong number of fields, a missing text,
            an unknown label, duplicate ids, no rows at all.
    """
    from datasets import Dataset, Features, Value

    if not re.fullmatch(r"\w+", split):
        raise InputError(
            f"The evaluation set's name {split!r} may only hold letters, digits and underscores."
        )
    text_columns = text_columns or task.text_columns
    label_column = label_column or task.label_column
    wanted = [
        *text_columns,
        *([label_column] if labelled else []),
        *([id_column] * bool(id_column)),
    ]
    for column in wanted:
        if column not in table.columns:
            raise InputError(
                f"{table.name} has no column {column!r}, which task {task.name!r} needs; its "
                f"columns are {', '.join(map(repr, table.columns))}."
            )

    label_of = label_reader(task)
    features = {"example_id": Value("string"), "text": Value("string")}
    if task.is_pair:
        features["text_pair"] = Value("string")
    if labelled:
        features["label"] = Value("float64" if task.is_regression else "int64")
    columns: dict[str, list[Any]] = {name: [] for name in features}
    places: dict[str, int] = {}
    skipped = 0
    for number, (place, values) in enumerate(table.rows):
        where = f"{table.name}, {table.unit} {place}"
        if isinstance(values, BrokenRow):
            if not skip_broken_rows:
                raise InputError(
                    f"{where}: found {values.found} fields, expected {values.expected}; mend or "
                    "remove the row."
                )
            skipped += 1
            continue
        own_id = number if id_column is None else values[id_column]
        name = f"{split}-{own_id}"
        if name in places:
            raise InputError(
                f"{where}: the example id {own_id!r} was already used on {table.unit} "
                f"{places[name]}; ids must be unique."
            )
        places[name] = place
        columns["example_id"].append(name)
        for column, source in zip(("text", "text_pair"), text_columns, strict=False):
            text = values[source]
            if not isinstance(text, str):
                raise InputError(f"{where}: column {source!r} holds {text!r} instead of a text.")
            columns[column].append(text.strip())
        if labelled:
            try:
                columns["label"].append(label_of(values[label_column]))
            except ValueError as error:
                raise InputError(f"{where}: {error}") from None
    if not places:
        raise InputError(f"{table.name} holds no examples; give a split with at least one.")
    if skipped:
        logger.warning(
            "%s: left out %d rows with the wrong number of fields, kept %d.",
            table.name,
            skipped,
            len(places),
        )
    return Dataset.from_dict(columns, features=Features(features))


def label_reader(task: Task) -> Callable[[object], int | float]:
    """A function from a label as spelled in a source to the canonical label.

    A class may be spelled by its name or, unless the names are themselves integers, by its index.
    The function raises ``ValueError`` with the reason, for its caller to say where.
    """
    names = task.label_names
    if names is None:
        return _real_label

    spellings = {name: index for index, name in enumerate(names)}
    if not any(name.lstrip("-").isdigit() for name in names):
        spellings.update({str(index): index for index in range(len(names))})

    def read(value: object) -> int:
        if isinstance(value, (bool, float)) and float(value).is_integer():
            value = int(value)
        spelled = str(value).strip()
        if spelled not in spellings:
            raise ValueError(
                f"unknown label {value!r}; task {task.name!r} allows "
                f"{', '.join(map(repr, spellings))}."
            )
        return spellings[spelled]

    return read


def _real_label(value: object) -> float:
    try:
        number = float(value)  # type: ignore[arg-type]
    except (TypeError, ValueError):
        number = math.nan
    if not math.isfinite(number):
        raise ValueError(
            f"the label {value!r} is not a finite number, which a task without label names needs; "
            "name the labels if they are classes."
        )
    return number
