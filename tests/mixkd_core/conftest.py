"""Tiny random classifiers of every architecture that the core promises to work with."""

from typing import Any

import numpy as np
import pytest
import torch
import transformers

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
