"""A table as the page lays it out: what tells its rows apart in view, what never changes said once.

A column that says the same in every row goes into a line above the table, and one without a value
is named there. The key of a row comes first and stays in view while the others scroll; where there
is no room for the columns that tell rows apart, the key says them in small print. Details are
behind a switch.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from reports.pages.html import unbroken
from reports.tables.table import ABSENT, Column, Table

# A column with at most this many different texts can be chosen from.
MOST_CHOICES = 24

# A table of no more rows needs no search.
FEW_ROWS = 10

# A text of more characters is broken over lines.
LONG = 20

# Nothing longer is said in small print beside the key.
LONGEST_QUALIFIER = 60

# What a long table shows at first.
FIRST_CHOICE = {"loss": "0-1 error"}

# The form in which a table lies beside the page.
KINDS = ("csv", "parquet", "md", "tex")

# What came out, even where it came out alike in every row.
RESULTS = ("verdict", "state", "condition", "answers", "reading", "better", "further")


@dataclass(frozen=True)
class Head:
    """A column's heading: its title, its classes, and whether it sorts as a number."""

    title: str
    css: str
    is_number: bool


@dataclass(frozen=True)
class Cell:
    """A cell: what is shown, what it is sorted by, its classes, and whether it is a verdict."""

    text: str
    key: str
    css: str
    chip: str = ""


@dataclass(frozen=True)
class Row:
    """A row: its cells, the first of which names it; its anchor; the runs behind it.

    Attributes:
        where: what tells it from rows of the same name, for where there is no room for columns.
    """

    cells: tuple[Cell, ...]
    anchor: str
    where: str
    runs: tuple[str, ...]


@dataclass(frozen=True)
class Choice:
    """A column whose rows can be chosen by: its place, title and `(value, text, chosen)`."""

    place: int
    title: str
    options: tuple[tuple[str, str, bool], ...]


@dataclass(frozen=True)
class TableView:
    """A table as its template reads it.

    Attributes:
        constant: `(title, text)` of columns that say the same in every row.
        absent: titles of columns without any value.
        searched: whether it is long enough to be searched.
        traced: whether numbers lead to the runs behind them.
    """

    name: str
    title: str
    caption: str
    constant: tuple[tuple[str, str], ...]
    absent: tuple[str, ...]
    heads: tuple[Head, ...]
    rows: tuple[Row, ...]
    choices: tuple[Choice, ...]
    has_details: bool
    searched: bool
    traced: bool
    kinds: tuple[str, ...] = KINDS


def table_view(table: Table, leave_out: Sequence[str] = ()) -> TableView:
    """Lay a table with rows out, without the columns of these names."""
    columns = [column for column in table.columns if column.name not in leave_out]
    key = _key(columns)
    others = [column for column in columns if column is not key]
    constant, absent, kept = [], [], []
    for column in others:
        shown = dict.fromkeys(column.show(row) for row in table.rows)
        if set(shown) == {ABSENT}:
            absent.append(column.title)
        elif len(shown) == 1 and _describes(column):
            said = next(iter(shown))
            constant += [(column.title, said)] if said else []
        else:
            kept.append(column)
    qualifiers = _qualifiers(table, kept)
    # Numbers come before what is said about them.
    others = sorted(
        (column for column in kept if column not in qualifiers), key=lambda column: column.is_text
    )
    columns = [key, *qualifiers, *others]
    styled = [(column, _css(column, key, qualifiers)) for column in columns]
    traced = "runs" in table.frame and table.name != "runs"
    return TableView(
        name=table.name,
        title=table.title,
        caption=table.caption,
        constant=tuple(constant),
        absent=tuple(absent),
        heads=tuple(
            Head(unbroken(column.title), css, not column.is_text) for column, css in styled
        ),
        rows=tuple(
            Row(
                cells=tuple(
                    _cell(column, row, _css(column, key, qualifiers)) for column in columns
                ),
                anchor=f"run-{row['run']}" if table.name == "runs" else "",
                where=" · ".join(
                    said
                    for column in qualifiers
                    if column.role == "" and (said := column.show(row))
                ),
                runs=tuple(row["runs"].split()) if traced else (),
            )
            for row in table.rows
        ),
        choices=tuple(_choices(table, columns)),
        has_details=any(column.role == "detail" for column in columns),
        searched=len(table.rows) > FEW_ROWS,
        traced=traced,
    )


def _key(columns: Sequence[Column]) -> Column:
    return next((column for column in columns if column.role == "key"), columns[0])


def _describes(column: Column) -> bool:
    """Return True if a column says what was measured, not what came out."""
    return column.name not in RESULTS and (column.tells_apart or column.kind == "count")


def _qualifiers(table: Table, columns: Sequence[Column]) -> list[Column]:
    """The short texts before the first number, which tell rows of one key apart."""
    found = []
    for column in columns:
        if not column.tells_apart or column.name in RESULTS:
            break
        if max(len(column.show(row)) for row in table.rows) <= LONGEST_QUALIFIER:
            found.append(column)
    return found


def _css(column: Column, key: Column, qualifiers: Sequence[Column]) -> str:
    kinds = {
        "key": column is key,
        "where": column in qualifiers and column.role == "",
        "detail": column.role == "detail",
        "number": not column.tells_apart,
    }
    return " ".join(name for name, applies in kinds.items() if applies)


def _cell(column: Column, row: dict[str, Any], css: str) -> Cell:
    value = column.sort_value(row)
    shown = column.show(row)
    if column.is_text and "key" not in css:
        css = f"{css} {'long' if len(shown) > LONG else 'short'}".strip()
    if column.kind == "level" and "*" in str(row.get(f"{column.name}_marks")):
        css += " best"
    key = "" if value == float("inf") else str(value)
    chip = key.replace(" ", "-") if column.name in ("verdict", "state") else ""
    return Cell(shown, key, css, chip)


def _choices(table: Table, columns: Sequence[Column]) -> list[Choice]:
    """A choice for each column with few texts."""
    found = []
    for place, column in enumerate(columns):
        if not column.tells_apart:
            continue
        values = {
            str(column.sort_value(row)): column.show(row)
            for row in sorted(table.rows, key=lambda row: str(column.sort_value(row)))
        }
        if not 1 < len(values) <= MOST_CHOICES or max(map(len, values.values())) > 60:
            continue
        first = FIRST_CHOICE.get(column.name)
        options = [(value, text, text == first) for value, text in sorted(values.items()) if value]
        found.append(Choice(place, column.title, tuple(options)))
    return found
