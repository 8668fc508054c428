"""Checks of T3 to T6: distance, complexity, linear students, expansion."""

from fractions import Fraction
from itertools import product

import numpy as np

from theory.checks.case1 import counterexample_check
from theory.checks.check import Check, Effort, Outcome, all_equal, close, mean_tolerance, within
from theory.laws.expansion import (
    SmoothLoss,
    exact_difference,
    half_squared_residual,
    midpoint_form,
    midpoint_remainder_bound,
    one_sided_form,
    one_sided_remainder_bound,
    vanishing_alpha_limit,
)
from theory.laws.finite_laws import EIGHTHS_MIXING, UNIFORM_MIXING, FiniteLaw
from theory.laws.linear import fit_mixed, minimum_norm_solution, polynomial_rank
from theory.laws.mixing_coefficient import BetaMixing
from theory.laws.mixup_law import covariance_factor, wasserstein_bound, wasserstein_to_mixed
from theory.laws.sampled_class import law_sampler, mixed_sampler
from theory.laws.simulation import simulate_rademacher
from theory.symbolic.catalogue import all_derivations
from theory.symbolic.law import ALPHA, mean_smaller_weight

Array = np.ndarray[tuple[int, ...], np.dtype[np.float64]]


def _closed_forms(effort: Effort) -> Outcome:
    items = all_derivations()
    wrong = [item.id for item in items if not item.holds()]
    return Outcome(
        f"{len(items) - len(wrong)} of {len(items)} hold" + "".join(f"; {name}" for name in wrong),
        "all",
        not wrong,
    )


def _smaller_weight(effort: Effort) -> Outcome:
    """m(α): SymPy's form against the regularised incomplete beta function."""
    derived = mean_smaller_weight()
    worst = 0.0
    for alpha in ("1/10", "2/5", "1/2", "7/10", "3/2", "5", "20"):
        mixing = BetaMixing(Fraction(alpha))
        symbolic = float(derived.subs(ALPHA, Fraction(alpha)).evalf(30))
        worst = max(worst, abs(symbolic - float(mixing.expected_minimum())))
    return within(worst, 1e-12)


def _two_point(effort: Effort) -> Outcome:
    """W1 equals its bound on every two-point law."""
    worst = 0.0
    for q in ("1/10", "1/3", "1/2", "9/10"):
        law = FiniteLaw.of({0: 1 - Fraction(q), 3: q})
        for alpha in ("2/5", "1", "3"):
            mixing = BetaMixing(Fraction(alpha))
            bound = float(wasserstein_bound(mixing, law.mean_pair_distance()))
            worst = max(worst, abs(float(wasserstein_to_mixed(law, mixing)) - bound))
    return within(worst, 1e-8)


def _three_points(effort: Effort) -> Outcome:
    law = FiniteLaw.uniform_on(0, 1, 3)
    distance = float(wasserstein_to_mixed(law, UNIFORM_MIXING))
    bound = wasserstein_bound(UNIFORM_MIXING, law.mean_pair_distance())
    outcome = close(distance, 0.285185185, 1e-8, 9)
    return Outcome(
        f"{outcome.measured}, bound {bound}", f"{outcome.expected}, bound 1/3",
        outcome.passed and bound == Fraction(1, 3),
    )  # fmt: skip


def _population_complexity(effort: Effort) -> Outcome:
    """Rad_3(p_mix) for p uniform on {-1, 0, 1} and the class {x, -x}, below 10/27."""
    replications = effort.pick(1_000_000, 4_000_000)
    sampler = mixed_sampler(law_sampler(FiniteLaw.uniform_on(-1, 0, 1)), UNIFORM_MIXING)
    values = simulate_rademacher(
        sampler, (lambda x: x, lambda x: -x), 3, replications, np.random.default_rng(52)
    )
    mean, tolerance = float(values.mean()), mean_tolerance(replications)
    low, high = np.sqrt(2 / 3) * 10 / 27, 10 / 27
    return Outcome(
        f"{mean:.4f} ± {tolerance:.4f}", f"between {low:.4f} and {high:.4f}",
        low < mean - tolerance and mean + tolerance < high,
    )  # fmt: skip


def _conditional_complexity(effort: Effort) -> Outcome:
    """E Rad(Z'|S)/Rad(S) on S = {-1, 0, 1}, a = 3, i ≠ j, α = 0.05: above one."""
    replications = effort.pick(1_000_000, 4_000_000)
    rng = np.random.default_rng(7)
    points = np.array([-1.0, 0.0, 1.0])
    first = rng.integers(3, size=(replications, 3))
    second = (first + rng.integers(1, 3, size=first.shape)) % 3
    lam = rng.beta(0.05, 0.05, size=first.shape)
    mixed = lam * points[first] + (1 - lam) * points[second]
    signs = rng.choice([-1.0, 1.0], size=first.shape)
    values = np.abs((signs * mixed).sum(axis=1)) / 3
    ratio, tolerance = 3 * float(values.mean()), 3 * mean_tolerance(replications)
    return Outcome(f"{ratio:.4f} ± {tolerance:.4f}", "> 1", ratio - tolerance > 1)


def _rational_students(effort: Effort) -> Outcome:
    rows = [(0, 0), (1, 2), (3, 1), (2, 5)]
    features = np.array([[Fraction(x)] for x, _ in rows], dtype=object)
    targets = np.array([Fraction(x + 2 * y) for x, y in rows], dtype=object)
    factors = [Fraction(1)]
    for pairing in ("self", "distinct"):
        factors.append(Fraction(covariance_factor(UNIFORM_MIXING, 4, pairing)))
    bare = [str(fit_mixed(features, targets, s, intercept=False)[0]) for s in factors]
    kept = {str(x) for s in factors for x in fit_mixed(features, targets, s, intercept=True)}
    return all_equal(", ".join((*bare, *kept)), "22/7, 121/37, 176/53, 11/5")


def _same_minimum_norm(effort: Effort) -> Outcome:
    rng, worst = np.random.default_rng(5), 0.0
    for _ in range(effort.pick(20, 200)):
        points, teacher = rng.normal(size=(5, 12)), rng.normal(size=12)
        lam = rng.beta(0.4, 0.4, size=(40, 1))
        mixed = lam * points[rng.integers(5, size=40)]
        mixed = mixed + (1 - lam) * points[rng.integers(5, size=40)]
        plain = np.linalg.pinv(points) @ (points @ teacher)
        both = minimum_norm_solution(points, points @ teacher, mixed, mixed @ teacher, 0.5)
        worst = max(worst, float(np.max(np.abs(both - plain))))
    return within(worst, 1e-9)


def _ridge(effort: Effort) -> Outcome:
    rng, worst = np.random.default_rng(8), 0.0
    for s in (0.5, 2 / 3, 0.9):
        features, labels = rng.normal(size=(12, 4)), rng.normal(size=12)
        mixed = fit_mixed(features, labels, s, intercept=True, ridge=0.3)
        plain = fit_mixed(features, labels, intercept=True, ridge=0.3 / s)
        worst = max(worst, float(np.max(np.abs(mixed - plain))))
    return within(worst, 1e-9)


def _information(effort: Effort) -> Outcome:
    ranks = [polynomial_rank(np.array(x), 2) for x in ([0.0, 1.0], [0.0, 1.0, 0.3])]
    return all_equal(ranks, [2, 3])


def _fixture() -> SmoothLoss:
    """½r², r = sin(1.3 x₁) + ½ x₂² - 0.3 x₁x₂ + 0.2."""

    def residual(x: Array) -> Array:
        r: Array = np.sin(1.3 * x[:, 0]) + 0.5 * x[:, 1] ** 2 - 0.3 * x[:, 0] * x[:, 1] + 0.2
        return np.asarray(r.reshape(-1, 1), dtype=np.float64)

    def jacobian(x: Array) -> Array:
        first: Array = 1.3 * np.cos(1.3 * x[:, 0]) - 0.3 * x[:, 1]
        rows: Array = np.stack([first, x[:, 1] - 0.3 * x[:, 0]], axis=-1)
        return np.asarray(rows.reshape(-1, 1, 2), dtype=np.float64)

    def hessians(x: Array) -> Array:
        h = np.zeros((len(x), 1, 2, 2))
        h[:, 0, 0, 0] = -1.69 * np.sin(1.3 * x[:, 0])
        h[:, 0, 1, 1] = 1.0
        h[:, 0, 0, 1] = h[:, 0, 1, 0] = -0.3
        return h

    return half_squared_residual(residual, jacobian, hessians)


def _sample(spread: float) -> Array:
    raw = np.array([(0, 0), (1, 0), (0, 1), (-1, 1), (1, -2)], dtype=float)
    centred: Array = raw - raw.mean(axis=0)
    return np.array([0.4, -0.2]) + spread * centred


_MIXING = BetaMixing(Fraction(2, 5))


def _expansion_values(effort: Effort) -> Outcome:
    loss, found = _fixture(), []
    for spread in (0.2, 0.1):
        x = _sample(spread)
        found += [
            exact_difference(loss, x, _MIXING), midpoint_form(loss, x, _MIXING),
            one_sided_form(loss, x, _MIXING),
        ]  # fmt: skip
    expected = [-0.01127264238, -0.01122602835, -0.01114818115,
                -0.002608517527, -0.002605482945, -0.002600616046]  # fmt: skip
    worst = float(np.max(np.abs(np.array(found) - expected)))
    return Outcome(
        f"{found[0]:.8f}, {found[1]:.8f}, {found[2]:.8f}, …; off by {worst:.0e}",
        "-0.01127264, -0.01122603, -0.01114818, … ± 1e-9",
        worst <= 1e-9,
    )


def _slopes(effort: Effort) -> Outcome:
    loss, slopes = _fixture(), []
    spreads = 0.2 / 2.0 ** np.arange(4)
    for form in (midpoint_form, one_sided_form):
        errors = [
            abs(exact_difference(loss, x, _MIXING) - form(loss, x, _MIXING))
            for x in map(_sample, spreads)
        ]
        slopes += list(np.log2(np.array(errors[:-1]) / errors[1:]))
    low, high = min(slopes), max(slopes)
    return Outcome(f"{low:.3f} to {high:.3f}", "within [3.9, 4.1]", low >= 3.9 and high <= 4.1)


def _quartic(effort: Effort) -> Outcome:
    x = np.array([[0.0], [1.0], [3.0], [-2.0]])
    loss = SmoothLoss(lambda x: x[:, 0] ** 4, lambda x: 4 * x**3, lambda x: 12 * x[:, :, None] ** 2)
    remainder = exact_difference(loss, x, UNIFORM_MIXING) - midpoint_form(loss, x, UNIFORM_MIXING)
    other = exact_difference(loss, x, UNIFORM_MIXING) - one_sided_form(loss, x, UNIFORM_MIXING)
    bound = midpoint_remainder_bound(24.0, x, UNIFORM_MIXING)
    inside = abs(other) <= one_sided_remainder_bound(24.0, x, UNIFORM_MIXING)
    return Outcome(
        f"{remainder:.6f}, bound {bound:.6f}; one-sided within its bound: {inside}",
        "-5.125, bound 5.125; True",
        abs(remainder + 5.125) < 1e-9 and abs(bound - 5.125) < 1e-9 and inside,
    )


def _small_alpha(effort: Effort) -> Outcome:
    loss, x, tiny = _fixture(), _sample(0.8), BetaMixing(Fraction(1, 10**7))
    values = (
        vanishing_alpha_limit(loss, x), exact_difference(loss, x, tiny) * 1e7,
        midpoint_form(loss, x, tiny) * 1e7, one_sided_form(loss, x, tiny) * 1e7,
    )  # fmt: skip
    expected = (-1.30716160, -1.30716160, -1.2431, -1.0778)
    off = [abs(a - b) for a, b in zip(values, expected, strict=True)]
    return Outcome(
        ", ".join(f"{v:.5f}" for v in values),
        "limit = exact = -1.30716, midpoint -1.2431, one-sided -1.0778",
        off[0] <= 1e-7 and off[1] <= 1e-5 and max(off[2:]) <= 5e-5,
    )


def _sign(effort: Effort) -> Outcome:
    """For convex g the exact difference and its midpoint form are not positive."""
    rng, highest = np.random.default_rng(2), -np.inf
    loss = SmoothLoss(
        lambda x: np.exp(x[:, 0]), lambda x: np.exp(x), lambda x: np.exp(x)[:, :, None]
    )
    for _ in range(effort.pick(50, 500)):
        x = rng.normal(size=(6, 1))
        values = exact_difference(loss, x, _MIXING), midpoint_form(loss, x, _MIXING)
        highest = max(highest, *values)
    return Outcome(f"largest {highest:.2e}", "<= 0", highest <= 0)


def _rms_complexity(effort: Effort) -> Outcome:
    """E(σ₁z'₁ + σ₂z'₂)² = 2 s Σ̂ on the centred sample {-1, 0, 1}, by enumeration."""
    points = [Fraction(x) for x in (-1, 0, 1)]
    mixed = [
        lam * x + (1 - lam) * y
        for lam, x, y in product(EIGHTHS_MIXING.values, points, points)
    ]  # fmt: skip
    squares = [(a * x + b * y) ** 2 for x, y in product(mixed, mixed)
               for a, b in product((-1, 1), repeat=2)]  # fmt: skip
    mean = sum(squares, Fraction(0)) / len(squares)
    return all_equal(mean, 2 * covariance_factor(EIGHTHS_MIXING, 3, "self") * Fraction(2, 3))


CHECKS = (
    Check("symbolic", "every closed form: derived - stated = 0", "SymPy", _closed_forms),
    Check("T3.m", "m(α) against I_{1/2}(α+1, α)", "7 values of α", _smaller_weight),
    Check("T3.two-point", "W1 = m(α) E|x-x~| on two-point laws", "∫|F-G|", _two_point),
    Check("T3.three-point", "W1 on uniform{0,1,3}, α = 1", "∫|F-G|", _three_points),
    Check("T4.rms", "E||Σσz'||² = a s tr Σ̂: the Jensen bound contracts by √s", "exact, a = 2",
          _rms_complexity),
    counterexample_check("rademacher_ratio_above_one", "T4.ratio", "complexity given S can grow"),
    Check("T4.population", "Rad_3(p_mix) < 10/27, by less than √s", "Monte Carlo, seed 52",
          _population_complexity, 1),
    Check("T4.conditional", "E Rad(Z'|S) > Rad(S) at α = 0.05", "Monte Carlo, seed 7",
          _conditional_complexity, 1),
    Check("T5.fixture", "slopes without and with intercept", "exact rationals",
          _rational_students),
    Check("T5.norm", "the minimum-norm solution does not move", "pinv, n=5, d=12, a=40",
          _same_minimum_norm),
    Check("T5.ridge", "ridge r with mixup = ridge r/s without", "two fits, any labels", _ridge),
    Check("T5.rank", "one mixed point identifies a quadratic", "rank", _information),
    counterexample_check("no_intercept", "T5.intercept", "without intercept the slope moves"),
    counterexample_check("finite_draws", "T5.draws", "two draws move the slope"),
    Check("T6.values", "exact, midpoint, one-sided at s = .2, .1", "Gauss-Jacobi, 40 nodes",
          _expansion_values),
    Check("T6.slopes", "the error is of order spread⁴", "halving from 0.2 to 0.025", _slopes),
    Check("T6.quartic", "the remainder bound is an equality for x⁴", "{0,1,3,-2}, α = 1",
          _quartic),
    Check("T6.alpha", "α → 0 is not a regime of the forms", "spread 0.8, α = 1e-7",
          _small_alpha),
    counterexample_check("vanishing_alpha", "T6.limit", "the α → 0 ratio is not one"),
    Check("T6.sign", "the term is <= 0 for convex g", "exp, 50 samples", _sign),
    counterexample_check("label_mixing", "T6.labels", "label mixing is not teacher querying"),
)  # fmt: skip
