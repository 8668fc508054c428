"""Labelled texts without altered forms, for alterations to be made of.

TextFooler's samples (Jin et al., AAAI 2020) are such texts: those that the attack was run on, a
label and a text a line (`label text`), or for pairs separated by tabs (`label`, `premise`,
`hypothesis`).
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mixkd_core.data.columns import column_values
from mixkd_core.data.inspection import Content, contents
from mixkd_core.data.labelled_test import labelled_lines
from mixkd_core.data.source_rows import SourceRows
from mixkd_core.data.splits import build_split
from mixkd_core.data.table_files import is_table, read_table
from mixkd_core.data.tasks import Task
from mixkd_core.errors import InputError


@dataclass(frozen=True)
class LabelledText:
    """A text, or pair, and its label.

    Attributes:
        id: unique among the texts.
        content: the text, or the two of a pair.
        label: class index.
    """

    id: str
    content: Content
    label: int


def of_split(dataset: Any) -> list[LabelledText]:
    """Return the examples of a set in canonical columns (`mixkd_core.data.task_data`)."""
    columns = (
        column_values(dataset, "example_id"),
        contents(dataset),
        column_values(dataset, "label"),
    )
    return [LabelledText(str(i), c, int(label)) for i, c, label in zip(*columns, strict=True)]


def read_labelled(path: Path, task: Task) -> list[LabelledText]:
    """Return the texts of a file: a table, told by its ending, or TextFooler's lines.

    Raises:
        InputError: if it cannot be read, or a label is foreign to the task.
    """
    if not path.exists():
        raise InputError(f"There is no file {path}; give the path of an existing one.")
    table = read_table(path) if is_table(path) else labelled_lines(path, task)
    return of_split(build_split(task, "text", table, id_column=_id_column(table, task)))


def _id_column(table: SourceRows, task: Task) -> str | None:
    return task.id_column if task.id_column in table.columns else None
