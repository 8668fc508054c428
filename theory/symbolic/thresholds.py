"""Constants of the concentration results, each solved from the tail inequality it comes from.

Symbols: M loss bound, H = |H| class size, delta, n original and a added points, N sample size,
w weight of the original sample, gap = eps_p > 0, kappa = eps_p - eps_infinity(δ/2).
"""

import sympy as sp

from theory.symbolic.law import Derivation

M, H, N, n, a = sp.symbols("M H N n a", positive=True)
delta = sp.Symbol("delta", positive=True)
gap, kappa, t, z = sp.symbols("epsilon kappa t z", positive=True)
mean_gap = sp.Symbol("mu", positive=True)
complexity = sp.Symbol("B", positive=True)
one_minus_w = sp.Symbol("v", positive=True)  # 1-w, kept positive so that w<1 is built in
bias = sp.Symbol("b", positive=True)
log_inverse = sp.Symbol("L", positive=True)


def chernoff_exponent(variance_proxy: sp.Expr) -> sp.Expr:
    """min over s of σ²s²/2 - st: the logarithm of a sub-Gaussian tail at t."""
    s = sp.Symbol("s", positive=True)
    exponent = variance_proxy * s**2 / 2 - s * t
    (best,) = sp.solve(sp.diff(exponent, s), s)
    return sp.simplify(exponent.subs(s, best))


def _solve_positive(equation: sp.Expr, unknown: sp.Symbol) -> sp.Expr:
    """The one solution that is not negative for positive symbols."""
    solutions = [x for x in sp.solve(equation, unknown) if not x.is_negative]
    if len(solutions) != 1:
        raise ArithmeticError(f"expected one solution for {unknown}, found {solutions}")
    return solutions[0]


def threshold_t1_finite_class() -> sp.Expr:
    """N at which |H| exp(-2N eps²/M²) = δ (Hoeffding, union over the class)."""
    tail = sp.log(H) + chernoff_exponent(M**2 / (4 * N)).subs(t, gap) - sp.log(delta)
    return _solve_positive(tail, N)


def threshold_t1_mean_gap() -> sp.Expr:
    """N at which exp(-2N (eps-μ)²/M²) = δ (McDiarmid: N differences of M/N)."""
    margin = sp.Symbol("d", positive=True)
    proxy = N * (M / N) ** 2 / 4
    threshold = _solve_positive(chernoff_exponent(proxy).subs(t, margin) - sp.log(delta), N)
    return threshold.subs(margin, gap - mean_gap)


def threshold_t1_complexity() -> sp.Expr:
    """N at which B/√N + M√(log(1/δ)/(2N)) = eps; L stands for log(1/δ) > 0."""
    root = sp.Symbol("r", positive=True)  # √N
    mean_part, tail_part = complexity / root, M * sp.sqrt(log_inverse / 2) / root
    return _solve_positive(mean_part + tail_part - gap, root) ** 2


def threshold_t23() -> sp.Expr:
    """a at which |H| exp(-2aκ²/((1-w)²M²)) = δ/2 (Hoeffding over the draws, given S)."""
    proxy = one_minus_w**2 * M**2 / (4 * a)
    tail = sp.log(H) + chernoff_exponent(proxy).subs(t, kappa) - sp.log(delta / 2)
    return _solve_positive(tail, a)


def sub_gamma_quantile() -> sp.Expr:
    """The t at which the sub-gamma exponent (v/c²)(1+u-√(1+2u)), u = ct/v, equals L."""
    v, c = sp.symbols("v c", positive=True)
    root = sp.Symbol("r", positive=True)  # √(1+2u), r > 1
    u = (root**2 - 1) / 2
    roots = sp.solve(v / c**2 * (1 + u - root) - log_inverse, root)
    largest = max(roots, key=lambda x: float(x.subs({v: 1, c: 1, log_inverse: 1})))
    return sp.expand(sp.simplify(v / c * u.subs(root, largest)))


def _with_constant(threshold: sp.Expr, log_term: sp.Expr) -> sp.Expr:
    """The c for which the threshold reads M² log_term / c, the shape of the paper's Theorem 1."""
    c = sp.Symbol("c", positive=True)
    return _solve_positive(threshold - M**2 * log_term / c, c)


def threshold_derivations() -> tuple[Derivation, ...]:
    """Thresholds and constants of T1, T2.1, T2.3 to T2.7 and the ridge equivalence of T5."""
    log_class = sp.log(H) - sp.log(delta)
    v, c = sp.symbols("v c", positive=True)
    s, curvature, slope, ridge = sp.symbols("s C k r", positive=True)
    theta = sp.Symbol("theta", real=True)
    (plain,) = sp.solve(sp.diff(curvature * theta**2 / 2 - slope * theta, theta), theta)
    mixed_loss = s * (curvature * theta**2 / 2 - slope * theta) + ridge * theta**2 / 2
    (mixed,) = sp.solve(sp.diff(mixed_loss, theta), theta)
    equal_ridge = plain.subs(curvature, curvature + ridge / s)
    draws = one_minus_w**2 * M**2 / (4 * a)
    original = n * ((1 + one_minus_w) * M / n) ** 2 / 4  # (2-w)M/n per original point
    tail_27 = chernoff_exponent(original + draws)
    obstruction = M * sp.sqrt(log_inverse / 2) + M / 2 * (
        (1 - one_minus_w) + one_minus_w * sp.sqrt(2)
    ) * sp.sqrt(2 * z)
    root = sp.Symbol("r", positive=True)
    n0 = sp.solve(one_minus_w * bias - obstruction / root, root)[0] ** 2
    quantile = gap * 2 * sp.sqrt(n) / M  # z when eps_p = z σ/√n with σ = M/2
    return (
        Derivation(
            "T1a", "T1", "N for a finite class", "solve |H|exp(-2Nε²/M²) = δ",
            threshold_t1_finite_class(), M**2 * log_class / (2 * gap**2),
        ),
        Derivation(
            "T1a c", "T1", "c of form (a)", "solve N = M²log(1/δ)/c",
            _with_constant(threshold_t1_finite_class(), -sp.log(delta)),
            2 * gap**2 * -sp.log(delta) / log_class,
        ),
        Derivation(
            "T1b", "T1", "N for any class with ε > μ", "solve exp(-2N(ε-μ)²/M²) = δ",
            threshold_t1_mean_gap(), -(M**2) * sp.log(delta) / (2 * (gap - mean_gap) ** 2),
        ),
        Derivation(
            "T1b c", "T1", "c of form (b)", "N × c = M²log(1/δ)",
            sp.simplify(-(M**2) * sp.log(delta) / threshold_t1_mean_gap()),
            2 * (gap - mean_gap) ** 2,
        ),
        Derivation(
            "T1c", "T1", "N from 2Rad_N <= B/√N", "solve B/√N + M√(L/(2N)) = ε for √N",
            threshold_t1_complexity(),
            (complexity + M * sp.sqrt(log_inverse / 2)) ** 2 / gap**2,
        ),
        Derivation(
            "T1 asymptotic", "T1", "threshold over n for one function with variance M²/4",
            "put ε_p = zM/(2√n) into (a) with |H| = 1",
            sp.simplify(threshold_t1_finite_class().subs(H, 1) / n * quantile**2 / z**2),
            -2 * sp.log(delta) / z**2,
        ),
        Derivation(
            "T2.3", "T2.3", "a for the threshold", "solve |H|exp(-2aκ²/((1-w)²M²)) = δ/2",
            threshold_t23(),
            M**2 * (sp.log(2) + log_class) / (2 * kappa**2 / one_minus_w**2),
        ),
        Derivation(
            "T2.3 c2", "T2.3", "c₂", "solve a = M²log(2|H|/δ)/c",
            _with_constant(threshold_t23(), sp.log(2) + log_class), 2 * kappa**2 / one_minus_w**2,
        ),
        Derivation(
            "T2.4", "T2.4", "sub-gamma quantile", "invert the sub-gamma exponent",
            sub_gamma_quantile(), sp.sqrt(2 * v * log_inverse) + c * log_inverse,
        ),
        Derivation(
            "T2.5", "T2.5", "n₀ over even n", "solve the obstruction for √n",
            n0,
            M**2 * (sp.sqrt(log_inverse / 2)
                    + (1 - one_minus_w + sp.sqrt(2) * one_minus_w) * sp.sqrt(z / 2)) ** 2
            / (one_minus_w * bias) ** 2,
        ),
        Derivation(
            "T2.6", "T2.6", "variance proxy of a permutation over that of i.i.d. draws",
            "m increments of range 2M/m against m of range M/m",
            sp.simplify((n * (2 * M / n) ** 2 / 4) / (n * (M / n) ** 2 / 4)), sp.Integer(4),
        ),
        Derivation(
            "T2.7", "T2.7", "exponent of the deviation", "Chernoff with both proxies added",
            tail_27, -2 * t**2 / (M**2 * ((1 + one_minus_w) ** 2 / n + one_minus_w**2 / a)),
        ),
        Derivation(
            "T5 ridge", "T5", "mixup with ridge r against ridge r/s", "solve both minimisations",
            mixed, equal_ridge,
        ),
    )  # fmt: skip
