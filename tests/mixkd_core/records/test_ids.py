"""The ids of runs outlive their specifications: a stored run is found when fields were added."""

import csv
import json
from pathlib import Path
from typing import Any

import pytest
from pydantic import BaseModel, create_model

from mixkd_core.records.specs import (
    AugmentationSpec,
    CheckpointRef,
    EvaluationSpec,
    MixupSpec,
    RunSpec,
    StudentSpec,
    TrainingSpec,
)

ENCODER = CheckpointRef(name="encoder", digest="e1")
OWN = CheckpointRef(name="other", digest="c1")
SWAPPED = AugmentationSpec(kind="swap")
TRANSLATED = AugmentationSpec(
    kind="back-translation",
    forward=CheckpointRef(name="en-de", digest="t1"),
    backward=CheckpointRef(name="de-en", digest="t2"),
)
RESULTS = Path(__file__).parents[3] / "experiments" / "results"


def training(**fields: Any) -> TrainingSpec:
    """A training in batches of 32, as the default was when the ids were made."""
    return TrainingSpec(**({"batch_size": 32} | fields))


def spec(**fields: Any) -> RunSpec:
    usual = {"task": "rte", "data": "f00d", "encoder": ENCODER, "teacher": training()}
    return RunSpec(**(usual | fields))


def student(**fields: Any) -> RunSpec:
    return spec(student=StudentSpec(**({"training": training()} | fields)))


def method(name: str) -> RunSpec:
    return student(method=name)


# A run of each kind, and its id when the first runs were stored. If one changes, every stored run
# of its kind would be trained again.
GOLDEN: dict[str, tuple[RunSpec, str]] = {
    "teacher": (spec(), "0a96bb52b8e6"),
    "fraction and seed": (spec(fraction=0.01, seed=7), "082352b14f05"),
    "teacher's training": (
        spec(
            teacher=training(
                epochs=5,
                learning_rate=1e-4,
                batch_size=16,
                warmup=0.0,
                weight_decay=0.1,
                max_length=64,
                precision="bf16",
            )
        ),
        "8c4974643890",
    ),
    "teacher with mixup": (spec(teacher_mixup=MixupSpec()), "7a750e0f3b24"),
    "teacher with more mixup": (
        spec(teacher_mixup=MixupSpec(alpha=1.0, ratio=2.0)),
        "90d616f3320b",
    ),
    "teacher on swapped words": (
        spec(teacher=training(augmentation=SWAPPED)),
        "4c766eb43781",
    ),
    "teacher on deleted words": (
        spec(teacher=training(augmentation=AugmentationSpec(kind="deletion", copies=2, rate=0.2))),
        "60d2409d0d64",
    ),
    "teacher on translated texts": (
        spec(teacher=training(augmentation=TRANSLATED)),
        "9a317548a374",
    ),
    "student": (student(), "3d37b4d4e2be"),
    "few layers": (student(layers=2, layer_choice="alternate"), "64aaa8317692"),
    "pretrained layers": (student(init="pretrained", layer_choice="last"), "9d7c9693c5e1"),
    "own checkpoint": (
        student(init="checkpoint", checkpoint=OWN, layers=None),
        "9a8abe1be604",
    ),
    "layers of an own checkpoint": (
        student(init="checkpoint", checkpoint=OWN, layers=2, layer_choice="symmetric"),
        "a4cfaa1307af",
    ),
    "ft": (method("ft"), "94053c899f08"),
    "kd": (method("kd"), "86f9262d3e07"),
    "pkd": (method("pkd"), "49efee13fa88"),
    "sm": (method("sm"), "a563f322274a"),
    "tmkd": (method("tmkd"), "406a269750dd"),
    "sm+tmkd": (method("sm+tmkd"), "3d37b4d4e2be"),
    "kd+sm+tmkd": (method("kd+sm+tmkd"), "ae9f7874c211"),
    "theseus": (method("theseus"), "2c5f133bf9c9"),
    "transfer": (method("transfer"), "cc3c138593f8"),
    "more of a transfer set": (student(method="transfer", mixup_ratio=2.0), "976f5cef79e1"),
    "weights": (student(weights={"sm": 0.5, "kd": 2.0}), "a8b32e27a057"),
    "kd that mixes": (student(method="kd", weights={"sm": 1.0}), "5af63564e6fd"),
    "kl": (student(distance="kl", temperature=4.0), "47d379f88416"),
    "soft-ce": (student(method="kd", distance="soft-ce", temperature=2.0), "8baa146b38e0"),
    "mixup": (student(mixup_alpha=1.0, mixup_ratio=2.5), "3ed8801f3429"),
    "within-class": (student(pairing="within-class", self_pairs=True), "7197f1b11abb"),
    "across-classes": (student(pairing="across-classes"), "9aecc37049e6"),
    "pairs of a batch": (student(pairing="batch"), "57eca695a352"),
    "fixed draws": (student(fixed_draws=True), "cc283fffccf5"),
    "mixed at a layer": (student(mix_layer=2), "88bc794709ed"),
    "mixed when pooled": (student(mix_layer="pooled"), "ae241f8aa731"),
    "student's training": (
        student(training=training(epochs=6, precision="bf16")),
        "824f934346f9",
    ),
    "student on swapped words": (
        student(training=training(augmentation=AugmentationSpec(kind="swap", copies=3))),
        "dc0001a7c1b9",
    ),
    "student on translated texts": (
        student(training=training(augmentation=TRANSLATED)),
        "9012710e7292",
    ),
    "sizes of held-out sets": (
        spec(evaluation=EvaluationSpec(remainder_size=10, fresh_size=0)),
        "4a5a13fe9c0e",
    ),
    "validation": (spec(evaluation=EvaluationSpec(validation=0.2)), "5c6067a507f1"),
    "encodings": (spec(evaluation=EvaluationSpec(latent_points=50)), "54537db6216d"),
    "much of it": (
        spec(
            teacher=training(epochs=5),
            teacher_mixup=MixupSpec(alpha=0.2),
            student=StudentSpec(
                method="tmkd",
                init="checkpoint",
                checkpoint=OWN,
                layers=None,
                fixed_draws=True,
                training=training(augmentation=TRANSLATED),
            ),
            evaluation=EvaluationSpec(validation=0.1, latent_points=2),
        ),
        "e2eb8264910a",
    ),
}

# Fields that were added after the first runs were stored, at the default that leaves no trace. A
# default that changed would give two different runs one id.
LATER_DEFAULTS: dict[tuple[str, str], Any] = {
    ("EvaluationSpec", "validation"): None,
    ("EvaluationSpec", "latent_points"): 0,
}
PARTS = (CheckpointRef, AugmentationSpec, TrainingSpec, MixupSpec, StudentSpec, EvaluationSpec)


@pytest.mark.parametrize("kind", GOLDEN)
def test_the_id_of_each_kind_of_run_is_the_one_it_always_had(kind: str) -> None:
    run, golden = GOLDEN[kind]
    assert run.id == golden


@pytest.mark.parametrize("kind", GOLDEN)
def test_a_stored_specification_has_its_id_again(kind: str) -> None:
    """Read from what a version without the later fields wrote, and from what this one writes."""
    run, golden = GOLDEN[kind]
    content = run.model_dump(mode="json")
    assert RunSpec.model_validate(content).id == golden
    for (_, name), default in LATER_DEFAULTS.items():
        if content["evaluation"][name] == default:
            del content["evaluation"][name]
    assert RunSpec.model_validate(content).id == golden


def test_every_committed_run_has_the_id_that_it_was_stored_under() -> None:
    seen = 0
    for folder in sorted(path.parent for path in RESULTS.glob("*/about.json")):
        known = json.loads((folder / "about.json").read_text(encoding="utf-8"))["specifications"]
        for row in csv.DictReader((folder / "runs.csv").open(encoding="utf-8")):
            if row["state"] == "finished":
                run = RunSpec.model_validate(
                    known[row["specification"]] | {"seed": int(row["seed"])}
                )
                assert (run.id, run.folder_name) == (row["run"], row["folder"])
                seen += 1
    assert seen > 100


def test_later_fields_keep_the_default_that_leaves_no_trace() -> None:
    later = {
        (part.__name__, name): field.get_default(call_default_factory=True)
        for part in (*PARTS, RunSpec)
        for name, field in part.model_fields.items()
        if name not in part.FIRST | part.UNTOLD
    }
    assert later == LATER_DEFAULTS


@pytest.mark.parametrize(
    ("setting", "decides"),
    [
        ({"mixup_ratio": 2.0}, True),
        ({"fixed_draws": True}, True),
        ({"mixup_alpha": 1.0}, False),
        ({"pairing": "batch"}, False),
        ({"self_pairs": True}, False),
        ({"mix_layer": 1}, False),
    ],
)
def test_how_texts_are_mixed_is_not_told_where_they_are_asked_about_as_they_are(
    setting: dict[str, Any], decides: bool
) -> None:
    plain = student(method="transfer")
    assert (student(method="transfer", **setting).id != plain.id) == decides


def grown(part: type[BaseModel], default: Any, annotation: Any) -> type[BaseModel]:
    """A part of a specification with one more field, as a later version may have it."""
    return create_model(part.__name__, __base__=part, grown=(annotation, default))


def regrown(content: Any, part: type[BaseModel], larger: type[BaseModel], **fields: Any) -> Any:
    """The content of a specification, one kind of part replaced by the larger one."""
    if isinstance(content, BaseModel):
        values = {
            name: regrown(getattr(content, name), part, larger, **fields)
            for name in type(content).model_fields
        }
        kind = larger if type(content) is part else type(content)
        return kind.model_validate(values | (fields if kind is larger else {}))
    return content


@pytest.mark.parametrize("part", [*PARTS, RunSpec], ids=lambda part: part.__name__)
@pytest.mark.parametrize(
    ("annotation", "default", "other"),
    [
        (int, 0, 1),
        (float | None, None, 0.5),
        (tuple[str, ...], (), ("a", "b")),
        (dict[str, float], {}, {"a": 1.0}),
        (MixupSpec | None, None, MixupSpec()),
        (MixupSpec, MixupSpec(), MixupSpec(alpha=2.0)),
    ],
    ids=str,
)
def test_a_field_that_is_added_changes_no_id_until_it_is_set(
    part: type[BaseModel], annotation: Any, default: Any, other: Any
) -> None:
    larger = grown(part, default, annotation)
    run, golden = GOLDEN["much of it"]
    assert regrown(run, part, larger).id == golden
    assert regrown(run, part, larger, grown=default).id == golden, "spelled out"
    assert regrown(run, part, larger, grown=other).id != golden


def test_growth_of_any_part_changes_the_id_of_no_kind_of_run() -> None:
    larger = {part: grown(part, 0, int) for part in PARTS}
    for run, golden in GOLDEN.values():
        for part, its in larger.items():
            run = regrown(run, part, its)
        assert run.id == golden
