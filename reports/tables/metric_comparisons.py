"""The tasks' own metrics, method against baseline, and how many seeds such a comparison needs."""

from functools import lru_cache
from typing import Any

import pandas as pd

from reports.evidence.evidence import Evidence, in_order
from reports.evidence.frames import rows_by_seed
from reports.statistics.limits import difference_limits, metric_limits
from reports.statistics.power import POWER, paired_power, seeds_needed
from reports.statistics.seeds import LEVEL, paired_difference
from reports.tables.comparisons import (
    BySeed,
    compared_pairs,
    corrected,
    difference_cells,
    runs_of,
    values_of,
)
from reports.tables.table import Column, Table, seeds_text

# Differences that a reader would care about: a point of the metric, and half of one.
POINT, HALF_POINT = 0.01, 0.005


@lru_cache(maxsize=1)  # wanted by several parts of one report
def metric_comparison_table(evidence: Evidence) -> Table:
    """Paired differences of the metric with their tests, and the power of these."""
    held_out = evidence.metrics[evidence.metrics["set"] != "train"]
    values = rows_by_seed(held_out, ["condition", "set"])
    sets = list(dict.fromkeys(held_out["set"]))
    rows: list[dict[str, Any]] = []
    for names, one, other in compared_pairs(evidence):
        for held_out_set in sets:
            mine, theirs = (values.get((condition, held_out_set)) for condition in (one, other))
            row = None if mine is None or theirs is None else _compared(mine, theirs)
            if row is not None:
                rows.append(names | {"set": held_out_set} | row)
    frame = pd.DataFrame(rows)
    if rows:
        frame = in_order(corrected(frame, ["baseline", "set"]).sort_index())
        frame = pd.DataFrame([row | _power(row) for row in frame.to_dict("records")])
    return Table(
        name="metric_comparisons",
        title="Metrics compared: paired differences, and the seeds that they need",
        caption=(
            "Method minus baseline (KD, fine-tuning, and for a variant its own method) over the "
            "seeds that both have, in units of the metric (0.01 is one point). p: exact "
            "sign-flip test, two-sided. Holm: corrected for the family of all methods, tasks and "
            "fractions with one baseline (own methods are one) and set. Seeds needed: with that "
            "many, "
            f"a true difference of one point or of half a point is found with power {POWER:g}, if "
            "its standard deviation over seeds is the one seen here (an estimate: from few seeds a "
            f"rough one), by the paired t test at {1 - LEVEL:.2g} divided by the size of the "
            "family (Holm's first step), and never fewer than the sign-flip test can reject with. "
            "Power: that of finding one point with the seeds at hand."
        ),
        columns=(
            Column("task", "task"),
            Column("fraction", "fraction", "share"),
            Column("method", "method", role="key"),
            Column("against", "against"),
            Column("set", "set"),
            Column("metric", "metric"),
            Column("difference", "difference", "signed", 4),
            Column("difference", "95 % interval", "interval", 4),
            Column("difference_sd", "sd", "number", 4, role="detail"),
            Column("p_value", "p", "p", role="detail"),
            Column("p_holm", "p (Holm)", "p"),
            Column("seeds", "seeds", role="detail"),
            Column("needed_point", "seeds needed, 1 point", "count"),
            Column("needed_half_point", "seeds needed, ½ point", "count", role="detail"),
            Column("power_point", "power, 1 point", "number", 2, role="detail"),
        ),
        frame=frame,
        empty=(
            "No two methods of one setting share a seed: compare methods by running them from the "
            "same seeds."
        ),
    )


def _compared(first: BySeed, second: BySeed) -> dict[str, Any] | None:
    paired = paired_difference(values_of(first, "metric_value"), values_of(second, "metric_value"))
    if paired is None:
        return None
    metric = next(iter(first.values()))["metric"]
    return {
        "metric": metric,
        "n": paired.difference.n,
        **difference_cells(paired, difference_limits(metric_limits(metric))),
        "seeds": seeds_text(paired.seeds),
        "runs": runs_of(paired.seeds, first, second),
    }


def _power(row: dict[Any, Any]) -> dict[str, float | None]:
    """At Holm's first step, the hardest; None for a single seed, which has no spread."""
    sd = row["difference_sd"]
    if pd.isna(sd):
        return {"needed_point": None, "needed_half_point": None, "power_point": None}
    alpha = (1 - LEVEL) / row["family_size"]
    return {
        "needed_point": float(seeds_needed(POINT, sd, alpha)),
        "needed_half_point": float(seeds_needed(HALF_POINT, sd, alpha)),
        "power_point": paired_power(POINT, sd, row["n"], alpha),
    }
