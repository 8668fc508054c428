"""Sample sizes and constants of the reconstructed theorems, as numbers.

Each is derived in `theory.symbolic.thresholds`. Sizes are returned as real numbers; the smallest
admissible count is `least_count` of them. All are sufficient, not necessary.

Symbols: M loss bound, L = log(|H|/δ), gap = eps_p > 0, weight = w of the original sample. Every
function raises TheoryInputError for a δ outside [1e-300, 1).
"""

from math import ceil, inf, log, sqrt

from theory.bounds.bound import checked_delta
from theory.errors import TheoryInputError


def least_count(size: float) -> int:
    """The least whole number of points that reaches `size`."""
    return ceil(size)


def finite_class_sample_size(
    gap: float, class_size: float, loss_bound: float, delta: float
) -> float:
    """T1(a): N = M² log(|H|/δ) / (2 gap²)."""
    return loss_bound**2 * _budget(delta, class_size) / (2 * _positive(gap, "gap") ** 2)


def finite_class_constant(gap: float, class_size: float, delta: float) -> float:
    """T1(a)'s c in N >= M² log(1/δ)/c: 2 gap² log(1/δ) / log(|H|/δ)."""
    return 2 * _positive(gap, "gap") ** 2 * _budget(delta) / _budget(delta, class_size)


def mean_gap_sample_size(gap: float, mean_gap: float, loss_bound: float, delta: float) -> float:
    """T1(b): N = M² log(1/δ) / (2(gap - mean_gap)²), for gap > mean_gap = EΔ_n."""
    margin = _positive(gap - mean_gap, "gap - mean_gap")
    return loss_bound**2 * _budget(delta) / (2 * margin**2)


def mean_gap_constant(gap: float, mean_gap: float) -> float:
    """T1(b)'s c: 2(gap - mean_gap)²."""
    return 2 * _positive(gap - mean_gap, "gap - mean_gap") ** 2


def complexity_sample_size(gap: float, complexity: float, loss_bound: float, delta: float) -> float:
    """T1(c): N = (B + M√(log(1/δ)/2))² / gap², when 2Rad_N <= B/√N."""
    root = complexity + loss_bound * sqrt(_budget(delta) / 2)
    return root**2 / _positive(gap, "gap") ** 2


def complexity_constant(gap: float, complexity: float, loss_bound: float, delta: float) -> float:
    """T1(c)'s c in N >= M² log(1/δ)/c."""
    size = complexity_sample_size(gap, complexity, loss_bound, delta)
    return loss_bound**2 * _budget(delta) / size


def largest_possible_gap(n: int, class_size: float, loss_bound: float, delta: float) -> float:
    """M√(L/(2n)), above which no minimal gap of a finite class at n points can lie."""
    return loss_bound * sqrt(_budget(delta, class_size) / (2 * n))


def limit_deviation(n: int, weight: float, loss_bound: float) -> float:
    """σ_D = (M/2)(w/√n + (1-w)/√⌊n/2⌋), the sub-Gaussian parameter of wR_S + (1-w)U_n; n >= 2."""
    if n < 2:
        raise TheoryInputError(f"n is {n}, but mixing two distinct points needs n >= 2.")
    return loss_bound / 2 * (weight / sqrt(n) + (1 - weight) / sqrt(n // 2))


def mixup_draws_needed(
    kappa: float, weight: float, class_size: float, loss_bound: float, delta: float
) -> float:
    """T2.3: a = M² log(2|H|/δ)/c₂, for κ = eps_p - eps_∞(δ/2) > 0."""
    if weight == 1:
        return 0.0
    return loss_bound**2 * _budget(delta, 2 * class_size) / mixup_constant(kappa, weight)


def mixup_constant(kappa: float, weight: float) -> float:
    """T2.3's c₂ = 2κ²/(1-w)²."""
    return inf if weight == 1 else 2 * _positive(kappa, "kappa") ** 2 / (1 - weight) ** 2


def floor_draws(
    gap: float, eps_infinity: float, weight: float, class_size: float, loss_bound: float, eta: float
) -> float:
    """T2.3's floor: beyond this a the minimal gap exceeds eps_p; eps_infinity = eps_∞(δ+η)."""
    excess = _positive(eps_infinity - gap, "eps_infinity - gap")
    return ((1 - weight) * loss_bound) ** 2 * _budget(eta, class_size) / (2 * excess**2)


def obstruction_margin(
    n: int,
    bias: float,
    weight: float,
    class_size: float,
    loss_bound: float,
    delta: float,
    eta: float,
) -> float:
    """T2.5's left side minus its right side; the floor applies when this is positive.

    (1-w) b̄ - M√(L/(2n)) - σ_D √(2 log(1/(1-δ-η))), for δ + η < 1.
    """
    if not delta + eta < 1:
        raise TheoryInputError(f"delta + eta is {delta + eta}, but it must stay below 1.")
    lower_tail = limit_deviation(n, weight, loss_bound) * sqrt(2 * log(1 / (1 - delta - eta)))
    gap_bound = largest_possible_gap(n, class_size, loss_bound, delta)
    return (1 - weight) * bias - gap_bound - lower_tail


def obstruction_sample_size(
    bias: float, weight: float, class_size: float, loss_bound: float, delta: float, eta: float
) -> int:
    """T2.5's n0: the least n >= 2 whose margin is positive; it then is at every larger n.

    The right side decreases in n, so doubling and bisection find it.
    """
    if not (bias > 0 and weight < 1):
        raise TheoryInputError(
            f"the obstruction needs bias > 0 and weight < 1, got {bias} and {weight}."
        )

    def reached(n: int) -> bool:
        return obstruction_margin(n, bias, weight, class_size, loss_bound, delta, eta) > 0

    high = 2
    while not reached(high):
        high *= 2
    low = high // 2
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if reached(middle) else (middle, high)
    return high


def _budget(delta: float, statements: float = 1) -> float:
    """Return log(statements/delta), what a union of so many statements costs."""
    return log(statements) - log(checked_delta(delta))


def _positive(value: float, name: str) -> float:
    if not value > 0:
        raise TheoryInputError(f"{name} is {value}, but this threshold exists only above zero.")
    return value
