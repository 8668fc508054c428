"""Tables of a report in the terminal."""

import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from reports.evidence.evidence import Evidence
    from reports.tables.table import Table

# Where output goes to a file there is no width to fit: wide enough that no cell is cut.
FILE_WIDTH = 250


def print_table(
    table: "Table", titles: Sequence[str], rows: Sequence[dict[str, Any]] | None = None
) -> None:
    """Some columns of a table, by title, and some of its rows."""
    from rich.console import Console
    from rich.table import Table as Grid
    from rich.text import Text

    columns = [column for title in titles for column in table.columns if column.title == title]
    grid = Grid(box=None, header_style="bold", pad_edge=False, padding=(0, 2, 0, 0))
    for column in columns:
        grid.add_column(column.title, justify="left" if column.is_text else "right")
    for row in table.rows if rows is None else rows:
        grid.add_row(*(Text(column.show(row)) for column in columns))
    Console(width=None if sys.stdout.isatty() else FILE_WIDTH).print(grid)


def unfinished_note(evidence: "Evidence") -> str:
    """What is in no mean, and why; empty if there is nothing."""
    from reports.tables.gaps import left_out_note

    others = evidence.runs[evidence.runs["state"] != "finished"]
    left_out = left_out_note(evidence)
    if others.empty:
        return left_out
    counts = others["state"].value_counts().sort_index()
    told = ", ".join(f"{count} {state}" for state, count in counts.items())
    named = [f"{row['run']} ({row['reason']})" for row in others.head(3).to_dict("records")]
    more = ", …" if len(others) > len(named) else ""
    return f"in no mean: {told} ({', '.join(named)}{more})\n{left_out}".strip()
