"""A study expanded: which runs, in which order, each once, and how long they will take."""

import re
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from experiments.planning.plan import (
    BASES,
    Material,
    PlannedRun,
    Source,
    checkpoints_of,
    estimate,
    expand,
    gather,
    load_source,
    source_of,
)
from experiments.planning.resolved import resolve
from experiments.planning.settings import TaskSettings
from experiments.planning.study import Study
from experiments.planning.study_file import load_study, shipped_studies
from mixkd_core.data.tasks import EMBEDDED, find_task
from mixkd_core.errors import InputError
from mixkd_core.networks.mix_layer import check_mix_layer
from mixkd_core.networks.students import choose_layers
from mixkd_core.records.run_folder import RunRecord
from mixkd_core.records.specs import CheckpointRef, RunSpec, TrainingSpec
from mixkd_core.records.usual import usual_epochs, usual_rate

KNOWN = {
    "distilbert-base-uncased": CheckpointRef(name="distil", digest="d1"),
    "Helsinki-NLP/opus-mt-en-de": CheckpointRef(name="en-de", digest="t1"),
    "Helsinki-NLP/opus-mt-de-en": CheckpointRef(name="de-en", digest="t2"),
}


def material(task: str, examples: int = 1000) -> Material:
    ref = CheckpointRef(name="encoder", digest="e1")
    return Material(Source(find_task(task)), f"fingerprint of {task}", examples, "encoder", ref)


def study(**changes: Any) -> Study:
    content = {
        "name": "small",
        "stands_for": "Figure 0",
        "seeds": [0, 1],
        "fractions": [1.0, 0.1],
        "tasks": {
            "sst2": {
                "teacher": {"epochs": 2},
                "student": {"epochs": 4, "learning_rate": 1e-4},
                "by_fraction": {0.1: {"student": {"epochs": 8}}},
            },
            "rte": {"fractions": [1.0]},
        },
        "students": [{"layers": 3}],
        "methods": ["ft", "kd"],
    }
    return Study.model_validate({**content, **changes})


def planned(described: Study) -> tuple[PlannedRun, ...]:
    return expand(resolve(described), {task: material(task) for task in described.tasks}, KNOWN)


def order(runs: Sequence[PlannedRun]) -> list[tuple[int, float, str, str]]:
    return [(run.spec.seed, run.spec.fraction, run.spec.task, run.labels[0]) for run in runs]


def test_seeds_are_completed_one_by_one_small_fractions_first_teachers_before_students() -> None:
    one_seed = [(0.1, "sst2"), (1.0, "sst2"), (1.0, "rte")]
    assert order(planned(study())) == [
        (seed, fraction, task, label)
        for seed in (0, 1)
        for fraction, task in one_seed
        for label in ("teacher", "ft", "kd")
    ]


def test_a_teacher_is_one_run_whatever_its_students() -> None:
    runs = planned(study(students=[{"layers": 3}, {"layers": 6}], seeds=[0]))
    teachers = [run for run in runs if run.spec.student is None]
    assert len(teachers) == 3
    assert len(runs) == 3 + 3 * 2 * 2
    assert len({run.spec.id for run in runs}) == len(runs)
    for run in runs:
        if run.spec.student is not None:
            assert run.teacher_id in {teacher.spec.id for teacher in teachers}
    assert [run.labels[0] for run in runs[1:5]] == [
        "ft, 3 layers",
        "kd, 3 layers",
        "ft, 6 layers",
        "kd, 6 layers",
    ]


def test_training_comes_from_the_task_the_fraction_the_student_and_the_method() -> None:
    runs = planned(
        study(
            seeds=[0],
            students=[{"layers": 3, "training": {"batch_size": 16}}],
            methods=["ft", {"method": "kd", "epochs_factor": 2, "training": {"warmup": 0}}],
        )
    )
    by_label = {(run.spec.fraction, run.spec.task, run.labels[0]): run for run in runs}
    teacher = by_label[0.1, "sst2", "teacher"]
    assert teacher.spec.teacher.epochs == 2
    assert (teacher.examples, teacher.work) == (100, 200)
    plain = by_label[0.1, "sst2", "ft"].spec.student
    twice = by_label[0.1, "sst2", "kd training.warmup=0.0 epochs_factor=2.0"]
    assert plain is not None
    assert (plain.training.epochs, plain.training.learning_rate) == (8, 1e-4)
    assert (plain.training.batch_size, plain.training.warmup) == (16, 0.1)
    assert twice.spec.student is not None
    assert (twice.spec.student.training.epochs, twice.spec.student.training.warmup) == (16, 0)
    assert twice.work == 1600
    at_all = by_label[1.0, "sst2", "ft"].spec.student
    assert at_all is not None
    assert at_all.training.epochs == 4


def test_what_a_study_says_nothing_of_is_as_usual() -> None:
    """The same as on the command line and in a script: steps decide where data are small."""
    twice = {"method": "kd", "label": "twice", "epochs_factor": 2}
    described = study(
        seeds=[0],
        fractions=[0.1],
        tasks={"rte": {}, "embedded-sentiment": {"student": {"batch_size": 8}}},
        methods=["ft", twice],
    )
    runs = {(run.spec.task, run.labels[0]): run.spec.training for run in planned(described)}
    batch = TrainingSpec().batch_size
    usual = usual_epochs(100, batch)
    assert usual > TrainingSpec().epochs, "a hundred examples are few"
    assert {run.epochs for (task, label), run in runs.items() if task == "rte"} == {
        usual,
        2 * usual,
    }
    assert runs["rte", "twice"].epochs == 2 * usual
    assert runs["rte", "ft"].learning_rate == usual_rate(random_weights=False, student=True)
    embedded = runs["embedded-sentiment", "ft"]
    assert embedded.learning_rate == usual_rate(random_weights=True, student=True)
    assert embedded.epochs == usual_epochs(100, 8)


def test_a_fine_tuned_classifier_is_the_teacher_as_it_is_unless_its_epochs_are_given() -> None:
    given = {task: replace(material(task), fine_tuned=True) for task in ("rte", "sst2")}
    described = study(
        seeds=[0], fractions=[1.0], tasks={"rte": {}, "sst2": {"teacher": {"epochs": 2}}}
    )
    runs = expand(resolve(described), given, KNOWN)
    assert {run.spec.task: run.spec.teacher.epochs for run in runs} == {"rte": 0, "sst2": 2}


def test_variants_that_coincide_are_one_run_with_both_names() -> None:
    sweeps = [{"base": "sm+tmkd", "field": "mixup_ratio", "values": [0.5, 1]}]
    runs = planned(study(seeds=[0], methods=["sm+tmkd"], sweeps=sweeps, tasks={"rte": {}}))
    assert [run.labels for run in runs if run.spec.fraction == 1.0] == [
        ("teacher",),
        ("sm+tmkd", "sm+tmkd mixup_ratio=1"),
        ("sm+tmkd mixup_ratio=0.5",),
    ]


def test_a_method_may_ask_for_a_teacher_that_saw_mixup() -> None:
    method = {"method": "kd", "label": "kd, mixup teacher", "teacher_mixup": {"alpha": 0.2}}
    described = study(seeds=[0], methods=["kd", method], tasks={"rte": {}}, fractions=[1.0])
    plain, kd, mixed, its_kd = planned(described)
    assert [run.labels[0] for run in (plain, kd, mixed, its_kd)] == [
        "teacher",
        "kd",
        "teacher that saw mixup",
        "kd, mixup teacher",
    ]
    assert mixed.spec.teacher_mixup is not None
    assert mixed.spec.teacher_mixup.alpha == 0.2
    assert (kd.teacher_id, its_kd.teacher_id) == (plain.spec.id, mixed.spec.id)


def test_a_student_may_have_methods_and_a_checkpoint_of_its_own() -> None:
    own = {
        "label": "DistilBERT",
        "init": "checkpoint",
        "checkpoint": "distilbert-base-uncased",
        "layers": None,
        "methods": ["ft"],
    }
    runs = planned(study(seeds=[0], students=[{"layers": 3}, own], tasks={"rte": {}}))
    (run,) = [run for run in runs if "DistilBERT" in run.labels[0] and run.spec.fraction == 1]
    assert run.labels == ("ft, DistilBERT",)
    assert run.student_checkpoint == "distilbert-base-uncased"
    assert run.spec.student is not None
    assert run.spec.student.checkpoint == KNOWN["distilbert-base-uncased"]
    assert run.spec.student.layers is None


TRANSLATED = {"method": "ft", "training": {"augmentation": {"kind": "back-translation"}}}


def test_translators_are_the_studys_and_those_of_the_runs_that_translate() -> None:
    edited = {"method": "ft", "training": {"augmentation": {"kind": "swap", "copies": 2}}}
    described = study(
        seeds=[0], fractions=[1.0], tasks={"rte": {}}, methods=["ft", edited, TRANSLATED]
    )
    plain, swapped, translated = planned(described)[1:]
    assert plain.spec.training.augmentation is None
    assert plain.translators == swapped.translators == ()
    edits = swapped.spec.training.augmentation
    assert edits is not None
    assert (edits.kind, edits.copies, edits.forward) == ("swap", 2, None)
    augmentation = translated.spec.training.augmentation
    assert augmentation is not None
    assert (augmentation.forward, augmentation.backward) == (
        KNOWN["Helsinki-NLP/opus-mt-en-de"],
        KNOWN["Helsinki-NLP/opus-mt-de-en"],
    )
    assert dict(translated.translators) == {
        "t1": "Helsinki-NLP/opus-mt-en-de",
        "t2": "Helsinki-NLP/opus-mt-de-en",
    }
    assert translated.spec.teacher.augmentation is None, "the student alone learns from copies"


def test_checkpoints_are_looked_up_only_where_a_run_needs_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Text edits ask for no translator; a teacher that is trained on translations does."""

    def looked_up(name: str) -> CheckpointRef:
        return CheckpointRef(name=name, digest=f"digest of {name}")

    monkeypatch.setattr("experiments.planning.plan.checkpoint_ref", looked_up)
    swap = {"method": "ft", "training": {"augmentation": {"kind": "swap"}}}
    assert checkpoints_of(resolve(study(methods=[swap]))) == {}
    folders = {"forward": "there", "backward": "back"}
    assert set(checkpoints_of(resolve(study(methods=[TRANSLATED], translators=folders)))) == {
        "there",
        "back",
    }
    teacher = {"teacher": {"augmentation": {"kind": "back-translation"}}}
    for tasks in ({"rte": teacher}, {"rte": {"by_fraction": {0.1: teacher}}}):
        described = study(tasks=tasks, translators=folders, fractions=[0.1], methods=["ft"])
        runs = expand(resolve(described), {"rte": material("rte")})
        assert dict(runs[0].translators) == {
            "digest of there": "there",
            "digest of back": "back",
        }
        assert runs[1].translators == ()


@pytest.mark.parametrize("name", shipped_studies())
def test_every_shipped_study_expands_into_runs_that_can_be(name: str) -> None:
    described = load_study(name)
    runs = planned(described)
    layers = {True: 4, False: 12}  # of the embedded encoder, of BERT-base
    assert {run.spec.seed for run in runs} == set(described.seeds)
    assert {run.spec.task for run in runs} == set(described.tasks)
    for run in runs:
        assert run.spec.folder_name
        student = run.spec.student
        if student is not None and student.layers is not None:
            total = layers[run.spec.task in EMBEDDED]
            assert len(choose_layers(total, student.layers, student.layer_choice)) < total
            check_mix_layer(student.mix_layer, student.layers)
            assert student.distance != "mse" or student.temperature == 1
    assert all(label for run in runs for label in run.labels)


def test_the_controls_of_equal_compute_see_twice_the_samples() -> None:
    runs = planned(load_study("limited-data").narrowed(seeds=[0], tasks=["sst2"]))
    works = {run.labels[0]: run.work for run in runs if run.spec.fraction == 0.01}
    assert works["kd at MixKD's compute, 3 layers"] == 2 * works["kd, 3 layers"]


def test_gathering_reads_the_data_and_makes_the_embedded_encoder(tmp_path: Path) -> None:
    tasks = {"embedded-sentiment": {"train_size": 50, "dev_size": 10}}
    described = resolve(study(tasks=tasks, fractions=[1.0]))
    found = gather(described, tmp_path)["embedded-sentiment"]
    assert found.examples == 50
    assert found.fingerprint == load_source(found.source).fingerprint
    assert Path(found.encoder) == tmp_path / "encoder"
    assert gather(described, tmp_path)["embedded-sentiment"] == found, "its encoder is made once"
    with pytest.raises(InputError, match="encoder 'unused/here' was given"):
        gather(described, tmp_path, teacher="unused/here")


def test_a_study_of_ones_own_files(tmp_path: Path) -> None:
    (tmp_path / "train.csv").write_text("text,label\ngood,yes\nbad,no\n")
    (tmp_path / "dev.csv").write_text("text,label\nfine,yes\npoor,no\n")
    files = {
        "train": str(tmp_path / "train.csv"),
        "evaluation": {"dev": str(tmp_path / "dev.csv")},
        "label_names": ["no", "yes"],
    }
    settings = TaskSettings.model_validate({"files": files})
    data = load_source(source_of("reviews", settings, None))
    assert list(data.train["label"]) == [1, 0]
    assert list(data.evaluation) == ["dev"]
    alone = TaskSettings.model_validate({"files": {"train": files["train"], "dev_fraction": 0.5}})
    source = source_of("reviews", alone, None)
    assert source.task.label_names == ("no", "yes"), "read off the file"
    assert source.dev_fraction == 0.5


@pytest.mark.parametrize("name", ["a/b", "../x", "", ".hidden", "long" * 20])
def test_a_task_of_ones_own_needs_a_name(name: str) -> None:
    files = {"train": "a.csv", "label_names": ["no", "yes"]}
    with pytest.raises(InputError, match=re.escape(f"The task name {name!r}")):
        source_of(name, TaskSettings.model_validate({"files": files}), None)


@pytest.mark.parametrize(
    ("task", "settings", "said"),
    [
        ("sst3", {"train_size": 5}, "did you mean 'sst2'"),
        (
            "rte",
            {"files": {"train": "a.csv", "evaluation": {"dev": "b.csv"}}},
            "'rte' is the name of a known task",
        ),
        ("sst2", {"train_size": 5}, "train_size is set for task 'sst2', which is not embedded"),
        (
            "mine",
            {"data_dir": "glue", "files": {"train": "a.csv", "evaluation": {"dev": "b.csv"}}},
            "both 'data_dir' and 'files'",
        ),
    ],
)
def test_sources_that_contradict_are_refused(
    task: str, settings: dict[str, Any], said: str
) -> None:
    with pytest.raises(InputError, match=said):
        source_of(task, TaskSettings.model_validate(settings), None)


def test_a_data_folder_given_goes_before_the_studys() -> None:
    settings = TaskSettings(data_dir=Path("theirs"))
    assert source_of("rte", settings, None).data_dir == Path("theirs")
    assert source_of("rte", settings, Path("ours")).data_dir == Path("ours")


def finished(run: PlannedRun, spec: RunSpec, examples: int, seconds: float) -> RunRecord:
    summary = {"train_examples": examples, "seconds": {"training": seconds, "evaluation": 0.0}}
    return RunRecord(Path("runs") / run.spec.folder_name, spec, summary)


def seconds(run: PlannedRun, records: list[RunRecord]) -> float:
    found = estimate(run, records)
    assert found is not None
    return found[0]


def test_time_is_estimated_from_finished_runs_of_the_same_kind() -> None:
    trained = {"teacher": {"epochs": 3}, "student": {"epochs": 3}}
    runs = planned(study(tasks={"rte": trained, "sst2": trained}, seeds=[0], fractions=[0.1, 1.0]))
    ft = {(r.spec.task, r.spec.fraction): r for r in runs if r.labels == ("ft",)}
    small, large, other = ft["rte", 0.1], ft["rte", 1.0], ft["sst2", 1.0]
    kd = next(run for run in runs if run.labels == ("kd",))
    record = finished(small, small.spec, 100, 30.0)
    assert estimate(large, []) is None
    assert seconds(large, [record]) == pytest.approx(300.0), "ten times the examples"
    assert seconds(other, [record]) == pytest.approx(300.0), "another task, for want of its own"
    assert seconds(kd, [record]) == pytest.approx(30.0), "another method, for want of its own"
    assert estimate(large, [record]) == (pytest.approx(300.0), BASES[0])
    assert estimate(other, [record]) == (pytest.approx(300.0), BASES[1])
    assert estimate(kd, [record]) == (pytest.approx(30.0), BASES[2])
    own = finished(other, other.spec, 1000, 50.0)
    assert seconds(other, [record, own]) == pytest.approx(50.0)
