"""`MixKDArguments`: the arguments of `transformers.Trainer` and those of the method."""

from dataclasses import dataclass, field

from transformers import TrainingArguments

from mixkd_core.mixing.pairing import PAIRINGS
from mixkd_core.networks.mix_layer import MixLayer, parsed_mix_layer
from mixkd_core.objectives.distances import DISTANCES
from mixkd_core.objectives.objective import METHODS, TERMS, Objective, objective


@dataclass
class MixKDArguments(TrainingArguments):  # type: ignore[misc]
    """Arguments of `MixKDTrainer`; those not listed here are `transformers.TrainingArguments`'.

    The weights `alpha_*` default to the method's own (1 for each of its terms); set one to change
    it, to 0 to drop the term, or give a term that the method does not have to add it.
    """

    method: str = field(
        default="sm+tmkd",
        metadata={"help": f"Named objective: {', '.join(METHODS)}."},
    )
    alpha_mle: float | None = field(
        default=None, metadata={"help": "Weight of the cross-entropy on the originals."}
    )
    alpha_kd: float | None = field(
        default=None, metadata={"help": "Weight of the distance to the teacher on the originals."}
    )
    alpha_pkd: float | None = field(
        default=None, metadata={"help": "Weight of the patient (hidden-state) distance."}
    )
    alpha_sm: float | None = field(
        default=None, metadata={"help": "Weight of the cross-entropy on mixed samples (alpha_SM)."}
    )
    alpha_tmkd: float | None = field(
        default=None,
        metadata={"help": "Weight of the distance to the teacher on mixed samples (alpha_TMKD)."},
    )
    distance: str = field(
        default="mse",
        metadata={"help": f"Distance to the teacher in kd and tmkd: {', '.join(DISTANCES)}."},
    )
    temperature: float = field(
        default=1.0, metadata={"help": "Temperature of kl and soft-ce; tau squared is kept."}
    )
    mixup_alpha: float = field(
        default=0.4, metadata={"help": "alpha of the mixing coefficient's Beta(alpha, alpha)."}
    )
    mixup_ratio: float = field(
        default=1.0, metadata={"help": "Mixed samples per original; fractions and above 1 too."}
    )
    pairing: str = field(
        default="dataset",
        metadata={"help": f"Who partners are drawn from: {', '.join(PAIRINGS)}."},
    )
    self_pairs: bool = field(
        default=False, metadata={"help": "Whether an example may be mixed with itself."}
    )
    fixed_draws: bool = field(
        default=False,
        metadata={
            "help": "Draw partners and coefficients once and use them in every epoch, instead of "
            "new ones in each; the teacher's pass over them is then paid once."
        },
    )
    # A string, since a command line cannot parse a field that is a number or a word.
    mix_layer: str = field(
        default="0",
        metadata={
            "help": "0 mixes embeddings; k mixes what comes out of the student's layer k, and of "
            "the teacher's layer at the same relative depth; pooled mixes what both classifiers "
            "read."
        },
    )
    length_group_batches: int = field(
        default=50,
        metadata={"help": "Batches sorted by length together; 0 leaves batches ungrouped."},
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
    def mixing_layer(self) -> MixLayer:
        """What `mix_layer` says.

        Raises:
            InputError: if it is neither a number nor `"pooled"`.
        """
        return parsed_mix_layer(self.mix_layer)
