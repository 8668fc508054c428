"""Tables and phrases that the commands print."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

import typer

from experiments.cli.grid import plain_console, plain_grid

if TYPE_CHECKING:
    from experiments.planning.plan import Material
    from reports.evidence.evidence import Evidence


def wide_table(titles: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    """Print a plain table; in a file no cell is cut, on a terminal long ones are folded."""
    grid = plain_grid(titles)
    for row in rows:
        grid.add_row(*row)
    plain_console().print(grid)


def print_remarks(materials: "Mapping[str, Material]") -> None:
    """Print what a user should know of the data of each task."""
    for task, material in materials.items():
        for sentence in material.remarks:
            typer.echo(f"data of {task}: {sentence}")


def print_gaps(
    evidence: "Evidence",
    held_out: Collection[str] | None = None,
    names: Mapping[str, Sequence[str]] | None = None,
) -> None:
    """Print the gap tables, one a held-out set, a row per network; they fit 80 columns.

    Args:
        evidence: of the runs to show.
        held_out: the sets to show; None for all.
        names: by run id what to call it, a row for each name; None for the methods.
    """
    from itertools import groupby

    from mixkd_core.records.model_card import set_meaning
    from reports.evidence.measurements import DELTA
    from reports.statistics.majority import sentence
    from reports.tables.gaps import TASK_LOSSES, gap_summaries
    from reports.tables.table import percent, seeds_text

    summaries = [
        summary
        for summary in gap_summaries(evidence)
        if summary.loss in TASK_LOSSES and (held_out is None or summary.held_out in held_out)
    ]
    averaged = any(summary.gap.n > 1 for summary in summaries)
    uncertainty = "lowest …\nhighest" if averaged else f"{1 - DELTA:.0%}\ninterval"
    console = plain_console()
    ordered = sorted(summaries, key=lambda row: (row.task, row.held_out, -row.fraction))
    for (task, on, metric), group in groupby(
        ordered, lambda row: (row.task, row.held_out, row.metric)
    ):
        rows = list(group)
        sizes = " or ".join(f"{size:.0f}" for size in sorted({row.examples for row in rows}))
        typer.secho(f"{task}, measured on {on} ({sizes} examples):", bold=True)
        typer.echo(set_meaning(on))
        numbers = (
            metric.replace("_", "\n"),
            "majority\nclass",
            "empirical\nrisk",
            "generalization\nrisk",
            "gap",
            uncertainty,
        )
        grid = plain_grid(("data", "method", *numbers), numbers, gap=1, heading="")
        for row in rows:
            limits = (row.least, row.greatest) if averaged else row.interval_over_examples
            values = (row.metric_value, row.shown_majority, row.empirical, row.generalization)
            for name in [row.label] if names is None else names[row.runs[0]]:
                grid.add_row(
                    percent(row.fraction),
                    name,
                    *("—" if value is None else f"{value:.3f}" for value in values),
                    f"{row.gap.mean:+.3f}",
                    "—" if limits is None else f"{limits[0]:+.3f} {limits[1]:+.3f}",
                )
        console.print(grid)
        weak = [f"{row.label} ({percent(row.fraction)})" for row in rows if not row.beats_majority]
        if weak:
            typer.secho(sentence(weak, metric, on), fg=typer.colors.YELLOW)
        typer.echo("")
    if averaged:
        seeds = seeds_text([seed for summary in summaries for seed in summary.seeds])
        typer.echo(f"Means over seeds {seeds}, with the lowest and highest gap among them.")
    typer.echo(
        "Data: share of the training split. Risk: 0-1 error (squared error for a\n"
        "regression); empirical on the training subset, generalization on the set named."
    )
