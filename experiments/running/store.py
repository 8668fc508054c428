"""A folder of runs that several processes work in: who works on what, and what failed and why.

Besides the run folders of `mixkd_core.records.run_folder` it holds

    .locks/<id>.lock               held while a process works on a run
    <run folder>.partial/failure.json   why the last attempt failed
    studies/<study>.json           what each study consists of: run ids and what they stand for
    .teacher-outputs/              what teachers said of training texts, shared by their students
    translations/                  what was translated, by content

A lock is the operating system's: it is released when its process ends, however it ends, and on NFS
(version 4, or 3 with its lock service) it holds across hosts, until the server misses a host that
died. Its file stays, since deleting it would let two processes lock two files of one name.
"""

import errno
import json
import re
import shutil
import time
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from filelock import FileLock, SoftFileLock, Timeout

from mixkd_core.errors import DiskFullError, InputError, MixKDError, RunBusyError
from mixkd_core.records.run_folder import (
    PARTIAL_SUFFIX,
    RunRecord,
    damage,
    partial_folder,
    read_record,
    write_json,
)
from mixkd_core.records.specs import RunSpec
from reports.evidence.plans import STUDIES, read_plan

FAILURE = "failure.json"
LOCKS = ".locks"

# A disk with less than this free is full for our purposes: libraries report a failed write in many
# ways, not all of which name the reason.
FREE_BYTES_OF_A_FULL_DISK = 1 << 20

State = Literal["done", "running", "failed", "partial", "damaged"]


@dataclass(frozen=True)
class StoredRun:
    """What is in the store of one run.

    Attributes:
        id: the run's.
        name: its folder's, without the suffix of an unfinished one.
        state: `"damaged"` if its record was harmed after it was finished; `"partial"` if it was
            interrupted; `"failed"` if its last attempt ended with an error.
        reason: of a failure or of damage, in words.
        record: of a finished run.
    """

    id: str
    name: str
    state: State
    reason: str = ""
    record: RunRecord | None = None


def survey(out: Path) -> Iterator[StoredRun]:
    """Every run under `out`, by name; finished ones are compared with their checksums.

    Raises:
        InputError: if a record was written by an incompatible version.
    """
    folders = {path.name: path for path in out.iterdir() if path.is_dir()} if out.is_dir() else {}
    for name in sorted({folder.removesuffix(PARTIAL_SUFFIX) for folder in folders}):
        match = re.search(r"-([0-9a-f]{12})$", name)
        if match is None:
            continue
        run_id, partial = match.group(1), folders.get(name + PARTIAL_SUFFIX)
        harm = damage(folders[name]) if name in folders else None
        if name in folders and harm is None:
            yield StoredRun(run_id, name, "done", record=read_record(folders[name]))
        elif is_locked(out, run_id):
            yield StoredRun(run_id, name, "running")
        elif partial is not None and (partial / FAILURE).is_file():
            yield StoredRun(run_id, name, "failed", _failure_reason(partial))
        elif harm is not None:
            yield StoredRun(run_id, name, "damaged", harm)
        else:
            yield StoredRun(run_id, name, "partial")


@contextmanager
def run_lock(out: Path, run_id: str, on_wait: Callable[[], None] | None) -> Iterator[None]:
    """Held while a process works on a run.

    Args:
        on_wait: called once before waiting for another process that holds it; None does not wait.

    Raises:
        RunBusyError: if another process holds it and there is no waiting.
        InputError: if `out` cannot be written.
    """
    with _lock(out, run_id, on_wait):
        yield


@contextmanager
def encoder_lock(out: Path) -> Iterator[None]:
    """Held while the embedded encoder is looked for or made, so that it is made once."""
    with _lock(out, "encoder", lambda: None):
        yield


def is_locked(out: Path, run_id: str) -> bool:
    """Whether a process works on a run at this moment."""
    path = out / LOCKS / f"{run_id}.lock"
    if not path.is_file():
        return False
    lock = FileLock(path)
    try:
        lock.acquire(blocking=False)
    except Timeout:
        return True
    lock.release()
    return False


@contextmanager
def noting_failure(out: Path, spec: RunSpec) -> Iterator[None]:
    """Forget how the last attempt at a run failed, and store how this one does if it does.

    Raises:
        DiskFullError: in place of whatever the libraries raise when no space is left.
        Exception: what was raised inside.
    """
    noted = partial_folder(out, spec) / FAILURE
    noted.unlink(missing_ok=True)
    try:
        yield
    except (RunBusyError, DiskFullError):
        raise
    except Exception as error:
        if _means_full_disk(error, out):
            raise DiskFullError(
                f"no space is left on the disk that holds {out}: {spec.folder_name} was stopped; "
                "what is finished stays, so free some space and repeat the command."
            ) from error
        note = {
            "reason": reason_of(error),
            "time": time.strftime("%Y-%m-%d %H:%M:%S"),
            "traceback": traceback.format_exception(error),
        }
        write_json(noted, note)
        raise


def reason_of(error: Exception) -> str:
    """An error in one line: its message, with its type unless it is one of ours."""
    text = next((line.strip() for line in str(error).splitlines() if line.strip()), "")
    if isinstance(error, MixKDError):
        return text
    return f"{type(error).__name__}: {text}" if text else type(error).__name__


def store_plan(out: Path, study: str, runs: dict[str, dict[str, Any]]) -> None:
    """Add runs to what a study is known to consist of.

    Args:
        runs: by run id; the content is for people and reports (`experiments.planning.plan`).

    Raises:
        InputError: if what is known cannot be read.
    """
    path = out / STUDIES / f"{study}.json"
    with _lock(out, f"study-{study}", lambda: None):
        path.parent.mkdir(exist_ok=True)
        known = dict(read_plan(path)[1]) if path.is_file() else {}
        write_json(path, {"study": study, "runs": known | runs})


@contextmanager
def _lock(out: Path, name: str, on_wait: Callable[[], None] | None) -> Iterator[None]:
    folder = out / LOCKS
    try:
        folder.mkdir(parents=True, exist_ok=True)
        lock = FileLock(folder / f"{name}.lock")
        try:
            lock.acquire(blocking=False)
        except Timeout:
            if on_wait is None:
                raise RunBusyError(f"another process works on run {name} in {out}.") from None
            on_wait()
            lock.acquire()
        if isinstance(lock, SoftFileLock):  # a mere file, which a process that died leaves behind
            lock.release()
            raise NotImplementedError
    except NotImplementedError:
        raise InputError(
            f"the file system of {out} has no file locks (flock), which keep two processes from "
            "one run: mount it with them (-o flock for Lustre), or give another --out."
        ) from None
    except OSError as error:
        raise InputError(
            f"cannot write to {out}: {error.strerror or error}; give another --out."
        ) from error
    try:
        yield
    finally:
        lock.release()


def _failure_reason(partial: Path) -> str:
    try:
        return str(json.loads((partial / FAILURE).read_text(encoding="utf-8"))["reason"])
    except (ValueError, KeyError, TypeError):
        return f"unknown: its {FAILURE} is damaged"


def _means_full_disk(error: BaseException | None, out: Path) -> bool:
    """Whether a full disk is behind an error, whichever library reported it."""
    while error is not None:
        full = (errno.ENOSPC, errno.EDQUOT)
        if (isinstance(error, OSError) and error.errno in full) or "No space left" in str(error):
            return True
        error = error.__cause__ or error.__context__
    return shutil.disk_usage(out).free < FREE_BYTES_OF_A_FULL_DISK
