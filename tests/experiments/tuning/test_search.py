"""Choosing settings: the best is found and written down, the same search again, failures survived.

The runs themselves are made up here, with a known optimum; `test_cli_tune.py` makes real ones.
"""

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest
import yaml

from experiments.planning.plan import Material, PlannedRun, Source
from experiments.planning.study import Study
from experiments.tuning import search as module
from experiments.tuning.results import change_text, fragment_text, trial_frame, write_results
from experiments.tuning.search import (
    Trial,
    Tuning,
    Workbench,
    chosen_methods,
    fragment,
    one_comparison,
    spaces,
    tune,
    winners,
)
from experiments.tuning.search_space import parsed_settings
from mixkd_core.data.tasks import find_task
from mixkd_core.errors import InputError
from mixkd_core.records.run_folder import RunRecord
from mixkd_core.records.specs import CheckpointRef, RunSpec

optuna = pytest.importorskip("optuna", reason="choosing settings needs Optuna: mixkd[tune]")

SEARCH = ("weights.sm=0.1..4 log", "training.learning_rate=1e-5..1e-3 log")
BEST_RATE = 1e-4


def study(**changes: Any) -> Study:
    content = {
        "name": "small",
        "stands_for": "Figure 0",
        "seeds": [0, 1],
        "fractions": [0.1],
        "tasks": {"sst2": {"by_fraction": {0.1: {"teacher": {"epochs": 7}}}}},
        "students": [{"layers": 3}],
        "methods": ["ft", {"method": "sm+tmkd", "label": "mixed", "mixup_alpha": 1.0}],
        "sweeps": [{"base": "kd", "field": "temperature", "values": [1.0]}],
    }
    return Study.model_validate({**content, **changes})


class Lab:
    """A store in which a run is as good as its learning rate is near to the best one."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, task: str = "sst2") -> None:
        self.task = find_task(task)
        self.made: list[RunSpec] = []
        self.asked: list[RunSpec] = []
        self.failing_above = math.inf
        monkeypatch.setattr(module, "find_record", self.find)

    def find(self, _out: Path, spec: RunSpec) -> RunRecord | None:
        if spec.training.learning_rate > self.failing_above or spec not in self.made:
            return None
        away = abs(math.log10(spec.training.learning_rate / BEST_RATE))
        metric, loss = 0.9 - 0.1 * away + 0.01 * spec.seed, 1.0 + away
        result = {
            "metrics": {"accuracy": metric},
            "majority_baseline": {"accuracy": 0.5},
            "examples": 100,
            "risk": {"cross_entropy": loss},
        }
        bad = {"metrics": {"accuracy": 0.0}, "majority_baseline": {}, "risk": {}}
        results = {"train": bad, "validation": result}
        return RunRecord(Path("x"), spec, {"primary_metric": "accuracy", "results": results})

    def do(self, runs: Sequence[PlannedRun]) -> Mapping[str, str]:
        self.asked += [run.spec for run in runs]
        failures = {}
        for run in runs:
            if run.spec.training.learning_rate > self.failing_above:
                failures[run.spec.id] = "diverged at step 3"
            elif run.spec not in self.made:
                self.made.append(run.spec)
        return failures

    @property
    def bench(self) -> Workbench:
        ref = CheckpointRef(name="encoder", digest="e1")
        material = Material(Source(self.task), "fingerprint", 1000, "encoder", ref)
        return Workbench(Path("runs"), {self.task.name: material}, {}, self.do, lambda _: None)


@pytest.fixture
def lab(monkeypatch: pytest.MonkeyPatch) -> Lab:
    return Lab(monkeypatch)


def tuning(search: Sequence[str] = SEARCH, trials: int = 12, **others: Any) -> Tuning:
    described = one_comparison(others.pop("study", study()))
    return Tuning(described, parsed_settings(search), trials, **others)


def told(trials: Sequence[Trial]) -> list[tuple[str, Mapping[str, Any], float]]:
    return [(trial.method, trial.chosen, trial.value) for trial in trials]


def test_every_method_has_the_same_trials_and_its_best_is_the_nearest(lab: Lab) -> None:
    plan = tuning()
    trials = tune(plan, chosen_methods(plan.study, None), lab.bench)
    assert [t.method for t in trials] == ["ft"] * 12 + ["mixed"] * 12
    assert {frozenset(t.chosen) for t in trials[:12]} == {frozenset({"training.learning_rate"})}
    for name, winner in winners(trials).items():
        own = [t for t in trials if t.method == name]
        assert winner is not None
        nearest = min(own, key=lambda t: abs(math.log(t.chosen["training.learning_rate"] / 1e-4)))
        assert winner is nearest
        assert winner.metric[1] == pytest.approx(winner.metric[0] + 0.01), "a value a seed"
        assert winner.value == pytest.approx(-sum(winner.metric) / 2)
        assert winner.majority == (0.5, 0.5)


def test_runs_are_judged_on_held_out_training_examples_only(lab: Lab) -> None:
    plan = tuning(trials=2, validation=0.25)
    tune(plan, chosen_methods(plan.study, None), lab.bench)
    assert {spec.evaluation.validation for spec in lab.asked} == {0.25}
    assert {spec.seed for spec in lab.asked} == {0, 1}
    mixed = [spec.student for spec in lab.asked if spec.method == "sm+tmkd"]
    assert {student.mixup_alpha for student in mixed if student} == {1.0}, "what is not tuned stays"


def test_the_same_tuning_makes_the_same_trials_and_another_seed_others(lab: Lab) -> None:
    plan = tuning(trials=14)  # beyond the sampler's first ten, which look at no result
    first = tune(plan, chosen_methods(plan.study, ["mixed"]), lab.bench)
    runs = len(lab.made)
    again = tune(plan, chosen_methods(plan.study, ["mixed"]), lab.bench)
    assert told(again) == told(first)
    assert len(lab.made) == runs, "every run was found again"
    other = tuning(trials=14, seed=1)
    assert told(tune(other, chosen_methods(other.study, ["mixed"]), lab.bench)) != told(first)


def test_a_stopped_tuning_goes_on_with_the_trials_that_it_would_have_made(
    lab: Lab, monkeypatch: pytest.MonkeyPatch
) -> None:
    plan = tuning(trials=13)
    methods = chosen_methods(plan.study, ["mixed"])
    whole = tune(plan, methods, lab.bench)
    stopped = Lab(monkeypatch)
    original = stopped.do

    def interrupted(runs: Sequence[PlannedRun]) -> Mapping[str, str]:
        if len(stopped.made) > 20:
            raise KeyboardInterrupt
        return original(runs)

    with monkeypatch.context() as patch:
        patch.setattr(stopped, "do", interrupted)
        with pytest.raises(KeyboardInterrupt):
            tune(plan, methods, stopped.bench)
    assert 20 < len(stopped.made) < len(lab.made)
    assert told(tune(plan, methods, stopped.bench)) == told(whole)


def test_a_failed_run_makes_its_trial_the_worst_and_not_the_end(lab: Lab) -> None:
    lab.failing_above = 3e-4
    search = ["training.learning_rate=1e-3,1e-4,1e-5"]
    plan = tuning(search, trials=3, grid=True)
    trials = tune(plan, chosen_methods(plan.study, ["ft"]), lab.bench)
    (failed,) = [t for t in trials if t.failure]
    assert failed.chosen == {"training.learning_rate": 1e-3}
    assert failed.failure == "2 of 2 runs failed: diverged at step 3"
    assert failed.value == math.inf
    winner = winners(trials)["ft"]
    assert winner is not None
    assert winner.chosen == {"training.learning_rate": 1e-4}
    lab.failing_above = 0.0
    trials = tune(plan, chosen_methods(plan.study, ["ft"]), lab.bench)
    assert winners(trials) == {"ft": None}
    assert fragment(plan, chosen_methods(plan.study, ["ft"]), trials) == {}


def test_a_grid_tries_every_combination_once(lab: Lab) -> None:
    search = ["weights.sm=0.5,1,2", "training.learning_rate=1e-5,1e-4"]
    plan = tuning(search, trials=100, grid=True)
    trials = tune(plan, chosen_methods(plan.study, ["ft", "mixed"]), lab.bench)
    points = [tuple(t.chosen.values()) for t in trials if t.method == "mixed"]
    assert sorted(points) == [(w, r) for w in (0.5, 1, 2) for r in (1e-5, 1e-4)]
    assert [t.chosen for t in trials if t.method == "ft"] != []
    fewer = tuning(search, trials=2, grid=True)
    trials = tune(fewer, chosen_methods(plan.study, ["ft", "mixed"]), lab.bench)
    assert [t.method for t in trials] == ["ft"] * 2 + ["mixed"] * 2


def test_the_objective_decides_which_trial_is_best(lab: Lab) -> None:
    plan = tuning(SEARCH[1:], trials=3, objective="cross-entropy")
    trials = tune(plan, chosen_methods(plan.study, ["ft"]), lab.bench)
    for trial in trials:
        assert trial.value == pytest.approx(sum(trial.loss) / 2)


def test_the_teacher_is_tuned_first_and_its_students_learn_from_the_best(lab: Lab) -> None:
    plan = tuning(["teacher.learning_rate=1e-5,1e-4", "weights.sm=1,2"], trials=2, grid=True)
    methods = chosen_methods(plan.study, ["mixed", "teacher"])
    trials = tune(plan, methods, lab.bench)
    assert [t.method for t in trials] == ["teacher"] * 2 + ["mixed"] * 2
    students = [spec for spec in lab.asked if spec.student is not None]
    assert {spec.teacher.learning_rate for spec in students} == {1e-4}
    assert {spec.teacher.epochs for spec in lab.asked} == {7}, "what is not tuned stays"
    content = fragment(plan, methods, trials)
    chosen = content["tasks"]["sst2"]["by_fraction"][0.1]["teacher"]
    assert chosen == {"learning_rate": 1e-4}
    assert [spaces(plan, methods)[name][0].key for name in ("teacher", "mixed")] == [
        "teacher.learning_rate",
        "weights.sm",
    ]


def test_what_was_chosen_is_written_as_keys_of_a_study(lab: Lab, tmp_path: Path) -> None:
    plan = tuning(["weights.sm=2,3", "training.learning_rate=1e-5,1e-4"], trials=4, grid=True)
    methods = chosen_methods(plan.study, None)
    trials = tune(plan, methods, lab.bench)
    write_results(tmp_path / "new", trials, fragment(plan, methods, trials), "one line\nanother")
    text = (tmp_path / "new" / "chosen.yaml").read_text()
    assert text.startswith("# one line\n# another\nmethods:\n")
    content = yaml.safe_load(text)
    ft, mixed = Study.model_validate({**study().given, **content}).methods
    assert (ft.name, ft.training.learning_rate) == ("ft", 1e-4)
    assert (mixed.name, mixed.mixup_alpha, mixed.training.learning_rate) == ("mixed", 1.0, 1e-4)
    assert mixed.weights["sm"] in (2, 3)
    assert yaml.safe_load(change_text(content["methods"])) == content["methods"]
    assert "\n" not in change_text(content["methods"])
    assert yaml.safe_load(fragment_text(content)) == content
    frame = trial_frame(trials)
    assert list(frame.groupby("method")["best"].sum()) == [1, 1]
    assert frame.loc[frame["method"] == "ft", "weights.sm"].isna().all()
    assert set(frame["majority"]) == {0.5}
    assert frame["metric_sd"].to_numpy() == pytest.approx(0.01 / math.sqrt(2))
    assert (tmp_path / "new" / "trials.csv").read_text().count("\n") == 1 + len(trials)


def test_a_method_with_nothing_to_choose_has_one_trial(lab: Lab) -> None:
    plan = tuning(["weights.sm=1,2"], trials=2)
    trials = tune(plan, chosen_methods(plan.study, None), lab.bench)
    assert [t.method for t in trials] == ["ft", "mixed", "mixed"]
    assert trials[0].chosen == {}


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"tasks": {"sst2": {}, "rte": {}}}, "the tasks sst2, rte: narrow it with --tasks"),
        ({"fractions": [0.1, 1.0]}, "the fractions 0.1, 1.0: narrow it with --fractions"),
        ({"students": [{"layers": 3}, {"layers": 6}]}, "the students 3 layers, 6 layers: narrow"),
    ],
)
def test_settings_are_chosen_for_one_comparison_at_a_time(
    changes: dict[str, Any], said: str
) -> None:
    with pytest.raises(InputError, match=said):
        one_comparison(study(**changes))


def test_unknown_methods_and_idle_settings_are_refused() -> None:
    with pytest.raises(InputError, match="no method 'mixkd' to tune: name teacher, a method of"):
        chosen_methods(study(), ["mixkd"])
    with pytest.raises(InputError, match="names 'ft' twice"):
        chosen_methods(study(), ["ft", "ft"])
    with pytest.raises(InputError, match=r"--search weights.sm decides nothing for ft, pkd"):
        spaces(tuning(["weights.sm=1,2"]), chosen_methods(study(), ["ft", "pkd"]))
    with pytest.raises(InputError, match="--grid tries every combination"):
        spaces(tuning(grid=True), chosen_methods(study(), ["ft"]))


def test_a_regression_has_no_cross_entropy(monkeypatch: pytest.MonkeyPatch) -> None:
    lab = Lab(monkeypatch, "stsb")
    plan = tuning(SEARCH[1:], objective="cross-entropy", study=study(tasks={"stsb": {}}))
    with pytest.raises(InputError, match="'stsb' has a real-valued label"):
        tune(plan, chosen_methods(plan.study, ["ft"]), lab.bench)
