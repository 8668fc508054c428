"""Reading tables from local files, keeping the line number of every row."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from mixkd_core.data.task_data import BrokenRow, SourceRows
from mixkd_core.errors import InputError

Rows = Iterator[tuple[int, Mapping[str, Any] | BrokenRow]]


def read_table(path: Path) -> SourceRows:
    """The table in a file, by its ending.

    ``.csv``: comma-separated with a header, quoted as RFC 4180 says. ``.tsv``: tab-separated with
    a header, never quoted (GLUE's rule). ``.jsonl``: one JSON object a line. ``.parquet``.

    Raises:
        InputError: another ending, no such file, not readable as what it claims to be.
    """
    readers = {
        ".csv": _read_csv,
        ".tsv": read_tsv,
        ".jsonl": _read_jsonl,
        ".parquet": _read_parquet,
    }
    if path.suffix not in readers:
        raise InputError(
            f"{path} ends in {path.suffix!r}; files are read as {', '.join(readers)}, told apart "
            "by their ending."
        )
    if not path.is_file():
        raise InputError(f"There is no file {path}; give the path of an existing one.")
    return readers[path.suffix](path)


def read_tsv(path: Path, columns: tuple[str, ...] | None = None) -> SourceRows:
    """A tab-separated file without quoting; its first line is the header unless columns are given.

    Only a line feed ends a line (a carriage return before it is dropped): the texts may hold the
    other characters that Python counts as line ends. Blank lines are passed over.
    """
    lines = _lines(path)
    if columns is None:
        first = next(lines, None)
        if first is None:
            raise InputError(f"{path} is empty; its first line must name the columns.")
        columns = tuple(first[1].split("\t"))
    header = columns

    def rows() -> Rows:
        for number, line in lines:
            fields = line.split("\t")
            if len(fields) == len(header):
                yield number, dict(zip(header, fields, strict=True))
            else:
                yield number, BrokenRow(len(fields), len(header))

    return SourceRows(str(path), "line", header, rows())


def _read_csv(path: Path) -> SourceRows:
    with path.open(encoding="utf-8-sig", newline="") as file:
        header = tuple(next(_csv_reader(path, file), (0, []))[1])
    if not header:
        raise InputError(f"{path} is empty; its first line must name the columns.")

    def rows() -> Rows:
        with path.open(encoding="utf-8-sig", newline="") as file:
            reader = _csv_reader(path, file)
            next(reader)
            for number, fields in reader:
                if len(fields) == len(header):
                    yield number, dict(zip(header, fields, strict=True))
                else:
                    yield number, BrokenRow(len(fields), len(header))

    return SourceRows(str(path), "line", header, rows())


def _csv_reader(path: Path, file: Any) -> Iterator[tuple[int, list[str]]]:
    """(last line of the row, fields) of every row that is not blank."""
    reader = csv.reader(file, strict=True)
    try:
        for fields in reader:
            if fields:
                yield reader.line_num, fields
    except csv.Error as error:
        raise InputError(f"{path}, line {reader.line_num}: not a CSV row ({error}).") from None
    except UnicodeDecodeError as error:
        raise _not_utf8(path, error) from None


def _read_jsonl(path: Path) -> SourceRows:
    objects: list[tuple[int, Mapping[str, Any]]] = []
    for number, line in _lines(path):
        try:
            value = json.loads(line)
        except json.JSONDecodeError as error:
            raise InputError(f"{path}, line {number}: not JSON ({error.msg}).") from None
        if not isinstance(value, dict):
            raise InputError(f"{path}, line {number}: not a JSON object, but {value!r}.")
        if objects and value.keys() != objects[0][1].keys():
            raise InputError(
                f"{path}, line {number}: its keys {', '.join(map(repr, value))} differ from the "
                f"first object's, {', '.join(map(repr, objects[0][1]))}; give every object the "
                "same keys."
            )
        objects.append((number, value))
    return SourceRows(str(path), "line", tuple(objects[0][1]) if objects else (), iter(objects))


def _read_parquet(path: Path) -> SourceRows:
    import pyarrow as pa  # type: ignore[import-untyped]
    import pyarrow.parquet as pq  # type: ignore[import-untyped]

    try:
        table = pq.read_table(path)
    except (pa.ArrowException, OSError) as error:
        raise InputError(f"{path} cannot be read as parquet: {error}") from None
    rows = enumerate(table.to_pylist(), start=1)
    return SourceRows(str(path), "row", tuple(table.column_names), rows)


def _lines(path: Path) -> Iterator[tuple[int, str]]:
    """(number, text) of every line that is not blank, a byte order mark dropped."""
    with path.open(encoding="utf-8-sig", newline="\n") as file:
        try:
            for number, line in enumerate(file, start=1):
                if text := line.rstrip("\r\n"):
                    yield number, text
        except UnicodeDecodeError as error:
            raise _not_utf8(path, error) from None


def _not_utf8(path: Path, error: UnicodeDecodeError) -> InputError:
    return InputError(f"{path} is not UTF-8 text ({error.reason}); convert it to UTF-8.")
