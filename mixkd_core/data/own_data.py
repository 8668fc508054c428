"""Data of one's own: files, or `datasets` in memory."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from mixkd_core.data.arrow_files import dataset_rows
from mixkd_core.data.held_out import hold_out
from mixkd_core.data.labels import read_label_names
from mixkd_core.data.set_names import check_set_names
from mixkd_core.data.source_rows import BrokenRow, SourceRows
from mixkd_core.data.splits import Empty, build_split
from mixkd_core.data.table_files import read_table
from mixkd_core.data.task_data import TaskData, assemble
from mixkd_core.data.tasks import Task
from mixkd_core.errors import InputError

if TYPE_CHECKING:
    from datasets import Dataset

# The set that is held out of a training file.
HELD_OUT = "dev"


def load_files(
    task: Task,
    train: Path | str,
    evaluation: Mapping[str, Path | str],
    *,
    dev_fraction: float | None = None,
    drop_empty: bool = False,
) -> TaskData:
    """Return a task from one's own files.

    Args:
        task: names the columns and labels.
        train: the training file.
        evaluation: evaluation files by the name their results will have; it may be empty where a
            part of the training file is to be held out, here or by a run's fraction.
        dev_fraction: share of the training file to hold out as the set `dev`
            (:func:`~mixkd_core.data.held_out.hold_out`).
        drop_empty: leave out rows without a text or label instead of refusing them.

    Raises:
        InputError: an evaluation set's name that is reserved or cannot be one, or what
            :func:`~mixkd_core.data.table_files.read_table`,
            :func:`~mixkd_core.data.splits.build_split` or
            :func:`~mixkd_core.data.held_out.hold_out` refuses.
    """
    check_set_names(evaluation)
    if dev_fraction is not None and HELD_OUT in evaluation:
        raise InputError(
            f"A file for the set {HELD_OUT!r} and a share of the training file to hold out under "
            "that name were both given; choose one."
        )
    paths = {"train": Path(train), **{name: Path(path) for name, path in evaluation.items()}}
    tables = {name: read_table(path) for name, path in paths.items()}
    names = ", ".join(path.name for path in paths.values())
    return _assembled(task, tables, f"files {names}", dev_fraction, drop_empty)


def from_datasets(
    task: Task,
    train: Dataset,
    evaluation: Mapping[str, Dataset],
    *,
    dev_fraction: float | None = None,
    drop_empty: bool = False,
) -> TaskData:
    """Return a task from `datasets.Dataset` objects with the task's columns.

    Labels declared as `ClassLabel` are matched by name, so their order may differ from the task's.

    Args:
        task, evaluation, dev_fraction, drop_empty: as for :func:`load_files`.
        train: the training split.

    Raises:
        InputError: as for :func:`load_files`.
    """
    check_set_names(evaluation)
    tables = {
        name: dataset_rows(data, f"Split {name!r}")
        for name, data in {"train": train, **evaluation}.items()
    }
    return _assembled(task, tables, "datasets in memory", dev_fraction, drop_empty)


def label_names_in(path: Path | str, label_column: str) -> tuple[str, ...] | None:
    """Return the classes that a file's label column speaks of, or None for real values.

    Raises:
        InputError: what :func:`~mixkd_core.data.table_files.read_table` or
            :func:`~mixkd_core.data.labels.read_label_names` refuses, or no such column.
    """
    table = read_table(Path(path))
    table.check_columns([label_column])
    labels = (row[label_column] for _, row in table.rows if not isinstance(row, BrokenRow))
    return read_label_names(labels, f"{table.name}, column {label_column!r},")


def _assembled(
    task: Task,
    tables: Mapping[str, SourceRows],
    origin: str,
    dev_fraction: float | None,
    drop_empty: bool,
) -> TaskData:
    remarks: list[str] = []
    empty: Empty = "drop" if drop_empty else "refuse"
    splits = {
        name: build_split(
            task,
            name,
            table,
            id_column=task.id_column,
            empty=empty,
            remark=remarks.append,
        )
        for name, table in tables.items()
    }
    train = splits.pop("train")
    if dev_fraction is not None:
        train, splits[HELD_OUT] = hold_out(task, train, dev_fraction, HELD_OUT)
        origin += f" ({dev_fraction:g} of it held out as {HELD_OUT})"
        remarks.append(
            f"held out {len(splits[HELD_OUT])} examples as {HELD_OUT}, decided by their texts, the "
            f"same for every seed; {len(train)} are left to learn from."
        )
    return assemble(task, train, splits, origin=origin, remarks=remarks)
