"""Labelled texts without altered forms, for alterations to be made of.

TextFooler's samples (Jin et al., AAAI 2020) are such texts: those that the attack was run on, a
label and a text a line (`label text`), or for pairs separated by tabs (`label`, `premise`,
`hypothesis`).
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mixkd_core.data.inspection import contents
from mixkd_core.data.labels import label_reader
from mixkd_core.data.relations.relation import Content
from mixkd_core.data.splits import build_split
from mixkd_core.data.table_files import read_table
from mixkd_core.data.tasks import Task
from mixkd_core.data.text_files import lines_of
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
    columns = (dataset["example_id"], contents(dataset), dataset["label"])
    return [LabelledText(str(i), c, int(label)) for i, c, label in zip(*columns, strict=True)]


def read_labelled(path: Path, task: Task) -> list[LabelledText]:
    """Return the texts of a file: TextFooler's lines where it has no ending, else a table.

    Raises:
        InputError: if it cannot be read, or a label is foreign to the task.
    """
    if path.suffix or path.is_dir():
        return of_split(build_split(task, "text", read_table(path), id_column=task.id_column))
    if not path.is_file():
        raise InputError(f"There is no file {path}; give the path of an existing one.")
    return _lines(path, task)


def _lines(path: Path, task: Task) -> list[LabelledText]:
    read = label_reader(task)
    found = []
    for number, line in lines_of(path):
        where = f"{path}, line {number}"
        label, *texts = line.split("\t") if task.is_pair else line.split(" ", 1)
        content = tuple(text.strip() for text in texts)
        if len(content) != len(task.text_columns) or not all(content):
            form = "a label and two texts, tabs between" if task.is_pair else "a label and a text"
            raise InputError(f"{where}: not {form}, as task {task.name!r} needs; give its file.")
        try:
            found.append(LabelledText(f"line-{number}", content, int(read(label))))
        except ValueError as error:
            raise InputError(f"{where}: {error}") from None
    if not found:
        raise InputError(f"{path} holds no text; give a file with at least one.")
    return found
