"""The sets that runs are evaluated on: apart, of the sizes asked for, the same for all seeds."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from datasets import Dataset

from experiments.running.evaluation_sets import evaluation_sets, remark_on_remainder
from experiments.running.measuring import results_of
from mixkd_core.data.own_data import from_datasets
from mixkd_core.data.sources import load_embedded
from mixkd_core.data.task_data import TaskData
from mixkd_core.data.tasks import Task
from mixkd_core.errors import InputError
from mixkd_core.records.specs import (
    CheckpointRef,
    EvaluationSpec,
    RunSpec,
    StudentSpec,
    TrainingSpec,
)


@pytest.fixture(scope="module")
def data() -> TaskData:
    return load_embedded("embedded-sentiment", train_size=600, dev_size=60)


@pytest.fixture
def spec(data: TaskData) -> RunSpec:
    """A student on a fifth of the data, seed 3."""
    return RunSpec(
        task="embedded-sentiment",
        data=data.fingerprint,
        fraction=0.2,
        seed=3,
        encoder=CheckpointRef(name="an/encoder", digest="0" * 16),
        teacher=TrainingSpec(),
        student=StudentSpec(layers=2),
        evaluation=EvaluationSpec(remainder_size=90, fresh_size=70),
    )


def test_at_the_whole_training_split_there_is_no_remainder(data: TaskData, spec: RunSpec) -> None:
    sets = evaluation_sets(spec.model_copy(update={"fraction": 1.0}), data)
    assert list(sets) == ["train", "dev", "fresh"]
    assert len(sets["train"]) == 600


def test_subset_remainder_and_fresh_examples_are_apart(data: TaskData, spec: RunSpec) -> None:
    sets = evaluation_sets(spec, data)
    ids = [set(sets[name]["example_id"]) for name in ("train", "remainder", "dev", "fresh")]
    assert sum(map(len, ids)) == len(set().union(*ids))
    other_seed = evaluation_sets(spec.model_copy(update={"seed": 4}), data)
    assert set(other_seed["train"]["example_id"]) != ids[0]
    assert set(other_seed["fresh"]["example_id"]) == ids[3], "all seeds are measured on one sample"


def test_settings_are_chosen_within_the_training_subset(data: TaskData, spec: RunSpec) -> None:
    """A validation set is disjoint from what is learnt, stratified, and sees nothing reported."""
    choosing = spec.model_copy(update={"evaluation": EvaluationSpec(validation=0.25)})
    sets = evaluation_sets(choosing, data)
    assert list(sets) == ["train", "validation"]
    learnt, held_out = (set(sets[name]["example_id"]) for name in sets)
    subset = evaluation_sets(spec, data)["train"]
    assert not learnt & held_out
    assert learnt | held_out == set(subset["example_id"])
    assert (len(learnt), len(held_out)) == (90, 30)
    shares = [np.bincount(sets[name]["label"]) / len(sets[name]) for name in sets]
    np.testing.assert_allclose(shares[0], shares[1], atol=1 / 30)
    half = spec.model_copy(update={"evaluation": EvaluationSpec(validation=0.5)})
    less = set(evaluation_sets(half, data)["train"]["example_id"])
    assert less < learnt, "a smaller part lies inside a larger one"
    other = evaluation_sets(choosing.model_copy(update={"seed": 4}), data)
    assert set(other["validation"]["example_id"]) != held_out
    assert choosing.id != spec.id
    assert choosing.teacher_spec.id != spec.teacher_spec.id
    none = spec.model_copy(update={"evaluation": EvaluationSpec(validation=0.001)})
    with pytest.raises(InputError, match=r"0\.001 of 120 training examples leaves none"):
        evaluation_sets(none, data)


def test_a_remainder_that_repeats_training_texts_is_called_out(
    data: TaskData, spec: RunSpec
) -> None:
    texts = [f"text {row // 2}" for row in range(100)]
    rows = Dataset.from_dict({"text": texts, "label": [row // 2 % 2 for row in range(100)]})
    own = from_datasets(Task("own", ("text",), "label", ("no", "yes")), rows, {})
    sets = evaluation_sets(spec.model_copy(update={"fraction": 0.5}), own)
    learnt = set(sets["train"]["text"])
    shared = sum(text in learnt for text in sets["remainder"]["text"])
    assert shared
    assert remark_on_remainder(sets, own) == (
        f"{shared} of the 50 examples of the remainder are in the training data too ({shared} word "
        "for word, 0 up to case and spacing)."
    )
    assert remark_on_remainder(evaluation_sets(spec, data), data) is None, "its law is known"
    tables = {
        name: pd.DataFrame(
            {"example_id": its["example_id"], "label": its["label"], "prediction": its["label"]}
        )
        for name, its in sets.items()
    }
    results = results_of(own, sets, tables, sets["train"])
    assert results["remainder"]["overlap"] == {"exact": shared, "alike": shared}
    assert "overlap" not in results["train"]
    lawful = results_of(replace(own, fresh=data.fresh), sets, tables, sets["train"])
    assert "overlap" not in lawful["remainder"]
