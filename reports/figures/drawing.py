"""The common parts of a report's figures: panels, looks of methods, texts of points.

Every method has a colour (Okabe and Ito's), a marker and a dash pattern of its own, so that figures
are readable in greyscale and by colour-blind readers.
"""

import io
import re
from collections.abc import Iterable, Mapping, Sequence
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

from mixkd_core.objectives.objective import METHODS
from reports.evidence.frames import grouped
from reports.figures.style import COLOURS, DPI, STYLE, UNDATED

# More than colours, so that methods of one colour differ where there are no lines.
MARKERS = ("o", "s", "^", "D", "v", "P", "X", "*", "p", "<", "H", ">")
DASHES: tuple[Any, ...] = (
    "-", (0, (5, 2)), (0, (1.5, 1.5)), (0, (6, 2, 1.5, 2)), (0, (3, 1.5)), (0, (8, 2)),
    (0, (4, 1.5, 1.5, 1.5, 1.5, 1.5)), (0, (1, 3)),
)  # fmt: skip

# The three that a reader compares first are furthest apart in lightness and shape.
FIRST = ("kd", "ft", "sm+tmkd", "teacher")

MOST_PANELS = 9

LEGEND_LINE = 0.2  # inches

# Fewer seeds are drawn one by one, and no interval, which would be many times wider than they are.
FEWEST_FOR_INTERVAL = 4


@dataclass
class Drawing:
    """A figure and what its points say when pointed at.

    Attributes:
        name: of its files.
        title: above it on the page.
        caption: under it.
        figure: what matplotlib draws.
        notes: text by id of the point's group in the SVG.
        runs: by the same id the runs behind the point, separated by spaces.
        rendered: by kind, what `render` made of it.
    """

    name: str
    title: str
    caption: str
    figure: Figure
    notes: dict[str, str] = field(default_factory=dict)
    runs: dict[str, str] = field(default_factory=dict)
    rendered: dict[str, bytes] = field(default_factory=dict)

    def note(self, text: str, runs: Iterable[str] = ()) -> str:
        """The id for a point that says this, from these runs."""
        identifier = f"{self.name}-point-{len(self.notes)}"
        self.notes[identifier] = text
        self.runs[identifier] = " ".join(dict.fromkeys(runs))
        return identifier


def render(drawing: Drawing, kind: str) -> bytes:
    """The figure as `svg` (text as text), `pdf` or `png`; the same figure gives the same bytes."""
    if kind not in drawing.rendered:  # the page and a file of its own want the same SVG
        sink = io.BytesIO()
        with mpl.rc_context({**STYLE, "svg.fonttype": "none"}):
            _lay_out(drawing.figure)
            drawing.figure.savefig(sink, format=kind, dpi=DPI, metadata=dict(UNDATED[kind]))
        content = sink.getvalue()
        if kind == "svg":
            content = with_notes(content.decode(), drawing.notes, drawing.runs).encode()
        drawing.rendered[kind] = content
    return drawing.rendered[kind]


def _lay_out(figure: Figure) -> None:
    """Place the panels, for every format where the SVG has them, and leave them there."""
    engine = figure.get_layout_engine()
    if engine is not None:
        with mpl.rc_context({"savefig.format": "svg"}):  # whose text is measured
            engine.execute(figure)
            if any(axes.get_aspect() != "auto" for axes in figure.axes):
                engine.execute(figure)  # square panels have their size now, and need other margins
        figure.set_layout_engine(None)


def with_notes(svg: str, notes: Mapping[str, str], runs: Mapping[str, str]) -> str:
    """The SVG with a `<title>`, and the runs, in the group of every point that has a note."""

    def titled(match: re.Match[str]) -> str:
        text = notes.get(match.group(1))
        if text is None:
            return match.group(0)
        behind = runs.get(match.group(1))
        data = f' data-runs="{escape(behind)}"' if behind else ""
        return f'<g id="{match.group(1)}" class="point"{data}><title>{escape(text)}</title>'

    return re.sub(r'<g id="([^"]+)">', titled, svg)


def method_styles(labels: Iterable[str]) -> dict[str, dict[str, Any]]:
    """Colour, marker and dashes by label; a method looks the same in every figure of a report.

    A variant has its method's colour, and a marker and dashes of its own.
    """
    known = [*FIRST, *(name for name in METHODS if name not in FIRST)]
    place = {name: rank for rank, name in enumerate(known)}
    ordered = labels_in_order(labels)
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
        own = place.get(label.partition(" [")[0], rank)
        styles[label] = {"color": colours[own], "marker": markers[rank], "linestyle": dash}
    return styles


def labels_in_order(labels: Iterable[str]) -> list[str]:
    """Different labels in the order of every table and figure: by method, then by name."""
    ranks = {name: rank for rank, name in enumerate(("teacher", *METHODS))}
    return sorted(
        set(labels),
        key=lambda label: (ranks.get(label.partition(" [")[0], len(ranks)), _natural(label)),
    )


def _natural(label: str) -> list[tuple[str, float]]:
    """Return what a label is sorted by: its words, and its numbers by their size."""
    parts = re.split(r"(\d+(?:\.\d+)?)", label)
    return [(parts[at], float((parts[at + 1 :] or ["0"])[0])) for at in range(0, len(parts), 2)]


def panels_of(
    frame: pd.DataFrame, columns: Sequence[str]
) -> list[tuple[tuple[Any, ...], pd.DataFrame]]:
    """The rows of each panel, `MOST_PANELS` at most."""
    return list(grouped(frame, columns))[:MOST_PANELS]


def drawing_of(
    name: str, title: str, caption: str, panels: int, *, height: float = 2.9
) -> tuple[Drawing, list[Axes]]:
    """An empty figure of so many panels, three of them abreast at most."""
    across = 2 if panels == 4 else min(panels, 3)  # four in a square
    down = ceil(panels / across)
    width = {1: 5.6, 2: 8.4, 3: 10.4}[across]
    figure = Figure(figsize=(width, height * down + 0.5), layout="constrained")
    grid = list(np.atleast_1d(figure.subplots(down, across, squeeze=False).ravel()))
    for axes in grid[panels:]:
        axes.remove()
    return Drawing(name, title, caption, figure), grid[:panels]


def column_of(
    name: str, title: str, caption: str, heights: Sequence[float]
) -> tuple[Drawing, list[Axes]]:
    """An empty figure of panels under each other, for labels that need half of the width."""
    figure = Figure(figsize=(5.6, sum(heights) + 0.5), layout="constrained")
    grid = figure.subplots(len(heights), 1, squeeze=False, height_ratios=heights)
    return Drawing(name, title, caption, figure), list(grid.ravel())


def unformatted(text: str) -> str:
    """Text that matplotlib shall not read as a formula, nor a leading underscore as "no label"."""
    return str(text).replace("$", r"\$").replace("_", " ")


def direct_labels(axes: Axes, labels: Mapping[str, tuple[float, str]]) -> None:
    """Write every label at its height beside the right edge, pushed apart where they would overlap.

    Args:
        axes: with its limits set.
        labels: by label its height, in data coordinates, and its colour.
    """
    low, high = axes.get_ylim()
    apart = 0.13 / (axes.get_window_extent().height / axes.figure.dpi)  # inches of a line
    places = sorted((((y - low) / (high - low)), label) for label, (y, _) in labels.items())
    heights = [max(0.0, min(1.0, place)) for place, _ in places]
    for _ in range(200):  # until nothing moves; a handful of rounds in practice
        moved = False
        for lower in range(len(heights) - 1):
            lack = apart - (heights[lower + 1] - heights[lower])
            if lack > 1e-6:
                heights[lower] -= lack / 2
                heights[lower + 1] += lack / 2
                moved = True
        if not moved:
            break
    # Not above the panel, where its title is.
    ceiling = 1.0
    for place in reversed(range(len(heights))):
        heights[place] = min(heights[place], ceiling)
        ceiling = heights[place] - apart
    for height, (_, label) in zip(heights, places, strict=True):
        axes.text(
            1.02, height, unformatted(shortened(label)), transform=axes.transAxes, va="center",
            fontsize=8.5, color=labels[label][1],
        )  # fmt: skip


def shortened(label: str, most: int = 34) -> str:
    """Return a label that has room beside a panel."""
    return label if len(label) <= most else f"{label[: most - 1]}…"


def seed_dots(
    axes: Axes, across: bool, values: Sequence[float], at: float, style: Mapping[str, Any]
) -> None:
    """Draw single seeds as small dots at a place of the other axis."""
    places = [at] * len(values)
    x, y = (values, places) if across else (places, values)
    axes.plot(
        x, y, "o", color=style["color"], markersize=2.6, alpha=0.75, zorder=2.5, clip_on=False
    )


def legend(figure: Figure, styles: Mapping[str, Mapping[str, Any]]) -> None:
    """One legend for all panels, under them, in as many columns as their labels have room for.

    The figure grows by what more than two lines of it need, so that the panels keep their size.
    """
    longest = max(len(label) for label in styles)
    handles = [
        mpl.lines.Line2D([], [], label=unformatted(label), **style)
        for label, style in styles.items()
    ]
    columns = max(1, min(len(handles), 5, int(13 * figure.get_figwidth() / (longest + 9))))
    lines = ceil(len(handles) / columns)
    figure.set_figheight(figure.get_figheight() + LEGEND_LINE * max(0, lines - 2))
    figure.legend(handles=handles, loc="outside lower center", ncols=columns, handlelength=3.2)
