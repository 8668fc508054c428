"""Every run's empirical and generalization risk, with lines of equal gap."""

import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator

from reports.evidence.evidence import TRAINING_LAW, Evidence
from reports.evidence.frames import grouped
from reports.figures.drawing import (
    Drawing,
    drawing_of,
    legend,
    method_styles,
    panels_of,
    unformatted,
)
from reports.figures.style import GREY
from reports.tables.table import percent


def risk_scatter(evidence: Evidence) -> Drawing | None:
    """Draw the risks on axes of their own, so that no cloud is crammed into a corner."""
    gaps = evidence.gaps
    gaps = gaps[(gaps["loss"] == "zero_one_error") & gaps["set"].isin(TRAINING_LAW)]
    if gaps.empty:
        return None
    panels = panels_of(gaps, ["task", "fraction"])
    drawing, grid = drawing_of(
        "risks",
        "Empirical against generalization risk",
        "One point a run, 0-1 error. Along a grey line the gap is the same; the axes have scales "
        "of their own. Methods of one seed are trained on the same examples; variants of a method "
        "look alike.",
        len(panels),
        height=3.0,
    )
    styles = method_styles(gaps["method"])
    for axes, (key, group) in zip(grid, panels, strict=True):
        for (method,), own in grouped(group, ["method"]):
            style = styles[method] | {"linestyle": ""}
            for row in own.to_dict("records"):
                text = (
                    f"{row['label']}, {percent(row['fraction'])} of {row['task']}, seed "
                    f"{row['seed']}: empirical {row['empirical']:.4f}, {row['set']} "
                    f"{row['generalization']:.4f}, gap {row['gap']:+.4f} (run {row['run']})"
                )
                axes.plot(
                    [row["empirical"]], [row["generalization"]],
                    gid=drawing.note(text, [row["run"]]), alpha=0.85,
                    markeredgecolor="white", markeredgewidth=0.5, **style,
                )  # fmt: skip
        _within_what_can_be(axes)
        _equal_gaps(axes)
        axes.set(
            xlabel="empirical risk (0-1 error)",
            ylabel="generalization risk (0-1 error)",
            title=unformatted(f"{key[0]} ({percent(key[1])})"),
        )
    legend(drawing.figure, {name: style | {"linestyle": ""} for name, style in styles.items()})
    return drawing


def _within_what_can_be(axes: Axes) -> None:
    """Leave some room around the points, beyond 0 no more than a mark needs."""
    for get, put in ((axes.get_xlim, axes.set_xlim), (axes.get_ylim, axes.set_ylim)):
        low, high = get()
        room = 0.06 * (high - low) + 1e-3
        put(max(low - room, -room), min(high + room, 1 + room))
    axes.xaxis.set_major_locator(MaxNLocator(5))
    axes.yaxis.set_major_locator(MaxNLocator(5))


def _equal_gaps(axes: Axes) -> None:
    """Draw lines of equal gap through the panel, each named at its upper end."""
    (left, right), (low, high) = axes.get_xlim(), axes.get_ylim()
    ticks = MaxNLocator(4, steps=[1, 2, 5, 10]).tick_values(low - right, high - left)
    for gap in ticks:
        ends = np.array([max(left, low - gap), min(right, high - gap)])
        if ends[1] <= ends[0]:
            continue
        axes.plot(ends, ends + gap, color=GREY, linewidth=0.6, alpha=0.6, zorder=1)
        inside = (ends[1] - left) / (right - left)
        if 0.12 < inside < 0.97 or ends[1] == right:
            axes.annotate(
                f"gap {gap:.2g}", (ends[1], ends[1] + gap), xytext=(-2, -2),
                textcoords="offset points", ha="right", va="top", fontsize=7, color=GREY,
                annotation_clip=True,
            )  # fmt: skip
    axes.set(xlim=(left, right), ylim=(low, high))
