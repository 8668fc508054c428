"""Weights come in float32 however they are stored; a checkpoint that does not fit is refused."""

import ast
import json
import re
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import huggingface_hub
import pytest
import torch
import transformers
from safetensors.torch import load_file, save_file

from mixkd_core.data.tasks import Task
from mixkd_core.errors import InputError
from mixkd_core.networks.checkpoints import load_classifier, load_stored_classifier
from mixkd_core.records.specs import checkpoint_ref

ARCHITECTURES = ("bert", "roberta", "distilbert", "electra", "deberta-v2", "modernbert")
HALF = (torch.bfloat16, torch.float16)
THREE = Task("three", ("text",), "label", ("no", "perhaps", "yes"))
ROOT = Path(__file__).resolve().parents[3]


def change_weights(folder: Path, change: Any) -> None:
    """Rewrite a checkpoint's tensors, `{name: tensor}`, as `change` returns them."""
    tensors = change(load_file(folder / "model.safetensors"))
    save_file(tensors, folder / "model.safetensors", metadata={"format": "pt"})


# ---- stored types ----


@pytest.mark.parametrize("dtype", HALF)
@pytest.mark.parametrize("stated", [True, False])
def test_weights_are_float32_however_they_are_stored(
    tiny_classifier: Any, tmp_path: Path, dtype: torch.dtype, stated: bool
) -> None:
    tiny_classifier().to(dtype).save_pretrained(tmp_path)
    if not stated:  # then the library looks at the tensors
        config = json.loads((tmp_path / "config.json").read_text())
        (tmp_path / "config.json").write_text(json.dumps(config | {"dtype": None}))
    for network in (load_classifier(tmp_path, THREE), load_stored_classifier(tmp_path)):
        assert {weight.dtype for weight in network.parameters()} == {torch.float32}
        assert torch.equal(
            network.classifier.weight.to(dtype), tiny_classifier().classifier.weight.to(dtype)
        )


@pytest.mark.slow
def test_every_network_that_is_loaded_says_its_type() -> None:
    """Over the whole code and the README: `from_pretrained` of a network names `dtype`."""
    networks = re.compile(r"(Model|Network|auto_class|ForSequence\w+|Seq2SeqLM)$")
    script = re.search(r"```python\n(.*?)```", (ROOT / "README.md").read_text(), re.DOTALL)
    assert script is not None
    sources = {"README.md": script.group(1)}
    for package in ("mixkd_core", "experiments", "reports", "theory"):
        for path in (ROOT / package).rglob("*.py"):
            sources[str(path)] = path.read_text(encoding="utf-8")
    loaded = []
    for name, source in sources.items():
        for call in (node for node in ast.walk(ast.parse(source)) if isinstance(node, ast.Call)):
            function = call.func
            if isinstance(function, ast.Attribute) and function.attr == "from_pretrained":
                kind = ast.unparse(function.value)
                if networks.search(kind):
                    assert "dtype" in {word.arg for word in call.keywords}, f"{name}: {kind}"
                    loaded.append(name)
    assert len(loaded) >= 2  # the one place in the code, and the README's script


@pytest.mark.parametrize("dtype", HALF)
def test_a_half_precision_checkpoint_has_another_digest_than_its_files_alone(
    tiny_classifier: Any, tmp_path: Path, dtype: torch.dtype, monkeypatch: pytest.MonkeyPatch
) -> None:
    tiny_classifier().save_pretrained(tmp_path / "full")
    tiny_classifier().to(dtype).save_pretrained(tmp_path / "half")
    now = {name: checkpoint_ref(tmp_path / name).digest for name in ("full", "half")}
    monkeypatch.setattr("mixkd_core.records.specs.trained_in_half_precision", lambda *given: False)
    before = {name: checkpoint_ref(tmp_path / name).digest for name in ("full", "half")}
    assert now["full"] == before["full"]
    assert now["half"] != before["half"]


def test_a_half_precision_checkpoint_on_the_hub_has_another_digest(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    config = transformers.BertConfig()
    config._commit_hash = "c0ffee"
    monkeypatch.setattr("mixkd_core.networks.checkpoints.load_config", lambda name: config)
    monkeypatch.setattr(huggingface_hub, "get_safetensors_metadata", None)  # as if offline
    assert checkpoint_ref("a/b").digest == "c0ffee"
    config.dtype = torch.float32
    assert checkpoint_ref("a/b").digest == "c0ffee"
    config.dtype = torch.bfloat16
    assert checkpoint_ref("a/b").digest != "c0ffee"


@pytest.mark.parametrize("dtype", [torch.float32, *HALF])
@pytest.mark.parametrize("place", ["cached", "cached in parts", "on the hub"])
def test_where_a_hub_checkpoint_states_no_type_its_tensors_do(
    place: str,
    dtype: torch.dtype,
    tiny_classifier: Any,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    import huggingface_hub

    tiny_classifier().to(dtype).save_pretrained(
        tmp_path, max_shard_size="4KB" if place == "cached in parts" else "1GB"
    )
    assert (tmp_path / "model.safetensors.index.json").exists() == (place == "cached in parts")
    config = transformers.BertConfig()
    config._commit_hash = "c0ffee"

    def found(name: str, file: str, *, revision: str) -> str | None:
        assert (name, revision) == ("a/b", "c0ffee")
        here = tmp_path / file
        return str(here) if here.exists() and place != "on the hub" else None

    def headers(name: str, *, revision: str) -> Any:
        assert place == "on the hub"
        assert (name, revision) == ("a/b", "c0ffee")
        kind = {torch.float32: "F32", torch.float16: "F16", torch.bfloat16: "BF16"}[dtype]
        tensors = {"ids": SimpleNamespace(dtype="I64"), "w": SimpleNamespace(dtype=kind)}
        return SimpleNamespace(
            files_metadata={"model.safetensors": SimpleNamespace(tensors=tensors)}
        )

    monkeypatch.setattr("mixkd_core.networks.checkpoints.load_config", lambda name: config)
    monkeypatch.setattr(huggingface_hub, "try_to_load_from_cache", found)
    monkeypatch.setattr(huggingface_hub, "get_safetensors_metadata", headers)
    assert (checkpoint_ref("a/b").digest == "c0ffee") == (dtype is torch.float32)
    config.dtype = torch.float32  # what it states goes before
    assert checkpoint_ref("a/b").digest == "c0ffee"


# ---- checkpoints that do not fit ----


@pytest.fixture(params=ARCHITECTURES)
def encoder(request: pytest.FixtureRequest, tiny_classifier: Any, tmp_path: Path) -> Path:
    """A pre-trained encoder of every architecture, as `AutoModel` saves it."""
    config = tiny_classifier(request.param).config
    transformers.AutoModel.from_config(config).save_pretrained(tmp_path / "encoder")
    return tmp_path / "encoder"


def _layer(name: str) -> bool:
    return re.search(r"\blayers?\.1\.", name) is not None


MISFITS: dict[str, Any] = {
    "another prefix": lambda w: {f"student.{name}": tensor for name, tensor in w.items()},
    "a layer missing": lambda w: {n: t for n, t in w.items() if not _layer(n)},
    "one tensor missing": lambda w: {n: t for n, t in w.items() if n != sorted(w)[len(w) // 2]},
    "one tensor left": lambda w: dict(sorted(w.items())[:1]),
    "a shape": lambda w: {n: t[:, :-2].clone() if t.dim() == 2 else t for n, t in w.items()},
    "one more": lambda w: w | {sorted(w)[0].replace("embeddings", "adapter"): torch.zeros(3)},
    "a layer more": lambda w: (
        w | {re.sub(r"(\blayers?\.)1\.", r"\g<1>2.", n): t.clone() for n, t in w.items()}
    ),
}


@pytest.mark.slow
@pytest.mark.parametrize("misfit", MISFITS)
def test_an_encoder_that_does_not_fit_is_refused_by_name(
    encoder: Path, misfit: str, caplog: pytest.LogCaptureFixture
) -> None:
    stored = set(load_file(encoder / "model.safetensors"))
    change_weights(encoder, MISFITS[misfit])
    with pytest.raises(InputError, match="does not fit") as refused:
        load_classifier(encoder, THREE)
    kept = set(load_file(encoder / "model.safetensors"))
    concerned = (stored ^ kept) or kept
    assert any(name.split(".", 1)[-1] in str(refused.value) for name in concerned)
    assert "--allow-new-weights" in str(refused.value)
    assert not caplog.messages
    network = load_classifier(encoder, THREE, allow_new_weights=True)
    (said,) = caplog.messages  # where it is allowed, it is named all the same
    assert "as was allowed" in said
    assert any(name.split(".", 1)[-1] in said for name in concerned)
    assert all(weight.isfinite().all() for weight in network.parameters())


@pytest.mark.slow
@pytest.mark.parametrize(
    "kind",
    [
        "AutoModel",
        "AutoModelForMaskedLM",
        "AutoModelForPreTraining",
        "AutoModelForTokenClassification",
    ],
)
@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_an_encoder_with_another_head_is_taken(
    tiny_classifier: Any, tmp_path: Path, architecture: str, kind: str
) -> None:
    config = tiny_classifier(architecture).config
    config.num_labels = 5  # of whatever head it has
    try:
        other = getattr(transformers, kind).from_config(config)
    except ValueError:
        pytest.skip(f"{architecture} has no {kind}")
    other.save_pretrained(tmp_path)
    network = load_classifier(tmp_path, THREE)
    ours = dict(network.base_model.named_parameters())
    for name, weight in other.base_model.named_parameters():
        if name in ours:
            assert torch.equal(weight, ours[name]), name


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_a_fine_tuned_network_needs_its_head_whole(
    tiny_classifier: Any, tmp_path: Path, architecture: str
) -> None:
    tiny_classifier(architecture).save_pretrained(tmp_path)
    load_classifier(tmp_path, THREE)
    change_weights(
        tmp_path, lambda w: {n: t for n, t in w.items() if not n.startswith("classifier.")}
    )
    with pytest.raises(InputError, match=r"lacks weights of the network \(classifier\."):
        load_classifier(tmp_path, THREE)


def test_a_pooler_may_be_new_only_where_the_checkpoint_had_none(
    tiny_classifier: Any, tmp_path: Path
) -> None:
    config = tiny_classifier().config
    for kind, name in (("AutoModelForMaskedLM", "masked"), ("AutoModel", "bare")):
        getattr(transformers, kind).from_config(config).save_pretrained(tmp_path / name)
    load_classifier(tmp_path / "masked", THREE)
    change_weights(tmp_path / "bare", lambda w: {n: t for n, t in w.items() if "pooler" not in n})
    with pytest.raises(InputError, match=r"pooler\.dense"):
        load_classifier(tmp_path / "bare", THREE)


def test_an_adapter_is_called_one(tmp_path: Path) -> None:
    settings = {"peft_type": "LORA", "task_type": "SEQ_CLS", "base_model_name_or_path": "bert"}
    (tmp_path / "adapter_config.json").write_text(json.dumps(settings))
    save_file({"a": torch.zeros(1)}, tmp_path / "adapter_model.safetensors")
    with pytest.raises(InputError, match="PEFT adapter") as refused:
        load_classifier(tmp_path, THREE)
    assert "AutoPeftModelForSequenceClassification" in str(refused.value)
    assert f"{tmp_path.name}-merged" in str(refused.value)
