"""Runs that chose settings are in no table, whatever their state, and counted."""

from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from experiments.cli import app
from mixkd_core.errors import InputError
from mixkd_core.records.run_folder import write_json
from mixkd_core.records.specs import CheckpointRef, EvaluationSpec, RunSpec, StudentSpec
from reports.evidence.entries import look_into, read_store
from reports.evidence.evidence import load_evidence
from reports.tables.gaps import gap_table, metric_table, run_table


def write_tuning_run(out: Path, write_run: Any, seed: int, method: str) -> None:
    """A sound record on a validation set."""
    sets = {"train": (160, 0.9), "validation": (40, 0.8)}
    write_run(out, seed=seed, method=method, sets=sets, evaluation=EvaluationSpec(validation=0.2))


def test_they_are_left_out_and_counted(tmp_path: Path, write_run: Any) -> None:
    out = tmp_path / "runs"
    for seed in (0, 1):
        write_run(out, seed=seed)
    plain = load_evidence(out)
    for seed, method in ((0, "kd"), (1, "kd"), (7, "ft")):
        write_tuning_run(out, write_run, seed, method)
    spec = RunSpec(
        task="sst2",
        data="d" * 64,
        seed=8,
        encoder=CheckpointRef(name="an/encoder", digest="e" * 16),
        student=StudentSpec(method="ft"),
        evaluation=EvaluationSpec(validation=0.2),
    )
    failed = out / f"{spec.folder_name}.partial"
    failed.mkdir()
    write_json(failed / "spec.json", spec.model_dump(mode="json"))
    write_json(failed / "failure.json", {"reason": "diverged"})

    assert sum(run.chooses_settings for run in look_into(out).runs) == 4
    evidence = load_evidence(out)
    assert (plain.tuning_runs, evidence.tuning_runs) == (0, 4)
    for table in (gap_table, metric_table):
        assert table(evidence).frame.equals(table(plain).frame)
    assert len(read_store(out)) == len(run_table(evidence).rows) == 2
    assert "Left out: 4 runs that chose settings" in run_table(evidence).caption
    assert "Left out" not in run_table(plain).caption
    shown = CliRunner().invoke(app, ["gaps", str(out)])
    assert shown.exit_code == 0, shown.output
    assert "Left out: 4 runs that chose settings" in shown.output
    assert "validation" not in shown.output


def test_a_store_of_nothing_else_says_so(tmp_path: Path, write_run: Any) -> None:
    out = tmp_path / "runs"
    out.mkdir()
    write_tuning_run(out, write_run, 0, "kd")
    with pytest.raises(
        InputError, match="holds no runs but 1 of mixkd tune, which are not reported"
    ):
        read_store(out)
