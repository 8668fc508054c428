"""`mixkd tune`: settings chosen on examples held out of the training subset."""

import shlex
from enum import StrEnum
from statistics import fmean
from typing import TYPE_CHECKING, Annotated, Any

import typer

from experiments.cli.options import (
    NARROW,
    RUNS,
    AllowNewWeights,
    Changes,
    Out,
    Seeds,
    StudyData,
    StudyTeacher,
    TrustRemoteCode,
    listed,
)
from experiments.tuning.search_space import VALIDATION_SHARE
from mixkd_core.records.specs import EvaluationSpec, checked

if TYPE_CHECKING:
    from experiments.tuning.search import Trial, Tuning


class JudgedBy(StrEnum):
    """The quantity that a trial is judged by."""

    METRIC = "metric"
    CROSS_ENTROPY = "cross-entropy"


def tune(
    study: Annotated[
        str, typer.Argument(help="A study by name, or the path of a YAML file; see mixkd run.")
    ],
    search: Annotated[
        list[str] | None,
        typer.Option(
            metavar="KEY=VALUES",
            help="What to choose: 'weights.sm=0.1..4 log' (a range; 'int' for whole numbers) or "
            "'training.learning_rate=3e-5,1e-4' (a list); teacher.KEY for its training. May be "
            "repeated.",
        ),
    ] = None,
    methods: Annotated[
        str | None,
        typer.Option(
            help="Such as ft,kd,sm+tmkd; 'teacher' too. By default the study's.",
        ),
    ] = None,
    trials: Annotated[int, typer.Option(min=1, help="For each method, the same number.")] = 12,
    grid: Annotated[
        bool,
        typer.Option(
            "--grid", help="Try combinations of listed values in random order; no search."
        ),
    ] = False,
    objective: Annotated[
        JudgedBy, typer.Option(help="The task's primary metric, or the cross-entropy.")
    ] = JudgedBy.METRIC,
    validation: Annotated[
        float,
        typer.Option(help="Share of each training subset that is held out of training."),
    ] = VALIDATION_SHARE,
    sampler_seed: Annotated[
        int, typer.Option(min=0, help="Decides what is tried; not the study's seeds.")
    ] = 0,
    out: Out = RUNS,
    data_dir: StudyData = None,
    teacher: StudyTeacher = None,
    allow_new_weights: AllowNewWeights = False,
    trust_remote_code: TrustRemoteCode = False,
    change: Changes = None,
    tasks: Annotated[str | None, typer.Option(help="The one task.", rich_help_panel=NARROW)] = None,
    seeds: Seeds = None,
    fractions: Annotated[
        str | None, typer.Option(help="The one fraction.", rich_help_panel=NARROW)
    ] = None,
    jobs: Annotated[int, typer.Option(min=1, help="Runs of a trial at once.")] = 1,
) -> None:
    """Choose settings on a validation set held out of the training subset, for each method alike.

    No reported set is looked at. May be stopped and repeated: finished runs are found again. A run
    that fails makes its trial the worst. Writes trials.csv and chosen.yaml, keys for a study.
    """
    from experiments.cli.console import print_remarks
    from experiments.execution.executor import execute
    from experiments.execution.jobs import Workplace
    from experiments.planning.plan import checkpoints_of, gather, source_of
    from experiments.planning.preflight import check_sets
    from experiments.planning.resolved import resolve
    from experiments.planning.study_file import load_study
    from experiments.running.quiet import quiet_libraries
    from experiments.tuning.results import write_results
    from experiments.tuning.search import (
        Tuning,
        Workbench,
        chosen_methods,
        fragment,
        one_comparison,
        spaces,
        winners,
    )
    from experiments.tuning.search import tune as search_settings
    from experiments.tuning.search_space import parsed_settings
    from mixkd_core.records.places import this_command
    from mixkd_core.records.run_folder import find_record

    quiet_libraries()
    checked(EvaluationSpec, validation=validation)
    settings = parsed_settings(search or [])
    described = one_comparison(
        load_study(study, change or []).narrowed(
            tasks=listed(tasks, str, "--tasks"),
            seeds=listed(seeds, int, "--seeds"),
            fractions=listed(fractions, float, "--fractions"),
        )
    )
    chosen = chosen_methods(described, listed(methods, str, "--methods"))
    tuning = Tuning(described, settings, trials, grid, objective.value, validation, sampler_seed)
    spaces(tuning, chosen)  # refused, if it is, before data are read
    command = this_command()
    workplace = Workplace(out, command, allow_new_weights, trust_remote_code)

    def do(runs: Any) -> dict[str, str]:
        done = [run.spec.id for run in runs if find_record(out, run.spec) is not None]
        return execute(runs, done, workplace, jobs=jobs, say=typer.echo)

    task, fraction, sets = _told(tuning)
    resolved = resolve(described)
    check_sets(source_of(task, resolved.tasks[task], data_dir), fraction, validation)
    materials = gather(resolved, out, data_dir=data_dir, teacher=teacher)
    print_remarks(materials)
    bench = Workbench(
        out,
        materials,
        checkpoints_of(resolved),
        do,
        typer.echo,
    )
    made = search_settings(tuning, chosen, bench)
    _print_trials(made, _judged_by(made, objective))
    typer.echo(f"Means over seeds; {sets}.")
    content = fragment(tuning, chosen, made)
    folder = out / "tuning" / f"{described.name}-{task}-{fraction:g}"
    write_results(folder, made, content, f"Chosen by {objective} on {sets}, with\n{command}")
    _print_chosen(content, made)
    typer.echo(f"every trial and what was chosen were written to {folder}")
    if None in winners(made).values():
        raise typer.Exit(1)


def _told(tuning: "Tuning") -> tuple[str, float, str]:
    """Return task and fraction, and in words what the validation sets are."""
    from reports.tables.table import percent

    (task,) = tuning.study.tasks
    (fraction,) = tuning.study.fractions_of(task)
    seeds = ", ".join(map(str, tuning.study.seeds))
    sets = (
        f"validation sets: {percent(tuning.validation)} of each training subset, held out of "
        f"training ({percent(fraction)} of {task}, seeds {seeds})"
    )
    return task, fraction, sets


def _judged_by(trials: "list[Trial]", objective: JudgedBy) -> str:
    """Return the name of what trials are judged by."""
    if objective is JudgedBy.CROSS_ENTROPY:
        return trials[0].loss_name.replace("_", "-")
    return next((trial.metric_name for trial in trials if trial.metric_name), "metric")


def _print_trials(trials: "list[Trial]", objective: str) -> None:
    """Print every trial, each method's best one marked."""
    from experiments.cli.console import wide_table
    from experiments.tuning.results import trial_frame
    from reports.statistics.majority import REMEDY, has_majority_class, reference_name

    def number(value: float | None, digits: int = 4) -> str:
        return "—" if value is None or value != value else f"{value:.{digits}f}"

    metric = next((trial.metric_name for trial in trials if trial.metric_name), "metric")
    rows = []
    for trial, row in zip(trials, trial_frame(trials).to_dict("records"), strict=True):
        set_to = ", ".join(f"{key}={value}" for key, value in trial.chosen.items()) or "as it is"
        rows.append(
            (
                trial.method,
                f"{trial.number}{' *' if row['best'] else ''}",
                set_to,
                number(row["metric"]),
                number(row["metric_sd"]),
                (number(row["majority"]) if has_majority_class(metric) else "—")
                + (" ≥" if trial.beats_majority is False else ""),
                number(row["loss"]),
                number(row["loss_sd"]),
                trial.failure,
            )
        )
    loss = trials[0].loss_name.replace("_", "-")
    titles = ("method", "trial", "settings", metric, "sd", "majority class", loss, "sd", "")
    wide_table(titles, rows)
    if any(not trial.failure for trial in trials):
        typer.echo(
            f"* the method's best trial, by {objective}; of equals the one with the lower {loss}, "
            "then the earlier"
        )
    if any(trial.beats_majority is False for trial in trials):
        typer.echo(f"≥ no better than {reference_name(metric)}: {REMEDY}")


def _print_chosen(content: dict[str, Any], trials: "list[Trial]") -> None:
    """Print what can be given to `mixkd run` as it is, and which methods have nothing to give."""
    from experiments.tuning.results import change_text
    from experiments.tuning.search import winners
    from reports.statistics.majority import reference_name

    for name, winner in winners(trials).items():
        if winner is None:
            typer.echo(f"no trial of {name} succeeded: nothing was chosen for it")
        elif not any(trial.beats_majority for trial in trials if trial.method == name):
            typer.echo(
                f"no trial of {name} beat {reference_name(winner.metric_name)} "
                f"({winner.metric_name} "
                f"{fmean(winner.majority):.4f}): what was chosen for it means nothing; search "
                "other learning rates, or more epochs"
            )
    if "methods" in content:
        typer.echo(f"--set {shlex.quote('methods=' + change_text(content['methods']))}")
