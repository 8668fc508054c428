"""Reading tables from local files and folders, keeping the place of every row."""

from __future__ import annotations

import csv
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

from mixkd_core.data.arrow_files import read_arrow, read_parquet, read_saved
from mixkd_core.data.json_files import read_json, read_jsonl
from mixkd_core.data.source_rows import BrokenRow, Rows, SourceRows
from mixkd_core.data.text_files import check_bytes, lines_of, not_utf8
from mixkd_core.errors import InputError

SEPARATORS = {",": "commas", ";": "semicolons", "\t": "tabs", "|": "vertical bars"}


def read_table(path: Path) -> SourceRows:
    """Read the table in a file, told apart by its ending (capitals do not matter), or in a folder.

    `.csv`: with a header, quoted as RFC 4180 says, fields separated by commas, semicolons, tabs or
    vertical bars, whichever divides the header into the most fields. `.tsv`: tab-separated with a
    header, never quoted (GLUE's rule; fields that look quoted are remarked on). `.jsonl` or
    `.ndjson`: one JSON object a line. `.json`: an array of objects, or one a line. `.parquet`.
    `.arrow` or `.feather`. A folder: what `datasets.Dataset.save_to_disk` wrote.

    Raises:
        InputError: another ending, no such file, a file of more than
            :data:`~mixkd_core.data.text_files.MOST_BYTES`, not readable as what it claims to be.
    """
    if path.is_dir():
        return read_saved(path)
    readers = _readers()
    reader = readers.get(path.suffix.lower())
    if reader is None:
        raise InputError(
            f"{path} ends in {path.suffix!r}; files are read as {', '.join(readers)}, told apart "
            "by their ending, and folders as save_to_disk wrote them: save the table as one of "
            "these."
        )
    if not path.is_file():
        raise InputError(f"There is no file {path}; give the path of an existing one.")
    try:
        check_bytes(path)
        return reader(path)
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror or error}.") from error


def is_table(path: Path) -> bool:
    """Return True if `read_table` would read it: a folder, or a file with an ending it knows."""
    return path.is_dir() or path.suffix.lower() in _readers()


def _readers() -> dict[str, Callable[[Path], SourceRows]]:
    return {
        ".csv": read_csv,
        ".tsv": _read_own_tsv,
        ".jsonl": read_jsonl,
        ".ndjson": read_jsonl,
        ".json": read_json,
        ".parquet": read_parquet,
        ".arrow": read_arrow,
        ".feather": read_arrow,
    }


def read_tsv(path: Path, columns: tuple[str, ...] | None = None) -> SourceRows:
    """Read a tab-separated file without quoting; the first line is the header unless it is given.

    Only a line feed ends a line (a carriage return before it is dropped): the texts may hold the
    other characters that Python counts as line ends. Blank lines are passed over.
    """
    lines = lines_of(path)
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

    return SourceRows(str(path), "line", header, rows(), _repeated(path, header))


def _read_own_tsv(path: Path) -> SourceRows:
    """Read a tab-separated file that a program may have quoted, which is then said."""
    quoted = sum(
        len(field) > 1 and field[0] == field[-1] == '"'
        for _, line in lines_of(path)
        for field in line.split("\t")
    )
    table = read_tsv(path)
    if not quoted:
        return table
    said = (
        f"{path} has {quoted} {'field' if quoted == 1 else 'fields'} in double quotes, which are "
        "read as a part of the text, as nothing is quoted in a .tsv; if a program wrote them, save "
        "the table as .csv."
    )
    return replace(table, remarks=(*table.remarks, said))


def read_csv(path: Path) -> SourceRows:
    """Read a file with a header, quoted as RFC 4180 says, whatever its ending.

    Fields are separated by commas, semicolons, tabs or vertical bars, whichever divides the header
    into the most fields.
    """
    separator, header = _header(path)
    if not header:
        raise InputError(f"{path} is empty; its first line must name the columns.")

    def rows() -> Rows:
        records = _records(path, separator)
        next(records)
        for number, fields in records:
            if len(fields) == len(header):
                yield number, dict(zip(header, fields, strict=True))
            else:
                yield number, BrokenRow(len(fields), len(header))

    said = f"{path} was read as separated by {SEPARATORS[separator]}."
    remarks = ((said,) if separator != "," else ()) + _repeated(path, header)
    return SourceRows(str(path), "line", header, rows(), remarks)


def _header(path: Path) -> tuple[str, tuple[str, ...]]:
    """The separator that divides the header into the most fields, and those fields."""
    headers: dict[str, tuple[str, ...]] = {}
    refusals = []
    for separator in SEPARATORS:
        try:
            headers[separator] = tuple(next(_records(path, separator), (0, []))[1])
        except InputError as error:  # a quoted name ends before another separator
            refusals.append(error)
    if not headers:
        raise refusals[0]
    # Of equally many, the first: a comma where nothing else divides the header further.
    separator = max(headers, key=lambda one: len(headers[one]))
    return separator, headers[separator]


def _records(path: Path, separator: str) -> Iterator[tuple[int, list[str]]]:
    """(last line of the row, fields) of every row that is not blank."""
    # The module's own limit of 131,072 characters to a field is a global setting.
    csv.field_size_limit(min(sys.maxsize, 2**31 - 1))
    with path.open(encoding="utf-8-sig", newline="") as file:
        reader = csv.reader(file, delimiter=separator, strict=True)
        try:
            for fields in reader:
                if fields:
                    yield reader.line_num, fields
        except csv.Error as error:
            raise InputError(f"{path}, line {reader.line_num}: not a CSV row ({error}).") from None
        except UnicodeDecodeError as error:
            raise not_utf8(path, error) from None


def _repeated(path: Path, header: tuple[str, ...]) -> tuple[str, ...]:
    """A remark on column names that are given more than once, if any are."""
    names = [repr(name) for name, count in Counter(header).items() if count > 1]
    if not names:
        return ()
    return (f"{path} has several columns called {', '.join(names)}; none of them is read.",)
