"""`mixkd predictor`: what teachers alone say of a kind of augmentation, beside what came of it."""

from pathlib import Path
from typing import Annotated

import typer

from experiments.cli.options import Seeds


def predictor(
    runs: Annotated[Path, typer.Argument(help="Folder that runs were written to.")],
    data_dir: Annotated[
        Path | None, typer.Option(help="GLUE folder in the official TSV layout.")
    ] = None,
    task: Annotated[
        str | None, typer.Option(help="The task, where the folder holds runs of several.")
    ] = None,
    seeds: Seeds = None,
    draws: Annotated[
        int, typer.Option(min=2, max=1000, help="Augmented samples of each training example.")
    ] = 4,
) -> None:
    """Measure on teachers alone which augmentation should help, and test it on the students.

    The measure is the spread of a teacher's probabilities over augmented samples of its training
    subset (Wang et al., 2022): the smaller, the better its students are to be. Every kind that the
    runs' students learnt from is measured, and its rank among those that differ in nothing else is
    compared with their loss. Teachers are asked again; nothing is stored.
    """
    from experiments.cli.grid import plain_console, plain_grid
    from experiments.cli.options import listed
    from experiments.deployment.predictor import judged, predicted
    from experiments.running.quiet import quiet_libraries
    from mixkd_core.data.sources import load_task_data
    from mixkd_core.data.tasks import KNOWN
    from mixkd_core.errors import InputError
    from reports.evidence.evidence import load_evidence
    from reports.evidence.export import is_export

    quiet_libraries()
    if is_export(runs):
        raise InputError(
            f"{runs} holds exported results, which keep no networks: give the folder of runs."
        )
    evidence = load_evidence(runs)
    wanted = listed(seeds, int, "--seeds")
    students = [
        run
        for run in evidence.students
        if (task is None or evidence.specs[run].task == task)
        and (wanted is None or evidence.specs[run].seed in wanted)
    ]
    names = sorted({evidence.specs[run].task for run in students})
    if not names:
        raise InputError(
            f"{runs} holds no finished student{f' of task {task!r}' if task else ''}: give the "
            "folder of a study that was run."
        )
    if len(names) > 1:
        raise InputError(f"{runs} holds runs of {', '.join(names)}: name one with --task.")
    if names[0] not in KNOWN or KNOWN[names[0]].is_regression:
        raise InputError(
            f"task {names[0]!r} "
            + (
                "predicts no class, and the predictor is of probabilities"
                if names[0] in KNOWN
                else "is one of your own, whose file its runs do not name"
            )
            + ": give runs of a known classification task."
        )
    data = load_task_data(KNOWN[names[0]], data_dir=data_dir)
    table = predicted(evidence, data, students, draws, typer.echo)
    grid = plain_grid(
        ["fraction", "method", "samples", "T. stddev", "covariance", "set", "student's loss",
         "metric", "seeds"],
        ["fraction", "T. stddev", "covariance", "student's loss", "metric", "seeds"],
    )  # fmt: skip
    for row in table.sort_values(["fraction", "stddev"]).to_dict("records"):
        grid.add_row(
            f"{row['fraction']:.3g}", row["label"], row["kind"], f"{row['stddev']:.4f}",
            f"{row['covariance']:.4f}", row["set"], f"{row['loss']:.4f}", f"{row['metric']:.4f}",
            str(row["seeds"]),
        )  # fmt: skip
    plain_console().print(grid)
    for sentence in judged(table):
        typer.echo(sentence)
