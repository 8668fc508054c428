"""`mixkd tune` as it is called, on runs that are really made."""

from pathlib import Path
from typing import Any

import pytest
import yaml
from typer.testing import CliRunner, Result

from experiments.cli import app
from experiments.cli.tune import _print_chosen, _print_trials
from mixkd_core.errors import InputError
from mixkd_core.records.run_folder import find_records
from mixkd_core.records.specs import CheckpointRef
from reports.statistics.majority import REMEDY

pytest.importorskip("optuna", reason="choosing settings needs Optuna: mixkd[tune]")

STUDY = """
name: tiny
stands_for: no table; a test
seeds: [0, 1]
defaults:
  teacher: {epochs: 2, learning_rate: 1e-3, batch_size: 16, max_length: 64}
  student: {epochs: 2, learning_rate: 1e-3, batch_size: 16, max_length: 64}
tasks:
  embedded-sentiment: {train_size: 100, dev_size: 20}
students:
  - layers: 1
methods: [ft, sm+tmkd]
"""


@pytest.fixture
def study(tmp_path: Path) -> str:
    path = tmp_path / "tiny.yaml"
    path.write_text(STUDY)
    return str(path)


def call(*arguments: str) -> Result:
    return CliRunner().invoke(app, ["tune", *arguments], catch_exceptions=False)


def test_what_is_odd_about_the_data_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As `mixkd train` and `mixkd run` say it, before anything is tried."""
    for name in ("train", "dev"):
        rows = [f"{'shared' if row < 3 else name} {row}\t{row % 2}" for row in range(40)]
        (tmp_path / f"{name}.tsv").write_text("\n".join(["text\tlabel", *rows]))
    (tmp_path / "own.yaml").write_text(
        STUDY.replace(
            "embedded-sentiment: {train_size: 100, dev_size: 20}",
            f"own: {{encoder: e, files: {{train: {tmp_path}/train.tsv, "
            f"evaluation: {{dev: {tmp_path}/dev.tsv}}}}}}",
        )
    )
    monkeypatch.setattr("experiments.running.encoders.encoder_for", lambda *_: "e")
    reference = CheckpointRef(name="e", digest="e1")
    monkeypatch.setattr("experiments.planning.plan.checkpoint_ref", lambda _: reference)
    monkeypatch.setattr("mixkd_core.networks.checkpoints.load_config", lambda _: None)
    monkeypatch.setattr("mixkd_core.networks.checkpoints.is_fine_tuned", lambda _: False)

    def stopped(*_: Any) -> None:
        raise InputError("far enough")

    monkeypatch.setattr("experiments.tuning.search.tune", stopped)
    result = CliRunner().invoke(
        app,
        ["tune", str(tmp_path / "own.yaml"), "--search", "weights.sm=1,2", "--out", str(tmp_path)],
    )
    assert str(result.exception) == "far enough", result.output
    assert "data of own: 3 of the 40 examples of dev are in the training data" in result.output


def test_trials_no_better_than_the_majority_class_are_called_so(
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Of two seeds' runs on a thousand examples each, 527 of them of the majority class."""
    from experiments.tuning.search import Trial, trial_line

    trials = [
        Trial(
            method=method, number=number, chosen={"training.learning_rate": number * 1e-4},
            value=-metric, metric_name="accuracy", metric=(metric, metric), majority=(0.527, 0.527),
            examples=(1000, 1000), loss_name="cross_entropy", loss=(0.6, 0.6), runs=("a", "b"),
            failure="",
        )
        for method, number, metric in
        [("ft", 1, 0.54), ("ft", 2, 0.6), ("kd", 1, 0.5), ("kd", 2, 0.53)]
    ]  # fmt: skip
    weak = ["(no better than the majority class)" in trial_line(trial) for trial in trials]
    assert weak == [True, False, True, True], "0.54 may be chance"
    _print_trials(trials, "accuracy")
    told = capsys.readouterr().out
    assert [line.split()[0] for line in told.splitlines() if "≥" in line] == ["ft", "kd", "kd", "≥"]
    assert f"≥ no better than the majority class: {REMEDY}" in " ".join(told.split())
    _print_chosen({}, trials)
    told = " ".join(capsys.readouterr().out.split())
    assert "no trial of kd beat the majority class (accuracy 0.5270)" in told
    assert "no trial of ft" not in told


@pytest.mark.slow
def test_a_tuning_end_to_end(study: str, tmp_path: Path) -> None:
    """The second of its two rates diverges; repeated, it trains nothing that is finished."""
    out = tmp_path / "out"
    search = ("--search", "training.learning_rate=1e-3,1e6", "--grid", "--trials", "2")
    first = call(study, *search, "--out", str(out))
    assert first.exit_code == 0, first.output
    assert "sm+tmkd, trial 2 of 2" in first.output
    assert "2 of 2 runs failed" in first.output
    records = list(find_records(out))
    assert len(records) == 2 + 2 * 2, "two teachers; two methods of two seeds at one rate"
    assert {record.sets for record in records} == {("train", "validation")}
    assert {record.summary["train_examples"] for record in records} == {80}
    folder = out / "tuning" / "tiny-embedded-sentiment-1"
    chosen = yaml.safe_load((folder / "chosen.yaml").read_text())
    assert [method["label"] for method in chosen["methods"]] == ["ft", "sm+tmkd"]
    assert {method["training"]["learning_rate"] for method in chosen["methods"]} == {1e-3}
    assert (folder / "trials.csv").read_text().count("\n") == 5

    times = {r.folder: r.folder.stat().st_mtime_ns for r in records}
    again = call(study, *search, "--out", str(out))
    assert times == {r.folder: r.folder.stat().st_mtime_ns for r in find_records(out)}
    assert again.output.splitlines()[-6:] == first.output.splitlines()[-6:]

    line = next(line for line in first.output.splitlines() if line.startswith("--set "))
    change = line.removeprefix("--set ").strip("'")
    shown = CliRunner().invoke(
        app, ["run", study, "--out", str(out), "--set", change, "--dry-run"], catch_exceptions=False
    )
    assert "6 runs: 2 teachers and 4 students; 0 are done" in shown.output, shown.output


@pytest.mark.slow
def test_a_method_whose_every_trial_failed_has_no_best_and_the_others_do(
    study: str, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    wild = "methods=[{method: kd, label: wild, training: {learning_rate: 1e6}}, ft]"
    common = (study, "--set", wild, "--set", "seeds=[0]", "--out", str(out))
    search = ("--search", "weights.kd=1,2", "--grid", "--trials", "2")
    both = call(*common, *search)
    assert both.exit_code == 1
    assert "no trial of wild succeeded: nothing was chosen for it" in both.output
    assert "* the method's best trial" in both.output
    folder = out / "tuning" / "tiny-embedded-sentiment-1"
    chosen = yaml.safe_load((folder / "chosen.yaml").read_text())
    assert [method["label"] for method in chosen["methods"]] == ["ft"]

    alone = call(*common, *search, "--methods", "wild")
    assert alone.exit_code == 1
    assert "no trial of wild succeeded" in alone.output
    assert "best" not in alone.output
    assert yaml.safe_load((folder / "chosen.yaml").read_text()) == {}


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ([], "nothing to search"),
        (["--search", "weights.sm=1,2", "--validation", "1"], "validation is 1"),
        (["--search", "weights.sm=1,2", "--methods", "ft"], "decides nothing for ft"),
        (["--search", "weights.sm=1,2", "--methods", "mixkd"], "no method 'mixkd' to tune"),
        (["--search", "weights.sm=1..2", "--grid"], "--grid tries every combination"),
        (["--search", "training.epoch=1,2"], "did you mean 'training.epochs'"),
        (["--search", "weights.sm=1,2", "--seeds", "7"], "no seed 7"),
        (
            ["--search", "weights.sm=1,2", "--validation", "0.001"],
            "embedded-sentiment: a share of 0.001 of 100 training examples leaves none",
        ),
    ],
)
def test_bad_input_is_refused_before_anything_is_made(
    arguments: list[str], said: str, study: str, tmp_path: Path
) -> None:
    with pytest.raises(InputError, match=said):
        call(study, *arguments, "--out", str(tmp_path / "out"))
    assert not (tmp_path / "out").exists()
