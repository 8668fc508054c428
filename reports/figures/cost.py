"""Risk against latency: what a smaller network loses, and the time that it saves."""

import pandas as pd

from reports.evidence.evidence import TRAINING_LAW, Evidence
from reports.figures.drawing import (
    Drawing,
    drawing_of,
    legend,
    method_styles,
    panels_of,
    unformatted,
)
from reports.tables.table import percent

PRECISION = "fp32"


def risk_against_latency(evidence: Evidence) -> Drawing | None:
    """Draw the mean risk of every condition at the latency of its networks' shape.

    None where `mixkd cost` was not run on the store.
    """
    if isinstance(evidence.costs, str):
        return None
    rows = evidence.costs.rows
    latency = {
        (int(row["layers"]), int(row["parameters"])): float(row["latency_ms"])
        for row in rows[rows["precision"] == PRECISION].to_dict("records")
    }
    shapes = {
        entry.id: (entry.finished.summary["layers"], entry.finished.summary["parameters"])
        for entry in evidence.entries
        if entry.record is not None
    }
    gaps = evidence.gaps
    gaps = gaps[gaps["loss"].isin(["zero_one_error", "squared_error"])]
    law = gaps[gaps["set"].isin(TRAINING_LAW)]
    gaps = (gaps if law.empty else law).copy()
    gaps["latency"] = [latency.get(shapes.get(run, (0, 0))) for run in gaps["run"]]
    gaps = gaps.dropna(subset=["latency"])
    if gaps.empty:
        return None
    panels = panels_of(gaps, ["task", "fraction", "set"])
    drawing, grid = drawing_of(
        "cost",
        "Risk against latency",
        f"Mean risk over seeds against the latency of one text ({PRECISION}, median, on "
        f"{evidence.costs.about['device']}). Further left is faster, further down is better.",
        len(panels),
    )
    styles = method_styles(gaps["method"])
    for axes, ((task, fraction, name), group) in zip(grid, panels, strict=True):
        for row in _means(group).to_dict("records"):
            note = (
                f"{row['label']}: risk {row['risk']:.4f} on {name}, {row['latency']:.2f} ms a text"
            )
            axes.plot(
                [row["latency"]],
                [row["risk"]],
                gid=drawing.note(note, str(row["runs"]).split()),
                **(styles[row["method"]] | {"linestyle": ""}),
            )
        axes.set(
            xlabel="latency of a text (ms)",
            ylabel=f"risk on {name}",
            title=unformatted(f"{task} ({percent(fraction)})"),
        )
        axes.set_xlim(0, 1.08 * float(group["latency"].max()))
    legend(drawing.figure, {name: style | {"linestyle": ""} for name, style in styles.items()})
    return drawing


def _means(group: pd.DataFrame) -> pd.DataFrame:
    """Return a row per condition and shape: its label, mean risk, latency and runs."""
    return (
        group.groupby(["condition", "label", "method", "latency"], sort=False)
        .agg(risk=("generalization", "mean"), runs=("run", " ".join))
        .reset_index()
    )
