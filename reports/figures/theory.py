"""The figures of THEORY.md, drawn from exact enumeration and from the bounds themselves.

Every line has a dash pattern or a marker of its own beside its colour, so that nothing is lost in
greyscale. Output is deterministic.
"""

from collections.abc import Callable, Iterable
from fractions import Fraction
from pathlib import Path
from typing import Any

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from reports.figures.style import COLOURS, DPI, GREY, STYLE, UNDATED
from theory.bounds.betting import betting_limit
from theory.bounds.binomial import clopper_pearson_limit
from theory.bounds.concentration import empirical_bernstein_limit, hoeffding_limit
from theory.laws.finite_laws import (
    EIGHTHS_MIXING,
    FLOOR_MIXING,
    bernoulli_class,
    square_class,
    tent_class,
)
from theory.laws.minimal_gap import gap_law, mixup_gap_law, mixup_limit_gap_law
from theory.laws.mixing_coefficient import BetaMixing, FiniteMixing
from theory.laws.mixup_law import lipschitz_bias_bound, smooth_bias_bound
from theory.statements.thresholds import finite_class_sample_size, least_count

BLUE, ORANGE, GREEN, PURPLE = COLOURS[:4]
BLACK = "#222222"
LARGER: dict[Any, Any] = {"font.size": 10, "axes.titlesize": 11, "lines.linewidth": 1.8}


def save_figures(directory: Path, formats: Iterable[str] = ("svg", "png")) -> list[Path]:
    """Draw every figure and write it in each format; returns the paths written."""
    directory.mkdir(parents=True, exist_ok=True)
    written = []
    with mpl.rc_context({**STYLE, **LARGER}):
        for name, draw in FIGURES.items():
            figure = draw()
            for extension in formats:
                path = directory / f"{name}.{extension}"
                figure.savefig(path, dpi=DPI, metadata=dict(UNDATED[extension]))
                written.append(path)
    return written


def _axes(count: int = 1, width: float = 7.6, height: float = 4.2) -> tuple[Figure, list[Axes]]:
    figure = Figure(figsize=(width, height), layout="constrained")
    return figure, list(np.atleast_1d(figure.subplots(1, count, squeeze=True)))


def quantile_teeth() -> Figure:
    """eps(N, δ) of the fair coin against N: teeth above eps(3), and CVaR, which never rises."""
    problem, delta, start = bernoulli_class(Fraction(1, 2)), Fraction(1, 8), 3
    sizes = np.arange(1, 46)
    laws = [gap_law(problem, int(size)) for size in sizes]
    quantiles = np.array([float(law.quantile(delta)) for law in laws])
    tails = np.array([float(law.cvar(delta)) for law in laws])
    reference = quantiles[start - 1]
    threshold = least_count(finite_class_sample_size(reference, 1, 1.0, float(delta)))
    figure, (axes,) = _axes()
    axes.plot(
        sizes, tails, color=BLUE, linestyle=(0, (5, 2)), label=r"CVaR$_\delta(\Delta_N)$, monotone"
    )
    axes.plot(sizes, quantiles, color=GREY, linewidth=1)
    above = (quantiles > reference) & (sizes > start)
    axes.plot(
        sizes[~above],
        quantiles[~above],
        "o",
        color=GREEN,
        markersize=5,
        label=r"$\varepsilon(N,\delta)\leq\varepsilon_p$ or $N\leq n$",
    )
    axes.plot(
        sizes[above], quantiles[above], "^", color=ORANGE, markersize=7,
        label=r"$\varepsilon(N,\delta)>\varepsilon_p$ although $N>n$",
    )  # fmt: skip
    axes.axhline(reference, color=BLACK, linewidth=1)
    axes.text(45.6, reference + 0.008, r"$\varepsilon_p=\varepsilon(3,\delta)=1/6$", ha="right")
    axes.axvline(threshold, ymax=0.58, color=PURPLE, linestyle=":", linewidth=2)
    promise = f"T1(a) promises\n$\\varepsilon\\leq\\varepsilon_p$ for N ≥ {threshold}"
    axes.text(threshold - 0.5, 0.29, promise, color=BLACK, ha="right", va="top")
    axes.set(
        xlabel="sample size N = n + a", ylabel="gap", xlim=(0, 46), ylim=(0, 0.54),
        title="More i.i.d. data can raise the minimal gap (fair coin, δ = 1/8, n = 3)",
    )  # fmt: skip
    axes.legend(loc="upper right")
    return figure


def case2_gap() -> Figure:
    """eps*(a) against a: falling below eps_p (left) and held up by a floor (right)."""
    figure, panels = _axes(2, width=9.6)
    delta, n = Fraction(1, 10), 12
    counts = [1, 2, 3, 4, 6, 8, 12, 16, 24, 32, 48, 64]
    cases: tuple[tuple[str, FiniteMixing], ...] = (
        ("No bias: with enough draws mixup lowers the gap", EIGHTHS_MIXING),
        ("Bias 2/25: a floor above the gap without mixup", FLOOR_MIXING),
    )
    problem = tent_class()
    gap = float(gap_law(problem, n).quantile(delta))
    for axes, (title, mixing) in zip(panels, cases, strict=True):
        laws = [mixup_gap_law(problem, n, a, 0, mixing) for a in counts]
        limit = mixup_limit_gap_law(problem, n, 0, mixing)
        axes.plot(
            counts, [float(law.cvar(delta)) for law in laws], color=BLUE, linestyle=(0, (5, 2)),
            marker="s", markersize=4, label=r"CVaR$_\delta(\Delta_a)$, monotone",
        )  # fmt: skip
        axes.plot(
            counts, [float(law.quantile(delta)) for law in laws], color=ORANGE, marker="o",
            markersize=5, label=r"$\varepsilon^*(a,\delta)$",
        )  # fmt: skip
        axes.axhline(gap, color=BLACK, linewidth=1.4, label=r"$\varepsilon_p$, without mixup")
        axes.axhline(
            float(limit.quantile(delta)), color=GREEN, linestyle=":", linewidth=2.2,
            label=r"$\varepsilon_\infty(\delta)$, infinitely many draws",
        )  # fmt: skip
        axes.set_xscale("log", base=2)
        axes.set_xticks([1, 2, 4, 8, 16, 32, 64])
        axes.xaxis.set_major_formatter(mpl.ticker.ScalarFormatter())
        axes.set(xlabel="mixup draws a", title=title, ylim=(0.04, 0.31))
    panels[0].set_ylabel("gap (tent loss, n = 12, w = 0, δ = 0.1)")
    panels[0].legend(loc="upper right", labelspacing=0.25)
    return figure


def bias_bound() -> Figure:
    """Exact biases and the two bounds of T3 against α."""
    alphas = np.geomspace(0.02, 20, 121)
    laws = [BetaMixing(float(alpha)) for alpha in alphas]
    law = square_class().law
    distance, variance = float(law.mean_pair_distance()), float(law.variance())
    lipschitz = [float(lipschitz_bias_bound(item, 2.0, distance)) for item in laws]
    smooth = [float(smooth_bias_bound(item, 2.0, variance)) for item in laws]
    tent = [_tent_bias(item) for item in laws]
    figure, (axes,) = _axes()
    axes.plot(alphas, lipschitz, color=BLUE, linestyle=(0, (5, 2)))
    axes.plot(alphas, smooth, color=ORANGE)
    axes.plot(alphas, tent, color=GREEN, linestyle=(0, (1, 1)), linewidth=2.2)
    axes.axhline(0, color=GREY, linewidth=1)
    for value in (0.4, 1.0):
        axes.axvline(value, color=GREY, linewidth=0.8, linestyle=":")
        axes.text(value * 1.04, 0.87, f"α = {value:g}", color=GREY, va="top")
    axes.text(0.65, 0.50, "Lipschitz bound\n" r"$L\,m(\alpha)\,E\|x-\tilde x\|$, $L=2$", color=BLUE,
              ha="right", va="bottom")  # fmt: skip
    axes.text(1.5, 0.27, "exact bias of x² = smooth bound\n"
              r"$\beta\alpha\,\mathrm{tr\,Cov}(x)\,/\,(2(2\alpha+1))$, $\beta=2$",
              color="#A84A00", va="top")  # fmt: skip
    axes.text(0.02, -0.03, "exact bias of the tent: either sign",
              color="#00694D", va="top")  # fmt: skip
    axes.set_xscale("log")
    axes.set_xticks([0.02, 0.1, 0.4, 1, 4, 20], ["0.02", "0.1", "0.4", "1", "4", "20"])
    axes.minorticks_off()
    axes.set(
        xlabel="α of λ ~ Beta(α, α)", ylabel="bias R - R_mix", ylim=(-0.13, 0.9),
        title="The bias of mixup vanishes with α: exact values and bounds on {-1, 0, 1}",
    )  # fmt: skip
    return figure


def _tent_bias(mixing: BetaMixing) -> float:
    """R - R_mix of max(0, 1-2|x|) under p = (2/5, 1/5, 2/5) on {-1, 0, 1}, for any α."""
    quarter, half, three = mixing.integrated_cdf(np.array([0.25, 0.5, 0.75]))
    beside = 2 * half  # h(0, ±1) = E(1-2λ)₊
    across = 4 * (quarter - 2 * half + three)  # h(-1, 1) = E max(0, 1-2|1-2λ|)
    return float(0.2 - 0.04 - 0.32 * (beside + across))


def certificate_bounds() -> Figure:
    """Upper bound minus mean loss against m, for 0-1 errors and for a smaller variance.

    The betting bound depends on the order of the data: its median over shuffles is drawn.
    """
    sizes = [int(size) for size in np.unique(np.round(np.geomspace(2, 500, 13)).astype(int)) * 10]
    figure, panels = _axes(2, width=9.6)
    cases = (
        ("0-1 losses, one error in ten", np.arange(10) == 4),
        ("Losses 0.05 or 0.15 (standard deviation 0.05)", np.array([0.05, 0.15])),
    )
    for axes, (title, pattern) in zip(panels, cases, strict=True):
        curves: dict[str, list[float]] = {}
        for size in sizes:
            losses = np.resize(pattern.astype(float), size)
            for name, limit in _limits(losses, 0.05).items():
                curves.setdefault(name, []).append(limit - float(losses.mean()))
        for name, excess in curves.items():
            colour, dash, marker = LINES[name]
            axes.plot(sizes, excess, color=colour, linestyle=dash, marker=marker, markersize=5,
                      markevery=2, label=name)  # fmt: skip
        axes.set_xscale("log")
        axes.set_yscale("log")
        axes.set(xlabel="held-out points m", title=title, ylim=(9e-4, 1.2))
        axes.legend(loc="lower left")
    panels[0].set_ylabel("upper bound minus mean loss, δ = 0.05")
    return figure


LINES: dict[str, tuple[str, Any, str]] = {
    "Hoeffding": (BLUE, "-", "s"),
    "Maurer-Pontil": (ORANGE, (0, (5, 2)), "^"),
    "betting": (GREEN, (0, (3, 1, 1, 1)), "o"),
    "Clopper-Pearson": (BLACK, ":", "D"),
}


def _limits(losses: np.ndarray, delta: float) -> dict[str, float]:
    """Each bound on the mean; Clopper-Pearson only for losses of 0 and 1."""
    shuffles = np.random.default_rng(1).permuted(np.tile(losses, (41, 1)), axis=1)
    limits = {
        "Hoeffding": float(hoeffding_limit(losses, delta)),
        "Maurer-Pontil": float(empirical_bernstein_limit(losses, delta)),
        "betting": float(np.median(betting_limit(shuffles, delta))),
    }
    if set(losses) <= {0.0, 1.0}:
        limits["Clopper-Pearson"] = float(clopper_pearson_limit(losses.sum(), losses.size, delta))
    return limits


FIGURES: dict[str, Callable[[], Figure]] = {
    "quantile_teeth": quantile_teeth,
    "case2_gap": case2_gap,
    "bias_bound": bias_bound,
    "certificate_bounds": certificate_bounds,
}
