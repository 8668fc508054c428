"""The figures of a report, readable in greyscale and by colour-blind readers.

Every method has a colour (Okabe and Ito's), a marker and a dash pattern of its own. Every point can
name its numbers: `save_figure` writes them into the SVG as titles, which a browser shows on hover.
"""

import io
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from html import escape
from itertools import cycle, islice
from math import ceil
from typing import Any

import matplotlib as mpl
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, MaxNLocator

from mixkd_core.errors import InputError
from mixkd_core.objectives import METHODS
from reports.comparisons import comparison_table
from reports.evidence import TRAINING_LAW, Evidence
from reports.frames import grouped
from reports.statistics import summarise_seeds
from reports.store import read_history
from reports.tables import Column, seeds_text

GREY = "#767676"
STYLE: dict[Any, Any] = {
    "svg.hashsalt": "mixkd",
    "font.size": 9.5,
    "axes.titlesize": 10,
    "axes.titlelocation": "left",
    "axes.titleweight": "bold",
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.edgecolor": GREY,
    "axes.grid": True,
    "axes.axisbelow": True,
    "grid.color": "#E4E4E4",
    "grid.linewidth": 0.8,
    "legend.frameon": False,
    "lines.linewidth": 1.6,
    "lines.markersize": 6,
    "pdf.fonttype": 42,
}
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#56B4E9", "#8C6D00", "#222222", "#767676")
MARKERS = ("o", "s", "^", "D", "v", "P", "X", "*")
DASHES: tuple[Any, ...] = (
    "-", (0, (5, 2)), (0, (1.5, 1.5)), (0, (6, 2, 1.5, 2)), (0, (3, 1.5)), (0, (8, 2)),
    (0, (4, 1.5, 1.5, 1.5, 1.5, 1.5)), (0, (1, 3)),
)  # fmt: skip

# The three that a reader compares first are furthest apart in lightness and shape.
FIRST = ("kd", "ft", "sm+tmkd", "teacher")

MOST_PANELS = 9


@dataclass
class Drawing:
    """A figure and what its points say when pointed at.

    Attributes:
        name: of its files.
        title: above it on the page.
        caption: under it.
        figure: what matplotlib draws.
        notes: text by id of the point's group in the SVG.
    """

    name: str
    title: str
    caption: str
    figure: Figure
    notes: dict[str, str] = field(default_factory=dict)

    def note(self, text: str) -> str:
        """The id for a point that says this."""
        identifier = f"{self.name}-point-{len(self.notes)}"
        self.notes[identifier] = text
        return identifier


def draw_all(evidence: Evidence) -> list[Drawing]:
    """Every figure that the store has something to show in."""
    with mpl.rc_context(STYLE):
        drawn = [draw(evidence) for draw in DRAWINGS]
    return [drawing for drawing in drawn if drawing is not None]


def render(drawing: Drawing, kind: str) -> bytes:
    """The figure as `svg` (text as text), `pdf` or `png`; the same figure gives the same bytes."""
    # A date in the file would change it on every run.
    metadata: Mapping[str, Mapping[str, str | None]] = {
        "svg": {"Date": None},
        "pdf": {"CreationDate": None, "Creator": None, "Producer": None},
        "png": {"Software": None},
    }
    sink = io.BytesIO()
    with mpl.rc_context({**STYLE, "svg.fonttype": "none"}):
        drawing.figure.savefig(sink, format=kind, dpi=160, metadata=dict(metadata[kind]))
    content = sink.getvalue()
    if kind == "svg":
        content = with_notes(content.decode(), drawing.notes).encode()
    return content


def with_notes(svg: str, notes: Mapping[str, str]) -> str:
    """The SVG with a `<title>` in the group of every point that has a note."""

    def titled(match: re.Match[str]) -> str:
        text = notes.get(match.group(1))
        if text is None:
            return match.group(0)
        return f'<g id="{match.group(1)}" class="point"><title>{escape(text)}</title>'

    return re.sub(r'<g id="([^"]+)">', titled, svg)


def method_styles(labels: Iterable[str]) -> dict[str, dict[str, Any]]:
    """Colour, marker and dashes by label; a method looks the same in every figure of a report."""
    known = [*FIRST, *(name for name in METHODS if name not in FIRST)]
    place = {name: rank for rank, name in enumerate(known)}
    ordered = sorted(set(labels), key=lambda label: (place.get(label, len(known)), label))
    colours, markers, dashes = (
        list(islice(cycle(kinds), len(ordered) + len(known)))
        for kinds in (COLOURS, MARKERS, DASHES)
    )
    styles, others = {}, len(known)
    for label in ordered:
        rank = place.get(label, others)
        others += label not in place
        # Dashes advance by one more after each round, so that no three are all alike.
        dash = dashes[(rank + rank // len(COLOURS)) % len(DASHES)]
        styles[label] = {"color": colours[rank], "marker": markers[rank], "linestyle": dash}
    return styles


def accuracy_by_fraction(evidence: Evidence) -> Drawing | None:
    """Each task's metric on its first development set against the share of the data."""
    metrics = evidence.metrics
    metrics = metrics[~metrics["set"].isin(["train", *TRAINING_LAW])]
    drawing = _by_fraction(
        "accuracy",
        "The tasks' metrics against the share of the training data",
        "Means over seeds on the development set named; bars are 95 % intervals (none for one "
        "seed). The dashed grey line is the majority class.",
        metrics.assign(value=metrics["metric_value"], what=metrics["metric"]),
    )
    if drawing is not None:
        for axes, (_, group) in zip(
            drawing.figure.get_axes(), _panels(metrics, ["task"]), strict=False
        ):
            level = group["majority"].mean()
            axes.axhline(level, color=GREY, linestyle=(0, (2, 2)), linewidth=1, zorder=1)
    return drawing


def gap_by_fraction(evidence: Evidence) -> Drawing | None:
    """The gap in 0-1 error (squared error) on a set of the training law."""
    gaps = evidence.gaps
    gaps = gaps[
        gaps["loss"].isin(["zero_one_error", "squared_error"]) & gaps["set"].isin(TRAINING_LAW)
    ]
    what = gaps["loss"].map({"zero_one_error": "gap in 0-1 error", "squared_error": "gap"})
    return _by_fraction(
        "gap",
        "The generalization gap against the share of the training data",
        "Risk on a set of the training law (named) minus risk on the training subset, 0-1 error; "
        "means over seeds with 95 % intervals.",
        gaps.assign(value=gaps["gap"], what=what),
    )


def risk_scatter(evidence: Evidence) -> Drawing | None:
    """Every run's empirical and generalization risk; the distance to the diagonal is the gap."""
    gaps = evidence.gaps
    gaps = gaps[(gaps["loss"] == "zero_one_error") & gaps["set"].isin(TRAINING_LAW)]
    if gaps.empty:
        return None
    panels = _panels(gaps, ["task"])
    drawing, grid = _drawing(
        "risks",
        "Empirical against generalization risk",
        "One point a run, 0-1 error. On the diagonal the gap is zero; its height above the "
        "diagonal is the gap. Methods of one seed are trained on the same examples.",
        len(panels),
        height=3.3,
    )
    styles = method_styles(gaps["label"])
    for axes, (key, group) in zip(grid, panels, strict=True):
        top = 1.08 * float(group[["empirical", "generalization"]].to_numpy().max()) + 0.005
        axes.plot([0, top], [0, top], color=GREY, linewidth=1, zorder=1)
        for row in group.to_dict("records"):
            style = styles[row["label"]] | {"linestyle": ""}
            text = (
                f"{row['label']}, {row['fraction']:g} of {row['task']}, seed {row['seed']}: "
                f"empirical {row['empirical']:.4f}, {row['set']} {row['generalization']:.4f}, "
                f"gap {row['gap']:+.4f} (run {row['run']})"
            )
            axes.plot(
                [row["empirical"]], [row["generalization"]], gid=drawing.note(text), alpha=0.85,
                markeredgecolor="white", markeredgewidth=0.5, **style,
            )  # fmt: skip
        axes.set(
            xlabel="empirical risk (0-1 error)",
            ylabel="generalization risk (0-1 error)",
            title=_plain(key[0]),
            xlim=(-0.02 * top, top),
            ylim=(-0.02 * top, top),
        )
        axes.set_aspect("equal")
    _legend(drawing.figure, {label: style | {"linestyle": ""} for label, style in styles.items()})
    return drawing


def forest(evidence: Evidence) -> Drawing | None:
    """Paired differences of the gap in 0-1 error from KD (fine-tuning where KD is absent)."""
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
    panels = _panels(frame, ["task"])
    longest = max(len(group) for _, group in panels)
    drawing, grid = _drawing(
        "forest",
        f"Paired differences of the gap from {baseline}",
        "Method minus baseline over shared seeds, 0-1 error, with 95 % intervals; left of zero the "
        "method's gap is smaller. Hollow marks are the held-out part alone, which says whether the "
        "risk itself fell.",
        len(panels),
        height=1.1 + 0.32 * longest,
        columns=2,
    )
    styles = method_styles(evidence.runs["label"])
    for axes, (key, group) in zip(grid, panels, strict=True):
        axes.axvline(0, color=GREY, linewidth=1)
        ticks = []
        for place, row in enumerate(group.to_dict("records")):
            style = styles[row["method"]] | {"linestyle": ""}
            height = -float(place)
            interval = Column("difference", "", "interval", 4).show(
                {str(name): value for name, value in row.items()}
            )
            text = (
                f"{row['method']} minus {row['against']}, {row['fraction']:g} of {row['task']} "
                f"({row['set']}): {row['difference']:+.4f}, 95 % interval {interval}, "
                f"held-out part {row['held_out_part']:+.4f}, seeds {row['seeds']}"
            )
            if not pd.isna(row["difference_low"]):
                ends = [row["difference_low"], row["difference_high"]]
                axes.plot(ends, [height, height], color=style["color"], linewidth=2, zorder=2)
            axes.plot([row["difference"]], [height], gid=drawing.note(text), zorder=3, **style)
            hollow = style | {"markerfacecolor": "white", "markersize": 4.5}
            axes.plot([row["held_out_part"]], [height - 0.28], zorder=3, **hollow)
            ticks.append(_plain(f"{row['method']}, {row['fraction']:g}, {row['set']}"))
        axes.set_yticks([-float(place) for place in range(len(ticks))], ticks)
        axes.set(xlabel="difference in gap (0-1 error)", title=_plain(key[0]))
        axes.set_ylim(-len(ticks) + 0.2, 0.7)
        axes.xaxis.set_major_locator(MaxNLocator(4))
        axes.grid(visible=False, axis="y")
    return drawing


def training_curves(evidence: Evidence) -> Drawing | None:
    """The term that every method minimises, cross-entropy on originals, against epochs."""
    rows = []
    for entry in evidence.entries:
        if entry.record is None:
            continue
        try:
            history = read_history(entry.record)
        except InputError:
            continue  # the curve is damaged, the results are not: there is nothing to draw
        rows += [
            {"run": entry.id, "epoch": step["epoch"], "value": step.get("loss_mle", step["loss"])}
            for step in history
            if "epoch" in step and "loss" in step
        ]
    if not rows:
        return None
    known = ["run", "task", "fraction", "method", "label", "seed"]
    curves = pd.DataFrame(rows).merge(evidence.runs[known], on="run")
    panels = _panels(curves, ["task", "fraction"])
    drawing, grid = _drawing(
        "curves",
        "Training curves",
        "Cross-entropy (squared error) on original examples in training mode, mean over seeds, as "
        "logged. Objectives with further terms do not minimise this one alone.",
        len(panels),
    )
    styles = method_styles(curves["label"])
    for axes, (key, group) in zip(grid, panels, strict=True):
        for (label,), lines in grouped(group, ["label"]):
            mean = lines.groupby("epoch")["value"].mean()
            style = styles[label] | {"marker": ""}
            seeds = seeds_text(lines["seed"].tolist())
            text = f"{label}: ends at {mean.iloc[-1]:.4f} nats (seeds {seeds})"
            axes.plot(mean.index, mean.to_numpy(), gid=drawing.note(text), **style)
        axes.set(
            xlabel="epoch", ylabel="cross-entropy (nats)", title=_plain(f"{key[0]}, {key[1]:g}")
        )
        axes.set_ylim(bottom=0)
    _legend(drawing.figure, {label: style | {"marker": ""} for label, style in styles.items()})
    return drawing


DRAWINGS: Sequence[Callable[[Evidence], Drawing | None]] = (
    accuracy_by_fraction,
    gap_by_fraction,
    risk_scatter,
    forest,
    training_curves,
)


def _by_fraction(name: str, title: str, caption: str, frame: pd.DataFrame) -> Drawing | None:
    """A panel a task: `value` (called `what`) against the fraction, a line a label."""
    if frame.empty:
        return None
    panels = _panels(frame, ["task"])
    drawing, grid = _drawing(name, title, caption, len(panels))
    styles = method_styles(frame["label"])
    for axes, (key, group) in zip(grid, panels, strict=True):
        group = group[group["set"] == group["set"].iloc[0]]
        labels = list(dict.fromkeys(group["label"]))
        for place, (key_of_line, line) in enumerate(grouped(group, ["label"])):
            label = key_of_line[0]
            points = [
                (fraction, summarise_seeds(at["value"].to_numpy()), at["seed"].tolist())
                for fraction, at in line.groupby("fraction")
            ]
            # Side by side on the logarithmic axis, so that intervals do not hide each other.
            shift = 1 + 0.05 * (place - (len(labels) - 1) / 2)
            where = [100 * float(fraction) * shift for fraction, _, _ in points]  # type: ignore[arg-type]
            means = [summary.mean for _, summary, _ in points]
            style = styles[label]
            axes.plot(where, means, color=style["color"], linestyle=style["linestyle"], alpha=0.8)
            for x, (fraction, summary, seeds) in zip(where, points, strict=True):
                text = f"{label}, {fraction:g} of {key[0]}: {summary.mean:.4f}"
                if summary.interval is not None:
                    low, high = summary.interval
                    axes.plot([x, x], [low, high], color=style["color"], linewidth=1.2, alpha=0.7)
                    text += f", 95 % interval {low:.4f} to {high:.4f}"
                text += f", {summary.n} seeds ({seeds_text(seeds)})"
                axes.plot(
                    [x], [summary.mean], gid=drawing.note(text), markeredgecolor="white",
                    markeredgewidth=0.5, **style | {"linestyle": ""},
                )  # fmt: skip
        _fraction_axis(axes, sorted(set(group["fraction"])))
        axes.set(
            ylabel=str(group["what"].iloc[0]), title=_plain(f"{key[0]} ({group['set'].iloc[0]})")
        )
    _legend(drawing.figure, styles)
    return drawing


def _fraction_axis(axes: Axes, fractions: Sequence[float]) -> None:
    axes.set_xscale("log")
    axes.set_xticks([100 * fraction for fraction in fractions])
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    axes.xaxis.set_minor_locator(mpl.ticker.NullLocator())
    low, high = 100 * min(fractions), 100 * max(fractions)
    axes.set_xlim(low / 1.6, high * 1.6)
    axes.set_xlabel("share of the training data (%)")


def _panels(
    frame: pd.DataFrame, columns: Sequence[str]
) -> list[tuple[tuple[Any, ...], pd.DataFrame]]:
    return list(grouped(frame, columns))[:MOST_PANELS]


def _drawing(
    name: str, title: str, caption: str, panels: int, *, height: float = 2.9, columns: int = 3
) -> tuple[Drawing, list[Axes]]:
    across = 2 if panels == 4 else min(panels, columns)  # four in a square
    down = ceil(panels / across)
    width = {1: 5.6, 2: 8.4, 3: 10.4}[across]
    figure = Figure(figsize=(width, height * down + 0.5), layout="constrained")
    grid = list(np.atleast_1d(figure.subplots(down, across, squeeze=False).ravel()))
    for axes in grid[panels:]:
        axes.remove()
    return Drawing(name, title, caption, figure), grid[:panels]


def _plain(text: str) -> str:
    """Text that matplotlib shall not read as a formula, nor a leading underscore as "no label"."""
    return str(text).replace("$", r"\$").replace("_", " ")


def _legend(figure: Figure, styles: Mapping[str, Mapping[str, Any]]) -> None:
    """One legend for all panels, under them."""
    handles = [
        mpl.lines.Line2D([], [], label=_plain(label), **style) for label, style in styles.items()
    ]
    figure.legend(
        handles=handles, loc="outside lower center", ncols=min(len(handles), 5), handlelength=3.2
    )
