"""Estimate the bias of the mixed distribution, b = R - R_mix, from disjoint held-out pairs (T7)."""

import numpy.typing as npt

from theory.bounds.betting import betting
from theory.bounds.bound import Bound
from theory.bounds.losses import FloatArray, checked_losses
from theory.bounds.mean_bound import MeanBound
from theory.errors import TheoryInputError


def mixing_bias(
    first: npt.ArrayLike,
    second: npt.ArrayLike,
    mixed: npt.ArrayLike,
    delta: float,
    loss_bound: float = 1.0,
    *,
    lower: bool = False,
    method: MeanBound = betting,
) -> Bound:
    """Bound b = R - R_mix from the losses at x, at x' and at their mixture, shape (n,) each.

    The pairs must be disjoint, so that D = (g(x) + g(x'))/2 - g(mixture), in [-M, M], is an
    independent sample with mean b.

    Raises:
        TheoryInputError: different numbers of losses, or as the method.
    """
    names = ("losses at the first points", "losses at the second points", "losses at the mixtures")
    parts = [
        checked_losses(losses, loss_bound, name=name)
        for losses, name in zip((first, second, mixed), names, strict=True)
    ]
    if len({part.size for part in parts}) > 1:
        raise TheoryInputError(
            f"there are {parts[0].size}, {parts[1].size} and {parts[2].size} losses at the first "
            "points, the second points and the mixtures; every pair needs all three"
        )
    differences: FloatArray = 0.5 * (parts[0] + parts[1]) - parts[2]
    return method(differences, delta, loss_bound, lowest=-loss_bound, lower=lower)
