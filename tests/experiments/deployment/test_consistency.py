"""`mixkd consistency`: the predictions of the plain call, stored once, the runs untouched."""

import shutil
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from experiments.benchmarks.synthetic_store import write_run
from experiments.deployment import consistency
from experiments.deployment.network import open_network
from mixkd_core.data.embedded.law import clean_label
from mixkd_core.data.relations.relation import RelatedText, relation
from mixkd_core.data.tasks import find_task
from mixkd_core.errors import InputError
from mixkd_core.networks.checkpoints import load_classifier, load_tokenizer
from mixkd_core.networks.embedded_encoder import write_embedded_encoder
from mixkd_core.records.consistency import (
    predictions_folder,
    read_predictions,
    stored_predictions,
)
from mixkd_core.records.layout import examples_file
from mixkd_core.records.run_folder import RunRecord
from mixkd_core.records.specs import TrainingSpec
from reports.evidence.evidence import load_evidence

TASK = find_task("embedded-sentiment")


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("network")
    encoder = write_embedded_encoder(folder / "encoder", seed=0)
    torch.manual_seed(0)
    network = load_classifier(encoder, TASK)
    with torch.no_grad():  # a fresh head says nearly the same of every text
        network.classifier.weight.mul_(50)
    network.save_pretrained(folder / "model")
    load_tokenizer(encoder).save_pretrained(folder / "model")
    return folder / "model"


@pytest.fixture
def store(tmp_path: Path, model: Path) -> tuple[Path, list[RunRecord]]:
    """A teacher and a student of one seed, both this network."""
    out = tmp_path / "runs"
    records = [write_run(out, task=TASK, method=name, model=model) for name in ("teacher", "kd")]
    assert all(isinstance(record, RunRecord) for record in records)
    return out, records  # type: ignore[return-value]


def content(folder: Path) -> dict[str, str]:
    return {
        str(path.relative_to(folder)): sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


TEXTS = [
    ("the film is good", "the plot is good"),
    ("the film is bad", "the film is not bad"),
    ("the acting was very dull and the story was great", "the acting was dull"),
    ("the film is good", "the film is awful"),
]
RELATED = relation(
    "mine",
    [
        RelatedText(
            f"row-{n}", str(n), "same label" if one == other else "changed label", "word", (a,),
            (b,), one, other,
        )
        for n, (a, b) in enumerate(TEXTS)
        for one, other in [(clean_label(TASK.name, a), clean_label(TASK.name, b))]
    ],
)  # fmt: skip


def test_predictions_are_those_of_the_plain_call_and_runs_stay_as_they_are(
    store: tuple[Path, list[RunRecord]],
) -> None:
    out, (_, student) = store
    before = content(student.folder)
    assert consistency.measure_run(out, student, [RELATED], batch_size=2) == [RELATED]
    assert content(student.folder) == before
    found = read_predictions(predictions_folder(out, student.spec.id, RELATED))
    network = open_network(str(student.folder))
    for row, pair in enumerate(TEXTS):
        for text, logits in zip(pair, (found.logits, found.altered_logits), strict=True):
            with torch.no_grad():
                plain = network.model(**network.tokenizer(text, return_tensors="pt")).logits[0]
            assert np.abs(plain.numpy() - logits[row]).max() < 1e-4
    assert found.about.run == student.spec.id
    assert found.about.precision == "fp32"


def test_what_is_stored_is_found_again_and_what_is_damaged_is_not(
    store: tuple[Path, list[RunRecord]], monkeypatch: pytest.MonkeyPatch
) -> None:
    out, (teacher, _) = store
    other = relation("other", RELATED.rows[:2])
    consistency.measure_run(out, teacher, [RELATED])
    assert consistency.measure_run(out, teacher, [RELATED, other]) == [other]
    monkeypatch.setattr(consistency, "open_network", lambda place: pytest.fail("loaded again"))
    assert consistency.measure_run(out, teacher, [RELATED, other]) == []
    folder = predictions_folder(out, teacher.spec.id, other)
    (folder / "about.json").write_text("{}")
    assert consistency.missing_relations(out, teacher, [RELATED, other]) == [other]


def test_the_network_runs_in_the_precision_that_it_was_trained_in(
    tmp_path: Path, model: Path
) -> None:
    spec = TrainingSpec(precision="bf16")
    record = write_run(tmp_path, task=TASK, method="kd", model=model, training=spec)
    assert isinstance(record, RunRecord)
    consistency.measure_run(tmp_path, record, [RELATED])
    found = read_predictions(predictions_folder(tmp_path, record.spec.id, RELATED))
    network = open_network(str(record.folder))
    tokens = network.tokenizer([a for a, _ in TEXTS], padding=True, return_tensors="pt")
    with torch.no_grad():
        plain = network.model(**tokens).logits.numpy()
    assert found.about.precision == "bf16"
    assert 0 < np.abs(plain - found.logits).max() < 0.1 * np.abs(plain).max()


def test_labels_foreign_to_the_network_are_refused(store: tuple[Path, list[RunRecord]]) -> None:
    out, (_, student) = store
    foreign = relation(
        "foreign", [RelatedText("a", "g", "same label", "w", ("good",), ("bad",), 2, 2)]
    )
    with pytest.raises(InputError, match="has 2 labels, and foreign has the label number 2"):
        consistency.measure_run(out, student, [foreign])


@pytest.mark.slow
def test_the_command_measures_teachers_and_students_once(
    store: tuple[Path, list[RunRecord]], mixkd: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    out, records = store
    before = {record.spec.id: content(record.folder) for record in records}
    assert mixkd("consistency", out, "--alter", "dev", "--most", 20) == 0
    told = capsys.readouterr().out
    assert "altered-dev: measured on 40 of" in told
    assert "teacher" in told
    assert "changed label" in told
    for record in records:
        assert content(record.folder) == before[record.spec.id]
        assert len(list(stored_predictions(out, record.spec.id))) == 1
    evidence = load_evidence(out)
    numbers = evidence.consistency.numbers
    assert set(numbers["run"]) == set(before)
    assert set(numbers["measure"]) >= {"flip", "unchanged", "flip_right", "divergence"}
    stored = content(out / "consistency")
    assert mixkd("consistency", out, "--alter", "dev", "--most", 20) == 0
    assert content(out / "consistency") == stored


@pytest.mark.slow
def test_of_a_run_whose_network_is_gone_it_is_said_what_remains(
    store: tuple[Path, list[RunRecord]], mixkd: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    out, (teacher, student) = store
    shutil.rmtree(student.folder / "model")
    assert mixkd("consistency", out, "--alter", "dev", "--most", 5) == 0
    told = capsys.readouterr().out
    assert f"{student.folder.name}: its network is gone, so no altered text" in told
    assert "predictions on dev, remainder, train are whole" in told
    assert not list(stored_predictions(out, student.spec.id))
    assert list(stored_predictions(out, teacher.spec.id))
    (student.folder / examples_file("dev")).unlink()
    shutil.rmtree(teacher.folder / "model")
    assert mixkd("consistency", out, "--alter", "dev") == 2
    told = capsys.readouterr()
    assert "its network is gone, and so is what it predicted" in told.out
    assert "holds no finished run whose network is there" in told.err


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((), "no texts were given"),
        (("--data", "none.csv"), "There is no file none.csv"),
        (("--alter", "dev", "--task", "rte"), "no finished run of task 'rte'"),
        (("--alter", "dev", "--seeds", "x"), "--seeds 'x' is not a list"),
    ],
)
def test_bad_input_ends_with_a_sentence(
    store: tuple[Path, list[RunRecord]],
    mixkd: Any,
    capsys: pytest.CaptureFixture[str],
    arguments: tuple[str, ...],
    message: str,
) -> None:
    assert mixkd("consistency", store[0], *arguments) == 2
    error = capsys.readouterr().err
    assert message in error
    assert "Traceback" not in error
