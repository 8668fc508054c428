"""`mixkd claims`: the ledger of the paper's claims, short."""

from pathlib import Path
from typing import Annotated

import typer


def claims(
    runs: Annotated[Path, typer.Argument(help="Folder that runs were written to.")],
) -> None:
    """Print, of each claim of the paper, whether these runs support it."""
    from experiments.cli.tables import print_table, unfinished_note
    from reports.evidence.evidence import load_evidence
    from reports.verdicts.ledger import ledger, ledger_table

    evidence = load_evidence(runs)
    entries = ledger(evidence)
    print_table(
        ledger_table(entries),
        ("verdict", "claim", "difference", "95 % interval", "p (Holm)", "pairs", "statement"),
    )
    for entry in entries:
        if entry.note and entry.verdict != "not tested":
            typer.echo(f"{entry.id}: {entry.note}")
    typer.echo(
        "differences are positive in favour of the claim; inconclusive is no evidence of equality."
    )
    note = unfinished_note(evidence)
    if note:
        typer.echo(note)
