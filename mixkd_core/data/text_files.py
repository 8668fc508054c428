"""Lines of UTF-8 files, and how large a file of data may be."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from mixkd_core.errors import InputError

# Every file is held in memory as rows, which take some times as much. The largest public sets of
# classified texts are a bit smaller.
MOST_BYTES = 2 << 30


def check_bytes(path: Path) -> None:
    """Refuse a file that is larger than any that is read.

    Raises:
        InputError: naming both sizes.
    """
    size = path.stat().st_size
    if size > MOST_BYTES:
        raise InputError(
            f"{path} holds {size:,} bytes, and at most {MOST_BYTES:,} are read: give a part of it."
        )


def lines_of(path: Path) -> Iterator[tuple[int, str]]:
    """Yield (number, text) of every line that is not blank, a byte order mark dropped.

    Only a line feed ends a line; carriage returns before it are dropped.

    Raises:
        InputError: a file that is too large, or no UTF-8.
    """
    check_bytes(path)
    with path.open(encoding="utf-8-sig", newline="\n") as file:
        try:
            for number, line in enumerate(file, start=1):
                if text := line.rstrip("\r\n"):
                    yield number, text
        except UnicodeDecodeError as error:
            raise not_utf8(path, error) from None


def not_utf8(path: Path, error: UnicodeDecodeError) -> InputError:
    """Return the complaint about a file that is not UTF-8."""
    return InputError(f"{path} is not UTF-8 text ({error.reason}); convert it to UTF-8.")
