"""`mixkd claims`: the ledger of the paper's claims, short."""

from pathlib import Path
from typing import Annotated

import typer


def claims(
    runs: Annotated[Path, typer.Argument(help="Folder that runs were written to.")],
    margin: Annotated[
        float | None,
        typer.Option(
            help="A true difference of less counts as none: share of the range of a metric or "
            "loss, 0.01 by default. Declare it before you look at results."
        ),
    ] = None,
) -> None:
    """Print, of each claim of the paper, whether these runs support it."""
    from experiments.cli.tables import print_table, unfinished_note, weak_note
    from reports.evidence.evidence import load_evidence
    from reports.tables.table import percent
    from reports.verdicts.answer import answer, in_text
    from reports.verdicts.ledger import ledger
    from reports.verdicts.rules import MARGIN
    from reports.verdicts.sentences import gap_and_risk
    from reports.verdicts.tables import entry_table

    evidence = load_evidence(runs)
    judged = ledger(evidence, MARGIN if margin is None else margin)
    typer.echo(f"{in_text(answer(evidence, judged))}\n")
    for claim in judged:
        on = f"; {claim.tested_on}" if claim.entries else ""
        typer.echo(f"{claim.verdict}: {claim.statement} ({claim.id}; {claim.compared}{on})")
    typer.echo()
    print_table(
        entry_table(judged),
        ("claim", "verdict", "◆", "fraction", "measure", "set", "against", "depth", "difference",
         "95 % interval", "p (Holm)", "pairs", "further pairs"),
    )  # fmt: skip
    for claim in judged:
        for entry in claim.entries:
            if entry.note:
                where = f"{percent(entry.fraction)}, {entry.measure}, {entry.sets}"
                typer.echo(f"{claim.id} ({where}): {entry.note}")
    for sentence in gap_and_risk(judged):
        typer.echo(sentence)
    typer.echo(
        "◆: the headline is made of these entries. Differences are positive in favour of the "
        "claim; inconclusive is no evidence of equality."
    )
    for note in (weak_note(evidence), unfinished_note(evidence)):
        if note:
            typer.echo(note)
