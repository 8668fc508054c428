"""The checkpoint that needs no hub."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from transformers import AutoModelForSequenceClassification, AutoTokenizer

from mixkd_core.data.embedded.law import draw_examples
from mixkd_core.data.tasks import EMBEDDED
from mixkd_core.networks.embedded_encoder import write_embedded_encoder


@pytest.fixture(scope="module")
def encoder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_embedded_encoder(tmp_path_factory.mktemp("encoder"), seed=0)


def test_it_loads_as_any_checkpoint_does(encoder: Path) -> None:
    model = AutoModelForSequenceClassification.from_pretrained(encoder, num_labels=3)
    tokenizer = AutoTokenizer.from_pretrained(encoder)
    assert model.config.model_type == "bert"
    assert model.config.vocab_size == len(tokenizer)
    assert model.config.pad_token_id == tokenizer.pad_token_id
    assert [path.name for path in encoder.glob("*.safetensors")] == ["model.safetensors"]
    assert not list(encoder.glob("*.bin"))
    batch = tokenizer(["the film is good", "the plot"], padding=True, return_tensors="pt")
    assert model(**batch).logits.shape == (2, 3)


@pytest.mark.parametrize("name", EMBEDDED)
def test_every_word_of_the_law_is_one_known_token(encoder: Path, name: str) -> None:
    tokenizer = AutoTokenizer.from_pretrained(encoder)
    for *texts, _ in draw_examples(name, "tokens", 2000):
        encoded = tokenizer(*texts)
        assert tokenizer.unk_token_id not in encoded["input_ids"]
        words = " ".join(["[CLS]", *(f"{text} [SEP]" for text in texts)])
        assert tokenizer.convert_ids_to_tokens(encoded["input_ids"]) == words.split()


def test_pairs_are_told_apart_by_token_types(encoder: Path) -> None:
    tokenizer = AutoTokenizer.from_pretrained(encoder)
    encoded = tokenizer("All dogs run", "some, xylophones!")
    tokens = tokenizer.convert_ids_to_tokens(encoded["input_ids"])
    assert " ".join(tokens) == "[CLS] all dogs run [SEP] some , [UNK] [UNK] [SEP]"
    assert encoded["token_type_ids"] == [0] * 5 + [1] * 5


def test_the_seed_decides_the_weights_and_nothing_else_moves(tmp_path: Path) -> None:
    torch.manual_seed(5)
    before = torch.get_rng_state()
    files = [
        write_embedded_encoder(tmp_path / name, seed=seed) / "model.safetensors"
        for name, seed in (("a", 1), ("b", 1), ("c", 2))
    ]
    assert torch.equal(torch.get_rng_state(), before)
    first, same, other = (file.read_bytes() for file in files)
    assert first == same
    assert first != other
