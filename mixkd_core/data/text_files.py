"""Lines of UTF-8 files."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from mixkd_core.errors import InputError


def lines_of(path: Path) -> Iterator[tuple[int, str]]:
    """Yield (number, text) of every line that is not blank, a byte order mark dropped.

    Only a line feed ends a line; carriage returns before it are dropped.
    """
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
