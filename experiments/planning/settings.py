"""The parts of a study: settings of a task, a student and a method, each given in part."""

from pathlib import Path
from typing import Annotated, Any, Self, TypeVar

from pydantic import AfterValidator, BeforeValidator, Field, field_validator, model_validator

from experiments.planning.partial import PartialSettings, leaves, partial
from mixkd_core.data.set_names import check_set_names
from mixkd_core.errors import InputError
from mixkd_core.objectives.objective import METHODS, Objective, objective
from mixkd_core.records.specs import (
    MOST_DRAWN,
    Alteration,
    Fraction,
    MixupSpec,
    Seed,
    Share,
    StudentSpec,
    TrainingSpec,
)

Item = TypeVar("Item")


# Seeds, fractions, methods, ...: of what a study has several, no study has as many.
MOST_OF_A_KIND = 1000


def few(values: Any) -> Any:
    """Return the values if there are not too many of them.

    Raises:
        ValueError: saying how many there are.
    """
    if isinstance(values, list | tuple | dict) and len(values) > MOST_OF_A_KIND:
        raise ValueError(
            f"it has {len(values)} values, and at most {MOST_OF_A_KIND} are taken: make several "
            "studies of it"
        )
    return values


Few = BeforeValidator(few)


def distinct(values: tuple[Item, ...]) -> tuple[Item, ...]:
    """Return the values if they are some and differ.

    Raises:
        ValueError: naming the one that is repeated.
    """
    if not values:
        raise ValueError("it is empty: give at least one")
    for place, value in enumerate(values):
        if value in values[:place]:
            raise ValueError(f"it repeats {value}: give each once")
    return values


# Of a set that is drawn: it has to be held in memory.
DrawnCount = Annotated[int, Field(ge=1, le=MOST_DRAWN)]
Seeds = Annotated[tuple[Seed, ...], AfterValidator(distinct), Few]
Fractions = Annotated[tuple[Fraction, ...], AfterValidator(distinct), Few]
Name = Annotated[str, Field(min_length=1)]


class Translators(PartialSettings):
    """Checkpoints for back-translation, folders or hub names: into another language, and back."""

    forward: Name = "Helsinki-NLP/opus-mt-en-de"
    backward: Name = "Helsinki-NLP/opus-mt-de-en"


class AlterationSettings(partial(Alteration), PartialSettings):  # type: ignore[misc]
    """The alteration of training texts; the translators are the study's."""


class TrainingSettings(partial(TrainingSpec), PartialSettings):  # type: ignore[misc]
    """Some fields of a training."""

    augmentation: AlterationSettings | None = None


class FractionSettings(PartialSettings):
    """The training of teacher and student on one fraction of a task."""

    teacher: TrainingSettings = TrainingSettings()
    student: TrainingSettings = TrainingSettings()


class Files(PartialSettings):
    """A task of one's own.

    Attributes:
        train: the training file (CSV, TSV, JSON, JSONL, parquet, Arrow, or a saved data set).
        evaluation: evaluation files by the name their results will have.
        dev_fraction: share of the training file to hold out as the set `dev`.
        drop_empty: leave out rows without a text or label instead of refusing them.
        text_columns: one, or two for a sentence pair.
        label_column: the label's.
        label_names: the classes in order; None reads them off the training file.
        regression: the label is a real number.
    """

    train: Path
    evaluation: dict[str, Path] = Field(default_factory=dict)
    dev_fraction: Share | None = None
    drop_empty: bool = False
    text_columns: tuple[str, ...] = ("text",)
    label_column: str = "label"
    label_names: tuple[str, ...] | None = None
    regression: bool = False

    @field_validator("evaluation")
    @classmethod
    def _named(cls, evaluation: dict[str, Path]) -> dict[str, Path]:
        try:
            check_set_names(evaluation)
        except InputError as error:
            raise ValueError(str(error).rstrip(".")) from error
        return evaluation

    @model_validator(mode="after")
    def _one_kind_of_label(self) -> Self:
        if self.regression and self.label_names is not None:
            raise ValueError("it names labels and is a regression: give one of them")
        return self


class TaskSettings(PartialSettings):
    """The examples and encoder of a task, and the training of networks on it.

    Attributes:
        encoder: the pre-trained encoder, a folder or hub name; None for an embedded task's own.
        data_dir: a GLUE folder in the official TSV layout; None is the hub.
        files: a task that is neither GLUE's nor embedded.
        test_file: a labelled test set to measure on too, finished runs as well.
        train_size, dev_size: of an embedded task; None is the usual size.
        fractions: in place of the study's.
        teacher, student: how they are trained.
        by_fraction: changes to that, by fraction.
    """

    encoder: str | None = None
    data_dir: Path | None = None
    files: Files | None = None
    test_file: Path | None = None
    train_size: DrawnCount | None = None
    dev_size: DrawnCount | None = None
    fractions: Fractions | None = None
    teacher: TrainingSettings = TrainingSettings()
    student: TrainingSettings = TrainingSettings()
    by_fraction: dict[Fraction, FractionSettings] = Field(default_factory=dict)

    def training(self, fraction: float, network: str) -> dict[str, Any]:
        """Return the settings given here for the `"teacher"` or `"student"` on a fraction."""
        settings: TrainingSettings = getattr(self, network)
        changes: TrainingSettings = getattr(
            self.by_fraction.get(fraction, FractionSettings()), network
        )
        return settings.given | changes.given


class _PartOfStudent(partial(StudentSpec), PartialSettings):  # type: ignore[misc]
    """Some fields of a student."""

    label: Name | None = None
    # A name or folder here: its content is looked up when the study is expanded.
    checkpoint: str | None = None
    training: TrainingSettings = TrainingSettings()

    @property
    def fields(self) -> dict[str, Any]:
        """The student's fields that are given."""
        return {
            name: value for name, value in self.given.items() if name in StudentSpec.model_fields
        }


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
        layers = self.fields.get("layers", StudentSpec().layers)
        return self.checkpoint or f"{layers} layers"


class MethodSettings(_PartOfStudent):
    """A method, or a variant of one: any fields of `mixkd_core.records.specs.StudentSpec`.

    Attributes:
        label: what it is called; by default the method and the fields that it changes. In a report
            what is called by the method alone stands for it, anything else is a variant.
        epochs_factor: its epochs in those of the others, for controls of equal compute.
        teacher_mixup: its teacher is one that was fine-tuned with this mixup.
    """

    epochs_factor: Annotated[float, Field(gt=0, le=1000)] = 1.0
    teacher_mixup: MixupSpec | None = None

    @model_validator(mode="before")
    @classmethod
    def _from_name(cls, value: Any) -> Any:
        return {"method": value} if isinstance(value, str) else value

    @model_validator(mode="after")
    def _has_an_objective(self) -> Self:
        if self.method is None:
            raise ValueError(f"it has no 'method': give one of {', '.join(METHODS)}")
        try:
            _ = self.objective
        except InputError as error:
            raise ValueError(str(error).rstrip(".")) from error
        return self

    @property
    def objective(self) -> Objective:
        """The objective that a student of this method minimises.

        Raises:
            InputError: for an unknown method or term.
        """
        return objective(self.method, self.weights or {})

    @property
    def name(self) -> str:
        if self.label is not None:
            return self.label
        changes = dict(leaves({key: value for key, value in self.given.items() if key != "method"}))
        return " ".join([self.method, *(f"{path}={value}" for path, value in changes.items())])
