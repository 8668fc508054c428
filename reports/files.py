"""Write a file of a report, and CSV that no spreadsheet runs."""

import re
from pathlib import Path
from typing import Any

import pandas as pd

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


# A spreadsheet takes a cell that begins so for a formula, which can call programs and networks.
_FORMULA = re.compile(r"'*[=+\-@\t\r]")


def csv_text(frame: pd.DataFrame) -> str:
    """Return a frame as CSV in which a text that a spreadsheet would run has an apostrophe before.

    Numbers are as they were, negative ones too, and what has an apostrophe before such a beginning
    gets one more, so that `as_written` gives back every text.
    """
    kept = frame.rename(columns=defused)
    for place, kind in enumerate(frame.dtypes):
        if not pd.api.types.is_numeric_dtype(kind):
            kept.isetitem(place, [defused(cell) for cell in frame.iloc[:, place]])
    text: str = kept.to_csv(index=False, lineterminator="\n")
    return text


def defused(value: Any) -> Any:
    """Return a cell as a spreadsheet may read it; what is no text stays."""
    if not isinstance(value, str) or not _FORMULA.match(value) or _is_number(value):
        return value
    return f"'{value}"


def as_written(text: str) -> str:
    """Return what `defused` made of a text as it was."""
    return text[1:] if text.startswith("'") and _FORMULA.match(text[1:]) else text


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True
