"""T6: the second-order form of the mixup loss under teacher matching, and its remainder.

``g(x) = l(f(x), F(x))`` is the loss as a function of the input; the teacher is queried at the
mixed input. With Δ = x_i - x_j and m the midpoint, averaged over the pairs, λ symmetric about ½,

    L_mix - L_S = -½E[λ(1-λ)] · mean Δ'∇²g(m)Δ + remainder,

and ½E[λ(1-λ)] = α/(4(2α+1)) for λ ~ Beta(α, α).

Only a shrinking spread of the points makes these forms exact; α → 0 does not: both sides vanish
linearly in α and their ratio tends to a constant that is in general not one
(`vanishing_alpha_limit`). Reconstruction, not the paper's; the constants are derived in
`theory.symbolic.law`. Cf. Carratino et al. 2022 (midpoint) and Zhang et al. 2021 (one-sided).
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import roots_legendre

from theory.errors import TheoryInputError
from theory.laws.minimal_gap import Pairing
from theory.laws.mixing_coefficient import MixingLaw
from theory.laws.mixup_law import mixing_moments

Array = NDArray[np.float64]
DEFAULT_NODES = 40


@dataclass(frozen=True)
class SmoothLoss:
    """A loss as a function of the input with its first two derivatives.

    `value` maps (k, d) to (k,), `gradient` to (k, d), `hessian` to (k, d, d).
    """

    value: Callable[[Array], Array]
    gradient: Callable[[Array], Array]
    hessian: Callable[[Array], Array]


def half_squared_residual(
    residual: Callable[[Array], Array],
    jacobian: Callable[[Array], Array],
    hessians: Callable[[Array], Array],
) -> SmoothLoss:
    """g = ½‖r‖² for the residual r = f - F of q outputs, student minus teacher.

    `residual` maps (k, d) to (k, q), `jacobian` to (k, q, d), `hessians` to (k, q, d, d).
    ∇g = J'r and ∇²g = J'J + Σ_q r_q ∇²r_q: the Jacobian is that of the *difference*, so nothing
    penalises the student's own Jacobian.
    """

    def gradient(x: Array) -> Array:
        slope: Array = np.einsum("kqd,kq->kd", jacobian(x), residual(x))
        return slope

    def hessian(x: Array) -> Array:
        rows = jacobian(x)
        gauss_newton: Array = np.einsum("kqd,kqe->kde", rows, rows)
        curvature: Array = np.einsum("kq,kqde->kde", residual(x), hessians(x))
        return gauss_newton + curvature

    return SmoothLoss(lambda x: 0.5 * np.sum(residual(x) ** 2, axis=1), gradient, hessian)


def exact_difference(
    loss: SmoothLoss,
    points: Array,
    mixing: MixingLaw,
    pairing: Pairing = "self",
    nodes: int = DEFAULT_NODES,
) -> float:
    """L_mix - L_S over the pairs of the sample `points` (n, d), by quadrature over λ.

    L_S is the mean over the sample. Pairing "self" takes every ordered pair, "distinct" those with
    i ≠ j. Exact for polynomials of degree below 2·nodes under Beta mixing.
    """
    first, second = _ordered_pairs(points, pairing)
    fractions, weights = mixing.quadrature(nodes)
    mixed = 0.0
    for u, weight in zip(fractions, weights, strict=True):
        mixed += float(weight * np.mean(loss.value(u * first + (1 - u) * second)))
    return mixed - float(np.mean(loss.value(points)))


def midpoint_form(
    loss: SmoothLoss, points: Array, mixing: MixingLaw, pairing: Pairing = "self"
) -> float:
    """-½E[λ(1-λ)] mean Δ'∇²g(midpoint)Δ: not positive when g is convex."""
    first, second = _ordered_pairs(points, pairing)
    difference = first - second
    curvature = np.einsum(
        "kd,kde,ke->k", difference, loss.hessian((first + second) / 2), difference
    )
    return -0.5 * float(mixing_moments(mixing).product) * float(np.mean(curvature))


def one_sided_form(
    loss: SmoothLoss, points: Array, mixing: MixingLaw, pairing: Pairing = "self"
) -> float:
    """Taylor form at x_i: μ₁ mean ∇g(x_i)'Δ + ½μ₂ mean Δ'∇²g(x_i)Δ with Δ = x_j - x_i.

    μ_k = E[(1-λ̃)^k] = 2E[λ(1-λ)^k] for the size-biased λ̃ (Beta(α+1, α) for λ ~ Beta(α, α)).
    """
    first, second = _ordered_pairs(points, pairing)
    difference = second - first
    slope = np.einsum("kd,kd->k", loss.gradient(first), difference)
    curvature = np.einsum("kd,kde,ke->k", difference, loss.hessian(first), difference)
    mu1, mu2, *_ = (float(mu) for mu in mixing_moments(mixing).one_sided)
    return mu1 * float(np.mean(slope)) + mu2 / 2 * float(np.mean(curvature))


def midpoint_remainder_bound(
    fourth_derivative: float, points: Array, mixing: MixingLaw, pairing: Pairing = "self"
) -> float:
    """K₄ (1/16 - E(λ-½)⁴)/24 mean‖Δ‖⁴, for |D⁴g[v,v,v,v]| <= K₄‖v‖⁴ on the hull.

    The weight is α(α+2)/(96(2α+1)(2α+3)) under Beta(α, α). An equality for quartics with constant
    fourth derivative.
    """
    weight = (1 / 16 - float(mixing_moments(mixing).fourth_central)) / 24
    return weight * _scaled_fourth_moment(fourth_derivative, points, pairing)


def one_sided_remainder_bound(
    fourth_derivative: float, points: Array, mixing: MixingLaw, pairing: Pairing = "self"
) -> float:
    """K₄ (μ₃/12 + μ₄/24) mean‖Δ‖⁴: fourth order too, because Δ and -Δ are equally frequent."""
    *_, mu3, mu4 = (float(mu) for mu in mixing_moments(mixing).one_sided)
    return (mu3 / 12 + mu4 / 24) * _scaled_fourth_moment(fourth_derivative, points, pairing)


def vanishing_alpha_limit(
    loss: SmoothLoss, points: Array, pairing: Pairing = "self", nodes: int = DEFAULT_NODES
) -> float:
    """The limit of (L_mix - L_S)/α as α → 0, λ ~ Beta(α, α).

    mean over pairs of ½∫₀¹ [g(u x_i + (1-u) x_j) - u g(x_i) - (1-u) g(x_j)] / (u(1-u)) du, by
    Gauss-Legendre (the integrand is smooth: the bracket vanishes at both ends).
    """
    first, second = _ordered_pairs(points, pairing)
    at_first, at_second = loss.value(first), loss.value(second)
    abscissae, weights = roots_legendre(nodes)
    total = 0.0
    for node, weight in zip((1 + abscissae) / 2, weights / 2, strict=True):
        chord = node * at_first + (1 - node) * at_second
        sag = loss.value(node * first + (1 - node) * second) - chord
        total += float(weight * np.mean(sag) / (2 * node * (1 - node)))
    return total


def affine_residual_loss(residuals: Array, variance_factor: float) -> float:
    """Exact L_mix of g = ½‖r‖² when r is affine: ½‖r̄‖² + ½ s tr Cov̂(r).

    `residuals` has shape (n, q); `variance_factor` is s with self-pairs (all n² pairs), its
    i ≠ j version otherwise. Mixup weighs the residuals' variance down against their mean.
    """
    mean = residuals.mean(axis=0)
    spread = float(np.mean(np.sum((residuals - mean) ** 2, axis=1)))
    return 0.5 * float(mean @ mean) + 0.5 * variance_factor * spread


def _scaled_fourth_moment(fourth_derivative: float, points: Array, pairing: Pairing) -> float:
    if not fourth_derivative >= 0:
        raise TheoryInputError(
            f"the bound K4 on the fourth derivative must be >= 0, got {fourth_derivative}."
        )
    first, second = _ordered_pairs(points, pairing)
    return fourth_derivative * float(np.mean(np.sum((first - second) ** 2, axis=1) ** 2))


def _ordered_pairs(points: Array, pairing: Pairing) -> tuple[Array, Array]:
    if points.ndim != 2 or points.shape[0] < 2:
        raise TheoryInputError(
            f"points must have shape (n, d) with n >= 2, got {points.shape}; "
            "a single feature is a column of shape (n, 1)."
        )
    if not np.all(np.isfinite(points)):
        raise TheoryInputError("points contain NaN or infinity; remove those rows first.")
    first, second = np.divmod(np.arange(points.shape[0] ** 2), points.shape[0])
    if pairing == "distinct":
        keep = first != second
        first, second = first[keep], second[keep]
    elif pairing != "self":
        raise TheoryInputError(f"pairing is {pairing!r}; it must be 'distinct' or 'self'.")
    return points[first], points[second]
