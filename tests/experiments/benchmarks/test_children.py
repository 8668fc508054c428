"""What the benchmark measures in processes of their own: memory, two processes, waiting times."""

import subprocess
from pathlib import Path
from typing import Any

import pytest

from experiments.benchmarks import scaling, whole
from experiments.benchmarks.scaling import Job, measure_memory, measure_processes, run_child
from experiments.benchmarks.whole import StudySize
from experiments.planning.study_file import load_study
from experiments.running.encoders import encoder_for
from mixkd_core.data.tasks import find_task


@pytest.fixture
def no_children(monkeypatch: pytest.MonkeyPatch) -> list[Job]:
    """Children replaced by numbers; the list gets their jobs."""
    asked: list[Job] = []

    def answer(job: Job, processes: int = 1) -> dict[str, float]:
        asked.append(job)
        own = 1000 if job.loop == "ours" and job.method == "sm+tmkd" else 800
        return {
            "peak_bytes": own,
            "before_bytes": 500,
            "seconds_per_step": (1.0 + len(asked)) / processes,
        }

    monkeypatch.setattr(scaling, "run_child", answer)
    return asked


@pytest.mark.slow
def test_a_child_trains_and_tells_its_peak(tmp_path: Path, among_strangers: Path) -> None:
    encoder_for(find_task("embedded-sentiment"), None, tmp_path)
    job = Job("embedded-sentiment", None, None, 192, str(tmp_path), batch_size=8)
    result = run_child(job, processes=2)
    assert result["peak_bytes"] >= result["before_bytes"] > 50e6
    assert result["seconds_per_step"] > 0


def test_a_child_that_fails_says_why(monkeypatch: pytest.MonkeyPatch) -> None:
    said = "Traceback:\nRuntimeError: out of memory\n====\nRoot Cause (first observed failure)\n"

    def fail(command: list[str], **_: Any) -> subprocess.CompletedProcess[str]:
        assert "--nproc-per-node=2" in command
        return subprocess.CompletedProcess(command, 1, "", said)

    monkeypatch.setattr(scaling.subprocess, "run", fail)
    with pytest.raises(scaling.ChildError, match="status 1: RuntimeError: out of memory"):
        run_child(Job("embedded-sentiment", None, None, 192, ""), processes=2)


def test_memory_is_compared_with_the_teachers_weights_added(no_children: list[Job]) -> None:
    rows = measure_memory(Job("t", None, None, 1, ""), teacher_bytes=200)
    assert [row["with_teacher_bytes"] for row in rows] == [1000] * 4
    assert [row["ratio"] for row in rows] == [1.0] * 4
    assert [job.loop for job in no_children] == ["ours", "ours", *["plain Trainer"] * 2]


def test_one_and_two_processes_take_turns(no_children: list[Job]) -> None:
    one, two = measure_processes(Job("t", None, None, 1, ""), repetitions=2)
    assert (one["seconds_per_step_low"], one["seconds_per_step_high"]) == (2.0, 4.0)
    assert (two["seconds_per_step_low"], two["seconds_per_step_high"]) == (1.5, 2.5)


def test_the_timed_study_is_the_shipped_one_on_embedded_data() -> None:
    study = load_study("limited-data", StudySize((0, 1), (0.1, 1.0), 400).changes())
    assert list(study.tasks) == ["embedded-sentiment"]
    assert study.fractions_of("embedded-sentiment") == (0.1, 1.0)
    assert study.settings("embedded-sentiment").train_size == 400
    assert len(study.methods) == 8


@pytest.mark.slow
def test_a_report_is_timed_on_made_up_runs(tmp_path: Path) -> None:
    row = whole.measure_report(3, tmp_path)
    assert row["what"] == "report of 3 runs"
    assert row["wall_seconds"] > 0
    assert (tmp_path / "report" / "index.html").is_file()
    with pytest.raises(whole.CommandError, match="is not a folder"):
        whole.seconds_of([*whole.MIXKD, "report", str(tmp_path / "nowhere")])
