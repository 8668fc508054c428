"""Tables of a report in the terminal."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from experiments.cli.grid import plain_console, plain_grid

if TYPE_CHECKING:
    from reports.evidence.evidence import Evidence
    from reports.tables.table import Table


def print_table(
    table: "Table", titles: Sequence[str], rows: Sequence[dict[str, Any]] | None = None
) -> None:
    """Print some columns of a table, by title, and some of its rows."""
    columns = [column for title in titles for column in table.columns if column.title == title]
    numbers = [column.title for column in columns if not column.is_text]
    grid = plain_grid([column.title for column in columns], numbers)
    for row in table.rows if rows is None else rows:
        grid.add_row(*(column.show(row) for column in columns))
    plain_console().print(grid)


def weak_note(evidence: "Evidence") -> str:
    """Return sentences on networks that do not beat the majority class; empty for none."""
    from reports.tables.gaps import gap_summaries, majority_note

    return majority_note(gap_summaries(evidence))


def unfinished_note(evidence: "Evidence") -> str:
    """Return the sentence on what is in no mean, and why; empty if there is nothing."""
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
