"""A held-out split made from one table."""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from typing import TYPE_CHECKING

import numpy as np

from mixkd_core.data.columns import column_values, take_rows
from mixkd_core.data.inspection import Content, contents, plain
from mixkd_core.data.subsets import subset_indices
from mixkd_core.data.tasks import Task
from mixkd_core.errors import InputError

if TYPE_CHECKING:
    from datasets import Dataset

# All runs are measured on one held-out split, whatever their seed.
HELD_OUT_SEED = 0


def hold_out(task: Task, data: Dataset, fraction: float, name: str) -> tuple[Dataset, Dataset]:
    """Return the table without its held-out part, and that part.

    What is held out is decided by the texts alone, so the order of the rows does not matter, and
    examples with the same text (up to case and spacing) stay together: none is in both parts.
    Within each class (each tenth of the values, for a regression) the given share of the different
    texts is held out, one at least; a class with a single text stays in training.

    Args:
        task: the task.
        data: a split in canonical columns.
        fraction: share of the different texts to hold out.
        name: of the held-out split, the first part of its example ids.

    Raises:
        InputError: a share outside (0, 1) or too small to hold out one example of each class.
    """
    if not (math.isfinite(fraction) and 0 < fraction < 1):
        raise InputError(
            f"The held-out share {fraction} is outside (0, 1); give 0.2 to hold out a fifth."
        )
    rows: defaultdict[Content, list[int]] = defaultdict(list)
    for row, content in enumerate(contents(data)):
        rows[plain(content)].append(row)
    keys, labels = [], []
    every_label = column_values(data, "label")
    for content, these in rows.items():
        keys.append("\x1f".join(content))
        labels.append(_label([every_label[row] for row in these], mean=task.is_regression))
    sizes = Counter(labels)
    able = [unit for unit, label in enumerate(labels) if task.is_regression or sizes[label] > 1]
    try:
        taken = subset_indices(
            [keys[unit] for unit in able],
            np.asarray(labels)[able],
            fraction,
            HELD_OUT_SEED,
        )
    except InputError as error:
        raise InputError(f"Nothing can be held out: {error}") from error
    every_row = list(rows.values())
    held = sorted(row for place in taken for row in every_row[able[place]])
    left = sorted(set(range(len(data))) - set(held))
    if not left:
        raise InputError(
            f"The held-out share {fraction} leaves nothing of {len(data)} examples to learn from; "
            "give less."
        )
    return take_rows(data, left), _renamed(take_rows(data, held), name)


def _label(labels: list[float], *, mean: bool) -> float:
    """The label that examples with one text are stratified by: their mean or the most frequent."""
    if mean:
        return math.fsum(labels) / len(labels)
    counts = Counter(labels)
    return min(counts, key=lambda label: (-counts[label], label))


def _renamed(data: Dataset, name: str) -> Dataset:
    ids = [f"{name}-{own_id.partition('-')[2]}" for own_id in column_values(data, "example_id")]
    features = data.features
    return (
        data.remove_columns("example_id")
        .add_column("example_id", ids)
        .select_columns(list(features))
    )
