"""`mixkd status`: what a folder of runs holds, and what became of each run."""

from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from mixkd_core.errors import InputError

if TYPE_CHECKING:
    from mixkd_core.records.run_folder import RunRecord
    from mixkd_core.records.survey import StoredRun


def status(
    out: Annotated[Path, typer.Argument(help="Folder that a study was written to.")],
) -> None:
    """Show every run of a folder: finished, running, failed (and why), damaged or missing."""
    from experiments.cli.console import wide_table
    from experiments.running.quiet import quiet_libraries
    from mixkd_core.records.layout import shown
    from mixkd_core.records.survey import STATES, survey
    from reports.statistics.majority import UNTOLD, sets_at_majority

    if not out.is_dir():
        raise InputError(
            f"there is no folder {shown(str(out))}: give the --out of a study or of mixkd train."
        )
    quiet_libraries()
    found = survey(out, whole=True)
    for sentence in found.complaints:
        typer.echo(sentence)
    if not found.runs:
        typer.echo(f"{shown(str(out))} holds no run")
        return
    wide_table(
        ("state", "run", ""),
        [(run.state, run.name, _about(out, run)) for run in found.runs],
    )
    counts = Counter(run.state for run in found.runs)
    typer.echo(", ".join(f"{counts[state]} {state}" for state in STATES if counts[state]))
    if any(run.record is not None and sets_at_majority(run.record.summary) for run in found.runs):
        typer.echo(UNTOLD)
    finished = {run.id for run in found.runs if run.state == "finished"}
    for study, plan in found.plans.runs.items():
        typer.echo(f"{shown(study)}: {len(finished & set(plan))} of {len(plan)} runs finished")


def _about(out: Path, run: "StoredRun") -> str:
    """The numbers of a run, or why it has none."""
    from mixkd_core.records.locks import holder

    return _numbers(run.record) or (holder(out, run.id) if run.state == "running" else run.reason)


def _numbers(record: "RunRecord | None") -> str:
    """The primary metric on each held-out set, and the time that it took; empty without record."""
    from experiments.running.durations import duration
    from reports.statistics.majority import scores

    if record is None:
        return ""
    taken = duration(sum(record.summary["seconds"].values()))
    return f"{scores(record.summary)}; {taken}"
