"""Figure 2: training points and their mixup neighbours as each method's student encodes them."""

from collections.abc import Iterator, Sequence
from itertools import cycle, islice
from textwrap import fill
from typing import Any

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import to_rgb
from numpy.typing import NDArray

from mixkd_core.data.tasks import GLUE, find_task
from mixkd_core.errors import InputError
from mixkd_core.objectives.objective import METHODS
from reports.evidence.encodings import LatentSpace, read_latent
from reports.evidence.evidence import Evidence
from reports.evidence.frames import grouped
from reports.figures.drawing import MARKERS, Drawing, drawing_of, unformatted
from reports.figures.style import GREY
from reports.tables.latent_space import latent_frame
from reports.tables.sweeps import representatives
from reports.tables.table import percent

# What the paper's figure compares, with distillation without mixup between; others fill up.
SHOWN = ("ft", "kd", "sm+tmkd")
MOST_POINTS = 100
DRAWN_COEFFICIENTS = (0.25, 0.5, 0.75)

# Far apart in lightness, so that they differ in greyscale; shapes differ too.
CLASS_COLOURS = ("#0072B2", "#E69F00", "#222222", "#CC79A7", "#009E73", "#56B4E9")

PERPLEXITY = 30

TITLE_WIDTH = 30  # characters that a panel has room for

Floats = NDArray[np.float64]


def latent_space(evidence: Evidence) -> Drawing | None:
    """Two projections of the encodings, a column a method, all of one seed and the same points."""
    chosen = _chosen(evidence)
    if not chosen:
        return None
    task, fraction, seed = (chosen[0][1][name] for name in ("task", "fraction", "seed"))
    spaces = [space for space, _ in chosen]
    drawing, grid = drawing_of(
        "latent",
        "Latent space of training points and their mixup neighbours",
        f"{task}, {percent(fraction)} of the training data, seed {seed}: the same training points "
        "(large) in every column, and their mixtures with others of them at λ = 1/4, 1/2 and 3/4 "
        "(small, the colours mixed likewise), as the last layer encodes them at the first "
        "position. Above: principal components of the points, an exact linear projection, in "
        "which straight lines stay straight. Below: t-SNE (scikit-learn, perplexity "
        f"{_perplexity(spaces[0])}, seed 0), whose distances between groups mean little. Spaces of "
        "different networks have no common axes.",
        2 * len(chosen),
        height=3.3,
    )
    names = _class_names(task, spaces[0])
    for number, axes in enumerate(grid):
        space, run = chosen[number % len(chosen)]
        linear = number < len(chosen)
        points, mixed, labels = principal_components(space) if linear else neighbour_map(space)
        _mixtures(axes, space, mixed)
        for name, colour, marker, members in _classes(space, names):
            text = (
                f"{run['label']}, {percent(fraction)} of {task}, seed {seed}: "
                f"{int(members.sum())} points"
                f"{f' of class {name}' if name else ''} (run {run['run']})"
            )
            axes.scatter(
                points[members, 0], points[members, 1], s=22, c=colour, marker=marker,
                edgecolors="white", linewidths=0.5, zorder=3,
                gid=drawing.note(text, [run["run"]]),
            )  # fmt: skip
        axes.set(
            xlabel=labels[0], ylabel=labels[1], title=fill(unformatted(run["label"]), TITLE_WIDTH)
        )
        if linear:
            axes.set_aspect("equal", adjustable="datalim")
        else:
            axes.set(xticks=[], yticks=[])
    _legend(drawing, [entry[:3] for entry in _classes(spaces[0], names)])
    return drawing


def principal_components(space: LatentSpace) -> tuple[Floats, Floats, tuple[str, str]]:
    """Points and mixtures on the points' first two principal components, and the axes' labels.

    A component's largest loading is positive, which settles the sign.
    """
    centre = space.encodings.mean(axis=0)
    _, sizes, directions = np.linalg.svd(space.encodings - centre, full_matrices=False)
    axes = np.zeros((2, space.encodings.shape[1]))
    axes[: min(2, len(directions))] = directions[:2]
    largest = np.abs(axes).argmax(axis=1)
    axes *= np.where(axes[[0, 1], largest] < 0, -1.0, 1.0)[:, None]
    total = float(np.square(sizes).sum())
    shares = [float(size) ** 2 / total if total else 0.0 for size in (*sizes[:2], 0.0, 0.0)[:2]]
    labels = [
        f"component {rank} ({100 * share:.0f} % of variance)"
        for rank, share in enumerate(shares, 1)
    ]
    points, mixed = (
        (values - centre) @ axes.T for values in (space.encodings, space.mixed_encodings)
    )
    return points, mixed, (labels[0], labels[1])


def neighbour_map(space: LatentSpace) -> tuple[Floats, Floats, tuple[str, str]]:
    """Points and mixtures by t-SNE (van der Maaten and Hinton, 2008), and the axes' labels.

    One thread, a start from principal components and a fixed seed: one machine draws the same
    picture every time; another may round differently, and t-SNE magnifies that.
    """
    from sklearn.manifold import TSNE
    from threadpoolctl import threadpool_limits

    together = np.concatenate([space.encodings, space.mixed_encodings])
    start = np.concatenate(principal_components(space)[:2])
    spread = float(start[:, 0].std())
    with threadpool_limits(limits=1):
        placed = TSNE(
            perplexity=_perplexity(space),
            init=start * (1e-4 / spread if spread else 1.0),
            max_iter=500,
            random_state=0,
        ).fit_transform(together)
    count = len(space.encodings)
    return placed[:count], placed[count:], ("t-SNE 1 (no unit)", "t-SNE 2 (no unit)")


def _perplexity(space: LatentSpace) -> int:
    """Of neighbours that count; t-SNE needs about three times as many in all."""
    return min(PERPLEXITY, (len(space.encodings) + len(space.mixed_encodings) - 1) // 3)


def _chosen(evidence: Evidence) -> list[tuple[LatentSpace, dict[str, Any]]]:
    """The runs drawn: of the setting and seed with most of `SHOWN`, GLUE's tasks first.

    The choice does not look at results. Results without encodings beside them draw nothing.
    """
    frame = latent_frame(evidence)
    if frame.empty:
        return []
    runs = representatives(evidence, frame.drop_duplicates("run"))
    known = [*SHOWN, *(name for name in METHODS if name not in SHOWN)]
    runs = runs.assign(
        rank=[known.index(name) if name in known else len(known) for name in runs["method"]]
    )

    def merit(group: Any) -> tuple[int, bool, int]:
        shown = int(group["method"].isin(SHOWN).sum())
        return shown, group["task"].iloc[0] in GLUE, min(len(group), len(SHOWN))

    groups = [group for _, group in grouped(runs.sort_values("seed"), ["setting", "seed"])]
    best = max(groups, key=merit).sort_values("rank").head(len(SHOWN))
    entries = {entry.id: entry for entry in evidence.entries}
    chosen = []
    for run in best.to_dict("records"):
        try:
            space = read_latent(entries[run["run"]].finished)
        except InputError:
            space = None
        if space is None:  # the numbers were kept and the encodings were not
            return []
        chosen.append((_part(space), {str(name): value for name, value in run.items()}))
    return chosen


def _part(space: LatentSpace) -> LatentSpace:
    """The first points, which are balanced by class, and their mixtures at the λ drawn."""
    count = min(MOST_POINTS, len(space.labels))
    kept = np.isin(space.mixing_coefficients, DRAWN_COEFFICIENTS)
    kept &= (space.first < count) & (space.second < count)
    return LatentSpace(
        space.labels[:count],
        space.encodings[:count],
        space.logits[:count],
        space.first[kept],
        space.second[kept],
        space.mixing_coefficients[kept],
        space.mixed_encodings[kept],
        space.mixed_logits[kept],
    )


def _class_names(task: str, space: LatentSpace) -> list[str]:
    """Names of the classes by index; none where labels are real."""
    if not space.has_classes:
        return []
    try:
        known = find_task(task).label_names
    except InputError:  # one's own task
        known = None
    return list(known or map(str, range(int(space.labels.max()) + 1)))


def _classes(
    space: LatentSpace, names: Sequence[str]
) -> Iterator[tuple[str, str, str, NDArray[np.bool_]]]:
    """Name, colour, marker and members of each class; of all points where there is none."""
    if not names:
        yield "", CLASS_COLOURS[0], MARKERS[0], np.ones(len(space.labels), dtype=bool)
    for label, (name, colour, marker) in enumerate(
        zip(names, cycle(CLASS_COLOURS), cycle(MARKERS), strict=False)
    ):
        yield name, colour, marker, space.labels == label


def _mixtures(axes: Axes, space: LatentSpace, mixed: Floats) -> None:
    """Small diamonds in the parents' colours, mixed by λ."""
    number = int(space.labels.max()) + 1 if space.has_classes else 1
    colours = np.array([to_rgb(colour) for colour in islice(cycle(CLASS_COLOURS), number)])
    labels = space.labels if space.has_classes else np.zeros(len(space.labels), dtype=np.int64)
    share = space.mixing_coefficients[:, None]
    blended = share * colours[labels[space.first]] + (1 - share) * colours[labels[space.second]]
    axes.scatter(
        mixed[:, 0], mixed[:, 1], s=9, c=blended, marker="D", alpha=0.55, linewidths=0, zorder=2
    )


def _legend(drawing: Drawing, classes: Sequence[tuple[str, str, str]]) -> None:
    line = mpl.lines.Line2D
    handles = [
        line([], [], linestyle="", marker=marker, color=colour, label=unformatted(name) or "point")
        for name, colour, marker in classes
    ]
    handles.append(
        line([], [], linestyle="", marker="D", markersize=3, color=GREY,
             label="mixture, coloured by its share of either class" if len(classes) > 1
             else "mixture")
    )  # fmt: skip
    drawing.figure.legend(handles=handles, loc="outside lower center", ncols=len(handles))
