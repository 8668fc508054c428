"""`mixkd predictor`: the samples that it asks a teacher about, families, and what it refuses."""

import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy.special import softmax

from experiments.deployment.augmentation import Added, added_by, probabilities
from experiments.deployment.network import open_network
from experiments.deployment.predictor import family_of, judged, predicted
from experiments.running.evaluation_sets import evaluation_sets
from mixkd_core.data.encoding import encode_table
from mixkd_core.data.sources import load_embedded
from mixkd_core.data.task_data import TaskData
from mixkd_core.errors import InputError
from mixkd_core.networks.inference import run_inference
from mixkd_core.records.run_folder import read_record
from mixkd_core.records.specs import AugmentationSpec, StudentSpec, TrainingSpec
from reports.evidence.evidence import load_evidence
from reports.statistics.teacher_spread import teacher_spread

STORE = Path(__file__).parents[2] / "data" / "store"
TEACHER = next(STORE.glob("*-teacher-*"))


@pytest.fixture(scope="module")
def data() -> TaskData:
    """Those that the stored runs were made on."""
    return load_embedded("embedded-sentiment", train_size=200, dev_size=20)


def mixed_at(alpha: float, pairing: Any = "dataset") -> Added:
    added = added_by(StudentSpec(method="tmkd", mixup_alpha=alpha, pairing=pairing))
    assert added is not None
    return added


def test_each_kind_is_asked_about_its_own_samples(data: TaskData, classifier: Path) -> None:
    network = open_network(str(classifier))
    subset = evaluation_sets(read_record(TEACHER).spec, data)["train"]
    labels = np.array(subset["label"])
    table = encode_table(subset, network.tokenizer, network.max_length)
    plain = softmax(run_inference(network.model, table).logits.astype(float), axis=1)

    def asked(added: Added, seed: int = 3) -> Any:
        found = probabilities(network, subset, added, seed=seed, draws=3)
        assert found.shape == (40, 3, 3)
        return found

    def parents(samples: Any) -> Any:
        """By sample and example whether the one is the other."""
        return np.isclose(samples[:, :, None], plain, atol=1e-5).all(axis=-1)

    originals = asked(Added())
    np.testing.assert_allclose(originals, np.repeat(plain[:, None], 3, axis=1), atol=1e-5)
    mixed = asked(mixed_at(0.4))
    assert np.ptp(mixed, axis=1).max() > 0.01, "every epoch draws anew"
    np.testing.assert_array_equal(mixed, asked(mixed_at(0.4)))
    assert not np.array_equal(mixed, asked(mixed_at(0.4), seed=4))
    # λ is nearly 0 or 1: a sample is one of two examples, of its own about half the time.
    found = parents(asked(mixed_at(1e-4)))
    assert found.any(axis=2).mean() > 0.95
    assert 0.3 < found[np.arange(40), :, np.arange(40)].mean() < 0.7
    found = parents(asked(mixed_at(1e-4, "within-class")))
    own_class = (labels[:, None] == labels)[:, None]
    alike = (found & own_class).any(axis=2)
    assert alike[found.any(axis=2)].all(), "a class keeps to itself"
    deleted = asked(Added(edit=AugmentationSpec(kind="deletion", rate=0.6)))
    assert np.abs(deleted - originals).max() > 0.01
    assert np.ptp(deleted, axis=1).max() > 0.01, "every copy is another"
    assert not parents(deleted)[np.arange(40), :, np.arange(40)].all(axis=0).any()
    assert teacher_spread(deleted).covariance < teacher_spread(originals).covariance


def test_a_kind_is_what_the_teacher_is_asked_about() -> None:
    edit = AugmentationSpec(kind="swap", rate=0.2)
    edited = TrainingSpec(augmentation=edit)
    cases = [
        (StudentSpec(method="kd"), "none"),
        (StudentSpec(method="kd", training=edited), "swap of 0.2"),
        (StudentSpec(method="sm+tmkd", mixup_alpha=2.0), "mixup, alpha 2.0"),
        (
            StudentSpec(method="tmkd", pairing="batch", mix_layer=2),
            "mixup, alpha 0.4, pairing batch, mix_layer 2",
        ),
        (StudentSpec(method="ft"), None),
        (StudentSpec(method="sm"), None),
        (StudentSpec(method="transfer"), None),
        (StudentSpec(method="tmkd", training=edited), None),
    ]
    for student, name in cases:
        added = added_by(student)
        assert (None if added is None else added.name) == name, student.method


def test_a_family_differs_in_the_augmentation_alone() -> None:
    spec = read_record(next(STORE.glob("*-sm+tmkd-4*"))).spec
    assert spec.student is not None

    def family(**changes: Any) -> str:
        student = spec.student.model_copy(update=changes)  # type: ignore[union-attr]
        return family_of(spec.model_copy(update={"student": student, "seed": 8}))

    assert family(mixup_alpha=2.0) == family(pairing="batch") == family(mix_layer="pooled")
    assert family(method="kd") == family(method="tmkd") != family()
    assert family(layers=2) != family()
    assert family(mixup_ratio=2.0) != family(), "more samples are another question"
    assert family(weights={"tmkd": 2.0}) != family()


def test_a_stored_student_is_measured_and_too_few_kinds_are_said_to_be(data: TaskData) -> None:
    evidence = load_evidence(STORE)
    table = predicted(evidence, data, list(evidence.students), 3)
    (row,) = table.to_dict("records")
    assert (row["kind"], row["set"], row["seeds"]) == ("mixup, alpha 0.4", "remainder", 1)
    risks = evidence.measurements.risks.set_index(["run", "set", "loss"])["risk"]
    (student,) = evidence.students
    assert row["loss"] == risks[student, "remainder", "cross_entropy"]
    assert row["stddev"] > 0
    (sentence,) = judged(table)
    assert "1 kinds of augmentation" in sentence
    assert "too few to test the predictor; 5 are needed" in sentence


def test_families_are_judged_apart() -> None:
    rows = [
        {
            "task": "t",
            "fraction": 0.1,
            "family": name,
            "stddev": n,
            "loss": loss,
            "label": f"{name}{name}" if n == 3 else f"{name} [{n}]",
        }
        for name, sign in (("a", 1), ("b", -1))
        for n, loss in enumerate(sign * np.arange(5.0))
    ]
    first, second = judged(pd.DataFrame(rows))
    assert "t, 0.1 of the data, like aa: rank correlation +1.00" in first
    assert "p = 0.008" in first
    assert "rank correlation -1.00" in second


def test_what_cannot_be_measured_is_named(data: TaskData, tmp_path: Path) -> None:
    evidence = load_evidence(STORE)
    with pytest.raises(InputError, match=r"one kind of samples \(kd, tmkd\)"):
        predicted(evidence, data, [], 3)
    other = load_embedded("embedded-sentiment", train_size=100, dev_size=20)
    with pytest.raises(InputError, match="give the data that it was made for"):
        predicted(evidence, other, list(evidence.students), 3)
    store = tmp_path / "store"
    shutil.copytree(STORE, store)
    shutil.rmtree(next(store.glob("*-teacher-*")) / "model")
    evidence = load_evidence(store)
    with pytest.raises(InputError, match=r"network of the teacher e8c2ab10e8f5 of .* is gone"):
        predicted(evidence, data, list(evidence.students), 3)


def test_the_command_refuses_in_a_sentence(mixkd: Any, capsys: Any) -> None:
    assert mixkd("predictor", STORE, "--task", "rte") == 2
    assert "holds no finished student of task 'rte'" in capsys.readouterr().err
    assert mixkd("predictor", STORE) == 2
    assert "give the data that it was made for" in capsys.readouterr().err
