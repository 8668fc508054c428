"""Predictions that flip where the label stays, and that stay where it changes, by method."""

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator

from reports.evidence.consistency import CONSISTENCY_MEASURES
from reports.evidence.evidence import Evidence
from reports.evidence.frames import grouped
from reports.figures.drawing import (
    FEWEST_FOR_INTERVAL,
    Drawing,
    drawing_of,
    labels_in_order,
    legend,
    method_styles,
    panels_of,
    seed_dots,
    unformatted,
)
from reports.statistics.limits import limited
from reports.statistics.seeds import summarise_seeds
from reports.tables.consistency import consistency_frame, together
from reports.tables.sweeps import drawn_representatives
from reports.tables.table import percent, seeds_text

ROW = 0.15  # inches of a method's row
GAP = 1.5  # rows between two sources

DRAWN = ("flip", "unchanged")


def consistency(evidence: Evidence) -> Drawing | None:
    """Draw a panel a task and fraction: sources of altered texts under each other, a dot a method.

    None where nothing was measured.
    """
    frame = together(consistency_frame(evidence))
    frame = frame[frame["measure"].isin(DRAWN)]
    if frame.empty:
        return None
    drawn = drawn_representatives(evidence, frame.drop_duplicates("run").drop(columns="kind"))
    frame = frame[frame["run"].isin(drawn["run"])].sort_values(["source", "kind"], kind="stable")
    panels = panels_of(frame, ["task", "fraction"])
    most = max(_rows(group) for _, group in panels)
    drawing, grid = drawing_of(
        "consistency",
        "Consistency on altered texts",
        "Share of predictions that flip where the label stays (same label, swapped order, attack), "
        "and that stay unchanged where it changes: further left is better in every row. Means over "
        "seeds; bars are 95 % intervals, small dots the seeds where there are fewer than four. A "
        "constant answer never flips: the rows of changed labels and the accuracies in the table "
        "belong to it.",
        len(panels),
        height=max(2.3, ROW * most + 0.9),
    )
    styles = method_styles(frame["label"])
    for axes, ((task, fraction), group) in zip(grid, panels, strict=True):
        places = {}
        row = 0.0
        for (source, kind, measure), of_source in grouped(group, ["source", "kind", "measure"]):
            labels = labels_in_order(of_source["label"])
            for label in labels:
                at = of_source[of_source["label"] == label]
                summary = limited(summarise_seeds(at["value"].to_numpy(dtype=float)), (0.0, 1.0))
                style = styles[label] | {"linestyle": ""}
                if summary.n < FEWEST_FOR_INTERVAL:
                    seed_dots(axes, True, at["value"].tolist(), -row, style)
                elif summary.interval is not None:
                    axes.plot(
                        list(summary.interval), [-row] * 2, color=style["color"], linewidth=1.4
                    )
                text = (
                    f"{label}, {percent(float(fraction))} of {task}, {source} ({kind}): "
                    f"{CONSISTENCY_MEASURES[measure]} {summary.mean:.4f}, seeds "
                    f"{seeds_text(at['seed'].tolist())}"
                )
                axes.plot(
                    [summary.mean], [-row], gid=drawing.note(text, at["run"]), zorder=3,
                    markeredgecolor="white", markeredgewidth=0.5, **style,
                )  # fmt: skip
                row += 1
            places[f"{source}\n{kind}"] = -(row - 1 - (len(labels) - 1) / 2)
            row += GAP
        _finish(axes, places, row)
        axes.set_title(unformatted(f"{task} ({percent(float(fraction))})"))
    legend(drawing.figure, {name: style | {"linestyle": ""} for name, style in styles.items()})
    return drawing


def _rows(group: pd.DataFrame) -> float:
    """Rows of a panel: a method's each, and the gaps between sources."""
    sources = group.groupby(["source", "kind", "measure"])["label"].nunique()
    return float(sources.sum() + GAP * len(sources))


def _finish(axes: Axes, places: dict[str, float], rows: float) -> None:
    """Name the sources at the left, and begin the axis at no flip."""
    axes.set_yticks(list(places.values()), [unformatted(name) for name in places])
    axes.set_ylim(GAP - rows, 1)
    axes.grid(visible=False, axis="y")
    axes.set_xlim(0, None)
    axes.xaxis.set_major_locator(MaxNLocator(5))
    axes.set_xlabel("predictions that flip / stay")
