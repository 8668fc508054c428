"""The run folder: what a run leaves, complete or recognisably incomplete.

    <task>-<fraction>-s<seed>-<method>-<id>/
        spec.json            the frozen specification
        run.json             objective, students' layers, data, versions, hardware, results
        history.json         the training curve: every logging step
        examples/<set>.parquet   per-example logits, predictions and losses, one file a set
        latent.parquet       encodings of training points and their mixtures, if asked for
        model/               the network: safetensors, tokenizer, model card
        manifest.json        size and SHA-256 of every other file, written last

A run works in `<name>.partial/` and is renamed when its manifest is written, so a folder without
the suffix was finished; the manifest tells whether it has been damaged since.
"""

import hashlib
import json
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from mixkd_core.errors import InputError
from mixkd_core.records.specs import RunSpec

SCHEMA_VERSION = 1
MANIFEST = "manifest.json"
LATENT = "latent.parquet"
PARTIAL_SUFFIX = ".partial"

# The losses a run stores, in the order of the tables; a regression has the squared error alone.
LOSSES = ("zero_one_error", "cross_entropy", "squared_error", "distillation_distance")


@dataclass(frozen=True)
class RunRecord:
    """A finished run, read back.

    Attributes:
        folder: where it lies.
        spec: what was run.
        summary: content of `run.json`.
    """

    folder: Path
    spec: RunSpec
    summary: dict[str, Any]

    @property
    def model_folder(self) -> Path:
        return self.folder / "model"

    @property
    def sets(self) -> tuple[str, ...]:
        """Names of the sets that the run was evaluated on."""
        return tuple(self.summary["results"])

    def examples(self, set_name: str) -> pd.DataFrame:
        """The per-example table of a set (`mixkd_core.evaluation.per_example.per_example`)."""
        return pd.read_parquet(self.folder / "examples" / f"{set_name}.parquet")

    def latent(self) -> pd.DataFrame | None:
        """Encodings (`mixkd_core.evaluation.encodings`), or None if none were asked for."""
        path = self.folder / LATENT
        return pd.read_parquet(path) if path.is_file() else None

    def history(self) -> list[dict[str, Any]]:
        """The training curve, one entry per logging step."""
        entries: list[dict[str, Any]] = _read_json(self.folder / "history.json")
        return entries


def record_folder(out: Path, spec: RunSpec) -> Path:
    """Where the finished run of `spec` lies under `out`."""
    return out / spec.folder_name


def partial_folder(out: Path, spec: RunSpec) -> Path:
    """Where the run of `spec` works until it is finished; created if need be.

    Raises:
        InputError: if it cannot be written.
    """
    folder = out / (spec.folder_name + PARTIAL_SUFFIX)
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(
            f"cannot write the run folder {folder}: {error.strerror}; give another --out."
        ) from error
    return folder


def finish(partial: Path, out: Path, spec: RunSpec) -> RunRecord:
    """Seal a partial folder: write its manifest and give it its final name."""
    manifest = {
        "schema_version": SCHEMA_VERSION,
        "files": {
            path.relative_to(partial).as_posix(): {
                "bytes": path.stat().st_size,
                "sha256": _sha256(path),
            }
            for path in _files(partial)
        },
    }
    write_json(partial / MANIFEST, manifest)
    folder = record_folder(out, spec)
    if folder.exists():  # damaged earlier, or finished meanwhile by someone else: equal content
        shutil.rmtree(folder)
    partial.rename(folder)
    return read_record(folder)


def find_record(out: Path, spec: RunSpec) -> RunRecord | None:
    """The finished run of `spec` under `out`, or None if there is none or it is damaged.

    Raises:
        InputError: if it was written by an incompatible version.
    """
    folder = record_folder(out, spec)
    if not folder.is_dir() or damage(folder) is not None:
        return None
    return read_record(folder)


def read_record(folder: Path) -> RunRecord:
    """Read a finished run.

    Raises:
        InputError: if it is no run folder, unfinished, damaged, or written by an incompatible
            version.
    """
    if not (folder / "spec.json").is_file() and not (folder / MANIFEST).is_file():
        # A folder of runs, for one: it is never to be advised that this be deleted.
        raise InputError(f"{folder} is no run folder: give one that holds a {MANIFEST}.")
    fault = damage(folder)
    if fault is not None:
        raise InputError(
            f"run folder {folder} cannot be used: {fault}; repeat the command that made it."
        )
    spec = RunSpec.model_validate(_read_json(folder / "spec.json"))
    return RunRecord(folder, spec, _read_json(folder / "run.json"))


def find_records(out: Path) -> Iterator[RunRecord]:
    """The finished runs under `out`, by name; unfinished and damaged ones are passed over.

    Raises:
        InputError: if one was written by an incompatible version.
    """
    for path in sorted(out.glob(f"*/{MANIFEST}")):
        if not path.parent.name.endswith(PARTIAL_SUFFIX) and damage(path.parent) is None:
            yield read_record(path.parent)


def damage(folder: Path) -> str | None:
    """What is wrong with a run folder, in words; None if it is complete and unharmed.

    Raises:
        InputError: if it was written by an incompatible version: it is not harmed, and must not be
            replaced as if it were.
    """
    if not (folder / MANIFEST).is_file():
        return f"it has no {MANIFEST}, so it was not finished"
    try:
        manifest = _read_json(folder / MANIFEST)
        version, files = manifest["schema_version"], manifest["files"]
    except (ValueError, KeyError, TypeError):
        return f"its {MANIFEST} is damaged"
    if version != SCHEMA_VERSION:
        raise InputError(
            f"run folder {folder} was written with version {version} of the record's schema, and "
            f"this program reads version {SCHEMA_VERSION}: give another --out, or use the version "
            "of mixkd that wrote it."
        )
    for name, expected in files.items():
        path = folder / name
        if not path.is_file():
            return f"{name} is missing"
        if path.stat().st_size != expected["bytes"] or _sha256(path) != expected["sha256"]:
            return f"{name} differs from its checksum"
    return None


def write_json(path: Path, content: Any) -> None:
    """Write beside and rename, so that a reader never meets half a file."""
    beside = path.with_name(path.name + ".new")
    beside.write_text(json.dumps(content, indent=2, allow_nan=False) + "\n", encoding="utf-8")
    beside.replace(path)


def write_examples(folder: Path, set_name: str, table: pd.DataFrame) -> None:
    """Store a set's per-example table under a run folder."""
    (folder / "examples").mkdir(exist_ok=True)
    table.to_parquet(folder / "examples" / f"{set_name}.parquet", index=False)


def write_latent(folder: Path, table: pd.DataFrame) -> None:
    """Store encodings under a run folder."""
    table.to_parquet(folder / LATENT, index=False)


def _files(folder: Path) -> list[Path]:
    return sorted(path for path in folder.rglob("*") if path.is_file() and path.name != MANIFEST)


def _read_json(path: Path) -> Any:
    return json.loads(path.read_text(encoding="utf-8"))


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
