"""A split in its canonical form, from whatever rows a source gave."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, Literal

from mixkd_core.data.labels import is_missing, label_reader
from mixkd_core.data.source_rows import MOST_CHARACTERS, MOST_ROWS, BrokenRow, SourceRows
from mixkd_core.data.tasks import Task
from mixkd_core.errors import InputError

if TYPE_CHECKING:
    from datasets import Dataset

Empty = Literal["refuse", "drop", "keep"]
Remark = Callable[[str], None]

PLACES_NAMED = 5


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
    empty: Empty = "refuse",
    remark: Remark = lambda sentence: None,
) -> Dataset:
    """Return the table's rows in canonical form.

    Args:
        task: decides the label's meaning, and the columns unless given here.
        split: the split's name, the first part of every example id.
        table: the rows.
        text_columns, label_column: the table's names for the task's columns.
        id_column: column that names an example; None names it by its row number, rows that are
            left out counted, so that GLUE's files and the hub agree on the ids.
        labelled: False for a test set without labels.
        skip_broken_rows: leave out rows with the wrong number of fields, with a remark.
        empty: what becomes of rows without a text (of a pair: without one of the two) or without a
            label: refused; left out, with a remark; or kept, with a remark, which only an empty
            text can be.
        remark: called with a sentence for each thing that a user should know.

    Raises:
        InputError: missing columns, a row with the wrong number of fields, a missing text or label,
            an unknown label, duplicate ids, no rows at all, too many of them, a text that is too
            long (:mod:`mixkd_core.data.source_rows` has the limits).
    """
    import pyarrow as pa  # type: ignore[import-untyped]
    from datasets import Dataset, Features, Value

    if not re.fullmatch(r"\w+", split):
        raise InputError(
            f"The evaluation set's name {split!r} may only hold letters, digits and underscores."
        )
    text_columns = text_columns or task.text_columns
    label_column = label_column or task.label_column
    table.check_columns(
        [*text_columns, *([label_column] * labelled), *([id_column] if id_column else [])]
    )
    for sentence in table.remarks:
        remark(sentence)

    label_of = label_reader(task)
    features = {"example_id": Value("string"), "text": Value("string")}
    if task.is_pair:
        features["text_pair"] = Value("string")
    if labelled:
        features["label"] = Value("float64" if task.is_regression else "int64")
    columns: dict[str, list[Any]] = {name: [] for name in features}
    places: dict[str, int] = {}
    without: dict[str, list[int]] = {"text": [], "label": []}
    skipped = 0
    for number, (place, values) in enumerate(table.rows):
        where = f"{table.name}, {table.unit} {place}"
        if number >= MOST_ROWS:
            raise InputError(
                f"{where}: {MOST_ROWS:,} rows were read, and that is the most; give a part of them."
            )
        if isinstance(values, BrokenRow):
            if not skip_broken_rows:
                raise InputError(
                    f"{where}: found {values.found} fields, expected {values.expected}; mend or "
                    "remove the row."
                )
            skipped += 1
            continue
        texts = [_text(values[source], source, where) for source in text_columns]
        lacks_label = labelled and is_missing(values[label_column])
        if not all(texts):
            without["text"].append(place)
        if lacks_label:
            without["label"].append(place)
        if lacks_label or (not all(texts) and empty == "drop"):
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
        for column, text in zip(("text", "text_pair"), texts, strict=False):
            columns[column].append(text)
        if labelled:
            try:
                columns["label"].append(label_of(values[label_column]))
            except ValueError as error:
                raise InputError(f"{where}: {error}") from None
    _answer_empty(table, without, empty, remark)
    if not places:
        raise InputError(f"{table.name} holds no examples; give a split with at least one.")
    if skipped:
        remark(
            f"{table.name}: left out {skipped} rows with the wrong number of fields, kept "
            f"{len(places)}."
        )
    # `Dataset.from_dict` would look at every value once more, in Python.
    return Dataset(pa.table(columns, schema=Features(features).arrow_schema))


def _text(value: object, column: str, where: str) -> str:
    """The text of a field without surrounding white space; a number is a text as it is spelled."""
    if is_missing(value):
        return ""
    if not isinstance(value, (str, int, float)):
        raise InputError(f"{where}: column {column!r} holds {value!r} instead of a text.")
    text = str(value).strip()
    if len(text) > MOST_CHARACTERS:
        raise InputError(
            f"{where}: the text in column {column!r} has {len(text):,} characters, and texts of up "
            f"to {MOST_CHARACTERS:,} are read: shorten or remove it."
        )
    try:
        text.encode()
    except UnicodeEncodeError:
        raise InputError(
            f"{where}: column {column!r} holds half of a character (a lone surrogate), which is no "
            "text; mend or remove the row."
        ) from None
    return text


def _answer_empty(
    table: SourceRows, without: dict[str, list[int]], empty: Empty, remark: Remark
) -> None:
    """Refuse rows without a text or label, or say how many were left out or kept."""
    counted = " and ".join(
        f"{len(places)} {'row' if len(places) == 1 else 'rows'} without a {what} "
        f"({_named(table.unit, places)})"
        for what, places in without.items()
        if places
    )
    if not counted:
        return
    if empty == "drop":
        remark(f"{table.name}: left out {counted}.")
    elif empty == "keep" and not without["label"]:
        remark(f"{table.name}: kept {counted}.")
    else:
        either = ", or leave such rows out by --drop-empty (drop_empty in a study or in Python)"
        raise InputError(
            f"{table.name} holds {counted}: mend the file{either if empty == 'refuse' else ''}."
        )


def _named(unit: str, places: Sequence[int]) -> str:
    shown = ", ".join(map(str, places[:PLACES_NAMED]))
    more = f" and {len(places) - PLACES_NAMED} more" if len(places) > PLACES_NAMED else ""
    return f"{unit}{'s' if len(places) > 1 else ''} {shown}{more}"
