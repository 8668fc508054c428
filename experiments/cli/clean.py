"""`mixkd clean`: what killed processes left in a folder of runs, removed after asking."""

from pathlib import Path
from typing import Annotated

import typer

from mixkd_core.errors import InputError


def clean(
    out: Annotated[Path, typer.Argument(help="Folder that runs were written to.", metavar="RUNS")],
    yes: Annotated[bool, typer.Option("--yes", help="Remove without asking.")] = False,
) -> None:
    """List what killed processes left behind, and remove it after asking.

    Runs stay, interrupted and failed ones too: repeat the command that made them to go on.
    """
    from experiments.cli.console import wide_table
    from mixkd_core.records.layout import shown
    from mixkd_core.records.leftovers import leftovers, remove

    if not out.is_dir():
        raise InputError(
            f"there is no folder {shown(str(out))}: give the --out of a study or of mixkd train."
        )
    found = leftovers(out)
    if not found:
        typer.echo("nothing is left over")
        return
    wide_table(
        ("size", "left over", "because"),
        [
            (f"{one.size / 1e6:.1f} MB", shown(str(one.path.relative_to(out))), one.reason)
            for one in found
        ],
    )
    if not yes:
        typer.confirm(f"remove these {len(found)}?", abort=True)
    for one in found:
        remove(one)
    typer.echo(f"{len(found)} removed")
