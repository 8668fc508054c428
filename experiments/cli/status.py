"""`mixkd status`: what a folder of runs holds, and what became of each run."""

from collections import Counter
from pathlib import Path
from typing import Annotated

import typer

from mixkd_core.errors import InputError


def status(
    out: Annotated[Path, typer.Argument(help="Folder that a study was written to.")],
) -> None:
    """Show every run of a folder: done, running, failed (and why), partial, damaged or waiting."""
    from experiments.cli.console import duration, wide_table
    from experiments.running.quiet import quiet_libraries
    from experiments.running.store import survey
    from reports.evidence.plans import read_plans

    if not out.is_dir():
        raise InputError(f"there is no folder {out}: give the --out of a study or of mixkd train.")
    quiet_libraries()
    stored = {run.id: run for run in survey(out)}
    rows: list[tuple[str, str, str]] = []
    for run in stored.values():
        note = run.reason
        if run.record is not None:
            summary = run.record.summary
            metric = summary["primary_metric"]
            measured = [
                f"{result['metrics'][metric]:.3f} on {name}"
                for name, result in summary["results"].items()
                if name != "train"
            ]
            taken = duration(sum(summary["seconds"].values()))
            note = f"{metric} {', '.join(measured)}; {taken}"
        rows.append((run.state, run.name, note))
    plans = read_plans(out)
    waiting = {
        name: entry["folder"]
        for plan in plans.runs.values()
        for name, entry in plan.items()
        if name not in stored
    }
    rows += [("waiting", folder, "") for folder in waiting.values()]
    for sentence in plans.damaged:
        typer.echo(sentence)
    if not rows:
        typer.echo(f"{out} holds no run")
        return
    wide_table(("state", "run", ""), rows)
    counts = Counter(state for state, _, _ in rows)
    typer.echo(", ".join(f"{count} {state}" for state, count in counts.most_common()))
    for study, plan in plans.runs.items():
        states = Counter(stored[name].state if name in stored else "waiting" for name in plan)
        typer.echo(f"{study}: {states['done']} of {len(plan)} runs done")
