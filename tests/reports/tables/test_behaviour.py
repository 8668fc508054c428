"""Memorization and agreement from stores whose numbers are known, and what cannot be measured."""

import datetime as dt
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from typer.testing import CliRunner

from experiments.cli import app, main
from mixkd_core.records.run_folder import read_examples
from reports.evidence.evidence import load_evidence
from reports.evidence.export import write_export
from reports.statistics.agreement import agreement_of
from reports.statistics.membership import attack_auc
from reports.tables.behaviour import (
    agreement_table,
    memorization_table,
    no_members_note,
)
from reports.tables.gaps import left_out_note
from theory.bounds.losses import clip_losses

SETS = {"train": (60, 0.95), "remainder": (150, 0.7), "dev": (40, 0.8)}


@pytest.fixture
def store(write_run: Any, tmp_path: Path) -> Path:
    """Three seeds of fine-tuning, distillation, a control of it that trains longer, and MixKD."""
    for seed in range(3):
        for method in ("ft", "kd", "sm+tmkd"):
            write_run(seed=seed, method=method, sets=SETS)
        longer = {"training": {"epochs": 6.0}}
        write_run(seed=seed, method="kd", sets=SETS | {"train": (60, 0.6)}, **longer)
    return tmp_path


def rows(frame: pd.DataFrame, **wanted: Any) -> pd.DataFrame:
    for name, value in wanted.items():
        frame = frame[frame[name] == value]
    return frame


def test_every_number_is_that_of_the_stored_losses(store: Path) -> None:
    evidence = load_evidence(store)
    frame = memorization_table(evidence).frame
    shown = rows(frame, measure_name="auc", method="sm+tmkd", baseline="kd").iloc[0]
    by_method: dict[str, list[float]] = {"kd": [], "sm+tmkd": []}
    for method, values in by_method.items():
        known = evidence.runs[evidence.runs["method"] == method].sort_values("seed")
        for run in known["run"]:
            if evidence.specs[run].training.epochs == 6:  # the control
                continue
            members, others = (
                read_examples(evidence.records[run], name).losses["cross_entropy"]
                for name in ("train", "remainder")
            )
            values.append(attack_auc(members, others))
    assert len(by_method["kd"]) == 3, "the control is not the baseline"
    assert shown["value"] == pytest.approx(np.mean(by_method["sm+tmkd"]))
    assert shown["difference"] == pytest.approx(
        np.mean(by_method["sm+tmkd"]) - np.mean(by_method["kd"])
    )


def test_the_advantage_shown_is_no_less_than_theorem_t8_allows(store: Path) -> None:
    evidence = load_evidence(store)
    measured = evidence.measurements.membership
    assert (measured["advantage"] >= measured["least_advantage"] - 1e-12).all()
    row = measured.iloc[0]
    means = [
        clip_losses(read_examples(evidence.records[row["run"]], name).losses["cross_entropy"], 5.0)[
            0
        ].mean()
        for name in ("train", "remainder")
    ]
    assert row["least_advantage"] == pytest.approx((means[1] - means[0]) / 5)


def test_references_are_other_seeds_of_the_same_condition(store: Path) -> None:
    """Three seeds leave two references each; made-up runs measure all of each other's examples."""
    measured = load_evidence(store).measurements.membership
    assert (measured["references"] == 2).all()
    assert (measured["calibrated_members"] == 60).all()
    assert measured["calibrated_auc"].notna().all()
    alone = load_evidence(store).measurements.membership.query("references == 0")
    assert alone.empty


def test_a_false_positive_rate_that_others_are_too_few_for_is_absent(store: Path) -> None:
    table = memorization_table(load_evidence(store))
    measures = set(table.frame["measure_name"])
    assert "true_positives_1" in measures
    assert "true_positives_01" not in measures, "150 others, and a thousand are needed"


def test_agreement_is_that_of_the_stored_logits(store: Path) -> None:
    evidence = load_evidence(store)
    measured = evidence.measurements.agreement
    row = measured[measured["set"] == "remainder"].iloc[0]
    table = read_examples(evidence.records[row["run"]], "remainder")
    assert table.teacher_logits is not None
    found = agreement_of(table.logits, table.teacher_logits, table.labels)
    assert row.drop(["run", "set"]).to_dict() == pytest.approx(found.row())
    shown = agreement_table(evidence).frame
    assert set(shown["set"]) == {"train", "remainder", "dev"}
    assert (rows(shown, measure_name="agreement")["value"] == 1).all()  # teachers are 0.9 logits


def test_exported_results_give_the_same_tables(store: Path, tmp_path: Path) -> None:
    evidence = load_evidence(store)
    folder = tmp_path / "exported"
    write_export(evidence.entries, evidence.measurements, folder, dt.date(2026, 1, 1))
    again = load_evidence(folder)
    for make in (memorization_table, agreement_table):
        assert make(again).to_csv() == make(evidence).to_csv()


def test_results_exported_before_there_were_attacks_are_read_as_before(
    store: Path, tmp_path: Path
) -> None:
    import json

    evidence = load_evidence(store)
    folder = tmp_path / "exported"
    write_export(evidence.entries, evidence.measurements, folder, dt.date(2026, 1, 1))
    about = json.loads((folder / "about.json").read_text())
    for name in ("membership.csv", "agreement.csv"):
        (folder / name).unlink()
        del about["sha256"][name]
    (folder / "about.json").write_text(json.dumps(about))
    again = load_evidence(folder)
    assert again.measurements.membership.empty
    assert "exported without it: export them again from the runs" in no_members_note(again)


def test_runs_whose_networks_are_gone_are_measured_all_the_same(store: Path) -> None:
    """Losses and logits are stored: a report reads no network."""
    before = memorization_table(load_evidence(store)).to_csv()
    for folder in store.glob("*/model"):
        shutil.rmtree(folder)
    after = load_evidence(store)
    assert memorization_table(after).to_csv() == before
    assert "The networks of 12 runs are gone" in left_out_note(after)
    assert "consistency, new test sets, costs" in left_out_note(after)


def test_a_run_of_the_whole_split_has_no_non_members(
    write_run: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: Any
) -> None:
    write_run(fraction=1.0, method="ft", sets={"train": (60, 0.9), "dev": (40, 0.8)})
    note = no_members_note(load_evidence(tmp_path))
    assert "No attack on 1 runs (ft (sst2, seed 0)), which have no non-members" in note
    monkeypatch.setattr("sys.argv", ["mixkd", "memorization", str(tmp_path)])
    with pytest.raises(SystemExit) as ended:
        main()
    assert ended.value.code == 2
    assert "run them on a smaller fraction" in capsys.readouterr().err
    write_run(method="ft", sets=SETS)
    result = CliRunner().invoke(app, ["memorization", str(tmp_path)])
    assert result.exit_code == 0
    assert "No attack on 1 runs" in result.output


@pytest.mark.parametrize("command", ["memorization", "agreement"])
def test_the_commands_print_their_tables(store: Path, command: str) -> None:
    result = CliRunner().invoke(app, [command, str(store)], env={"COLUMNS": "240"})
    assert result.exit_code == 0, result.output
    assert "sm+tmkd" in result.output
    assert "against" in result.output
