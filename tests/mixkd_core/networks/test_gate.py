"""The gate of checkpoints: no stranger's code, no file that cannot be, no network beyond memory."""

import ast
import json
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from typer.testing import CliRunner

from experiments.cli import app
from experiments.execution.jobs import Workplace
from mixkd_core.data.tasks import Task
from mixkd_core.errors import InputError
from mixkd_core.networks import gate
from mixkd_core.networks.checkpoints import (
    load_classifier,
    load_config,
    load_stored_classifier,
    load_tokenizer,
)
from mixkd_core.networks.embedded_encoder import write_embedded_encoder
from mixkd_core.networks.gate import trusting_code, trusts_code
from mixkd_core.records.specs import checkpoint_ref

ROOT = Path(__file__).resolve().parents[3]
THREE = Task("three", ("text",), "label", ("no", "perhaps", "yes"))

STRANGER = """
import pathlib
pathlib.Path(__file__)
pathlib.Path({mark!r}).touch()
from transformers import BertConfig, BertForSequenceClassification

class StrangerConfig(BertConfig):
    model_type = "stranger"

class StrangerForSequenceClassification(BertForSequenceClassification):
    config_class = StrangerConfig
"""


@pytest.fixture
def checkpoint(tmp_path: Path) -> Path:
    """A whole checkpoint: a small encoder with its tokenizer."""
    return write_embedded_encoder(tmp_path / "checkpoint", seed=0)


@pytest.fixture
def stranger(tiny_classifier: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A checkpoint of unknown type with code of its own, which leaves a mark where it is run."""
    monkeypatch.setattr("transformers.dynamic_module_utils.HF_MODULES_CACHE", str(tmp_path / "hf"))
    folder = write_embedded_encoder(tmp_path / "stranger", seed=0)
    tiny_classifier("bert").save_pretrained(folder)
    code = STRANGER.format(mark=str(tmp_path / "the code ran"))
    (folder / "modeling_stranger.py").write_text(code)
    change(
        folder,
        model_type="stranger",
        auto_map={
            "AutoConfig": "modeling_stranger.StrangerConfig",
            "AutoModelForSequenceClassification": (
                "modeling_stranger.StrangerForSequenceClassification"
            ),
        },
    )
    return folder


def change(folder: Path, **fields: Any) -> None:
    """Set fields of a checkpoint's configuration."""
    path = folder / "config.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | fields))


COMMIT = "c0ffee" * 6 + "cafe"


@pytest.fixture
def on_hub(checkpoint: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """What was fetched of the checkpoint `a/stranger` before the hub went out of reach."""
    kept = tmp_path / "hub" / "models--a--stranger"
    checkpoint.rename(tmp_path / COMMIT)
    (kept / "snapshots").mkdir(parents=True)
    (tmp_path / COMMIT).rename(kept / "snapshots" / COMMIT)
    (kept / "refs").mkdir()
    (kept / "refs" / "main").write_text(COMMIT)
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path / "hub"))
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    return kept / "snapshots" / COMMIT


def test_a_checkpoint_of_the_hub_is_read_as_it_was_looked_at(on_hub: Path) -> None:
    assert gate.check_checkpoint("a/stranger", weights=True) == {"revision": COMMIT}
    assert checkpoint_ref("a/stranger").digest.startswith(COMMIT), "another commit, another run"
    assert len(load_tokenizer("a/stranger")) == load_config(on_hub).vocab_size
    network, same = (load_classifier(name, THREE) for name in ("a/stranger", on_hub))
    for name, weight in network.base_model.named_parameters():
        assert torch.equal(weight, same.base_model.get_parameter(name))
    with pytest.raises(InputError, match=r"'a/other' cannot be read, as a folder or from the hub"):
        load_config("a/other")


@pytest.mark.parametrize(
    ("harm", "said"),
    [
        (lambda folder: change(folder, num_hidden_layers=10**6), "num_hidden_layers is 1000000"),
        (lambda folder: change(folder, architectures=5), "architectures is 5"),
        (
            lambda folder: (folder / "tokenizer.json").write_bytes(b" " * 2000),
            "holds 2000 bytes, and at most 1000",
        ),
        (
            lambda folder: (folder / "model.safetensors").write_bytes(
                (folder / "model.safetensors").read_bytes()[:-8]
            ),
            "its header does not fit the file",
        ),
        (
            lambda folder: (folder / "model.safetensors.index.json").write_text(
                json.dumps({"weight_map": {"a": "../../elsewhere"}})
            ),
            "which is not beside it",
        ),
    ],
    ids=["layers", "architectures", "size", "cut off", "index"],
)
def test_a_checkpoint_of_the_hub_passes_the_same_gate(
    on_hub: Path, harm: Callable[[Path], Any], said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Before any library has read a file of it."""
    harm(on_hub)
    if said.startswith("holds"):
        monkeypatch.setattr(gate, "MOST_VOCABULARY_BYTES", 1000)
    monkeypatch.setattr("transformers.AutoModelForSequenceClassification.from_pretrained", None)
    with pytest.raises(InputError, match=said):
        load_stored_classifier("a/stranger")


def test_code_of_strangers_is_refused_unasked(
    stranger: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("builtins.input", lambda _: pytest.fail("somebody was asked"))
    for load in (
        load_config,
        load_stored_classifier,
        lambda path: load_classifier(path, THREE),
    ):
        with pytest.raises(InputError, match=r"brings code of its own, .* --trust-remote-code"):
            load(stranger)
    answer = CliRunner().invoke(app, ["doctor", "--no-hub", "--teacher", str(stranger)], input="y")
    assert answer.exit_code == 1
    assert "brings code of its own" in answer.output
    assert not (tmp_path / "the code ran").exists()


def test_code_is_run_for_those_who_mean_it(stranger: Path, tmp_path: Path) -> None:
    with trusting_code():
        assert load_config(stranger).model_type == "stranger"
        assert (
            type(load_classifier(stranger, THREE)).__name__ == "StrangerForSequenceClassification"
        )
    assert (tmp_path / "the code ran").exists()
    assert not trusts_code()


def test_doctor_trusts_what_it_is_told_to_and_only_then(stranger: Path, tmp_path: Path) -> None:
    words = ["doctor", "--no-hub", "--teacher", str(stranger)]
    assert "stranger, 2 layers" in CliRunner().invoke(app, [*words, "--trust-remote-code"]).output
    assert (tmp_path / "the code ran").exists()
    assert not trusts_code()


def test_every_command_that_loads_a_checkpoint_can_be_told_to_trust_it() -> None:
    from typer.main import get_command

    commands = get_command(app).commands  # type: ignore[attr-defined]
    for name in ("train", "run", "tune", "doctor", "predict", "cost", "export", "submit"):
        assert any("--trust-remote-code" in option.opts for option in commands[name].params), name
    assert not Workplace(Path(), "").trust_remote_code


def test_trust_is_stated_wherever_a_library_loads() -> None:
    """Over the whole code: `from_pretrained` and `from_config` of automatic classes name it."""
    stated = []
    for package in ("mixkd_core", "experiments", "reports"):
        for path in (ROOT / package).rglob("*.py"):
            for call in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
                if not isinstance(call, ast.Call) or not isinstance(call.func, ast.Attribute):
                    continue
                if call.func.attr in ("from_pretrained", "from_config"):
                    words = {word.arg for word in call.keywords}
                    assert "trust_remote_code" in words, f"{path}: {ast.unparse(call)}"
                    stated.append(path)
    assert len(stated) >= 5


# ---- what no checkpoint is ----


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        (
            {"num_hidden_layers": 10**9},
            "num_hidden_layers is 1000000000, and networks are read up to",
        ),
        ({"nested": {"n_layers": [2, 5000]}}, "nested.n_layers is 5000"),
        ({"vocab_size": 10**15}, "vocab_size is 1000000000000000"),
        ({"max_position_embeddings": 10**8}, "max_position_embeddings is 100000000"),
        ({"num_labels": 10**6}, "num_labels is 1000000"),
        ({"num_attention_heads": -1}, "num_attention_heads is -1, and cannot be"),
        ({"a\x1fb": 10**30}, r"a\?b is about 2 to the 100"),
        ({"id2label": {str(k): "x" for k in range(100_001)}}, "id2label names 100001 classes"),
        ({"hidden_size": "wide"}, "cannot be read"),
        ({"hidden_size": 10**6, "intermediate_size": 10**7}, "takes .* GiB, and this machine has"),
        ({"num_attention_heads": 0}, "cannot be read"),
        ({"vocab_size": 10**400}, "vocab_size is about 2 to the 1329"),
        ({"architectures": 7}, "architectures is 7: give a list of names"),
        ({"id2label": {"0": 1}}, "give a name for each class"),
        ({"model_type": "no such type"}, "cannot be read"),
    ],
)
def test_a_configuration_that_no_network_has_is_refused(
    checkpoint: Path, fields: dict[str, Any], said: str
) -> None:
    change(checkpoint, **fields)
    with pytest.raises(InputError, match=said):
        load_classifier(checkpoint, THREE)


@pytest.mark.parametrize(
    "content", [b"[1]", b"7", b"null", b"[" * 100_000, b'{"a": ' * 10_000, b"\xff", b""]
)
def test_a_configuration_that_is_none_is_refused(checkpoint: Path, content: bytes) -> None:
    (checkpoint / "config.json").write_bytes(content)
    for load in (load_config, load_tokenizer):
        with pytest.raises(InputError, match=r"config\.json"):
            load(checkpoint)


def test_what_is_no_file_is_not_waited_for(checkpoint: Path) -> None:
    import os

    (checkpoint / "tokenizer.json").unlink()
    os.mkfifo(checkpoint / "tokenizer.json")
    with pytest.raises(InputError, match=r"tokenizer\.json is no file"):
        load_tokenizer(checkpoint)


def test_a_file_larger_than_any_is_not_read(
    checkpoint: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(gate, "MOST_JSON_BYTES", 1000)
    (checkpoint / "special_tokens_map.json").write_text(" " * 2000)
    with pytest.raises(InputError, match="holds 2000 bytes, and at most 1000 are read"):
        load_tokenizer(checkpoint)


def cut_off(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-4])


def grown(path: Path) -> None:
    path.write_bytes(path.read_bytes() + bytes(4))


def another_shape(path: Path) -> None:
    content = path.read_bytes()
    (length,) = struct.unpack("<Q", content[:8])
    header = content[8 : 8 + length].replace(b'"shape":[', b'"shape":[9', 1)
    path.write_bytes(struct.pack("<Q", len(header)) + header + content[8 + length :])


def endless_header(path: Path) -> None:
    path.write_bytes(struct.pack("<Q", 1 << 60) + path.read_bytes()[8:])


@pytest.mark.parametrize("harm", [cut_off, grown, another_shape, endless_header])
def test_a_header_that_does_not_fit_its_file_is_refused(
    checkpoint: Path, harm: Callable[[Path], None]
) -> None:
    harm(checkpoint / "model.safetensors")
    with pytest.raises(InputError, match="its header does not fit the file"):
        load_classifier(checkpoint, THREE)


@pytest.mark.parametrize(
    ("index", "said"),
    [
        ({"weight_map": {"a": "../model.safetensors"}}, r"names the file '\.\./model"),
        ({"weight_map": {"a": "absent.safetensors"}}, "names the file 'absent"),
        ({"weight_map": {"a": "model.safetensors"}}, "names the weight 'a'"),
        ({"weight_map": [1]}, "does not say which file"),
        ([], "does not say which file"),
    ],
)
def test_a_list_of_parts_that_does_not_fit_is_refused(
    checkpoint: Path, index: Any, said: str
) -> None:
    (checkpoint / "model.safetensors.index.json").write_text(json.dumps(index))
    with pytest.raises(InputError, match=said):
        load_classifier(checkpoint, THREE)
