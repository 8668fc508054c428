"""Models of the JSON files of a run folder: a file that does not fit is damaged.

Fields that an earlier version did not write have a default, and fields that a later one adds are
passed over, so that every stored run stays readable. All numbers are finite.
"""

from pathlib import PurePosixPath
from typing import Annotated, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, TypeAdapter, model_validator

from mixkd_core.records.layout import run_name

SCHEMA_VERSION = 1

# The losses a run stores, in the order of the tables; a regression has the squared error alone.
LOSSES = ("zero_one_error", "cross_entropy", "squared_error", "distillation_distance")

# A divergence that is zero may come out of floating point a little below it.
LEAST_LOSS = -1e-5

Finite = Annotated[float, Field(allow_inf_nan=False)]
Seconds = Annotated[float, Field(ge=0, allow_inf_nan=False)]
# Accuracy, F1, Matthews' coefficient and correlations all lie there.
Metric = Annotated[float, Field(ge=-1, le=1)]
StoredCount = Annotated[int, Field(ge=0)]
StoredPositiveCount = Annotated[int, Field(ge=1)]
RunId = Annotated[str, Field(pattern=r"^[0-9a-f]{12}$")]
Sha256 = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]


def _plain_name(name: str) -> str:
    if not name or name in (".", "..") or "/" in name or not name.isprintable():
        raise ValueError("a set of examples has a plain name, since a file is called by it")
    return name


def _inside(name: str) -> str:
    path = PurePosixPath(name)
    if path.is_absolute() or ".." in path.parts or str(path) != name or not name.isprintable():
        raise ValueError("it is no path inside the run folder")
    return name


def _loss(name: str) -> str:
    if name not in LOSSES:
        raise ValueError(f"the losses of a record are {', '.join(LOSSES)}")
    return name


class Stored(BaseModel):
    """A part of a stored file: fields that a later version adds are passed over."""

    model_config = ConfigDict(frozen=True, extra="ignore")


class FileEntry(Stored):
    """A file as the manifest knows it."""

    bytes: StoredCount
    sha256: Sha256


class Manifest(Stored):
    """Content of `manifest.json`: every other file of the folder, by its path in it.

    Attributes:
        files: size and checksum of each.
        run: of a training checkpoint the run that it is on the way to; a run folder has none.
    """

    files: dict[Annotated[str, AfterValidator(_inside)], FileEntry]
    run: RunId | None = None


class SharedTexts(Stored):
    """The examples of a set whose texts are in the training subset too.

    Attributes:
        exact: how many are there word for word.
        alike: how many are there up to case and spacing, those word for word included.
    """

    exact: StoredCount
    alike: StoredCount


class SetResult(Stored):
    """A run's results on one set of examples, as its summary holds them.

    Attributes:
        overlap: with the training subset; None for that subset, where the law of the data is known,
            and in runs of earlier versions.
        digest: of the examples' ids and labels (`mixkd_core.records.tables.examples_digest`); runs
            of earlier versions have none.
    """

    examples: StoredPositiveCount
    metrics: dict[str, Metric]
    majority_baseline: dict[str, Metric]
    risk: dict[Annotated[str, AfterValidator(_loss)], Annotated[Finite, Field(ge=LEAST_LOSS)]]
    digest: Sha256 | None = None
    overlap: SharedTexts | None = None

    @model_validator(mode="after")
    def _agrees_with_itself(self) -> Self:
        if self.overlap and not self.overlap.exact <= self.overlap.alike <= self.examples:
            raise ValueError(
                f"overlap is {self.overlap.exact} word for word and {self.overlap.alike} up to "
                f"case and spacing, of {self.examples} examples"
            )
        if self.metrics.keys() != self.majority_baseline.keys():
            raise ValueError("metrics and majority_baseline do not hold the same metrics")
        wrong, right = self.risk.get("zero_one_error"), self.metrics.get("accuracy")
        if wrong is not None and not 0 <= wrong <= 1:
            raise ValueError(f"risk.zero_one_error is {wrong}, and lies between 0 and 1")
        if wrong is not None and right is not None and abs(wrong + right - 1) > 1e-9:
            raise ValueError(
                f"metrics.accuracy is {right}, which contradicts risk.zero_one_error {wrong}"
            )
        return self


class Machine(Stored):
    """Hardware, as far as reports name it."""

    processor: str
    accelerator: str | None


class RunSummary(Stored):
    """Content of `run.json`, as far as anything is read from it."""

    id: RunId
    teacher_id: RunId | None
    objective: str
    student_source: str
    parameters: StoredCount
    origin: str
    train_examples: StoredPositiveCount
    primary_metric: str
    results: dict[Annotated[str, AfterValidator(_plain_name)], SetResult]
    seconds: dict[str, Seconds]
    command: str
    versions: dict[str, str]
    hardware: Machine
    layers: StoredPositiveCount | None = None
    date: Annotated[str, Field(pattern=r"^\d{4}-\d\d-\d\d$")] | None = None

    @model_validator(mode="after")
    def _agrees_with_itself(self) -> Self:
        if "train" not in self.results:
            raise ValueError("results.train is missing")
        counted = self.results["train"].examples
        if counted != self.train_examples:
            raise ValueError(
                f"train_examples is {self.train_examples}, and results.train has {counted}"
            )
        for name, result in self.results.items():
            if self.primary_metric not in result.metrics:
                raise ValueError(f"results.{name}.metrics lacks {self.primary_metric}")
        return self


class FailureNote(Stored):
    """Content of `failure.json`, as far as it is read."""

    reason: str


class Step(BaseModel):
    """One entry of `history.json`: a logging step and whatever was logged there."""

    model_config = ConfigDict(frozen=True, extra="allow")
    __pydantic_extra__: dict[str, Finite]

    step: StoredCount


History = TypeAdapter(list[Step])


class PlannedEntry(Stored):
    """A run's entry in a study's list."""

    folder: str
    labels: list[str] = []


class PlanFile(Stored):
    """Content of `studies/<study>.json`."""

    study: str
    runs: dict[RunId, PlannedEntry]

    @model_validator(mode="after")
    def _names_runs(self) -> Self:
        for run_id, entry in self.runs.items():
            name = run_name(entry.folder)
            if name is None or name.id != run_id:
                raise ValueError(f"runs.{run_id}.folder is {entry.folder!r}, no name of that run")
        return self
