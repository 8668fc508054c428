"""Bounds on how much a class can overfit: the finite-class term and Rademacher complexities.

The empirical Rademacher complexity of a class on a sample is
Rad(S) = E_sigma sup_f (1/n) sum_i sigma_i g_f(x_i), with independent fair signs sigma (no absolute
value); its mean over samples is Rad_n, and the expected supremum of R - R_S is at most 2 Rad_n.
"""

from collections.abc import Callable
from dataclasses import dataclass
from math import log, sqrt

import numpy as np
import numpy.typing as npt

from theory.bounds.bound import LARGEST_CLASS, Bound, checked_count, checked_delta
from theory.bounds.losses import FloatArray, checked_batch, checked_losses
from theory.errors import TheoryInputError

# Up to this many examples all 2^n sign vectors are enumerated; above, signs are drawn.
EXACT_LIMIT = 16

# Numbers held at once while evaluating sign vectors (32 MB a temporary array).
_CHUNK = 4_000_000


SAMPLE = (
    "the examples are independent draws of one law",
    "every loss lies in the declared range",
)


@dataclass(frozen=True, slots=True)
class RademacherEstimate:
    """An empirical Rademacher complexity: exact, or estimated with an interval at 1 - delta.

    lower = value = upper and delta = 0 when every sign vector was enumerated.
    """

    value: float
    lower: float
    upper: float
    delta: float
    n: int
    sign_vectors: int
    exact: bool


def finite_class_term(class_size: int, n: int, delta: float, loss_bound: float = 1.0) -> float:
    """Return M sqrt(log(class_size/delta) / (2n)): Hoeffding with the union over a finite class.

    Raises:
        TheoryInputError: delta outside (0, 1), n < 1 or class_size < 1.
    """
    size = checked_count(class_size, "the class size", at_most=LARGEST_CLASS)
    budget = log(size) - log(checked_delta(delta))
    return loss_bound * sqrt(budget / (2.0 * checked_count(n)))


def finite_class_bound(
    losses: npt.ArrayLike, class_size: int, delta: float, loss_bound: float = 1.0
) -> Bound:
    """R(f) <= R_S(f) + M sqrt(log(|H|/delta) / (2n)), even for the f of H chosen on the sample.

    losses: those of the chosen predictor on the sample, shape (n,).

    Raises:
        TheoryInputError: as `finite_class_term`, or a loss outside [0, loss_bound].
    """
    values = checked_losses(losses, loss_bound)
    term = finite_class_term(class_size, values.size, delta, loss_bound)
    return Bound(
        value=float(values.mean()) + term,
        delta=delta,
        n=values.size,
        loss_bound=loss_bound,
        name="finite class, Hoeffding",
        assumptions=(*SAMPLE, "the class is finite and was fixed before drawing the sample"),
        source="Hoeffding (1963) with the union over the class",
    )


def empirical_rademacher(
    losses: npt.ArrayLike,
    loss_bound: float = 1.0,
    *,
    delta: float = 1e-6,
    draws: int = 20_000,
    seed: int = 0,
) -> RademacherEstimate:
    """Rad(S) of a finite class from losses[i, f] = g_f(x_i), shape (n, |H|), in [0, M].

    Exact by enumerating all signs when n <= EXACT_LIMIT. Otherwise the mean over `draws` sign
    vectors, with an interval: the supremum has bounded differences 2 max_f g_f(x_i)/n in the
    signs, so the mean is within sqrt(2 log(2/delta) sum_i max_f g_f(x_i)² / draws)/n of Rad(S)
    with probability 1 - delta.

    Raises:
        TheoryInputError: not a matrix, a loss outside [0, loss_bound], delta outside (0, 1), or
            draws < 1.
    """
    table = checked_batch(losses, loss_bound)
    if table.ndim != 2:
        raise TheoryInputError(
            f"losses has shape {table.shape}; give one row an example and one column a predictor"
        )

    def supremum(signs: FloatArray) -> FloatArray:
        best: FloatArray = (signs @ table).max(axis=1) / table.shape[0]
        return best

    differences = 2.0 * table.max(axis=1) / table.shape[0]
    return _over_signs(supremum, differences, table.shape[1], delta, draws, seed)


def linear_rademacher(
    features: npt.ArrayLike,
    radius: float,
    *,
    delta: float = 1e-6,
    draws: int = 20_000,
    seed: int = 0,
) -> RademacherEstimate:
    """Rad(S) of {x -> <theta, x>: |theta| <= radius}: (radius/n) E |sum_i sigma_i x_i|.

    features: shape (n, d). Exact or estimated as `empirical_rademacher`, with bounded differences
    2 radius |x_i|/n.

    Raises:
        TheoryInputError: features not a finite matrix with rows, a radius that is not positive and
            finite, delta outside (0, 1), or draws < 1.
    """
    matrix = _checked_features(features)
    bound = _checked_radius(radius)

    def supremum(signs: FloatArray) -> FloatArray:
        lengths: FloatArray = np.sqrt(np.sum((signs @ matrix) ** 2, axis=1))
        scaled: FloatArray = lengths * (bound / matrix.shape[0])
        return scaled

    differences = 2.0 * bound * np.sqrt(np.sum(matrix**2, axis=1)) / matrix.shape[0]
    return _over_signs(supremum, differences, matrix.shape[1], delta, draws, seed)


def linear_rademacher_bounds(features: npt.ArrayLike, radius: float) -> tuple[float, float]:
    """Closed forms below and above Rad(S) of the linear class: (C/sqrt(2), C).

    C = (radius/n) sqrt(sum_i |x_i|²) by Jensen's inequality; the lower form is the
    Khintchine-Kahane inequality with its best constant.

    Raises:
        TheoryInputError: features not a finite matrix with rows, or a bad radius.
    """
    matrix = _checked_features(features)
    upper = _checked_radius(radius) * sqrt(float(np.sum(matrix**2))) / matrix.shape[0]
    return upper / sqrt(2.0), upper


def rademacher_bound(
    losses: npt.ArrayLike,
    rademacher: RademacherEstimate,
    delta: float,
    loss_bound: float = 1.0,
) -> Bound:
    """R(f) <= R_S(f) + 2 Rad(S) + 3 M sqrt(log(2/delta') / (2n)), for every f of the class at once.

    losses: those of the chosen predictor on the sample of the estimate, shape (n,). What the
    estimate may fail with is taken out of delta first (delta' = delta - rademacher.delta), and its
    upper end is used.

    Raises:
        TheoryInputError: delta outside (0, 1) or not above what the estimate spends, another
            number of losses than the estimate has, or a loss outside [0, loss_bound].
    """
    values = checked_losses(losses, loss_bound)
    if values.size != rademacher.n:
        raise TheoryInputError(
            f"there are {values.size} losses but the Rademacher complexity is of {rademacher.n} "
            "examples; both must come from the same sample"
        )
    left = checked_delta(delta) - rademacher.delta
    if left <= 0.0:
        raise TheoryInputError(
            f"delta is {delta!r}, but estimating the complexity already spends "
            f"{rademacher.delta!r}; estimate it at a smaller delta"
        )
    deviation = 3.0 * loss_bound * sqrt(log(2.0 / left) / (2.0 * values.size))
    return Bound(
        value=float(values.mean()) + 2.0 * rademacher.upper + deviation,
        delta=delta,
        n=values.size,
        loss_bound=loss_bound,
        name="empirical Rademacher",
        assumptions=(
            *SAMPLE,
            "the class was fixed before drawing the sample, and the complexity is of its losses",
        ),
        source="Mohri, Rostamizadeh and Talwalkar (2018), theorem 3.3",
    )


def expected_rademacher_bound(
    losses: npt.ArrayLike, expected_rademacher: float, delta: float, loss_bound: float = 1.0
) -> Bound:
    """R(f) <= R_S(f) + 2 Rad_n + M sqrt(log(1/delta) / (2n)), Rad_n (or a bound of it) known.

    Raises:
        TheoryInputError: delta outside (0, 1), a negative complexity, or a loss outside
            [0, loss_bound].
    """
    values = checked_losses(losses, loss_bound)
    if not expected_rademacher >= 0.0:
        raise TheoryInputError(
            f"the Rademacher complexity is {expected_rademacher!r}, but it cannot be negative"
        )
    deviation = finite_class_term(1, values.size, delta, loss_bound)
    return Bound(
        value=float(values.mean()) + 2.0 * expected_rademacher + deviation,
        delta=delta,
        n=values.size,
        loss_bound=loss_bound,
        name="Rademacher",
        assumptions=(
            *SAMPLE,
            "the expected complexity of the class's losses is at most the one given",
        ),
        source="Mohri, Rostamizadeh and Talwalkar (2018), theorem 3.3",
    )


def sign_vectors(n: int) -> FloatArray:
    """Return all 2^n vectors of signs, shape (2^n, n).

    Raises:
        TheoryInputError: n < 1, or above EXACT_LIMIT.
    """
    if checked_count(n) > EXACT_LIMIT:
        raise TheoryInputError(
            f"{n} examples have 2^{n} sign vectors, more than are enumerated (2^{EXACT_LIMIT}); "
            "draw signs at random instead"
        )
    bits = (np.arange(2**n)[:, np.newaxis] >> np.arange(n)) & 1
    return 2.0 * bits.astype(np.float64) - 1.0


def _over_signs(
    supremum: Callable[[FloatArray], FloatArray],
    differences: FloatArray,
    width: int,
    delta: float,
    draws: int,
    seed: int,
) -> RademacherEstimate:
    n = differences.size
    if n <= EXACT_LIMIT:
        value = float(supremum(sign_vectors(n)).mean())
        return RademacherEstimate(value, value, value, 0.0, n, 2**n, exact=True)
    checked_delta(delta)
    checked_count(draws, "the number of draws")
    generator = np.random.default_rng(seed)
    step = max(1, _CHUNK // (n + width))
    total = 0.0
    for start in range(0, draws, step):
        size = (min(step, draws - start), n)
        signs = 2.0 * generator.integers(0, 2, size=size).astype(np.float64) - 1.0
        total += float(supremum(signs).sum())
    value = total / draws
    # Bounded differences c_i make the supremum sub-Gaussian with variance proxy sum c_i²/4.
    radius = sqrt(0.5 * log(2.0 / delta) * float(np.sum(differences**2)) / draws)
    return RademacherEstimate(
        value, max(0.0, value - radius), value + radius, delta, n, draws, exact=False
    )


def _checked_features(features: npt.ArrayLike) -> FloatArray:
    matrix: FloatArray = np.array(features, dtype=np.float64)
    if matrix.ndim != 2 or 0 in matrix.shape or not bool(np.all(np.isfinite(matrix))):
        raise TheoryInputError(
            f"the features have shape {matrix.shape}; give a finite matrix, one row an example"
        )
    return matrix


def _checked_radius(radius: float) -> float:
    if not 0.0 < radius < float("inf"):
        raise TheoryInputError(
            f"the radius of the linear class is {radius!r}, but it must be positive and finite"
        )
    return float(radius)
