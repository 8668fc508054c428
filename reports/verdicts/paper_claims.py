"""What the paper claims of its methods, as comparisons that runs can answer."""

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True)
class Claim:
    """A statement of the paper that one method is better than another.

    Attributes:
        id: a short name.
        statement: what is claimed.
        where: where the paper claims it.
        method, baseline: what is compared.
        measure: `"metric"` on development sets, or `"gap"` or `"risk"` (0-1 error, or squared error
            for a regression) on a set of the training law, or `"manifold"`: how far mixtures are
            encoded from the training points (`reports.statistics.latent_measures`).
        fractions: `"all"` of the data, `"limited"`, or `"any"`.
        glue_only: whether only GLUE's tasks speak to it.
        premise: whether only pairs count in which the method's empirical risk is no worse.
        command: what makes the runs and the verdict.
    """

    id: str
    statement: str
    where: str
    method: str
    baseline: str
    measure: Literal["metric", "gap", "risk", "manifold"]
    fractions: Literal["all", "limited", "any"]
    command: str
    glue_only: bool = True
    premise: bool = False


CLAIMS = (
    Claim(
        "glue", "On GLUE, MixKD exceeds distillation without mixup.", "main results on GLUE",
        "sm+tmkd", "kd", "metric", "all", "mixkd run glue",
    ),
    Claim(
        "glue-ft", "On GLUE, MixKD exceeds fine-tuning.", "main results on GLUE",
        "sm+tmkd", "ft", "metric", "all", "mixkd run glue",
    ),
    Claim(
        "limited", "With 1 % and 10 % of the data, MixKD exceeds distillation without mixup.",
        "limited data, Figure 1", "sm+tmkd", "kd", "metric", "limited", "mixkd run limited-data",
    ),
    Claim(
        "limited-ft", "With 1 % and 10 % of the data, MixKD exceeds fine-tuning.",
        "limited data, Figure 1", "sm+tmkd", "ft", "metric", "limited", "mixkd run limited-data",
    ),
    Claim(
        "ablation-sm", "Mixing labels (SM) improves on fine-tuning.", "ablation",
        "sm", "ft", "metric", "any", "mixkd run ablation",
    ),
    Claim(
        "ablation-tmkd", "Querying the teacher on mixtures (TMKD) improves on distillation.",
        "ablation", "tmkd", "kd", "metric", "any", "mixkd run ablation",
    ),
    Claim(
        "ablation-both", "SM and TMKD together improve on TMKD alone.", "ablation",
        "sm+tmkd", "tmkd", "metric", "any", "mixkd run ablation",
    ),
    Claim(
        "gap", "Augmentation by mixup makes the generalization gap smaller than distillation's.",
        "Theorem 1", "sm+tmkd", "kd", "gap", "any", "mixkd run limited-data", glue_only=False,
    ),
    Claim(
        "generalization",
        "Where mixup leaves the empirical risk no worse, the generalization risk is lower.",
        "Theorem 1, last clause", "sm+tmkd", "kd", "risk", "any", "mixkd run limited-data",
        glue_only=False, premise=True,
    ),
    Claim(
        "latent-space",
        "A MixKD student encodes mixtures nearer to the training points than a fine-tuned one.",
        "latent space, Figure 2", "sm+tmkd", "ft", "manifold", "any", "mixkd run latent-space",
    ),
)  # fmt: skip
