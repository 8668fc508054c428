"""Write a file of a report."""

from pathlib import Path

from mixkd_core.errors import InputError


def write_file(path: Path, content: bytes) -> Path:
    """Write a file, and the folders above it.

    Raises:
        InputError: if it cannot be written.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    except OSError as error:
        raise InputError(
            f"cannot write {path}: {error.strerror or error}; give another folder with -o."
        ) from error
    return path
