"""Fine-tuning with a temperature, beside every method as it is."""

from pathlib import Path
from typing import Any

import pytest

from reports.evidence.evidence import load_evidence
from reports.tables.temperature_control import temperature_control_table


def test_every_method_is_compared_with_fine_tuning_after_its_temperature(
    tmp_path: Path, write_run: Any
) -> None:
    for seed in (0, 1):
        for method in ("teacher", "ft", "kd"):
            write_run(seed=seed, method=method)
    write_run(seed=2, method="kd")
    evidence = load_evidence(tmp_path)
    table = temperature_control_table(evidence)
    assert {(row["method"], row["set"]) for row in table.rows} == {
        ("kd", "remainder"),
        ("kd", "dev"),
    }
    gaps = evidence.gaps[evidence.gaps["seed"] < 2]
    for row in table.rows:
        here = gaps[gaps["set"] == row["set"]]
        means = here.groupby(["method", "loss"])["generalization"].mean()
        assert row["value"] == pytest.approx(means["kd", "cross_entropy"])
        assert row["plain"] == pytest.approx(means["ft", "cross_entropy"])
        assert row["control"] == pytest.approx(means["ft", "tempered_cross_entropy"])
        assert row["difference"] == pytest.approx(row["value"] - row["control"])
        assert row["control"] < row["plain"]
        assert row["seeds"] == "0, 1"


def test_without_fine_tuning_the_table_says_so(tmp_path: Path, write_run: Any) -> None:
    write_run(method="kd")
    table = temperature_control_table(load_evidence(tmp_path))
    assert not table.rows
    assert "No method shares a seed with fine-tuning" in table.to_markdown()
