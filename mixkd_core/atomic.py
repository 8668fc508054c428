"""Files that are there whole or not at all, and folders that a group shares."""

import os
import stat
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


def shared_folder(folder: Path, store: Path) -> None:
    """Make a folder of a store that those who may write to the store may write to.

    Raises:
        OSError: if it cannot be made.
    """
    store.mkdir(parents=True, exist_ok=True)
    with suppress(FileExistsError):
        folder.mkdir()
        folder.chmod(stat.S_IMODE(store.stat().st_mode))


def shared_file_mode(store: Path) -> int:
    """Return the mode of a file that its owner may write to, and whoever may write to a store."""
    return stat.S_IMODE(store.stat().st_mode) & 0o666 | stat.S_IRUSR | stat.S_IWUSR
