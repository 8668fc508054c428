"""Training curves: the term that every method minimises."""

import pandas as pd

from mixkd_core.errors import InputError
from mixkd_core.records.run_folder import read_history
from reports.evidence.evidence import Evidence
from reports.figures.drawing import (
    Drawing,
    direct_labels,
    drawing_of,
    labels_in_order,
    method_styles,
    panels_of,
    unformatted,
)
from reports.figures.levels import called_by_method, panel_name, with_network
from reports.tables.sweeps import drawn_representatives
from reports.tables.table import percent, seeds_text


def training_curves(evidence: Evidence) -> Drawing | None:
    """Draw cross-entropy on originals against epochs, each curve named at its end."""
    finished = evidence.runs[evidence.runs["state"] == "finished"]
    drawn = set(drawn_representatives(evidence, finished)["run"])
    rows = []
    for entry in evidence.entries:
        if entry.id not in drawn:
            continue
        try:
            history = read_history(entry.finished)
        except InputError:
            continue  # the curve is damaged, the results are not: there is nothing to draw
        rows += [
            {"run": entry.id, "epoch": step["epoch"], "value": step.get("loss_mle", step["loss"])}
            for step in history
            if "epoch" in step and "loss" in step
        ]
    if not rows:
        return None
    known = ["run", "task", "fraction", "method", "label", "condition", "seed"]
    curves = pd.DataFrame(rows).merge(evidence.runs[known], on="run")
    curves = with_network(evidence, curves)
    panels = [
        (panel_name(evidence, key[0], group, curves), key[1], called_by_method(group))
        for key, group in panels_of(curves, ["task", "fraction", "encoder"])
    ]
    drawing, grid = drawing_of(
        "curves",
        "Training curves",
        "Cross-entropy (squared error) on original examples in training mode, mean over seeds, as "
        "logged. Objectives with further terms do not minimise this one alone. Variants as above.",
        len(panels),
    )
    styles = method_styles([label for *_, group in panels for label in group["label"]])
    for axes, (name, fraction, group) in zip(grid, panels, strict=True):
        ends: dict[str, tuple[float, str]] = {}
        for label in labels_in_order(group["label"]):
            lines = group[group["label"] == label]
            mean = lines.groupby("epoch")["value"].mean()
            style = styles[label] | {"marker": ""}
            seeds = seeds_text(lines["seed"].tolist())
            text = f"{label}: ends at {mean.iloc[-1]:.4f} nats (seeds {seeds})"
            axes.plot(mean.index, mean.to_numpy(), gid=drawing.note(text, lines["run"]), **style)
            ends[label] = float(mean.iloc[-1]), style["color"]
        axes.set(
            xlabel="epoch", ylabel="cross-entropy (nats)",
            title=unformatted(f"{name} ({percent(fraction)})"),
        )  # fmt: skip
        axes.set_ylim(bottom=0)
        direct_labels(axes, ends)
    return drawing
