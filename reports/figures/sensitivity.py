"""The task's metric as one setting of MixKD changes and the others stay."""

from collections.abc import Sequence
from typing import Any

import matplotlib as mpl
from matplotlib.axes import Axes

from reports.evidence.evidence import Evidence
from reports.evidence.frames import grouped
from reports.figures.drawing import (
    FEWEST_FOR_INTERVAL,
    Drawing,
    drawing_of,
    panels_of,
    seed_dots,
    unformatted,
)
from reports.figures.style import COLOURS, GREY
from reports.statistics.limits import limited, metric_limits
from reports.statistics.seeds import summarise_seeds
from reports.tables.sweeps import sweep_frame
from reports.tables.table import percent

# Settings that span so many times the smallest are told apart on a logarithmic axis only.
WIDE = 4


def sensitivity(evidence: Evidence) -> Drawing | None:
    """Draw a panel for each weight or ratio that was swept."""
    frame = sweep_frame(evidence)
    if frame.empty:
        return None
    panels = panels_of(frame, ["task", "fraction", "setting", "field"])
    drawing, grid = drawing_of(
        "sensitivity",
        "Sensitivity to weights and mixup ratio",
        "The task's metric on its development sets as one setting of MixKD changes and the others "
        "stay; means over seeds with 95 % intervals, or the seeds where there are fewer than four. "
        "The square is the reference.",
        len(panels),
    )
    style: dict[str, Any] = {"color": COLOURS[0]}
    firsts: dict[tuple[Any, ...], Axes] = {}
    for axes, (key, group) in zip(grid, panels, strict=True):
        first = firsts.setdefault(key[:3], axes)
        if axes is not first:
            axes.sharey(first)  # what was swept around one reference is compared by eye
        metric = group["metric"].iloc[0]
        points = [
            (
                float(value),
                limited(summarise_seeds(at["value"].to_numpy()), metric_limits(metric)),
                at,
            )
            for (value,), at in grouped(group.sort_values("at"), ["at"])
        ]
        axes.plot(
            [at for at, _, _ in points], [s.mean for _, s, _ in points], color=GREY, linewidth=1
        )
        for at, summary, rows in points:
            text = f"{key[0]}, {percent(key[1])}: {key[3]} = {at:g}: {summary.mean:.4f}"
            if summary.interval is not None:
                text += f", 95 % interval {summary.interval[0]:.4f} to {summary.interval[1]:.4f}"
            if summary.n < FEWEST_FOR_INTERVAL:
                seed_dots(axes, False, rows["value"].tolist(), at, style)
            elif summary.interval is not None:
                axes.plot([at, at], list(summary.interval), linewidth=1.2, **style)
            axes.plot(
                [at], [summary.mean], "s" if rows["reference"].all() else "o", **style,
                gid=drawing.note(f"{text}, {summary.n} seeds", rows["run"]),
            )  # fmt: skip
        _swept_axis(axes, [at for at, _, _ in points])
        axes.set(
            xlabel=unformatted(key[3]),
            ylabel=unformatted(metric),
            title=unformatted(f"{key[0]} ({percent(key[1])})"),
        )
    return drawing


def _swept_axis(axes: Axes, values: Sequence[float]) -> None:
    """Make the axis logarithmic where the values span much, around zero linear, ticks at them."""
    positive = [value for value in values if value > 0]
    if not positive or max(positive) < WIDE * min(positive):
        return
    if min(values) > 0:
        axes.set_xscale("log")
    else:
        axes.set_xscale("symlog", linthresh=min(positive))
    axes.set_xticks(values, [f"{value:g}" for value in values])
    axes.xaxis.set_minor_locator(mpl.ticker.NullLocator())
