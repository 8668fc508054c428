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

import json
import os
import shutil
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pandas as pd
from pydantic import ValidationError

from mixkd_core.atomic import replacing
from mixkd_core.errors import DamagedRecordError, InputError
from mixkd_core.records.layout import (
    HISTORY,
    LATENT,
    MANIFEST,
    PARTIAL_SUFFIX,
    SPEC,
    SUMMARY,
    examples_file,
    shown,
)
from mixkd_core.records.reading import (
    MOST_TABLE_BYTES,
    closed_to_us,
    complaint,
    damaged,
    file_digest,
    parsed,
    validated,
    validated_list,
)
from mixkd_core.records.schema import SCHEMA_VERSION, History, Manifest, RunSummary
from mixkd_core.records.specs import RunSpec
from mixkd_core.records.tables import Examples, SetTrace, read_latent_table, read_set
from mixkd_core.records.validation import (
    check_checksums,
    check_complete,
    check_files,
    check_groups,
    check_identity,
    checked_bytes,
    read_manifest,
)

# Versions that change numbers; the others only read and write them.
VERSIONS = ("mixkd", "torch", "transformers")


@dataclass(frozen=True)
class RunRecord:
    """A finished run, read back.

    Attributes:
        folder: where it lies.
        spec: what was run.
        summary: content of `run.json`.
        manifest: size and checksum of every file; None for a run read from exported results.
        traces: by set what is compared with other runs, if all tables were read.
    """

    folder: Path
    spec: RunSpec
    summary: dict[str, Any]
    manifest: Manifest | None = field(default=None, compare=False, repr=False)
    traces: Mapping[str, SetTrace] = field(default_factory=dict, compare=False, repr=False)

    @property
    def versions(self) -> str:
        """The versions that the run's numbers depend on, in words."""
        versions = self.summary["versions"]
        return ", ".join(f"{name} {versions[name]}" for name in VERSIONS if name in versions)

    @property
    def model_folder(self) -> Path:
        return self.folder / "model"

    @property
    def sets(self) -> tuple[str, ...]:
        """Names of the sets that the run was evaluated on."""
        return tuple(self.summary["results"])

    def examples(self, set_name: str) -> pd.DataFrame:
        """The per-example table of a set (`mixkd_core.evaluation.per_example.per_example`)."""
        return pd.read_parquet(self.folder / examples_file(set_name))

    def latent(self) -> pd.DataFrame | None:
        """Encodings (`mixkd_core.evaluation.encodings`), or None if none were asked for."""
        path = self.folder / LATENT
        return pd.read_parquet(path) if path.is_file() else None

    def history(self) -> list[dict[str, Any]]:
        """The training curve, one entry per logging step."""
        return read_history(self)


def record_folder(out: Path, spec: RunSpec) -> Path:
    """Return the folder of the finished run of `spec` under `out`."""
    return out / spec.folder_name


def partial_folder(out: Path, spec: RunSpec) -> Path:
    """Return the folder of the unfinished run of `spec`; create it if need be.

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
    if not os.access(folder, os.W_OK | os.X_OK):
        raise InputError(
            f"cannot write the run folder {folder}: it is another user's unfinished run; ask that "
            "its group may write to it, or give another --out."
        )
    return folder


def finish(partial: Path, out: Path, spec: RunSpec) -> RunRecord:
    """Seal a partial folder: write its manifest, check it, and give it its final name.

    Raises:
        DamagedRecordError: if it would not be believed; then it keeps its name.
    """
    seal(partial)
    return _renamed(partial, out, spec)


def finish_sealed(out: Path, spec: RunSpec) -> RunRecord | None:
    """Give a partial folder its final name whose process ended after sealing it; None if none is.

    Raises:
        InputError: if it was written by an incompatible version, or may not be read.
    """
    partial = out / (spec.folder_name + PARTIAL_SUFFIX)
    if not (partial / MANIFEST).is_file():
        return None
    try:
        return _renamed(partial, out, spec)
    except DamagedRecordError:
        return None


def reopen(record: RunRecord, out: Path) -> Path:
    """Return a partial folder that holds what a finished run's folder does, to be added to.

    Files are shared with the finished folder: put others in their place
    (`mixkd_core.atomic.replacing`), and write into none. Then `finish` it.

    Raises:
        InputError: if it cannot be written.
    """
    partial = partial_folder(out, record.spec)
    shutil.rmtree(partial)
    shutil.copytree(
        record.folder, partial, copy_function=_shared, ignore=shutil.ignore_patterns(MANIFEST)
    )
    return partial


def _shared(source: str, target: str) -> None:
    try:
        os.link(source, target)
    except OSError:  # a file system without links
        shutil.copy2(source, target)


def _renamed(partial: Path, out: Path, spec: RunSpec) -> RunRecord:
    record = examine(partial, whole=True)
    folder = record_folder(out, spec)
    if folder.exists():  # damaged, or finished meanwhile by someone else, or added to
        shutil.rmtree(folder)
    partial.rename(folder)
    return replace(record, folder=folder)


def find_record(out: Path, spec: RunSpec) -> RunRecord | None:
    """The finished run of `spec` under `out`, or None if there is none or it is damaged.

    Raises:
        InputError: if it was written by an incompatible version, or may not be read.
    """
    folder = record_folder(out, spec)
    with closed_to_us(folder.name):
        if not any((folder / file).is_file() for file in (SPEC, MANIFEST)):
            return None
    try:
        record = read_record(folder)
    except DamagedRecordError:  # any other complaint is no harm: not to be replaced as if it were
        return None
    return record if record.spec.id == spec.id else None


def read_record(folder: Path) -> RunRecord:
    """Read a finished run, every file of it checked.

    Raises:
        DamagedRecordError: naming the folder, the file, the field, and the remedy.
        InputError: if it is no run folder, was written by an incompatible version, or may not be
            read.
    """
    if not (folder / SPEC).is_file() and not (folder / MANIFEST).is_file():
        # A folder of runs, for one: it is never to be advised that this be deleted.
        raise InputError(f"{shown(str(folder))} is no run folder: give one that holds {MANIFEST}.")
    try:
        return examine(folder, whole=True)
    except InputError as error:
        raise type(error)(f"run folder {shown(str(folder))} cannot be used: {error}") from error


def examine(folder: Path, *, whole: bool) -> RunRecord:
    """Read a finished run; nothing in it is believed that was not checked.

    Args:
        folder: the run's.
        whole: compares every file with its checksum and validates every table, weights included;
            else the specification and the summary only (of other files the size), and the tables
            when they are read; the network may then be gone.

    Raises:
        DamagedRecordError: naming the file, the field, and the remedy.
        InputError: if it was written by an incompatible version, or may not be read.
    """
    with closed_to_us(folder.name):
        return _examined(folder, whole)


def _examined(folder: Path, whole: bool) -> RunRecord:
    manifest = read_manifest(folder)
    stored = parsed(SPEC, checked_bytes(folder, SPEC, manifest))
    try:
        spec = RunSpec.model_validate(stored)
        _ = spec.objective
    except ValidationError as error:
        fault = f"it does not fit this version of mixkd ({complaint(error)})"
        raise damaged(SPEC, fault) from error
    except InputError as error:  # of a method or weights that there are not
        raise damaged(SPEC, str(error).rstrip(".")) from error
    content = parsed(SUMMARY, checked_bytes(folder, SUMMARY, manifest))
    summary = validated(SUMMARY, content, RunSummary)
    check_identity(folder.name, spec, stored, summary)
    check_complete(spec, summary, manifest)
    check_files(folder, manifest, network=whole)
    record = RunRecord(folder, spec, content, manifest)
    if whole:
        traces = {name: read_examples(record, name).trace for name in record.sets}
        check_groups(traces)
        record = replace(record, traces=traces)
        read_history(record)
        read_encodings(record)
        check_checksums(folder, manifest)
    return record


def find_records(out: Path) -> Iterator[RunRecord]:
    """The finished runs under `out`, by name; unfinished and damaged ones are passed over.

    Raises:
        InputError: if one was written by an incompatible version.
    """
    for path in sorted(out.glob(f"*/{MANIFEST}")):
        if not path.parent.name.endswith(PARTIAL_SUFFIX) and damage(path.parent) is None:
            yield examine(path.parent, whole=False)


def damage(folder: Path) -> str | None:
    """Return the damage to a run folder, in words; None if it is complete and unharmed.

    Raises:
        InputError: if it was written by an incompatible version: it is not harmed, and must not be
            replaced as if it were.
    """
    try:
        examine(folder, whole=True)
    except DamagedRecordError as error:
        return str(error)
    return None


def read_examples(record: RunRecord, set_name: str) -> Examples:
    """Read a set's per-example table, compared with its checksum and with the run's summary.

    Raises:
        DamagedRecordError: if it is missing, or holds what cannot be.
    """
    content = checked_bytes(
        record.folder, examples_file(set_name), record.manifest, MOST_TABLE_BYTES
    )
    result = record.summary["results"][set_name]
    student = record.spec.student
    return read_set(
        set_name,
        content,
        result["examples"],
        result["risk"],
        result.get("digest"),
        None if student is None else (student.distance, student.temperature),
    )


def read_history(record: RunRecord) -> list[dict[str, Any]]:
    """Read the training curve, one entry per logging step, compared with its checksum.

    Raises:
        DamagedRecordError: if it is missing or damaged.
    """
    content: list[dict[str, Any]] = parsed(
        HISTORY, checked_bytes(record.folder, HISTORY, record.manifest)
    )
    validated_list(HISTORY, content, History)
    return content


def read_encodings(record: RunRecord) -> Any:
    """Read the table of encodings, compared with its checksum; None if the run stores none.

    Returns:
        An Arrow table, as `mixkd_core.evaluation.encodings.latent_table` has it.

    Raises:
        DamagedRecordError: if it is missing, or holds what cannot be.
    """
    wanted = record.spec.evaluation.latent_points
    if not wanted:
        return None
    content = checked_bytes(record.folder, LATENT, record.manifest, MOST_TABLE_BYTES)
    return read_latent_table(content, min(wanted, record.summary["train_examples"]))


def seal(folder: Path, run: str | None = None) -> None:
    """Write the manifest of a folder: what is in it is complete.

    Args:
        run: of a checkpoint on the way through a training, the run that is trained.
    """
    files = {
        path.relative_to(folder).as_posix(): _entry(folder, path.relative_to(folder).as_posix())
        for path in _files(folder)
    }
    of = {} if run is None else {"run": run}
    write_json(folder / MANIFEST, {"schema_version": SCHEMA_VERSION, **of, "files": files})


def write_json(path: Path, content: Any) -> None:
    """Write a file of JSON, whole or not at all."""
    with replacing(path) as beside:
        beside.write_text(json.dumps(content, indent=2, allow_nan=False) + "\n", encoding="utf-8")


def write_examples(folder: Path, set_name: str, table: pd.DataFrame) -> None:
    """Store a set's per-example table under a run folder."""
    (folder / "examples").mkdir(exist_ok=True)
    table.to_parquet(folder / examples_file(set_name), index=False)


def write_latent(folder: Path, table: pd.DataFrame) -> None:
    """Store encodings under a run folder."""
    table.to_parquet(folder / LATENT, index=False)


def _files(folder: Path) -> list[Path]:
    return sorted(path for path in folder.rglob("*") if path.is_file() and path.name != MANIFEST)


def _entry(folder: Path, name: str) -> dict[str, Any]:
    size, digest = file_digest(folder, name)
    return {"bytes": size, "sha256": digest}
