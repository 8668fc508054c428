"""A study: which runs stand for a table or a figure. Validated YAML, every key of it below.

    name: limited-data
    stands_for: Figure 1 of ...
    seeds: [0, 1, 2]
    fractions: [0.01, 0.1]
    defaults: {encoder: bert-base-uncased}     # of every task
    tasks:
      sst2:
        teacher: {epochs: 3}
        by_fraction: {0.01: {student: {epochs: 20}}}
    students:
      - layers: 3
    methods:
      - kd
      - {method: sm+tmkd, mixup_alpha: 0.2}    # a variant: any field of a student
    sweeps:
      - {base: sm+tmkd, field: weights.sm, values: [0.5, 1, 2]}

What a key leaves out comes from the next in this order: sweep, method, student, the task's settings
for the fraction, the task's own, `defaults`, and last `mixkd_core.records.specs`.
`experiments.planning.plan` expands a study; `experiments.planning.study_file` reads one.
"""

import difflib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Annotated, Any, Self, TypeVar

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    ValidationError,
    model_validator,
)

from mixkd_core.errors import InputError
from mixkd_core.objectives.objective import METHODS, TERMS
from mixkd_core.records.specs import (
    Alteration,
    EvaluationSpec,
    MixupSpec,
    StudentSpec,
    TrainingSpec,
)

Item = TypeVar("Item")


def _distinct(values: tuple[Item, ...]) -> tuple[Item, ...]:
    if not values:
        raise ValueError("it is empty: give at least one")
    for place, value in enumerate(values):
        if value in values[:place]:
            raise ValueError(f"it repeats {value}: give each once")
    return values


Count = Annotated[int, Field(ge=0)]
PositiveCount = Annotated[int, Field(ge=1)]
Fraction = Annotated[float, Field(gt=0, le=1)]
Seeds = Annotated[tuple[Count, ...], AfterValidator(_distinct)]
Fractions = Annotated[tuple[Fraction, ...], AfterValidator(_distinct)]
Name = Annotated[str, Field(min_length=1)]


class _Strict(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Translators(_Strict):
    """Checkpoints for back-translation, folders or hub names: into another language, and back."""

    forward: Name = "Helsinki-NLP/opus-mt-en-de"
    backward: Name = "Helsinki-NLP/opus-mt-de-en"


class TrainingSettings(TrainingSpec):
    """Some fields of a training; those left out are unset, not at their default."""

    # The translators are the study's.
    augmentation: Alteration | None = None  # type: ignore[assignment]


class FractionSettings(_Strict):
    """How teacher and student are trained on one fraction of a task."""

    teacher: TrainingSettings = TrainingSettings()
    student: TrainingSettings = TrainingSettings()


class Files(_Strict):
    """A task of one's own.

    Attributes:
        train: the training file (CSV, TSV, JSONL or parquet).
        evaluation: evaluation files by the name their results will have.
        text_columns: one, or two for a sentence pair.
        label_column: the label's.
        label_names: the classes in order; None for a real-valued label.
    """

    train: Path
    evaluation: dict[str, Path]
    text_columns: tuple[str, ...] = ("text",)
    label_column: str = "label"
    label_names: tuple[str, ...] | None = None


class TaskSettings(_Strict):
    """Where a task's examples and encoder come from, and how networks are trained on it.

    Attributes:
        encoder: the pre-trained encoder, a folder or hub name; None for an embedded task's own.
        data_dir: a GLUE folder in the official TSV layout; None is the hub.
        files: a task that is neither GLUE's nor embedded.
        train_size, dev_size: of an embedded task; None is the usual size.
        fractions: in place of the study's.
        teacher, student: how they are trained.
        by_fraction: changes to that, by fraction.
    """

    encoder: str | None = None
    data_dir: Path | None = None
    files: Files | None = None
    train_size: PositiveCount | None = None
    dev_size: PositiveCount | None = None
    fractions: Fractions | None = None
    teacher: TrainingSettings = TrainingSettings()
    student: TrainingSettings = TrainingSettings()
    by_fraction: dict[Fraction, FractionSettings] = {}

    def training(self, fraction: float, network: str) -> dict[str, Any]:
        """What is said here of training the `"teacher"` or the `"student"` on a fraction."""
        settings: TrainingSettings = getattr(self, network)
        changes: TrainingSettings = getattr(
            self.by_fraction.get(fraction, FractionSettings()), network
        )
        return settings.model_dump(exclude_unset=True) | changes.model_dump(exclude_unset=True)


class _PartOfStudent(StudentSpec):
    """Some fields of a student; those left out are unset, not at their default."""

    label: Name | None = None
    # A name or folder here: its content is looked up when the study is expanded.
    checkpoint: str | None = None  # type: ignore[assignment]
    training: TrainingSettings = TrainingSettings()

    @property
    def fields(self) -> dict[str, Any]:
        """The student's fields that are set."""
        own = set(type(self).model_fields) - set(StudentSpec.model_fields)
        return self.model_dump(exclude_unset=True, exclude=own)


class StudentSettings(_PartOfStudent):
    """A student that every method trains: any fields of `mixkd_core.records.specs.StudentSpec`.

    Attributes:
        label: what it is called; by default its number of layers or its checkpoint.
        methods: labels of the methods that train it; None for all of them, sweeps too.
    """

    methods: tuple[str, ...] | None = None

    @property
    def name(self) -> str:
        if self.label is not None:
            return self.label
        return self.checkpoint or f"{self.layers} layers"


class MethodSettings(_PartOfStudent):
    """A method, or a variant of one: any fields of `mixkd_core.records.specs.StudentSpec`.

    Attributes:
        label: what it is called; by default the method and the fields that it changes. In a report
            what is called by the method alone stands for it, anything else is a variant.
        epochs_factor: its epochs in those of the others, for controls of equal compute.
        teacher_mixup: its teacher is one that was fine-tuned with this mixup.
    """

    epochs_factor: Annotated[float, Field(gt=0)] = 1.0
    teacher_mixup: MixupSpec | None = None

    @model_validator(mode="before")
    @classmethod
    def _from_name(cls, value: Any) -> Any:
        return {"method": value} if isinstance(value, str) else value

    @model_validator(mode="after")
    def _has_an_objective(self) -> Self:
        if "method" not in self.model_fields_set:
            raise ValueError(f"it has no 'method': give one of {', '.join(METHODS)}")
        try:
            _ = self.objective
        except InputError as error:
            raise ValueError(str(error).rstrip(".")) from error
        return self

    @property
    def name(self) -> str:
        if self.label is not None:
            return self.label
        settings = self.model_dump(exclude_unset=True, exclude={"method"})
        changes = dict(leaves(settings))
        return " ".join([self.method, *(f"{path}={value}" for path, value in changes.items())])


class Sweep(_Strict):
    """One field of a method swept, the others fixed.

    Attributes:
        base: the method.
        field: which field of it, such as `mixup_alpha` or `weights.sm`.
        values: what it is set to.
    """

    base: MethodSettings
    field: Name
    values: Annotated[tuple[Any, ...], AfterValidator(_distinct)]

    @model_validator(mode="after")
    def _fits(self) -> Self:
        for value in self.values:
            try:
                self._method(value)
            except ValidationError as error:
                first = error.errors()[0]
                if first["type"] == "extra_forbidden":
                    known = [*MethodSettings.model_fields, *(
                        f"training.{name}" for name in TrainingSpec.model_fields
                    ), *(f"weights.{term}" for term in TERMS)]  # fmt: skip
                    near = difflib.get_close_matches(self.field, known, n=1)
                    suggestion = f"did you mean {near[0]!r}? " if near else ""
                    raise ValueError(
                        f"a method has no field {self.field!r}: {suggestion}It has "
                        f"{', '.join(known)}"
                    ) from error
                reason = first.get("ctx", {}).get("error", first["msg"])
                raise ValueError(f"{value!r} does not fit {self.field!r}: {reason}") from error
        return self

    def methods(self) -> tuple[MethodSettings, ...]:
        """A method for each value, labelled by it."""
        return tuple(self._method(value) for value in self.values)

    def _method(self, value: Any) -> MethodSettings:
        parts = (
            self.base.model_dump(exclude_unset=True),
            nested(self.field, value),
            {"label": f"{self.base.name} {self.field}={value}"},
        )
        return MethodSettings.model_validate(merge(*parts))


class Study(_Strict):
    """See the module.

    Attributes:
        name: names it in the store.
        stands_for: the table or figure of the paper that its runs reproduce.
        seeds: all methods are run with the first before any with the second.
        fractions: shares of the training split, unless a task has its own.
        evaluation: sizes of the held-out samples.
        translators: of whatever is trained on back-translated texts too.
        defaults: settings of every task, unless it has its own.
        tasks: the tasks and their own settings.
        students, methods: every student is trained by every method.
        sweeps: more methods, each varying one field.
    """

    name: Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9-]*$")]
    stands_for: Name
    seeds: Seeds
    fractions: Fractions = (1.0,)
    evaluation: EvaluationSpec = EvaluationSpec()
    translators: Translators = Translators()
    defaults: TaskSettings = TaskSettings()
    tasks: Annotated[dict[str, TaskSettings], Field(min_length=1)]
    students: Annotated[tuple[StudentSettings, ...], AfterValidator(_distinct)]
    methods: tuple[MethodSettings, ...] = ()
    sweeps: tuple[Sweep, ...] = ()

    @model_validator(mode="after")
    def _labels(self) -> Self:
        methods = self.every_method()
        if not methods:
            raise ValueError("it has neither methods nor sweeps: nothing is left to run")
        _check_distinct("methods", [method.name for method in self.methods])
        _check_distinct("students", [student.name for student in self.students])
        known = {method.name for method in methods}
        for student in self.students:
            for label in student.methods or ():
                if label not in known:
                    raise ValueError(
                        f"student {student.name!r} asks for method {label!r}, which is none of "
                        f"the study's: {', '.join(sorted(known))}"
                    )
        return self

    def every_method(self) -> tuple[MethodSettings, ...]:
        """The methods and those of the sweeps."""
        return (*self.methods, *(method for sweep in self.sweeps for method in sweep.methods()))

    def settings(self, task: str) -> TaskSettings:
        """A task's settings, the defaults filled in."""
        parts = (part.model_dump(exclude_unset=True) for part in (self.defaults, self.tasks[task]))
        return TaskSettings.model_validate(merge(*parts))

    def fractions_of(self, task: str) -> tuple[float, ...]:
        """A task's fractions, in ascending order."""
        return tuple(sorted(self.settings(task).fractions or self.fractions))

    def narrowed(
        self,
        *,
        tasks: Sequence[str] | None = None,
        seeds: Sequence[int] | None = None,
        fractions: Sequence[float] | None = None,
    ) -> "Study":
        """The part of the study with these tasks, seeds and fractions; None keeps them all.

        Raises:
            InputError: for one that the study does not have, or when nothing is left.
        """
        every_fraction = sorted({value for task in self.tasks for value in self.fractions_of(task)})
        _check_known("task", tasks, tuple(self.tasks))
        _check_known("seed", seeds, self.seeds)
        _check_known("fraction", fractions, tuple(every_fraction))
        kept = {}
        for task, settings in self.tasks.items():
            its = [f for f in self.fractions_of(task) if fractions is None or f in fractions]
            if its and (tasks is None or task in tasks):
                kept[task] = settings.model_copy(update={"fractions": tuple(its)})
        if not kept:
            raise InputError(
                f"study {self.name!r} has no run on these tasks with these fractions: "
                + "; ".join(f"{task} has {list(self.fractions_of(task))}" for task in tasks or ())
                + "."
            )
        update = {"tasks": kept, "seeds": self.seeds if seeds is None else tuple(seeds)}
        return self.model_copy(update=update)


def merge(*parts: dict[Any, Any]) -> dict[Any, Any]:
    """Nested mappings laid over each other, the later ones on top."""
    merged: dict[Any, Any] = {}
    for part in parts:
        for key, value in part.items():
            if isinstance(value, dict) and isinstance(merged.get(key), dict):
                value = merge(merged[key], value)
            merged[key] = value
    return merged


def nested(path: str, value: Any) -> dict[str, Any]:
    """`nested("weights.sm", 2)` is `{"weights": {"sm": 2}}`."""
    for key in reversed(path.split(".")):
        value = {key: value}
    result: dict[str, Any] = value
    return result


def leaves(content: dict[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    """The values of nested mappings with their dotted paths."""
    for key, value in content.items():
        if isinstance(value, dict):
            yield from leaves(value, f"{prefix}{key}.")
        else:
            yield f"{prefix}{key}", value


def _check_distinct(what: str, labels: Sequence[str]) -> None:
    for place, label in enumerate(labels):
        if label in labels[:place]:
            raise ValueError(f"two of its {what} are called {label!r}: give one another 'label'")


def _check_known(what: str, asked: Sequence[Any] | None, known: Sequence[Any]) -> None:
    asked = asked or ()
    for place, value in enumerate(asked):
        if value in asked[:place]:
            raise InputError(f"the {what} {value!r} is named twice: name each once.")
        if value not in known:
            raise InputError(
                f"the study has no {what} {value!r}, only "
                f"{', '.join(str(item) for item in known)}: name those, or change the study with "
                f"--set {'tasks.NAME.KEY=VALUE' if what == 'task' else f'{what}s=[...]'}."
            )
