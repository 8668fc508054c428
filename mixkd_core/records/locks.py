"""The lock of a run, as others see it: `.locks/<id>.lock`, held while a process works on it.

Looking needs no permission to write, so a store that is only read can be looked at too. A lock is
the operating system's: whoever held it and died holds it no longer, whatever host it was on.
"""

import fcntl
import os
from pathlib import Path

from mixkd_core.records.layout import LOCKS


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
