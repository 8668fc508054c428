"""A study expanded into frozen run specifications, in the order in which they are to be run."""

import statistics
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any

from experiments.planning.resolved import ComparedStudents, ResolvedStudy
from experiments.planning.settings import Files, TaskSettings
from mixkd_core.data.task_data import TaskData
from mixkd_core.data.tasks import EMBEDDED, KNOWN, Task, find_task
from mixkd_core.errors import InputError
from mixkd_core.records.run_folder import RunRecord
from mixkd_core.records.specs import (
    AugmentationSpec,
    CheckpointRef,
    RunSpec,
    StudentSpec,
    TrainingSpec,
    checked,
    checkpoint_ref,
)
from mixkd_core.records.usual import usual_epochs, usual_rate


@dataclass(frozen=True)
class Source:
    """The way to get a task's examples, in any process.

    Attributes:
        task: the task.
        data_dir: a GLUE folder, or None.
        train_file, evaluation_files: one's own files, or None and ().
        dev_fraction: share of the training file to hold out, or None.
        drop_empty: whether its rows without a text or label are left out.
        sizes: `(name, size)` of an embedded task's sets where they are not the usual ones.
        test_file: a labelled test set, or None.
    """

    task: Task
    data_dir: Path | None = None
    train_file: Path | None = None
    evaluation_files: tuple[tuple[str, Path], ...] = ()
    dev_fraction: float | None = None
    drop_empty: bool = False
    sizes: tuple[tuple[str, int], ...] = ()
    test_file: Path | None = None


@dataclass(frozen=True)
class Material:
    """The examples and checkpoints of a study's task.

    Attributes:
        source: how to get its examples.
        fingerprint: of the examples.
        examples: of the whole training split.
        remarks: what a user should know of them (`TaskData.remarks`).
        encoder: folder or hub name of the pre-trained encoder.
        encoder_ref: the same by content.
        fine_tuned: whether it is a classifier already: the teacher as it is, unless its epochs say
            otherwise.
    """

    source: Source
    fingerprint: str
    examples: int
    encoder: str
    encoder_ref: CheckpointRef
    remarks: tuple[str, ...] = ()
    fine_tuned: bool = False


@dataclass(frozen=True)
class PlannedRun:
    """A run of a study.

    Attributes:
        spec: what is run.
        labels: what it stands for in the study; several where variants coincide.
        examples: in the training subset, to the rounding of its classes.
        material: of its task.
        student_checkpoint: folder or hub name of the student's own checkpoint, if it has one.
        translators: `(digest, folder or hub name)` of its translation checkpoints.
    """

    spec: RunSpec
    labels: tuple[str, ...]
    examples: int
    material: Material
    student_checkpoint: str | None = None
    translators: tuple[tuple[str, str], ...] = ()

    @property
    def work(self) -> float:
        """Examples times epochs, which a run's time grows with."""
        return self.examples * self.spec.training.epochs

    @property
    def teacher_id(self) -> str | None:
        """Id of the run that must be finished before; None for a teacher."""
        return None if self.spec.student is None else self.spec.teacher_spec.id

    def describe(self) -> dict[str, Any]:
        """Return what the store keeps of a study's run."""
        spec = self.spec
        return {
            "folder": spec.folder_name,
            "labels": list(self.labels),
            "task": spec.task,
            "fraction": spec.fraction,
            "seed": spec.seed,
            "teacher_id": self.teacher_id,
        }


def source_of(name: str, settings: TaskSettings, data_dir: Path | None) -> Source:
    """Return a task's source; `data_dir` goes before the study's own, for GLUE's tasks.

    Of files of one's own whose classes are not named, the training file is read for them.

    Raises:
        InputError: for an unknown task, settings that contradict each other, or a training file
            that names no classes.
    """
    files = settings.files
    if files is not None and settings.data_dir is not None and name not in KNOWN:
        raise InputError(f"task {name!r} has both 'data_dir' and 'files': give one of them.")
    task = find_task(name) if files is None else _own_task(name, files)
    sizes = (("train_size", settings.train_size), ("dev_size", settings.dev_size))
    given = tuple((key, value) for key, value in sizes if value is not None)
    if given and name not in EMBEDDED:
        raise InputError(
            f"{given[0][0]} is set for task {name!r}, which is not embedded: its data have a size "
            "already; leave it out, or use 'fractions'."
        )
    if name in EMBEDDED:
        if settings.test_file is not None:
            raise InputError(
                f"test_file is set for task {name!r}, which is measured on new draws of its law: "
                "leave it out."
            )
        return Source(task, sizes=given)
    if files is None:
        data_dir = data_dir or settings.data_dir
        return Source(task, data_dir=data_dir, test_file=settings.test_file)
    return Source(
        task,
        train_file=files.train,
        evaluation_files=tuple(files.evaluation.items()),
        dev_fraction=files.dev_fraction,
        drop_empty=files.drop_empty,
        test_file=settings.test_file,
    )


def _own_task(name: str, files: Files) -> Task:
    from mixkd_core.data.own_data import label_names_in

    if name in KNOWN:
        raise InputError(
            f"{name!r} is the name of a known task, and its 'files' are data of your own: give the "
            "task another name, so that nobody takes one for the other."
        )
    names = files.label_names
    if names is None and not files.regression:
        names = label_names_in(files.train, files.label_column)
    return Task(
        name,
        text_columns=files.text_columns,
        label_column=files.label_column,
        label_names=names,
    )


@cache
def load_source(source: Source) -> TaskData:
    """A source's examples, loaded once a process."""
    from mixkd_core.data.sources import load_embedded, load_task_data

    if source.task.name in EMBEDDED:
        return load_embedded(source.task.name, **dict(source.sizes))
    return load_task_data(
        source.task,
        data_dir=source.data_dir,
        train_file=source.train_file,
        evaluation_files=dict(source.evaluation_files),
        dev_fraction=source.dev_fraction,
        drop_empty=source.drop_empty,
        test_file=source.test_file,
    )


def check_overrides(study: ResolvedStudy, data_dir: Path | None, teacher: str | None) -> None:
    """Refuse a data folder or an encoder that no task of a study would take.

    Raises:
        InputError: naming it.
    """
    for what, given in (("data folder", data_dir), ("encoder", teacher)):
        if given is not None and all(name in EMBEDDED for name in study.tasks):
            raise InputError(
                f"{what} {str(given)!r} was given, and every task of study {study.name!r} is "
                "embedded: such a task has its own; leave it out."
            )


def gather(
    study: ResolvedStudy, out: Path, *, data_dir: Path | None = None, teacher: str | None = None
) -> dict[str, Material]:
    """The material of every task of a study.

    Args:
        out: the store; the embedded tasks' encoder is made in it.
        data_dir, teacher: in place of the study's own, for the tasks that are not embedded.

    Raises:
        InputError: for data or an encoder that cannot be read, or that no task would take.
    """
    from experiments.running.encoders import encoder_for
    from mixkd_core.networks.checkpoints import is_fine_tuned, load_config

    check_overrides(study, data_dir, teacher)
    materials = {}
    for name, settings in study.tasks.items():
        source = source_of(name, settings, data_dir)
        data = load_source(source)
        chosen = settings.encoder if name in EMBEDDED else teacher or settings.encoder
        encoder = encoder_for(source.task, chosen, out)
        materials[name] = Material(
            source,
            data.fingerprint,
            len(data.train),
            encoder,
            checkpoint_ref(encoder),
            data.remarks,
            is_fine_tuned(load_config(encoder)),
        )
    return materials


def checkpoints_of(study: ResolvedStudy) -> dict[str, CheckpointRef]:
    """The students' own checkpoints and the translators that a study uses, by name.

    Raises:
        InputError: for one that cannot be read.
    """
    return {name: checkpoint_ref(name) for name in sorted(study.checkpoints)}


def expand(
    study: ResolvedStudy,
    materials: Mapping[str, Material],
    checkpoints: Mapping[str, CheckpointRef] | None = None,
) -> tuple[PlannedRun, ...]:
    """A study's runs, each once, in the order in which they are to be run.

    All methods with one seed come before any with the next, so that an interrupted study has
    complete seeds to compare; within a seed, small fractions come first. A teacher comes right
    before its first student.

    Args:
        materials: by task (`gather`).
        checkpoints: content of the checkpoints that the study names (`checkpoints_of`); looked up
            if not given.

    Raises:
        InputError: for a student that contradicts itself.
    """
    if checkpoints is None:
        checkpoints = checkpoints_of(study)
    of_one_seed = [
        run
        for comparison in study.comparisons
        for run in _comparison(study, comparison, materials[comparison.task], checkpoints)
    ]
    runs: dict[str, PlannedRun] = {}
    for seed in study.seeds:
        for run in of_one_seed:
            spec = run.spec.model_copy(update={"seed": seed})
            earlier = runs.get(spec.id)
            labels = earlier.labels if earlier is not None else ()
            new = tuple(label for label in run.labels if label not in labels)
            runs[spec.id] = replace(run, spec=spec, labels=labels + new)
    return tuple(runs.values())


def _comparison(
    study: ResolvedStudy,
    comparison: ComparedStudents,
    material: Material,
    checkpoints: Mapping[str, CheckpointRef],
) -> Iterable[PlannedRun]:
    """The runs of a comparison with seed 0: students, each after its teacher."""
    kept = 1 - (study.evaluation.validation or 0)
    examples = max(1, round(kept * comparison.fraction * material.examples))
    names = study.translators
    translators = {
        name: checkpoints[name] for name in (names.forward, names.backward) if name in checkpoints
    }
    own_encoder = comparison.task in EMBEDDED and study.tasks[comparison.task].encoder is None

    def training(
        fields: Mapping[str, Any], *, student: bool, epochs_factor: float = 1.0
    ) -> TrainingSpec:
        usual = {"learning_rate": usual_rate(random_weights=own_encoder, student=student)}
        spec = _training({**usual, **fields}, study, translators)
        epochs = fields.get("epochs", usual_epochs(examples, spec.batch_size))
        return spec.model_copy(update={"epochs": epochs * epochs_factor})

    plain = RunSpec(
        task=comparison.task,
        data=material.fingerprint,
        fraction=comparison.fraction,
        encoder=material.encoder_ref,
        teacher=training(
            {"epochs": 0.0, **comparison.teacher} if material.fine_tuned else comparison.teacher,
            student=False,
        ),
        evaluation=study.evaluation,
    )
    for variant in comparison.variants:
        teacher = plain.model_copy(update={"teacher_mixup": variant.teacher_mixup})
        name = "teacher" if variant.teacher_mixup is None else "teacher that saw mixup"
        yield PlannedRun(teacher, (name,), examples, material, None, _folders(teacher, translators))
        own = variant.checkpoint
        changes = {
            "checkpoint": None if own is None else checkpoints[own],
            "training": training(
                variant.student["training"], student=True, epochs_factor=variant.epochs_factor
            ),
        }
        student = checked(StudentSpec, **{**variant.student, **changes})
        spec = teacher.model_copy(update={"student": student})
        yield PlannedRun(
            spec, (variant.label,), examples, material, own, _folders(spec, translators)
        )


def _training(
    fields: Mapping[str, Any], study: ResolvedStudy, translators: Mapping[str, CheckpointRef]
) -> TrainingSpec:
    """A training, the study's translators put into its augmentation if that translates."""
    augmentation = fields.get("augmentation")
    if augmentation is not None:
        names = study.translators
        if augmentation["kind"] == "back-translation":
            augmentation = {
                **augmentation,
                "forward": translators[names.forward],
                "backward": translators[names.backward],
            }
        fields = {**fields, "augmentation": checked(AugmentationSpec, **augmentation)}
    training: TrainingSpec = checked(TrainingSpec, **fields)
    return training


def _folders(
    spec: RunSpec, translators: Mapping[str, CheckpointRef]
) -> tuple[tuple[str, str], ...]:
    """Return the folders of the translators that a run asks for, by digest."""
    augmentation = spec.training.augmentation
    wanted = () if augmentation is None else (augmentation.forward, augmentation.backward)
    return tuple((ref.digest, name) for name, ref in translators.items() if ref in wanted)


# How like a run those are that its time is estimated from, best first.
BASES = (
    "runs of its method and depth on its task",
    "runs of its method and depth on other tasks",
    "runs of other methods on its task, which gives no more than the order of magnitude",
    "runs of other methods on other tasks, which gives no more than the order of magnitude",
)


def estimate(run: PlannedRun, finished: Iterable[RunRecord]) -> tuple[float, str] | None:
    """Seconds that a run will take, and which of `BASES` tells; None if no run has its encoder.

    Time is taken as proportional to examples times epochs, with the factor that like runs had: the
    same method and depth on the same task and encoder, or else on another task, or else any run
    with the encoder, which gives no more than the order of magnitude.
    """
    by_likeness: dict[int, list[float]] = {}
    for record in finished:
        spec = record.spec
        # A teacher that is used as it is costs no epochs, and tells nothing of what those cost.
        if spec.encoder.digest == run.spec.encoder.digest and spec.training.epochs:
            work = record.summary["train_examples"] * spec.training.epochs
            seconds = sum(record.summary["seconds"].values())
            unlike = 2 * (_shape(spec) != _shape(run.spec)) + (spec.task != run.spec.task)
            by_likeness.setdefault(unlike, []).append(seconds / work)
    if not by_likeness:
        return None
    likeness = min(by_likeness)
    return run.work * statistics.median(by_likeness[likeness]), BASES[likeness]


def _shape(spec: RunSpec) -> tuple[Any, ...] | None:
    return None if spec.student is None else (spec.student.method, spec.student.layers)
