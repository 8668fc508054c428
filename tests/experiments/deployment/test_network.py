"""A decoder that was fine-tuned elsewhere, without a padding token, is read as it reads alone."""

import json
import re
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from transformers import AutoModelForSequenceClassification, LlamaConfig

from experiments.deployment.network import _max_length, open_network
from experiments.deployment.prediction import predict
from mixkd_core.errors import InputError
from mixkd_core.networks.checkpoints import load_tokenizer


@pytest.fixture(scope="module")
def decoder(classifier: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A Llama of two layers as hubs have them: an end-of-text token, and none to pad with."""
    folder = tmp_path_factory.mktemp("decoder")
    tokenizer = load_tokenizer(classifier)
    tokenizer.eos_token, tokenizer.pad_token = tokenizer.mask_token, None
    config = LlamaConfig(
        vocab_size=len(tokenizer), hidden_size=32, num_hidden_layers=2, num_attention_heads=2,
        intermediate_size=64, max_position_embeddings=64, num_labels=3,
        id2label=dict(enumerate(("calm", "glad", "sad"))),
    )  # fmt: skip
    torch.manual_seed(0)
    network = AutoModelForSequenceClassification.from_config(config)
    with torch.no_grad():
        network.score.weight.mul_(50)
    network.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


def test_predictions_are_those_of_one_text_at_a_time(decoder: Path, texts: list[str]) -> None:
    plain = AutoModelForSequenceClassification.from_pretrained(decoder, dtype=torch.float32).eval()
    assert plain.config.pad_token_id is None, "which transformers refuses to give two texts"
    tokenizer = load_tokenizer(decoder)
    with torch.no_grad():
        expected = torch.cat(
            [plain(**tokenizer(text, return_tensors="pt")).logits.softmax(-1) for text in texts]
        )
    found = predict(open_network(str(decoder)), [{"text": text} for text in texts], ("text",))
    columns = [[row[f"p_{label}"] for label in ("calm", "glad", "sad")] for row in found.rows]
    assert np.abs(np.array(columns) - expected.numpy()).max() < 1e-6


@pytest.mark.slow
def test_it_has_a_cost_and_an_onnx_form(
    decoder: Path, texts: list[str], tmp_path: Path, mixkd: Any, capsys: Any
) -> None:
    pytest.importorskip("onnxruntime")
    pytest.importorskip("onnxscript")
    (tmp_path / "texts.csv").write_text("\n".join(["text", *texts]) + "\n")
    assert mixkd("cost", decoder, "--file", tmp_path / "texts.csv", "--rounds", 1) == 0
    written = tmp_path / "n.onnx"
    assert mixkd("export", decoder, "--onnx", written, "--texts", tmp_path / "texts.csv") == 0
    (deviation,) = re.findall(r"by more than (\S+)", capsys.readouterr().out)
    assert float(deviation) < 1e-5
    assert written.is_file()


def test_one_whose_texts_end_in_what_would_pad_is_refused(decoder: Path, tmp_path: Path) -> None:
    for path in decoder.iterdir():
        (tmp_path / path.name).write_bytes(path.read_bytes())
    settings = json.loads((tmp_path / "tokenizer_config.json").read_text())
    # The tokenizer closes a text with its separator.
    settings["eos_token"] = load_tokenizer(decoder).sep_token
    (tmp_path / "tokenizer_config.json").write_text(json.dumps(settings))
    with pytest.raises(InputError, match=r"texts end in the one that would pad \('\[SEP\]'\)"):
        open_network(str(tmp_path))


def test_a_runs_network_reads_as_many_tokens_as_it_was_trained_on(decoder: Path) -> None:
    network = open_network(str(decoder))
    for trained, reads in ((9, 9), (128, 64)):
        record: Any = SimpleNamespace(
            spec=SimpleNamespace(training=SimpleNamespace(max_length=trained))
        )
        assert _max_length(record, network.tokenizer, network.model) == reads, "of 64 positions"
    network.tokenizer.model_max_length = 20
    assert _max_length(None, network.tokenizer, network.model) == 20
