"""The gate that every checkpoint passes before a library reads it: files, sizes, and whose code.

A checkpoint is a stranger's. Its weights must be safetensors, its configuration of a size that
networks have, and code that it brings is run for those only who say that they mean it.
"""

import os
import shlex
import stat
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from pathlib import Path
from typing import Any

from pydantic_core import from_json

from mixkd_core.errors import InputError, printable

# Beyond any network's. A vocabulary and its merges are larger than what else is JSON.
MOST_JSON_BYTES = 16 << 20
MOST_VOCABULARY_BYTES = 512 << 20
MOST_LAYERS = 1000
MOST_POSITIONS = 1 << 24
MOST_CLASSES = 100_000
LARGEST_NUMBER = 1 << 31

# What any library reads of a checkpoint, beside weights and code.
_SMALL_FILES = ("*.json", "*.txt", "*.model", "*.jinja")
_WEIGHTS = "model.safetensors"
_INDEX = "model.safetensors.index.json"

_VOCABULARIES = ("tokenizer.json", "vocab.json", "merges.txt", "vocab.txt")
_COUNTS = ("heads", "_size", "layers")
_LAYERS = ("layers", "n_layer", "num_blocks", "num_hidden_groups", "inner_group_num", "depth")

_trusted: ContextVar[bool] = ContextVar("code of checkpoints is trusted", default=False)


@contextmanager
def trusting_code(trusted: bool = True) -> Iterator[None]:
    """Let checkpoints that are read inside run code of their own (`--trust-remote-code`).

    Without it no checkpoint does, and nobody is asked: what needs code of its own is refused.
    """
    before = _trusted.set(trusted)
    try:
        yield
    finally:
        _trusted.reset(before)


def trusts_code() -> bool:
    """Return whether checkpoints may run code of their own here."""
    return _trusted.get()


@contextmanager
def reading(checkpoint: str | Path, remedy: str | None = None) -> Iterator[None]:
    """Turn whatever a library says of a checkpoint that it cannot read into one sentence.

    Args:
        remedy: what to give instead.

    Raises:
        InputError: in place of every other error: there is no telling what a stranger's files make
            a library raise.
    """
    remedy = remedy or "Check the name; offline, give a folder."
    try:
        yield
    except InputError:
        raise
    except BaseException as error:
        # The tokenizers' errors of the last resort are no Exception.
        if not isinstance(error, Exception) and type(error).__name__ != "PanicException":
            raise
        if "trust_remote_code" in str(error):
            raise InputError(
                f"checkpoint {str(checkpoint)!r} brings code of its own, and its network cannot be "
                "read without running it: read that code, and if you trust it say so with "
                "--trust-remote-code (mixkd_core.networks.gate.trusting_code)."
            ) from error
        raise InputError(
            f"checkpoint {str(checkpoint)!r} cannot be read, as a folder or from the hub: "
            f"{_reason(error)} {remedy}"
        ) from error


def check_checkpoint(checkpoint: str | Path, *, weights: bool = False) -> dict[str, Any]:
    """Look at a checkpoint's files before any library reads them.

    Of a checkpoint on the hub that is what was fetched of its newest commit.

    Args:
        weights: look at the headers of the weights too.

    Returns:
        What `from_pretrained` is to be told so that it reads what was looked at: of a checkpoint on
        the hub its commit.

    Raises:
        InputError: if it is missing, holds pickled weights only, is no checkpoint of its own, or
            holds what no checkpoint of a network does.
    """
    if Path(checkpoint).is_dir():
        _check_folder(checkpoint)
        if weights:
            check_weight_files(Path(checkpoint))
        return {}
    folder = Path(checkpoint)
    if folder.exists() or len(folder.parts) > 2 or str(checkpoint).startswith((".", "/", "~")):
        raise InputError(
            f"checkpoint {str(checkpoint)!r} is not a folder: give the folder that "
            "save_pretrained wrote, or a name on the Hugging Face hub."
        )
    kept = _fetched(checkpoint, _SMALL_FILES)
    _check_files(kept)
    _check_configuration(kept)
    if weights:
        _fetched(checkpoint, _named_weights(kept), kept.name)
        check_weight_files(kept)
    return {"revision": kept.name}


def _fetched(name: str | Path, files: Sequence[str], commit: str | None = None) -> Path:
    """Return the folder that a checkpoint's files are kept in, fetched now or before."""
    from huggingface_hub import snapshot_download

    with reading(name):
        folder = snapshot_download(
            str(name), revision=commit, allow_patterns=list(files), ignore_patterns=["*/*"]
        )
    return Path(folder)


def _named_weights(folder: Path) -> list[str]:
    index = folder / _INDEX
    return sorted({_WEIGHTS, *_parts(index).values()}) if index.is_file() else [_WEIGHTS]


def _check_folder(checkpoint: str | Path) -> None:
    folder = Path(checkpoint)
    if (folder / "adapter_config.json").is_file() and not any(folder.glob("model*.safetensors")):
        raise InputError(
            f"checkpoint folder {str(checkpoint)!r} holds a PEFT adapter, which is no network of "
            "its own: merge it into its base model once, with pip install peft and: "
            f"{_merging_command(folder)}"
        )
    if not (folder / "config.json").is_file():
        raise InputError(
            f"checkpoint folder {str(checkpoint)!r} has no config.json: give the folder that "
            "save_pretrained wrote."
        )
    if not any(folder.glob("*.safetensors")):
        pickled = sorted(path.name for path in folder.glob("pytorch_model*.bin"))
        if pickled:
            raise InputError(
                f"checkpoint {str(checkpoint)!r} holds pickled weights ({pickled[0]}), which can "
                "run code when loaded and are refused; where you trust the file, convert it once "
                f"with: {_conversion_command(folder)}"
            )
        raise InputError(
            f"checkpoint folder {str(checkpoint)!r} has no *.safetensors file: is it complete?"
        )
    _check_files(folder)
    _check_configuration(folder)


def check_weight_files(folder: Path) -> None:
    """Compare the header of every file of weights with the file, and the list of parts with both.

    Raises:
        InputError: if a file is cut off, its header promises what it does not hold, or a part is
            missing.
    """
    from safetensors import SafetensorError, safe_open

    found: set[str] = set()
    for path in sorted(folder.glob("*.safetensors")):
        try:
            with safe_open(path, framework="numpy") as file:
                found |= set(file.keys())
        except (OSError, SafetensorError) as error:
            raise InputError(
                f"{path} cannot be read: its header does not fit the file ({_reason(error)}) It "
                "was cut off or changed: fetch or write it again."
            ) from error
    index = folder / _INDEX
    if not index.is_file():
        return
    parts = _parts(index)
    for part in sorted(set(parts.values())):
        if Path(part).name != part or not (folder / part).is_file():
            raise InputError(
                f"{index} names the file {part!r}, which is not beside it: fetch the checkpoint "
                "again, whole."
            )
    if missing := sorted(parts.keys() - found):
        raise InputError(
            f"{index} names the weight {missing[0]!r}, which no file beside it holds: fetch the "
            "checkpoint again, whole."
        )


def _parts(index: Path) -> dict[str, str]:
    """By weight the file that holds it."""
    content = _parsed(index)
    parts = content.get("weight_map") if isinstance(content, dict) else None
    if not isinstance(parts, dict) or not all(isinstance(part, str) for part in parts.values()):
        raise InputError(f"{index} does not say which file holds which weight: write it again.")
    return parts


def check_size(checkpoint: str | Path, network: Any) -> None:
    """Refuse a network whose weights this machine's memory cannot hold, before they are made.

    Args:
        network: made on the device `meta`, where weights take no memory.

    Raises:
        InputError: naming both sizes.
    """
    needed = 4 * sum(parameter.numel() for parameter in network.parameters())
    present = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    if needed > present:
        raise InputError(
            f"checkpoint {str(checkpoint)!r}: the {type(network).__name__} that its config.json "
            f"describes takes {needed / 2**30:.3g} GiB, and this machine has "
            f"{present / 2**30:.3g}: give a smaller one, or correct its sizes."
        )


def _check_files(folder: Path) -> None:
    for path in sorted(folder.iterdir()):
        try:
            about = path.stat()
        except OSError as error:
            raise InputError(
                f"{path} cannot be read ({error.strerror}): a checkpoint is files and nothing else."
            ) from error
        named_a_file = path.suffix in (".json", ".txt", ".model", ".safetensors", ".jinja")
        folder_of_others = stat.S_ISDIR(about.st_mode) and not named_a_file
        if not stat.S_ISREG(about.st_mode) and not folder_of_others:
            raise InputError(f"{path} is no file: a checkpoint is files and nothing else.")
        vocabulary = path.name in _VOCABULARIES
        most = MOST_VOCABULARY_BYTES if vocabulary else MOST_JSON_BYTES
        if (vocabulary or path.suffix == ".json") and about.st_size > most:
            raise InputError(
                f"{path} holds {about.st_size} bytes, and at most {most} are read: that is no file "
                "of a checkpoint."
            )


def _check_configuration(folder: Path) -> None:
    path = folder / "config.json"
    content = _parsed(path)
    if not isinstance(content, dict):
        raise InputError(f"{path} is no mapping of names to values: give a network's own.")
    for place, value in _numbers(content, ""):
        name = printable(place)
        last = name.rpartition(".")[2]
        if value < 0 and last.endswith(_COUNTS):
            raise InputError(f"{path}: {name} is {_short(value)}, and cannot be: correct it.")
        most = (
            MOST_LAYERS
            if last.endswith(_LAYERS)
            else MOST_POSITIONS
            if last.endswith(("positions", "position_embeddings"))
            else MOST_CLASSES
            if last == "num_labels"
            else LARGEST_NUMBER
        )
        if abs(value) > most:
            raise InputError(
                f"{path}: {name} is {_short(value)}, and networks are read up to {most}: "
                "correct it."
            )
    kinds = content.get("architectures")
    if kinds is not None and not (
        isinstance(kinds, list) and all(isinstance(kind, str) for kind in kinds)
    ):
        raise InputError(f"{path}: architectures is {repr(kinds)[:60]}: give a list of names.")
    labels = content.get("id2label")
    if isinstance(labels, dict) and not all(isinstance(name, str) for name in labels.values()):
        raise InputError(f"{path}: id2label is {repr(labels)[:60]}: give a name for each class.")
    if isinstance(labels, dict) and len(labels) > MOST_CLASSES:
        raise InputError(
            f"{path}: id2label names {len(labels)} classes, and at most {MOST_CLASSES} are read."
        )


def _numbers(value: Any, name: str) -> Iterator[tuple[str, int]]:
    """Every whole number in a configuration, by its place."""
    if isinstance(value, dict):
        for key, item in value.items():
            yield from _numbers(item, f"{name}.{key}".lstrip("."))
    elif isinstance(value, list):
        for item in value:
            yield from _numbers(item, name)
    elif isinstance(value, int) and not isinstance(value, bool):
        yield name, value


def _parsed(path: Path) -> Any:
    try:
        return from_json(path.read_bytes())
    except (OSError, ValueError) as error:
        raise InputError(
            f"{path} cannot be read: it is no JSON ({_reason(error)}); fetch or write it again."
        ) from error


def _short(value: int) -> str:
    """A whole number that may have a million digits."""
    return str(value) if value.bit_length() < 64 else f"about 2 to the {value.bit_length()}"


def _reason(error: BaseException) -> str:
    text = next((line.strip() for line in str(error).splitlines() if line.strip()), "")
    text = printable(text)
    if isinstance(error, (OSError, ValueError)) and text:
        return text if text.endswith(".") else f"{text}."
    return f"{type(error).__name__}{': ' if text else ''}{text}."


def _conversion_command(folder: Path) -> str:
    """A shell command that writes `folder`'s weights as safetensors, its head included."""
    try:
        architectures = from_json((folder / "config.json").read_bytes()).get("architectures")
        name = architectures[0] if architectures else ""
    except (OSError, ValueError, AttributeError, LookupError, TypeError):
        name = ""
    # A name from a file that is not trusted goes into a command only if it is a name.
    network = name if isinstance(name, str) and name.isidentifier() else "AutoModel"
    return (
        f'python -c "import sys; from transformers import {network} as Network; '
        "Network.from_pretrained(sys.argv[1], use_safetensors=False, dtype='auto')"
        f'.save_pretrained(sys.argv[1])" {shlex.quote(str(folder))}'
    )


def _merging_command(folder: Path) -> str:
    """A shell command that writes a PEFT adapter's base model with the adapter merged into it."""
    try:
        kind = str(from_json((folder / "adapter_config.json").read_bytes()).get("task_type"))
    except (OSError, ValueError, AttributeError):
        kind = ""
    network = {
        "SEQ_CLS": "AutoPeftModelForSequenceClassification",
        "FEATURE_EXTRACTION": "AutoPeftModelForFeatureExtraction",
    }.get(kind, "AutoPeftModel")
    merged = folder.resolve().with_name(folder.resolve().name + "-merged")
    return (
        f'python -c "import sys; from peft import {network} as Network; '
        "Network.from_pretrained(sys.argv[1]).merge_and_unload().save_pretrained(sys.argv[2])"
        f'" {shlex.quote(str(folder))} {shlex.quote(str(merged))} '
        "(its tokenizer goes there too)."
    )
