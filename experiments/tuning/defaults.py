"""The defaults of a training, chosen on held-out training data by a rule that was fixed before.

Settings are varied one after another (`STAGES`), each with those before it at what was chosen. A
cell is a task, a method and a seed. The best of a setting's values has the highest metric, averaged
over the cells; chosen is the cheapest whose mean is behind the best's by no more than the standard
error of that difference over the cells (the one-standard-error rule of Breiman et al. 1984). So
what evidence cannot separate is decided by cost: fewer examples, and for as many examples larger
batches. Of values that cost the same, the one that was the default before counts as the cheapest.

One setting at a time cannot say what several do together. So the last comparison (`TOGETHER`) is of
two whole trainings, teachers included: all that the stages gave, and what was the default before
(`BEFORE`), which costs six times as much. The same rule decides between them.

    python -m experiments.tuning.defaults --glue GLUE --tickets FILE --encoder FOLDER --out STORE

makes the runs of stages that the committed table lacks, or with `--again` of all, where they are
missing in the store, and writes the table. It may be stopped and repeated.
"""

import argparse
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from experiments.execution.executor import execute
from experiments.execution.jobs import Workplace
from experiments.planning.partial import merge
from experiments.planning.plan import Material, gather
from experiments.planning.resolved import resolve
from experiments.planning.settings import MethodSettings, StudentSettings, TaskSettings
from experiments.planning.study import Study
from experiments.planning.study_file import load_study
from experiments.running.quiet import quiet_libraries
from experiments.tuning.search import Trial, Tuning, Workbench, tune
from experiments.tuning.search_space import Dimension
from mixkd_core.data.tasks import EMBEDDED
from mixkd_core.records.run_folder import find_record

RESULTS = Path(__file__).parents[1] / "results"
STUDY, TABLE = RESULTS / "defaults" / "defaults.yaml", RESULTS / "defaults" / "trials.csv"


@dataclass(frozen=True)
class Stage:
    """A setting to be chosen.

    Attributes:
        name: of the setting.
        key: of a method, as `mixkd tune --search` takes it.
        choices: its values, the cheapest first.
        tasks: whose cells decide: `"embedded"`, which start from random weights, `"real"`, or
            `"all"`.
    """

    name: str
    key: str
    choices: tuple[Any, ...]
    tasks: str = "all"

    def covers(self, task: str) -> bool:
        """Return True if a task has cells here."""
        return self.tasks == "all" or (self.tasks == "embedded") == (task in EMBEDDED)


# Batches of one size see as many examples as those of another: 1,600 are 100 steps of 16.
START: Mapping[str, Any] = {
    "layers": "first",
    "rate": 1e-4,
    "rate of random weights": 1e-3,
    "batch": 16,
    "examples": 1600,
}
STAGES = (
    Stage("layers", "layer_choice", ("first", "alternate")),
    Stage("rate", "training.learning_rate", (5e-5, 1e-4, 2e-4), "real"),
    Stage("examples", "training.epochs", (1600, 4800)),
    Stage("batch", "training.batch_size", (32, 16, 8)),
    Stage("rate of random weights", "training.learning_rate", (1e-3, 5e-4, 2e-3), "embedded"),
)
TOGETHER = Stage("together", "", ("chosen", "before"))
# Of student and teacher alike, but for the rates of pre-trained ones: 2e-4 and 5e-5, as chosen.
BEFORE: Mapping[str, Any] = {"steps": 300, "batch": 32, "rate of random weights": 1e-3}
# A teacher is trained alike whatever is varied, but for `TOGETHER`.
TEACHER_EXAMPLES = 1600
# The default method costs three times as much as fine-tuning.
METHODS = {
    "tickets": ("ft", "sm+tmkd"),
    "sst2": ("ft",),
    "cola": ("ft",),
    "embedded-sentiment": ("ft", "sm+tmkd"),
    "embedded-inference": ("ft",),
    "rte": ("ft",),
}
COLUMNS = ("setting", "value", "task", "method", "seed", "metric", "majority", "loss", "run")


def chosen_value(cells: pd.DataFrame, values: Sequence[Any]) -> Any:
    """Return the value that the rule gives.

    Args:
        cells: a row per cell and value: `task, method, seed, value, metric`. A cell that lacks one
            of the values decides nothing.
        values: the cheapest first.
    """
    wide = cells.pivot_table(index=["task", "method", "seed"], columns="value", values="metric")
    wide = wide[list(values)].dropna()
    best = wide.mean().idxmax()
    for value in values:
        behind = wide[best] - wide[value]
        if value == best or behind.mean() <= behind.sem():
            return value
    raise AssertionError("the best is one of the values")


def decided(stage: Stage, table: pd.DataFrame) -> bool:
    """Return True if a table has every cell of a stage, with each of its values."""
    rows = table[table["setting"] == stage.name]
    there = set(zip(rows["task"], rows["method"], rows["value"].astype(str), strict=True))
    return there >= {
        (task, method, str(value))
        for task, methods in METHODS.items()
        if stage.covers(task)
        for method in methods
        for value in stage.choices
    }


def chosen(table: pd.DataFrame) -> dict[str, Any]:
    """Return what the rule gives for each setting; `START` where a task's cells are missing."""
    found = dict(START)
    for stage in STAGES:
        rows = table[table["setting"] == stage.name]
        if decided(stage, table):
            named = {str(value): value for value in stage.choices}
            cells = rows.assign(value=rows["value"].astype(str).map(named))
            found[stage.name] = chosen_value(cells, stage.choices)
    return found


def taken(table: pd.DataFrame) -> str:
    """Return which of the two whole trainings the rule takes."""
    rows = table[table["setting"] == TOGETHER.name]
    return str(chosen_value(rows, TOGETHER.choices))


def trials(
    stage: Stage, study: Study, fixed: Mapping[str, Any], material: Material, out: Path
) -> Iterator[dict[str, Any]]:
    """Yield a stage's rows for a study of one task, its runs made where they are missing."""
    (task,) = study.tasks
    (fraction,) = study.fractions_of(task)
    examples = round(fraction * material.examples * (1 - (study.evaluation.validation or 0)))
    random_weights = task in EMBEDDED
    rate = fixed["rate of random weights" if random_weights else "rate"]
    teacher = {"epochs": TEACHER_EXAMPLES / examples}
    student = {
        "layers": 2 if random_weights else 3,  # half of the teacher's
        "layer_choice": fixed["layers"],
        "training": {
            "learning_rate": rate,
            "batch_size": fixed["batch"],
            "epochs": fixed["examples"] / examples,
        },
    }
    if stage is TOGETHER:
        trainings = {"chosen": (teacher, student)}
        longer = _before(examples)
        rates = [BEFORE["rate of random weights"]] * 2 if random_weights else [5e-5, rate]
        trainings["before"] = (
            longer | {"learning_rate": rates[0]},
            student | {"training": longer | {"learning_rate": rates[1]}},
        )
        for value in stage.choices:
            made = _tried(study, *trainings[value], None, material, out)
            yield from _rows(stage, study, [value] * len(made), made)
        return
    set_to = [value / examples if stage.name == "examples" else value for value in stage.choices]
    made = _tried(study, teacher, student, Dimension(stage.key, tuple(set_to)), material, out)
    values = [stage.choices[set_to.index(trial.chosen[stage.key])] for trial in made]
    yield from _rows(stage, study, values, made)


def _before(examples: int) -> dict[str, Any]:
    """Return batch size and epochs of `BEFORE`: three, or as many as its steps take."""
    steps_of_an_epoch = math.ceil(examples / BEFORE["batch"])
    epochs = max(3.0, float(math.ceil(BEFORE["steps"] / steps_of_an_epoch)))
    return {"batch_size": BEFORE["batch"], "epochs": epochs}


def _tried(
    study: Study,
    teacher: Mapping[str, Any],
    student: Mapping[str, Any],
    varied: Dimension | None,
    material: Material,
    out: Path,
) -> list[Trial]:
    """Return the trials of a study of one task: each of a setting's values, or one as it is."""
    (task,) = study.tasks
    settings = TaskSettings.model_validate(merge(study.tasks[task].given, {"teacher": teacher}))
    students = (StudentSettings.model_validate(student),)
    study = study.model_copy(update={"tasks": {task: settings}, "students": students})
    workplace = Workplace(out, "python -m experiments.tuning.defaults")

    def do(runs: Any) -> dict[str, str]:
        done = [run.spec.id for run in runs if find_record(out, run.spec) is not None]
        return execute(runs, done, workplace, say=print)

    tuning = Tuning(
        study,
        () if varied is None else (varied,),
        trials=1 if varied is None else len(varied.values),
        grid=True,
        validation=study.evaluation.validation or 0.5,
    )
    methods = [MethodSettings(method=name) for name in METHODS[task]]
    return tune(tuning, methods, Workbench(out, {task: material}, {}, do, print))


def _rows(
    stage: Stage, study: Study, values: Sequence[Any], made: Sequence[Trial]
) -> Iterator[dict[str, Any]]:
    """Yield a row per trial, with its value, and seed."""
    (task,) = study.tasks
    for value, trial in zip(values, made, strict=True):
        for seed, metric, majority, loss, run in zip(
            study.seeds, trial.metric, trial.majority, trial.loss, trial.runs, strict=True
        ):
            numbers = (round(number, 4) for number in (metric, majority, loss))
            row = (stage.name, value, task, trial.method, seed, *numbers, run)
            yield dict(zip(COLUMNS, row, strict=True))


def make_table(
    study: Study, materials: Mapping[str, Material], out: Path, stored: pd.DataFrame
) -> pd.DataFrame:
    """Return the whole table, each stage at what the table so far gives for those before it.

    What is there so far is written after every task.

    Args:
        stored: a table that is there already; its stages that have every cell are not run again.
    """
    rows: list[dict[str, Any]] = []
    for stage in (*STAGES, TOGETHER):
        if decided(stage, stored):
            there = stored[stored["setting"] == stage.name].to_dict("records")
            rows += [{str(name): value for name, value in row.items()} for row in there]
            continue
        fixed = chosen(pd.DataFrame(rows, columns=COLUMNS))
        print(f"{stage.name}: {stage.choices}, with {fixed}", flush=True)
        for task in study.tasks:
            if stage.covers(task):
                rows += trials(stage, study.narrowed(tasks=[task]), fixed, materials[task], out)
                pd.DataFrame(rows).to_csv(out / TABLE.name, index=False, lineterminator="\n")
    return pd.DataFrame(rows)


def main() -> None:
    """Make the runs that are missing and write the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    for name in ("glue", "tickets", "encoder", "out"):
        parser.add_argument(f"--{name}", type=Path, required=True)
    parser.add_argument("--again", action="store_true", help="Also stages that the table has.")
    given = parser.parse_args()
    quiet_libraries()
    study = load_study(str(STUDY), [f"tasks.tickets.files.train={given.tickets}"])
    materials = gather(resolve(study), given.out, data_dir=given.glue, teacher=str(given.encoder))
    stored = pd.read_csv(TABLE)
    table = make_table(study, materials, given.out, stored.iloc[:0] if given.again else stored)
    table.to_csv(TABLE, index=False, lineterminator="\n")
    print(chosen(table), taken(table))


if __name__ == "__main__":
    main()
