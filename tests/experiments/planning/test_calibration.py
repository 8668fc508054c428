"""The time of runs that no finished run tells of: made up from the steps of their networks."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from experiments.planning import calibration
from experiments.planning.calibration import TIMED, timed_here
from experiments.planning.plan import PlannedRun, expand, gather
from experiments.planning.resolved import resolve
from experiments.planning.study import Study
from experiments.running.step_times import StepTimes, TextLengths

TRAINING = {"epochs": 2, "batch_size": 16, "max_length": 64}
# Of the teacher, and of students.
WHOLE = StepTimes(start=1.0, learning=0.1, update=0.01, reading=0.03)
SHALLOW = StepTimes(start=0.5, learning=0.02, update=0.005, reading=0.006)
LENGTHS = TextLengths(mean=10.0, longer=14.0)
STEPS, BATCH = 20, 16  # 160 examples, twice
MEASURED = 160 + 20 + 30  # the training subset, dev and fresh

Planned = Callable[..., dict[str, PlannedRun]]


@pytest.fixture
def timed(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """The runs whose networks were timed, by which times are these."""
    asked: list[Any] = []

    def times(spec: Any, resources: Any) -> StepTimes:
        asked.append(spec)
        return WHOLE if spec.student is None else SHALLOW

    monkeypatch.setattr(calibration, "time_network", times)
    monkeypatch.setattr(calibration, "text_lengths", lambda *_: LENGTHS)
    return asked


@pytest.fixture
def planned(tmp_path: Path) -> Planned:
    def make(*methods: Any, **changes: Any) -> dict[str, PlannedRun]:
        study = Study.model_validate({
            "name": "small", "stands_for": "a test", "seeds": [0, 1],
            "evaluation": {"fresh_size": 30},
            "defaults": {"teacher": TRAINING, "student": TRAINING},
            "tasks": {"embedded-sentiment": {"train_size": 160, "dev_size": 20}},
            "students": [{"layers": 2}], "methods": list(methods), **changes,
        })  # fmt: skip
        resolved = resolve(study)
        runs = expand(resolved, gather(resolved, tmp_path), {})
        return {run.labels[0]: run for run in runs if run.spec.seed == 0}

    return make


def seconds(runs: dict[str, PlannedRun], tmp_path: Path) -> dict[str, float]:
    found = timed_here(list(runs.values()), tmp_path, lambda _: None)
    assert {basis for _, basis in found.values()} == {TIMED}
    return {label: found[run.spec.id][0] for label, run in runs.items()}


def test_a_run_takes_what_its_networks_read(
    timed: list[Any], planned: Planned, tmp_path: Path
) -> None:
    told = seconds(planned("ft", "kd", "sm", "sm+tmkd"), tmp_path)
    student = 0.5 + MEASURED * 10 * 0.006 + STEPS * 0.005
    originals, mixed = STEPS * BATCH * 10 * 0.02, STEPS * BATCH * 14 * 0.02
    assert told["teacher"] == pytest.approx(
        1.0 + MEASURED * 10 * 0.03 + STEPS * (0.01 + BATCH * 10 * 0.1)
    )
    assert told["ft"] == told["kd"] == pytest.approx(student + originals)
    assert told["sm"] == pytest.approx(student + originals + mixed)
    assert told["sm+tmkd"] == pytest.approx(
        student + originals + mixed + STEPS * BATCH * 14 * 0.03
    ), "the teacher reads the mixtures too"


def test_settings_that_cost_time_are_counted(
    timed: list[Any], planned: Planned, tmp_path: Path
) -> None:
    deletion = {"kind": "deletion", "copies": 2}
    told = seconds(
        planned(
            "ft",
            "sm",
            {"label": "twice", "method": "sm", "mixup_ratio": 2},
            {"label": "deep", "method": "sm", "mix_layer": 1},
            {"label": "longer", "method": "ft", "epochs_factor": 3},
            {"label": "copies", "method": "ft", "training": {"augmentation": deletion}},
        ),
        tmp_path,
    )
    mixed = told["sm"] - told["ft"]
    assert told["twice"] == pytest.approx(told["ft"] + 2 * mixed)
    assert told["deep"] == pytest.approx(told["ft"] + 2 * mixed), "read apart up to the layer"
    steps = STEPS * (0.005 + BATCH * 10 * 0.02)
    assert told["longer"] == pytest.approx(told["ft"] + 2 * steps)
    assert told["copies"] == pytest.approx(told["ft"] + 2 * steps)


def test_a_run_that_chooses_settings_is_measured_on_its_own_subset(
    timed: list[Any], planned: Planned, tmp_path: Path
) -> None:
    run = planned("ft", evaluation={"validation": 0.5})["ft"]
    told = seconds({"ft": run}, tmp_path)["ft"]
    assert told == pytest.approx(0.5 + 160 * 10 * 0.006 + 10 * (0.005 + BATCH * 10 * 0.02))


def test_each_network_is_timed_once_and_named(
    timed: list[Any], planned: Planned, tmp_path: Path
) -> None:
    runs = planned("ft", "kd", "sm+tmkd", students=[{"layers": 1}, {"layers": 2}])
    said: list[str] = []
    timed_here(list(runs.values()), tmp_path, said.append)
    assert len(timed) == len(said) == 3
    assert said[0].startswith("timed here: the teacher from ")
    assert said[0].endswith("fp32: a step on 16 texts of 10 tokens takes 16 s")
    assert [line.split(",")[0][12:] for line in said[1:]] == [
        "a student of 1 of its layers", "a student of 2 of its layers",
    ]  # fmt: skip
