"""A network as an ONNX file, by torch's own exporter, checked on texts against torch."""

import importlib.util
import warnings
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from experiments.deployment.network import FinishedNetwork
from mixkd_core.errors import InputError

NEEDED = ("onnx", "onnxscript", "onnxruntime")

# Float32 arithmetic in another order: larger differences of logits are another function.
TOLERANCE = 1e-3


@dataclass(frozen=True)
class OnnxForm:
    """The files that were written.

    Attributes:
        path: of the file.
        inputs: names of its inputs, each of shape `(batch, tokens)`, int64.
        deviation: largest difference of a logit from torch's, over the texts it was checked on.
        texts: how many those were.
    """

    path: Path
    inputs: tuple[str, ...]
    deviation: float
    texts: int


class _Logits(nn.Module):
    """A classifier whose inputs stand in a fixed order and whose output is its logits."""

    def __init__(self, model: nn.Module, names: tuple[str, ...]) -> None:
        super().__init__()
        self.model, self.names = model, names

    def forward(self, *values: Tensor) -> Tensor:
        logits: Tensor = self.model(**dict(zip(self.names, values, strict=True))).logits
        return logits


def check_libraries() -> None:
    """Refuse, before a network is read, where the exporter's libraries are missing.

    Raises:
        InputError: naming them.
    """
    missing = [name for name in NEEDED if importlib.util.find_spec(name) is None]
    if missing:
        raise InputError(
            f"an ONNX file needs {', '.join(missing)}, not installed here: "
            "pip install 'mixkd[onnx]'."
        )


def write_onnx(network: FinishedNetwork, path: Path, texts: list[tuple[str, ...]]) -> OnnxForm:
    """Write the network with free numbers of texts and tokens, and compare it with torch.

    Args:
        network: in float32 on the CPU.
        path: the file to write.
        texts: to compare on, each a text or a pair; more than one, of different lengths.

    Raises:
        InputError: if libraries are missing, the exporter does not know the architecture, the file
            cannot be written, or a logit differs by more than `TOLERANCE`.
    """
    check_libraries()
    columns = [list(column) for column in zip(*texts, strict=True)]
    batch = network.tokenizer(
        *columns,
        truncation=True,
        max_length=network.max_length,
        padding=True,
        return_tensors="pt",
    )
    names = tuple(batch)
    module = _Logits(network.model, names).eval()
    rows, tokens = torch.export.Dim("batch"), torch.export.Dim("tokens")
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        with warnings.catch_warnings():  # of torch's about itself
            warnings.simplefilter("ignore", FutureWarning)
            torch.onnx.export(
                module,
                tuple(batch[name] for name in names),
                str(path),
                input_names=list(names),
                output_names=["logits"],
                dynamic_shapes=(tuple({0: rows, 1: tokens} for _ in names),),
                dynamo=True,
                external_data=False,
                verbose=False,
            )
    except OSError as error:
        raise InputError(f"cannot write {path}: {error.strerror}; give another --onnx.") from error
    except Exception as error:  # the exporter's own errors are of many kinds
        reason = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
        raise InputError(
            f"torch cannot export {type(network.model).__name__} to ONNX: {reason}"
        ) from error
    deviation = _deviation(network, module, path, columns, names)
    if deviation > TOLERANCE:
        path.unlink()
        raise InputError(
            f"the ONNX form of {network.name} differs from torch by {deviation:.2g} in a logit, "
            f"more than {TOLERANCE:g}, and was not kept: its exporter does not know this "
            "architecture well."
        )
    return OnnxForm(path, names, deviation, len(texts))


def _deviation(
    network: FinishedNetwork,
    module: nn.Module,
    path: Path,
    columns: list[list[str]],
    names: tuple[str, ...],
) -> float:
    """Return the largest difference over the texts, one at a time and all of them together."""
    import onnxruntime

    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    takes = {one.name for one in session.get_inputs()}
    largest = 0.0
    every = slice(0, len(columns[0]))
    for rows in [every, *(slice(row, row + 1) for row in range(len(columns[0])))]:
        batch = network.tokenizer(
            *(column[rows] for column in columns),
            truncation=True,
            max_length=network.max_length,
            padding=True,
            return_tensors="pt",
        )
        with torch.no_grad():
            expected = module(*(batch[name] for name in names)).numpy()
        (found,) = session.run(
            ["logits"], {name: batch[name].numpy() for name in names if name in takes}
        )
        largest = max(largest, float(np.abs(found - expected).max()))
    return largest
