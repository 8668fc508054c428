"""The numbers that claims compare: of every run, one value that is greater where it is better."""

from collections.abc import Collection

import pandas as pd

from mixkd_core.data.tasks import GLUE
from mixkd_core.errors import InputError
from reports.evidence.consistency import CONSISTENCY_MEASURES, LOWER_IS_BETTER
from reports.evidence.evidence import LOSS_TITLES, TRAINING_LAW, Evidence
from reports.evidence.frames import on_common_sets
from reports.evidence.measurements import LOSS_BOUNDS
from reports.evidence.membership import ATTACKS
from reports.tables.behaviour import membership_long
from reports.tables.consistency import consistency_frame, of_measure
from reports.tables.latent_space import latent_frame
from reports.verdicts.paper_claims import Claim, Part

# A metric this near to that of the majority class is the majority class's.
_TIE = 1e-9

KEYS = ["run", "task", "fraction", "seed", "setting", "condition", "method", "label"]


def loss_bound(loss: str) -> float:
    """The declared bound M of a loss.

    Raises:
        InputError: if none is declared.
    """
    if loss not in LOSS_BOUNDS:
        raise InputError(
            f"the loss {loss!r} has no declared bound, which the theorem supposes: ask for one of "
            f"{', '.join(LOSS_BOUNDS)}, or declare its bound in reports.evidence.measurements."
        )
    return LOSS_BOUNDS[loss]


def measure_title(part: Part, metrics: str) -> str:
    """Return the measure of a part, in words; `metrics` are those of the tasks."""
    if part.question == "accuracy":
        return metrics
    if part.question == "consistency":
        return CONSISTENCY_MEASURES[part.measure]
    if part.question == "manifold":
        return "distance of mixtures to the training points"
    if part.question == "calibration":
        return LOSS_TITLES["calibration_error"]
    if part.question == "trend":
        return f"gain in {metrics} per tenfold fewer data"
    if part.question == "memorization":
        return f"membership inference, {ATTACKS[part.measure]}"
    assert part.loss is not None
    bound = loss_bound(part.loss)
    clipped = "" if part.loss == "zero_one_error" else f", clipped at {bound:g}"
    return f"{part.question}, {LOSS_TITLES[part.loss]}{clipped}"


def values(evidence: Evidence, claim: Claim, part: Part) -> pd.DataFrame:
    """A row per run: `KEYS`, `value, empirical, generalization, collapsed, sets, examples, metric`.

    Several sets of one law (MNLI's two development sets, a test set, sources of altered texts) are
    averaged, those that all runs of the setting were measured on. `empirical` and `generalization`
    are the two parts of a gap or risk, NaN elsewhere; `collapsed` says that the run is no better
    than the majority class on one of the sets; `examples` counts those of each set, in words.
    """
    if part.question == "manifold":
        frame = _manifold(evidence)
    elif part.question == "consistency":
        frame = _consistency(evidence, part)
    elif part.question == "memorization":
        frame = _memorized(evidence, part.measure)
    else:
        frame = _by_set(evidence, part)
    frame = frame[frame["method"].isin([claim.method, claim.baseline])]
    if claim.glue_only:
        frame = frame[frame["task"].isin(GLUE)]
    if claim.fractions != "any":
        frame = frame[(frame["fraction"] == 1) == (claim.fractions == "all")]
    return (
        on_common_sets(frame)
        .groupby(KEYS, as_index=False, sort=True)
        .agg(
            value=("value", "mean"),
            empirical=("empirical", "mean"),
            generalization=("generalization", "mean"),
            collapsed=("collapsed", "any"),
            sets=("set", ", ".join),
            examples=("examples", ", ".join),
            metric=("metric", "first"),
        )
    )


def _by_set(evidence: Evidence, part: Part) -> pd.DataFrame:
    """The same by run and set."""
    metrics = evidence.metrics
    metrics = metrics[metrics["set"].isin(TRAINING_LAW) == (part.law == "training law")]
    metrics = metrics[metrics["set"] != "train"]
    frame = metrics.assign(
        collapsed=metrics["metric_value"] <= metrics["majority"] + _TIE,
        examples=[f"{count:.0f}" for count in metrics["examples"]],
    )
    if part.question in ("accuracy", "trend"):
        return _without_parts(frame.assign(value=frame["metric_value"]))
    if part.question == "calibration":
        errors = evidence.measurements.risks
        errors = errors.loc[errors["loss"] == "calibration_error", ["run", "set", "risk"]]
        frame = frame.merge(errors, on=["run", "set"])
        return _without_parts(frame.assign(value=-frame["risk"]))
    assert part.loss is not None
    loss_bound(part.loss)
    risks = evidence.measurements.clipping
    risks = risks.loc[risks["loss"] == part.loss, ["run", "set", "clipped_risk"]]
    train = risks.loc[risks["set"] == "train", ["run", "clipped_risk"]]
    frame = frame.merge(risks.rename(columns={"clipped_risk": "generalization"}), on=["run", "set"])
    frame = frame.merge(train.rename(columns={"clipped_risk": "empirical"}), on="run")
    gap = part.question == "gap"
    return frame.assign(value=frame["empirical"] * gap - frame["generalization"])


def _without_parts(frame: pd.DataFrame) -> pd.DataFrame:
    return frame.assign(empirical=float("nan"), generalization=float("nan"))


def _consistency(evidence: Evidence, part: Part) -> pd.DataFrame:
    """A set is the altered texts of one source and kind; its examples are told by their digest."""
    frame = of_measure(consistency_frame(evidence), part.measure)
    sign = -1 if part.measure in LOWER_IS_BETTER else 1
    return _without_parts(
        frame.assign(
            value=sign * frame["value"].astype(float),
            collapsed=frame["run"].isin(_at_majority(evidence)),
            examples=frame["digest"],
            metric="",
        )
    )


def _at_majority(evidence: Evidence) -> Collection[str]:
    """Runs that are no better than the majority class on a held-out set."""
    held_out = evidence.metrics[evidence.metrics["set"] != "train"]
    found: list[str] = held_out.loc[
        held_out["metric_value"] <= held_out["majority"] + _TIE, "run"
    ].tolist()
    return found


def _memorized(evidence: Evidence, attack: str) -> pd.DataFrame:
    frame = membership_long(evidence)
    frame = frame[frame["measure"] == attack]
    return _without_parts(
        frame.assign(
            value=1 - frame["value"],  # as shares, so that it is greater where better
            collapsed=frame["run"].isin(_at_majority(evidence)),
            examples=[f"{count:.0f}" for count in frame["others"]],
            metric="",
        )
    )


def _manifold(evidence: Evidence) -> pd.DataFrame:
    frame = latent_frame(evidence)
    frame = frame[frame["measure"] == "manifold_distance"]
    return _without_parts(
        frame.assign(
            value=-frame["value"],
            collapsed=frame["run"].isin(_at_majority(evidence)),
            set="encodings",
            examples="",
            metric="",
        )
    )
