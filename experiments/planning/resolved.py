"""A study whose settings are laid together, once: what its runs are made from.

The order is that of `experiments.planning.study`: defaults, task, fraction, student, method, sweep.
Checkpoints still stand under the names that the study gives; `experiments.planning.plan` looks up
what is in them.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from experiments.planning.partial import merge
from experiments.planning.settings import (
    MethodSettings,
    StudentSettings,
    TaskSettings,
    Translators,
)
from experiments.planning.study import Study
from mixkd_core.records.specs import EvaluationSpec, MixupSpec


@dataclass(frozen=True)
class Variant:
    """A student of a comparison.

    Attributes:
        label: its method, and its own name where a study has several students.
        student: fields of `mixkd_core.records.specs.StudentSpec`, the checkpoint by name.
        teacher_mixup: of its teacher's fine-tuning; None for a teacher that saw none.
        epochs_factor: its epochs in those that `student` says, or the usual ones.
    """

    label: str
    student: Mapping[str, Any]
    teacher_mixup: MixupSpec | None
    epochs_factor: float = 1.0

    @property
    def checkpoint(self) -> str | None:
        """The student's own checkpoint, a folder or hub name."""
        name: str | None = self.student.get("checkpoint")
        return name


@dataclass(frozen=True)
class ComparedStudents:
    """Students that are to be compared with each other, on one fraction of one task.

    Attributes:
        task, fraction: of the data.
        teacher: fields of `mixkd_core.records.specs.TrainingSpec`.
        variants: the students.
    """

    task: str
    fraction: float
    teacher: Mapping[str, Any]
    variants: tuple[Variant, ...]

    @property
    def trainings(self) -> tuple[Mapping[str, Any], ...]:
        """Fields of every training, the teacher's first."""
        return (self.teacher, *(variant.student["training"] for variant in self.variants))


@dataclass(frozen=True)
class ResolvedStudy:
    """A study, its settings laid together.

    Attributes:
        name, seeds, evaluation, translators: as in the study.
        tasks: settings of every task, the defaults filled in.
        comparisons: by fraction, small ones first, then in the order of the tasks.
    """

    name: str
    seeds: tuple[int, ...]
    evaluation: EvaluationSpec
    translators: Translators
    tasks: Mapping[str, TaskSettings]
    comparisons: tuple[ComparedStudents, ...]

    @property
    def checkpoints(self) -> frozenset[str]:
        """Names of the students' own checkpoints, and of the translators where they are used."""
        names = {
            variant.checkpoint for comparison in self.comparisons for variant in comparison.variants
        }
        alterations = [
            training.get("augmentation")
            for comparison in self.comparisons
            for training in comparison.trainings
        ]
        if any(its is not None and its["kind"] == "back-translation" for its in alterations):
            names |= {self.translators.forward, self.translators.backward}
        return frozenset(name for name in names if name is not None)


def resolve(study: Study) -> ResolvedStudy:
    """Lay a study's settings together."""
    tasks = {name: study.settings(name) for name in study.tasks}
    fractions = {name: study.fractions_of(name) for name in study.tasks}
    methods = study.every_method()
    pairs = [
        (student, method)
        for student in study.students
        for method in methods
        if student.methods is None or method.name in student.methods
    ]
    several = len(study.students) > 1
    comparisons = tuple(
        ComparedStudents(
            task,
            fraction,
            settings.training(fraction, "teacher"),
            tuple(
                Variant(
                    f"{method.name}, {student.name}" if several else method.name,
                    _student(settings.training(fraction, "student"), student, method),
                    method.teacher_mixup,
                    method.epochs_factor,
                )
                for student, method in pairs
            ),
        )
        for fraction in sorted({value for its in fractions.values() for value in its})
        for task, settings in tasks.items()
        if fraction in fractions[task]
    )
    return ResolvedStudy(
        study.name, study.seeds, study.evaluation, study.translators, tasks, comparisons
    )


def _student(
    training: Mapping[str, Any], student: StudentSettings, method: MethodSettings
) -> dict[str, Any]:
    """The task's training, what the student is, what the method changes."""
    return merge({"training": training}, student.fields, method.fields)
