"""`mixkd report`, `gaps` and `claims`: what they print and write, and how they refuse."""

import json
import re
import sys
from pathlib import Path
from typing import Any

import pytest

from experiments.cli import main

Run = Any


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
def store(tmp_path: Path, write_run: Run) -> Path:
    out = tmp_path / "runs"
    for seed in range(2):
        for method in ("kd", "sm+tmkd"):
            write_run(out, method=method, seed=seed)
    failed = write_run(out, method="kd", seed=2, finishing=False)
    (failed / "failure.json").write_text('{"reason": "loss became NaN"}')
    return out


@pytest.mark.slow
def test_report_writes_everything_and_says_where(mixkd: Any, store: Path, tmp_path: Path) -> None:
    out = tmp_path / "a" / "report"
    status, printed, _ = mixkd("report", store, "-o", out)
    assert status == 0
    assert f"4 finished runs; the report is {out / 'index.html'}" in printed
    assert "in no mean: 1 failed" in printed
    assert "loss became NaN" in printed
    assert "### Gaps" in (out / "report.md").read_text(encoding="utf-8")
    assert {path.name for path in out.iterdir()} == {
        "index.html", "report.md", "tables", "figures",
    }  # fmt: skip


@pytest.mark.slow
def test_a_damaged_list_of_runs_is_named_and_the_report_made(
    mixkd: Any, store: Path, tmp_path: Path
) -> None:
    (store / "studies").mkdir()
    plan = {"study": "sound", "runs": {"0123456789ab": {"folder": "sst2-1-s9-kd-0123456789ab"}}}
    (store / "studies" / "sound.json").write_text(json.dumps(plan))
    (store / "studies" / "broken.json").write_text("{")
    out = tmp_path / "report"
    status, printed, _ = mixkd("report", store, "-o", out)
    assert status == 0
    assert "in no mean: 1 failed, 1 missing" in printed
    for text in (printed, (out / "report.md").read_text(encoding="utf-8")):
        assert "studies/broken.json is damaged (it is no JSON" in text
    status, _, said = mixkd("export", store, "-o", tmp_path / "results")
    assert status == 2
    assert "broken.json is damaged" in said
    assert not (tmp_path / "results").exists()


def test_gaps_are_printed_for_one_loss(mixkd: Any, store: Path) -> None:
    _, printed, _ = mixkd("gaps", store)
    line = next(line for line in printed.splitlines() if "sm+tmkd" in line and "remainder" in line)
    told = ["sst2", "1", "%", "sm+tmkd", "remainder", "0-1", "error", "0.050", "0.200", "+0.150"]
    assert line.split()[:10] == told
    assert "2 (failed)" in next(line for line in printed.splitlines() if " kd " in line)
    status, _, said = mixkd("gaps", store, "--loss", "accuracy")
    assert status == 2
    assert "unknown loss 'accuracy'" in said
    _, printed, _ = mixkd("gaps", store, "--loss", "tempered_cross_entropy")
    assert "cross-entropy after temperature" in printed


@pytest.mark.slow
def test_claims_are_printed_with_their_verdicts(mixkd: Any, store: Path) -> None:
    _, printed, _ = mixkd("claims", store)
    line = next(line for line in printed.splitlines() if "(limited;" in line)
    assert line.startswith("inconclusive: With 1 % and 10 % of the data, MixKD exceeds")
    assert "not tested" in printed
    assert "\nlimited (1 %, accuracy, dev): fewer than 8 pairs decide nothing" in printed
    assert mixkd("claims", store, "--margin", "0.02")[0] == 0
    status, _, said = mixkd("claims", store, "--margin", "0")
    assert status == 2
    assert "the margin of equivalence is 0.0: give a number above 0" in said


@pytest.mark.parametrize("command", ["report", "gaps", "claims"])
def test_a_folder_without_numbers_is_refused_in_one_sentence(
    mixkd: Any, tmp_path: Path, write_run: Run, command: str
) -> None:
    out = ("-o", tmp_path / "page") if command == "report" else ()
    status, printed, said = mixkd(command, tmp_path / "nowhere", *out)
    assert (status, printed) == (2, "")
    assert said.startswith("mixkd: ")
    assert "is not a folder" in said
    write_run(tmp_path / "runs", finishing=False)
    status, printed, said = mixkd(command, tmp_path / "runs", *out)
    if command == "report":  # which says so on a page
        assert status == 0
        assert "0 finished runs" in printed
        page = (tmp_path / "page" / "index.html").read_text(encoding="utf-8")
        assert "No run is finished yet" in page
        assert "1 unfinished" in page
    else:
        assert status == 2
        assert "no finished run, only 1 unfinished" in said


@pytest.mark.slow
def test_a_place_that_cannot_be_written_is_named(mixkd: Any, store: Path, tmp_path: Path) -> None:
    (tmp_path / "taken").write_text("")
    status, _, said = mixkd("report", store, "-o", tmp_path / "taken")
    assert status == 2
    assert "cannot write" in said
    assert "-o" in said


@pytest.mark.slow
def test_export_writes_results_that_the_other_commands_read(
    mixkd: Any, store: Path, tmp_path: Path
) -> None:
    results, readme = tmp_path / "results", tmp_path / "README.md"
    readme.write_text("<!-- results:begin results -->\n<!-- results:end -->\n")
    status, printed, _ = mixkd("export", store, "-o", results, "--readme", readme)
    assert status == 0
    assert f"the results of 4 finished runs were written to {results}" in printed
    assert "in no mean: 1 failed" in printed
    shown = readme.read_text(encoding="utf-8")
    assert "sm+tmkd" in shown
    for command in ("gaps", "claims"):
        # Runs that hold no date are said to have ended by the export's.
        told = re.sub(r" by [0-9-]{10}\.", ".", mixkd(command, results)[1])
        assert told.split() == mixkd(command, store)[1].split()
    readme.write_text(shown.replace("sm+tmkd", "other"))
    assert mixkd("export", results, "--readme", readme)[0] == 0
    assert readme.read_text(encoding="utf-8") == shown


def test_export_says_what_is_missing_or_too_much(mixkd: Any, store: Path, tmp_path: Path) -> None:
    assert "give the folder to write their results to with -o" in mixkd("export", store)[2]
    mixkd("export", store, "-o", tmp_path / "results")
    assert "give --readme" in mixkd("export", tmp_path / "results")[2]
    said = mixkd("export", tmp_path / "results", "-o", tmp_path / "again")[2]
    assert "holds exported results already: leave out --out" in said
