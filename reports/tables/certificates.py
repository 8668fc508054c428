"""Certificates of real networks and, on the embedded laws, a check of their promises.

All bounds of one kind on one task hold together with probability at least 1 − δ: each gets δ
divided by the number of statements of that kind (Bonferroni's union), one for every network, over
fractions, seeds and methods, and every loss the kind is issued for. That is so where held-out
examples are independent draws, which is stated beside every row.
"""

from collections.abc import Mapping
from typing import Any

import pandas as pd

from reports.evidence.evidence import GROUP, LOSS_TITLES, Evidence, in_order
from reports.evidence.frames import grouped
from reports.evidence.measurements import DELTA
from reports.tables.bound_conditions import held_out_independence
from reports.tables.table import Column, Table, seeds_text
from theory.bounds.binomial import clopper_pearson_limit

# What holds together: every bound of one kind on one task's data.
FAMILY = ("task", "data", "kind")


def certificate_frame(evidence: Evidence) -> pd.DataFrame:
    """Return a row per run × loss × kind of bound, with the true risk where new draws measured it.

    `statements` is what δ was divided by for the row's bound, `family_delta` the sum over the
    family: the probability with which any of its bounds may fail.
    """
    known = ["run", "data", "task", "fraction", "seed", "method", "label", "condition"]
    frame = evidence.measurements.certificates
    if frame.empty:
        return frame
    frame = frame.merge(evidence.runs[known], on="run")
    if "statements" not in frame:  # results of a version that shared δ among the networks alone
        frame["statements"] = frame["networks"]
    each = DELTA / frame["statements"]
    frame["family_delta"] = each.groupby([frame[key] for key in FAMILY]).transform("sum")
    clipping = evidence.measurements.clipping
    fresh = clipping[clipping["set"] == "fresh"].rename(
        columns={"clipped_risk": "true_risk", "examples": "fresh_examples"}
    )
    frame = frame.merge(
        fresh[["run", "loss", "true_risk", "fresh_examples"]], on=["run", "loss"], how="left"
    )
    on_fresh = frame["set"] == "fresh"  # a bound cannot be checked on the examples it came from
    frame.loc[on_fresh, "true_risk"] = float("nan")
    frame["promise"] = [_promise(row) for row in frame.to_dict("records")]
    return in_order(frame)


def certificate_table(evidence: Evidence) -> Table:
    """Per condition: the mean bound, and how many promises were kept."""
    frame = certificate_frame(evidence)
    rows: list[dict[str, Any]] = []
    if not frame.empty:
        for key, group in grouped(frame, [*GROUP, "set", "loss", "kind"]):
            task, fraction, label, condition, held_out, loss, kind = key
            checked = group[group["promise"] != ""]
            rows.append(
                {
                    "task": task,
                    "fraction": fraction,
                    "method": label,
                    "set": held_out,
                    "loss": _title(loss, group["loss_bound"].iloc[0]),
                    "kind": kind,
                    "examples": group["examples"].mean(),
                    "networks": group["networks"].iloc[0],
                    "statements": group["statements"].iloc[0],
                    "family_delta": group["family_delta"].iloc[0],
                    "independence": held_out_independence(task, held_out)[1],
                    "observed": group["observed"].mean(),
                    "bound": group["bound"].mean(),
                    "bound_low": group["bound"].min(),
                    "bound_high": group["bound"].max(),
                    "vacuous": int(group["vacuous"].sum()),
                    "true_risk": group["true_risk"].mean(),
                    "kept": _counted(checked["promise"].tolist()),
                    "seeds": seeds_text(group["seed"].tolist()),
                    "condition": condition,
                    "runs": " ".join(dict.fromkeys(group["run"])),
                }
            )
    return Table(
        name="certificates",
        title="Certificates: upper bounds on the risk from held-out examples",
        caption=(
            f"Each bound is at δ = {DELTA:g} divided by the number of statements of its kind, "
            "networks times losses. All bounds of one kind on one task hold together with "
            "probability 1 - (δ of the family), their sum. "
            "Means over seeds, with the least and the greatest. Assumed: held-out examples are "
            "independent draws of one distribution, unused in training and selection; where the "
            "independence is not assessable the probability is not promised (examples that share a "
            "source: see the table of shared sources for how much wider). Promise: on an embedded "
            "law the risk on new draws against the "
            "bound; kept, or open where the new draws are too few to tell. Bounded losses are "
            "clipped at M, and the certificate is about the clipped loss."
        ),
        columns=(
            Column("task", "task"),
            Column("fraction", "fraction", "share"),
            Column("method", "method", role="key"),
            Column("set", "set"),
            Column("loss", "loss"),
            Column("kind", "bound by"),
            Column("observed", "observed", "number"),
            Column("bound", "bound", "number"),
            Column("bound", "least to greatest", "range", role="detail"),
            Column("true_risk", "risk on new draws", "number"),
            Column("kept", "promise"),
            Column("examples", "examples", "count", role="detail"),
            Column("networks", "networks", "count", role="detail"),
            Column("statements", "statements", "count", role="detail"),
            Column("family_delta", "δ of the family", "number", 3, role="detail"),
            Column("independence", "held out independent", role="detail"),
            Column("seeds", "seeds", role="detail"),
        ),
        frame=pd.DataFrame(rows),
        empty="No finished run was measured on a held-out set of classified examples.",
    )


def _promise(row: Mapping[Any, Any]) -> str:
    """Return "kept", "open" or "broken": the true risk, known from new draws, against the bound."""
    if pd.isna(row["true_risk"]):
        return ""
    if row["true_risk"] <= row["bound"]:
        return "kept"
    if row["kind"] == "exact binomial":
        errors = round(row["true_risk"] * row["fresh_examples"])
        low = float(clopper_pearson_limit(errors, row["fresh_examples"], DELTA, lower=True))
        return "broken" if low > row["bound"] else "open"
    return "open"


def _counted(promises: list[str]) -> str:
    counts = {name: promises.count(name) for name in ("kept", "open", "broken")}
    return ", ".join(
        f"{name} {count} of {len(promises)}" for name, count in counts.items() if count
    )


def _title(loss: str, loss_bound: float) -> str:
    title = LOSS_TITLES[loss]
    return title if loss == "zero_one_error" else f"{title}, clipped at {loss_bound:g}"
