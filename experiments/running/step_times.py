"""A network's speed on this machine, from a few training steps before anything is trained.

The steps are those of a run: `MixKDTrainer` on texts of the task, in the run's precision. Of a
large network on a slow machine a step on a whole batch takes many seconds, so the first steps are
on a few texts, and a whole batch is taken only where that is quick.
"""

import statistics
import time
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import torch
from transformers import PrinterCallback, TrainerCallback

from experiments.running.look_ahead import spread_rows
from experiments.running.runner import Resources, check, untrained_network
from experiments.running.training import training_arguments, without_autocast
from mixkd_core.data.encoding import encode, encode_table
from mixkd_core.data.task_data import TaskData
from mixkd_core.networks.inference import run_inference
from mixkd_core.networks.limits import text_limit
from mixkd_core.records.specs import RunSpec
from mixkd_core.training.trainer import MixKDTrainer

FEW_TEXTS = 4
# Seconds that a step on a whole batch may take to be timed too.
LONG_STEP = 1.0
# The first step of a trainer is slower than the others and not counted.
FEW_STEPS, STEPS = 2, 5


@dataclass(frozen=True)
class TextLengths:
    """Tokens of a task's training texts, as a network reads them.

    Attributes:
        mean: of a text.
        longer: of the longer of two texts drawn at random, which a mixed sample is as long as.
    """

    mean: float
    longer: float


@dataclass(frozen=True)
class StepTimes:
    """Seconds of work of a network.

    Attributes:
        start: until it is checked and loaded, and its training begins.
        learning: forward, backward and what belongs to them, per token of a batch.
        update: of the optimiser, per step.
        reading: a pass without a gradient, per token.
    """

    start: float
    learning: float
    update: float
    reading: float


def text_lengths(data: TaskData, tokenizer: Any, longest: int) -> TextLengths:
    """Return the lengths of a sample of the training texts, cut off where training cuts them."""
    lengths = encode_table(data.train.select(spread_rows(data.train)), tokenizer, longest).lengths
    return TextLengths(float(lengths.mean()), float(np.maximum.outer(lengths, lengths).mean()))


def time_network(spec: RunSpec, resources: Resources) -> StepTimes:
    """Time the network that a run trains, by fine-tuning it for some steps; nothing is kept.

    Its weights are the encoder's where the run's would be the teacher's, which takes as long.
    """
    began = time.perf_counter()
    check(spec, resources)  # as every run does
    network, tokenizer, _ = untrained_network(spec, resources, None)
    longest = text_limit(spec.training.max_length, network)
    typical = _typical(resources.data, tokenizer, longest, spec.training.batch_size)
    tokens = encode(typical, tokenizer, longest)
    table = encode_table(typical, tokenizer, longest)
    mean = float(table.lengths.mean())
    with TemporaryDirectory() as scratch:
        folder = Path(scratch) / "run" / "checkpoints"
        texts = min(FEW_TEXTS, len(tokens))
        first, passes, update = _steps(network, tokens, spec, folder, texts, FEW_STEPS)
        start = first - began
        if passes * len(tokens) / texts < LONG_STEP:
            texts = len(tokens)
            _, passes, update = _steps(network, tokens, spec, folder, texts, STEPS)
    # Twice, since the first pass in evaluation is slower than the others.
    few = table.select(np.arange(texts))
    run_inference(network, few)
    began = time.perf_counter()
    run_inference(network, few)
    reading = (time.perf_counter() - began) / texts / mean
    return StepTimes(start, passes / texts / mean, update, reading)


def _typical(data: TaskData, tokenizer: Any, longest: int, count: int) -> Any:
    """Return the texts of a sample with lengths nearest its mean, so that batches are alike."""
    sample = data.train.select(spread_rows(data.train))
    lengths = encode_table(sample, tokenizer, longest).lengths
    nearest = np.argsort(np.abs(lengths - lengths.mean()), kind="stable")
    return sample.select(nearest[:count])


def _steps(
    network: Any, tokens: Any, spec: RunSpec, folder: Path, texts: int, steps: int
) -> tuple[float, float, float]:
    """Return when the first step began, the seconds of a step's passes and those of its update."""
    plain = spec.model_copy(
        update={"student": None, "teacher_mixup": None, "teacher": spec.training}
    )
    arguments = training_arguments(plain, len(tokens), folder)
    arguments.per_device_train_batch_size, arguments.max_steps = texts, steps
    watch = _Watch(arguments.device)
    trainer = MixKDTrainer(network, arguments, train_dataset=tokens, callbacks=[watch])
    trainer.remove_callback(PrinterCallback)
    trainer.train()
    without_autocast(network)
    whole = np.diff(watch.ends)
    updates = watch.updates[1:]
    update = statistics.median(updates)
    return watch.began, max(float(np.median(whole)) - update, 0.0), update


class _Watch(TrainerCallback):  # type: ignore[misc]
    """Notes when steps end and how long the optimiser's part of them takes."""

    def __init__(self, device: torch.device) -> None:
        self._device = device
        self.began = 0.0
        self.ends: list[float] = []
        self.updates: list[float] = []

    def _now(self) -> float:
        if self._device.type != "cpu":
            torch.accelerator.synchronize()
        return time.perf_counter()

    def on_train_begin(self, *_: Any, **kwargs: Any) -> None:
        self.began = self._now()

    def on_pre_optimizer_step(self, *_: Any, **kwargs: Any) -> None:
        self._before = self._now()

    def on_optimizer_step(self, *_: Any, **kwargs: Any) -> None:
        self.updates.append(self._now() - self._before)

    def on_step_end(self, *_: Any, **kwargs: Any) -> None:
        self.ends.append(self._now())
