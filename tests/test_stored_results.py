"""What was stored before is read as before: a small store, and the results that are committed.

`tests/data/store` was written by the first version whose ids were frozen: a teacher, a student of
its, a run that failed, and a study that wants one more. Nothing in it may ever be written again.
"""

import json
import os
import shutil
from pathlib import Path

import pytest
from typer.testing import CliRunner

from experiments.cli import app
from mixkd_core.records.run_folder import find_record
from mixkd_core.records.specs import RunSpec
from mixkd_core.records.survey import survey
from reports.evidence.evidence import load_evidence

STORE = Path(__file__).parent / "data" / "store"
RESULTS = sorted(
    path.parent
    for path in (Path(__file__).parents[1] / "experiments" / "results").glob("*/about.json")
)
TEACHER, STUDENT, FAILED, MISSING = (
    "e8c2ab10e8f5", "47fdcd089e96", "52ac821e7346", "51189cb3081f",
)  # fmt: skip


def test_every_run_keeps_its_state_its_id_and_its_numbers() -> None:
    found = {run.id: run for run in survey(STORE, whole=True).runs}
    assert {run.id: run.state for run in found.values()} == {
        TEACHER: "finished",
        STUDENT: "finished",
        FAILED: "failed",
        MISSING: "missing",
    }
    assert found[FAILED].reason == "the loss is nan at step 7"
    for run_id in (TEACHER, STUDENT):
        record = found[run_id].record
        assert record is not None
        assert record.spec.id == run_id
        assert find_record(STORE, record.spec) == record, "it would be trained again"
        dev = record.examples("dev")
        assert (
            dev["zero_one_error"].mean()
            == record.summary["results"]["dev"]["risk"]["zero_one_error"]
        )


def test_a_specification_stored_then_has_its_id_today() -> None:
    for path in STORE.glob("*/spec.json"):
        spec = RunSpec.model_validate_json(path.read_text(encoding="utf-8"))
        assert path.parent.name.removesuffix(".partial") == spec.folder_name


def test_the_commands_show_it() -> None:
    shown = CliRunner().invoke(app, ["status", str(STORE)])
    assert shown.exit_code == 0, shown.output
    assert "2 finished, 1 failed, 1 missing" in shown.output
    assert "golden: 2 of 3 runs finished" in shown.output
    shown = CliRunner().invoke(app, ["gaps", str(STORE)])
    assert shown.exit_code == 0, shown.output
    line = next(line for line in shown.output.splitlines() if "sm+tmkd" in line and "dev" in line)
    assert line.split()[7:10] == ["0.450", "0.650", "+0.200"]


@pytest.mark.parametrize("folder", RESULTS, ids=lambda folder: folder.name)
def test_committed_results_are_read_with_the_ids_that_they_have(folder: Path) -> None:
    evidence = load_evidence(folder)
    assert set(evidence.runs["state"]) == {"finished"}
    for entry in evidence.entries:
        assert entry.finished.spec.id == entry.id


@pytest.mark.slow
def test_looking_writes_nothing_and_needs_no_permission_to(tmp_path: Path) -> None:
    out = tmp_path / "runs"
    shutil.copytree(STORE, out)
    before = sorted(str(path) for path in out.rglob("*"))
    folders = [out, *(path for path in out.rglob("*") if path.is_dir())]
    for folder in folders:
        folder.chmod(0o555)
    try:
        for command in ("status", "gaps", "claims"):
            shown = CliRunner().invoke(app, [command, str(out)])
            assert shown.exit_code == 0, shown.output
    finally:
        for folder in folders:
            folder.chmod(0o755)
    assert sorted(str(path) for path in out.rglob("*")) == before
    assert json.loads((out / "studies" / "golden.json").read_text())["study"] == "golden"
    assert os.access(out, os.W_OK)
