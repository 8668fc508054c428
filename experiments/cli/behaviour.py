"""`mixkd memorization` and `mixkd agreement`: what finished runs tell of themselves, short."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from reports.evidence.evidence import Evidence
    from reports.tables.table import Table

RunsArgument = Annotated[Path, typer.Argument(help="Folder that runs were written to.")]

_NUMBERS = ("measure", "method", "mean", "95 % interval", "against", "difference",
            "95 % interval of it", "p (Holm)", "seeds")  # fmt: skip


def memorization(runs: RunsArgument) -> None:
    """Print how well members of the training subset are told from other examples, over seeds.

    From stored losses alone; no network is needed.
    """
    from reports.evidence.evidence import load_evidence
    from reports.tables.behaviour import memorization_table, no_members_note

    evidence = load_evidence(runs)
    note = no_members_note(evidence)
    _print(evidence, memorization_table(evidence), "gap / M", note)


def agreement(runs: RunsArgument) -> None:
    """Print how far students predict what their teachers predict, right or wrong, over seeds.

    From stored logits alone; no network is needed.
    """
    from reports.evidence.evidence import load_evidence
    from reports.tables.behaviour import agreement_table

    evidence = load_evidence(runs)
    _print(evidence, agreement_table(evidence), "set", "")


def _print(evidence: "Evidence", table: "Table", special: str, note: str) -> None:
    from experiments.cli.tables import print_table, unfinished_note
    from mixkd_core.errors import InputError

    if not table.rows:
        raise InputError(table.empty or "No finished run stores losses.")
    print_table(table, ("task", "fraction", *_ordered(special)))
    for sentence in (note, unfinished_note(evidence)):
        if sentence:
            typer.echo(sentence)


def _ordered(special: str) -> tuple[str, ...]:
    if special == "set":
        return (special, *_NUMBERS)
    return (*_NUMBERS[:4], special, *_NUMBERS[4:])
