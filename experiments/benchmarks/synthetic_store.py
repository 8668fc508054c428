"""Stores of made-up runs whose risks are known, written the way real runs are."""

import shutil
from itertools import islice, product
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from mixkd_core.data.tasks import EMBEDDED, Task, find_task
from mixkd_core.evaluation.per_example import per_example, summarise
from mixkd_core.objectives.distances import distance
from mixkd_core.records.run_folder import (
    RunRecord,
    finish,
    partial_folder,
    write_examples,
    write_json,
    write_latent,
)
from mixkd_core.records.specs import (
    CheckpointRef,
    EvaluationSpec,
    MixupSpec,
    RunSpec,
    StudentSpec,
    TrainingSpec,
)

SETS = {"train": (200, 0.95), "remainder": (600, 0.8), "dev": (300, 0.82)}
VERSIONS = {"python": "3.11.7", "mixkd": "0.1.0", "torch": "2.13.0", "transformers": "5.23.0"}


def write_run(
    out: Path,
    *,
    task: str | Task = "sst2",
    fraction: float = 0.01,
    seed: int = 0,
    method: str = "kd",
    sets: dict[str, tuple[int, float]] | None = None,
    data: str = "d" * 64,
    versions: dict[str, str] | None = None,
    finishing: bool = True,
    teacher: TrainingSpec | None = None,
    teacher_mixup: MixupSpec | None = None,
    evaluation: EvaluationSpec | None = None,
    latent: pd.DataFrame | None = None,
    model: Path | None = None,
    **student: Any,
) -> RunRecord | Path:
    """A run whose 0-1 errors are as given: `sets` maps a name to its size and accuracy.

    Away from the embedded tasks, examples share their source two by two.

    Args:
        latent: encodings to store, where `evaluation` asks for some.
        model: folder of the network to store; None stores a few bytes in place of weights.
    """
    described = find_task(task) if isinstance(task, str) else task
    spec = RunSpec(
        task=described.name,
        data=data,
        fraction=fraction,
        seed=seed,
        encoder=CheckpointRef(name="an/encoder", digest="e" * 16),
        teacher=teacher or TrainingSpec(),
        teacher_mixup=teacher_mixup,
        evaluation=evaluation or EvaluationSpec(),
        student=None if method == "teacher" else StudentSpec(method=method, **student),
    )
    partial = partial_folder(out, spec)
    if not finishing:
        return partial
    between = None
    if spec.student is not None:
        named, temperature = spec.student.distance, spec.student.temperature
        between = distance(named, temperature=temperature, regression=described.is_regression)
    results, tables = {}, {}
    for place, (name, (size, accuracy)) in enumerate((sets or SETS).items()):
        rng = np.random.default_rng([seed, place, len(method)])
        labels = np.arange(size) % 2
        right = np.arange(size) < round(accuracy * size)
        margin = rng.exponential(2.0, size) + 0.1
        score = np.where(right == (labels == 1), margin, -margin)
        logits = np.stack([-score, score], axis=1).astype(np.float32)
        if described.is_regression:
            logits = logits[:, 1:]
        elif described.num_labels > 2:
            others = np.full((size, described.num_labels - 2), logits.min() - 1, np.float32)
            logits = np.concatenate([logits, others], axis=1)
        ids = [f"{'train' if name == 'remainder' else name}-{row}" for row in range(size)]
        taught = None if method == "teacher" else _taught(out, spec, name, logits)
        pairs = None if described.name in EMBEDDED else (np.arange(size) // 2).tolist()
        tables[name] = per_example(described, ids, labels, logits, taught, between, pairs)
        results[name] = summarise(described, tables[name], tables["train"]["label"])
    summary = {
        "id": spec.id,
        "teacher_id": spec.teacher_spec.id if spec.student else None,
        "objective": "L = 1 mle" if spec.student is None else spec.student.objective.formula,
        "student_source": "layers 1, 2, 3 of the fine-tuned teacher",
        "layers": (spec.student and spec.student.layers) or 3,
        "parameters": 1000,
        "origin": "test",
        "train_examples": results["train"]["examples"],
        "primary_metric": described.primary_metric,
        "results": results,
        "seconds": {"training": 1.0, "evaluation": 0.5},
        "command": "mixkd run",
        "versions": versions or VERSIONS,
        "hardware": {"processor": "a processor", "accelerator": None},
        "system": "a system",
    }
    for name, table in tables.items():
        write_examples(partial, name, table)
    write_json(partial / "spec.json", spec.model_dump(mode="json"))
    write_json(partial / "run.json", summary)
    curve = [
        {"step": step, "epoch": step / 2, "loss": 1.0 / step, "loss_mle": 0.5 / step}
        for step in (1, 2, 3)
    ]
    write_json(partial / "history.json", curve)
    if latent is not None:
        write_latent(partial, latent)
    if model is not None:
        shutil.copytree(model, partial / "model")
    else:
        (partial / "model").mkdir()
        (partial / "model" / "model.safetensors").write_bytes(b"weights")
    return finish(partial, out, spec)


def _taught(out: Path, spec: RunSpec, name: str, logits: Any) -> Any:
    """The teacher's logits on a set: those of its own run where that is there."""
    teacher = out / spec.teacher_spec.folder_name / "examples" / f"{name}.parquet"
    if teacher.is_file():
        stored = np.stack(pd.read_parquet(teacher)["logits"].to_list())
        if stored.shape == logits.shape:
            return stored.astype(np.float32)
    return 0.9 * logits


# A store as a study leaves it: examples by set as one per cent of SST-2 has them.
STORE_SETS = {"train": 673, "remainder": 5000, "dev": 872}
STORE_METHODS = ("teacher", "ft", "kd", "pkd", "sm", "tmkd", "sm+tmkd", "kd+sm+tmkd")


def write_store(out: Path, runs: int) -> None:
    """So many runs over tasks, fractions, methods and seeds; later methods are a little better."""
    seeds = range(-(-runs // (9 * len(STORE_METHODS))))
    every = product(seeds, ("sst2", "mrpc", "rte"), (0.01, 0.1, 1.0), enumerate(STORE_METHODS))
    for seed, task, fraction, (rank, method) in islice(every, runs):
        accuracy = {"train": 0.95, "remainder": 0.8 + 0.01 * rank, "dev": 0.8 + 0.01 * rank}
        sets = {name: (size, accuracy[name]) for name, size in STORE_SETS.items()}
        write_run(out, task=task, fraction=fraction, seed=seed, method=method, sets=sets)
