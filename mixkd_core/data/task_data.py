"""Task data in its canonical form, whatever source it came from.

Every source is read as :class:`SourceRows` (rows with their place, for messages) and turned by
:func:`~mixkd_core.data.splits.build_split` into a ``datasets.Dataset`` with the columns

* ``example_id``: unique and stable, ``<split>-<id column's value, or row number from 0>``;
* ``text``, and ``text_pair`` for a sentence pair: surrounding white space removed;
* ``label``: class index (int64), or the real value (float64); absent from unlabelled sets;
* ``group``: equal for examples of a split that share a source
  (:mod:`mixkd_core.data.source_groups`), where they are not independent draws;
  added by :func:`assemble`.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import TYPE_CHECKING

from mixkd_core.data.columns import column_values
from mixkd_core.data.inspection import inspect
from mixkd_core.data.source_groups import phrase_groups, shared_text_groups
from mixkd_core.data.tasks import Task

if TYPE_CHECKING:
    from datasets import Dataset

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
        remarks: sentences about the data that a user should see: rows left out, overlap of the
            sets, classes without examples, sizes that are not the official ones.
        test: a labelled test set, canonical columns, if one was given; the fingerprint does not
            tell of it (:mod:`mixkd_core.data.labelled_test`).
        test_origin: its file's name.
    """

    task: Task
    train: Dataset
    evaluation: Mapping[str, Dataset]
    fresh: FreshExamples | None
    fingerprint: str
    origin: str
    remarks: tuple[str, ...] = ()
    test: Dataset | None = None
    test_origin: str = ""


def assemble(
    task: Task,
    train: Dataset,
    evaluation: Mapping[str, Dataset],
    *,
    origin: str,
    fresh: FreshExamples | None = None,
    remarks: Sequence[str] = (),
) -> TaskData:
    """Return task data from canonical splits, with their fingerprint.

    Where the law is not known, the splits are inspected and get their groups; where it is, they are
    independent draws, and texts that coincide do so by chance.

    Args:
        task: the task.
        train, evaluation: the splits.
        origin, fresh: as in :class:`TaskData`.
        remarks: what was remarked before, while the splits were read.

    Raises:
        InputError: what :func:`~mixkd_core.data.inspection.inspect` refuses.
    """
    digest = sha256()
    written = json.JSONEncoder(allow_nan=False).encode
    for split, data in [("train", train), *sorted(evaluation.items())]:
        digest.update(f"{split}\n".encode())
        for row in zip(*(column_values(data, name) for name in data.column_names), strict=True):
            digest.update(written(row).encode() + b"\n")
    if fresh is None:
        remarks = (*remarks, *inspect(task, train, evaluation))
        train = with_groups(task, train)
        evaluation = {name: with_groups(task, data) for name, data in evaluation.items()}
    return TaskData(
        task, train, dict(evaluation), fresh, digest.hexdigest(), origin, tuple(remarks)
    )


def with_groups(task: Task, data: Dataset) -> Dataset:
    """Return a split with the column that says which of its examples share a source."""
    columns = [
        column_values(data, name) for name in ("text", "text_pair") if name in data.column_names
    ]
    groups = phrase_groups(columns[0]) if task.phrases else shared_text_groups(*columns)
    return data.add_column("group", groups)
