"""The figures of what `mixkd bench` measured, and the folder that holds them and the tables."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import matplotlib as mpl

from reports.benchmarks.tables import Benchmarks, benchmark_tables
from reports.figures.drawing import (
    MARKERS,
    Drawing,
    drawing_of,
    legend,
    method_styles,
    render,
    unformatted,
)
from reports.figures.style import COLOURS, GREY, STYLE
from reports.files import write_file
from reports.tables.table import write_tables

VARIED = {
    "length": "tokens of a text",
    "batch_size": "originals in a batch",
    "mixup_ratio": "mixed samples per original",
    "layers": "layers of the student",
}


def draw_benchmarks(measured: Benchmarks) -> list[Drawing]:
    """Every figure that there are numbers for."""
    with mpl.rc_context(STYLE):
        drawn = [draw(measured) for draw in DRAWINGS]
    return [drawing for drawing in drawn if drawing is not None]


def write_benchmarks(measured: Benchmarks, folder: Path) -> None:
    """Write `tables/` and `figures/` (SVG, PNG) into the folder.

    Raises:
        InputError: if it cannot be written.
    """
    write_tables(benchmark_tables(measured), folder / "tables")
    for drawing in draw_benchmarks(measured):
        for kind in ("svg", "png"):
            write_file(folder / "figures" / f"{drawing.name}.{kind}", render(drawing, kind))


def step_speeds(measured: Benchmarks) -> Drawing | None:
    """Examples per second of everybody, a panel a task."""
    frame = measured.tables.get("steps")
    if frame is None:
        return None
    clock = measured.settings["clock"]
    value = f"{clock}_examples_per_second"
    tasks = list(dict.fromkeys(frame["task"]))
    drawing, grid = drawing_of(
        "bench-steps",
        "Training steps: ours and peers",
        f"Originals a second, on a logarithmic scale; bars go from the slowest to the fastest "
        f"round. Filled: ours; hollow: peers. {measured.timing}. {measured.machine}.",
        len(tasks),
        height=3.6,
    )
    for axes, task in zip(grid, tasks, strict=True):
        own = frame[frame["task"] == task].reset_index(drop=True)
        for place, row in enumerate(own.to_dict("records")):
            rank = 0 if row["ours"] else 1
            colour = COLOURS[rank]
            low, high = row[f"{value}_low"], row[f"{value}_high"]
            text = (
                f"{row['contestant']} on {task}: {row[value]:.1f} examples/s "
                f"({low:.1f} to {high:.1f})"
            )
            axes.plot([low, high], [place, place], linewidth=1.2, color=colour)
            axes.plot(
                [row[value]], [place], gid=drawing.note(text), linestyle="", color=colour,
                marker=MARKERS[rank], markerfacecolor=colour if row["ours"] else "white",
            )  # fmt: skip
        axes.set(xscale="log", xlabel="examples per second", title=unformatted(task))
        axes.set_yticks(range(len(own)))
        axes.set_yticklabels([unformatted(name) for name in own["contestant"]], fontsize=7.5)
        axes.invert_yaxis()
        if axes is not grid[0]:
            axes.tick_params(labelleft=False)
    return drawing


def method_costs(measured: Benchmarks) -> Drawing | None:
    """Draw what each method costs over fine-tuning, measured and predicted."""
    frame = measured.tables.get("limits")
    if frame is None:
        return None
    frame = frame[frame["predicted_cost"].notna()]
    tasks = list(dict.fromkeys(frame["task"]))
    drawing, grid = drawing_of(
        "bench-costs",
        "The cost of a method over fine-tuning, measured against operations",
        "Time per example over fine-tuning's, against the same ratio of operations; on the solid "
        "line a method costs what its operations predict, on the dashed line 1.15 times that. "
        f"{measured.timing}. {measured.machine}.",
        len(tasks),
        height=3.0,
    )
    styles = {
        name: style | {"linestyle": ""}
        for name, style in method_styles(frame["contestant"]).items()
    }
    for axes, task in zip(grid, tasks, strict=True):
        own = frame[frame["task"] == task]
        top = 1.1 * float(own[["cost_high", "predicted_cost"]].to_numpy().max())
        axes.plot([0.8, top], [0.8, top], color=GREY, linewidth=1, zorder=1)
        axes.plot(
            [0.8, top], [0.92, 1.15 * top], color=GREY, linewidth=1, linestyle=(0, (4, 2)), zorder=1
        )
        for row in own.to_dict("records"):
            text = (
                f"{row['contestant']} on {task}: {row['cost']:.2f} times fine-tuning "
                f"({row['cost_low']:.2f} to {row['cost_high']:.2f}), predicted "
                f"{row['predicted_cost']:.2f}"
            )
            style = styles[row["contestant"]]
            predicted = row["predicted_cost"]
            axes.plot(
                [predicted, predicted], [row["cost_low"], row["cost_high"]],
                color=style["color"], linewidth=1.2,
            )  # fmt: skip
            axes.plot([predicted], [row["cost"]], gid=drawing.note(text), **style)
        axes.set(
            xlabel="operations over fine-tuning's",
            ylabel="time over fine-tuning's",
            title=unformatted(task),
            xlim=(0.8, top),
            ylim=(0.8, top),
        )
    legend(drawing.figure, styles)
    return drawing


def time_scaling(measured: Benchmarks) -> Drawing | None:
    """Seconds a step against every size, beside what operations predict."""
    return _scaling(
        measured,
        "bench-scaling",
        "How the time of a step grows",
        "sm+tmkd on texts of one length, one setting varied; bars go from the fastest to the "
        "slowest round. Dashed: proportional to operations, through the largest size.",
        "seconds a step",
        lambda row: row["seconds_per_step"],
        with_operations=True,
    )


def memory_scaling(measured: Benchmarks) -> Drawing | None:
    """Peak memory against every size."""
    return _scaling(
        measured,
        "bench-memory",
        "How the peak memory grows",
        "Of a process of its own that trains sm+tmkd, libraries included, one setting varied.",
        "peak memory, MB",
        lambda row: row["peak_bytes"] / 1e6,
    )


DRAWINGS: Sequence[Callable[[Benchmarks], Drawing | None]] = (
    step_speeds,
    method_costs,
    time_scaling,
    memory_scaling,
)


def _scaling(
    measured: Benchmarks,
    name: str,
    title: str,
    caption: str,
    label: str,
    value: Callable[[dict[str, Any]], float],
    *,
    with_operations: bool = False,
) -> Drawing | None:
    frame = measured.tables.get("scaling")
    if frame is None:
        return None
    panels = [(varied, frame[frame["varied"] == varied]) for varied in VARIED]
    panels = [(varied, own.sort_values("size")) for varied, own in panels if len(own)]
    drawing, grid = drawing_of(name, title, f"{caption} {measured.machine}.", len(panels))
    for axes, (varied, own) in zip(grid, panels, strict=True):
        rows: list[dict[Any, Any]] = own.to_dict("records")
        sizes, values = [row["size"] for row in rows], [value(row) for row in rows]
        axes.plot(sizes, values, color=COLOURS[0], linewidth=1.6)
        for row, size, one in zip(rows, sizes, values, strict=True):
            text = f"{VARIED[varied]} {size:g}: {one:.4g} {label}"
            axes.plot([size], [one], marker=MARKERS[0], color=COLOURS[0], gid=drawing.note(text))
            if with_operations:
                ends = [row["seconds_per_step_low"], row["seconds_per_step_high"]]
                axes.plot([size, size], ends, color=COLOURS[0], linewidth=1.2)
        if with_operations:
            operations = own["gigaoperations_per_step"]
            axes.plot(
                sizes, operations * values[-1] / operations.iloc[-1],
                color=GREY, linestyle=(0, (4, 2)), linewidth=1.2, zorder=1,
            )  # fmt: skip
        axes.set(xlabel=VARIED[varied], ylabel=label, title=unformatted(varied))
        axes.set_ylim(bottom=0)
        axes.set_xlim(left=0)
    return drawing
