"""A folder of runs that several processes write to: who works on what, and what failed and why.

What lies where is `mixkd_core.records.layout`'s to say, and what a folder holds
`mixkd_core.records.survey`'s. Here is what working in it needs: locks, the note of a failure, and
the list of a study's runs.

A lock is the operating system's: it is released when its process ends, however it ends, and on NFS
(version 4, or 3 with its lock service) it holds across hosts, until the server misses a host that
died. Its file stays, since deleting it would let two processes lock two files of one name.
"""

import errno
import shutil
import time
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from filelock import FileLock, SoftFileLock, Timeout

from mixkd_core.atomic import shared_file_mode, shared_folder
from mixkd_core.errors import DiskFullError, InputError, MixKDError, RunBusyError
from mixkd_core.records.layout import FAILURE
from mixkd_core.records.locks import heard_of, lock_file
from mixkd_core.records.plans import plan_file, read_plan
from mixkd_core.records.run_folder import partial_folder, write_json
from mixkd_core.records.specs import RunSpec

# A disk with less than this free is full for our purposes: libraries report a failed write in many
# ways, not all of which name the reason.
FREE_BYTES_OF_A_FULL_DISK = 1 << 20


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
    path = plan_file(out, study)
    with _lock(out, f"study-{study}", lambda: None):
        shared_folder(path.parent, out)
        known = dict(read_plan(path)[1]) if path.is_file() else {}
        write_json(path, {"study": study, "runs": known | runs})


@contextmanager
def _lock(out: Path, name: str, on_wait: Callable[[], None] | None) -> Iterator[None]:
    path = lock_file(out, name)
    try:
        shared_folder(path.parent, out)
        # Whoever may write to the store may lock, whichever of them was first.
        lock = FileLock(path, mode=shared_file_mode(out))
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
        with heard_of(out, name):
            yield
    finally:
        lock.release()


def _means_full_disk(error: BaseException | None, out: Path) -> bool:
    """Return True if a full disk is behind an error, whichever library reported it."""
    while error is not None:
        full = (errno.ENOSPC, errno.EDQUOT)
        if (isinstance(error, OSError) and error.errno in full) or "No space left" in str(error):
            return True
        error = error.__cause__ or error.__context__
    return shutil.disk_usage(out).free < FREE_BYTES_OF_A_FULL_DISK
