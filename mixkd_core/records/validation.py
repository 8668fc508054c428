"""Does what a run folder holds fit together? Manifest, name, specification, summary and files."""

import hashlib
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from mixkd_core.errors import InputError
from mixkd_core.records.layout import (
    HISTORY,
    LATENT,
    MANIFEST,
    NETWORK,
    PARTIAL_SUFFIX,
    SPEC,
    SUMMARY,
    examples_file,
    shown,
)
from mixkd_core.records.reading import (
    REMEDY,
    cut,
    damaged,
    file_bytes,
    file_digest,
    parsed,
    validated,
)
from mixkd_core.records.schema import SCHEMA_VERSION, Manifest, RunSummary
from mixkd_core.records.specs import RunSpec
from mixkd_core.records.tables import SetTrace


def read_manifest(folder: Path) -> Manifest:
    """Read what a sealed folder, of a run or of a checkpoint, lists of its files.

    Raises:
        DamagedRecordError: if it is missing or damaged.
        InputError: if it was written by an incompatible version.
    """
    if not (folder / MANIFEST).exists():
        raise damaged(MANIFEST, "it is missing, so the folder was not finished")
    content = parsed(MANIFEST, file_bytes(folder, MANIFEST))
    version = content.get("schema_version") if isinstance(content, dict) else None
    if type(version) is not int:
        raise damaged(MANIFEST, f"schema_version is {cut(repr(version))}, and must be a number")
    if version != SCHEMA_VERSION:
        raise InputError(
            f"{MANIFEST}: it was written with version {version} of the record's schema, and this "
            f"program reads version {SCHEMA_VERSION}: give another --out, or use the version of "
            "mixkd that wrote it."
        )
    return validated(MANIFEST, content, Manifest)


def check_identity(
    name: str, spec: RunSpec, stored: Mapping[str, Any], summary: RunSummary
) -> None:
    """Compare a specification with the folder's name, and with what the summary says of it.

    Args:
        name: the folder's, with or without the suffix of an unfinished one.
        spec: its specification.
        stored: the same as it stands in the file.
        summary: its summary.

    Raises:
        DamagedRecordError: if they are not of one run.
    """
    # Without a field that there is today, an earlier version wrote it, which may have made another
    # id of it: then it is the summary that knows the id.
    earlier = _lacks_fields(stored, spec.model_dump(mode="json"))
    own_name = spec.folder_name
    if earlier:
        own_name = own_name[: -len(summary.id)] + summary.id
    expected = own_name[-len(summary.id) :]
    if name.removesuffix(PARTIAL_SUFFIX) != own_name:
        raise damaged(
            SPEC,
            f"it specifies the run {shown(own_name)}, and the folder has another name",
            "give the folder the name of its run, or delete it",
        )
    if summary.id != expected:
        raise damaged(SUMMARY, f"id is {summary.id}, and {SPEC} specifies the run {expected}")
    teacher = None if spec.student is None else spec.teacher_spec.id
    if summary.teacher_id != teacher and not (earlier and summary.teacher_id and teacher):
        raise damaged(
            SUMMARY,
            f"teacher_id is {summary.teacher_id}, and {SPEC} asks for the teacher {teacher}",
        )


def _lacks_fields(stored: Any, full: Any) -> bool:
    if not isinstance(stored, dict) or not isinstance(full, dict):
        return False
    if stored.keys() < full.keys():
        return True
    return any(_lacks_fields(value, full.get(name)) for name, value in stored.items())


def check_complete(spec: RunSpec, summary: RunSummary, manifest: Manifest) -> None:
    """Check that the manifest lists every file that there must be.

    Raises:
        DamagedRecordError: naming the one that it lacks.
    """
    wanted = [HISTORY, *map(examples_file, summary.results)]
    if spec.evaluation.latent_points:
        wanted.append(LATENT)
    for name in wanted:
        if name not in manifest.files:
            raise damaged(MANIFEST, f"it does not list {name}, which this run has")


def check_groups(traces: Mapping[str, SetTrace]) -> None:
    """Compare a run's training subset with the remainder: of one split, both have groups or none.

    Args:
        traces: by name of the set.

    Raises:
        DamagedRecordError: naming the file that lacks them.
    """
    parts = [name for name in ("train", "remainder") if name in traces]
    with_groups = [name for name in parts if traces[name].grouped]
    for name in parts:
        if with_groups and name not in with_groups:
            raise damaged(
                examples_file(name),
                f"it has no column group, and {examples_file(with_groups[0])} has",
            )


def check_files(folder: Path, manifest: Manifest, *, network: bool) -> None:
    """Check that every file that the manifest lists is there, in its size.

    Args:
        network: whether the run's network has to be there; else its whole folder may be gone, as
            where disk space was wanted: what was measured of it stands.

    Raises:
        DamagedRecordError: naming the first that is not.
    """
    gone = not network and not os.path.lexists(folder / NETWORK)
    for name, entry in manifest.files.items():
        if gone and name.startswith(f"{NETWORK}/"):
            continue
        path = folder / name
        if not path.is_file():
            raise damaged(name, "it is missing")
        if path.stat().st_size != entry.bytes:
            raise damaged(name, "it differs from its checksum")


def check_checksums(folder: Path, manifest: Manifest, remedy: str = REMEDY) -> None:
    """Compare every file that the manifest lists with its checksum.

    Raises:
        DamagedRecordError: naming the first that is not what was written.
        InputError: if one may not be read.
    """
    for name, entry in manifest.files.items():
        if file_digest(folder, name, remedy) != (entry.bytes, entry.sha256):
            raise damaged(name, "it differs from its checksum", remedy)


def checked_bytes(
    folder: Path, name: str, manifest: Manifest | None, limit: int | None = None
) -> bytes:
    """Return the content of a file of a run folder, compared with its checksum.

    Args:
        folder, name: the run's, and the file's in it.
        manifest: the run's; None if it was read from exported results, which keep no such file.
        limit: bytes beyond which it is not read; None for the usual.

    Raises:
        DamagedRecordError: if it is missing or not what was written.
        InputError: if there is no manifest.
    """
    if manifest is None:
        raise InputError(f"{name} is not kept in exported results: ask the runs themselves.")
    entry = manifest.files.get(name)
    if entry is None:
        raise damaged(MANIFEST, f"it does not list {name}, which this run has")
    content = file_bytes(folder, name) if limit is None else file_bytes(folder, name, limit)
    if hashlib.sha256(content).hexdigest() != entry.sha256:
        raise damaged(name, "it differs from its checksum")
    return content
