"""Predictions of finished runs on altered texts and their originals, stored beside the runs."""

import time
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch

from experiments.deployment.cost import accelerator
from experiments.deployment.network import FinishedNetwork, open_network
from experiments.deployment.prediction import table_of_tokens
from experiments.running.store import run_lock
from mixkd_core.data.inspection import Content
from mixkd_core.data.relations.relation import Relation
from mixkd_core.data.token_table import TokenTable
from mixkd_core.errors import InputError
from mixkd_core.networks.inference import run_inference
from mixkd_core.records.consistency import (
    CONSISTENCY,
    find_predictions,
    predictions_folder,
    write_predictions,
)
from mixkd_core.records.environment import hardware, versions
from mixkd_core.records.layout import NETWORK, examples_file
from mixkd_core.records.run_folder import RunRecord
from mixkd_core.records.survey import StoredRun
from mixkd_core.records.validation import checked_bytes, read_manifest

BATCH_SIZE = 64


def missing_relations(
    out: Path, record: RunRecord, relations: Sequence[Relation]
) -> list[Relation]:
    """Return the relations on which a run's predictions are not stored, or not believed."""
    return [
        related
        for related in relations
        if find_predictions(predictions_folder(out, record.spec.id, related)) is None
    ]


def measure_run(
    out: Path,
    record: RunRecord,
    relations: Sequence[Relation],
    *,
    batch_size: int = BATCH_SIZE,
    device: torch.device | None = None,
    progress: Callable[[int], object] = lambda texts: None,
) -> list[Relation]:
    """Predict the texts of every relation that is missing, and store each relation when it is done.

    The network runs in the precision that it was trained in, over texts sorted by length. The run's
    own folder is only read. Several processes may ask for the same: one does it.

    Args:
        out: folder of runs, which the predictions are stored in.
        record: of a finished run.
        relations: of the run's task.
        batch_size: texts at a time.
        device: where to run; by default the accelerator, or the CPU.
        progress: called with the number of texts done after each batch.

    Returns:
        What was measured now.

    Raises:
        InputError: if the network cannot be loaded, or its labels are not the task's.
    """
    where = device or accelerator()
    with run_lock(out, f"{CONSISTENCY}-{record.spec.id}", lambda: None):
        missing = missing_relations(out, record, relations)
        if not missing:
            return []
        network = open_network(str(record.folder)).to(where)
        for related in missing:
            _measure(out, record, related, network, batch_size, where, progress)
    return missing


def network_is_gone(run: StoredRun, out: Path) -> bool:
    """Return True if a run was finished and its weights are there no more."""
    folder = out / run.name
    return (
        run.state in ("finished", "damaged")
        and folder.is_dir()
        and not any((folder / NETWORK).glob("*.safetensors"))
    )


def what_remains(run: StoredRun, out: Path) -> str:
    """Return what can still be measured of a run whose network is gone, in a sentence."""
    folder = out / run.name
    try:
        manifest = read_manifest(folder)
        sets = [name for name in manifest.files if name == examples_file(Path(name).stem)]
        whole = []
        for name in sets:
            checked_bytes(folder, name, manifest)
            whole.append(Path(name).stem)
    except InputError as error:
        return f"{run.name}: its network is gone, and so is what it predicted ({error})"
    return (
        f"{run.name}: its network is gone, so no altered text can be measured; its stored "
        f"predictions on {', '.join(sorted(whole))} are whole, and accuracy, gap, agreement and "
        "memorization can still be computed from them. Repeat the command that made the run to "
        "train it again."
    )


def _measure(
    out: Path,
    record: RunRecord,
    related: Relation,
    network: FinishedNetwork,
    batch_size: int,
    device: torch.device,
    progress: Callable[[int], object],
) -> None:
    labels = [label for row in related.rows for label in (row.label, row.altered_label)]
    highest = max((label for label in labels if label is not None), default=0)
    if highest >= len(network.labels):
        raise InputError(
            f"{network.name} has {len(network.labels)} labels, and {related.name} has the label "
            f"number {highest}: give texts of the run's own task."
        )
    started = time.monotonic()
    places: dict[Content, int] = {}
    for row in related.rows:
        for content in (row.original, row.altered):
            places.setdefault(content, len(places))
    texts = [list(column) for column in zip(*places, strict=True)]
    tokens = network.tokenizer(*texts, truncation=True, max_length=network.max_length)
    table = table_of_tokens(tokens, network.tokenizer.pad_token_id)
    precision = record.spec.training.precision
    inference = run_inference(
        network.model,
        table,
        batch_size=batch_size,
        precision=_autocast(precision, device),
        progress=progress,
    )
    first = np.array([places[row.original] for row in related.rows])
    second = np.array([places[row.altered] for row in related.rows])
    machine = hardware()
    about: dict[str, Any] = {
        "run": record.spec.id,
        "precision": precision,
        "read_alike": _read_alike(related, table, first, second),
        "seconds": round(time.monotonic() - started, 2),
        "versions": versions(),
        "hardware": {"processor": machine.processor, "accelerator": machine.accelerator},
    }
    folder = predictions_folder(out, record.spec.id, related)
    write_predictions(folder, related, inference.logits[first], inference.logits[second], about)


def _autocast(precision: str, device: torch.device) -> Callable[[], AbstractContextManager[Any]]:
    if precision == "fp32":
        return nullcontext
    return partial(torch.autocast, device.type, dtype=torch.bfloat16)


def _read_alike(related: Relation, table: TokenTable, first: Any, second: Any) -> dict[str, int]:
    """By alteration how many altered texts have the tokens of their original."""
    ids, ends = table.columns["input_ids"], table.offsets
    alike: Counter[str] = Counter()
    for row, one, other in zip(related.rows, first, second, strict=True):
        if one != other and np.array_equal(
            ids[ends[one] : ends[one + 1]], ids[ends[other] : ends[other + 1]]
        ):
            alike[row.alteration] += 1
    return dict(sorted(alike.items()))
