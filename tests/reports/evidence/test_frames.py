"""The store as a frame: every run is in it, and only what is alike may be averaged."""

import json
from pathlib import Path
from typing import Any

import pytest

from mixkd_core.errors import InputError
from mixkd_core.records.run_folder import read_examples, seal
from mixkd_core.records.specs import AugmentationSpec, MixupSpec, TrainingSpec
from reports.evidence.entries import finished_entries, read_store
from reports.evidence.evidence import load_evidence
from reports.evidence.frames import conditions, results_frame

Run = Any


def rewrite(folder: Path, name: str, change: Any) -> None:
    """Change a JSON file and its checksum, as an old version or a faulty program would have."""
    content = json.loads((folder / name).read_text())
    change(content)
    (folder / name).write_text(json.dumps(content))
    if name != "manifest.json":
        seal(folder)


def test_a_finished_run_has_a_row_for_each_set(tmp_path: Path, write_run: Run) -> None:
    record = write_run(method="kd", seed=3)
    frame = results_frame(read_store(tmp_path))
    assert len(frame) == 3
    row = frame[frame["set"] == "remainder"].iloc[0]
    assert row["majority"] == 0.5
    assert row["metric_value"] == pytest.approx(0.8)
    assert (row["run"], row["seed"], row["examples"]) == (record.spec.id, 3, 600)


def test_runs_without_numbers_are_shown_with_the_reason(tmp_path: Path, write_run: Run) -> None:
    write_run(seed=0)
    write_run(seed=1, finishing=False)
    failed = write_run(seed=2, finishing=False)
    (failed / "failure.json").write_text('{"reason": "loss became NaN"}')
    lost = write_run(seed=3)
    (lost.folder / "run.json").write_text("{}")
    (tmp_path / "studies").mkdir()
    plan = {
        "study": "limited",
        "runs": {
            lost.spec.id: {"folder": lost.folder.name},
            "0123456789ab": {"folder": "sst2-0.01-s4-kd-0123456789ab"},
        },
    }
    (tmp_path / "studies" / "limited.json").write_text(json.dumps(plan))
    frame = results_frame(read_store(tmp_path)).drop_duplicates("run").set_index("seed")
    assert frame["state"].to_dict() == {
        0: "finished",
        1: "unfinished",
        2: "failed",
        3: "damaged",
        4: "missing",
    }
    assert frame["reason"][2] == "loss became NaN"
    assert "differs from its checksum" in frame["reason"][3]
    assert "study limited" in frame["reason"][4]
    assert (frame["task"] == "sst2").all()


@pytest.mark.parametrize(
    ("file", "change", "said"),
    [
        ("manifest.json", lambda m: m.update(schema_version=0), "version 0 of the record's schema"),
        ("run.json", lambda r: r["results"]["dev"]["risk"].update(cross_entropy=float("nan")),
         r"results\.dev\.risk\.cross_entropy is nan"),
        ("run.json", lambda r: r["results"]["dev"]["metrics"].update(accuracy=float("inf")),
         r"results\.dev\.metrics\.accuracy is inf"),
        ("spec.json", lambda s: s["student"].update(method="mixupp"), "unknown method 'mixupp'"),
        ("spec.json", lambda s: s.update(new_field=1), r"does not fit this version.*new_field"),
    ],
)  # fmt: skip
def test_records_that_cannot_be_averaged_are_set_aside(
    tmp_path: Path, write_run: Run, file: str, change: Any, said: str
) -> None:
    write_run(seed=0)
    rewrite(write_run(seed=1).folder, file, change)
    frame = results_frame(read_store(tmp_path))
    assert frame.loc[frame["seed"] == 1, "state"].tolist() == ["damaged"]
    assert frame.loc[frame["seed"] == 1, "reason"].str.contains(said).all()
    assert frame.loc[frame["seed"] == 1, "metric_value"].isna().all()


def test_conditions_hold_seeds_together_and_nothing_else(tmp_path: Path, write_run: Run) -> None:
    runs = {
        "first": write_run(seed=0),
        "second": write_run(seed=1),
        "other data": write_run(seed=2, data="b" * 64),
        "other torch": write_run(seed=3, versions={"mixkd": "0.1.0", "torch": "2.14.0"}),
        "variant": write_run(seed=0, distance="kl", temperature=2.0),
        "other method": write_run(seed=0, method="ft"),
        "other depth": write_run(seed=0, method="ft", layers=6),
    }
    group = conditions(read_store(tmp_path))
    key = {name: group.key[record.spec.id] for name, record in runs.items()}
    assert key["first"] == key["second"]
    assert len(set(key.values())) == len(runs) - 1
    setting = {name: group.setting[record.spec.id] for name, record in runs.items()}
    assert setting["first"] == setting["variant"] == setting["other method"]
    assert len({setting[name] for name in ("first", "other data", "other torch")}) == 3
    assert setting["other depth"] != setting["other method"]
    label = {name: group.label[record.spec.id] for name, record in runs.items()}
    assert "temperature=2" in label["variant"]
    assert "data bbbbbbb" in label["other data"]
    assert "torch 2.14.0" in label["other torch"]
    assert "layers=6" in label["other depth"]
    assert "temperature" not in label["other method"]


def test_a_label_does_not_tell_what_is_absent(tmp_path: Path, write_run: Run) -> None:
    swapped = TrainingSpec(augmentation=AugmentationSpec(kind="swap"))
    runs = {
        "kd": write_run(),
        "kd [teacher_mixup alpha=0.4, teacher_mixup ratio=1]": write_run(
            teacher_mixup=MixupSpec(alpha=0.4, ratio=1.0)
        ),
        "ft": write_run(method="ft"),
        "ft [augmentation kind=swap, augmentation copies=1, augmentation rate=0.1]": write_run(
            method="ft", training=swapped
        ),
    }
    label = conditions(read_store(tmp_path)).label
    for name, run in runs.items():
        assert label[run.spec.id] == name


def test_a_damaged_table_is_noticed_and_the_weights_are_not_read(
    tmp_path: Path, write_run: Run
) -> None:
    record = write_run()
    (record.folder / "model" / "model.safetensors").write_bytes(b"WEIGHTS")
    (entry,) = read_store(tmp_path)
    table = read_examples(entry.finished, "dev")
    assert table.logits.shape == (300, 2)
    assert table.losses["zero_one_error"].mean() == pytest.approx(0.18)
    assert table.ids.to_pylist()[:2] == ["dev-0", "dev-1"]
    path = record.folder / "examples" / "dev.parquet"
    path.write_bytes(path.read_bytes()[:-1] + b"x")
    with pytest.raises(InputError, match=r"dev\.parquet: it differs from its checksum"):
        read_examples(entry.finished, "dev")


def test_a_store_without_numbers_says_what_is_there(tmp_path: Path, write_run: Run) -> None:
    with pytest.raises(InputError, match="holds no runs"):
        read_store(tmp_path)
    with pytest.raises(InputError, match="is not a folder"):
        read_store(tmp_path / "nowhere")
    failed = write_run(finishing=False)
    (failed / "failure.json").write_text('{"reason": "no space left"}')
    write_run(seed=1, finishing=False)
    with pytest.raises(InputError, match=r"only 1 failed, 1 unfinished.*no space left"):
        finished_entries(read_store(tmp_path), tmp_path)


def written_earlier(folder: Path, run_id: str) -> Path:
    """The record as a version without one of today's fields, and with another id, wrote it."""
    rewrite(folder, "spec.json", lambda spec: spec["student"].pop("fixed_draws"))
    rewrite(folder, "run.json", lambda summary: summary.update(id=run_id))
    return folder.rename(folder.with_name(folder.name[:-12] + run_id))


def test_a_run_made_again_under_another_id_is_counted_once(tmp_path: Path, write_run: Run) -> None:
    """A field that a later version added, at its default: the same run, another id."""
    written_earlier(write_run(seed=0).folder, "0123456789ab")
    newer = write_run(seed=0)
    other = write_run(seed=0, versions={"mixkd": "0.2.0"}, out=tmp_path / "other").folder
    other = written_earlier(other, "ba9876543210")
    other.rename(tmp_path / other.name)
    states = {entry.id: (entry.state, entry.reason) for entry in read_store(tmp_path)}
    assert states[newer.spec.id] == ("finished", "")
    assert states["0123456789ab"][0] == "duplicate"
    assert newer.spec.id in states["0123456789ab"][1]
    assert states["ba9876543210"][0] == "finished", "another condition, not the same run"


def test_the_risks_are_the_records_own(tmp_path: Path, write_run: Run) -> None:
    record = write_run(method="kd", seed=3)
    evidence = load_evidence(tmp_path)
    risks = evidence.measurements.risks.set_index(["set", "loss"])["risk"].to_dict()
    clipped = evidence.measurements.clipping.set_index(["set", "loss"])["risk"].to_dict()
    for name, result in record.summary["results"].items():
        for loss, risk in result["risk"].items():
            assert risks[name, loss] == risk
            assert clipped.get((name, loss), risk) == risk
