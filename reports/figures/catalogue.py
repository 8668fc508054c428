"""The figures of a report: those that a store has something to show in."""

from collections.abc import Callable, Sequence
from textwrap import fill
from typing import Any

import matplotlib as mpl
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.ticker import FuncFormatter, MaxNLocator

from mixkd_core.errors import InputError
from mixkd_core.records.run_folder import read_history
from reports.evidence.evidence import TRAINING_LAW, Evidence
from reports.evidence.frames import grouped
from reports.figures.cost import risk_against_latency
from reports.figures.drawing import (
    Drawing,
    column_of,
    drawing_of,
    legend,
    method_styles,
    panels_of,
    plain,
)
from reports.figures.latent_space import latent_space
from reports.figures.style import GREY, STYLE
from reports.statistics.seeds import summarise_seeds
from reports.tables.comparisons import comparison_table
from reports.tables.sweeps import drawn_representatives, sweep_frame
from reports.tables.table import Column, seeds_text

LABEL_WIDTH = 40  # characters of a row's label in the forest plot
ROW_HEIGHT = 0.32  # inches, for two lines of a label


def draw_all(evidence: Evidence) -> list[Drawing]:
    """Every figure that the store has something to show in."""
    with mpl.rc_context(STYLE):
        drawn = [draw(evidence) for draw in DRAWINGS]
    return [drawing for drawing in drawn if drawing is not None]


def accuracy_by_fraction(evidence: Evidence) -> Drawing | None:
    """Each task's metric on its first development set against the share of the data."""
    metrics = evidence.metrics
    metrics = metrics[~metrics["set"].isin(["train", *TRAINING_LAW])]
    metrics = drawn_representatives(evidence, metrics)
    drawing = _by_fraction(
        "accuracy",
        "The tasks' metrics against the share of the training data",
        "Means over seeds on the development set named; bars are 95 % intervals (none for one "
        "seed). The dashed grey line is the majority class. Of several variants of a method at one "
        "depth that with most seeds is drawn, then the one that its study calls by the method "
        "alone, then that nearest to the defaults, trained as most are.",
        metrics.assign(value=metrics["metric_value"], what=metrics["metric"]),
    )
    if drawing is not None:
        for axes, (_, group) in zip(
            drawing.figure.get_axes(), panels_of(metrics, ["task"]), strict=False
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
    gaps = drawn_representatives(evidence, gaps)
    what = gaps["loss"].map({"zero_one_error": "gap in 0-1 error", "squared_error": "gap"})
    return _by_fraction(
        "gap",
        "The generalization gap against the share of the training data",
        "Risk on a set of the training law (named; that which most fractions have) minus risk on "
        "the training subset, 0-1 error; means over seeds with 95 % intervals. Variants as above.",
        gaps.assign(value=gaps["gap"], what=what),
    )


def risk_scatter(evidence: Evidence) -> Drawing | None:
    """Every run's empirical and generalization risk; the distance to the diagonal is the gap."""
    gaps = evidence.gaps
    gaps = gaps[(gaps["loss"] == "zero_one_error") & gaps["set"].isin(TRAINING_LAW)]
    if gaps.empty:
        return None
    panels = panels_of(gaps, ["task"])
    drawing, grid = drawing_of(
        "risks",
        "Empirical against generalization risk",
        "One point a run, 0-1 error. On the diagonal the gap is zero; its height above the "
        "diagonal is the gap. Methods of one seed are trained on the same examples; variants of a "
        "method look alike.",
        len(panels),
        height=3.3,
    )
    styles = method_styles(gaps["method"])
    for axes, (key, group) in zip(grid, panels, strict=True):
        top = 1.08 * float(group[["empirical", "generalization"]].to_numpy().max()) + 0.005
        axes.plot([0, top], [0, top], color=GREY, linewidth=1, zorder=1)
        for row in group.to_dict("records"):
            style = styles[row["method"]] | {"linestyle": ""}
            text = (
                f"{row['label']}, {row['fraction']:g} of {row['task']}, seed {row['seed']}: "
                f"empirical {row['empirical']:.4f}, {row['set']} {row['generalization']:.4f}, "
                f"gap {row['gap']:+.4f} (run {row['run']})"
            )
            axes.plot(
                [row["empirical"]], [row["generalization"]], gid=drawing.note(text, [row["run"]]),
                alpha=0.85,
                markeredgecolor="white", markeredgewidth=0.5, **style,
            )  # fmt: skip
        axes.set(
            xlabel="empirical risk (0-1 error)",
            ylabel="generalization risk (0-1 error)",
            title=plain(key[0]),
            xlim=(-0.02 * top, top),
            ylim=(-0.02 * top, top),
        )
        axes.set_aspect("equal")
    legend(drawing.figure, {name: style | {"linestyle": ""} for name, style in styles.items()})
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
    panels = [(key, _on_one_set(group)) for key, group in panels_of(frame, ["task"])]
    drawing, grid = column_of(
        "forest",
        f"Paired differences of the gap from {baseline}",
        "Method minus baseline over shared seeds, 0-1 error, with 95 % intervals; left of zero the "
        "method's gap is smaller. Hollow marks are the held-out part alone, which says whether the "
        "risk itself fell.",
        [1.1 + ROW_HEIGHT * len(group) for _, group in panels],
    )
    styles = method_styles(evidence.runs["method"])
    method_of = dict(zip(evidence.runs["label"], evidence.runs["method"], strict=True))
    for axes, (key, group) in zip(grid, panels, strict=True):
        axes.axvline(0, color=GREY, linewidth=1)
        names = [f"{row['method']}, {row['fraction']:g}" for row in group.to_dict("records")]
        ticks = []
        for place, row in enumerate(group.to_dict("records")):
            style = styles[method_of[row["method"]]] | {"linestyle": ""}
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
            point = drawing.note(text, row["runs"].split())
            axes.plot([row["difference"]], [height], gid=point, zorder=3, **style)
            hollow = style | {"markerfacecolor": "white", "markersize": 4.5}
            axes.plot([row["held_out_part"]], [height - 0.28], zorder=3, **hollow)
            control = names.count(names[place]) > 1 and row["against"] != baseline
            lines = [names[place], *([f"against {row['against']}"] if control else [])]
            ticks.append("\n".join(fill(plain(line), LABEL_WIDTH) for line in lines))
        axes.set_yticks([-float(place) for place in range(len(ticks))], ticks)
        axes.set(xlabel="difference in gap (0-1 error)", title=_title(key[0], group))
        axes.set_ylim(-len(ticks) + 0.2, 0.7)
        axes.xaxis.set_major_locator(MaxNLocator(4))
        axes.grid(visible=False, axis="y")
    return drawing


def training_curves(evidence: Evidence) -> Drawing | None:
    """The term that every method minimises, cross-entropy on originals, against epochs."""
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
    known = ["run", "task", "fraction", "method", "label", "seed"]
    curves = pd.DataFrame(rows).merge(evidence.runs[known], on="run")
    panels = panels_of(curves, ["task", "fraction"])
    drawing, grid = drawing_of(
        "curves",
        "Training curves",
        "Cross-entropy (squared error) on original examples in training mode, mean over seeds, as "
        "logged. Objectives with further terms do not minimise this one alone. Variants as above.",
        len(panels),
    )
    styles = method_styles(curves["label"])
    for axes, (key, group) in zip(grid, panels, strict=True):
        for (label,), lines in grouped(group, ["label"]):
            mean = lines.groupby("epoch")["value"].mean()
            style = styles[label] | {"marker": ""}
            seeds = seeds_text(lines["seed"].tolist())
            text = f"{label}: ends at {mean.iloc[-1]:.4f} nats (seeds {seeds})"
            axes.plot(mean.index, mean.to_numpy(), gid=drawing.note(text, lines["run"]), **style)
        axes.set(
            xlabel="epoch", ylabel="cross-entropy (nats)", title=plain(f"{key[0]}, {key[1]:g}")
        )
        axes.set_ylim(bottom=0)
    legend(drawing.figure, {label: style | {"marker": ""} for label, style in styles.items()})
    return drawing


def sensitivity(evidence: Evidence) -> Drawing | None:
    """The task's metric against each weight or ratio that was swept with the others fixed."""
    frame = sweep_frame(evidence)
    if frame.empty:
        return None
    panels = panels_of(frame, ["task", "fraction", "setting", "field"])
    drawing, grid = drawing_of(
        "sensitivity",
        "Sensitivity to weights and mixup ratio",
        "The task's metric on its development sets as one setting of MixKD changes and the others "
        "stay; means over seeds with 95 % intervals. The square is the reference.",
        len(panels),
    )
    firsts: dict[tuple[Any, ...], Axes] = {}
    for axes, (key, group) in zip(grid, panels, strict=True):
        first = firsts.setdefault(key[:3], axes)
        if axes is not first:
            axes.sharey(first)  # what was swept around one reference is compared by eye
        points = [
            (float(value), summarise_seeds(at["value"].to_numpy()), at)
            for (value,), at in grouped(group.sort_values("at"), ["at"])
        ]
        axes.plot(
            [at for at, _, _ in points], [s.mean for _, s, _ in points], color=GREY, linewidth=1
        )
        for at, summary, rows in points:
            text = f"{key[0]}, {key[1]:g}: {key[3]} = {at:g}: {summary.mean:.4f}"
            if summary.interval is not None:
                axes.plot([at, at], list(summary.interval), color="#0072B2", linewidth=1.2)
                text += f", 95 % interval {summary.interval[0]:.4f} to {summary.interval[1]:.4f}"
            axes.plot(
                [at], [summary.mean], "s" if rows["reference"].all() else "o", color="#0072B2",
                gid=drawing.note(f"{text}, {summary.n} seeds", rows["run"]),
            )  # fmt: skip
        axes.set(
            xlabel=plain(key[3]),
            ylabel=plain(group["metric"].iloc[0]),
            title=plain(f"{key[0]}, {key[1]:g}"),
        )
    return drawing


DRAWINGS: Sequence[Callable[[Evidence], Drawing | None]] = (
    accuracy_by_fraction,
    gap_by_fraction,
    risk_scatter,
    forest,
    sensitivity,
    latent_space,
    risk_against_latency,
    training_curves,
)


def _by_fraction(name: str, title: str, caption: str, frame: pd.DataFrame) -> Drawing | None:
    """A panel a task: `value` (called `what`) against the fraction, a line a label."""
    if frame.empty:
        return None
    panels = panels_of(frame, ["task"])
    drawing, grid = drawing_of(name, title, caption, len(panels))
    styles = method_styles(frame["label"])
    for axes, (key, group) in zip(grid, panels, strict=True):
        group = _on_one_set(group)
        labels = list(dict.fromkeys(group["label"]))
        for place, (key_of_line, line) in enumerate(grouped(group, ["label"])):
            label = key_of_line[0]
            points = [
                (fraction, summarise_seeds(at["value"].to_numpy()), at)
                for fraction, at in line.groupby("fraction")
            ]
            # Side by side on the logarithmic axis, so that intervals do not hide each other.
            shift = 1 + 0.05 * (place - (len(labels) - 1) / 2)
            where = [100 * float(fraction) * shift for fraction, _, _ in points]  # type: ignore[arg-type]
            means = [summary.mean for _, summary, _ in points]
            style = styles[label]
            axes.plot(where, means, color=style["color"], linestyle=style["linestyle"], alpha=0.8)
            for x, (fraction, summary, rows) in zip(where, points, strict=True):
                text = f"{label}, {fraction:g} of {key[0]}: {summary.mean:.4f}"
                if summary.interval is not None:
                    low, high = summary.interval
                    axes.plot([x, x], [low, high], color=style["color"], linewidth=1.2, alpha=0.7)
                    text += f", 95 % interval {low:.4f} to {high:.4f}"
                text += f", {summary.n} seeds ({seeds_text(rows['seed'].tolist())})"
                axes.plot(
                    [x], [summary.mean], gid=drawing.note(text, rows["run"]),
                    markeredgecolor="white", markeredgewidth=0.5, **style | {"linestyle": ""},
                )  # fmt: skip
        _fraction_axis(axes, sorted(set(group["fraction"])))
        axes.set(ylabel=str(group["what"].iloc[0]), title=_title(key[0], group))
    legend(drawing.figure, styles)
    return drawing


def _on_one_set(group: pd.DataFrame) -> pd.DataFrame:
    """The rows on the set that was there for most fractions, the first of several."""
    fractions = group.groupby("set", sort=False)["fraction"].nunique()
    return group[group["set"] == fractions.idxmax()]


def _title(task: str, group: pd.DataFrame) -> str:
    return plain(f"{task} ({group['set'].iloc[0]})")


def _fraction_axis(axes: Axes, fractions: Sequence[float]) -> None:
    axes.set_xscale("log")
    axes.set_xticks([100 * fraction for fraction in fractions])
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    axes.xaxis.set_minor_locator(mpl.ticker.NullLocator())
    low, high = 100 * min(fractions), 100 * max(fractions)
    axes.set_xlim(low / 1.6, high * 1.6)
    axes.set_xlabel("share of the training data (%)")
