"""A checkpoint's weights: read in float32 whatever their stored type, and only where they fit.

`from_pretrained` keeps the stored type, in which most updates of training round to nothing, and
makes what it does not find at random, with a warning that is easily missed.
"""

import json
import logging
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from copy import deepcopy
from functools import cache
from pathlib import Path
from typing import Any

from mixkd_core.errors import InputError
from mixkd_core.networks.gate import (
    check_checkpoint,
    check_size,
    reading,
    trusts_code,
)

logger = logging.getLogger(__name__)

HALF_PRECISION = ("float16", "bfloat16")

# As the header of a safetensors file calls them.
_TYPES = {"F16": "float16", "BF16": "bfloat16", "F32": "float32", "F64": "float64"}

# Kinds of heads that a checkpoint may bring; a classifier has no use for them.
_HEADS = (
    "AutoModel",
    "AutoModelForPreTraining",
    "AutoModelForMaskedLM",
    "AutoModelForCausalLM",
    "AutoModelForSequenceClassification",
    "AutoModelForTokenClassification",
    "AutoModelForQuestionAnswering",
    "AutoModelForMultipleChoice",
    "AutoModelForNextSentencePrediction",
)


def read_network(
    auto_class: Any,
    checkpoint: str | Path,
    *,
    config: Any = None,
    allow_new_weights: bool = False,
) -> Any:
    """Return a network with a checkpoint's weights, in float32.

    Args:
        auto_class: which kind of network: one of `transformers`' automatic classes.
        config: in place of the checkpoint's own.
        allow_new_weights: take a checkpoint that does not fit: what it lacks is made at random
            from torch's global generator, and what it has beyond the network is left unused.

    Raises:
        InputError: if the checkpoint cannot be read, lacks a weight beyond the head, has one of
            another shape, or has one that the network has no place for (but heads of other kinds),
            naming them.
    """
    checked = check_checkpoint(checkpoint, weights=True)
    # Names and shapes first: a network that is none is not to take memory.
    network, info = _network(auto_class, checkpoint, config, checked, on_meta=True)
    check_size(checkpoint, network)
    misfit = _misfit(network, info)
    if misfit and not allow_new_weights:
        raise InputError(
            f"checkpoint {str(checkpoint)!r} does not fit the {type(network).__name__} that its "
            f"config.json describes: it {misfit}. Give the checkpoint whose configuration and "
            "weights belong together, or accept random weights in their place with "
            "allow_new_weights (--allow-new-weights)."
        )
    if misfit:
        _say_once(
            f"checkpoint {str(checkpoint)!r} {misfit}: what it lacks is made at random, and what "
            "is left over is not used, as was allowed"
        )
    return _network(auto_class, checkpoint, config, checked, on_meta=False)[0]


def _network(
    auto_class: Any, checkpoint: str | Path, config: Any, checked: dict[str, Any], *, on_meta: bool
) -> Any:
    """Return a network and what did not fit, from `from_pretrained`."""
    import torch

    with reading(checkpoint), _reports_silenced():
        return auto_class.from_pretrained(
            checkpoint,
            config=deepcopy(config),  # which it may change
            use_safetensors=True,
            dtype=torch.float32,
            output_loading_info=True,
            ignore_mismatched_sizes=True,
            trust_remote_code=trusts_code(),
            **checked,
            **({"device_map": {"": "meta"}} if on_meta else {}),
        )


def write_network(network: Any, folder: Path) -> None:
    """Write a network where `read_network` finds it, its weights as readable as other files."""
    network.save_pretrained(folder)
    open_to_readers(folder)


def open_to_readers(folder: Path) -> None:
    """Give weights that were written to a folder the mode of the configuration beside them.

    safetensors gives its files to their owner alone, whatever the umask.
    """
    for path in folder.glob("*.safetensors"):
        path.chmod((folder / "config.json").stat().st_mode)


def trained_in_half_precision(checkpoint: str | Path, config: Any = None) -> bool:
    """Return whether `from_pretrained`, left to itself, would load half-precision weights.

    It follows the configuration, and where that does not say, the first tensor of the file. Of a
    checkpoint on the hub the tensors' types are read from the file's header, in the local cache or
    else there.

    Args:
        config: the configuration of a checkpoint on the hub; a folder's is read.
    """
    folder = Path(checkpoint)
    if not folder.is_dir():
        stated = getattr(config, "dtype", None)
        if stated is not None:
            return str(stated).removeprefix("torch.") in HALF_PRECISION
        commit = getattr(config, "_commit_hash", None)
        return _first_type_on_hub(str(checkpoint), commit) in HALF_PRECISION
    try:
        stored = json.loads((folder / "config.json").read_text(encoding="utf-8"))
        stated = stored.get("dtype") or stored.get("torch_dtype")
    except (OSError, ValueError, AttributeError):
        return False
    return (stated or _first_type(folder)) in HALF_PRECISION


def _first_type(folder: Path) -> str | None:
    """The type of the first floating tensor in a folder's safetensors files."""
    return _first_type_in(sorted(folder.glob("*.safetensors")))


def _first_type_on_hub(name: str, commit: str | None) -> str | None:
    """The same of a checkpoint on the hub; None if its weights can be seen nowhere."""
    from huggingface_hub import get_safetensors_metadata, try_to_load_from_cache

    def cached(file: str) -> Path | None:
        found = try_to_load_from_cache(name, file, revision=commit)
        return Path(found) if isinstance(found, str) else None

    files = ["model.safetensors"]
    index = cached("model.safetensors.index.json")
    if index is not None:
        files = sorted(set(json.loads(index.read_text(encoding="utf-8"))["weight_map"].values()))
    here = [path for file in files if (path := cached(file)) is not None]
    if here:
        return _first_type_in(here)
    try:
        headers = get_safetensors_metadata(name, revision=commit).files_metadata
    except Exception:  # the client's own errors differ by version and transport
        return None  # then no run can be made of it either
    kinds = (its.dtype for _, file in sorted(headers.items()) for its in file.tensors.values())
    return next((_TYPES[kind] for kind in kinds if kind in _TYPES), None)


def _first_type_in(paths: list[Path]) -> str | None:
    from safetensors import SafetensorError, safe_open

    for path in paths:
        try:
            with safe_open(path, framework="numpy") as file:
                for name in file.keys():  # noqa: SIM118
                    kind = file.get_slice(name).get_dtype()
                    if kind in _TYPES:
                        return _TYPES[kind]
        except (OSError, SafetensorError):
            return None
    return None


@cache
def _say_once(what: str) -> None:
    logger.warning("%s.", what)


def _misfit(network: Any, info: dict[str, Any]) -> str:
    """Name what a checkpoint lacks, or has beyond its network; empty where they fit."""
    prefix = f"{network.base_model_prefix}."
    own = any(name == type(network).__name__ for name in network.config.architectures or ())
    present = {name for name, _ in network.named_parameters()} - info["missing_keys"]
    mismatched = {name: shapes for name, *shapes in info["mismatched_keys"]}
    missing = sorted(
        name
        for name in info["missing_keys"]
        if own or not _of_new_head(name, network, prefix, present - mismatched.keys())
    )
    misfits = sorted(
        f"{name} {tuple(stored)} for {tuple(wanted)}"
        for name, (stored, wanted) in mismatched.items()
        if own or name.startswith(prefix) or not hasattr(network, network.base_model_prefix)
    )
    left = sorted(info["unexpected_keys"])
    if left:
        heads = _other_heads(network)
        left = [name for name in left if name.removeprefix(prefix).split(".")[0] not in heads]
    found = [
        f"{what} ({_listed(names)})"
        for what, names in (
            ("lacks weights of the network", missing),
            ("has weights of another shape", misfits),
            ("has weights that the network has no place for", left),
        )
        if names
    ]
    return "; it ".join(found)


def _of_new_head(name: str, network: Any, prefix: str, present: set[str]) -> bool:
    """Return whether a missing weight belongs to a head that the checkpoint was made without."""
    if name.startswith(prefix):
        # An encoder trained with another head often has no pooler; one that is bare has its own.
        bare = any(kind.endswith("Model") for kind in network.config.architectures or ("Model",))
        module = prefix + "pooler."
        if bare or not name.startswith(module):
            return False
    else:
        module = name.split(".")[0] + "."
    # Of a part that the checkpoint has, a single weight is lost and not new.
    return not any(kept.startswith(module) for kept in present)


def _other_heads(network: Any) -> set[str]:
    """Names of the modules that networks of this kind have in other uses, and this one has not."""
    import torch
    import transformers

    names: set[str] = set()
    for auto_class in _HEADS:
        # Not every kind of encoder has every kind of head.
        with suppress(ValueError), torch.device("meta"), _reports_silenced():
            other = getattr(transformers, auto_class).from_config(
                network.config, trust_remote_code=False
            )
            names |= {name for name, _ in other.named_children()}
    encoder = getattr(network, network.base_model_prefix, network)
    return names - {network.base_model_prefix} - {name for name, _ in encoder.named_children()}


def _listed(names: list[str]) -> str:
    more = f" and {len(names) - 3} more" if len(names) > 3 else ""
    return ", ".join(names[:3]) + more


@contextmanager
def _reports_silenced() -> Iterator[None]:
    """Keep back the library's table of what did not fit: what matters of it is an error here."""
    from transformers.utils import logging

    level = logging.get_verbosity()
    logging.set_verbosity_error()
    try:
        yield
    finally:
        logging.set_verbosity(level)
