"""A finished run is measured on a set that was given later, and nothing of it is trained again."""

import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from experiments.running import measuring
from experiments.running.encoders import encoder_for
from experiments.running.measuring import lacks_test
from experiments.running.runner import Resources, run
from mixkd_core.data.embedded.law import draw_examples
from mixkd_core.data.labelled_test import with_labelled_test
from mixkd_core.data.own_data import load_files
from mixkd_core.data.task_data import TaskData
from mixkd_core.data.tasks import EMBEDDED, Task
from mixkd_core.errors import InputError
from mixkd_core.records.run_folder import RunRecord, damage, find_record, read_record
from mixkd_core.records.specs import (
    EvaluationSpec,
    RunSpec,
    StudentSpec,
    TrainingSpec,
    checkpoint_ref,
)

BRIEF = TrainingSpec(epochs=0.5, learning_rate=5e-4, batch_size=16, max_length=48)
TASK = Task("mine", ("text",), "label", ("negative", "positive"))


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Files of a user's own, whose texts some network can learn."""
    folder = tmp_path_factory.mktemp("files")
    for name, size in (("train", 80), ("dev", 20), ("test", 30)):
        rows = draw_examples("embedded-sentiment", name, size)
        (folder / f"{name}.tsv").write_text(
            "text\tlabel\n" + "".join(f"{text}\t{label}\n" for text, label in rows)
        )
    return folder


@pytest.fixture(scope="module")
def plain(folder: Path) -> TaskData:
    return load_files(TASK, folder / "train.tsv", {"dev": folder / "dev.tsv"})


@pytest.fixture(scope="module")
def tested(plain: TaskData, folder: Path) -> TaskData:
    return with_labelled_test(plain, folder / "test.tsv")


@pytest.fixture(scope="module")
def encoder(tmp_path_factory: pytest.TempPathFactory) -> str:
    return encoder_for(EMBEDDED["embedded-sentiment"], None, tmp_path_factory.mktemp("encoder"))


@pytest.fixture(scope="module")
def spec(plain: TaskData, encoder: str) -> RunSpec:
    return RunSpec(
        task="mine",
        data=plain.fingerprint,
        fraction=0.5,
        encoder=checkpoint_ref(encoder),
        teacher=BRIEF,
        student=StudentSpec(layers=1, method="kd", training=BRIEF),
        evaluation=EvaluationSpec(remainder_size=10),
    )


@pytest.fixture(scope="module")
def finished(
    tmp_path_factory: pytest.TempPathFactory, plain: TaskData, encoder: str, spec: RunSpec
) -> Path:
    """A store with the run, made before there was a test set."""
    out = tmp_path_factory.mktemp("finished")
    run(spec, Resources(plain, encoder, out, say=lambda _: None))
    return out


def weights(record: RunRecord) -> bytes:
    return (record.model_folder / "model.safetensors").read_bytes()


@pytest.mark.slow
def test_measured_later_is_measured_at_once(
    finished: Path,
    plain: TaskData,
    tested: TaskData,
    encoder: str,
    spec: RunSpec,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    at_once = run(spec, Resources(tested, encoder, tmp_path / "new", say=lambda _: None))
    assert at_once.sets == ("train", "remainder", "dev", "test")

    out = tmp_path / "old"
    shutil.copytree(finished, out)
    before = find_record(out, spec)
    assert before is not None
    assert lacks_test(before, tested)
    assert not lacks_test(before, plain)
    monkeypatch.setattr("experiments.running.runner.train", None)  # nobody may train
    heard: list[str] = []
    resources = Resources(tested, encoder, out, say=heard.append)
    later = run(spec, resources)
    assert sum("measuring it on the set test" in line for line in heard) == 2, "teacher, student"
    assert later.sets == at_once.sets
    assert weights(later) == weights(before)
    for name in before.sets:
        assert later.summary["results"][name] == before.summary["results"][name]
    mine, theirs = later.examples("test"), at_once.examples("test")
    assert list(mine["example_id"]) == list(theirs["example_id"])
    for column in ("logits", "teacher_logits"):
        np.testing.assert_allclose(
            np.stack(list(mine[column])), np.stack(list(theirs[column])), atol=1e-5
        )
    assert mine["distillation_distance"].to_numpy() == pytest.approx(
        theirs["distillation_distance"].to_numpy(), abs=1e-5
    )
    ours, of_one_go = (record.summary["results"]["test"] for record in (later, at_once))
    assert ours["metrics"] == of_one_go["metrics"]
    assert ours["digest"] == of_one_go["digest"]
    assert ours["overlap"] == of_one_go["overlap"]
    assert later.summary["measured_later"]["test"]["versions"] == later.summary["versions"]
    assert "`test`: a labelled test set" in (later.model_folder / "README.md").read_text()
    assert damage(later.folder) is None
    assert not list(out.glob("*.partial"))
    heard.clear()
    assert run(spec, resources).summary == later.summary
    assert not heard, "once is enough"


@pytest.mark.slow
def test_a_measurement_that_is_cut_off_costs_nothing(
    finished: Path,
    tested: TaskData,
    encoder: str,
    spec: RunSpec,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Ended while it writes, a run stays as it was; ended before its folder is renamed, it is."""
    out = tmp_path / "out"
    shutil.copytree(finished, out)
    before = find_record(out, spec)
    assert before is not None
    monkeypatch.setattr("experiments.running.runner.train", None)
    resources = Resources(tested, encoder, out, say=lambda _: None)

    def ended(*_: Any) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as broken:
        broken.setattr(measuring, "finish", ended)
        with pytest.raises(KeyboardInterrupt):
            run(spec, resources)
    assert read_record(before.folder).summary == before.summary
    later = run(spec, resources)
    assert "test" in later.sets
    later.folder.rename(later.folder.with_name(later.folder.name + ".partial"))
    again = run(spec, resources)
    assert again.summary == later.summary
    assert again.folder == later.folder


def test_runs_that_choose_settings_never_see_the_test_set(
    tested: TaskData, spec: RunSpec, tmp_path: Path
) -> None:
    choosing = spec.model_copy(update={"evaluation": EvaluationSpec(validation=0.2)})
    record = RunRecord(tmp_path, choosing, {"results": {"train": {}, "validation": {}}})
    assert not lacks_test(record, tested)
    assert lacks_test(replace(record, spec=spec), tested)


@pytest.mark.slow
def test_other_data_are_refused(
    finished: Path, tested: TaskData, encoder: str, spec: RunSpec, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    shutil.copytree(finished, out)
    other = replace(tested, fingerprint="0" * 64)
    with pytest.raises(InputError, match="give the data that it was made for"):
        run(spec, Resources(other, encoder, out, say=lambda _: None))
