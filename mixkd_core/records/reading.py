"""Files of a run folder, read with suspicion: bounded in size and depth, then validated.

Nothing that was read is believed before a model of it (`mixkd_core.records.schema`) agreed.
"""

import hashlib
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel, TypeAdapter, ValidationError
from pydantic_core import from_json

from mixkd_core.errors import DamagedRecordError, InputError
from mixkd_core.records.layout import shown

Model = TypeVar("Model", bound=BaseModel)

# The largest JSON file of a real run, its training curve, is a hundredth of this; lists of the runs
# of the largest studies stay below a megabyte.
MOST_JSON_BYTES = 16 << 20
# A per-example table of two million examples stays below this.
MOST_TABLE_BYTES = 1 << 30

_MOST_SHOWN = 60


REMEDY = "delete the run's folder and repeat the command that made it"


def damaged(file: str, fault: str, remedy: str = REMEDY) -> DamagedRecordError:
    """Return the error that names a file, what is wrong with it, and what to do."""
    return DamagedRecordError(f"{file}: {fault}; {remedy}.")


@contextmanager
def closed_to_us(name: str) -> Iterator[None]:
    """Say of what may not be read that this is so; it is no damage.

    Raises:
        InputError: in place of the system's PermissionError.
    """
    try:
        yield
    except PermissionError as error:
        raise InputError(
            f"{shown(name)}: it cannot be read ({error.strerror}); ask its owner for permission."
        ) from error


def file_bytes(folder: Path, name: str, limit: int = MOST_JSON_BYTES) -> bytes:
    """Read a regular file of a run folder.

    Raises:
        DamagedRecordError: if it is missing, no regular file, or larger than `limit`.
        InputError: if reading it is not permitted, which is no damage.
    """
    with closed_to_us(name):
        try:
            # Not to wait for ever where someone put a pipe.
            file = os.fdopen(os.open(folder / name, os.O_RDONLY | os.O_NONBLOCK), "rb")
        except PermissionError:
            raise
        except OSError as error:
            raise damaged(name, "it is missing") from error
    with file:
        about = os.fstat(file.fileno())
        if not stat.S_ISREG(about.st_mode):
            raise damaged(name, "it is no regular file")
        if about.st_size > limit:
            raise damaged(name, f"it holds {about.st_size} bytes, and at most {limit} are read")
        return file.read(limit)


def file_digest(folder: Path, name: str, remedy: str = REMEDY) -> tuple[int, str]:
    """Return the size and SHA-256 of a file of a run folder, of any size.

    Raises:
        DamagedRecordError: if it is missing or no regular file.
        InputError: if reading it is not permitted.
    """
    path = folder / name
    with closed_to_us(name):
        if not path.is_file():
            raise damaged(name, "it is missing", remedy)
        with path.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
            return os.fstat(file.fileno()).st_size, digest


def parsed(name: str, content: bytes) -> Any:
    """Parse a JSON file.

    Args:
        name: the file's, for complaints.
        content: what it holds.

    Raises:
        DamagedRecordError: if it is no JSON, or nested too deeply to be anyone's record.
    """
    try:
        return from_json(content)
    except ValueError as error:
        raise damaged(name, f"it is no JSON ({cut(str(error))})") from error


def validated(name: str, content: Any, model: type[Model]) -> Model:
    """Return what was parsed as its model.

    Raises:
        DamagedRecordError: naming the first field that does not fit, and its value.
    """
    try:
        return model.model_validate(content, strict=True)
    except ValidationError as error:
        raise damaged(name, complaint(error)) from error


def validated_list(name: str, content: Any, model: TypeAdapter[Any]) -> Any:
    """Return a list that was parsed as its model says.

    Raises:
        DamagedRecordError: naming the first field that does not fit, and its value.
    """
    try:
        return model.validate_python(content, strict=True)
    except ValidationError as error:
        raise damaged(name, complaint(error)) from error


def complaint(error: ValidationError) -> str:
    """The first thing that does not fit, in words: field, value and reason."""
    first = error.errors(include_url=False)[0]
    place = shown(".".join(str(part) for part in first["loc"] if part != "[key]"))
    what = first["msg"][:1].lower() + first["msg"][1:]
    if first["type"] == "missing":
        return f"{cut(place)} is missing"
    if not place:
        return what.removeprefix("value error, ")
    return f"{cut(place)} is {cut(repr(first['input']))}: {what.removeprefix('value error, ')}"


def cut(text: str) -> str:
    """Return the beginning of a text that a stranger may have written, fit to be printed."""
    text = shown(text)
    return text if len(text) <= _MOST_SHOWN else f"{text[:_MOST_SHOWN]}…"
