"""The control that needs no run: fine-tuning with one temperature fitted afterwards.

A method that learns from soft targets may have the lower cross-entropy for no better reason than
that it is less sure of itself. One number, fitted on examples that are then left out
(`reports.evidence.measurements`), does as much for fine-tuning; what a method gains
beyond that is more.
"""

from typing import Any

import pandas as pd

from reports.evidence.evidence import Evidence, in_order
from reports.evidence.frames import rows_by_seed
from reports.statistics.seeds import paired_difference
from reports.tables.comparisons import condition_pairs, corrected, values_of
from reports.tables.table import Column, Table, interval_cells, seeds_text

RAW, TEMPERED = "cross_entropy", "tempered_cross_entropy"


def temperature_control_table(evidence: Evidence) -> Table:
    """Every method's cross-entropy as it is, beside that of fine-tuning with a temperature."""
    finished = evidence.runs[evidence.runs["state"] == "finished"]
    values = {
        key: values_of(rows, "generalization")
        for key, rows in rows_by_seed(evidence.gaps, ["condition", "set", "loss"]).items()
    }
    sets = list(dict.fromkeys(evidence.gaps["set"]))
    rows: list[dict[str, Any]] = []
    for first, second in condition_pairs(finished, "ft"):
        one, other = first.iloc[0], second.iloc[0]
        for name in sets:
            theirs = values.get((one["condition"], name, RAW), {})
            control = values.get((other["condition"], name, TEMPERED), {})
            plain = values.get((other["condition"], name, RAW), {})
            paired = paired_difference(theirs, control)
            if paired is None:
                continue
            both = pd.concat([first, second])
            rows.append(
                {
                    "task": one["task"],
                    "fraction": one["fraction"],
                    "method": one["label"],
                    "set": name,
                    "value": _mean(theirs, paired.seeds),
                    "control": _mean(control, paired.seeds),
                    "plain": _mean(plain, paired.seeds),
                    "difference": paired.difference.mean,
                    **interval_cells("difference", paired.difference.interval),
                    "p_value": paired.p_value,
                    "seeds": seeds_text(paired.seeds),
                    "runs": " ".join(both.loc[both["seed"].isin(paired.seeds), "run"]),
                }
            )
    frame = pd.DataFrame(rows)
    if rows:
        frame = in_order(corrected(frame, ["set"]).sort_index())
    return Table(
        name="temperature_control",
        title="Calibration: every method against fine-tuning with a temperature",
        caption=(
            "Cross-entropy on held-out examples (nats), means over the seeds that both have. ft, "
            "tempered: fine-tuning after one temperature per run, fitted on a fifth of a held-out "
            "set that is then left out. Difference: method as it is, minus ft, tempered; below "
            "zero the method does more than a temperature does. p: exact sign-flip test, "
            "two-sided. Holm: corrected for the family of all methods, tasks and fractions on one "
            "set."
        ),
        columns=(
            Column("task", "task"),
            Column("fraction", "fraction", "share"),
            Column("method", "method", role="key"),
            Column("set", "set"),
            Column("value", "method as it is", "number"),
            Column("plain", "ft", "number"),
            Column("control", "ft, tempered", "number"),
            Column("difference", "difference", "signed"),
            Column("difference", "95 % interval", "interval"),
            Column("p_value", "p", "p", role="detail"),
            Column("p_holm", "p (Holm)", "p"),
            Column("seeds", "seeds", role="detail"),
        ),
        frame=frame,
        empty="No method shares a seed with fine-tuning on a set with enough examples to fit on.",
    )


def _mean(values: dict[int, float], seeds: tuple[int, ...]) -> float:
    return sum(values[seed] for seed in seeds) / len(seeds)
