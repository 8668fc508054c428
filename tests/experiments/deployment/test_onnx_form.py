"""The ONNX form of a network computes what torch computes, on any number of texts and tokens."""

from pathlib import Path

import numpy as np
import pytest
import torch

from experiments.deployment import onnx_form
from experiments.deployment.network import open_network
from mixkd_core.errors import InputError

onnxruntime = pytest.importorskip("onnxruntime")
pytest.importorskip("onnxscript")


@pytest.mark.slow
def test_its_logits_are_torchs(classifier: Path, texts: list[str], tmp_path: Path) -> None:
    network = open_network(str(classifier))
    form = onnx_form.write_onnx(network, tmp_path / "n.onnx", [(text,) for text in texts[:5]])
    assert form.deviation < 1e-5
    session = onnxruntime.InferenceSession(str(form.path), providers=["CPUExecutionProvider"])
    batch = network.tokenizer(texts[5:], padding=True, return_tensors="pt")  # another shape
    (found,) = session.run(["logits"], {name: batch[name].numpy() for name in form.inputs})
    with torch.no_grad():
        expected = network.model(**batch).logits.numpy()
    assert np.abs(found - expected).max() < 1e-5


@pytest.mark.slow
def test_a_form_that_computes_something_else_is_not_kept(
    classifier: Path, texts: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(onnx_form, "TOLERANCE", -1.0)
    with pytest.raises(InputError, match="differs from torch"):
        onnx_form.write_onnx(
            open_network(str(classifier)), tmp_path / "n.onnx", [(text,) for text in texts[:3]]
        )
    assert not list(tmp_path.iterdir())


def test_missing_libraries_are_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(onnx_form, "NEEDED", ("onnx", "no_such_library"))
    with pytest.raises(InputError, match=r"no_such_library.*pip install 'mixkd\[onnx\]'"):
        onnx_form.check_libraries()
