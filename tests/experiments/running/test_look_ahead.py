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
    student = student_from_layers(teacher, [0, 1])
    look_ahead(student, teacher, tokenizer, splits, objective("sm+tmkd"), 0, max_length=128)


@pytest.mark.parametrize("family", ["bert", "roberta", "gpt2", "qwen2", "albert"])
def test_texts_beyond_the_positions_are_cut_to_what_the_network_takes(family: str) -> None:
    long = texts_of("word1 " * 100, "word2 word3", "word4 " * 70)
    look(family, tokenizer_of(), long)
    model = tiny_network(family)
    table = encode_table(long, tokenizer_of(), text_limit(128, model))
    assert table.lengths.max() == (63 if family == "roberta" else 64)


@pytest.mark.parametrize("family", ["mpt", "xlnet", "bloom"])
def test_a_network_without_positions_takes_a_tokenizer_that_states_no_length(family: str) -> None:
    """`transformers` then gives a length beyond what a tokenizer can be told to cut at."""
    tokenizer = tokenizer_of()
    assert tokenizer.model_max_length > 1 << 64
    look(family, tokenizer, texts_of("word1 " * 300, "word2 word3"))


def test_a_network_whose_mixtures_are_encoded_in_the_end_is_refused_at_once() -> None:
    """Encodings are of mixtures too, and are made when the hours of training are over."""
    network, teacher = tiny_network("esm"), tiny_network("esm", seed=1)
    asked = (network, teacher, tokenizer_of(), [SHORT], objective("kd"), 0)
    look_ahead(*asked, max_length=128)
    with pytest.raises(InputError, match="mixing the embeddings changes the logits of the student"):
        look_ahead(*asked, max_length=128, encodes=True)


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


@pytest.mark.parametrize("family", ["t5", "bart", "mbart"])
def test_doctor_says_of_an_encoder_with_a_decoder_that_it_is_one(
    family: str, tmp_path: Path
) -> None:
    model = tiny_network(family)
    with torch.no_grad():
        model.save_pretrained(tmp_path)
    tokenizer_of().save_pretrained(tmp_path)
    _, good, detail = _training(str(tmp_path), load_config(tmp_path), load_tokenizer(tmp_path))
    assert good is False
    assert "has an encoder and a decoder, which reads the tokens once more" in detail
    assert "take an encoder or a decoder alone" in detail


def test_doctor_counts_the_tokens_that_the_word_table_lacks(tmp_path: Path) -> None:
    tiny_network("bert").save_pretrained(tmp_path)
    tokenizer_of(*(f"<url{number}>" for number in range(30))).save_pretrained(tmp_path)
    _, good, detail = _training(str(tmp_path), load_config(tmp_path), load_tokenizer(tmp_path))
    assert good is None
    assert "its tokenizer knows 74 tokens and its word table has 64 rows" in detail
