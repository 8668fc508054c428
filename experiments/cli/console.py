"""Tables and phrases that the commands print."""

import sys
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

import typer

if TYPE_CHECKING:
    from reports.evidence.evidence import Evidence

# Where output goes to a file there is no width to fit: wide enough that no cell is cut.
FILE_WIDTH = 250


def wide_table(titles: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    """A plain table; in a file no cell is cut, on a terminal long ones are folded."""
    from rich.console import Console
    from rich.table import Table

    table = Table(box=None, header_style="bold", pad_edge=False, padding=(0, 2, 0, 0))
    for title in titles:
        table.add_column(title, overflow="fold")
    for row in rows:
        table.add_row(*row)
    width = None if sys.stdout.isatty() else FILE_WIDTH
    Console(width=width, markup=False, highlight=False).print(table)


def duration(seconds: float | None) -> str:
    """A length of time as people say it: `"40 s"`, `"12 min"`, `"3.5 h"`."""
    if seconds is None:
        return "unknown"
    if seconds < 100:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 6000 else f"{seconds / 3600:.1f} h"


def print_gaps(
    evidence: "Evidence",
    held_out: Collection[str] | None = None,
    names: Mapping[str, Sequence[str]] | None = None,
) -> None:
    """The gap tables, one a held-out set, a row per network; they fit 80 columns.

    Args:
        evidence: of the runs to show.
        held_out: the sets to show; None for all.
        names: by run id what to call it, a row for each name; None for the methods.
    """
    from itertools import groupby

    from rich.console import Console
    from rich.table import Table

    from mixkd_core.records.model_card import set_meaning
    from reports.evidence.measurements import DELTA
    from reports.tables.gaps import TASK_LOSSES, gap_summaries
    from reports.tables.table import seeds_text

    summaries = [
        summary
        for summary in gap_summaries(evidence)
        if summary.loss in TASK_LOSSES and (held_out is None or summary.held_out in held_out)
    ]
    averaged = any(summary.gap.n > 1 for summary in summaries)
    uncertainty = "lowest …\nhighest" if averaged else f"{1 - DELTA:.0%}\ninterval"
    console = Console(width=None if sys.stdout.isatty() else FILE_WIDTH)
    ordered = sorted(summaries, key=lambda row: (row.task, row.held_out, -row.fraction))
    for (task, on, metric), group in groupby(
        ordered, lambda row: (row.task, row.held_out, row.metric)
    ):
        rows = list(group)
        table = Table(box=None, header_style="", pad_edge=False, padding=(0, 1, 0, 0))
        sizes = " or ".join(f"{size:.0f}" for size in sorted({row.examples for row in rows}))
        typer.secho(f"{task}, measured on {on} ({sizes} examples):", bold=True)
        typer.echo(set_meaning(on))
        for heading in ("data", "method"):
            table.add_column(heading)
        for heading in (
            metric.replace("_", "\n"),
            "majority\nclass",
            "empirical\nrisk",
            "generalization\nrisk",
            "gap",
            uncertainty,
        ):
            table.add_column(heading, justify="right", no_wrap=True)
        for row in rows:
            limits = (row.least, row.greatest) if averaged else row.interval_over_examples
            numbers = (row.metric_value, row.majority, row.empirical, row.generalization)
            for name in [row.label] if names is None else names[row.runs[0]]:
                table.add_row(
                    f"{row.fraction:.3g}",
                    name,
                    *(f"{value:.3f}" for value in numbers),
                    f"{row.gap.mean:+.3f}",
                    "—" if limits is None else f"{limits[0]:+.3f} {limits[1]:+.3f}",
                )
        console.print(table)
        typer.echo("")
    if averaged:
        seeds = seeds_text([seed for summary in summaries for seed in summary.seeds])
        typer.echo(f"Means over seeds {seeds}, with the lowest and highest gap among them.")
    typer.echo(
        "Data: fraction of the training split. Risk: 0-1 error (squared error for a\n"
        "regression); empirical on the training subset, generalization on the set named."
    )
