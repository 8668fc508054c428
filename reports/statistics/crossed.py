"""Uncertainty over seeds and over examples at once, from paired per-example differences.

Two methods measured on the same examples differ by d_si for seed s and example i. Over other seeds
and other examples of the same distribution, the mean varies by

    Var = V_seeds + S / (S − 1) · max(0, V_examples − V_cells)

V_seeds is the squared standard error over the S pairs, which already holds what examples add where
every seed has its own. With residuals e_si = w_si (d_si − mean of the pair) that are summed within
a source (a group of examples, or the example itself), V_examples is the sum of squares over
sources and V_cells that over (pair, source): their difference is what a source contributes through
being shared by several seeds, short of 1/S of it. This is the variance of crossed random effects
with whole sources sampled (Owen, 2007; Cameron, Gelbach and Miller, 2011). Where no two seeds share
an example it adds nothing. The degrees of freedom are Satterthwaite's.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import sqrt

import numpy as np
from numpy.typing import NDArray
from scipy.special import stdtrit

from reports.statistics.seeds import LEVEL

Floats = NDArray[np.float64]
Names = NDArray[np.generic]


@dataclass(frozen=True)
class PairedExamples:
    """One pair of runs on one set.

    Attributes:
        differences: of the per-example losses, of shape `(n,)`.
        sources: equal for examples that share one, in every pair of the task, of shape `(n,)`.
        value: what the pair is judged by: the mean of `differences`, or that minus the difference
            of the training risks, which belongs to the seed.
    """

    differences: Floats
    sources: Names
    value: float


def crossed_interval(
    tasks: Mapping[str, Sequence[PairedExamples]], level: float = LEVEL
) -> tuple[float, float] | None:
    """Interval for the mean over tasks, seeds and examples; None where a task has one pair only.

    Args:
        tasks: the pairs of each task, which weigh the same whatever their number.
        level: of the interval.
    """
    if not tasks or min(map(len, tasks.values())) < 2:
        return None
    mean = variance = squares = 0.0
    for pairs in tasks.values():
        values = np.array([pair.value for pair in pairs])
        seeds = float(values.var(ddof=1)) / len(pairs)
        examples, sources = _shared_variance(pairs)
        mean += float(values.mean()) / len(tasks)
        variance += (seeds + examples) / len(tasks) ** 2
        squares += (seeds / len(tasks) ** 2) ** 2 / (len(pairs) - 1)
        squares += (examples / len(tasks) ** 2) ** 2 / max(1, sources - 1)
    if variance == 0:
        return mean, mean
    radius = float(stdtrit(variance**2 / squares, (1 + level) / 2)) * sqrt(variance)
    return mean - radius, mean + radius


def _shared_variance(pairs: Sequence[PairedExamples]) -> tuple[float, int]:
    """Return the variance that sources shared by several seeds add, and the number of sources."""
    count = len(pairs)
    residuals = np.concatenate(
        [(pair.differences - pair.differences.mean()) / len(pair.differences) for pair in pairs]
    )
    residuals /= count
    names = np.concatenate([pair.sources for pair in pairs])
    source = np.unique(names, return_inverse=True)[1]
    sources = int(source.max()) + 1
    owner = np.repeat(np.arange(count), [len(pair.differences) for pair in pairs])
    over_sources = np.square(np.bincount(source, weights=residuals)).sum()
    cells = np.square(np.bincount(owner * sources + source, weights=residuals)).sum()
    return count / (count - 1) * max(0.0, float(over_sources - cells)), sources
