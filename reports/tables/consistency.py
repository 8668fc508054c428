"""Consistency on altered texts: by method, teachers beside students, and against baselines."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from mixkd_core.data.relations.relation import AGREEING
from reports.evidence.consistency import (
    ALL,
    CONSISTENCY_MEASURES,
    LOWER_IS_BETTER,
    stored_estimate,
)
from reports.evidence.evidence import Evidence, in_order
from reports.evidence.frames import grouped, on_common_sets
from reports.statistics.crossed import PairedExamples, crossed_interval
from reports.statistics.seeds import paired_difference, summarise_seeds
from reports.tables.comparisons import BASELINES, condition_pairs, corrected, difference_cells
from reports.tables.table import Column, Table, interval_cells, seeds_text

_NOT_MEASURED = "Not measured: run mixkd consistency on this folder."

# What a kind of altered text is judged by first.
_FIRST = {**dict.fromkeys(AGREEING, "flip"), "changed label": "unchanged",
          "labelled": "accuracy_after"}  # fmt: skip

_SHOWN = ("flip", "flip_right", "worst_flip", "group_flip", "unchanged", "unchanged_right",
          "divergence", "accuracy_before", "accuracy_after")  # fmt: skip


def consistency_frame(evidence: Evidence) -> pd.DataFrame:
    """Return a row per run that was measured × source × kind × alteration × measure.

    Columns: those of `reports.evidence.consistency.COLUMNS`, and `task, fraction, seed, method,
    label, condition, setting`.
    """
    known = ["run", "task", "fraction", "seed", "method", "label", "condition", "setting"]
    return in_order(evidence.consistency.numbers.merge(evidence.runs[known], on="run"))


def together(frame: pd.DataFrame) -> pd.DataFrame:
    """Return the rows about all alterations of a source and kind together."""
    return frame[frame["alteration"] == ALL]


def of_measure(frame: pd.DataFrame, measure: str) -> pd.DataFrame:
    """Return what a claim asks of a measure: a row per run and `set`, a source and kind.

    Only sets that all runs of a setting were measured on. Divergence and accuracy are asked where
    the label stays; where it changes, more of the former is no fault.
    """
    frame = together(frame)
    frame = frame[frame["measure"] == measure]
    if measure not in ("unchanged", "unchanged_right"):
        frame = frame[frame["kind"].isin(AGREEING)]
    return on_common_sets(frame.assign(set=frame["source"] + " (" + frame["kind"] + ")"))


def consistency_table(evidence: Evidence) -> Table:
    """Tabulate every measure: a row per source, kind and method, means over seeds."""
    frame = together(consistency_frame(evidence))
    rows: list[dict[str, Any]] = []
    keys = ["task", "fraction", "source", "kind", "label", "condition"]
    for key, group in grouped(frame, keys) if len(frame) else ():
        task, fraction, source, kind, label, condition = key
        first = group[group["measure"] == _FIRST[kind]]
        summary = summarise_seeds(first["value"].to_numpy(dtype=float))
        means = group.groupby("measure")["value"].mean()
        rows.append(
            {
                "task": task,
                "fraction": fraction,
                "source": source,
                "kind": kind,
                "method": label,
                "texts": int(first["texts"].max()),
                "originals": int(first["groups"].max()),
                **{name: means.get(name) for name in CONSISTENCY_MEASURES},
                "first_sd": summary.sd,
                **interval_cells("first", summary.interval),
                "seeds": seeds_text(first["seed"].tolist()),
                "n": summary.n,
                "digest": first["digest"].iloc[0],
                "condition": condition,
                "runs": " ".join(dict.fromkeys(group["run"])),
            }
        )
    return Table(
        name="consistency",
        title="Consistency: predictions on altered texts",
        caption=(
            "Means over seeds, of teachers too. Same label (paraphrases, typos, other names) and "
            "swapped order: predictions that flip should be few. Changed label (negations, "
            "antonyms): predictions that stay unchanged should be few. Labelled: texts without a "
            "partner, of which only the accuracy can be asked. Original right: among originals "
            "that are predicted right. Any form: originals of which an altered form is predicted "
            "otherwise. Worst: the alteration with the highest rate, of 20 texts at least. "
            "Divergence: Jensen–Shannon, of the two predictions, in bits (0 equal, 1 nothing in "
            "common). Alterations of a source weigh the same. The interval is that of the kind's "
            "first measure over seeds (flips, unchanged, accuracy). A constant answer never flips: "
            "read flips beside accuracy and unchanged predictions."
        ),
        columns=(
            Column("task", "task"),
            Column("fraction", "fraction", "share"),
            Column("source", "source"),
            Column("kind", "kind"),
            Column("method", "method"),
            Column("texts", "texts", "count"),
            Column("flip", "flips", "number"),
            Column("unchanged", "unchanged", "number"),
            Column("first", "95 % interval", "range"),
            Column("flip_right", "flips, original right", "number"),
            Column("unchanged_right", "unchanged, original right", "number"),
            Column("group_flip", "flips, any form", "number"),
            Column("worst_flip", "flips, worst", "number"),
            Column("divergence", "divergence", "number"),
            Column("accuracy_before", "accuracy before", "number"),
            Column("accuracy_after", "accuracy after", "number"),
            Column("seeds", "seeds"),
        ),
        frame=pd.DataFrame(rows),
        empty=_NOT_MEASURED,
    )


def consistency_comparison_table(evidence: Evidence) -> Table:
    """Tabulate paired differences from KD and fine-tuning, over seeds and over originals."""
    frame = together(consistency_frame(evidence))
    values = {
        key: {int(row["seed"]): row for row in group.to_dict("records")}
        for key, group in (
            grouped(frame, ["condition", "source", "kind", "measure"]) if len(frame) else ()
        )
    }
    cells = list(dict.fromkeys(key[1:] for key in values))
    rows: list[dict[str, Any]] = []
    for baseline in BASELINES:
        for first, second in condition_pairs(frame.drop_duplicates("run"), baseline):
            one, other = first.iloc[0], second.iloc[0]
            for source, kind, measure in cells:
                ours = values.get((one["condition"], source, kind, measure))
                theirs = values.get((other["condition"], source, kind, measure))
                if ours is None or theirs is None:
                    continue
                row = _compared(evidence, ours, theirs, kind, measure)
                if row is not None:
                    names = {
                        "task": one["task"],
                        "fraction": one["fraction"],
                        "source": source,
                        "kind": kind,
                        "measure": CONSISTENCY_MEASURES[measure],
                        "method": one["label"],
                        "against": other["label"],
                        "baseline": baseline,
                    }
                    rows.append(names | row)
    table = pd.DataFrame(rows)
    if rows:
        table = corrected(table, ["baseline", "measure"]).sort_index()
    return Table(
        name="consistency-comparisons",
        title="Consistency compared: paired differences from KD and fine-tuning",
        caption=(
            "Method minus baseline over the seeds that both have, on the same altered texts; for "
            "flips, unchanged predictions and divergence below zero is better. Over seeds: "
            "Student's interval, on these texts. Over originals too: the interval that also draws "
            "other originals (crossed random effects), for folders of runs; exported results do "
            "not keep what it needs. p: exact sign-flip test over seeds; Holm: corrected for all "
            "methods, tasks, fractions and sources with one baseline and measure. The verdicts on "
            "the paper's claim are in the ledger."
        ),
        columns=(
            Column("task", "task"),
            Column("fraction", "fraction", "share"),
            Column("source", "source"),
            Column("kind", "kind"),
            Column("measure", "measure"),
            Column("method", "method"),
            Column("against", "against"),
            Column("difference", "difference", "signed"),
            Column("difference", "over seeds", "interval"),
            Column("originals", "over originals too", "interval"),
            Column("p_value", "p", "p"),
            Column("p_holm", "p (Holm)", "p"),
            Column("seeds", "seeds"),
        ),
        frame=table,
        empty=_NOT_MEASURED if frame.empty else "No two methods of one setting share a seed.",
    )


def paired_texts(
    evidence: Evidence, runs: tuple[str, str], cells: list[tuple[str, str, str]], measure: str
) -> tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]] | None:
    """Return how each altered text moves the difference of two runs, and the text's original.

    Args:
        runs: the two that are compared.
        cells: source, digest and kind of what was measured; all weigh the same.
        measure: which.

    Returns:
        First minus second, summing to 0, and hashes of the originals, both of shape `(n,)`; None
        where the predictions are not at hand.
    """
    folders = evidence.consistency.folders
    moves, sources = [], []
    for source, digest, kind in cells:
        if any((run, source, digest) not in folders for run in runs):
            return None
        (one, groups), (other, _) = (
            stored_estimate(folders[run, source, digest], kind, measure) for run in runs
        )
        moves.append((one.influence - other.influence) / (len(cells) * len(groups)))
        names = np.array([f"{source} {group}" for group in groups], dtype=object)
        sources.append(pd.util.hash_array(names))
    return np.concatenate(moves), np.concatenate(sources)


def _compared(
    evidence: Evidence,
    first: Mapping[int, Mapping[Any, Any]],
    second: Mapping[int, Mapping[Any, Any]],
    kind: str,
    measure: str,
) -> dict[str, Any] | None:
    same = [
        seed for seed in first if seed in second and first[seed]["digest"] == second[seed]["digest"]
    ]
    paired = paired_difference(
        {seed: float(first[seed]["value"]) for seed in same},
        {seed: float(second[seed]["value"]) for seed in same},
    )
    if paired is None:
        return None
    pairs = []
    for seed in paired.seeds:
        one, other = first[seed], second[seed]
        cell = (one["source"], one["digest"], kind)
        moved = paired_texts(evidence, (one["run"], other["run"]), [cell], measure)
        if moved is not None:
            value = float(one["value"] - other["value"])
            pairs.append(PairedExamples(value + len(moved[0]) * moved[0], moved[1], value))
    interval = crossed_interval({"": pairs}) if len(pairs) == len(paired.seeds) else None
    return {
        "measure_name": measure,
        "better_below": measure in LOWER_IS_BETTER,
        **difference_cells(paired),
        **interval_cells("originals", interval),
        "seeds": seeds_text(paired.seeds),
        "n": paired.difference.n,
        "runs": " ".join([side[seed]["run"] for side in (first, second) for seed in paired.seeds]),
    }
