"""`MixKDArguments`: the arguments of `transformers.Trainer` and those of the method."""

from dataclasses import dataclass, field, make_dataclass
from typing import Any

from transformers import TrainingArguments

from mixkd_core.networks.mix_layer import MixLayer, parsed_mix_layer
from mixkd_core.objectives.objective import TERMS, Objective, objective
from mixkd_core.records.settings import MIXUP, OBJECTIVE, settings_of
from mixkd_core.records.specs import StudentSpec, TrainingSpec
from mixkd_core.records.usual import RATE_OF_STUDENTS

METHOD_SETTINGS = settings_of(StudentSpec, OBJECTIVE, MIXUP)

_WEIGHTS = {
    "mle": "Weight of the cross-entropy on the originals.",
    "kd": "Weight of the distance to the teacher on the originals.",
    "pkd": "Weight of the patient (hidden-state) distance.",
    "sm": "Weight of the cross-entropy on mixed samples (alpha_SM).",
    "tmkd": "Weight of the distance to the teacher on mixed samples (alpha_TMKD).",
    "transfer": "Weight of the distance to the teacher on unlabelled texts.",
}

_MethodArguments = make_dataclass(
    "_MethodArguments",
    [
        (its.name, its.kind, field(default=its.default, metadata={"help": its.help}))
        for its in METHOD_SETTINGS.values()
    ]
    + [
        (f"alpha_{term}", float | None, field(default=None, metadata={"help": _WEIGHTS[term]}))
        for term in TERMS
    ],
)


def _of_training(name: str, more: str = "") -> Any:
    """Return an argument with the default and the help that a training's setting has."""
    home = TrainingSpec.model_fields[name]
    told = f"{str(home.description).rstrip('.')}{more}."
    return field(default=home.default, metadata={"help": told})


@dataclass
class MixKDArguments(_MethodArguments, TrainingArguments):  # type: ignore[misc, valid-type]
    """Arguments of `MixKDTrainer`; those not listed here are `transformers.TrainingArguments`'.

    Batch size, warm-up and weight decay default to those of a training of ours
    (`mixkd_core.records.specs.TrainingSpec`), the rate to a student's. Epochs that are not given
    are as many as enough steps take (`mixkd_core.records.usual`).

    Of the method there are those of a student (`mixkd_core.records.specs.StudentSpec`), with the
    same names, defaults and meanings, and a weight for each term of the objective. The weights
    `alpha_*` default to the method's own (1 for each of its terms); set one to change it, to 0 to
    drop the term, or give a term that the method does not have to add it.
    """

    num_train_epochs: float | None = field(
        default=None,
        metadata={"help": "Epochs; if not given, the usual ones, or more where data are small."},
    )
    per_device_train_batch_size: int = _of_training("batch_size")
    learning_rate: float = field(
        default=RATE_OF_STUDENTS, metadata=_of_training("learning_rate").metadata
    )
    warmup_steps: float = _of_training("warmup", "; from 1 on, their number")
    weight_decay: float = _of_training("weight_decay")

    length_group_batches: int = field(
        default=50,
        metadata={"help": "Batches sorted by length together; 0 leaves batches ungrouped."},
    )

    logging_nan_inf_filter: bool = field(
        default=False,
        metadata={
            "help": "Leave losses that are NaN or infinite out of the logs. Looking waits for the "
            "device at every step; training stops at such a loss anyway."
        },
    )

    teacher_cache_dir: str | None = field(
        default=None,
        metadata={
            "help": "Folder in which the teacher's outputs on originals and fixed draws are kept, "
            "for other runs with the same teacher and texts."
        },
    )

    @property
    def objective(self) -> Objective:
        """The objective in force.

        Raises:
            InputError: see `mixkd_core.objectives.objective.objective`.
        """
        return objective(self.method, {term: getattr(self, f"alpha_{term}") for term in TERMS})

    @property
    def draws(self) -> dict[str, Any]:
        """Return the sampler's arguments, by name: they decide what is drawn, and how."""
        mixup = settings_of(StudentSpec, MIXUP)
        drawn = {name: getattr(self, name) for name in mixup if name != "mix_layer"}
        return drawn if self.objective.draws else {**drawn, "mixup_ratio": 0.0}

    @property
    def mixing_layer(self) -> MixLayer:
        """Return the layer that `mix_layer` names.

        Raises:
            InputError: if it is neither a number nor `"pooled"`.
        """
        return parsed_mix_layer(self.mix_layer)
