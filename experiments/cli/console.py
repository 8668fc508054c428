"""What the commands print, and keeping the libraries from printing more."""

import logging
import sys
import warnings
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

import typer

if TYPE_CHECKING:
    from reports.gap_rows import GapRow

# Where output goes to a file there is no width to fit: wide enough that no cell is cut.
FILE_WIDTH = 250


def quiet_libraries() -> None:
    """Silence progress bars and notices that tell a user of this command nothing."""
    import datasets
    import transformers

    transformers.utils.logging.set_verbosity_error()
    transformers.utils.logging.disable_progress_bar()
    datasets.utils.logging.set_verbosity_error()
    datasets.disable_progress_bars()
    for library in ("accelerate", "huggingface_hub"):
        logging.getLogger(library).setLevel(logging.ERROR)
    warnings.filterwarnings("ignore", module="torch")


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


def print_gaps(rows: Sequence["GapRow"], metric: str) -> None:
    """The gap tables, one a held-out set, a row per network; they fit 80 columns."""
    from itertools import groupby

    from rich.console import Console
    from rich.table import Table

    from mixkd_core.model_card import set_meaning
    from reports.gap_rows import DELTA

    averaged = any(row.spread is not None for row in rows)
    uncertainty = "lowest …\nhighest" if averaged else f"{1 - DELTA:.0%}\ninterval"
    console = Console(width=None if sys.stdout.isatty() else FILE_WIDTH)
    ordered = sorted(rows, key=lambda row: (row.task, row.held_out))
    for (task, held_out, examples), group in groupby(
        ordered, lambda row: (row.task, row.held_out, row.examples)
    ):
        table = Table(
            box=None,
            header_style="",
            pad_edge=False,
            padding=(0, 1, 0, 0),
        )
        typer.secho(f"{task}, measured on {held_out} ({examples} examples):", bold=True)
        typer.echo(set_meaning(held_out))
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
        for row in group:
            limits = row.spread if averaged else row.interval
            numbers = (row.metric, row.majority, row.empirical_risk, row.generalization_risk)
            table.add_row(
                f"{row.fraction:.3g}",
                row.method,
                *(f"{value:.3f}" for value in numbers),
                f"{row.gap:+.3f}",
                "—" if limits is None else f"{limits[0]:+.3f} {limits[1]:+.3f}",
            )
        console.print(table)
        typer.echo("")
    if averaged:
        seeds = ", ".join(str(seed) for seed in rows[0].seeds)
        typer.echo(f"Means over seeds {seeds}, with the lowest and highest gap among them.")
    typer.echo(
        "Data: fraction of the training split. Risk: 0-1 error (squared error for a\n"
        "regression); empirical on the training subset, generalization on the set named."
    )
