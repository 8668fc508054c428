"""Leftovers of killed processes in a folder of runs, which nobody will take up again.

An interrupted run is none of it: it goes on where it stopped. Nothing is a leftover that a process
works on, or that was written to a moment ago.
"""

import re
import shutil
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from mixkd_core.errors import InputError
from mixkd_core.records.layout import PARTIAL_SUFFIX, SPEC, RunPlace, run_name, run_places
from mixkd_core.records.locks import is_locked

# Whoever writes a file beside its place, or a folder that has no lock, is done by then.
SECONDS_OF_REST = 600

_TEMPORARY = re.compile(r"tmp[a-z0-9_]{8}")
_BESIDE = re.compile(r".+\.[0-9]+\.new")


@dataclass(frozen=True)
class Leftover:
    """A file or folder that may go.

    Attributes:
        path: where it lies.
        reason: what it was, in words.
        size: in bytes, with everything in it.
    """

    path: Path
    reason: str
    size: int


def leftovers(out: Path) -> list[Leftover]:
    """Return what killed processes left in a folder of runs, by path.

    Raises:
        InputError: if the folder cannot be listed.
    """
    places = list(run_places(out))
    found = {path: reason for path, reason in _of_runs(out, places) if path.exists()}
    partial = out / f"encoder{PARTIAL_SUFFIX}"
    if partial.is_dir() and not is_locked(out, "encoder"):
        found[partial] = "a start was killed while it made the encoder"
    for path in out.iterdir():
        if path.is_dir() and _TEMPORARY.fullmatch(path.name) and _rests(path):
            found[path] = "a start was killed while it made the encoder"
    busy = [place.partial for place in places if place.partial and _busy(out, place.name)]
    for path in out.rglob("*.new"):
        inside = any(parent in path.parents for parent in (*busy, *found))
        if _BESIDE.fullmatch(path.name) and not inside and _rests(path):
            found[path] = "a process was killed while it wrote the file"
    return [Leftover(path, reason, _size(path)) for path, reason in sorted(found.items())]


def remove(leftover: Leftover) -> None:
    """Remove a leftover for good.

    Raises:
        InputError: if that is not permitted.
    """
    try:
        if leftover.path.is_dir() and not leftover.path.is_symlink():
            shutil.rmtree(leftover.path)
        else:
            leftover.path.unlink(missing_ok=True)
    except OSError as error:
        raise InputError(
            f"cannot remove {leftover.path}: {error.strerror or error}; ask its owner to."
        ) from error


def _of_runs(out: Path, places: list[RunPlace]) -> Iterator[tuple[Path, str]]:
    for place in places:
        if place.partial is None or _busy(out, place.name):
            continue
        if place.finished is not None and _rests(place.partial):
            yield place.partial, "the run was finished by another process"
        elif not (place.partial / SPEC).is_file() and _rests(place.partial):
            yield place.partial, "the run was killed before it began"
        else:
            for path in (place.partial / "checkpoints").glob("harmed-*"):
                yield path, "a harmed checkpoint that was set aside"


def _busy(out: Path, name: str) -> bool:
    about = run_name(name)
    return about is not None and is_locked(out, about.id)


def _rests(path: Path) -> bool:
    """Return whether nothing in it was written to for a while."""
    newest = 0.0
    for part in (path, *(path.rglob("*") if path.is_dir() else ())):
        with suppress(OSError):
            newest = max(newest, part.lstat().st_mtime)
    return time.time() - newest > SECONDS_OF_REST


def _size(path: Path) -> int:
    size = 0
    for part in (path, *(path.rglob("*") if path.is_dir() else ())):
        with suppress(OSError):
            size += part.lstat().st_size if not part.is_dir() else 0
    return size
