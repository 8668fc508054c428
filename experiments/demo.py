"""The demonstration: one embedded task, two data regimes, four networks, the same seeds."""

from collections.abc import Sequence
from pathlib import Path

import torch

from experiments.running.encoders import encoder_for
from experiments.running.runner import Resources, Say, run
from mixkd_core.data.sources import load_embedded
from mixkd_core.records.run_folder import RunRecord
from mixkd_core.records.specs import (
    EvaluationSpec,
    RunSpec,
    StudentSpec,
    TrainingSpec,
    checkpoint_ref,
)

FRACTIONS = (1.0, 0.1)
METHODS = ("ft", "kd", "sm+tmkd")
FRESH_EXAMPLES = 5000

# Epochs by fraction: with a tenth of the data an epoch is a tenth of the steps.
TEACHER_EPOCHS = {1.0: 6.0, 0.1: 20.0}
STUDENT_EPOCHS = {1.0: 3.0, 0.1: 15.0}
LEARNING_RATE, BATCH_SIZE, MAX_LENGTH = 1e-3, 32, 64


def demo_runs(task_name: str, out: Path, seeds: Sequence[int], say: Say) -> list[RunRecord]:
    """Every run of the demonstration, those that are there already found again.

    Raises:
        InputError: if the task is not an embedded one.
    """
    # Networks this small gain nothing from a second thread, and on a busy machine the threads'
    # waiting for each other costs many times the work.
    torch.set_num_threads(1)
    data = load_embedded(task_name)
    encoder = encoder_for(data.task, None, out)
    reference = checkpoint_ref(encoder)
    resources = Resources(
        data=data, encoder=encoder, out=out, command=f"mixkd demo --task {task_name}", say=say
    )
    records: dict[str, RunRecord] = {}
    for fraction in FRACTIONS:
        for seed in seeds:
            for method in METHODS:
                spec = RunSpec(
                    task=task_name,
                    data=data.fingerprint,
                    fraction=fraction,
                    seed=seed,
                    encoder=reference,
                    teacher=_training(TEACHER_EPOCHS[fraction]),
                    student=StudentSpec(
                        layers=3, method=method, training=_training(STUDENT_EPOCHS[fraction])
                    ),
                    evaluation=EvaluationSpec(remainder_size=0, fresh_size=FRESH_EXAMPLES),
                )
                for wanted in (spec.teacher_spec, spec):
                    if wanted.id not in records:
                        records[wanted.id] = run(wanted, resources)
    return list(records.values())


def _training(epochs: float) -> TrainingSpec:
    return TrainingSpec(
        epochs=epochs, learning_rate=LEARNING_RATE, batch_size=BATCH_SIZE, max_length=MAX_LENGTH
    )
