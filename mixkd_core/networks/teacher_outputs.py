"""A frozen teacher's outputs on texts that come again: computed once, kept in memory and on disk.

A file is named by a digest of everything that its content follows from: the teacher's weights and
configuration, the texts' token ids, the pairs if any, the layers asked for, the precision, the
kind of device and the version of torch. Methods, epochs and runs that ask for the same find it.
It carries that digest inside too, and what it holds is compared with the teacher on a few texts
before it is believed, so that a file under another's name, or in another order, is noticed.
"""

import hashlib
import json
import logging
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save

from mixkd_core.atomic import replacing, shared_folder
from mixkd_core.data.token_table import TokenTable
from mixkd_core.errors import InputError
from mixkd_core.mixing.pairing import Pairs
from mixkd_core.networks.inference import Inference, Precision, run_inference, run_mixed_inference
from mixkd_core.networks.mix_layer import MixLayer

logger = logging.getLogger(__name__)

# Logits of any data set are far below; states of large ones are cheaper to compute than to keep.
MOST_BYTES = 256 << 20

# So many outputs are computed again to see that the stored ones are theirs: a batch of the shortest
# texts, which was one batch when all were computed. They come out the same to rounding, which under
# autocast is coarse on another processor: there a part of what tells texts apart is let pass.
COMPARED = 64
_TOLERANCE = 1e-4
_SHARE_OF_SPREAD = 0.25

# What a configuration says of itself that no output depends on.
_IDLE_SETTINGS = ("_name_or_path", "transformers_version", "id2label", "label2id")


class TeacherOutputs:
    """Outputs of a frozen teacher on a table of texts and on fixed pairs of them.

    Args:
        teacher: in evaluation mode.
        table: the texts.
        state_layers: layers, counted from 1, whose first-position states on the texts are wanted.
        precision: context under which the teacher runs, such as an autocast.
        precision_name: what tells that context from others.
        folder: where outputs are kept on disk; None keeps them in memory only.
    """

    def __init__(
        self,
        teacher: Any,
        table: TokenTable,
        *,
        state_layers: tuple[int, ...],
        precision: Precision,
        precision_name: str,
        folder: Path | None,
    ) -> None:
        self.teacher = teacher
        self.table = table
        self.state_layers = state_layers
        self.precision = precision
        self.precision_name = precision_name
        self.folder = folder
        self._on_texts: Inference | None = None
        self._on_pairs: Inference | None = None

    def on_texts(self) -> Inference:
        """Logits, and states if layers were asked for, in the order of the table.

        Raises:
            NonFiniteError: see `mixkd_core.networks.inference.run_inference`.
            InputError: if the folder cannot be written.
        """
        if self._on_texts is None:
            self._on_texts = self._found_or_computed(
                lambda rows: run_inference(
                    self.teacher,
                    self.table if rows is None else self.table.select(rows),
                    state_layers=self.state_layers,
                    precision=self.precision,
                ),
                {"state_layers": self.state_layers},
                self.table.lengths,
            )
        return self._on_texts

    def on_pairs(self, pairs: Callable[[], Pairs], mix_layer: MixLayer) -> NDArray[np.float32]:
        """Logits on mixed samples, of shape `(len(pairs), num_labels)`.

        Args:
            pairs: gives the pairs, the same at every call; called once.

        Raises:
            InputError: if the folder cannot be written.
        """
        if self._on_pairs is None:
            drawn = pairs()
            lengths = self.table.lengths
            self._on_pairs = self._found_or_computed(
                lambda rows: run_mixed_inference(
                    self.teacher,
                    self.table,
                    drawn if rows is None else drawn[rows],
                    mix_layer=mix_layer,
                    precision=self.precision,
                ),
                {"mix_layer": mix_layer},
                np.maximum(lengths[drawn.first], lengths[drawn.second]),
                drawn.first,
                drawn.second,
                drawn.mixing_coefficients,
            )
        return self._on_pairs.logits

    def _found_or_computed(
        self,
        compute: Callable[[NDArray[np.int64] | None], Inference],
        settings: dict[str, Any],
        lengths: NDArray[np.int64],
        *arrays: NDArray[Any],
    ) -> Inference:
        """Return the stored outputs if they are those of `compute`; else compute and store them.

        Args:
            compute: gives the outputs on some rows, or with None on all.
            settings, arrays: what decides them beside the teacher and the texts.
            lengths: what `compute` sorts by.
        """
        if self.folder is None:
            return compute(None)
        key = self._key(settings, *arrays)
        path = self.folder / f"{key}.safetensors"
        if path.is_file():
            try:
                found = _read(path, key)
                rows = np.argsort(lengths, kind="stable")[:COMPARED]
                self._compare(found, len(lengths), rows, compute(rows))
                return found
            except (SafetensorError, OSError, ValueError, KeyError) as error:
                logger.warning(
                    "the stored outputs of a teacher %s are damaged (%s): they are computed anew.",
                    path,
                    error,
                )
        computed = compute(None)
        _write(path, key, computed)
        return computed

    def _compare(
        self, found: Inference, count: int, rows: NDArray[np.int64], own: Inference
    ) -> None:
        """Raise ValueError if what was found is not the teacher's, `own` on some rows."""
        share = 0.0 if self.precision_name == "no" else _SHARE_OF_SPREAD
        for stored, computed in ((found.logits, own.logits), (found.states, own.states)):
            if stored is None or computed is None:
                if stored is not computed:
                    raise ValueError("it holds other outputs than were asked for")
                continue
            if stored.shape != (count, *computed.shape[1:]):
                raise ValueError(f"its shape is {stored.shape}")
            if not np.isfinite(stored).all():
                raise ValueError("it holds what is not finite")
            allowed = _TOLERANCE * (1 + np.abs(computed)) + share * computed.std(axis=0)
            if (np.abs(stored[rows] - computed) > allowed).any():
                raise ValueError("the teacher gives other outputs")

    def _key(self, settings: dict[str, Any], *arrays: NDArray[Any]) -> str:
        config = self.teacher.config.to_dict()
        described = {
            "model": type(self.teacher).__name__,
            "config": {name: config[name] for name in sorted(config.keys() - set(_IDLE_SETTINGS))},
            "columns": sorted(self.table.columns),
            "pad_token_id": self.table.pad_token_id,
            "precision": self.precision_name,
            "device": next(self.teacher.parameters()).device.type,
            "torch": torch.__version__,
            **settings,
        }
        digest = hashlib.sha256(json.dumps(described, sort_keys=True, default=str).encode())
        tokens = (self.table.columns[name] for name in sorted(self.table.columns))
        for array in (self.table.offsets, *tokens, *arrays):
            _add(digest, array.dtype.str, array.shape, array)
        for name, tensor in sorted(self.teacher.state_dict().items()):
            raw = tensor.detach().cpu().contiguous().flatten().view(torch.uint8).numpy()
            _add(digest, f"{name} {tensor.dtype}", tensor.shape, raw)
        return digest.hexdigest()[:32]


def _add(digest: Any, name: str, shape: Any, array: NDArray[Any]) -> None:
    digest.update(f"\n{name} {tuple(shape)}\n".encode())
    digest.update(np.ascontiguousarray(array).data)


def _checksum(key: str, arrays: dict[str, NDArray[Any]]) -> str:
    digest = hashlib.sha256(key.encode())
    for name, array in sorted(arrays.items()):
        _add(digest, f"{name} {array.dtype.str}", array.shape, array)
    return digest.hexdigest()


def _read(path: Path, key: str) -> Inference:
    """Return the outputs that were stored under a key.

    Raises:
        ValueError, KeyError, OSError, SafetensorError: if there are none, or they are damaged.
    """
    with safe_open(path, framework="numpy") as file:
        arrays = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
        about = file.metadata() or {}
    if key not in about:
        raise ValueError("it is of another key")
    if about[key] != _checksum(key, arrays):
        raise ValueError("it differs from its checksum")
    return Inference(arrays["logits"], arrays.get("states"))


def _write(path: Path, key: str, outputs: Inference) -> None:
    arrays: dict[str, NDArray[Any]] = {"logits": np.ascontiguousarray(outputs.logits)}
    if outputs.states is not None:
        arrays["states"] = np.ascontiguousarray(outputs.states)
    if sum(array.nbytes for array in arrays.values()) > MOST_BYTES:
        return
    try:
        shared_folder(path.parent, path.parent.parent)
        with replacing(path) as beside:
            beside.write_bytes(save(arrays, metadata={key: _checksum(key, arrays)}))
    except OSError as error:
        raise InputError(
            f"cannot store a teacher's outputs in {path.parent}: {error.strerror or error}; "
            "give another teacher_cache_dir, or none."
        ) from error
