"""`mixkd report`: a store of runs as a page, tables and figures."""

from pathlib import Path
from typing import Annotated

import typer


def report(
    runs: Annotated[Path, typer.Argument(help="Folder that runs were written to.")],
    out: Annotated[
        Path, typer.Option("--out", "-o", help="Folder that the report is written to.")
    ] = Path("report"),
    bench: Annotated[
        Path | None,
        typer.Option(help="Folder of `mixkd bench`, whose tables and figures are to be shown too."),
    ] = None,
) -> None:
    """Build the report: gaps, comparisons, bound conditions, certificates, claims and figures.

    Writes index.html (self-contained), report.md, tables/ (Markdown, LaTeX,
    CSV, parquet) and figures/ (SVG, PDF, PNG). The store need not be finished.
    """
    from experiments.cli.tables import unfinished_note
    from reports.benchmarks.tables import load_benchmarks
    from reports.evidence.evidence import load_evidence
    from reports.pages.report import build, write

    measured = None if bench is None else load_benchmarks(bench)
    evidence = load_evidence(runs, unfinished=True)
    page = write(build(evidence, measured), out)
    finished = int((evidence.runs["state"] == "finished").sum())
    typer.echo(f"{finished} finished runs; the report is {page}")
    note = unfinished_note(evidence)
    if note:
        typer.echo(note)
