"""Does a gain grow as data get fewer? The slope of a gain over fractions, one number a seed.

A seed's gains d_f at fractions f are brought to one contrast

    slope = Σ_f w_f d_f,   w_f = (x_f − x̄) / Σ (x − x̄)²,   x_f = −log10 f,

the least-squares slope: how much more is gained for every tenfold fewer data. A seed's subsets are
nested and its runs related, so that its gains are not independent; seeds are, and their slopes are
tested like any other paired differences (`reports.verdicts.rules`). The weights add up to 0: a gain
that is the same at every fraction is no trend, however large. Its noise need not be the same.
"""

from collections.abc import Mapping, Sequence
from math import log10

import numpy as np
from numpy.typing import ArrayLike, NDArray

from mixkd_core.errors import InputError

Floats = NDArray[np.float64]


def trend_weights(fractions: Sequence[float]) -> dict[float, float]:
    """The weight of each fraction in the slope.

    Raises:
        InputError: for fewer than two different fractions, or one outside (0, 1].
    """
    different = sorted(set(fractions))
    if len(different) < 2 or not all(0 < fraction <= 1 for fraction in different):
        raise InputError(
            f"the fractions are {', '.join(f'{fraction:g}' for fraction in different)}: a trend "
            "needs two different ones or more, each above 0 and at most 1."
        )
    places = np.array([-log10(fraction) for fraction in different])
    centred = places - places.mean()
    weights = centred / np.square(centred).sum()
    return dict(zip(different, weights.tolist(), strict=True))


def slopes(gains: Mapping[float, ArrayLike]) -> Floats:
    """Every seed's slope, of shape `(n,)`: the gain added by a tenfold reduction of the data.

    Args:
        gains: by fraction the gain of each seed, in one order, of shape `(n,)`.

    Raises:
        InputError: as `trend_weights`, or where a fraction has other seeds than the rest.
    """
    weights = trend_weights(list(gains))
    columns = {fraction: np.asarray(values, dtype=float) for fraction, values in gains.items()}
    if len({len(values) for values in columns.values()}) > 1:
        counts = ", ".join(f"{len(values)} at {f:g}" for f, values in columns.items())
        raise InputError(f"there are gains of {counts}: give those of the same seeds at each.")
    found: Floats = np.sum(
        [weights[fraction] * values for fraction, values in columns.items()], axis=0
    )
    return found
