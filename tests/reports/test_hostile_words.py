"""Whatever words a store holds, no artifact runs them, breaks by them, or names a user's folder."""

import csv
import json
import re
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from typer.testing import CliRunner

from experiments.cli import app
from mixkd_core.records.run_folder import seal
from mixkd_core.records.specs import CheckpointRef
from reports.evidence.evidence import load_evidence
from reports.files import as_written, csv_text

FORMULA = '=HYPERLINK("http://x","y")'
SCRIPT = "<script>alert(1)</script>"
LATEX = "\\input{/etc/passwd}"
TABLE = "a|b`c"
USER = "ada-lovelace"
HOME = f"/home/{USER}/secret/train.csv"
WORDS = (f"{FORMULA} {SCRIPT}", f"+1 {LATEX}", f"@x {TABLE}", f"-1+1 {HOME}")


@pytest.fixture(scope="module")
def artifacts(tmp_path_factory: pytest.TempPathFactory, writing_runs: Any) -> Path:
    """The report and the export of a store of hostile words."""
    out = tmp_path_factory.mktemp("hostile")
    store = out / "runs"
    for place, word in enumerate(WORDS):
        for method in ("teacher", "kd", "sm+tmkd"):
            checkpoint = CheckpointRef(name=word.replace(HOME, ""), digest=f"{place}" * 16)
            student = {} if method == "teacher" else {"init": "checkpoint"}
            own = {} if method == "teacher" else {"checkpoint": checkpoint}
            record = writing_runs(
                store, method=method, seed=place, sets={"train": (40, 0.9), "dev": (30, 0.8)},
                **student, **own,
            )  # fmt: skip
            path = record.folder / "run.json"
            summary = json.loads(path.read_text())
            summary |= {"origin": word, "command": f"mixkd train --train-file {HOME} --x '{word}'"}
            path.write_text(json.dumps(summary))
            seal(record.folder)
    partial = writing_runs(store, method="ft", finishing=False)
    note = {"reason": f"{FORMULA} {SCRIPT} {HOME}", "time": "2026", "traceback": [HOME]}
    (partial / "failure.json").write_text(json.dumps(note))
    runs = {
        path.name[-12:]: {"folder": path.name, "labels": [WORDS[0]]}
        for path in store.iterdir()
        if not path.name.endswith(".partial")
    }
    (store / "studies").mkdir()
    plan = {"study": f"{FORMULA}{SCRIPT}", "runs": runs}
    (store / "studies" / "hostile.json").write_text(json.dumps(plan))
    for words in (["report", str(store), "-o", str(out / "report")],
                  ["export", str(store), "-o", str(out / "export")]):  # fmt: skip
        done = CliRunner().invoke(app, words)
        assert done.exit_code == 0, (done.output, done.exception)
    return out


@pytest.mark.slow
def test_no_artifact_names_a_user(artifacts: Path) -> None:
    for folder in ("report", "export"):
        files = [path for path in (artifacts / folder).rglob("*") if path.is_file()]
        assert files
        for path in files:
            assert USER.encode() not in path.read_bytes(), path
            if path.suffix == ".parquet":
                assert USER not in pd.read_parquet(path).to_csv()


@pytest.mark.slow
def test_no_cell_is_a_formula(artifacts: Path) -> None:
    files = sorted(artifacts.rglob("*.csv"))
    assert len(files) > 10
    defused = 0
    for path in files:
        with path.open(newline="") as file:
            for row in csv.reader(file):
                for cell in row:
                    assert not re.match(r"[=+\-@\t\r]", cell) or is_number(cell), (path, cell)
                    assert cell.lower().lstrip("-") not in ("inf", "infinity", "nan"), path
                    defused += cell.startswith("'=")
    assert defused


@pytest.mark.slow
def test_no_page_runs_a_word_and_no_table_breaks_by_one(artifacts: Path) -> None:
    (page,) = (artifacts / "report").glob("*.html")
    assert SCRIPT not in page.read_text()
    assert "&lt;script&gt;" in page.read_text()
    for path in artifacts.rglob("*.md"):
        text = path.read_text()
        assert "<script>" not in text.replace("\\<script\\>", ""), path
        for table in re.findall(r"(?:^\|.*\n)+", text, re.MULTILINE):
            widths = {len(re.findall(r"(?<!\\)\|", row)) for row in table.splitlines()}
            assert len(widths) == 1, (path, table)
    for path in artifacts.rglob("*.tex"):
        assert "\\input{/" not in path.read_text(), path


@pytest.mark.slow
def test_exported_words_are_read_back_as_they_were(artifacts: Path) -> None:
    exported = load_evidence(artifacts / "export")
    stored = load_evidence(artifacts / "runs")
    assert [entry.reason for entry in exported.entries] == [e.reason for e in stored.entries]
    pd.testing.assert_frame_equal(
        exported.results.reset_index(drop=True),
        stored.results.reset_index(drop=True),
        check_dtype=False,
    )


@given(st.lists(st.text(alphabet="'=+-@\t1a", max_size=6), min_size=1, max_size=5))
def test_what_is_defused_can_be_undone(texts: list[str]) -> None:
    frame = pd.DataFrame({"=a": texts, "number": [-1.5] * len(texts)})
    rows = list(csv.reader(csv_text(frame).splitlines()))
    assert rows[0] == ["'=a", "number"]
    for (cell, number), text in zip(rows[1:], texts, strict=True):
        assert number == "-1.5"
        assert as_written(cell) == text
        assert not re.match(r"[=+\-@\t\r]", cell) or is_number(cell)


def is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True
