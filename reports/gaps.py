"""The gap tables: empirical risk, generalization risk and their difference, by method and seed.

The generalization risk is estimated on held-out sets that follow different laws, and every row
names its set: `remainder` (the training split's unused part) and `fresh` (new draws, where the law
is known) follow the training law, which the theory speaks of; a development set is what papers
report, and need not.
"""

from typing import Any

import pandas as pd

from reports.evidence import GROUP, LOSS_TITLES, TRAINING_LAW, Evidence, in_order
from reports.frames import grouped
from reports.statistics import summarise_seeds
from reports.tables import Column, Table, seeds_text


def gap_table(evidence: Evidence) -> Table:
    """Mean, standard deviation and interval over seeds, of every loss on every held-out set."""
    rows: list[dict[str, Any]] = []
    for key, group in grouped(evidence.gaps, [*GROUP, "set", "loss"]):
        task, fraction, label, condition, held_out, loss = key
        summary = summarise_seeds(group["gap"].to_numpy())
        low, high = summary.interval or (None, None)
        rows.append(
            {
                "task": task,
                "fraction": fraction,
                "method": label,
                "set": held_out,
                "law": "training" if held_out in TRAINING_LAW else "development",
                "loss": LOSS_TITLES[loss],
                "seeds": seeds_text(group["seed"].tolist()),
                "without": evidence.without(
                    task, fraction, group["method"].iloc[0], group["seed"].tolist()
                ),
                "n": summary.n,
                "examples": group["examples"].mean(),
                "empirical": group["empirical"].mean(),
                "generalization": group["generalization"].mean(),
                "gap": summary.mean,
                "gap_sd": summary.sd,
                "gap_low": low,
                "gap_high": high,
                "condition": condition,
                "runs": " ".join(group["run"]),
            }
        )
    return Table(
        name="gaps",
        title="Gaps: generalization risk minus empirical risk",
        caption=(
            "Means over seeds; the 95 % interval is Student's t for the mean gap over seeds, on "
            "fixed held-out examples; with one seed there is none. The empirical risk is that of "
            "the training subset. The sets remainder and fresh follow the training law, dev is the "
            "official development split. Cross-entropy after temperature: one temperature per run, "
            "fitted on a fifth of a held-out set that is then left out. Seeds that other methods "
            "have and this one lacks are named under without."
        ),
        columns=(
            Column("task", "task"),
            Column("fraction", "fraction"),
            Column("method", "method"),
            Column("set", "set"),
            Column("loss", "loss"),
            Column("empirical", "empirical", "number"),
            Column("generalization", "generalization", "number"),
            Column("gap", "gap", "signed"),
            Column("gap_sd", "sd", "number"),
            Column("gap", "95 % interval", "interval"),
            Column("seeds", "seeds"),
            Column("without", "without"),
        ),
        frame=pd.DataFrame(rows),
    )


def metric_table(evidence: Evidence) -> Table:
    """The task's own metric on every set, beside the majority class."""
    rows: list[dict[str, Any]] = []
    for key, group in grouped(evidence.metrics, [*GROUP, "set", "metric"]):
        task, fraction, label, condition, name, metric = key
        summary = summarise_seeds(group["metric_value"].to_numpy())
        low, high = summary.interval or (None, None)
        rows.append(
            {
                "task": task,
                "fraction": fraction,
                "method": label,
                "set": name,
                "metric": metric,
                "value": summary.mean,
                "value_sd": summary.sd,
                "value_low": low,
                "value_high": high,
                "majority": group["majority"].mean(),
                "examples": group["examples"].mean(),
                "seeds": seeds_text(group["seed"].tolist()),
                "without": evidence.without(
                    task, fraction, group["method"].iloc[0], group["seed"].tolist()
                ),
                "n": summary.n,
                "condition": condition,
                "runs": " ".join(group["run"]),
            }
        )
    return Table(
        name="metrics",
        title="Metrics: the tasks' own, beside the majority class",
        caption=(
            "Means over seeds with Student's t interval; majority is the same metric of the most "
            "frequent class of the training subset."
        ),
        columns=(
            Column("task", "task"),
            Column("fraction", "fraction"),
            Column("method", "method"),
            Column("set", "set"),
            Column("metric", "metric"),
            Column("value", "mean", "number"),
            Column("value_sd", "sd", "number"),
            Column("value", "95 % interval", "range"),
            Column("majority", "majority", "number"),
            Column("examples", "examples", "count"),
            Column("seeds", "seeds"),
            Column("without", "without"),
        ),
        frame=pd.DataFrame(rows),
    )


def run_table(evidence: Evidence) -> Table:
    """Every run of the store, with its state."""
    frame = evidence.runs.copy()
    folders = {entry.id: entry.name for entry in evidence.entries}
    frame["folder"] = frame["run"].map(folders)
    frame["runs"] = frame["run"]
    return Table(
        name="runs",
        title="Runs: all of them, finished or not",
        caption=(
            "Runs that are not finished are in no mean. Means are over seeds of one condition: the "
            "same data, specification and versions."
        ),
        columns=(
            Column("run", "run"),
            Column("task", "task"),
            Column("fraction", "fraction"),
            Column("seed", "seed"),
            Column("label", "method"),
            Column("state", "state"),
            Column("reason", "reason"),
            Column("data", "data"),
            Column("versions", "versions"),
        ),
        frame=in_order(frame),
    )
