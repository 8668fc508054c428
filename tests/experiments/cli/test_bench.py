"""`mixkd bench`: what it measures, writes and refuses, in miniature; no time is asserted."""

import json
import sys
from pathlib import Path
from typing import Any

import pytest

from experiments.benchmarks import bench, data_scaling, scaling
from experiments.benchmarks.synthetic_store import write_run
from experiments.benchmarks.whole import StudySize
from experiments.cli import main
from mixkd_core.errors import InputError
from reports.benchmarks.tables import load_benchmarks

MINIMAL = bench.BenchEffort(2, 0.0, 192, 1, StudySize((0,), (0.1,), 200), 3, (20, 40), False)


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


@pytest.mark.slow
def test_a_miniature_run_is_written_printed_and_reported(
    mixkd: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    child = {"peak_bytes": 1e9, "seconds_per_step": 1.0}  # those have tests of their own
    monkeypatch.setattr(scaling, "run_child", lambda job, processes=1: child)
    stages = {**dict.fromkeys(data_scaling.STAGES, 0.5), "peak_bytes": 1e9}
    monkeypatch.setattr(data_scaling, "child_answer", lambda command, threads: stages)
    monkeypatch.setattr(bench, "QUICK", MINIMAL)
    monkeypatch.setattr(bench, "EMBEDDED_TASKS", ("embedded-sentiment",))
    out = tmp_path / "bench"
    status, printed, said = mixkd(
        "bench", "--quick", "--parts", "steps,base,scaling,padding", "--out", out
    )
    assert status == 0, said
    assert "Speed against peers" in printed
    assert "networks of BERT-base's size (a quick benchmark on a processor leaves it" in printed
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


def test_what_was_measured_outlives_an_interruption(
    mixkd: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(bench, "measure_memory", interrupted)
    monkeypatch.setattr(bench, "QUICK", MINIMAL)
    monkeypatch.setattr(bench, "EMBEDDED_TASKS", ("embedded-sentiment",))
    status, _, _ = mixkd("bench", "--quick", "--parts", "padding,memory", "--out", tmp_path)
    assert status == 130
    measured = load_benchmarks(tmp_path)
    assert set(measured.tables) == {"padding", "targets"}


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
