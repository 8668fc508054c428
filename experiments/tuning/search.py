"""Choosing hyperparameters on examples held out of the training subset.

A trial trains one network a seed with suggested settings on a part of its training subset, and is
judged on the rest of that subset (`EvaluationSpec.validation`); no reported set is looked at. Its
runs are ordinary runs of the store: a tuning that was stopped finds them again, and as the sampler
is seeded, it goes on with the trials that it would have made.
"""

import math
import statistics
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

from experiments.planning.partial import merge, nested
from experiments.planning.plan import Material, PlannedRun, expand
from experiments.planning.resolved import resolve
from experiments.planning.settings import MethodSettings, TaskSettings
from experiments.planning.study import Study
from experiments.tuning.search_space import (
    TEACHER,
    VALIDATION_SHARE,
    Dimension,
    check_setting,
    decides,
    grid_of,
)
from mixkd_core.errors import InputError
from mixkd_core.objectives.objective import METHODS
from mixkd_core.records.run_folder import RunRecord, find_record
from mixkd_core.records.specs import CheckpointRef, EvaluationSpec, checked
from reports.statistics.majority import beats_majority

VALIDATION = "validation"

Criterion = Literal["metric", "cross-entropy"]

# Does runs and returns why some of them failed, by id.
Do = Callable[[Sequence[PlannedRun]], Mapping[str, str]]


@dataclass(frozen=True)
class Tuning:
    """The settings that are tuned, and the way they are searched.

    Attributes:
        study: of one task at one fraction, with one student (`one_comparison`).
        settings: the search space.
        trials: for each method; fewer where a grid has fewer points.
        grid: whether to try every combination, in random order, instead of searching.
        objective: the task's primary metric, or the cross-entropy, on the validation sets.
        validation: share of the training subset that is held out.
        seed: of the sampler.
    """

    study: Study
    settings: tuple[Dimension, ...]
    trials: int
    grid: bool = False
    objective: Criterion = "metric"
    validation: float = VALIDATION_SHARE
    seed: int = 0


@dataclass(frozen=True)
class Trial:
    """One trial of one method.

    Attributes:
        method: its label, or `"teacher"`.
        number: from 1.
        chosen: what was set.
        metric, loss: on each seed's validation set, primary metric and mean loss; `()` if a run
            failed.
        majority: the metric of the majority class there.
        examples: there.
        metric_name: of the primary metric.
        loss_name: what the loss is: `"cross_entropy"`, or `"squared_error"` for a regression.
        runs: ids of the runs that were judged.
        failure: why a run failed; empty if none did.
        value: what is minimised.
    """

    method: str
    number: int
    chosen: Mapping[str, Any]
    metric: tuple[float, ...]
    loss: tuple[float, ...]
    majority: tuple[float, ...]
    examples: tuple[int, ...]
    metric_name: str
    loss_name: str
    runs: tuple[str, ...]
    failure: str
    value: float

    @property
    def beats_majority(self) -> bool | None:
        """Return whether its mean beats the majority class's; None if a run failed."""
        if not self.metric:
            return None
        means = map(statistics.fmean, (self.metric, self.majority, self.examples))
        return beats_majority(self.metric_name, *means)


@dataclass(frozen=True)
class Workbench:
    """The means by which trials are made.

    Attributes:
        out: the store.
        materials, checkpoints: as for `experiments.planning.plan.expand`.
        do: does the runs of a trial.
        say: told of every trial.
    """

    out: Path
    materials: Mapping[str, Material]
    checkpoints: Mapping[str, CheckpointRef]
    do: Do
    say: Callable[[str], None]


def one_comparison(study: Study) -> Study:
    """A study of one task, fraction and student, without its sweeps.

    Raises:
        InputError: if it has several.
    """
    several: dict[str, tuple[list[Any], str]] = {
        "tasks": (list(study.tasks), "--tasks"),
        "fractions": (
            sorted({value for task in study.tasks for value in study.fractions_of(task)}),
            "--fractions",
        ),
        "students": (
            [student.name for student in study.students],
            "--set 'students=[{layers: 3}]'",
        ),
    }
    for what, (found, option) in several.items():
        if len(found) > 1:
            raise InputError(
                f"settings are chosen for one task, fraction and student at a time, and study "
                f"{study.name!r} has the {what} {', '.join(map(str, found))}: narrow it with "
                f"{option}."
            )
    student = study.students[0].model_copy(update={"methods": None})
    return study.model_copy(update={"students": (student,), "sweeps": ()})


def chosen_methods(study: Study, names: Sequence[str] | None) -> tuple[MethodSettings | None, ...]:
    """The methods to tune: the study's by label, any other by name; None stands for the teacher.

    The teacher comes first: the others are tuned with its best settings.

    Raises:
        InputError: for an unknown method, or one named twice.
    """
    if names is None:
        return study.methods
    known = {method.name: method for method in study.methods}
    found: dict[str, MethodSettings | None] = {}
    for name in names:
        if name in found:
            raise InputError(f"--methods names {name!r} twice: name each once.")
        if name not in known and name not in METHODS and name != TEACHER:
            raise InputError(
                f"there is no method {name!r} to tune: name {TEACHER}, a method of the study "
                f"({', '.join(known)}), or one of {', '.join(METHODS)}."
            )
        found[name] = None if name == TEACHER else known.get(name) or MethodSettings(method=name)
    return tuple(sorted(found.values(), key=lambda method: method is not None))


def spaces(
    tuning: Tuning, methods: Sequence[MethodSettings | None]
) -> dict[str, tuple[Dimension, ...]]:
    """Each method's share of the search space, by label: what decides something for it.

    Raises:
        InputError: for a setting that does not fit, or that decides nothing for any method.
    """
    found: dict[str, tuple[Dimension, ...]] = {}
    for method in methods:
        if method is None:
            own = [setting for setting in tuning.settings if _of_teacher(setting.key)]
        else:
            own = [
                setting
                for setting in tuning.settings
                if decides(setting.key, method)
                and not (_of_teacher(setting.key) and None in methods)
            ]
        for setting in own:
            check_setting(setting, method)
        found[TEACHER if method is None else method.name] = tuple(own)
        if tuning.grid:
            grid_of(own)
    for setting in tuning.settings:
        if not any(setting in own for own in found.values()):
            raise InputError(
                f"--search {setting.key} decides nothing for {', '.join(found)}: leave it out, or "
                "name a method that it matters to."
            )
    return found


def tune(tuning: Tuning, methods: Sequence[MethodSettings | None], bench: Workbench) -> list[Trial]:
    """The trials of every method, the same number for each that has anything to choose.

    Raises:
        InputError: see `spaces`; for a cross-entropy that the task does not have; or if Optuna is
            not installed.
    """
    own = spaces(tuning, methods)
    if tuning.objective == "cross-entropy":
        for material in bench.materials.values():
            if material.source.task.is_regression:
                raise InputError(
                    f"task {material.source.task.name!r} has a real-valued label, and so no "
                    "cross-entropy: choose by the metric."
                )
    trials: list[Trial] = []
    for method in methods:
        name = TEACHER if method is None else method.name
        made = _trials(tuning, method, own[name], bench)
        trials += made
        winner = best(made)
        if method is None and winner is not None:
            tuning = replace(tuning, study=_with(tuning.study, {}, winner.chosen))
    return trials


def best(trials: Sequence[Trial]) -> Trial | None:
    """Return the best of one method's trials; None if all failed.

    Of trials that are judged alike the one with the smaller loss, then the earlier. On the few
    examples of a validation set many trials have the same metric.
    """

    def rank(trial: Trial) -> tuple[float, float, int]:
        return trial.value, statistics.fmean(trial.loss), trial.number

    return min((trial for trial in trials if not trial.failure), key=rank, default=None)


def winners(trials: Sequence[Trial]) -> dict[str, Trial | None]:
    """Each method's best trial (`best`), by label."""
    names = dict.fromkeys(trial.method for trial in trials)
    return {name: best([trial for trial in trials if trial.method == name]) for name in names}


def fragment(
    tuning: Tuning, methods: Sequence[MethodSettings | None], trials: Sequence[Trial]
) -> dict[str, Any]:
    """Return the chosen settings as keys of a study, without methods whose every trial failed.

    A teacher's settings that were chosen with a student are that method's alone, and no key of a
    study says so: they are left out too.
    """
    won = winners(trials)
    content: dict[str, Any] = {}
    teacher = won.get(TEACHER)
    if teacher is not None and teacher.chosen:
        (task,) = tuning.study.tasks
        (fraction,) = tuning.study.fractions_of(task)
        changed = [nested(key, value) for key, value in teacher.chosen.items()]
        content["tasks"] = {task: {"by_fraction": {fraction: merge(*changed)}}}
    chosen = []
    for method in methods:
        winner = None if method is None else won.get(method.name)
        if method is not None and winner is not None:
            own = {key: value for key, value in winner.chosen.items() if not _of_teacher(key)}
            fields = _changed(method, own).model_dump(exclude_unset=True, mode="json")
            chosen.append(fields)
    if chosen:
        content["methods"] = chosen
    return content


def _trials(
    tuning: Tuning, method: MethodSettings | None, own: Sequence[Dimension], bench: Workbench
) -> list[Trial]:
    optuna = _optuna()
    total = tuning.trials if own else 1  # where there is nothing to choose, one trial says it all
    sampler = optuna.samplers.TPESampler(seed=tuning.seed)
    if tuning.grid and own:
        sampler = optuna.samplers.GridSampler(grid_of(own), seed=tuning.seed)
    made: list[Trial] = []

    def objective(suggesting: Any) -> float:
        chosen = {setting.key: setting.suggest(suggesting) for setting in own}
        trial = _judged(tuning, method, len(made) + 1, chosen, bench)
        made.append(trial)
        bench.say(f"{trial.method}, trial {trial.number} of {total}: {trial_line(trial)}")
        return trial.value

    search = optuna.create_study(sampler=sampler, direction="minimize")
    search.optimize(objective, n_trials=total)
    return made


def trial_line(trial: Trial) -> str:
    """A trial in one line: what was set and what came out."""
    chosen = ", ".join(f"{key}={value}" for key, value in trial.chosen.items()) or "as it is"
    if trial.failure:
        return f"{chosen}: FAILED: {trial.failure}"
    weak = "" if trial.beats_majority else " (no better than the majority class)"
    return (
        f"{chosen}: {trial.metric_name} {statistics.fmean(trial.metric):.4f}{weak}, "
        f"{trial.loss_name.replace('_', '-')} {statistics.fmean(trial.loss):.4f}"
    )


def _judged(
    tuning: Tuning,
    method: MethodSettings | None,
    number: int,
    chosen: Mapping[str, Any],
    bench: Workbench,
) -> Trial:
    """Make the runs of one trial and judge them."""
    fields = {key: value for key, value in chosen.items() if not _of_teacher(key)}
    student = MethodSettings(method="ft") if method is None else _changed(method, fields)
    study = _with(tuning.study, {"methods": (student,)}, chosen)
    evaluation = checked(EvaluationSpec, validation=tuning.validation)
    study = study.model_copy(update={"evaluation": evaluation})
    runs = expand(resolve(study), bench.materials, bench.checkpoints)
    if method is None:
        runs = tuple(run for run in runs if run.spec.student is None)
    failures = bench.do(runs)
    judged = [run for run in runs if (run.spec.student is None) == (method is None)]
    records = [find_record(bench.out, run.spec) for run in judged]
    finished = [record for record in records if record is not None]
    failure = ""
    if len(finished) < len(judged):
        missing = len(judged) - len(finished)
        reasons = [failures.get(run.spec.id, "") for run in judged]
        first = next((reason for reason in reasons if reason), "its record cannot be read")
        failure = f"{missing} of {len(judged)} runs failed: {first}"
        finished = []
    results = [record.summary["results"][VALIDATION] for record in finished]
    metrics = tuple(_metric(record, "metrics") for record in finished)
    loss_name = "cross_entropy"
    if results and loss_name not in results[0]["risk"]:
        loss_name = "squared_error"
    losses = tuple(float(result["risk"][loss_name]) for result in results)
    value = math.inf  # the worst there is, so that the search goes elsewhere and goes on
    if finished and tuning.objective == "metric":
        value = -statistics.fmean(metrics)
    elif finished:
        value = statistics.fmean(losses)
    return Trial(
        method=TEACHER if method is None else method.name,
        number=number,
        chosen=chosen,
        metric=metrics,
        loss=losses,
        majority=tuple(_metric(record, "majority_baseline") for record in finished),
        examples=tuple(int(result["examples"]) for result in results),
        metric_name=finished[0].summary["primary_metric"] if finished else "",
        loss_name=loss_name,
        runs=tuple(run.spec.id for run in judged),
        failure=failure,
        value=value,
    )


def _metric(record: RunRecord, kind: str) -> float:
    """The primary metric of a run, or of the majority class, on its validation set."""
    summary = record.summary
    return float(summary["results"][VALIDATION][kind][summary["primary_metric"]])


def _changed(method: MethodSettings, fields: Mapping[str, Any]) -> MethodSettings:
    """A method with some of its fields set, under its own label."""
    parts = [nested(key, value) for key, value in fields.items()]
    return MethodSettings.model_validate(merge(method.given, *parts, {"label": method.name}))


def _with(study: Study, update: Mapping[str, Any], chosen: Mapping[str, Any]) -> Study:
    """A study with other keys, its teacher trained as was chosen."""
    (task,) = study.tasks
    (fraction,) = study.fractions_of(task)
    changes = [nested(key, value) for key, value in chosen.items() if _of_teacher(key)]
    settings = study.settings(task).given
    changed = TaskSettings.model_validate(
        merge(settings, *({"by_fraction": {fraction: change}} for change in changes))
    )
    return study.model_copy(update={**update, "tasks": {task: changed}})


def _of_teacher(key: str) -> bool:
    return key.startswith(f"{TEACHER}.")


def _optuna() -> Any:
    try:
        import optuna
    except ModuleNotFoundError as error:
        raise InputError(
            "choosing settings needs Optuna, which is not installed: pip install 'mixkd[tune]'."
        ) from error
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    return optuna
