"""Tables in JSON: an object a line, or an array of objects."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from mixkd_core.data.source_rows import SourceRows
from mixkd_core.data.text_files import lines_of, not_utf8
from mixkd_core.errors import InputError


def read_jsonl(path: Path) -> SourceRows:
    """Read a file with one JSON object a line."""
    objects = ((number, _parsed(line, f"{path}, line {number}")) for number, line in lines_of(path))
    return _rows(path, "line", objects)


def read_json(path: Path) -> SourceRows:
    """Read a JSON array of objects; or, under this ending too, one object a line."""
    try:
        text = path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise not_utf8(path, error) from None
    if not text.lstrip().startswith("["):
        return read_jsonl(path)
    return _rows(path, "row", enumerate(_parsed(text, str(path)), start=1))


def _rows(path: Path, unit: str, values: Iterable[tuple[int, Any]]) -> SourceRows:
    objects: list[tuple[int, Mapping[str, Any]]] = []
    for number, value in values:
        where = f"{path}, {unit} {number}"
        if not isinstance(value, dict):
            shown = repr(value)
            shown = shown if len(shown) <= 60 else f"{shown[:57]}..."
            raise InputError(
                f"{where}: not a JSON object, but {shown}; give an object with the columns' names "
                "as keys for each row."
            )
        if objects and value.keys() != objects[0][1].keys():
            raise InputError(
                f"{where}: its keys {', '.join(map(repr, value))} differ from the first object's, "
                f"{', '.join(map(repr, objects[0][1]))}; give every object the same keys."
            )
        objects.append((number, value))
    return SourceRows(str(path), unit, tuple(objects[0][1]) if objects else (), iter(objects))


def _parsed(text: str, where: str) -> Any:
    def once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        found = dict(pairs)
        if len(found) < len(pairs):
            keys = [key for key, _ in pairs]
            twice = next(key for key in keys if keys.count(key) > 1)
            raise InputError(f"{where}: an object has the key {twice!r} twice; give each key once.")
        return found

    def finite(spelled: str) -> float:
        number = float(spelled)
        if not math.isfinite(number):
            raise InputError(f"{where}: the number {spelled[:40]} is not finite; correct it.")
        return number

    def constant(spelled: str) -> None:
        if spelled != "NaN":  # which some programs write where a value is missing
            finite(spelled)

    try:
        return json.loads(text, object_pairs_hook=once, parse_float=finite, parse_constant=constant)
    except InputError:
        raise
    except json.JSONDecodeError as error:
        raise InputError(f"{where}: not JSON ({error.msg}, character {error.pos}).") from None
    except RecursionError:
        raise InputError(f"{where}: JSON nested too deeply to be a table.") from None
    except ValueError as error:  # an integer of thousands of digits
        raise InputError(f"{where}: not usable JSON ({error}).") from None
