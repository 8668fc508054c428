"""Run specifications: what decides the id, and what does not."""

from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from mixkd_core.errors import InputError
from mixkd_core.records.specs import (
    MIXUP_SETTINGS,
    AugmentationSpec,
    CheckpointRef,
    EvaluationSpec,
    MixupSpec,
    RunSpec,
    StudentSpec,
    TrainingSpec,
    checked,
    checkpoint_ref,
)

ENCODER = CheckpointRef(name="encoder", digest="e1")
OTHER = CheckpointRef(name="other", digest="c1")


def spec(**changes: Any) -> RunSpec:
    values: dict[str, Any] = {
        "task": "rte",
        "data": "f00d",
        "encoder": ENCODER,
        "student": StudentSpec(init="checkpoint", checkpoint=OTHER),
    }
    return RunSpec(**(values | changes))


# For every field a value other than the one in `spec()`, so that a field that the id forgets shows.
CHANGED_RUN = {
    "task": "mrpc",
    "data": "beef",
    "fraction": 0.1,
    "seed": 1,
    "encoder": CheckpointRef(name="encoder", digest="e2"),
    "teacher": TrainingSpec(epochs=4),
    "teacher_mixup": MixupSpec(),
    "student": None,
    "evaluation": EvaluationSpec(remainder_size=1),
}
CHANGED_STUDENT = {
    "layers": 2,
    "layer_choice": "last",
    "init": "pretrained",
    "checkpoint": CheckpointRef(name="other", digest="c2"),
    "method": "kd",
    "weights": {"sm": 0.5},
    "distance": "kl",
    "temperature": 2.0,
    "mixup_alpha": 1.0,
    "mixup_ratio": 2.0,
    "pairing": "batch",
    "self_pairs": True,
    "fixed_draws": True,
    "mix_layer": 1,
    "training": TrainingSpec(epochs=5),
}
CHANGED_MIXUP = {"alpha": 1.0, "ratio": 0.5}
CHANGED_TRAINING = {
    "epochs": 7,
    "learning_rate": 1e-4,
    "batch_size": 8,
    "warmup": 0.0,
    "weight_decay": 0.0,
    "max_length": 64,
    "precision": "bf16",
    "augmentation": AugmentationSpec(kind="swap"),
}
TRANSLATED = {
    "kind": "back-translation",
    "forward": CheckpointRef(name="en-de", digest="t1"),
    "backward": CheckpointRef(name="de-en", digest="t2"),
}
# What else the specification holds, and another value.
CHANGED_AUGMENTATION: dict[str, tuple[dict[str, Any], Any]] = {
    "kind": ({"kind": "swap"}, "deletion"),
    "copies": ({"kind": "swap"}, 2),
    "rate": ({"kind": "swap"}, 0.2),
    "forward": (TRANSLATED, CheckpointRef(name="en-de", digest="t3")),
    "backward": (TRANSLATED, CheckpointRef(name="de-en", digest="t3")),
}


def test_every_field_has_a_changed_value_here() -> None:
    assert set(CHANGED_RUN) == set(RunSpec.model_fields)
    assert set(CHANGED_STUDENT) == set(StudentSpec.model_fields)
    assert set(CHANGED_TRAINING) == set(TrainingSpec.model_fields)
    assert set(CHANGED_MIXUP) == set(MixupSpec.model_fields)
    assert set(CHANGED_AUGMENTATION) == set(AugmentationSpec.model_fields)


@pytest.mark.parametrize("field", CHANGED_RUN)
def test_each_field_of_a_run_changes_the_id(field: str) -> None:
    assert spec(**{field: CHANGED_RUN[field]}).id != spec().id


@pytest.mark.parametrize("field", CHANGED_STUDENT)
def test_each_field_of_the_student_changes_the_id(field: str) -> None:
    base = spec().student
    assert base is not None
    changed = base.model_copy(update={field: CHANGED_STUDENT[field]})
    assert spec(student=changed).id != spec().id


@pytest.mark.parametrize("field", CHANGED_TRAINING)
def test_each_field_of_the_training_changes_the_id(field: str) -> None:
    changed = TrainingSpec(**{field: CHANGED_TRAINING[field]})
    assert spec(teacher=changed).id != spec().id
    assert spec(teacher=changed).teacher_spec.id != spec().teacher_spec.id


@pytest.mark.parametrize("field", CHANGED_MIXUP)
def test_each_field_of_the_teachers_mixup_makes_another_teacher(field: str) -> None:
    changed = MixupSpec(**{field: CHANGED_MIXUP[field]})
    ids = {spec(teacher_mixup=mixup).teacher_spec.id for mixup in (None, MixupSpec(), changed)}
    assert len(ids) == 3


def test_a_run_knows_what_its_own_network_minimises_and_how_it_is_trained() -> None:
    base = spec(teacher=TrainingSpec(epochs=4), teacher_mixup=MixupSpec())
    assert base.objective.formula == "L = 1 mle + 1 sm + 1 tmkd"
    assert base.training == TrainingSpec()
    assert base.teacher_spec.objective.formula == "L = 1 mle + 1 sm"
    assert base.teacher_spec.training == TrainingSpec(epochs=4)
    assert spec().teacher_spec.objective.formula == "L = 1 mle"


@pytest.mark.parametrize("field", CHANGED_AUGMENTATION)
def test_each_field_of_the_augmentation_changes_the_id(field: str) -> None:
    others, value = CHANGED_AUGMENTATION[field]
    ids = {
        spec(teacher=TrainingSpec(augmentation=AugmentationSpec(**values))).id
        for values in (others, {**others, field: value})
    }
    assert len(ids) == 2


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"kind": "swap", "forward": OTHER, "backward": OTHER}, "'swap' translates nothing"),
        ({"kind": "back-translation", "forward": OTHER}, "a forward and a backward checkpoint"),
        ({**TRANSLATED, "copies": 2}, "gives one copy"),
        ({"kind": "swap", "rate": 1.0}, "rate is 1.0"),
        ({"kind": "synonyms"}, "kind is 'synonyms'"),
    ],
)
def test_augmentations_that_contradict_themselves_are_refused(
    values: dict[str, Any], said: str
) -> None:
    with pytest.raises(InputError, match=said):
        checked(AugmentationSpec, **values)


def test_names_of_checkpoints_do_not_change_the_id() -> None:
    def named(name: str) -> str:
        refs = [CheckpointRef(name=name, digest=digest) for digest in ("e1", "c1", "t1", "t2")]
        translated = {**TRANSLATED, "forward": refs[2], "backward": refs[3]}
        training = TrainingSpec(augmentation=AugmentationSpec(**translated))
        student = StudentSpec(init="checkpoint", checkpoint=refs[1], training=training)
        return spec(encoder=refs[0], student=student).id

    assert named("here") == named("elsewhere")


def test_weights_spelled_out_are_the_methods_own() -> None:
    spelled = StudentSpec(method="sm+tmkd", weights={"mle": 1.0, "sm": 1.0, "tmkd": 1.0})
    assert spec(student=spelled).id == spec(student=StudentSpec(method="sm+tmkd")).id


def test_settings_of_mixup_do_not_change_the_id_where_nothing_is_mixed() -> None:
    changed = {name: CHANGED_STUDENT[name] for name in MIXUP_SETTINGS}
    kd = StudentSpec(method="kd")
    assert spec(student=kd.model_copy(update=changed)).id == spec(student=kd).id
    added = StudentSpec(method="kd", weights={"sm": 1.0})
    assert spec(student=added.model_copy(update=changed)).id != spec(student=added).id


def test_the_teacher_of_all_methods_is_one_run() -> None:
    kd = spec(student=StudentSpec(method="kd"))
    assert kd.teacher_spec == spec().teacher_spec
    assert kd.teacher_spec.method == "teacher"


@pytest.mark.parametrize(
    ("values", "named"),
    [
        ({"fraction": 0.0}, "fraction is 0.0"),
        ({"fraction": 1.5}, "fraction is 1.5"),
        ({"seed": -1}, "seed is -1"),
        ({"colour": "red"}, "colour is 'red'"),
    ],
)
def test_a_value_that_does_not_fit_is_named(values: dict[str, Any], named: str) -> None:
    with pytest.raises(InputError, match=named):
        checked(RunSpec, **{"task": "rte", "data": "f", "encoder": ENCODER, **values})


def test_a_latent_point_has_another_to_be_mixed_with() -> None:
    with pytest.raises(
        InputError, match=r"latent_points cannot be used: it is 1, .*give 2 or more, or 0"
    ):
        checked(EvaluationSpec, latent_points=1)
    assert [checked(EvaluationSpec, latent_points=n).latent_points for n in (0, 2)] == [0, 2]


@pytest.mark.parametrize(
    "values", [{"mixup_alpha": 0.0}, {"mixup_ratio": -1.0}, {"temperature": float("nan")}]
)
def test_a_student_out_of_range_is_refused(values: dict[str, Any]) -> None:
    with pytest.raises(InputError, match=next(iter(values))):
        checked(StudentSpec, **values)


def test_a_folder_is_known_by_its_content(tmp_path: Path) -> None:
    here, there = tmp_path / "a" / "model", tmp_path / "b" / "moved"
    for folder in (here, there):
        folder.mkdir(parents=True)
        (folder / "config.json").write_text("{}")
        (folder / "model.safetensors").write_bytes(b"weights")
        (folder / "README.md").write_text(str(folder))
    assert checkpoint_ref(here).digest == checkpoint_ref(there).digest
    assert checkpoint_ref(here).name == "a/model"
    (there / "model.safetensors").write_bytes(b"Weights")
    assert checkpoint_ref(here).digest != checkpoint_ref(there).digest


def test_of_a_teacher_as_it_is_only_the_length_makes_another_run() -> None:
    def teacher(**training: Any) -> RunSpec:
        return spec(student=None, teacher=TrainingSpec(**{"epochs": 0, **training}))

    assert teacher(learning_rate=1e-4, batch_size=8).id == teacher().id
    assert teacher(max_length=64).id != teacher().id
    assert teacher(epochs=1).id != teacher().id


def test_a_student_of_no_epochs_and_a_teacher_as_it_is_with_mixup_are_refused() -> None:
    with pytest.raises(ValidationError, match="a student of 0 epochs learns nothing"):
        StudentSpec(training=TrainingSpec(epochs=0))
    with pytest.raises(ValidationError, match="used as it is, without mixup"):
        spec(teacher=TrainingSpec(epochs=0), teacher_mixup=MixupSpec())


def test_a_checkpoints_name_holds_no_users(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for place in ("home/ada/small", "scratch/ada/small", "home/ada/nets/small"):
        (tmp_path / place).mkdir(parents=True)
        (tmp_path / place / "config.json").write_text("{}")
    monkeypatch.setattr(Path, "home", lambda: Path("/root"))
    assert checkpoint_ref(tmp_path / "home/ada/small").name == "small"
    assert checkpoint_ref(tmp_path / "home/ada/nets/small").name == "nets/small"
    monkeypatch.setattr(Path, "home", lambda: Path("/data/ada"))
    assert checkpoint_ref(tmp_path / "scratch/ada/small").name == "small"
