"""What a training leaves of its networks, in both precisions."""

import dataclasses
import gc
import weakref
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from datasets import Dataset
from transformers import BertConfig, BertForSequenceClassification

from experiments.running.training import in_words, steps_of, train
from mixkd_core.data.token_table import token_table
from mixkd_core.networks.inference import run_inference
from mixkd_core.records.specs import CheckpointRef, RunSpec, StudentSpec, TrainingSpec
from mixkd_core.records.usual import ENOUGH_STEPS

TEXTS = Dataset.from_dict(
    {
        "input_ids": [[2, 5 + row, 9, 3] for row in range(8)],
        "attention_mask": [[1, 1, 1, 1]] * 8,
        "labels": [row % 2 for row in range(8)],
    }
)


@pytest.fixture
def no_collection() -> Iterator[None]:
    """No search for cycles: what is in one stays."""
    gc.collect()
    gc.disable()
    yield
    gc.enable()


def classifier(seed: int) -> Any:
    torch.manual_seed(seed)
    sizes = {"hidden_size": 16, "num_hidden_layers": 2, "num_attention_heads": 2}
    config = BertConfig(vocab_size=50, intermediate_size=16, initializer_range=0.3, **sizes)
    return BertForSequenceClassification(config)


def trained(precision: Any, seed: int, folder: Path) -> tuple[Any, Any]:
    """A student and its teacher, after the student was trained."""
    settings = TrainingSpec(epochs=1, learning_rate=1e-3, max_length=8, precision=precision)
    spec = RunSpec(
        task="embedded-sentiment",
        data="0" * 64,
        fraction=1.0,
        seed=seed,
        encoder=CheckpointRef(name="tiny", digest="0" * 64),
        teacher=settings,
        student=StudentSpec(layers=2, method="kd+sm+tmkd", training=settings),
    )
    student, teacher = classifier(seed), classifier(seed + 10)
    checkpoints = folder / f"run-{precision}-{seed}" / "checkpoints"
    train(student, TEXTS, spec, folder=checkpoints, label="", teacher=teacher)
    return student, teacher


@pytest.mark.slow
@pytest.mark.parametrize("precision", ["fp32", "bf16"])
@pytest.mark.usefixtures("no_collection")
def test_trained_networks_go_when_they_are_let_go_of(precision: str, tmp_path: Path) -> None:
    """A study trains hundreds in one process, and Python looks for cycles rarely."""
    seen = []
    for seed in range(2):
        seen += [weakref.ref(network) for network in trained(precision, seed, tmp_path)]
        gone = [network() is None for network in seen]
        assert all(gone), gone


@pytest.mark.slow
@pytest.mark.parametrize("precision", ["fp32", "bf16"])
def test_a_trained_network_computes_in_float32(precision: str, tmp_path: Path) -> None:
    """As one that its weights are loaded into does, whatever it was trained in."""
    student, _ = trained(precision, 0, tmp_path)
    anew = classifier(seed=99)
    anew.load_state_dict(student.state_dict())
    table = token_table(TEXTS, 0)
    np.testing.assert_array_equal(
        run_inference(student, table).logits, run_inference(anew, table).logits
    )


@pytest.mark.parametrize(
    ("epochs", "batch_size", "examples", "steps"),
    [(3, 32, 600, 57), (3, 8, 600, 225), (0.5, 10, 101, 6), (1, 64, 3, 1)],
)
def test_the_steps_of_a_training_are_told_and_few_are_called_few(
    epochs: float, batch_size: int, examples: int, steps: int
) -> None:
    training = TrainingSpec(epochs=epochs, batch_size=batch_size)
    assert steps_of(training, examples) == steps
    told = in_words(training, examples)
    assert told.startswith(f"{steps} steps: {epochs:g} epochs of {examples} examples")
    assert ("more epochs or smaller batches" in told) == (steps < ENOUGH_STEPS)


@pytest.mark.parametrize("native", [True, False])
def test_bfloat16_that_the_machine_has_not_is_said(
    monkeypatch: pytest.MonkeyPatch, native: bool
) -> None:
    from experiments.running import training

    machine = dataclasses.replace(training.hardware(), bf16=native)
    monkeypatch.setattr(training, "hardware", lambda: machine)
    assert ("give precision fp32" in in_words(TrainingSpec(precision="bf16"), 80)) == (not native)
    assert "precision" not in in_words(TrainingSpec(), 80)
