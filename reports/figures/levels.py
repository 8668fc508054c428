"""A number of every method: against the fraction where there are several, else a dot a method."""

from collections.abc import Sequence
from typing import Any

import matplotlib as mpl
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.ticker import FuncFormatter, MaxNLocator

from reports.evidence.evidence import TRAINING_LAW, Evidence
from reports.evidence.frames import encoder_name, grouped
from reports.figures.drawing import (
    FEWEST_FOR_INTERVAL,
    Drawing,
    direct_labels,
    drawing_of,
    labels_in_order,
    method_styles,
    panels_of,
    seed_dots,
    shortened,
    unformatted,
)
from reports.figures.style import GREY
from reports.statistics.limits import Limits, gap_limits, limited, metric_limits
from reports.statistics.seeds import Summary, summarise_seeds
from reports.tables.sweeps import drawn_representatives
from reports.tables.table import percent, seeds_text

DOT_ROW = 0.24  # inches of a method's row
TITLE_LINE = 32  # characters that a panel is wide enough for


def accuracy(evidence: Evidence) -> Drawing | None:
    """Draw each task's metric on its first development set."""
    metrics = evidence.metrics
    metrics = metrics[~metrics["set"].isin(["train", *TRAINING_LAW])]
    metrics = drawn_representatives(evidence, metrics)
    return levels(
        evidence,
        "accuracy",
        "The tasks' metrics",
        "Means over seeds on the development set named; bars are 95 % intervals, small dots are "
        "the seeds where there are fewer than four. A dashed grey line is the majority class, "
        "where it is near. "
        "Of several variants of a method at one depth that with most seeds is drawn, then the one "
        "that its study calls by the method alone, then that nearest to the defaults, trained as "
        "most are.",
        metrics.assign(
            value=metrics["metric_value"],
            what=metrics["metric"],
            low=[metric_limits(name)[0] for name in metrics["metric"]],
            high=[metric_limits(name)[1] for name in metrics["metric"]],
        ),
    )


def gap(evidence: Evidence) -> Drawing | None:
    """Draw the gap in 0-1 error (squared error) on a set of the training law."""
    gaps = evidence.gaps
    gaps = gaps[
        gaps["loss"].isin(["zero_one_error", "squared_error"]) & gaps["set"].isin(TRAINING_LAW)
    ]
    gaps = drawn_representatives(evidence, gaps)
    what = gaps["loss"].map({"zero_one_error": "gap in 0-1 error", "squared_error": "gap"})
    return levels(
        evidence,
        "gap",
        "The generalization gap",
        "Risk on a set of the training law (named; that which most fractions have) minus risk on "
        "the training subset, 0-1 error; means over seeds with 95 % intervals, or the seeds where "
        "there are fewer than four. Variants as above.",
        gaps.assign(
            value=gaps["gap"],
            what=what,
            majority=float("nan"),
            low=[gap_limits(name)[0] for name in gaps["loss"]],
            high=[gap_limits(name)[1] for name in gaps["loss"]],
        ),
    )


def on_one_set(group: pd.DataFrame) -> pd.DataFrame:
    """Return the rows on the set that was there for most fractions, the first of several."""
    fractions = group.groupby("set", sort=False)["fraction"].nunique()
    return group[group["set"] == fractions.idxmax()]


def panel_title(task: str, group: pd.DataFrame, *, share: bool = False) -> str:
    """Return a panel's title: the task, its set, and its fraction where there is only one.

    What would be wider than the panel is in two lines.
    """
    told = [str(group["set"].iloc[0])]
    if share:
        told.insert(0, percent(float(group["fraction"].iloc[0])))
    where = ", ".join(told)
    whole = f"{task} ({where})"
    return unformatted(whole if len(whole) <= TITLE_LINE else f"{task}\n{where}")


def levels(
    evidence: Evidence, name: str, title: str, caption: str, frame: pd.DataFrame
) -> Drawing | None:
    """Draw a panel a task and encoder of `value`, called `what`, between `low` and `high`.

    A dashed grey line is drawn at `majority`, where that is a number.
    """
    if frame.empty:
        return None
    frame = with_network(evidence, frame)
    panels = [
        (panel_name(evidence, key[0], group, frame), called_by_method(on_one_set(group)))
        for key, group in panels_of(frame, ["task", "encoder"])
    ]
    rows = max(group["label"].nunique() for _, group in panels)
    height = max(2.3, DOT_ROW * rows + 0.7)
    drawing, grid = drawing_of(name, title, caption, len(panels), height=height)
    styles = method_styles([label for _, group in panels for label in group["label"]])
    for axes, (task, group) in zip(grid, panels, strict=True):
        one = len(set(group["fraction"])) == 1
        draw = _dots if one else _lines
        draw(drawing, axes, task, group, styles)
        axes.set_title(panel_title(task, group, share=one))
    return drawing


def with_network(evidence: Evidence, frame: pd.DataFrame) -> pd.DataFrame:
    """Return the rows with their run's encoder, told by its content, and its student's depth."""
    specs = [evidence.specs[run] for run in frame["run"]]
    return frame.assign(
        encoder=[spec.encoder.digest for spec in specs],
        depth=[0 if spec.student is None else spec.student.layers or 0 for spec in specs],
    )


def called_by_method(group: pd.DataFrame) -> pd.DataFrame:
    """Call conditions by their method alone, if no two of one method are at one fraction.

    Labels that would be cut, as those of several encoders are, make way for method and depth where
    these tell conditions apart.
    """
    if group.groupby(["fraction", "method"])["condition"].nunique().max() == 1:
        return group.assign(label=group["method"])
    cut = any(shortened(label) != label for label in group["label"])
    alike = group.groupby(["fraction", "method", "depth"])["condition"].nunique().max() > 1
    if alike or not cut:
        return group
    deep = group["method"] + " [" + group["depth"].astype(str) + " layers]"
    return group.assign(label=group["method"].where(group["depth"] == 0, deep))


def panel_name(evidence: Evidence, task: str, group: pd.DataFrame, frame: pd.DataFrame) -> str:
    """Return the task of a panel, with its encoder where the figure's frame has several."""
    checkpoints = {evidence.specs[run].encoder for run in frame["run"]}
    names = {one.digest: encoder_name(one.name) for one in checkpoints}
    if len(names) == 1:
        return task
    digest = group["encoder"].iloc[0]
    alike = list(names.values()).count(names[digest]) > 1
    return f"{task}, {shortened(names[digest])}{f' {digest[:7]}' if alike else ''}"


def _point(
    task: str, label: str, fraction: float, at: pd.DataFrame, limits: Limits
) -> tuple[Summary, str]:
    """Return the summary of a method's seeds, and what its point says."""
    summary = limited(summarise_seeds(at["value"].to_numpy()), limits)
    text = f"{label}, {percent(fraction)} of {task}: {summary.mean:.4f}"
    if summary.interval is not None:
        text += f", 95 % interval {summary.interval[0]:.4f} to {summary.interval[1]:.4f}"
    many = "s" if summary.n != 1 else ""
    return summary, f"{text}, {summary.n} seed{many} ({seeds_text(at['seed'].tolist())})"


def _limits(group: pd.DataFrame) -> Limits:
    return float(group["low"].iloc[0]), float(group["high"].iloc[0])


def _dots(
    drawing: Drawing, axes: Axes, task: str, group: pd.DataFrame, styles: dict[str, dict[str, Any]]
) -> None:
    """Draw a row a method, named at its left; the value goes across."""
    labels = labels_in_order(group["label"])
    limits = _limits(group)
    for place, label in enumerate(labels):
        at = group[group["label"] == label]
        summary, text = _point(task, label, float(at["fraction"].iloc[0]), at, limits)
        style = styles[label] | {"linestyle": ""}
        if summary.n < FEWEST_FOR_INTERVAL:
            seed_dots(axes, True, at["value"].tolist(), -place, style)
        elif summary.interval is not None:
            axes.plot(list(summary.interval), [-place] * 2, color=style["color"], linewidth=1.6)
        axes.plot(
            [summary.mean], [-place], gid=drawing.note(text, at["run"]), zorder=3, clip_on=False,
            markeredgecolor="white", markeredgewidth=0.5, **style,
        )  # fmt: skip
    axes.set_yticks(
        [-place for place in range(len(labels))],
        [unformatted(shortened(label)) for label in labels],
    )
    axes.set_ylim(0.6 - len(labels), 0.6)
    axes.grid(visible=False, axis="y")
    level = group["majority"].mean()
    if _is_near(level, axes.get_xlim()):
        axes.axvline(level, color=GREY, linestyle=(0, (2, 2)), linewidth=1, zorder=1)
    low, high = axes.get_xlim()
    axes.set_xlim(max(low, limits[0]), min(high, limits[1]) if high > limits[1] else high)
    axes.xaxis.set_major_locator(MaxNLocator(5))
    axes.set_xlabel(str(group["what"].iloc[0]))


def _lines(
    drawing: Drawing, axes: Axes, task: str, group: pd.DataFrame, styles: dict[str, dict[str, Any]]
) -> None:
    """Draw a line a method against the fraction, named at its right end."""
    labels = labels_in_order(group["label"])
    limits = _limits(group)
    ends: dict[str, tuple[float, str]] = {}
    for place, label in enumerate(labels):
        line = group[group["label"] == label]
        style = styles[label]
        # Side by side on the logarithmic axis, so that intervals do not hide each other.
        shift = 1 + min(0.05, 0.4 / len(labels)) * (place - (len(labels) - 1) / 2)
        where, means = [], []
        for (fraction,), at in grouped(line.sort_values("fraction", kind="stable"), ["fraction"]):
            summary, text = _point(task, label, float(fraction), at, limits)
            x = 100 * float(fraction) * shift
            if summary.n < FEWEST_FOR_INTERVAL:
                seed_dots(axes, False, at["value"].tolist(), x, style)
            elif summary.interval is not None:
                axes.plot(
                    [x, x], list(summary.interval), color=style["color"], linewidth=1.2, alpha=0.7
                )
            axes.plot(
                [x], [summary.mean], gid=drawing.note(text, at["run"]), zorder=3, clip_on=False,
                markeredgecolor="white", markeredgewidth=0.5, **style | {"linestyle": ""},
            )  # fmt: skip
            where.append(x)
            means.append(summary.mean)
        axes.plot(where, means, color=style["color"], linestyle=style["linestyle"], alpha=0.8)
        ends[label] = means[-1], style["color"]
    level = group["majority"].mean()
    if _is_near(level, axes.get_ylim()):
        axes.axhline(level, color=GREY, linestyle=(0, (2, 2)), linewidth=1, zorder=1)
    low, high = axes.get_ylim()
    axes.set_ylim(max(low, limits[0]), min(high, limits[1]))
    axes.set_ylabel(str(group["what"].iloc[0]))
    _fraction_axis(axes, sorted(set(group["fraction"])))
    direct_labels(axes, ends)


def _is_near(level: float, limits: Limits) -> bool:
    """Return True if a line at this level leaves the points apart; the tables say it anyway."""
    low, high = limits
    return low - 2 * (high - low) <= level <= high + 2 * (high - low)


def _fraction_axis(axes: Axes, fractions: Sequence[float]) -> None:
    axes.set_xscale("log")
    axes.set_xticks([100 * fraction for fraction in fractions])
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    axes.xaxis.set_minor_locator(mpl.ticker.NullLocator())
    low, high = 100 * min(fractions), 100 * max(fractions)
    axes.set_xlim(low / 1.5, high * 1.35)
    axes.set_xlabel("share of the training data (%)")
