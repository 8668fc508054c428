"""Exact confidence limits for 0-1 losses: Clopper-Pearson, and the paired difference.

With 0-1 losses the number of errors is binomial, and its tail can be inverted exactly. Each limit
is pushed outwards until its own tail probability, computed with room for rounding, is at most
delta: the error of the root finder is on the conservative side.
"""

from collections.abc import Callable

import numpy as np
import numpy.typing as npt
from scipy.special import betainc, betaincc, betainccinv, betaincinv

from theory.bounds.bound import Bound, checked_delta
from theory.bounds.losses import FloatArray, is_zero_one, paired_differences
from theory.errors import TheoryInputError

# Relative room for the rounding of the incomplete beta function.
_ROOM = 1e-12

SOURCE = "Clopper and Pearson (1934)"
ASSUMPTIONS = (
    "the observations are independent draws of one law, unused in training and selection",
    "every loss is 0 or 1",
)


def clopper_pearson_limit(
    errors: npt.ArrayLike, n: npt.ArrayLike, delta: float, *, lower: bool = False
) -> FloatArray:
    """Return the limit for the error probability from the errors among n; arrays broadcast.

    Above: the p with P(Bin(n, p) <= errors) = delta, and 1 when every observation is an error.
    Below: the p with P(Bin(n, p) >= errors) = delta, and 0 when none is.

    Raises:
        TheoryInputError: delta outside (0, 1), n < 1, or errors not a whole number in 0..n.
    """
    allowed = checked_delta(delta) * (1.0 - _ROOM)
    k, size = np.broadcast_arrays(
        np.asarray(errors, dtype=np.float64), np.asarray(n, dtype=np.float64)
    )
    if not bool(np.all((size >= 1) & (size == np.floor(size)) & np.isfinite(size))):
        raise TheoryInputError(f"n is {n!r}, but at least one observation is needed")
    if not bool(np.all((k >= 0) & (k <= size) & (k == np.floor(k)))):
        raise TheoryInputError(
            f"the number of errors is {errors!r}, but it must be a whole number between 0 and "
            f"n = {n!r}"
        )
    # Where the limit is the end of the range the beta law does not exist; any stand-in will do.
    at_end = k == 0 if lower else k == size
    if lower:
        inner = np.where(at_end, 1.0, k)
        limit = betaincinv(inner, size - inner + 1, allowed)
        limit = _outwards(limit, lambda p: betainc(inner, size - inner + 1, p) > allowed, -1.0)
        return np.where(at_end, 0.0, limit)
    inner = np.where(at_end, 0.0, k)
    limit = betainccinv(inner + 1, size - inner, allowed)
    limit = _outwards(limit, lambda p: betaincc(inner + 1, size - inner, p) > allowed, 1.0)
    return np.where(at_end, 1.0, limit)


def clopper_pearson(losses: npt.ArrayLike, delta: float, *, lower: bool = False) -> Bound:
    """Return the Clopper-Pearson bound on the risk from 0-1 losses of shape (n,).

    Raises:
        TheoryInputError: delta outside (0, 1), no losses, or a loss other than 0 and 1.
    """
    vector = _checked_zero_one(losses, "losses")
    limit = clopper_pearson_limit(vector.sum(), vector.size, delta, lower=lower)
    return Bound(
        value=float(limit),
        delta=delta,
        n=vector.size,
        loss_bound=1.0,
        name="Clopper-Pearson",
        assumptions=ASSUMPTIONS,
        source=SOURCE,
        lower=lower,
    )


def exact_paired_difference_limit(
    first_only: npt.ArrayLike,
    second_only: npt.ArrayLike,
    n: npt.ArrayLike,
    delta: float,
    *,
    lower: bool = False,
) -> FloatArray:
    """Bound R1 - R2 = p10 - p01 from the two discordant counts among n paired examples.

    first_only: how often only the first method errs (n10), second_only: only the second (n01).
    Either count is binomial, so p10 <= U(n10) and p01 >= L(n01), each at delta/2, give the bound.

    Raises:
        TheoryInputError: as `clopper_pearson_limit`, or more discordant pairs than examples.
    """
    half = checked_delta(delta) / 2.0
    discordant = np.asarray(first_only) + np.asarray(second_only)
    if bool(np.any(discordant > np.asarray(n))):
        raise TheoryInputError(
            f"the discordant counts {first_only!r} and {second_only!r} add up to more than "
            f"n = {n!r}; give the counts of examples on which only one method errs"
        )
    difference: FloatArray = clopper_pearson_limit(
        first_only, n, half, lower=lower
    ) - clopper_pearson_limit(second_only, n, half, lower=not lower)
    return difference


def exact_paired_difference(
    first: npt.ArrayLike, second: npt.ArrayLike, delta: float, *, lower: bool = False
) -> Bound:
    """Bound R(first) - R(second) from 0-1 losses of both methods on the same examples, (n,) each.

    Raises:
        TheoryInputError: different numbers of examples, delta outside (0, 1), or a loss other than
            0 and 1.
    """
    left, right = _checked_zero_one(first, "first"), _checked_zero_one(second, "second")
    differences = paired_differences(left, right)
    limit = exact_paired_difference_limit(
        np.count_nonzero(differences > 0),
        np.count_nonzero(differences < 0),
        differences.size,
        delta,
        lower=lower,
    )
    return Bound(
        value=float(limit),
        delta=delta,
        n=differences.size,
        loss_bound=1.0,
        name="exact paired binomial",
        assumptions=ASSUMPTIONS,
        source=f"{SOURCE}, for either discordant count at delta/2",
        trivial=-1.0 if lower else 1.0,
        lower=lower,
    )


def _checked_zero_one(losses: npt.ArrayLike, name: str) -> FloatArray:
    vector = np.asarray(losses, dtype=np.float64)
    if vector.ndim != 1 or vector.size == 0:
        raise TheoryInputError(
            f"{name} has shape {vector.shape}; at least one loss, one per example, is needed"
        )
    if not is_zero_one(vector):
        row = int(np.argmin((vector == 0.0) | (vector == 1.0)))
        raise TheoryInputError(
            f"{name}: row {row} (counted from 0) is {float(vector[row])!r}, but an exact "
            "binomial statement needs losses of 0 and 1; use a bound for bounded losses"
        )
    return vector


def _outwards(
    limit: npt.ArrayLike, too_likely: Callable[[FloatArray], npt.NDArray[np.bool_]], side: float
) -> FloatArray:
    """Move each limit by 1, 2, 4, ... units in the last place until it is not too likely."""
    moved = np.array(limit, dtype=np.float64)
    ulps = 1.0
    while bool(np.any(short := too_likely(moved))):
        moved = np.clip(np.where(short, moved + side * ulps * np.spacing(moved), moved), 0.0, 1.0)
        ulps *= 2.0
    return moved
