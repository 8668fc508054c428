"""A figure a question: what is remembered, what a teacher hands on, what its answers are worth."""

import pandas as pd

from reports.evidence.evidence import TRAINING_LAW, Evidence
from reports.figures.drawing import Drawing
from reports.figures.levels import levels
from reports.tables.behaviour import agreement_long, membership_long
from reports.tables.sweeps import drawn_representatives

ASKING = ("tmkd", "sm+tmkd", "transfer")
BASELINE = "kd"


def memorization(evidence: Evidence) -> Drawing | None:
    """Draw how well an attack on losses tells the training subset from other examples."""
    frame = membership_long(evidence)
    frame = drawn_representatives(evidence, frame[frame["measure"] == "auc"])
    return levels(
        evidence,
        "memorization",
        "Membership inference from losses",
        "AUC of telling the training subset from examples of its distribution (the set named) by "
        "the loss; the dashed grey line is chance. Means over seeds with 95 % intervals, or the "
        "seeds where there are fewer than four. Variants as above.",
        frame.assign(what="AUC of the attack", majority=0.5, low=0.0, high=1.0),
    )


def agreement(evidence: Evidence) -> Drawing | None:
    """Draw how often students repeat their teacher's errors."""
    frame = agreement_long(evidence)
    frame = frame[(frame["measure"] == "agreement_wrong") & frame["set"].isin(TRAINING_LAW)]
    return levels(
        evidence,
        "agreement",
        "Agreement where the teacher errs",
        "Share of the examples on which the teacher errs (of the set named) on which the student "
        "predicts the same. Networks of labels alone err on many of the same hard examples: what "
        "is handed on is the difference from ft. Means over seeds with 95 % intervals, or seeds "
        "where there are fewer than four. Variants as above.",
        drawn_representatives(evidence, frame).assign(
            what="agreement where the teacher errs", majority=float("nan"), low=0.0, high=1.0
        ),
    )


def queries(evidence: Evidence) -> Drawing | None:
    """Draw what is gained over distillation by more questions to the teacher."""
    metrics = evidence.metrics
    metrics = metrics[~metrics["set"].isin(["train", *TRAINING_LAW])]
    drawn = drawn_representatives(evidence, metrics)
    keys = ["task", "fraction", "seed", "setting", "set"]
    baseline = drawn.loc[drawn["method"] == BASELINE, [*keys, "metric_value"]]
    gains = drawn[drawn["method"].isin(ASKING)].merge(
        baseline.rename(columns={"metric_value": "baseline_value"}), on=keys
    )
    return levels(
        evidence,
        "queries",
        f"What more questions to the teacher gain over {BASELINE}",
        "The task's metric on the development set named, minus that of distillation of the same "
        "seed: for questions about mixtures (tmkd, sm+tmkd) and as many about unlabelled texts "
        "(transfer). Means over seeds with 95 % intervals, or the seeds where there are fewer than "
        "four; the dashed grey line is no gain. Variants as above.",
        gains.assign(
            value=gains["metric_value"] - gains["baseline_value"],
            what=_gain(gains),
            majority=0.0,
            low=-1.0,
            high=1.0,
        ),
    )


def _gain(frame: pd.DataFrame) -> list[str]:
    return [f"gain in {name}" for name in frame["metric"]]
