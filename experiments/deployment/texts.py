"""Texts that networks are timed and compared on: a sample of a file, or of their task's data."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from experiments.deployment.network import FinishedNetwork
from experiments.deployment.prediction import read_rows
from mixkd_core.data.sources import load_task_data
from mixkd_core.data.tasks import EMBEDDED, find_task
from mixkd_core.errors import InputError

SEED = 0

Texts = list[tuple[str, ...]]


def texts_of_file(path: Path, columns: Sequence[str], count: int) -> Texts:
    """Sample texts, or pairs, from a file.

    Raises:
        InputError: if the file cannot be read, is empty, or lacks a column.
    """
    rows = read_rows(path)
    if not rows:
        raise InputError(f"{path} has no row: give a file with texts.")
    missing = [column for column in columns if column not in rows[0]]
    if missing:
        raise InputError(
            f"{path} has no column {missing[0]!r} (it has {', '.join(map(str, rows[0]))}): name "
            "the text's with --text-column."
        )
    return _sample(rows, columns, count)


def texts_of_task(
    network: FinishedNetwork, count: int, *, data_dir: Path | None = None, options: Sequence[str]
) -> Texts:
    """Sample texts of the task that a run was trained on, from its evaluation set.

    Args:
        network: the run's.
        count: how many texts at most.
        data_dir: GLUE folder, for a GLUE task.
        options: of the command, for its remedies: the one that takes a file of texts, and the one
            that takes a GLUE folder if it has one.

    Raises:
        InputError: if the network is of no known task, or its data are not there.
    """
    if network.task is None:
        raise InputError(
            f"the texts that {network.name} is made for are not known: give a file with texts by "
            f"{options[0]}."
        )
    task = find_task(network.task)
    if data_dir is None and task.name not in EMBEDDED:
        ways = ["a file with texts", "the GLUE folder"]
        told = " or ".join(f"{what} by {by}" for what, by in zip(ways, options, strict=False))
        raise InputError(f"texts of task {task.name!r} are needed: give {told}.")
    data = load_task_data(task, data_dir=data_dir)
    examples = next(iter(data.evaluation.values()), data.train)
    columns = [name for name in ("text", "text_pair") if name in examples.column_names]
    return _sample(examples, columns, count)


def _sample(rows: Any, columns: Sequence[str], count: int) -> Texts:
    chosen = np.random.default_rng(SEED).permutation(len(rows))[:count]
    found: list[Mapping[str, Any]] = [rows[int(row)] for row in sorted(chosen)]
    return [tuple(str(row[column]) for column in columns) for row in found]
