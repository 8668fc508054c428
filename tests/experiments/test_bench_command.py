"""`mixkd bench`: what it measures, writes and refuses, in miniature; no time is asserted."""

import json
import sys
from pathlib import Path
from typing import Any

import pytest

from experiments.benchmarks import bench, scaling, whole
from experiments.benchmarks.scaling import Job, measure_memory, measure_processes, run_child
from experiments.benchmarks.synthetic_store import write_run
from experiments.benchmarks.whole import StudySize
from experiments.cli import main
from experiments.study_file import load_study
from mixkd_core.errors import InputError
from reports.benchmarks import load_benchmarks

MINIMAL = bench.Effort(2, 0.0, 192, 1, StudySize((0,), (0.1,), 200), 3)


@pytest.fixture
def mixkd(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Any:
    """`mixkd(*words)`: exit status, standard output, standard error."""

    def call(*words: object) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["mixkd", *map(str, words)])
        with pytest.raises(SystemExit) as ended:
            main()
        printed = capsys.readouterr()
        return int(ended.value.code or 0), printed.out, printed.err

    return call


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


def test_a_miniature_run_is_written_printed_and_reported(
    mixkd: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, no_children: list[Job]
) -> None:
    monkeypatch.setattr(bench, "QUICK", MINIMAL)
    monkeypatch.setattr(bench, "EMBEDDED_TASKS", ("embedded-sentiment",))
    out = tmp_path / "bench"
    status, printed, said = mixkd(
        "bench", "--quick", "--parts", "steps,scaling,padding", "--out", out
    )
    assert status == 0, said
    assert "Speed against peers" in printed
    assert "not measured: accelerator (there is no accelerator here)" in printed
    content = json.loads((out / "bench.json").read_text(encoding="utf-8"))
    assert content["settings"]["clock"] == "wall"
    tables = content["tables"]
    contestants = {row["contestant"] for row in tables["steps"]}
    assert {"ft", "kd", "pkd", "tmkd", "sm+tmkd", "teacher's pass"} <= contestants
    assert any("obvious MixKD" in name for name in contestants)
    for row in tables["ratios"]:
        assert 0 < row["ratio_low"] <= row["ratio"] <= row["ratio_high"]
    costs = {row["contestant"]: row for row in tables["limits"] if "predicted_cost" in row}
    assert costs["ft"]["cost"] == costs["ft"]["predicted_cost"] == 1
    assert costs["sm+tmkd"]["predicted_cost"] > costs["tmkd"]["predicted_cost"] / 1.01 > 2
    assert {row["verdict"] for row in tables["targets"]} == {"not measured here"}
    assert {path.stem for path in (out / "figures").glob("*.svg")} == {
        "bench-steps", "bench-costs", "bench-scaling", "bench-memory",
    }  # fmt: skip
    assert (out / "tables" / "bench-steps.csv").is_file()
    write_run(tmp_path / "runs")
    status, _, said = mixkd("report", tmp_path / "runs", "-o", tmp_path / "report", "--bench", out)
    assert status == 0, said
    page = (tmp_path / "report" / "index.html").read_text(encoding="utf-8")
    assert 'id="bench-ratios"' in page
    assert 'id="figure-bench-steps"' in page


def test_a_child_trains_and_tells_its_peak(tmp_path: Path) -> None:
    job = Job("embedded-sentiment", None, None, 192, str(tmp_path), batch_size=8)
    result = run_child(job, processes=2)
    assert result["peak_bytes"] >= result["before_bytes"] > 50e6
    assert result["seconds_per_step"] > 0


def test_a_child_that_fails_says_why(tmp_path: Path) -> None:
    job = Job("no-such-task", None, None, 192, str(tmp_path))
    with pytest.raises(scaling.ChildError, match="no-such-task"):
        run_child(job)


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


def test_a_report_is_timed_on_made_up_runs(tmp_path: Path) -> None:
    row = whole.measure_report(3, tmp_path)
    assert row["what"] == "report of 3 runs"
    assert row["wall_seconds"] > 0
    assert (tmp_path / "report" / "index.html").is_file()
    with pytest.raises(whole.CommandError, match="is not a folder"):
        whole.seconds_of([*whole.MIXKD, "report", str(tmp_path / "nowhere")])


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--teacher", "x"), "no --data-dir was given"),
        (("--data-dir", "x"), "needs a pre-trained encoder"),
        (("--parts", "steps,speed"), "no part 'speed'"),
        (("--repetitions", "0"), "--repetitions is 0"),
        (("--threads", "0"), "--threads is 0"),
        (("--out", __file__), "cannot write to"),
    ],
)
def test_bad_input_is_answered_in_one_sentence(
    mixkd: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, words: tuple[str, ...], said: str
) -> None:
    monkeypatch.chdir(tmp_path)
    status, _, error = mixkd("bench", *words)
    assert status == 2
    assert error.startswith("mixkd: ")
    assert said in error


def test_a_folder_without_measurements_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="mixkd bench --out"):
        load_benchmarks(tmp_path)
    (tmp_path / "bench.json").write_text("{")
    with pytest.raises(InputError, match="is not JSON"):
        load_benchmarks(tmp_path)
    (tmp_path / "bench.json").write_text('{"schema_version": 0}')
    with pytest.raises(InputError, match="version 0"):
        load_benchmarks(tmp_path)
    (tmp_path / "bench.json").write_text('{"schema_version": 1, "tables": []}')
    with pytest.raises(InputError, match="is damaged"):
        load_benchmarks(tmp_path)
