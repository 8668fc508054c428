"""The defaults are what the rule gives on the committed table of trials."""

import math
from pathlib import Path

import pandas as pd
import pytest

from experiments.planning.plan import gather
from experiments.planning.resolved import resolve
from experiments.planning.study_file import load_study
from experiments.tuning.defaults import (
    BEFORE,
    COLUMNS,
    METHODS,
    STAGES,
    START,
    STUDY,
    TABLE,
    TOGETHER,
    chosen,
    chosen_value,
    decided,
    taken,
    trials,
)
from mixkd_core.records.run_folder import find_records
from mixkd_core.records.specs import StudentSpec, TrainingSpec
from mixkd_core.records.usual import ENOUGH_STEPS, RATE_OF_RANDOM_WEIGHTS, RATE_OF_STUDENTS

DEFAULTS = {
    "layers": StudentSpec().layer_choice,
    "rate": RATE_OF_STUDENTS,
    "examples": ENOUGH_STEPS * TrainingSpec().batch_size,
    "batch": TrainingSpec().batch_size,
    "rate of random weights": RATE_OF_RANDOM_WEIGHTS,
}


def table() -> pd.DataFrame:
    return pd.read_csv(TABLE)


def test_the_defaults_are_what_the_rule_gives() -> None:
    committed = table()
    assert all(decided(stage, committed) for stage in (*STAGES, TOGETHER))
    assert chosen(committed) == DEFAULTS
    assert taken(committed) == "chosen"


def test_the_table_has_every_cell_once_and_names_its_runs() -> None:
    committed = table()
    assert tuple(committed.columns) == COLUMNS
    assert not committed.duplicated(["setting", "value", "task", "method", "seed"]).any()
    assert committed["run"].str.fullmatch("[0-9a-f]{12}").all()
    assert set(committed["task"]) <= set(METHODS) == set(load_study(str(STUDY)).tasks)


def cells(**metrics: list[float]) -> pd.DataFrame:
    rows = [
        {"task": f"t{place}", "method": "ft", "seed": 0, "value": name, "metric": metric}
        for name, column in metrics.items()
        for place, metric in enumerate(column)
    ]
    return pd.DataFrame(rows)


@pytest.mark.parametrize(
    ("cheap", "dear", "taken"),
    [
        ([0.5, 0.5, 0.5], [0.6, 0.6, 0.6], "dear"),  # better everywhere alike
        ([0.5, 0.5, 0.5], [0.5, 0.5, 0.6], "cheap"),  # ahead by one standard error, not more
        ([0.5, 0.5, 0.5], [0.5, 0.5, 0.5], "cheap"),
        ([0.6, 0.6, 0.6], [0.5, 0.5, 0.5], "cheap"),
        ([0.5, 0.5, 0.5, 0.5], [0.6, 0.6, 0.61, 0.5], "dear"),
    ],
)
def test_what_cannot_be_separated_is_decided_by_cost(
    cheap: list[float], dear: list[float], taken: str
) -> None:
    assert chosen_value(cells(cheap=cheap, dear=dear), ("cheap", "dear")) == taken


@pytest.mark.slow
def test_two_whole_trainings_differ_in_all_that_the_stages_gave(tmp_path: Path) -> None:
    fixed = START | {"rate of random weights": 2e-3, "layers": "last"}
    study = load_study(str(STUDY)).narrowed(tasks=["embedded-inference"])
    material = gather(resolve(study), tmp_path, data_dir=None, teacher=None)
    rows = list(trials(TOGETHER, study, fixed, material["embedded-inference"], tmp_path))
    assert [(row["value"], row["method"], row["seed"]) for row in rows] == [
        ("chosen", "ft", 0), ("before", "ft", 0),
    ]  # fmt: skip
    specs = {record.spec.id: record.spec for record in find_records(tmp_path)}
    ours, longer = (specs[row["run"]] for row in rows)
    assert ours.student
    assert longer.student
    chosen, before = ours.student.training, longer.student.training
    assert (chosen.batch_size, chosen.learning_rate) == (START["batch"], 2e-3)
    assert (before.batch_size, before.learning_rate) == (
        BEFORE["batch"], BEFORE["rate of random weights"],
    )  # fmt: skip
    assert ours.student.layer_choice == longer.student.layer_choice == "last"
    assert longer.teacher.epochs == before.epochs > ours.teacher.epochs
    assert before.epochs * math.ceil(400 / BEFORE["batch"]) >= BEFORE["steps"]


def test_a_stage_without_all_its_cells_decides_nothing() -> None:
    (stage,) = (stage for stage in STAGES if stage.name == "rate")
    committed = table()
    partly = committed[(committed["setting"] != "rate") | (committed["task"] != "rte")]
    assert decided(stage, committed)
    assert not decided(stage, partly)
    assert chosen(partly)["rate"] == START["rate"]
    assert chosen(committed.iloc[:0]) == START
