"""The texts, teacher and students of the benchmark; all students start alike.

The networks are as they come, not fine-tuned: how long a step takes does not depend on what a
network has learnt.
"""

import copy
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn

from experiments.benchmarks.operations import Lengths, shape_of
from experiments.running.encoders import encoder_for
from mixkd_core.data.encoding import encode
from mixkd_core.data.sources import load_task_data
from mixkd_core.data.tasks import find_task
from mixkd_core.data.token_table import TokenTable, token_table
from mixkd_core.networks.checkpoints import load_classifier, load_tokenizer
from mixkd_core.networks.device import best_device
from mixkd_core.networks.layers import encoder_layers
from mixkd_core.networks.students import choose_layers, student_from_layers

REAL_TASKS = ("sst2", "mrpc", "rte")
EMBEDDED_TASKS = ("embedded-sentiment", "embedded-paraphrase", "embedded-inference")

SEED = 0
MAX_LENGTH = 128

# Fifty batches of 32, four times over: as many as length grouping needs to work as it does on a
# large training set (`UnitSampler`), and few enough for a teacher's pass over all of them.
MOST_EXAMPLES = 6400


@dataclass(frozen=True)
class Workload:
    """One task's training texts and the networks that learn from them.

    Attributes:
        name: the task.
        dataset: tokenised, as `MixKDTrainer` takes it.
        tokenizer: of both networks.
        teacher: frozen, in evaluation mode, on `device`.
        source: the untrained student that every contestant gets a copy of.
        max_length: tokens that peers pad to.
        device: where training runs.
    """

    name: str
    dataset: Any
    tokenizer: Any
    teacher: Any
    source: Any
    max_length: int
    device: torch.device

    def student(self) -> Any:
        """A fresh student in training mode, on the device."""
        return copy.deepcopy(self.source).train().to(self.device)

    @property
    def table(self) -> TokenTable:
        return token_table(self.dataset, self.tokenizer.pad_token_id)

    def with_layers(self, layers: int) -> "Workload":
        """The same with a student of the teacher's first `layers` layers."""
        return replace(self, source=student_from_layers(self.teacher, range(layers)))

    def without_dropout(self) -> "Workload":
        """The same with a student in which nothing is random, for comparing losses."""
        source = copy.deepcopy(self.source)
        for module in source.modules():
            if isinstance(module, nn.Dropout):
                module.p = 0.0
        return replace(self, source=source)


def autocast(device: torch.device, precision: str) -> AbstractContextManager[Any]:
    """Under which a network computes in `"fp32"` (none) or `"bf16"`."""
    return nullcontext() if precision == "fp32" else torch.autocast(device.type, torch.bfloat16)


def training_device() -> torch.device:
    return best_device()


def load_workload(
    task: str,
    *,
    data_dir: Path | None,
    teacher: str | None,
    scratch: Path,
    most_examples: int = MOST_EXAMPLES,
) -> Workload:
    """A task's workload, a random sample of its training split where that is large.

    Args:
        scratch: where the small encoder of embedded tasks goes.

    Raises:
        InputError: for data or an encoder that cannot be read, or one that is no BERT.
    """
    described = find_task(task)
    checkpoint = encoder_for(described, teacher, scratch)
    tokenizer = load_tokenizer(checkpoint)
    torch.manual_seed(SEED)
    network = load_classifier(checkpoint, described)
    shape_of(network)
    train = load_task_data(described, data_dir=data_dir).train
    rows = np.random.default_rng(SEED).permutation(len(train))[:most_examples]
    limit = min(MAX_LENGTH, network.config.max_position_embeddings)
    dataset = encode(train.select(rows), tokenizer, limit)
    return workload_of(task, dataset, tokenizer, network, limit)


def workload_of(name: str, dataset: Any, tokenizer: Any, network: Any, max_length: int) -> Workload:
    """A workload whose student is the first half of `network`'s layers."""
    device = training_device()
    depth = len(encoder_layers(network))
    source = student_from_layers(network, choose_layers(depth, max(1, depth // 2), "first"))
    teacher = network.requires_grad_(False).eval().to(device)
    return Workload(name, dataset, tokenizer, teacher, source, max_length, device)


def of_lengths(workload: Workload, name: str, lengths: Lengths) -> Workload:
    """The same networks on random tokens, one text of each length."""
    from datasets import Dataset

    generator = np.random.default_rng(SEED)
    vocabulary = workload.teacher.config.vocab_size
    texts = [generator.integers(vocabulary // 2, vocabulary, size=size) for size in lengths]
    labels = generator.integers(workload.teacher.config.num_labels, size=len(texts))
    columns = {"input_ids": [text.tolist() for text in texts], "labels": labels.tolist()}
    return replace(
        workload, name=name, dataset=Dataset.from_dict(columns), max_length=int(max(lengths))
    )
