"""Standard errors when groups were sampled; risks on groups trained on, and on others."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Groups = NDArray[np.int64]

# The remainder is of the split that the training subset was taken from: groups are the same there.
_SAME_SPLIT = "remainder"

SHARED_SOURCE_COLUMNS = ("set", "loss", "examples", "groups", "error", "grouped_error",
                         "seen_examples", "seen_risk", "unseen_risk")  # fmt: skip


def standard_error(values: Floats) -> float:
    """Of the mean of independent values, of shape `(n,)`; NaN for fewer than two."""
    return float(values.std(ddof=1) / np.sqrt(len(values))) if len(values) > 1 else float("nan")


def grouped_standard_error(values: Floats, groups: Groups) -> float:
    """Of the mean over examples when whole groups are what was sampled.

    The limit, for many resamples, of drawing groups with replacement: with residuals summed within
    each of G groups, sqrt(G / (G − 1) Σ_g (Σ_{i in g} (x_i − x̄))²) / n (the linearised variance of
    a ratio; Cochran, 1977, section 3.12). With groups of one it is :func:`standard_error`.

    Args:
        values: of shape `(n,)`.
        groups: of shape `(n,)`, equal for examples of one group.
    """
    return _error_by_place(values, np.unique(groups, return_inverse=True)[1])


def _error_by_place(values: Floats, place: Groups) -> float:
    """The same, groups numbered from 0 on."""
    count = int(place.max()) + 1
    if count < 2:
        return float("nan")
    sums = np.bincount(place, weights=values - values.mean())
    return float(np.sqrt(count / (count - 1) * np.square(sums).sum()) / len(values))


def shared_source_rows(
    losses: Mapping[str, Mapping[str, Floats]], groups: Mapping[str, Groups]
) -> list[dict[str, Any]]:
    """A row of `SHARED_SOURCE_COLUMNS` per held-out set × loss of one run.

    Args:
        losses: by set and loss, each of shape `(n,)`.
        groups: by set, of shape `(n,)`; sets without groups are independent draws.
    """
    rows = []
    for name in groups:
        if name == "train":
            continue
        known, place = np.unique(groups[name], return_inverse=True)
        seen = np.isin(groups[name], groups["train"]) if name == _SAME_SPLIT else None
        for loss, values in losses[name].items():
            rows.append(
                {
                    "set": name,
                    "loss": loss,
                    "examples": len(values),
                    "groups": len(known),
                    "error": standard_error(values),
                    "grouped_error": _error_by_place(values, place),
                    "seen_examples": None if seen is None else int(seen.sum()),
                    "seen_risk": _mean(values, seen),
                    "unseen_risk": _mean(values, None if seen is None else ~seen),
                }
            )
    return rows


def _mean(values: Floats, chosen: NDArray[np.bool_] | None) -> float:
    if chosen is None or not chosen.any():
        return float("nan")
    return float(values[chosen].mean())
