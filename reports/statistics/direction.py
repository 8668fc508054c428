"""Does a difference stand? Checks beside the sign-flip test, which alone would promise too much.

The sign-flip test is exact when the two methods' results are exchangeable. That is not a statement
about means: a skewed difference of mean 0 is not symmetric, and the test may find that. A direction
therefore *stands* only if three more checks agree, none of which can make a false verdict likelier:

* **most pairs**: the sign test, exact for every distribution in which a pair favours the direction
  with probability at most one half;
* **the interval**: Student's lower limit (Welch over tasks) lies above 0;
* **one more pair**: the same limit still lies above 0 when one pair is added that is as large as
  the largest seen and points the other way. Two or three agreeing pairs do not survive that, nor
  does a mean that one rare run carries.
"""

from collections.abc import Sequence
from math import sqrt

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.stats import binom

from reports.statistics.seeds import sign_flip_p_value, stratified_summary

Floats = NDArray[np.float64]


def sign_test_p_value(strata: Sequence[ArrayLike]) -> float:
    """One-sided p-value of "a pair is above 0 with probability at most one half"; a tie is not."""
    values = np.concatenate([np.asarray(stratum, dtype=np.float64) for stratum in strata])
    return float(binom.sf(int((values > 0).sum()) - 1, len(values), 0.5))


def one_sided_sign_flip(strata: Sequence[ArrayLike]) -> float:
    """P-value of "every difference is symmetric about 0 or less", against a mean above 0.

    Half of the two-sided one where the mean is above 0: the null distribution is symmetric.
    """
    above = stratified_summary(strata).mean > 0
    return sign_flip_p_value(strata) / 2 if above else 1.0


def failing_check(strata: Sequence[ArrayLike], level: float) -> str | None:
    """The first check that does not agree that differences lie above 0, in words; None if all do.

    Args:
        strata: the differences of each task, each of shape `(n_k,)`.
        level: one-sided, of each check.
    """
    arrays = [np.asarray(stratum, dtype=np.float64) for stratum in strata]
    if sign_test_p_value(arrays) > level:
        return "too few of the pairs agree"
    if not _lower_limit(arrays, level) > 0:
        return "the interval holds 0"
    if not _lower_limit(_one_more(arrays), level) > 0:
        return "one more pair against it would undo it"
    return None


def stands_above_zero(strata: Sequence[ArrayLike], level: float) -> bool:
    """Return True if all three checks agree that the differences lie above 0."""
    return failing_check(strata, level) is None


def spread(strata: Sequence[ArrayLike]) -> float | None:
    """Standard deviation of a pair, pooled over tasks; None where no task has two pairs."""
    error = stratified_summary(strata).sd
    if error is not None:
        return error
    several = [np.asarray(stratum, dtype=np.float64) for stratum in strata]
    several = [array for array in several if len(array) > 1]
    if not several:
        return None
    degrees = [len(array) - 1 for array in several]
    squares = sum(float(array.var(ddof=1)) * d for array, d in zip(several, degrees, strict=True))
    return sqrt(squares / sum(degrees))


def is_skewed(values: ArrayLike) -> bool:
    """Return True if the sample skewness exceeds two of its standard errors (for normal values)."""
    array = np.asarray(values, dtype=np.float64)
    n = len(array)
    deviation = array - array.mean()
    variance = float(np.square(deviation).mean())
    if n < 3 or variance == 0:
        return False
    skewness = float((deviation**3).mean()) / variance**1.5 * sqrt(n * (n - 1)) / (n - 2)
    return bool(abs(skewness) > 2 * sqrt(6 * n * (n - 1) / ((n - 2) * (n + 1) * (n + 3))))


def unseen_share(pairs: int, level: float) -> float:
    """The largest share of runs that all of these pairs may miss at a level: 1 − α^(1/n)."""
    return 1.0 - float(level ** (1 / pairs))


def _lower_limit(arrays: Sequence[Floats], level: float) -> float:
    interval = stratified_summary(arrays, 1 - 2 * level).interval
    return -np.inf if interval is None else interval[0]


def _one_more(arrays: Sequence[Floats]) -> list[Floats]:
    """With a pair as large as the largest, pointing down, in the task that this one is of."""
    largest = [float(np.abs(array).max()) for array in arrays]
    place = int(np.argmax(largest))
    return [
        np.append(array, -largest[place]) if task == place else array
        for task, array in enumerate(arrays)
    ]
