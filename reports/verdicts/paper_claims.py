"""The paper's claims about its methods, as comparisons that runs can answer."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from reports.evidence.measurements import LOSS_BOUNDS

Question = Literal[
    "accuracy", "calibration", "gap", "risk", "manifold", "consistency", "memorization", "trend"
]
Law = Literal["training law", "development", "altered texts"]

# Theorem 1 is about a bounded loss between student and teacher.
THEOREM_LOSS = "distillation_distance"

# Attacks by which memorization is judged, chosen before looking at any; the first is the headline.
ATTACKS_ASKED = ("auc", "calibrated_auc", "true_positives_1", "confidence_gap")


@dataclass(frozen=True)
class Published:
    """A number that the paper prints, shown beside ours and entering no test.

    Attributes:
        value: as printed.
        model, data, split: what it was measured on.
        where: the table or figure that it stands in.
    """

    value: str
    model: str
    data: str
    split: str
    where: str


@dataclass(frozen=True)
class Claim:
    """A statement of the paper that one method is better than another.

    Attributes:
        id: a short name.
        statement: what is claimed.
        where: where the paper claims it.
        method, baseline: what is compared.
        question: `"accuracy"` (the task's metric), `"calibration"`, `"gap"` or `"risk"` (in every
            bounded loss), `"manifold"`: how far mixtures are encoded from the training points
            (`reports.statistics.latent_measures`), `"consistency"`: predictions on altered texts
            (`reports.statistics.consistency`), `"memorization"`: how well members are told from
            others (`reports.statistics.membership`), or `"trend"`: how much more accuracy is gained
            for every tenfold fewer data (`reports.statistics.trend`).
        fractions: `"all"` of the data, `"limited"`, or `"any"`.
        glue_only: whether only GLUE's tasks speak to it.
        command: what makes the runs and the verdict.
        published: the paper's own numbers. None is entered yet: a number is only shown where it
            can be quoted from the paper's text with its model, data and split.
    """

    id: str
    statement: str
    where: str
    method: str
    baseline: str
    question: Question
    fractions: Literal["all", "limited", "any"]
    command: str
    glue_only: bool = True
    published: tuple[Published, ...] = ()


@dataclass(frozen=True)
class Part:
    """One way to ask a claim's question.

    Attributes:
        question: of the claim.
        law: which sets: those that follow the law of the training data, the task's own development
            sets, which need not, or altered texts.
        loss: for a gap or risk, a loss with a declared bound, at which it is clipped.
        headline: whether the claim's verdict is made of it: the paper's own measure.
        measure: for consistency (`reports.evidence.consistency`) and memorization
            (`reports.evidence.membership.ATTACKS`), which.
    """

    question: Question
    law: Law
    loss: str | None
    headline: bool
    measure: str = ""


# Of consistency: what a constant answer would be best at, what it would be worst at, and so both.
CONSISTENT = ("flip", "unchanged")
_ALSO_CONSISTENT = ("flip_right", "worst_flip", "divergence", "accuracy_after", "unchanged_right")


def parts(claim: Claim) -> Iterator[Part]:
    """Every way to ask a claim, the headline first.

    The metric or calibration on the development sets, which the paper reports, then on the training
    law, and so their trends; gap and risk on the training law, in the theorem's loss and then in
    the others; memorization by the plain attack, then by the calibrated one and the others.
    Consistency is asked twice for the headline: whether fewer predictions flip where the label
    stays, and whether fewer stay where it changes; either alone is easy.
    """
    if claim.question == "consistency":
        for measure in (*CONSISTENT, *_ALSO_CONSISTENT):
            headline = measure in CONSISTENT
            yield Part("consistency", "altered texts", None, headline, measure)
    elif claim.question == "manifold":
        yield Part("manifold", "training law", None, headline=True)
    elif claim.question == "memorization":
        for attack in ATTACKS_ASKED:
            headline = attack == ATTACKS_ASKED[0]
            yield Part("memorization", "training law", None, headline, attack)
    elif claim.question in ("gap", "risk"):
        for loss in sorted(LOSS_BOUNDS, key=lambda name: name != THEOREM_LOSS):
            yield Part(claim.question, "training law", loss, headline=loss == THEOREM_LOSS)
    else:
        yield Part(claim.question, "development", None, headline=True)
        yield Part(claim.question, "training law", None, headline=False)


CLAIMS = (
    Claim(
        "glue", "On GLUE, MixKD exceeds distillation without mixup.", "main results on GLUE",
        "sm+tmkd", "kd", "accuracy", "all", "mixkd run glue",
    ),
    Claim(
        "glue-ft", "On GLUE, MixKD exceeds fine-tuning.", "main results on GLUE",
        "sm+tmkd", "ft", "accuracy", "all", "mixkd run glue",
    ),
    Claim(
        "limited", "With 1 % and 10 % of the data, MixKD exceeds distillation without mixup.",
        "limited data, Figure 1", "sm+tmkd", "kd", "accuracy", "limited", "mixkd run limited-data",
    ),
    Claim(
        "limited-ft", "With 1 % and 10 % of the data, MixKD exceeds fine-tuning.",
        "limited data, Figure 1", "sm+tmkd", "ft", "accuracy", "limited", "mixkd run limited-data",
    ),
    Claim(
        "ablation-sm", "Mixing labels (SM) improves on fine-tuning.", "ablation",
        "sm", "ft", "accuracy", "any", "mixkd run ablation",
    ),
    Claim(
        "ablation-tmkd", "Querying the teacher on mixtures (TMKD) improves on distillation.",
        "ablation", "tmkd", "kd", "accuracy", "any", "mixkd run ablation",
    ),
    Claim(
        "ablation-both", "SM and TMKD together improve on TMKD alone.", "ablation",
        "sm+tmkd", "tmkd", "accuracy", "any", "mixkd run ablation",
    ),
    Claim(
        "gap", "Augmentation by mixup makes the generalization gap smaller than distillation's.",
        "Theorem 1", "sm+tmkd", "kd", "gap", "any", "mixkd run limited-data", glue_only=False,
    ),
    Claim(
        "generalization",
        "Augmentation by mixup makes the generalization risk smaller than distillation's.",
        "Theorem 1, last clause", "sm+tmkd", "kd", "risk", "any", "mixkd run limited-data",
        glue_only=False,
    ),
    Claim(
        "latent-space",
        "A MixKD student encodes mixtures nearer to the training points than a fine-tuned one.",
        "latent space, Figure 2", "sm+tmkd", "ft", "manifold", "any", "mixkd run latent-space",
    ),
    Claim(
        "consistent",
        "When texts are altered slightly, MixKD's predictions are more consistent than those of "
        "distillation without mixup.",
        "abstract", "sm+tmkd", "kd", "consistency", "any", "mixkd run robustness",
    ),
    Claim(
        "consistent-ft",
        "When texts are altered slightly, MixKD's predictions are more consistent than those of "
        "fine-tuning.",
        "abstract", "sm+tmkd", "ft", "consistency", "any", "mixkd run robustness",
    ),
    Claim(
        "memorization", "A MixKD student memorizes less of its training data than a distilled one.",
        "abstract", "sm+tmkd", "kd", "memorization", "any", "mixkd run limited-data",
    ),
    Claim(
        "memorization-ft",
        "A MixKD student memorizes less of its training data than a fine-tuned one.",
        "abstract", "sm+tmkd", "ft", "memorization", "any", "mixkd run limited-data",
    ),
    Claim(
        "fewer-data", "Querying the teacher on mixtures gains more the fewer the data are.",
        "abstract", "tmkd", "kd", "trend", "limited", "mixkd run queries",
    ),
    Claim(
        "queries",
        "Queries on mixtures give more than as many queries on unlabelled texts.",
        "not in the paper: a sceptic's alternative", "tmkd", "transfer", "accuracy", "limited",
        "mixkd run queries",
    ),
)  # fmt: skip
