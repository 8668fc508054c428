"""A run's networks are looked at before its teacher is trained, and texts are cut to fit them."""

from pathlib import Path
from typing import Any

import pytest
import torch
import transformers
from datasets import Dataset
from tokenizers import Tokenizer
from tokenizers.models import WordLevel
from tokenizers.pre_tokenizers import WhitespaceSplit
from tokenizers.processors import TemplateProcessing

from experiments.cli.doctor import _training
from experiments.running.look_ahead import look_ahead
from mixkd_core.data.encoding import encode_table
from mixkd_core.errors import InputError
from mixkd_core.networks.checkpoints import load_config, load_tokenizer
from mixkd_core.networks.limits import text_limit
from mixkd_core.networks.students import student_from_layers
from mixkd_core.networks.tiny_networks import tiny_network
from mixkd_core.objectives.objective import objective

WORDS = [f"word{number}" for number in range(40)]
SPECIAL = ["<pad>", "<s>", "</s>", "<unk>"]


def tokenizer_of(*further: str) -> Any:
    ids = {word: number for number, word in enumerate([*SPECIAL, *WORDS])}
    backend = Tokenizer(WordLevel(ids, unk_token="<unk>"))
    backend.pre_tokenizer = WhitespaceSplit()
    backend.post_processor = TemplateProcessing(
        single="<s> $A </s>",
        pair="<s> $A </s> $B </s>",
        special_tokens=[("<s>", 1), ("</s>", 2)],
    )
    tokenizer = transformers.PreTrainedTokenizerFast(
        tokenizer_object=backend, pad_token="<pad>", eos_token="</s>", unk_token="<unk>",
        model_input_names=["input_ids", "attention_mask"],
    )  # fmt: skip
    tokenizer.add_tokens(list(further))
    return tokenizer


def texts_of(*texts: str) -> Dataset:
    return Dataset.from_dict({"text": list(texts), "label": [k % 3 for k in range(len(texts))]})


SHORT = texts_of("word1 word2", "word3 word4 word5 word6 word7", "word8")


def look(family: str, tokenizer: Any, *splits: Dataset) -> None:
    teacher = tiny_network(family)
    look_ahead(
        student_from_layers(teacher, [0, 1]), teacher, tokenizer, splits, objective("sm+tmkd"), 0
    )


@pytest.mark.parametrize("family", ["bert", "roberta", "gpt2", "qwen2", "albert"])
def test_texts_beyond_the_positions_are_cut_to_what_the_network_takes(family: str) -> None:
    long = texts_of("word1 " * 100, "word2 word3", "word4 " * 70)
    look(family, tokenizer_of(), long)
    model = tiny_network(family)
    table = encode_table(long, tokenizer_of(), text_limit(128, model))
    assert table.lengths.max() == (63 if family == "roberta" else 64)


def test_a_token_beyond_the_word_table_is_found_in_whichever_split_it_is() -> None:
    tokenizer = tokenizer_of(*(f"<url{number}>" for number in range(30)))
    look("bert", tokenizer, SHORT, SHORT)
    with pytest.raises(InputError, match="row 1 of the data set has the token id 73, and the word"):
        look("bert", tokenizer, SHORT, texts_of("word1", "word2 <url29>"))


def test_doctor_looks_at_pairs_too(tmp_path: Path) -> None:
    """A network may be sound on single texts, and on pairs not: here, for want of a token type."""
    network = tiny_network("bert")
    network.config.type_vocab_size = 1
    types = torch.nn.Embedding(1, network.config.hidden_size)
    network.bert.embeddings.token_type_embeddings = types
    network.save_pretrained(tmp_path)
    tokenizer = tokenizer_of()
    tokenizer.backend_tokenizer.post_processor = TemplateProcessing(
        single="<s> $A </s>",
        pair="<s> $A </s> $B:1 </s>:1",
        special_tokens=[("<s>", 1), ("</s>", 2)],
    )
    tokenizer.model_input_names = ["input_ids", "token_type_ids", "attention_mask"]
    tokenizer.save_pretrained(tmp_path)
    _, good, said = _training(str(tmp_path), load_config(tmp_path), load_tokenizer(tmp_path))
    assert good is None
    assert "but not on pairs" in said
    assert "the token type 1" in said


def test_padding_that_differs_between_tokenizer_and_network_is_refused() -> None:
    tokenizer = tokenizer_of()
    tokenizer.pad_token = "</s>"
    with pytest.raises(InputError, match=r"has pad_token_id 0 and its tokenizer 2 \('</s>'\)"):
        look("bert", tokenizer, SHORT)


@pytest.mark.parametrize("family", ["bert", "qwen2", "albert", "convbert", "esm", "funnel", "t5"])
def test_doctor_says_of_a_checkpoint_what_the_table_says(family: str, tmp_path: Path) -> None:
    model = tiny_network(family)
    with torch.no_grad():
        model.save_pretrained(tmp_path)
    tokenizer_of().save_pretrained(tmp_path)
    _, good, detail = _training(str(tmp_path), load_config(tmp_path), load_tokenizer(tmp_path))
    assert good == (family in ("bert", "qwen2", "albert")), detail
