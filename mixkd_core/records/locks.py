"""The lock of a run, as others see it: `.locks/<id>.lock`, held while a process works on it.

Looking needs no permission to write, so a store that is only read can be looked at too. A lock is
the operating system's: whoever held it and died holds it no longer, whatever host it was on.
"""

import fcntl
import json
import os
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from pydantic import BaseModel

from mixkd_core.atomic import replacing
from mixkd_core.errors import InputError
from mixkd_core.records.layout import LOCKS, shown
from mixkd_core.records.reading import file_bytes, parsed, validated

# A holder tells so often that it lives, and is doubted when it was not heard of for so long.
SECONDS_BETWEEN_SIGNS = 30
SECONDS_OF_SILENCE = 600


def lock_file(out: Path, name: str) -> Path:
    """The file whose lock stands for `name`: a run's id, for one."""
    return out / LOCKS / f"{name}.lock"


def is_locked(out: Path, run_id: str) -> bool:
    """Return True if a process works on a run at this moment."""
    try:
        file = os.open(lock_file(out, run_id), os.O_RDONLY | os.O_NONBLOCK)
    except OSError:  # nobody ever worked on it, or it is closed to us
        return False
    try:
        # Shared, which a file that was opened for reading may ask for everywhere, NFS included.
        fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except OSError:  # a file system without locks, on which nobody can hold one
        return False
    finally:
        os.close(file)
    return False


class _Holder(BaseModel):
    """Content of `.locks/<name>.holder`."""

    host: str
    process: int


def _holder_file(out: Path, name: str) -> Path:
    return out / LOCKS / f"{name}.holder"


@contextmanager
def heard_of(out: Path, name: str) -> Iterator[None]:
    """Leave a note of who holds a lock, touched while that process lives.

    A file server may keep the lock of a host that died; the note tells it from a living one's.
    Where it cannot be written, there is none.
    """
    note = _holder_file(out, name)
    over = threading.Event()

    def tell() -> None:
        while not over.wait(SECONDS_BETWEEN_SIGNS):
            with suppress(OSError):
                os.utime(note)

    content = {"host": socket.gethostname(), "process": os.getpid()}
    with suppress(OSError), replacing(note) as beside:
        beside.write_text(json.dumps(content, allow_nan=False), encoding="utf-8")
    threading.Thread(target=tell, daemon=True).start()
    try:
        yield
    finally:
        over.set()
        with suppress(OSError):
            note.unlink(missing_ok=True)


def holder(out: Path, name: str) -> str:
    """Return who holds a lock that is held, in words, and whether it still lives."""
    path = _holder_file(out, name)
    try:
        silent = time.time() - path.stat().st_mtime
        content = parsed(path.name, file_bytes(path.parent, path.name))
        noted = validated(path.name, content, _Holder)
    except (OSError, InputError):
        return "a process works on it"
    who = f"process {noted.process} on {shown(noted.host)}"
    if silent < SECONDS_OF_SILENCE:
        return f"{who} works on it"
    return (
        f"{who} has its lock and was not heard of for {silent / 60:.0f} min: if that host or "
        f"process is gone, delete {LOCKS}/{name}.lock and repeat the command"
    )
