"""Paired differences of the gap, a row a comparison."""

from collections.abc import Mapping
from textwrap import fill
from typing import Any

import pandas as pd
from matplotlib.ticker import MaxNLocator

from reports.evidence.evidence import TRAINING_LAW, Evidence
from reports.figures.drawing import (
    FEWEST_FOR_INTERVAL,
    Drawing,
    column_of,
    labels_in_order,
    method_styles,
    panels_of,
    seed_dots,
    shortened,
    unformatted,
)
from reports.figures.levels import on_one_set, panel_title
from reports.figures.style import GREY
from reports.tables.comparisons import comparison_table
from reports.tables.table import Column, percent

LABEL_WIDTH = 40  # characters of a row's label
LONGEST_LABEL = 120  # of one that is not cut
ROW_HEIGHT = 0.32  # inches, for two lines of a label


def forest(evidence: Evidence) -> Drawing | None:
    """Draw the differences of the gap in 0-1 error from KD (fine-tuning where KD is absent)."""
    frame = comparison_table(evidence).frame
    if frame.empty:
        return None
    frame = frame[
        frame["loss_name"].isin(["zero_one_error", "squared_error"])
        & frame["set"].isin(TRAINING_LAW)
    ]
    frame = frame[frame["baseline"] == ("kd" if (frame["baseline"] == "kd").any() else "ft")]
    if frame.empty:
        return None
    baseline = frame["baseline"].iloc[0]
    panels = [(key[0], _ordered(on_one_set(group))) for key, group in panels_of(frame, ["task"])]
    drawing, grid = column_of(
        "forest",
        f"Paired differences of the gap from {baseline}",
        "Method minus baseline over shared seeds, 0-1 error, with 95 % intervals, or the single "
        "seeds where there are fewer than four; left of zero the method's gap is smaller. Hollow "
        "marks are the held-out part alone, which says whether the risk itself fell.",
        [1.1 + ROW_HEIGHT * len(group) for _, group in panels],
    )
    styles = method_styles(evidence.runs["method"])
    method_of = dict(zip(evidence.runs["label"], evidence.runs["method"], strict=True))
    for axes, (task, group) in zip(grid, panels, strict=True):
        axes.axvline(0, color=GREY, linewidth=1)
        one = len(set(group["fraction"])) == 1
        names = [_name(row, one) for row in group.to_dict("records")]
        ticks = []
        for place, row in enumerate(group.to_dict("records")):
            style = styles[method_of[row["method"]]] | {"linestyle": ""}
            height = -float(place)
            if row["n"] < FEWEST_FOR_INTERVAL:
                seed_dots(axes, True, _single(evidence, row), height, style)
            elif not pd.isna(row["difference_low"]):
                ends = [row["difference_low"], row["difference_high"]]
                axes.plot(ends, [height, height], color=style["color"], linewidth=2, zorder=2)
            point = drawing.note(_note(row, task), row["runs"].split())
            axes.plot([row["difference"]], [height], gid=point, zorder=3, **style)
            hollow = style | {"markerfacecolor": "white", "markersize": 4.5}
            axes.plot([row["held_out_part"]], [height - 0.28], zorder=3, **hollow)
            control = names.count(names[place]) > 1 and row["against"] != baseline
            lines = [names[place], *([f"against {row['against']}"] if control else [])]
            ticks.append(
                "\n".join(
                    fill(unformatted(shortened(line, LONGEST_LABEL)), LABEL_WIDTH) for line in lines
                )
            )
        axes.set_yticks([-float(place) for place in range(len(ticks))], ticks)
        axes.set(xlabel="difference in gap (0-1 error)", title=panel_title(task, group, share=one))
        axes.set_ylim(-len(ticks) + 0.2, 0.7)
        axes.xaxis.set_major_locator(MaxNLocator(4))
        axes.grid(visible=False, axis="y")
    return drawing


def _ordered(group: pd.DataFrame) -> pd.DataFrame:
    """Rows in the order of methods, then by fraction."""
    places = {label: place for place, label in enumerate(labels_in_order(group["method"]))}
    keys = [group["method"].map(places), group["fraction"]]
    order = pd.concat(keys, axis=1).sort_values(["method", "fraction"], kind="stable").index
    return group.loc[order]


def _name(row: Mapping[Any, Any], one: bool) -> str:
    return row["method"] if one else f"{row['method']}, {percent(row['fraction'])}"


def _single(evidence: Evidence, row: Mapping[Any, Any]) -> list[float]:
    """Return the differences of single seeds; the runs of one side stand before the other's."""
    gaps = evidence.gaps
    gaps = gaps[(gaps["loss"] == row["loss_name"]) & (gaps["set"] == row["set"])].set_index("run")
    runs = row["runs"].split()
    first, second = (
        gaps.loc[half].set_index("seed")["gap"]
        for half in (runs[: len(runs) // 2], runs[len(runs) // 2 :])
    )
    return [float(value) for value in (first - second)]


def _note(row: Mapping[Any, Any], task: str) -> str:
    interval = Column("difference", "", "interval", 4).show(
        {str(name): value for name, value in row.items()}
    )
    return (
        f"{row['method']} minus {row['against']}, {percent(row['fraction'])} of {task} "
        f"({row['set']}): {row['difference']:+.4f}, 95 % interval {interval}, "
        f"held-out part {row['held_out_part']:+.4f}, seeds {row['seeds']}"
    )
