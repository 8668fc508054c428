"""`mixkd export`: results small enough to commit, and the README that shows them."""

from pathlib import Path
from typing import Annotated

import typer


def export(
    runs: Annotated[
        Path, typer.Argument(help="Folder that runs were written to, or exported results.")
    ],
    out: Annotated[
        Path | None, typer.Option("--out", "-o", help="Folder that the results are written to.")
    ] = None,
    study: Annotated[
        list[Path] | None, typer.Option(help="A study file to keep with them; repeatable.")
    ] = None,
    readme: Annotated[
        Path | None, typer.Option(help="README whose section on these results is rewritten.")
    ] = None,
) -> None:
    """Write every number that a report needs as a few text files, without examples and networks.

    'mixkd report', 'gaps' and 'claims' read the result like a folder of runs.
    With --readme alone the section is made again from results exported before.
    """
    import datetime as dt

    from experiments.cli.tables import unfinished_note
    from mixkd_core.errors import InputError
    from reports.evidence.evidence import load_evidence
    from reports.evidence.export import is_export, write_export
    from reports.pages.readme import update_readme

    if is_export(runs):
        if out is not None or study:
            raise InputError(
                f"{runs} holds exported results already: leave out --out and --study, or give the "
                "folder of runs."
            )
        if readme is None:
            raise InputError(f"{runs} holds exported results: give --readme to show them in.")
        folder = runs
    elif out is None:
        raise InputError(f"{runs} holds runs: give the folder to write their results to with -o.")
    else:
        folder = out
        evidence = load_evidence(runs)
        if evidence.damaged_plans:
            # Whoever reads the results could not know of the runs that are missing.
            raise InputError(evidence.damaged_plans[0])
        write_export(
            evidence.entries,
            evidence.measurements,
            folder,
            dt.date.today(),
            study or (),
            evidence.tuning_runs,
        )
        finished = int((evidence.runs["state"] == "finished").sum())
        typer.echo(f"the results of {finished} finished runs were written to {folder}")
        note = unfinished_note(evidence)
        if note:
            typer.echo(note)
    if readme is not None:
        update_readme(readme, folder)
        typer.echo(f"{readme} shows the results of {folder}")
