"""Files that are there whole or not at all."""

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Give a place beside a file to write to, and put what was written there in the file's place.

    A reader never meets half a file. Where writing fails, the file stays as it was and nothing is
    left beside it.
    """
    beside = path.with_name(f"{path.name}.{os.getpid()}.new")
    try:
        yield beside
        beside.replace(path)
    finally:
        with suppress(OSError):
            beside.unlink(missing_ok=True)
