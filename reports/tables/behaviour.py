"""Memorization of training data, and agreement of students with their teacher.

Numbers of single runs (`reports.evidence.membership`, `reports.statistics.agreement`) by method and
seed, and seed by seed against distillation and fine-tuning.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

from reports.evidence.evidence import GROUP, Evidence, in_order
from reports.evidence.frames import grouped
from reports.evidence.membership import ATTACKS
from reports.statistics.seeds import summarise_seeds
from reports.tables.comparisons import BASELINES, corrected, differences_from
from reports.tables.table import Column, Table, interval_cells, seeds_text

# Agreement's numbers, in words.
AGREEMENTS: Mapping[str, str] = {
    "agreement": "agreement",
    "agreement_right": "agreement where the teacher is right",
    "agreement_wrong": "agreement where the teacher errs",
    "divergence": "KL divergence (nats)",
}

_KNOWN = ["run", "task", "fraction", "seed", "method", "label", "condition", "setting"]


def membership_long(evidence: Evidence) -> pd.DataFrame:
    """A row per run × number of an attack: `_KNOWN`, `set, measure, value, others, …`."""
    return _long(evidence, evidence.measurements.membership, tuple(ATTACKS))


def agreement_long(evidence: Evidence) -> pd.DataFrame:
    """The same of agreement, a row per run × set × number."""
    return _long(evidence, evidence.measurements.agreement, tuple(AGREEMENTS))


def memorization_table(evidence: Evidence) -> Table:
    """Attacks on every method's losses, and how they fare against each baseline's."""
    return Table(
        name="memorization",
        title="Memorization: membership inference from losses",
        caption=(
            "The training subset against examples of its distribution that were not learnt from "
            "(the set named), by the loss: AUC (.5 is chance), the best threshold's advantage "
            "(above 0 by chance too), and true positives where false positives are rare (absent "
            "where the others are too few: 1,000 for .1 %). By theorem T8 the best advantage is at "
            "least the gap of the clipped loss over its bound, shown beside it. Confidence gap: "
            "mean confidence on members less that on others. Calibrated: losses less their mean "
            "over the other seeds' runs that did not learn from the example. Means over seeds with "
            "Student's t interval; a small AUC is no protection of single examples. Minus kd, ft: "
            "paired over seeds, exact sign-flip test, Holm-corrected over the numbers and methods "
            "of one task, fraction and baseline."
        ),
        columns=_columns("least", Column("least", "gap / M", "number")),
        frame=_compared(evidence, membership_long(evidence), ATTACKS),
        empty=no_members_note(evidence),
    )


def agreement_table(evidence: Evidence) -> Table:
    """Tabulate how far every student predicts what its teacher predicts, right or wrong."""
    return Table(
        name="agreement",
        title="Agreement: what the teacher hands on",
        caption=(
            "Share of examples on which student and teacher predict one class; the same where the "
            "teacher is right and where it errs (networks of labels alone err on many of the same "
            "hard examples: what is handed on is the difference from ft); and the mean KL "
            "divergence of the student's probabilities from the teacher's. Mixtures: of the "
            "training points that are encoded; they have no label. A set with a kind in brackets: "
            "altered texts of mixkd consistency. Means over seeds with "
            "Student's t interval; minus kd, ft: paired over seeds, exact sign-flip test, "
            "Holm-corrected over the numbers, sets and methods of one task, fraction and baseline."
        ),
        columns=_columns("set", Column("set", "set")),
        frame=_compared(evidence, agreement_long(evidence), AGREEMENTS),
        empty="No student of a classification stores its teacher's logits.",
    )


def no_members_note(evidence: Evidence) -> str:
    """Say which finished runs no attack can be mounted on, and why; empty where it can on all."""
    known = set(evidence.measurements.membership["run"])
    finished = evidence.runs[evidence.runs["state"] == "finished"]
    without = finished[~finished["run"].isin(known)]
    if without.empty:
        return ""
    named = ", ".join(
        f"{row['label']} ({row['task']}, seed {row['seed']})"
        for row in without.head(3).to_dict("records")
    )
    more = ", …" if len(without) > 3 else ""
    kept = evidence.measurements.risks
    if not set(kept.loc[kept["run"].isin(without["run"]), "set"]) & {"remainder", "fresh"}:
        why = (
            "they learnt from the whole training split, or measured nothing of the rest, and a "
            "development set may differ for other reasons: run them on a smaller fraction"
        )
    else:
        why = "their results were exported without it: export them again from the runs"
    return f"No attack on {len(without)} runs ({named}{more}), which have no non-members: {why}."


def _long(evidence: Evidence, frame: pd.DataFrame, measures: Sequence[str]) -> pd.DataFrame:
    ids = [name for name in frame.columns if name not in measures]
    long = frame.melt(id_vars=ids, value_vars=list(measures), var_name="measure")
    long["value"] = long["value"].astype(float)
    return in_order(long.dropna(subset=["value"]).merge(evidence.runs[_KNOWN], on="run"))


def _compared(evidence: Evidence, frame: pd.DataFrame, titles: Mapping[str, str]) -> pd.DataFrame:
    differences = {
        baseline: differences_from(baseline, frame, ["measure", "set"]) for baseline in BASELINES
    }
    rows: list[dict[str, Any]] = []
    for measure, title in titles.items():
        of_measure = frame[frame["measure"] == measure]
        for key, group in grouped(of_measure, [*GROUP, "set"]) if len(of_measure) else ():
            task, fraction, label, condition, name = key
            summary = summarise_seeds(group["value"].to_numpy())
            seeds = group["seed"].tolist()
            row = {
                "task": task,
                "fraction": fraction,
                "set": name,
                "measure": title,
                "measure_name": measure,
                "method": label,
                "value": summary.mean,
                "value_sd": summary.sd,
                **interval_cells("value", summary.interval),
                "least": group["least_advantage"].mean() if measure == "advantage" else None,
                "seeds": seeds_text(seeds),
                "without": evidence.without(task, fraction, group["method"].iloc[0], seeds),
                "n": summary.n,
                "condition": condition,
                "runs": " ".join(group["run"]),
            }
            found = {
                baseline: differences[baseline].get((condition, measure, name))
                for baseline in BASELINES
            }
            rows += [
                row | {"baseline": baseline} | cells
                for baseline, cells in found.items()
                if cells is not None
            ] or [row | {"baseline": None, "p_value": None}]
    if not rows:
        return pd.DataFrame()
    table = pd.DataFrame(rows)
    tested = table["baseline"].notna()
    families = table.assign(baseline=table["baseline"].fillna(""))
    adjusted = corrected(families, ["task", "fraction", "baseline"]).sort_index()
    return adjusted.assign(baseline=table["baseline"].where(tested, None))


def _columns(special: str, extra: Column) -> tuple[Column, ...]:
    before = (extra,) if special == "set" else ()
    after = (extra,) if special == "least" else (Column("value_sd", "sd", "number", role="detail"),)
    return (
        Column("task", "task"),
        Column("fraction", "fraction", "share"),
        *before,
        Column("measure", "measure"),
        Column("method", "method", role="key"),
        Column("value", "mean", "number"),
        Column("value", "95 % interval", "range", role="detail"),
        *after,
        Column("baseline", "against"),
        Column("difference", "difference", "signed"),
        Column("difference", "95 % interval of it", "interval"),
        Column("p_value", "p", "p", role="detail"),
        Column("p_holm", "p (Holm)", "p"),
        Column("seeds", "seeds", role="detail"),
        Column("without", "without", role="detail"),
    )
