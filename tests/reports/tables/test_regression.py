"""A regression has no classes: no table gives its majority class a number."""

from pathlib import Path
from typing import Any

import pytest

from experiments.cli.console import print_gaps
from mixkd_core.data.tasks import find_task
from reports.evidence.evidence import Evidence, load_evidence
from reports.tables.gaps import gap_summaries, majority_note, metric_table

Run = Any


@pytest.fixture
def evidence(tmp_path: Path, write_run: Run) -> Evidence:
    for method, accuracy in (("kd", 0.8), ("ft", 0.5)):
        sets = {"train": (50, 0.9), "dev": (60, accuracy)}
        write_run(task=find_task("stsb"), method=method, sets=sets)
        write_run(method=method, sets=sets)
    return load_evidence(tmp_path)


def test_the_table_of_metrics_leaves_it_out(evidence: Evidence) -> None:
    table = metric_table(evidence)
    (column,) = [column for column in table.columns if column.name == "majority"]
    shown = {row["metric"]: column.show(row) for row in table.rows}
    assert shown == {"spearman": "—", "accuracy": "0.500"}


def test_the_terminal_leaves_it_out(evidence: Evidence, capsys: pytest.CaptureFixture[str]) -> None:
    print_gaps(evidence)
    lines = capsys.readouterr().out.splitlines()
    kd = [line.split() for line in lines if line.startswith("1 %") and " kd " in line]
    assert [cells[4] for cells in kd] == ["0.500", "—"], "sst2, then stsb"


def test_a_network_that_learned_nothing_is_named_with_its_share(
    evidence: Evidence, capsys: pytest.CaptureFixture[str]
) -> None:
    print_gaps(evidence)
    said = capsys.readouterr().out
    assert "no better than the majority class on dev (accuracy): ft (1 %)." in said
    assert "sst2 on dev (accuracy): ft (1 %)" in majority_note(gap_summaries(evidence))
