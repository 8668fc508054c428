"""A network measured on sets of examples: in its own run, and on a set that was given later."""

import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from experiments.running.training import TOKENS
from mixkd_core.atomic import replacing
from mixkd_core.data.columns import column_values
from mixkd_core.data.encoding import encode_table
from mixkd_core.data.inspection import overlap
from mixkd_core.data.labelled_test import TEST
from mixkd_core.data.task_data import TaskData
from mixkd_core.data.tasks import Task
from mixkd_core.errors import DamagedRecordError
from mixkd_core.evaluation.per_example import per_example, summarise
from mixkd_core.networks.checkpoints import load_stored_classifier, load_tokenizer
from mixkd_core.networks.inference import run_inference
from mixkd_core.networks.limits import text_limit
from mixkd_core.objectives.distances import distance
from mixkd_core.records.environment import describe
from mixkd_core.records.layout import SUMMARY
from mixkd_core.records.model_card import model_card
from mixkd_core.records.run_folder import RunRecord, finish, reopen, write_examples, write_json
from mixkd_core.records.specs import RunSpec
from reports.statistics.majority import warning


def tables_of(
    spec: RunSpec,
    task: Task,
    network: Any,
    tokenizer: Any,
    sets: Mapping[str, Any],
    teacher: RunRecord | None,
    longest: int,
    out: Path,
) -> dict[str, pd.DataFrame]:
    """Return per-example tables of sets, in float32; the teacher's logits are those it stored.

    Args:
        sets: by name, in canonical columns.
        longest: tokens beyond which texts are cut off.
        out: the store.

    Raises:
        DamagedRecordError: if the teacher was measured on other examples.
    """
    between = None
    if spec.student is not None:
        between = distance(
            spec.student.distance,
            temperature=spec.student.temperature,
            regression=task.is_regression,
        )
    tables = {}
    for name, examples in sets.items():
        inference = run_inference(network, encode_table(examples, tokenizer, longest, out / TOKENS))
        teacher_logits = None if teacher is None else _logits(teacher, name, examples)
        tables[name] = per_example(
            task,
            column_values(examples, "example_id"),
            column_values(examples, "label"),
            inference.logits,
            teacher_logits,
            between,
            groups=column_values(examples, "group") if "group" in examples.column_names else None,
        )
    return tables


def results_of(
    data: TaskData, sets: Mapping[str, Any], tables: Mapping[str, pd.DataFrame], train: Any
) -> dict[str, Any]:
    """Return what `run.json` says of each set.

    Args:
        sets, tables: by name the examples, and what `tables_of` made of them.
        train: the training subset. Where the law is not known, it is said how many examples of a
            set are there too; where it is, texts coincide by chance.
    """
    results = {}
    train_labels = column_values(train, "label")
    for name, table in tables.items():
        results[name] = summarise(data.task, table, train_labels)
        if data.fresh is None and name != "train":
            shared = overlap(train, sets[name])
            results[name]["overlap"] = {"exact": shared.exact, "alike": shared.alike}
    return results


def lacks_test(record: RunRecord, data: TaskData) -> bool:
    """Return True if there is a test set that the run was not measured on.

    Runs that choose settings are never measured on it.
    """
    choosing = record.spec.evaluation.validation is not None
    return data.test is not None and TEST not in record.sets and not choosing


def measure_on_test(
    record: RunRecord,
    data: TaskData,
    train: Any,
    teacher: RunRecord | None,
    out: Path,
    say: Callable[[str], None],
) -> RunRecord:
    """Measure a finished run on the test set, and store that with its other results.

    Args:
        record: the run, which is locked.
        data: with a test set.
        train: the run's training subset.
        teacher: a student's teacher, measured on the test set before.
        out: the store.

    Returns:
        The run as it is stored now; if its process ends before, it stays as it was.
    """
    spec = record.spec
    say(f"{spec.folder_name}: finished before; measuring it on the set {TEST}")
    started = time.monotonic()
    network = load_stored_classifier(record.model_folder)
    tokenizer = load_tokenizer(record.model_folder)
    longest = text_limit(spec.training.max_length, network)
    sets = {TEST: data.test}
    tables = tables_of(spec, data.task, network, tokenizer, sets, teacher, longest, out)
    results = results_of(data, sets, tables, train)
    later = {"seconds": round(time.monotonic() - started, 2), **describe()}
    summary = {
        **record.summary,
        "results": {**record.summary["results"], **results},
        "measured_later": {TEST: later},
    }
    of_teacher = None if teacher is None else teacher.summary
    card = model_card(
        data.task, spec, summary, of_teacher, longest=longest, warning=warning(summary)
    )
    partial = reopen(record, out)
    write_examples(partial, TEST, tables[TEST])
    write_json(partial / SUMMARY, summary)
    with replacing(partial / "model" / "README.md") as beside:
        beside.write_text(card, encoding="utf-8")
    return finish(partial, out, spec)


def _logits(teacher: RunRecord, set_name: str, examples: Any) -> Any:
    """Return the teacher's stored logits on a set, of shape `(n, num_labels)`, in its order.

    Raises:
        DamagedRecordError: if the teacher was measured on other examples, or in another order.
    """
    stored = teacher.examples(set_name)
    if list(stored["example_id"]) != column_values(examples, "example_id"):
        raise DamagedRecordError(
            f"the teacher's table of the set {set_name!r} in {teacher.folder} is not of the "
            "examples that its student is measured on: delete that folder to have the teacher "
            "trained again."
        )
    return np.stack(stored["logits"].tolist()).astype(np.float32)
