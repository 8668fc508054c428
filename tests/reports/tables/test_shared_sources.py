"""The table on examples that share sources, from stored runs."""

from pathlib import Path
from typing import Any

import pytest

from reports.evidence.evidence import load_evidence
from reports.evidence.export import read_export, write_export
from reports.tables.shared_sources import shared_source_table


def test_errors_by_groups_and_the_gap_on_unseen_groups(write_run: Any, tmp_path: Path) -> None:
    """The first 200 of 600 remainder examples share a group with the 200 trained on.

    Correct ones come first, so the two of a group agree: 480 of 600 are right, 280 of the others.
    """
    for seed in (0, 1):
        write_run(tmp_path, seed=seed, sets={"train": (200, 0.95), "remainder": (600, 0.8)})
    table = shared_source_table(load_evidence(tmp_path))
    row = next(row for row in table.rows if row["loss"] == "0-1 error")
    assert (row["examples"], row["groups"], row["seeds"]) == (600, 300, "0, 1")
    assert row["ratio"] == pytest.approx(2**0.5, rel=2e-3)
    assert row["seen_share"] == pytest.approx(1 / 3)
    assert row["gap"] == pytest.approx(0.2 - 0.05)
    assert row["unseen_gap"] == pytest.approx(0.3 - 0.05)


def test_independent_draws_have_no_rows(write_run: Any, tmp_path: Path) -> None:
    write_run(tmp_path, task="embedded-sentiment")
    table = shared_source_table(load_evidence(tmp_path))
    assert not table.rows
    assert "draw each example anew" in table.to_markdown()


def test_the_table_is_the_same_from_exported_results(write_run: Any, tmp_path: Path) -> None:
    import datetime as dt

    runs, results = tmp_path / "runs", tmp_path / "results"
    runs.mkdir()
    write_run(runs)
    evidence = load_evidence(runs)
    write_export(evidence.entries, evidence.measurements, results, dt.date(2026, 1, 1))
    assert read_export(results)[0]
    again = shared_source_table(load_evidence(results))
    assert again.to_markdown() == shared_source_table(evidence).to_markdown()
