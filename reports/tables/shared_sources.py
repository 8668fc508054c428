"""The effect of examples that share a source: intervals by resampling sources, and leaks.

SST-2's examples are phrases of sentences. Two consequences can be measured, given which examples
share a source (`mixkd_core.data.source_groups`): the mean over examples varies more than
independent examples would make it, and a held-out phrase may be part of a sentence that was
trained on.
"""

from typing import Any

import pandas as pd

from reports.evidence.evidence import GROUP, LOSS_TITLES, Evidence, in_order
from reports.evidence.frames import grouped
from reports.tables.table import Column, Table, seeds_text


def shared_source_table(evidence: Evidence) -> Table:
    """Per condition: how much wider intervals are, and how much of a gap is a leak."""
    frame = evidence.measurements.sources
    rows: list[dict[str, Any]] = []
    if not frame.empty:
        known = [*GROUP, "method", "seed"]
        empirical = evidence.gaps[["run", "set", "loss", "empirical", "gap"]]
        frame = frame.merge(evidence.runs[["run", *known]], on="run")
        frame = in_order(frame.merge(empirical, on=["run", "set", "loss"]))
        for key, group in grouped(frame, [*GROUP, "set", "loss"]):
            task, fraction, label, condition, held_out, loss = key
            unseen_gap = group["unseen_risk"] - group["empirical"]
            rows.append(
                {
                    "task": task,
                    "fraction": fraction,
                    "method": label,
                    "set": held_out,
                    "loss": LOSS_TITLES[loss],
                    "examples": group["examples"].mean(),
                    "groups": group["groups"].mean(),
                    "error": group["error"].mean(),
                    "grouped_error": group["grouped_error"].mean(),
                    "ratio": (group["grouped_error"] / group["error"]).mean(),
                    "seen_share": (group["seen_examples"] / group["examples"]).mean(),
                    "gap": group["gap"].mean(),
                    "unseen_gap": unseen_gap.mean(),
                    "seeds": seeds_text(group["seed"].tolist()),
                    "condition": condition,
                    "runs": " ".join(dict.fromkeys(group["run"])),
                }
            )
    return Table(
        name="shared-sources",
        title="Independence: what sharing a source changes",
        caption=(
            "Examples that share a sentence form a group; on SST-2 a phrase belongs to the longest "
            "text that contains it. Standard error of the mean loss over the set, as if examples "
            "were independent and when whole groups are resampled; a ratio above 1 is how much "
            "wider an interval that takes examples for independent should be. Seen: share of the "
            "set's examples whose group is also in the training subset, and the gap on the others "
            "alone. Means over seeds."
        ),
        columns=(
            Column("task", "task"),
            Column("fraction", "fraction", "share"),
            Column("method", "method", role="key"),
            Column("set", "set"),
            Column("loss", "loss"),
            Column("examples", "examples", "count", role="detail"),
            Column("groups", "groups", "count", role="detail"),
            Column("error", "error, independent", "number", 4),
            Column("grouped_error", "error, by groups", "number", 4),
            Column("ratio", "ratio", "number", 2),
            Column("seen_share", "seen", "number", 2),
            Column("gap", "gap", "signed"),
            Column("unseen_gap", "gap, unseen groups", "signed"),
            Column("seeds", "seeds", role="detail"),
        ),
        frame=pd.DataFrame(rows),
        empty="No run was measured on examples that share sources: the embedded laws draw each "
        "example anew.",
    )
