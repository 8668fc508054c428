"""The variant that stands for a method, and the settings swept around it."""

from functools import lru_cache
from typing import Any

import pandas as pd

from mixkd_core.objectives.objective import METHODS
from mixkd_core.records.specs import StudentSpec
from reports.evidence.evidence import TRAINING_LAW, Evidence
from reports.evidence.frames import grouped, on_common_sets

SWEPT_METHOD = "sm+tmkd"


def representative(evidence: Evidence, runs: pd.DataFrame) -> pd.DataFrame:
    """The runs of one condition: that with most seeds, then no variant, then nearest the defaults.

    A variant is what its study calls by another name than the method's. How a network is trained
    (learning rate, epochs) has no default that suits every task: of conditions that differ in that
    alone, the one trained as most of them are, whose label says least. The choice must not look at
    results.
    """
    if runs.empty:
        return runs

    def rank(group: pd.DataFrame) -> tuple[int, bool, int, int, str]:
        run = group["run"].iloc[0]
        student = evidence.students.get(run)
        departures = 0 if student is None else _departures(student)
        told = evidence.labels[run].count("=")
        return (
            -group["seed"].nunique(),
            set(group["run"]) <= evidence.variants,
            departures,
            told,
            str(group["condition"].iloc[0]),
        )

    return min((group for _, group in grouped(runs, ["condition"])), key=rank)


def representatives(evidence: Evidence, runs: pd.DataFrame) -> pd.DataFrame:
    """The runs of one condition per setting and method; the order stays."""
    return _chosen(evidence, runs, ["setting", "method"])


def drawn_representatives(evidence: Evidence, runs: pd.DataFrame) -> pd.DataFrame:
    """Return one condition per fraction, data, encoder, depth and method: few enough to draw.

    Settings that differ in how the teacher was trained, or in where a student of that depth got its
    layers from, are not drawn beside each other.
    """
    versions = dict(zip(evidence.runs["run"], evidence.runs["versions"], strict=True))

    def kind(run: str) -> str:
        spec = evidence.specs[run]
        depth = None if spec.student is None else spec.student.layers
        return repr((spec.data, spec.encoder.digest, depth, versions[run]))

    kinds = runs.assign(kind=[kind(run) for run in runs["run"]])
    return _chosen(evidence, kinds, ["task", "fraction", "kind", "method"])


def sweep_frame(evidence: Evidence) -> pd.DataFrame:
    """A row per run of MixKD that differs from the reference in one weight or the mixup ratio.

    Columns: `run, task, fraction, seed, setting, field, at, reference, metric, value`; `at` is the
    field's value, and `value` the task's metric, averaged over its development sets. The
    reference's own runs are there for each of the fields swept around it.
    """
    metrics = evidence.metrics
    metrics = metrics[
        (metrics["method"] == SWEPT_METHOD) & ~metrics["set"].isin(["train", *TRAINING_LAW])
    ]
    metrics = on_common_sets(metrics)
    keys = ["run", "task", "fraction", "seed", "setting", "condition", "metric"]
    values = metrics.groupby(keys, as_index=False, sort=True)[["metric_value"]].mean()
    values = values.rename(columns={"metric_value": "value"})
    parts: list[pd.DataFrame] = []
    for _, setting in grouped(values, ["setting"]) if len(values) else ():
        reference = representative(evidence, setting)
        centre = _swept_values(evidence.students[reference["run"].iloc[0]])
        for _, group in grouped(setting, ["condition"]):
            mine = _swept_values(evidence.students[group["run"].iloc[0]])
            changed = [name for name in mine if mine[name] != centre[name]]
            if len(changed) == 1 and isinstance(mine[changed[0]], float):
                field = changed[0]
                for part, is_reference, at in ((group, False, mine), (reference, True, centre)):
                    parts.append(part.assign(field=field, at=at[field], reference=is_reference))
    if not parts:
        return pd.DataFrame()
    return pd.concat(parts).drop_duplicates(["run", "field"]).reset_index(drop=True)


def _chosen(evidence: Evidence, runs: pd.DataFrame, columns: list[str]) -> pd.DataFrame:
    """Of the runs that agree in these columns those of the representative condition."""
    chosen = {
        str(representative(evidence, group)["condition"].iloc[0])
        for _, group in (grouped(runs, columns) if len(runs) else ())
    }
    return runs[runs["condition"].isin(chosen)]


def _departures(student: StudentSpec) -> int:
    """Return how many fields are not as the method has them by default."""
    default = _defaults(student.method)
    mine = student.model_dump(exclude={"training"})
    return sum(mine[name] != default[name] for name in default)


@lru_cache(maxsize=len(METHODS))
def _defaults(method: str) -> dict[str, Any]:
    return StudentSpec(method=method).model_dump(exclude={"training"})


def _swept_values(student: StudentSpec) -> dict[str, Any]:
    """Return what may be swept (floats), and all else as one value that may not differ."""
    weights = dict(student.objective.weights)
    others = {term: weight for term, weight in weights.items() if term not in ("sm", "tmkd")}
    rest = student.model_dump(exclude={"weights", "mixup_ratio"}, mode="json")
    return {
        "weight of SM": float(weights.get("sm", 0.0)),
        "weight of TMKD": float(weights.get("tmkd", 0.0)),
        "mixup ratio": float(student.mixup_ratio),
        "rest": repr((rest, others)),
    }
