"""Bounds on the mean of a symmetric kernel of two observations, from one sample (U-statistics).

U_n is the mean of h(x_i, x_j) over i != j. Its terms share observations, so n(n-1) of them are not
n(n-1) independent ones: U_n is an average, over the orders of the sample, of means of
m = floor(n/2) independent kernel values, and concentrates at least as well as one such mean
(Hoeffding 1963, section 5).
"""

import numpy as np
import numpy.typing as npt

from theory.bounds.bound import Bound, checked_delta
from theory.bounds.concentration import (
    bernstein_radius,
    empirical_bernstein_limit,
    hoeffding_radius,
)
from theory.bounds.losses import FloatArray, checked_batch
from theory.errors import TheoryInputError

ASSUMPTIONS = (
    "the observations are independent draws of one law, unused in training and selection",
    "the kernel is symmetric and its values lie in [0, M]",
)


def u_statistic(kernel: npt.ArrayLike, loss_bound: float = 1.0) -> float:
    """Return the mean over i != j of kernel[i, j], shape (n, n), symmetric, in [0, M].

    Raises:
        TheoryInputError: not square, n < 2, not symmetric, or a value outside the range.
    """
    matrix = checked_kernel(kernel, loss_bound)
    n = matrix.shape[0]
    return float((matrix.sum() - np.trace(matrix)) / (n * (n - 1)))


def u_statistic_hoeffding(kernel: npt.ArrayLike, delta: float, loss_bound: float = 1.0) -> Bound:
    """E h <= U_n + M sqrt(log(1/delta) / (2 floor(n/2))), kernel as in `u_statistic`.

    Raises:
        TheoryInputError: delta outside (0, 1), or as `u_statistic`.
    """
    matrix = checked_kernel(kernel, loss_bound)
    radius = hoeffding_radius(matrix.shape[0] // 2, checked_delta(delta), loss_bound)
    return Bound(
        value=u_statistic(matrix, loss_bound) + radius,
        delta=delta,
        n=matrix.shape[0],
        loss_bound=loss_bound,
        name="U-statistic, Hoeffding",
        assumptions=ASSUMPTIONS,
        source="Hoeffding (1963), section 5",
    )


def u_statistic_bernstein(
    kernel: npt.ArrayLike, delta: float, kernel_variance: float, loss_bound: float = 1.0
) -> Bound:
    """E h <= U_n + sqrt(2 v L / m) + M L / (3m), m = floor(n/2), L = log(1/delta).

    kernel_variance: v = Var h(X, X'), known beforehand.

    Raises:
        TheoryInputError: delta outside (0, 1), a variance no kernel in [0, M] has, or as
            `u_statistic`.
    """
    matrix = checked_kernel(kernel, loss_bound)
    variance = checked_variance(kernel_variance, loss_bound)
    radius = bernstein_radius(matrix.shape[0] // 2, checked_delta(delta), variance, loss_bound)
    return Bound(
        value=u_statistic(matrix, loss_bound) + radius,
        delta=delta,
        n=matrix.shape[0],
        loss_bound=loss_bound,
        name="U-statistic, Bernstein by blocks",
        assumptions=(
            *ASSUMPTIONS,
            "the variance of the kernel is known and was not estimated from these observations",
        ),
        source="Hoeffding (1963), section 5; Boucheron, Lugosi and Massart (2013), corollary 2.11",
    )


def u_statistic_empirical_bernstein(
    kernel: npt.ArrayLike, delta: float, loss_bound: float = 1.0
) -> Bound:
    """Maurer and Pontil's bound on the floor(n/2) disjoint pairs (0, 1), (2, 3), ...

    The pairs are independent, so nothing about U-statistics is needed; the estimate is their mean
    and not U_n. The order of the sample must have been fixed beforehand.

    Raises:
        TheoryInputError: delta outside (0, 1), or as `u_statistic`.
    """
    matrix = checked_kernel(kernel, loss_bound)
    first = np.arange(0, matrix.shape[0] - 1, 2)
    pairs = matrix[first, first + 1]
    return Bound(
        value=float(empirical_bernstein_limit(pairs, delta, loss_bound)),
        delta=delta,
        n=matrix.shape[0],
        loss_bound=loss_bound,
        name="disjoint pairs, empirical Bernstein",
        assumptions=(
            *ASSUMPTIONS,
            "the order of the observations was fixed before looking at them",
        ),
        source="Maurer and Pontil (2009), theorem 4",
    )


def checked_kernel(kernel: npt.ArrayLike, loss_bound: float) -> FloatArray:
    """Return the kernel matrix, shape (n, n), n >= 2, symmetric, every value in [0, loss_bound].

    Raises:
        TheoryInputError: any of that does not hold.
    """
    matrix = checked_batch(kernel, loss_bound, name="kernel")
    if matrix.ndim != 2 or matrix.shape[0] != matrix.shape[1] or matrix.shape[0] < 2:
        raise TheoryInputError(
            f"the kernel has shape {matrix.shape}; give kernel[i, j] = h(x_i, x_j), shape (n, n), "
            "for at least two observations"
        )
    if not np.allclose(matrix, matrix.T, rtol=1e-9, atol=1e-12 * loss_bound):
        row, column = np.unravel_index(int(np.argmax(np.abs(matrix - matrix.T))), matrix.shape)
        raise TheoryInputError(
            f"the kernel is not symmetric: h({row}, {column}) is {float(matrix[row, column])!r} "
            f"but h({column}, {row}) is {float(matrix[column, row])!r}; average the two"
        )
    return matrix


def checked_variance(variance: float, loss_bound: float) -> float:
    """Return the variance, or raise if no distribution on [0, loss_bound] has it.

    Raises:
        TheoryInputError: negative, NaN, or above loss_bound²/4.
    """
    if not 0.0 <= variance <= 0.25 * loss_bound**2:
        raise TheoryInputError(
            f"the variance is {variance!r}, but a law on [0, {loss_bound!r}] has one between 0 and "
            f"{0.25 * loss_bound**2!r}; give the variance, not the standard deviation"
        )
    return float(variance)
