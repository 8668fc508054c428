"""The latent spaces of a store in numbers: by method and seed, and against fine-tuning."""

from typing import Any

import pandas as pd

from reports.evidence.encodings import LATENT_MEASURES
from reports.evidence.evidence import GROUP, Evidence, in_order
from reports.evidence.frames import grouped
from reports.statistics.seeds import summarise_seeds
from reports.tables.comparisons import corrected, differences_from
from reports.tables.table import Column, Table, interval_cells, seeds_text

BASELINE = "ft"


def latent_frame(evidence: Evidence) -> pd.DataFrame:
    """A row per run that stores encodings × measure.

    Columns: `run, measure, value, task, fraction, seed, method, label, condition, setting`.
    """
    known = ["run", "task", "fraction", "seed", "method", "label", "condition", "setting"]
    return in_order(evidence.measurements.latent.merge(evidence.runs[known], on="run"))


def latent_space_table(evidence: Evidence) -> Table:
    """Mean, standard deviation and interval of every measure, and the difference from `ft`."""
    frame = latent_frame(evidence)
    differences = differences_from(BASELINE, frame, ["measure"])
    teachers = _teachers(evidence, frame)
    rows: list[dict[str, Any]] = []
    for measure, title in LATENT_MEASURES.items():
        of_measure = frame[frame["measure"] == measure]
        for key, group in grouped(of_measure, GROUP) if len(of_measure) else ():
            task, fraction, label, condition = key
            summary = summarise_seeds(group["value"].to_numpy())
            seeds = group["seed"].tolist()
            rows.append(
                {
                    "task": task,
                    "fraction": fraction,
                    "measure": title,
                    "method": label,
                    "value": summary.mean,
                    "value_sd": summary.sd,
                    **interval_cells("value", summary.interval),
                    "teacher": teachers.reindex([(run, measure) for run in group["run"]]).mean(),
                    "seeds": seeds_text(seeds),
                    "without": evidence.without(task, fraction, group["method"].iloc[0], seeds),
                    "n": summary.n,
                    "condition": condition,
                    **differences.get((condition, measure), {}),
                    "runs": " ".join(group["run"]),
                }
            )
    table = pd.DataFrame(rows)
    if rows:
        table = corrected(table.reindex(columns=_COLUMNS), ["task", "fraction"]).sort_index()
    return Table(
        name="latent",
        title="Latent space: training points and their mixup neighbours",
        caption=(
            "Of the last layer's states at the first position, which the classifier reads; the "
            "same points and mixtures (at the embeddings, seven values of λ between each pair) for "
            "every method of a seed. Silhouette: -1 to 1, higher is better separated. Alignment "
            "and uniformity: on the unit sphere, lower is closer and more evenly spread. Distance "
            "of mixtures to the points: to the nearest one, over that of a point to its nearest "
            "other; to the nearer parent: over the distance of the parents (0.286 on a straight "
            "line). Nonlinearity: root mean square deviation from the straight line between the "
            "parents, over their distance; 0 is linear. Means over seeds, beside the mean of these "
            "students' teachers, on the same points and mixtures; minus ft: over the seeds "
            "that both have, exact sign-flip test, Holm-corrected over all measures and methods of "
            "one task and fraction."
        ),
        columns=(
            Column("task", "task"),
            Column("fraction", "fraction", "share"),
            Column("measure", "measure"),
            Column("method", "method", role="key"),
            Column("value", "mean", "number"),
            Column("value_sd", "sd", "number", role="detail"),
            Column("value", "95 % interval", "range"),
            Column("teacher", "its teacher", "number"),
            Column("difference", "minus ft", "signed"),
            Column("difference", "95 % interval of it", "interval"),
            Column("p_value", "p", "p", role="detail"),
            Column("p_holm", "p (Holm)", "p"),
            Column("seeds", "seeds", role="detail"),
            Column("without", "without", role="detail"),
        ),
        frame=table,
        empty="No run stores encodings; those of the study latent-space do.",
    )


def _teachers(evidence: Evidence, frame: pd.DataFrame) -> "pd.Series[float]":
    """By student and measure the value of its teacher, where that is encoded too."""
    known = frame.set_index(["run", "measure"])["value"].astype(float)
    of = frame[["run", "measure"]].assign(
        teacher=[
            evidence.specs[run].teacher_spec.id if run in evidence.students else ""
            for run in frame["run"]
        ]
    )
    values = known.reindex(pd.MultiIndex.from_frame(of[["teacher", "measure"]])).to_numpy()
    index = pd.MultiIndex.from_frame(of[["run", "measure"]])
    return pd.Series(values, index=index, dtype=float)


_COLUMNS = [
    "task", "fraction", "measure", "method", "value", "value_sd", "value_low", "value_high",
    "teacher", "difference", "difference_sd", "difference_low", "difference_high", "p_value",
    "seeds", "without", "n", "condition", "runs",
]  # fmt: skip
