"""T5, no free lunch: what mixup changes for linear teachers and students (squared loss).

Everything follows from one matrix. Mixing is affine, so a linear student, an affine teacher and an
intercept all mix with the points: if the columns hold features, a constant one and the target,
the second moment of the mixed rows is

    factor · ZᵀZ/n + (1 - factor) · z̄ z̄ᵀ,

with factor s (self-pairs allowed), s_n (i≠j) or s_w = w + (1-w)s (with the originals).

The same formula holds for label mixing with any labels. Arrays of `fractions.Fraction` are solved
exactly. Reconstruction, not the paper's.
"""

from fractions import Fraction
from typing import Any

import numpy as np
import sympy as sp
from numpy.typing import NDArray

from theory.errors import TheoryInputError

Array = NDArray[np.float64]
# Either floating point or Fractions (dtype object).
ExactArray = NDArray[Any]


def mixed_second_moment(rows: ExactArray, factor: float | Fraction) -> ExactArray:
    """E[z'z'ᵀ | S] of mixed rows; `rows` is (n, k), `factor` the share of variance kept.

    factor = 1 gives the plain second moment.
    """
    if rows.ndim != 2 or rows.shape[0] == 0:
        raise TheoryInputError(f"rows must have shape (n, k) with n >= 1, got {rows.shape}.")
    if not 0 <= factor <= 1:
        raise TheoryInputError(f"factor must lie in [0, 1], got {factor}; it is s, s_n or s_w.")
    count = rows.shape[0]
    mean = rows.sum(axis=0) / count
    moment: ExactArray = factor * (rows.T @ rows) / count + (1 - factor) * np.outer(mean, mean)
    return moment


def fit_mixed(
    features: ExactArray,
    targets: ExactArray,
    factor: float | Fraction = 1,
    *,
    intercept: bool,
    ridge: float | Fraction = 0,
) -> ExactArray:
    """Coefficients that minimise the expected squared loss on mixed points (a = ∞).

    `features` (n, d), `targets` (n,). Ridge is on the slopes only: E(θ'x' + θ₀ - y')² + ridge ‖θ‖².
    Returns d slopes, then the intercept if there is one. Raises when the moments are singular.
    """
    if targets.shape != features.shape[:1]:
        raise TheoryInputError(
            f"targets have shape {targets.shape} but features {features.shape}: one target a row."
        )
    exact = features.dtype == object
    columns = [features]
    if intercept:
        one = Fraction(1) if exact else 1.0
        columns.append(np.full((len(targets), 1), one, dtype=features.dtype))
    design = np.hstack(columns)
    moment = mixed_second_moment(np.hstack([design, targets[:, None]]), factor)
    gram, cross = moment[:-1, :-1].copy(), moment[:-1, -1]
    for slope in range(features.shape[1]):
        gram[slope, slope] += ridge
    return _solve_exactly(gram, cross) if exact else _solve(gram, cross)


def minimum_norm_solution(
    points: Array, targets: Array, mixed_points: Array, mixed_targets: Array, weight: float
) -> Array:
    """The minimum-norm minimiser of w·mean(r² at points) + (1-w)·mean(r² at mixed points).

    `points` (n, d), `mixed_points` (a, d); gradient descent from zero reaches the same vector.
    """
    if not 0 <= weight <= 1:
        raise TheoryInputError(f"weight of the original sample must lie in [0, 1], got {weight}.")
    original, added = np.sqrt(weight / len(points)), np.sqrt((1 - weight) / len(mixed_points))
    design = np.vstack([original * points, added * mixed_points])
    values = np.concatenate([original * targets, added * mixed_targets])
    solution: Array = np.linalg.pinv(design) @ values
    return solution


def polynomial_rank(points: Array, degree: int) -> int:
    """Rank of (1, x, …, x^degree) at one-dimensional `points` (n,): what the teacher's values fix.

    A student of that degree is identified when the rank is degree + 1.
    """
    if degree < 0:
        raise TheoryInputError(f"degree must be >= 0, got {degree}.")
    return int(np.linalg.matrix_rank(np.vander(points, degree + 1)))


def _solve(gram: Array, cross: Array) -> Array:
    try:
        return np.asarray(np.linalg.solve(gram, cross), dtype=np.float64)
    except np.linalg.LinAlgError:
        raise _singular() from None


def _solve_exactly(gram: ExactArray, cross: ExactArray) -> ExactArray:
    matrix = sp.Matrix(gram.shape[0], gram.shape[1], [_rational(x) for x in gram.ravel()])
    if matrix.det() == 0:
        raise _singular()
    solution = matrix.LUsolve(sp.Matrix([_rational(x) for x in cross]))
    return np.array([Fraction(int(x.p), int(x.q)) for x in solution], dtype=object)


def _rational(value: Any) -> sp.Rational:
    fraction = Fraction(value)
    return sp.Rational(fraction.numerator, fraction.denominator)


def _singular() -> TheoryInputError:
    return TheoryInputError(
        "the second moments are singular, so the fit is not unique; "
        "drop dependent features, add ridge, or ask for the minimum-norm solution."
    )
