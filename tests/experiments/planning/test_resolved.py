"""A study whose settings are laid together: which settings win, and what is asked for."""

from typing import Any

import pytest

from experiments.planning import partial
from experiments.planning.plan import Material, Source, expand
from experiments.planning.resolved import ResolvedStudy, resolve
from experiments.planning.study import Study
from mixkd_core.data.tasks import find_task
from mixkd_core.records.specs import CheckpointRef

CONTENT: dict[str, Any] = {
    "name": "layered",
    "stands_for": "Figure 0",
    "seeds": [0, 1],
    "fractions": [1.0, 0.1],
    "evaluation": {"remainder_size": 100, "latent_points": 4},
    "defaults": {
        "encoder": "bert-base-uncased",
        "teacher": {"epochs": 3, "batch_size": 16},
        "student": {"epochs": 3, "warmup": 0.2},
    },
    "tasks": {
        "sst2": {
            "teacher": {"epochs": 2},
            "student": {"learning_rate": 1e-4},
            "by_fraction": {0.1: {"student": {"epochs": 8}, "teacher": {"precision": "bf16"}}},
        },
        "rte": {"fractions": [1.0]},
    },
    "students": [
        {"layers": 3, "training": {"batch_size": 64}},
        {
            "label": "own",
            "init": "checkpoint",
            "checkpoint": "d",
            "layers": None,
            "methods": ["ft"],
        },
    ],
    "methods": [
        "ft",
        {"method": "kd", "epochs_factor": 2, "training": {"warmup": 0}},
        {"method": "ft", "label": "more", "training": {"augmentation": {"kind": "swap"}}},
        {"method": "kd", "label": "mixed teacher", "teacher_mixup": {"alpha": 0.2}},
    ],
    "sweeps": [{"base": "sm+tmkd", "field": "weights.sm", "values": [0, 2]}],
}
KNOWN = {"d": CheckpointRef(name="distil", digest="d1")}


def resolved(**changes: Any) -> ResolvedStudy:
    return resolve(Study.model_validate({**CONTENT, **changes}))


def test_the_nearer_setting_wins() -> None:
    small, whole, rte = resolved().comparisons
    assert [(c.task, c.fraction) for c in (small, whole, rte)] == [
        ("sst2", 0.1),
        ("sst2", 1.0),
        ("rte", 1.0),
    ]
    assert small.teacher == {"epochs": 2, "batch_size": 16, "precision": "bf16"}
    assert whole.teacher == {"epochs": 2, "batch_size": 16}
    assert rte.teacher == {"epochs": 3, "batch_size": 16}
    trainings = {variant.label: variant.student["training"] for variant in small.variants}
    usual = {"epochs": 8, "warmup": 0.2, "learning_rate": 1e-4, "batch_size": 64}
    assert trainings["ft, 3 layers"] == usual
    assert trainings["kd training.warmup=0.0 epochs_factor=2.0, 3 layers"] == {
        **usual,
        "warmup": 0,
    }
    factors = {variant.label: variant.epochs_factor for variant in small.variants}
    assert factors["kd training.warmup=0.0 epochs_factor=2.0, 3 layers"] == 2
    assert factors["ft, 3 layers"] == 1


def test_a_student_has_the_methods_that_it_names() -> None:
    labels = [variant.label for variant in resolved().comparisons[0].variants]
    assert [label for label in labels if label.endswith("own")] == ["ft, own"]
    assert len(labels) == 6 + 1


def test_the_checkpoints_are_those_that_a_run_needs() -> None:
    assert resolved().checkpoints == {"d"}
    translated = {"method": "ft", "training": {"augmentation": {"kind": "back-translation"}}}
    names = {"forward": "there", "backward": "back"}
    found = resolved(methods=["ft", translated], translators=names).checkpoints
    assert found == {"d", "there", "back"}


def test_settings_are_laid_together_once_whatever_the_number_of_seeds(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    study = resolved(seeds=list(range(50)))

    def refuse(*_: Any) -> None:
        pytest.fail("a plan asks the resolved study, it lays nothing together")

    monkeypatch.setattr(partial, "merge", refuse)
    monkeypatch.setattr("experiments.planning.resolved.merge", refuse)
    monkeypatch.setattr("experiments.planning.study.merge", refuse)
    assert len({run.spec.seed for run in expand(study, materials(study), KNOWN)}) == 50


def materials(study: ResolvedStudy) -> dict[str, Material]:
    encoder = CheckpointRef(name="encoder", digest="e1")
    return {
        task: Material(Source(find_task(task)), f"data of {task}", 1000, "encoder", encoder)
        for task in study.tasks
    }


# Ids of this study's runs with seed 0, when the first runs were stored.
GOLDEN = """
d7b7b2d0cddb teacher
241b66df0a5d ft, 3 layers
9d5cbea3b29c kd training.warmup=0.0 epochs_factor=2.0, 3 layers
daba1a25da5c more, 3 layers
ef9ef0e6bd19 teacher that saw mixup
37a8b82db099 mixed teacher, 3 layers
13de0ef09eeb sm+tmkd weights.sm=0, 3 layers
67b9dfc7c498 sm+tmkd weights.sm=2, 3 layers
78b42b4d15b8 ft, own
bfc2dfaeb331 teacher
2c81a1ce24e5 ft, 3 layers
24d23434a322 kd training.warmup=0.0 epochs_factor=2.0, 3 layers
2c5f8cd2b394 more, 3 layers
06c44611e1ac teacher that saw mixup
adbe14994b21 mixed teacher, 3 layers
d43873f641fd sm+tmkd weights.sm=0, 3 layers
1207d5264f44 sm+tmkd weights.sm=2, 3 layers
25c82ff9657c ft, own
3210f23ef91f teacher
a9e5fd56ba87 ft, 3 layers
200adcf8175a kd training.warmup=0.0 epochs_factor=2.0, 3 layers
8bca6b1c11da more, 3 layers
9a70beb917e9 teacher that saw mixup
b46e761b43c3 mixed teacher, 3 layers
397ed68d3ecf sm+tmkd weights.sm=0, 3 layers
9968d047d1dc sm+tmkd weights.sm=2, 3 layers
a39095183fd8 ft, own
"""


def test_a_study_expands_into_the_runs_that_it_always_had() -> None:
    # At a rate and a batch size of its own: what is used where none is given may change.
    rte = {**CONTENT["tasks"]["rte"], "student": {"learning_rate": 5e-5}}
    small, own = CONTENT["students"]
    students = [small, {**own, "training": {"batch_size": 32}}]
    study = resolved(seeds=[0], tasks={**CONTENT["tasks"], "rte": rte}, students=students)
    found = [
        f"{run.spec.id} {'; '.join(run.labels)}" for run in expand(study, materials(study), KNOWN)
    ]
    assert found == GOLDEN.split("\n")[1:-1]
