"""Tiny random classifiers of every architecture that the core promises, texts and trainers."""

import dataclasses
from pathlib import Path
from typing import Any

import datasets
import numpy as np
import pytest
import torch
import transformers

from mixkd_core.training.arguments import MixKDArguments
from mixkd_core.training.trainer import MixKDTrainer

ARCHITECTURES = ("bert", "roberta", "distilbert", "electra", "deberta-v2", "modernbert")

VOCABULARY = 60
LENGTH = 12


def tiny_config(architecture: str, layers: int, width: int) -> Any:
    common = {"vocab_size": VOCABULARY, "pad_token_id": 0}
    usual = common | {
        "hidden_size": width,
        "num_hidden_layers": layers,
        "num_attention_heads": 2,
        "intermediate_size": 2 * width,
        "max_position_embeddings": 40,
    }
    if architecture == "bert":
        return transformers.BertConfig(**usual)
    if architecture == "roberta":
        return transformers.RobertaConfig(**usual, type_vocab_size=1)
    if architecture == "electra":
        return transformers.ElectraConfig(**usual, embedding_size=width // 2)
    if architecture == "deberta-v2":
        return transformers.DebertaV2Config(
            **usual, type_vocab_size=0, relative_attention=True, pos_att_type=["p2c", "c2p"]
        )
    if architecture == "modernbert":
        ends = {"cls_token_id": 1, "sep_token_id": 2, "bos_token_id": 1, "eos_token_id": 2}
        return transformers.ModernBertConfig(**usual, **ends, reference_compile=False)
    return transformers.DistilBertConfig(
        **common,
        dim=width,
        n_layers=layers,
        n_heads=2,
        hidden_dim=2 * width,
        max_position_embeddings=40,
    )


@pytest.fixture(scope="session")
def tiny_classifier() -> Any:
    """`tiny_classifier(architecture, layers=2, width=16, num_labels=3, seed=0)`."""

    def build(
        architecture: str = "bert",
        *,
        layers: int = 2,
        width: int = 16,
        num_labels: int = 3,
        seed: int = 0,
    ) -> Any:
        config = tiny_config(architecture, layers, width)
        config.num_labels = num_labels
        state = torch.random.get_rng_state()
        torch.manual_seed(seed)
        model = transformers.AutoModelForSequenceClassification.from_config(config)
        # Initial weights of 0.02 make all logits nearly alike: spread them, so that what
        # depends on the input shows.
        for parameter in model.parameters():
            if parameter.dim() > 1:
                torch.nn.init.normal_(parameter, std=0.3)
        torch.random.set_rng_state(state)
        return model.eval()

    return build


@pytest.fixture(scope="session")
def padded_texts() -> Any:
    """`padded_texts(lengths, seed, token_types=True)`: random texts padded to `LENGTH`."""

    def build(lengths: list[int], seed: int = 0, token_types: bool = True) -> Any:
        generator = np.random.default_rng(seed)
        present = np.arange(LENGTH) < np.array(lengths)[:, None]
        ids = np.where(present, generator.integers(5, VOCABULARY, present.shape), 0)
        texts = {
            "input_ids": torch.from_numpy(ids),
            "attention_mask": torch.from_numpy(present.astype(np.int64)),
        }
        if token_types:
            types = present & (np.arange(LENGTH) >= np.array(lengths)[:, None] // 2)
            texts["token_type_ids"] = torch.from_numpy(types.astype(np.int64))
        return texts

    return build


@pytest.fixture(scope="session")
def tokenised_texts() -> Any:
    """`tokenised_texts(size, labels="classes", num_labels=3, seed=0, token_types=True)`.

    Random texts of 3 to `LENGTH` tokens as a `datasets.Dataset`; the labels are `"classes"`
    (decided by the second token, so that they can be learnt), `"soft"` (a distribution a row) or
    `"real"`.
    """

    def build(
        size: int,
        labels: str = "classes",
        *,
        num_labels: int = 3,
        seed: int = 0,
        token_types: bool = True,
    ) -> Any:
        generator = np.random.default_rng(seed)
        lengths = generator.integers(3, LENGTH + 1, size)
        rows: dict[str, Any] = {
            "input_ids": [generator.integers(5, VOCABULARY, length).tolist() for length in lengths]
        }
        if token_types:
            rows["token_type_ids"] = [
                [int(2 * slot >= length) for slot in range(length)] for length in lengths
            ]
        rows["labels"] = [ids[1] % num_labels for ids in rows["input_ids"]]
        if labels == "soft":
            rows["labels"] = generator.dirichlet([1.0] * num_labels, size).tolist()
        elif labels == "real":
            rows["labels"] = generator.normal(size=size).tolist()
        return datasets.Dataset.from_dict(rows)

    return build


@pytest.fixture
def mixkd_trainer(tmp_path: Path, tiny_classifier: Any, tokenised_texts: Any) -> Any:
    """`mixkd_trainer(student=, teacher=, dataset=, **arguments)`, a `MixKDTrainer`.

    By default a two-layer student and a four-layer teacher of twice its width (`teacher=False` for
    none), 12 texts, batches of 4, one epoch, a constant learning rate, on the CPU. What is no
    argument of `MixKDArguments` goes to the trainer.
    """
    fields = {field.name for field in dataclasses.fields(MixKDArguments)}

    def build(
        *, student: Any = None, teacher: Any = None, dataset: Any = None, **others: Any
    ) -> MixKDTrainer:
        settings: dict[str, Any] = {
            "output_dir": str(tmp_path / "out"),
            "num_train_epochs": 1,
            "per_device_train_batch_size": 4,
            "learning_rate": 1e-2,
            "lr_scheduler_type": "constant",
            "logging_steps": 1,
            "save_strategy": "no",
            "report_to": [],
            "disable_tqdm": True,
            "use_cpu": True,
            "seed": 0,
        }
        settings |= {name: value for name, value in others.items() if name in fields}
        if teacher is None:
            teacher = tiny_classifier(layers=4, seed=2)
        return MixKDTrainer(
            model=tiny_classifier(width=8, seed=1) if student is None else student,
            args=MixKDArguments(**settings),
            train_dataset=tokenised_texts(12) if dataset is None else dataset,
            teacher=teacher or None,
            **{name: value for name, value in others.items() if name not in fields},
        )

    return build


@pytest.fixture(scope="session")
def weights_of() -> Any:
    """`weights_of(model)`: every parameter in one vector, copied."""

    def flatten(model: Any) -> torch.Tensor:
        return torch.cat([p.detach().flatten().clone() for p in model.parameters()])

    return flatten


@pytest.fixture(scope="session")
def no_dropout() -> Any:
    """`no_dropout(model)`: the model with dropout switched off, for comparisons in training."""

    def switch_off(model: Any) -> Any:
        for module in model.modules():
            if isinstance(module, torch.nn.Dropout):
                module.p = 0.0
        return model

    return switch_off
