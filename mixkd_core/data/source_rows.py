"""Rows as a source gave them, each with its place, so that messages can say where."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from mixkd_core.errors import InputError


@dataclass(frozen=True)
class BrokenRow:
    """A row with the wrong number of fields."""

    found: int
    expected: int


# No table of texts and labels has more, and no network reads a text that is longer.
MOST_COLUMNS = 10_000
MOST_ROWS = 20_000_000
MOST_CHARACTERS = 10_000_000

Rows = Iterator[tuple[int, Mapping[str, Any] | BrokenRow]]


@dataclass(frozen=True)
class SourceRows:
    """Rows as they were read, with their places.

    Attributes:
        name: the file's or data set's name, for error messages.
        unit: what a place counts: "line" or "row".
        columns: the column names.
        rows: (place, values by column), or (place, :class:`BrokenRow`).
        remarks: sentences about how the source was read that a user should see.
    """

    name: str
    unit: str
    columns: tuple[str, ...]
    rows: Iterable[tuple[int, Mapping[str, Any] | BrokenRow]]
    remarks: tuple[str, ...] = ()

    def check_columns(self, wanted: Iterable[str]) -> None:
        """Check that the columns wanted are there, each once.

        Raises:
            InputError: a column that is missing, or that two columns are called, or so many columns
                that this is no table of texts.
        """
        if len(self.columns) > MOST_COLUMNS:
            raise InputError(
                f"{self.name} has {len(self.columns):,} columns, and tables of up to "
                f"{MOST_COLUMNS:,} are read: keep those of the texts and the label."
            )
        for column in wanted:
            if column not in self.columns:
                raise InputError(
                    f"{self.name} has no column {column!r}; its columns are "
                    f"{', '.join(map(repr, self.columns))}: name the columns of the texts and of "
                    "the label as the file does."
                )
            if self.columns.count(column) > 1:
                raise InputError(
                    f"{self.name} has {self.columns.count(column)} columns called {column!r}, so "
                    "nobody can tell which is meant: rename one."
                )

    def whole(self) -> Iterator[tuple[int, str, Mapping[str, Any]]]:
        """Yield each row's place, that in words, and its values; every row must be whole.

        Raises:
            InputError: at a row with the wrong number of fields.
        """
        for place, values in self.rows:
            where = f"{self.name}, {self.unit} {place}"
            if isinstance(values, BrokenRow):
                raise InputError(
                    f"{where}: {values.found} fields where the header has {values.expected}; mend "
                    "the row."
                )
            yield place, where, values
