"""A run's identity: a frozen specification whose id is a digest of what changes the result.

What only says *how* to run it (where the data and the checkpoint lie, where to write, how to show
progress) is not in here. Data and checkpoints are therefore identified by their content: moving a
folder changes nothing, and editing one row makes another run.
"""

import hashlib
import json
import re
from contextlib import suppress
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal, Self

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    ValidationError,
    model_validator,
)

from mixkd_core.errors import InputError
from mixkd_core.networks.weights import trained_in_half_precision
from mixkd_core.objectives.objective import METHODS, Objective, objective
from mixkd_core.records.settings import (
    ALTERATION,
    DATA,
    EACH,
    EVALUATION,
    MIXUP,
    OBJECTIVE,
    STUDENT,
    TEACHER_MIXUP,
    TRAINING,
    setting,
    settings_of,
)

# Numbers that are slips of a hand: no training has so many epochs, and no sum stays finite.
MOST = 1e6
MOST_SEED = 2**32 - 1  # NumPy's generators take no more
MOST_DRAWN = 10**7  # of a set that is held in memory
MOST_COPIES = 100

Positive = Annotated[float, Field(gt=0, le=MOST)]
NotNegative = Annotated[float, Field(ge=0, le=MOST)]
Count = Annotated[int, Field(ge=0, le=MOST_DRAWN)]
PositiveCount = Annotated[int, Field(ge=1, le=int(MOST))]
Fraction = Annotated[float, Field(gt=0, le=1)]
Share = Annotated[float, Field(gt=0, lt=1)]
Seed = Annotated[int, Field(ge=0, le=MOST_SEED)]


def _mix_layer(given: Any) -> Any:
    """Return it as a number or `"pooled"`; of two types pydantic would complain of each."""
    if isinstance(given, str) and given.isdecimal():  # of a command line
        return int(given)
    if given != "pooled" and (type(given) is not int or given < 0):
        raise ValueError(
            f"it is {given!r}: give 0 (the embeddings), the number of a hidden layer, or 'pooled'"
        )
    return given


MixLayer = Annotated[int | Literal["pooled"], BeforeValidator(_mix_layer)]


def _with_a_partner(points: int) -> int:
    if points == 1:
        raise ValueError(
            "it is 1, a point with no other one to be mixed with: give 2 or more, or 0 to encode "
            "none"
        )
    return points


Points = Annotated[int, Field(ge=0, le=MOST_DRAWN), AfterValidator(_with_a_partner)]


class _Frozen(BaseModel):
    """A part of a specification.

    A field leaves no trace in an id at its default, so a field that is added with a default changes
    no id and every stored run is found as before. Its default is then as final as its name: with
    another one, an id would stand for another run.

    Attributes:
        FIRST: fields that ids have told of since the first run was stored, at their defaults too.
            None is ever added.
        UNTOLD: fields that no id tells of.
    """

    FIRST: ClassVar[frozenset[str]] = frozenset()
    UNTOLD: ClassVar[frozenset[str]] = frozenset()

    model_config = ConfigDict(frozen=True, extra="forbid")


class CheckpointRef(_Frozen):
    """A checkpoint by content.

    Attributes:
        name: its hub name, or the last two parts of its folder; for people, not part of any id.
        digest: of the weights, configuration and tokenizer, or the hub's commit.
    """

    FIRST = frozenset({"digest"})
    UNTOLD = frozenset({"name"})

    name: str
    digest: str

    @property
    def hub_name(self) -> str | None:
        """The name on the hub; None for a folder, whose name there may be another checkpoint's."""
        return None if re.fullmatch("[0-9a-f]{16}", self.digest) else self.name


class Alteration(_Frozen):
    """The alteration of texts (`mixkd_core.augmentation.copies`), whoever translates.

    Back-translation, which is deterministic, has one copy.
    """

    FIRST = frozenset({"kind", "copies", "rate"})

    kind: Literal["deletion", "swap", "back-translation"] = setting(
        ...,
        ALTERATION,
        "Altered copies that the student learns from too, with words deleted or swapped, or "
        "translated there and back.",
    )
    copies: Annotated[int, Field(ge=1, le=MOST_COPIES)] = setting(
        1, ALTERATION, "Copies of each example."
    )
    rate: Share = setting(0.1, ALTERATION, "Share of the words that are deleted, or of swaps.")


class AugmentationSpec(Alteration):
    """Altered copies of the training texts.

    Attributes:
        forward, backward: the translation checkpoints, into another language and back.
    """

    FIRST = frozenset({"kind", "copies", "rate", "forward", "backward"})

    forward: CheckpointRef | None = None
    backward: CheckpointRef | None = None

    @model_validator(mode="after")
    def _translators(self) -> Self:
        given = [self.forward, self.backward]
        if self.kind != "back-translation" and given != [None, None]:
            raise ValueError(f"{self.kind!r} translates nothing: leave out the checkpoints")
        if self.kind == "back-translation" and None in given:
            raise ValueError("back-translation needs a forward and a backward checkpoint")
        if self.kind == "back-translation" and self.copies > 1:
            raise ValueError("back-translation gives one copy: set copies to 1")
        return self


class TrainingSpec(_Frozen):
    """The training of a network.

    A control of equal compute needs no setting of its own. MixKD with mixup ratio r takes the
    student through 1 + r samples per original and epoch (1 + 2r where it mixes at a hidden layer,
    whose pairs run apart until there); `ft` or `kd` with (1 + r) times the epochs takes it through
    as many, in 1 + r times the steps of the batch size given.

    Attributes:
        augmentation: of the examples that it learns from; None adds nothing.

    What the other settings mean stands beside them. Without epochs a teacher is used as it is.
    """

    FIRST = frozenset({
        "epochs", "learning_rate", "batch_size", "warmup", "weight_decay", "max_length",
        "precision", "augmentation"
    })  # fmt: skip

    epochs: NotNegative = setting(3.0, EACH, "Passes over the training subset.")
    learning_rate: Positive = setting(5e-5, EACH, "Peak of AdamW's linear schedule.")
    batch_size: PositiveCount = setting(16, TRAINING, "Originals in a batch.")
    warmup: Annotated[float, Field(ge=0, le=1)] = setting(
        0.1, TRAINING, "Share of the steps during which the learning rate rises."
    )
    weight_decay: NotNegative = setting(0.01, TRAINING, "AdamW's, on weight matrices.")
    max_length: Annotated[int, Field(ge=8, le=int(MOST))] = setting(
        128, TRAINING, "Tokens beyond which a text (pair) is cut off; special ones count."
    )
    precision: Literal["fp32", "bf16"] = setting("fp32", EACH, "Of the arithmetic.")
    augmentation: AugmentationSpec | None = None


class StudentSpec(_Frozen):
    """The student: where its layers come from, what it minimises, how it is trained.

    Attributes:
        layers: None keeps those of its own `checkpoint`.
        layer_choice: see `mixkd_core.networks.students.choose_layers`.
        init: `"teacher"`: layers of the fine-tuned teacher; `"pretrained"`: layers of the encoder
            before fine-tuning, with a new head; `"checkpoint"`: a checkpoint of its own.
        checkpoint: that checkpoint.
        weights: of the objective's terms, where they are not the method's own.
        training: how it is trained.

    What the other settings mean stands beside them.
    """

    FIRST = frozenset({
        "layers", "layer_choice", "init", "checkpoint", "method", "weights", "distance",
        "temperature", "mixup_alpha", "mixup_ratio", "pairing", "self_pairs", "fixed_draws",
        "mix_layer", "training"
    })  # fmt: skip

    layers: PositiveCount | None = setting(3, STUDENT, "Layers of the student.")
    layer_choice: Literal["first", "last", "alternate", "symmetric"] = setting(
        "first", STUDENT, "Which layers, from one end or both."
    )
    init: Literal["teacher", "pretrained", "checkpoint"] = setting(
        "teacher",
        STUDENT,
        "Where they come from, the fine-tuned teacher, the encoder before fine-tuning, or a "
        "checkpoint of the student's own.",
    )
    checkpoint: CheckpointRef | None = None
    method: str = setting("sm+tmkd", OBJECTIVE, f"Named objective: {', '.join(METHODS)}.")
    weights: dict[str, Annotated[float, Field(ge=-MOST, le=MOST)]] = {}
    distance: Literal["mse", "kl", "soft-ce"] = setting(
        "mse", OBJECTIVE, "Distance to the teacher in kd and tmkd."
    )
    temperature: Positive = setting(
        1.0, OBJECTIVE, "Temperature of kl and soft-ce; tau squared is kept."
    )
    mixup_alpha: Positive = setting(
        0.4, MIXUP, "alpha of the mixing coefficient's Beta(alpha, alpha)."
    )
    mixup_ratio: NotNegative = setting(
        1.0,
        MIXUP,
        "Mixed samples (with method transfer, unlabelled texts) per original; fractions and "
        "above 1 too.",
    )
    pairing: Literal["dataset", "within-class", "across-classes", "batch"] = setting(
        "dataset", MIXUP, "Where an example's partners are drawn from."
    )
    self_pairs: bool = setting(False, MIXUP, "Allow an example to be mixed with itself.")
    fixed_draws: bool = setting(
        False,
        MIXUP,
        "Draw partners and coefficients once and use them in every epoch, instead of new ones in "
        "each; the teacher's pass over them is then paid once.",
    )
    mix_layer: MixLayer = setting(
        0,
        MIXUP,
        "0 mixes embeddings; k mixes what comes out of the student's layer k, and of the teacher's "
        "layer at the same relative depth; pooled mixes what both classifiers read.",
    )
    training: TrainingSpec = TrainingSpec()

    @model_validator(mode="after")
    def _trained(self) -> Self:
        if not self.training.epochs:
            raise ValueError("a student of 0 epochs learns nothing: give it more than 0")
        return self

    @property
    def objective(self) -> Objective:
        return objective(self.method, self.weights)


class MixupSpec(_Frozen):
    """Label mixup in a teacher's own fine-tuning: the objective of method `sm`."""

    FIRST = frozenset({"alpha", "ratio"})

    alpha: Positive = setting(
        StudentSpec.model_fields["mixup_alpha"].default, TEACHER_MIXUP, "As the student's."
    )
    ratio: Positive = setting(
        StudentSpec.model_fields["mixup_ratio"].default, TEACHER_MIXUP, "As the student's."
    )


# Fields of a student that decide nothing where its objective has no term on mixed samples,
MIXUP_SETTINGS = tuple(settings_of(StudentSpec, MIXUP))
# but for those by which unlabelled texts are drawn, as many as there would be mixtures.
_TRANSFER_SETTINGS = ("mixup_ratio", "fixed_draws")


def draw_settings(given: Objective) -> tuple[str, ...]:
    """Return the fields among `MIXUP_SETTINGS` that decide anything for an objective."""
    if given.mixes:
        return MIXUP_SETTINGS
    return _TRANSFER_SETTINGS if given.transfers else ()


class EvaluationSpec(_Frozen):
    """The evaluation of a run: the sets it is evaluated on, and what else is looked at."""

    FIRST = frozenset({"remainder_size", "fresh_size"})

    remainder_size: Count = setting(
        5000, EVALUATION, "Examples of the training split's unused part to measure on."
    )
    fresh_size: Count = setting(
        5000, EVALUATION, "New draws of the distribution, where it is known (the embedded tasks)."
    )
    validation: Share | None = setting(
        None,
        EVALUATION,
        "To choose settings: share of each training subset that is held out of training, to be "
        "measured on in place of the reported sets.",
    )
    latent_points: Points = setting(
        0,
        EVALUATION,
        "Training points that are encoded, and their mixup neighbours "
        "(`mixkd_core.evaluation.encodings`); 0 encodes none.",
    )


class RunSpec(_Frozen):
    """One run: a teacher fine-tuned, or (with `student`) a student distilled from it.

    Attributes:
        task: the task's name.
        data: fingerprint of the data (`TaskData.fingerprint`).
        seed: of the subset, of the initial weights, of the order of the examples, of mixup and of
            dropout.
        encoder: the pre-trained encoder that becomes the teacher.
        teacher: how the teacher is fine-tuned; with 0 epochs the encoder is a fine-tuned
            classifier and the teacher as it is, and of the rest only `max_length` has a meaning.
        teacher_mixup: its mixup; None fine-tunes it on the originals alone.
        student: the student, or None for the teacher itself.
        evaluation: sizes of the held-out samples.
    """

    FIRST = frozenset({
        "task", "data", "fraction", "seed", "encoder", "teacher", "teacher_mixup", "student",
        "evaluation"
    })  # fmt: skip

    task: str
    data: str
    fraction: Fraction = setting(1.0, DATA, "Share of the training split to learn from.")
    seed: Seed = setting(0, DATA, "Decides the subset and everything random.")
    encoder: CheckpointRef
    teacher: TrainingSpec = TrainingSpec()
    teacher_mixup: MixupSpec | None = None
    student: StudentSpec | None = None
    evaluation: EvaluationSpec = EvaluationSpec()

    @model_validator(mode="after")
    def _fine_tuning(self) -> Self:
        if not self.teacher.epochs and (self.teacher_mixup or self.teacher.augmentation):
            raise ValueError(
                "a teacher of 0 epochs is used as it is, without mixup or augmentation: give it "
                "more epochs, or leave them out"
            )
        return self

    @property
    def id(self) -> str:
        """Twelve hexadecimal digits of SHA-256 over everything that changes the result.

        The checkpoints' names do not, nor do the settings of draws where nothing is drawn.
        """
        content = _told(self)
        if not self.teacher.epochs:
            content["teacher"] = {"epochs": 0.0, "max_length": self.teacher.max_length}
        if self.student is not None:
            content["student"]["weights"] = dict(self.student.objective.weights)
            for name in set(MIXUP_SETTINGS) - set(draw_settings(self.student.objective)):
                content["student"].pop(name, None)
        canonical = json.dumps(content, sort_keys=True, separators=(",", ":"), allow_nan=False)
        return hashlib.sha256(canonical.encode()).hexdigest()[:12]

    @property
    def method(self) -> str:
        """The student's method, or `"teacher"`."""
        return "teacher" if self.student is None else self.student.method

    @property
    def training(self) -> TrainingSpec:
        """Return the training of the run's own network."""
        return self.teacher if self.student is None else self.student.training

    @property
    def objective(self) -> Objective:
        """Return the objective that the run's own network minimises."""
        if self.student is not None:
            return self.student.objective
        return objective("ft" if self.teacher_mixup is None else "sm")

    @property
    def folder_name(self) -> str:
        """Name of the run folder: readable, and unique by its id."""
        return f"{self.task}-{self.fraction:g}-s{self.seed}-{self.method}-{self.id}"

    @property
    def teacher_spec(self) -> "RunSpec":
        """The run of the teacher that this run's student learns from."""
        return self.model_copy(update={"student": None})


def _told(part: _Frozen) -> dict[str, Any]:
    """The content of an id: a part's first fields, and later ones that are not at their default."""
    dumped = part.model_dump(mode="json")
    told = {}
    for name, field in type(part).model_fields.items():
        value = getattr(part, name)
        default = field.get_default(call_default_factory=True)
        if name not in part.UNTOLD and (name in part.FIRST or value != default):
            told[name] = _told(value) if isinstance(value, _Frozen) else dumped[name]
    return told


def checked(model: type[_Frozen], **values: Any) -> Any:
    """`model(**values)`, its complaints turned into one sentence.

    Raises:
        InputError: naming the first value that does not fit.
    """
    try:
        return model(**values)
    except ValidationError as error:
        first = error.errors()[0]
        if not first["loc"]:  # values that contradict each other: the validator's own sentence
            raise InputError(f"{first['ctx']['error']}.") from error
        place = ".".join(str(part) for part in first["loc"])
        if first["type"] == "value_error":
            raise InputError(f"{place} cannot be used: {first['ctx']['error']}.") from error
        raise InputError(
            f"{place} is {first['input']!r}, which is not usable: {first['msg'].lower()}."
        ) from error


def checkpoint_ref(checkpoint: str | Path) -> CheckpointRef:
    """Return what identifies a checkpoint: of a folder its content, of a hub name its commit.

    One that is stored in half precision gets another digest than it had when its weights were
    trained so: they are float32 now.

    Raises:
        InputError: if it cannot be read.
    """
    folder = Path(checkpoint)
    if not folder.is_dir():
        from mixkd_core.networks.checkpoints import load_config

        config = load_config(checkpoint)
        widened = "-float32" if trained_in_half_precision(checkpoint, config) else ""
        commit = getattr(config, "_commit_hash", None)
        return CheckpointRef(name=str(checkpoint), digest=f"{commit}{widened}")
    digest = hashlib.sha256()
    if trained_in_half_precision(folder):
        digest.update(b"float32")
    for path in sorted(folder.iterdir()):
        if path.suffix in (".json", ".txt", ".model", ".safetensors"):
            digest.update(path.name.encode())
            with path.open("rb") as file:
                digest.update(hashlib.file_digest(file, "sha256").digest())
    return CheckpointRef(name=_name_of(folder.resolve()), digest=digest.hexdigest()[:16])


def _name_of(folder: Path) -> str:
    """The last two parts of a folder; only the last where the one above is a user's own."""
    with suppress(RuntimeError):  # of a user without a home
        if folder.parent.name == Path.home().name:
            return folder.name
    homes = ("home", "Users")
    return folder.name if folder.parent.parent.name in homes else "/".join(folder.parts[-2:])
