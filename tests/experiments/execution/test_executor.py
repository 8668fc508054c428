"""Many runs: in order, each once, a failing one among good ones, and several at once."""

import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from experiments.execution import executor
from experiments.execution.executor import execute
from experiments.execution.jobs import JobOutcome, Workplace
from experiments.execution.schedule import SECONDS_UNTIL_ANOTHER_LOOK, Schedule
from experiments.execution.worker import worker_environment
from experiments.planning.plan import PlannedRun, expand, gather
from experiments.planning.resolved import resolve
from experiments.planning.study import Study
from experiments.running.store import run_lock
from mixkd_core.errors import DiskFullError
from mixkd_core.records.run_folder import find_record
from mixkd_core.records.specs import RunSpec
from mixkd_core.records.survey import survey

TRAINING = {"epochs": 1, "learning_rate": 1e-3, "batch_size": 16, "max_length": 64}


def study(**changes: Any) -> Study:
    content = {
        "name": "tiny",
        "stands_for": "a test",
        "seeds": [0],
        "tasks": {"embedded-sentiment": {"train_size": 80, "dev_size": 20}},
        "defaults": {"teacher": TRAINING, "student": TRAINING},
        "evaluation": {"fresh_size": 20},
        "students": [{"layers": 1}],
        "methods": ["ft", "sm+tmkd"],
    }
    return Study.model_validate({**content, **changes})


@pytest.fixture
def planned(tmp_path: Path) -> Callable[..., tuple[PlannedRun, ...]]:
    def plan(**changes: Any) -> tuple[PlannedRun, ...]:
        described = study(**changes)
        resolved = resolve(described)
        return expand(resolved, gather(resolved, tmp_path))

    return plan


def do(runs: tuple[PlannedRun, ...], out: Path, jobs: int = 1, done: Any = ()) -> dict[str, str]:
    return execute(runs, done, Workplace(out, "mixkd run tiny"), jobs=jobs, say=lambda _: None)


# ---- the schedule ----


def test_the_schedule_keeps_the_order_and_students_wait_for_their_teacher(planned: Any) -> None:
    teacher, ft, mixed = planned()
    schedule = Schedule([teacher, ft, mixed], [])
    assert schedule.take() is teacher
    assert schedule.take() is None
    assert schedule.left == 2
    schedule.finish(teacher)
    assert (schedule.take(), schedule.take(), schedule.take()) == (ft, mixed, None)
    assert schedule.left == 0


def test_what_is_done_is_not_handed_out_again(planned: Any) -> None:
    teacher, ft, mixed = planned()
    schedule = Schedule([teacher, ft, mixed], [teacher.spec.id, ft.spec.id])
    assert (schedule.take(), schedule.take()) == (mixed, None)


def test_students_of_a_teacher_that_failed_are_not_tried(planned: Any) -> None:
    runs = planned(seeds=[0, 1])
    schedule = Schedule(runs, [])
    first = schedule.take()
    assert first is runs[0]
    schedule.fail(first, "no luck")
    assert schedule.take() is runs[3], "the other seed's teacher"
    assert schedule.failures[runs[1].spec.id] == f"its teacher {first.spec.folder_name} failed"
    assert set(schedule.failures) == {run.spec.id for run in runs[:3]}


def test_a_run_that_is_being_worked_on_is_looked_at_again_later(planned: Any) -> None:
    teacher, ft, mixed = planned()
    now = [0.0]
    schedule = Schedule([teacher, ft, mixed], [teacher.spec.id], clock=lambda: now[0])
    assert schedule.take() is ft
    schedule.defer(ft)
    assert (schedule.take(), schedule.take()) == (mixed, None)
    assert schedule.left == 1
    now[0] += SECONDS_UNTIL_ANOTHER_LOOK
    assert schedule.take() is ft


# ---- one after another ----


@pytest.mark.slow
def test_a_failing_run_does_not_stop_the_others(planned: Any, tmp_path: Path) -> None:
    wild = {"method": "ft", "label": "wild", "training": {"learning_rate": 1e6}}
    runs = planned(methods=["ft", wild, "kd"])
    failures = do(runs, tmp_path)
    states = {run.id: run for run in survey(tmp_path, whole=True).runs}
    (failed,) = [run for run in runs if run.labels == ("wild",)]
    assert list(failures) == [failed.spec.id]
    assert states[failed.spec.id].state == "failed"
    assert "step" in states[failed.spec.id].reason
    assert states[failed.spec.id].reason == failures[failed.spec.id]
    assert {states[run.spec.id].state for run in runs if run is not failed} == {"finished"}


@pytest.mark.slow
def test_an_unexpected_error_is_a_failure_with_its_type(
    planned: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: Any, **__: Any) -> None:
        raise IndexError("list index out of range")

    runs = planned(methods=["ft"])
    monkeypatch.setattr("experiments.running.runner.train", broken)
    failures = do(runs, tmp_path)
    teacher, student = runs
    assert failures[teacher.spec.id] == "IndexError: list index out of range"
    assert failures[student.spec.id] == f"its teacher {teacher.spec.folder_name} failed"
    monkeypatch.undo()
    assert do(runs, tmp_path) == {}, "a repeated call tries again"
    assert {run.state for run in survey(tmp_path, whole=True).runs} == {"finished"}


@pytest.mark.slow
def test_a_full_disk_ends_the_study_and_keeps_what_is_finished(
    planned: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    runs = planned()
    written = executor.attempt

    def full(run: PlannedRun, *rest: Any) -> JobOutcome:
        if run is runs[1]:
            monkeypatch.setattr("experiments.running.runner.write_examples", no_space)
        return written(run, *rest)

    def no_space(*_: Any) -> None:
        Path("/dev/full").write_text("x")

    monkeypatch.setattr(executor, "attempt", full)
    with pytest.raises(DiskFullError, match="no space is left"):
        do(runs, tmp_path)
    assert find_record(tmp_path, runs[0].spec) is not None
    assert [run.state for run in survey(tmp_path, whole=True).runs].count("finished") == 1


@pytest.mark.slow
def test_a_run_that_another_holds_is_left_to_it_and_the_others_are_done(
    planned: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    teacher, ft, mixed = planned()
    do((teacher,), tmp_path)
    order: list[str] = []
    attempted = executor.attempt
    held = run_lock(tmp_path, ft.spec.id, None)
    held.__enter__()

    def noted(run: PlannedRun, *rest: Any) -> JobOutcome:
        outcome = attempted(run, *rest)
        order.append(f"{run.labels[0]} {outcome.state}")
        if run is mixed:
            held.__exit__(None, None, None)
        return outcome

    monkeypatch.setattr(executor, "attempt", noted)
    assert do((teacher, ft, mixed), tmp_path, done=[teacher.spec.id]) == {}
    assert order == ["ft busy", "sm+tmkd done", "ft done"]


# ---- several at once ----


@pytest.mark.slow
def test_two_jobs_give_bitwise_the_records_of_one(planned: Any, tmp_path: Path) -> None:
    runs = planned()
    assert do(runs, tmp_path / "one") == {}
    assert do(runs, tmp_path / "two", jobs=2) == {}
    for run in runs:
        one = find_record(tmp_path / "one", run.spec)
        two = find_record(tmp_path / "two", run.spec)
        assert one is not None
        assert two is not None
        assert two.summary["hardware"]["threads"] == one.summary["hardware"]["threads"] == 1
        assert one.summary["results"] == two.summary["results"]
        for name in one.sets:
            pd.testing.assert_frame_equal(one.examples(name), two.examples(name), check_exact=True)
        assert (one.model_folder / "model.safetensors").read_bytes() == (
            two.model_folder / "model.safetensors"
        ).read_bytes()


class Deadly:
    """Stands for a run's material; it ends the process that unpickles it."""

    source = "never loaded"

    def __reduce__(self) -> Any:
        return eval, ("__import__('os').kill(__import__('os').getpid(), 9)",)


@pytest.mark.slow
def test_a_killed_worker_costs_its_run_only(planned: Any, tmp_path: Path) -> None:
    teacher, ft, mixed = planned()
    do((teacher,), tmp_path)
    deadly: Any = Deadly()
    runs = (teacher, replace(ft, material=deadly), mixed)
    failures = do(runs, tmp_path, jobs=2, done=[teacher.spec.id])
    said = "its process ended by signal SIGKILL; memory may have run out"
    assert failures == {ft.spec.id: said}
    assert find_record(tmp_path, mixed.spec) is not None
    assert do((teacher, ft, mixed), tmp_path, done=[teacher.spec.id, mixed.spec.id]) == {}


def test_workers_share_the_cores_and_have_a_gpu_each(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(range(8)), raising=False)
    assert worker_environment(0, 2, {}, 0) == {"OMP_NUM_THREADS": "4", "RAYON_NUM_THREADS": "4"}
    assert worker_environment(0, 16, {}, 1)["OMP_NUM_THREADS"] == "1"
    assert worker_environment(0, 2, {"OMP_NUM_THREADS": "2"}, 0)["OMP_NUM_THREADS"] == "2"
    assert worker_environment(0, 2, {"OMP_NUM_THREADS": "6"}, 0)["OMP_NUM_THREADS"] == "4"
    gpus = [worker_environment(k, 3, {}, 2)["CUDA_VISIBLE_DEVICES"] for k in range(3)]
    assert gpus == ["0", "1", "0"]
    some = {"CUDA_VISIBLE_DEVICES": "5,7"}
    assert worker_environment(1, 2, some, 2)["CUDA_VISIBLE_DEVICES"] == "7"
    assert "CUDA_VISIBLE_DEVICES" not in worker_environment(1, 2, {}, 1)


class Telling:
    """Stands for a run's material; what its process knew before torch came is the failure."""

    def __reduce__(self) -> Any:
        code = """type("Told", (), {"source": property(lambda self: (_ for _ in ()).throw(
            RuntimeError(__import__("os").environ["CUDA_VISIBLE_DEVICES"])))})()"""
        return eval, (code,)


@pytest.mark.slow
def test_each_worker_process_sees_one_gpu(
    planned: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import torch

    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "5,7")
    telling: Any = Telling()
    runs = [replace(run, material=telling) for run in planned(seeds=[0, 1]) if not run.teacher_id]
    failures = do(tuple(runs), tmp_path, jobs=2)
    assert sorted(failures.values()) == ["RuntimeError: 5", "RuntimeError: 7"]


def test_a_worker_learns_its_gpu_before_torch_is_loaded() -> None:
    code = "import sys, experiments.execution.worker; print('torch' in sys.modules)"
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert said.stdout.strip() == "False"


def test_the_specification_crosses_to_a_worker_unchanged(planned: Any) -> None:
    import pickle

    for run in planned():
        copy = pickle.loads(pickle.dumps(run))
        assert copy == run
        assert isinstance(copy.spec, RunSpec)
        assert copy.spec.id == run.spec.id


@pytest.mark.slow
def test_a_worker_that_is_ended_leaves_no_semaphore_behind() -> None:
    """The lock of its progress bars is a thread's: Python has nothing to complain of."""
    code = (
        "import threading\n"
        "from experiments.execution.worker import settle\n"
        "settle({'OMP_NUM_THREADS': '1'})\n"
        "from tqdm.auto import tqdm\n"
        "list(tqdm([1], disable=True))\n"
        "assert isinstance(tqdm.get_lock(), type(threading.RLock())), tqdm.get_lock()\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
