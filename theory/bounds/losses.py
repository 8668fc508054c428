"""Loss vectors and loss tables: what may enter a bound, and what clipping changes.

Every bound of the suite supposes losses in a declared range [lowest, M]. A value outside it, a NaN
or a missing row makes the statement false without making the arithmetic fail, so they are refused
here, at the door, by row and value.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from math import isfinite

import numpy as np
import numpy.typing as npt

from theory.bounds.bound import checked_loss_bound
from theory.errors import TheoryInputError

FloatArray = npt.NDArray[np.float64]


def checked_losses(
    losses: npt.ArrayLike,
    loss_bound: float = 1.0,
    *,
    lowest: float = 0.0,
    name: str = "losses",
) -> FloatArray:
    """Return the losses as a vector of shape (n,), n >= 1, every value in [lowest, loss_bound].

    Raises:
        TheoryInputError: not one-dimensional, empty, not numeric, NaN, or outside the range; the
            message names the row (counted from 0) and the value.
    """
    vector = _numeric(losses, name)
    if vector.ndim != 1:
        raise TheoryInputError(
            f"{name} has shape {vector.shape}, but one loss per example, shape (n,), is needed"
        )
    if vector.size == 0:
        raise TheoryInputError(f"{name} is empty; at least one loss is needed")
    _check_range(vector, checked_range(lowest, loss_bound), name)
    return vector


def checked_batch(
    losses: npt.ArrayLike,
    loss_bound: float = 1.0,
    *,
    lowest: float = 0.0,
    name: str = "losses",
) -> FloatArray:
    """Return an array of shape (..., n), n >= 1: one sample of n losses along the last axis.

    Raises:
        TheoryInputError: as `checked_losses`; the row named is the index into the array.
    """
    array = _numeric(losses, name)
    if array.ndim == 0 or array.shape[-1] == 0:
        raise TheoryInputError(f"{name} is empty; at least one loss per sample is needed")
    _check_range(array, checked_range(lowest, loss_bound), name)
    return array


def checked_range(lowest: float, loss_bound: float) -> tuple[float, float]:
    """Return (lowest, loss_bound), or raise if that is no range.

    Raises:
        TheoryInputError: M is not positive and finite, or lowest is not finite and below it.
    """
    highest = checked_loss_bound(loss_bound)
    if not (isfinite(lowest) and lowest < highest):
        raise TheoryInputError(
            f"the lowest value is {lowest!r}, but it must be finite and below the loss bound "
            f"{highest!r}"
        )
    return float(lowest), highest


def to_unit(
    values: FloatArray, lowest: float, highest: float, *, mirrored: bool = False
) -> FloatArray:
    """Map [lowest, highest] onto [0, 1]; mirrored, highest goes to 0 (for a bound from below)."""
    unit: FloatArray = np.clip((values - lowest) / (highest - lowest), 0.0, 1.0)
    return 1.0 - unit if mirrored else unit


def from_unit(
    limits: FloatArray, lowest: float, highest: float, *, mirrored: bool = False
) -> FloatArray:
    """Undo `to_unit` for limits of any shape; they may lie outside [0, 1]."""
    if mirrored:
        return highest - (highest - lowest) * limits
    return lowest + (highest - lowest) * limits


def paired_differences(
    first: npt.ArrayLike,
    second: npt.ArrayLike,
    loss_bound: float = 1.0,
    *,
    names: tuple[str, str] = ("first", "second"),
) -> FloatArray:
    """Return first - second, shape (n,), values in [-M, M]: both methods on the same examples.

    Raises:
        TheoryInputError: the two do not have the same number of examples, or as `checked_losses`.
    """
    left = checked_losses(first, loss_bound, name=names[0])
    right = checked_losses(second, loss_bound, name=names[1])
    if left.size != right.size:
        raise TheoryInputError(
            f"{names[0]} has {left.size} losses but {names[1]} has {right.size}; a paired question "
            "needs both methods on the same examples, in the same order"
        )
    difference: FloatArray = left - right
    return difference


def checked_table(
    columns: Mapping[str, npt.ArrayLike], loss_bound: float = 1.0
) -> dict[str, FloatArray]:
    """Return {method: losses of shape (n,)}, the same n for every method.

    Raises:
        TheoryInputError: no column, columns of different length, or as `checked_losses`.
    """
    if not columns:
        raise TheoryInputError("the table has no column; give one column of losses per method")
    table = {
        method: checked_losses(losses, loss_bound, name=f"column {method!r}")
        for method, losses in columns.items()
    }
    lengths = {method: losses.size for method, losses in table.items()}
    if len(set(lengths.values())) > 1:
        listed = ", ".join(f"{method!r}: {length}" for method, length in lengths.items())
        raise TheoryInputError(
            f"the columns have different lengths ({listed}); every method needs a loss for every "
            "example, in the same order"
        )
    return table


def is_zero_one(losses: npt.ArrayLike) -> bool:
    """True when every loss is 0 or 1, so that exact binomial statements apply."""
    values = np.asarray(losses, dtype=np.float64)
    return bool(np.all((values == 0.0) | (values == 1.0)))


@dataclass(frozen=True, slots=True)
class ClipReport:
    """The change from the loss g to min(g, M); every later statement is about min(g, M).

    n: losses seen; loss_bound: M; clipped: how many were above M; largest: the largest before;
    mean_before, mean_after: empirical risk before and after (before is infinite if a loss was).
    """

    n: int
    loss_bound: float
    clipped: int
    largest: float
    mean_before: float
    mean_after: float


def clip_losses(
    losses: npt.ArrayLike, loss_bound: float, *, name: str = "losses"
) -> tuple[FloatArray, ClipReport]:
    """Return min(losses, M), shape (n,), and what that changed.

    Infinite losses (a KL divergence with a zero in the student) are clipped; negative ones are not
    losses and are refused.

    Raises:
        TheoryInputError: M is not positive and finite; empty, NaN or negative losses.
    """
    highest = checked_loss_bound(loss_bound)
    vector = _numeric(losses, name)
    clipped = checked_losses(np.minimum(vector, highest), highest, name=name)
    return clipped, ClipReport(
        n=int(vector.size),
        loss_bound=highest,
        clipped=int(np.count_nonzero(vector > highest)),
        largest=float(vector.max()),
        mean_before=_mean(vector),
        mean_after=float(clipped.mean()),
    )


def _mean(vector: FloatArray) -> float:
    """Return the mean, infinite where the sum exceeds what a double can hold."""
    with np.errstate(over="ignore"):
        return float(vector.mean())


def _numeric(values: npt.ArrayLike, name: str) -> FloatArray:
    try:
        return np.array(values, dtype=np.float64)
    except (TypeError, ValueError, OverflowError):
        raise TheoryInputError(
            f"{name} cannot be read as numbers; give one finite number per example, and rows of "
            "equal length"
        ) from None


def _check_range(values: FloatArray, limits: tuple[float, float], name: str) -> None:
    lowest, highest = limits
    # NaN fails both comparisons, so "not inside" catches it where "outside" would let it through.
    inside = (values >= lowest) & (values <= highest)
    if bool(inside.all()):
        return
    index = np.unravel_index(int(np.argmin(inside)), values.shape)
    value = float(values[index])
    row = int(index[0]) if values.ndim == 1 else tuple(int(i) for i in index)
    count = int(values.size - np.count_nonzero(inside))
    if np.isnan(value):
        raise TheoryInputError(
            f"{name}: row {row} (counted from 0) is NaN ({count} bad of "
            f"{values.size}); a missing loss cannot be dropped in silence, so find out why it is "
            "missing"
        )
    raise TheoryInputError(
        f"{name}: row {row} (counted from 0) is {value!r}, outside [{lowest!r}, {highest!r}] "
        f"({count} bad of {values.size}); declare the right loss bound or clip the losses"
    )
