"""`mixkd gaps`: the gap table of a store, short."""

from pathlib import Path
from typing import Annotated

import typer


def gaps(
    runs: Annotated[Path, typer.Argument(help="Folder that runs were written to.")],
    loss: Annotated[
        str | None,
        typer.Option(
            help="zero_one_error, cross_entropy, tempered_cross_entropy, brier_score, "
            "calibration_error, squared_error or distillation_distance; by default the 0-1 error "
            "(squared error for a regression).",
        ),
    ] = None,
) -> None:
    """Print empirical risk, generalization risk and gap of every method, over seeds."""
    from experiments.cli.tables import print_table, unfinished_note, weak_note
    from mixkd_core.errors import InputError
    from reports.evidence.evidence import LOSS_TITLES, load_evidence
    from reports.tables.gaps import gap_table

    if loss is not None and loss not in LOSS_TITLES:
        raise InputError(f"unknown loss {loss!r}: choose one of {', '.join(LOSS_TITLES)}.")
    wanted = [loss] if loss else ["zero_one_error", "squared_error"]
    evidence = load_evidence(runs)
    table = gap_table(evidence)
    titles = {LOSS_TITLES[name] for name in wanted}
    rows = [row for row in table.rows if row["loss"] in titles]
    if not rows:
        raise InputError(
            f"no finished run in {runs} was measured in {' or '.join(wanted)} on a held-out set."
        )
    print_table(
        table,
        ("task", "fraction", "method", "set", "loss", "empirical", "generalization", "gap", "sd",
         "95 % interval", "seeds", "without"),
        rows,
    )  # fmt: skip
    typer.echo(
        "Empirical: the risk in this loss on the training subset; generalization: on the set "
        "named; gap: their difference. Means over seeds, t-intervals over seeds (none for one "
        "seed). remainder and fresh follow the training law."
    )
    for note in (weak_note(evidence), unfinished_note(evidence)):
        if note:
            typer.echo(note)
