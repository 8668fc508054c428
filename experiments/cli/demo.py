"""`mixkd demo`: the main job on embedded data, offline, in minutes."""

import time
from pathlib import Path
from typing import Annotated

import typer


def demo(
    out: Annotated[Path, typer.Option(help="Folder that everything is written to.")] = Path("demo"),
    task: Annotated[
        str, typer.Option(help="An embedded task, whose true risk can be measured.")
    ] = "embedded-sentiment",
    seeds: Annotated[int, typer.Option(help="How many seeds, from 0 on.", min=1)] = 3,
) -> None:
    """Train a teacher and students by fine-tuning, KD and MixKD, on all and on a tenth of the data.

    May be interrupted and repeated: finished runs are found again.
    """
    from experiments.cli.console import print_gaps
    from experiments.demo import demo_runs
    from experiments.running.quiet import quiet_libraries
    from mixkd_core.data.embedded.law import bayes_accuracy
    from reports.evidence.evidence import evidence_of
    from reports.pages.report import write_report

    quiet_libraries()
    started = time.monotonic()
    records = demo_runs(task, out, range(seeds), typer.echo)
    typer.echo("")
    print_gaps(evidence_of(records), held_out=("fresh",))
    typer.echo(
        f"No classifier can beat an accuracy of {bayes_accuracy(task):.2f} here: that is the law's "
        "label noise."
    )
    page = write_report(out, out / "report")
    typer.echo(f"{time.monotonic() - started:.0f} s; everything was written to {out}")
    typer.echo(f"report: {page}")
