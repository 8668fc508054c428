"""Checks of Case 2: L0 and T2.0 to T2.7."""

from fractions import Fraction
from itertools import combinations_with_replacement, product
from math import inf, log, sqrt

import numpy as np

from theory.bounds.concentration import bernstein_radius
from theory.bounds.mixup import case2_hoeffding, case2_mcdiarmid
from theory.checks.case1 import counterexample_check
from theory.checks.check import Check, Effort, Outcome, all_equal, at_most, close, more_than, within
from theory.counterexamples.sampling import HALF, permutation_batch_law
from theory.laws.finite_laws import (
    EIGHTHS_MIXING,
    FLOOR_MIXING,
    UNIFORM_MIXING,
    FiniteClass,
    FiniteLaw,
    square_class,
    teacher_tent_square_class,
    tent_class,
)
from theory.laws.minimal_gap import Pairing, gap_law, mixup_gap_law, mixup_limit_gap_law
from theory.laws.mixup_law import covariance_factor
from theory.laws.piecewise import PiecewisePolynomial
from theory.laws.sampled_class import SampledClass
from theory.laws.simulation import simulate_mixup_gaps
from theory.statements import thresholds

TENTH, TWENTIETH = Fraction(1, 10), Fraction(1, 20)
WEIGHTS = (Fraction(0), Fraction(1, 4), Fraction(1, 2), Fraction(3, 4), Fraction(1))


def _convex_order(effort: Effort) -> Outcome:
    """U_n <= R_S on every sample of n points, for the convex x² and the class's p."""
    problem, size = square_class(), effort.pick(6, 9)
    (kernel,), (losses,) = problem.kernels(UNIFORM_MIXING), problem.loss_table()
    broken = total = 0
    for sample in combinations_with_replacement(range(3), size):
        pairs = [kernel[i][j] for a, i in enumerate(sample) for b, j in enumerate(sample) if a != b]
        empirical = sum((losses[i] for i in sample), Fraction(0)) / size
        total += 1
        broken += sum(pairs, Fraction(0)) / len(pairs) > empirical
    return Outcome(f"{broken} exceptions in {total} samples", "0 exceptions", broken == 0)


def _covariance(effort: Effort) -> Outcome:
    """Cov(x') / Cov(x) on {0, 1, 3, 7} by enumeration of pairs and of λ in eighths."""
    points = [Fraction(x) for x in (0, 1, 3, 7)]
    centre = sum(points, Fraction(0)) / 4
    variance = sum(((x - centre) ** 2 for x in points), Fraction(0)) / 4
    found = []
    pairings: tuple[Pairing, ...] = ("self", "distinct")
    for pairing in pairings:
        mixed = [
            lam * x + (1 - lam) * y
            for lam in EIGHTHS_MIXING.values
            for (i, x), (j, y) in product(enumerate(points), repeat=2)
            if pairing == "self" or i != j
        ]
        mean = sum(mixed, Fraction(0)) / len(mixed)
        spread = sum(((z - mean) ** 2 for z in mixed), Fraction(0)) / len(mixed)
        found.append(spread / variance == covariance_factor(EIGHTHS_MIXING, 4, pairing))
        found.append(mean == centre)
    return all_equal(found, [True] * 4)


def _identity(effort: Effort) -> Outcome:
    """The four terms add up, exactly, on random samples and draws."""
    rng = np.random.default_rng(0)
    problem = teacher_tent_square_class()
    kernels, table = problem.kernels(EIGHTHS_MIXING), problem.loss_table()
    risks, mixed_risks = problem.risks(), problem.mixed_risks(EIGHTHS_MIXING)
    segments = problem.segment_losses(EIGHTHS_MIXING)
    broken = 0
    for _ in range(effort.pick(50, 500)):
        sample = rng.choice(3, size=4, p=[0.4, 0.2, 0.4])
        draws = [(rng.integers(4), *rng.choice(4, size=2, replace=False)) for _ in range(5)]
        w = Fraction(int(rng.integers(5)), 4)
        for f in range(3):
            empirical = sum((table[f][k] for k in sample), Fraction(0)) / 4
            pairs = [kernels[f][i][j] for a, i in enumerate(sample)
                     for b, j in enumerate(sample) if a != b]  # fmt: skip
            pair_mean = sum(pairs, Fraction(0)) / len(pairs)
            drawn = sum((segments[k][f][sample[i]][sample[j]] for k, i, j in draws), Fraction(0))
            monte_carlo = drawn / len(draws)
            left = risks[f] - (w * empirical + (1 - w) * monte_carlo)
            right = w * (risks[f] - empirical) + (1 - w) * (
                (risks[f] - mixed_risks[f])
                + (mixed_risks[f] - pair_mean)
                + (pair_mean - monte_carlo)
            )
            broken += left != right
    return Outcome(f"{broken} inequalities", "0", broken == 0)


def _log_moment(effort: Effort) -> Outcome:
    """log E exp(sΔ_a) against σ²s²/2 with T2.1's variance proxy, for the tent (b = 0)."""
    tent, worst = tent_class(), 0.0
    grid = np.concatenate([np.geomspace(0.05, 40, 40), -np.geomspace(0.05, 40, 40)])
    for n, a, w in product((2, 3, 5, 8, 11), (1, 4, 16), WEIGHTS):
        law = mixup_gap_law(tent, n, a, w, EIGHTHS_MIXING)
        sigma = thresholds.limit_deviation(n, float(w), 1.0)
        proxy = sigma**2 + float(1 - w) ** 2 / (4 * a)
        ratio = max(law.log_moment_generating(s) / (proxy * s**2 / 2) for s in grid)
        worst = max(worst, ratio)
    return within(worst, 1 + 1e-9)


def _range_values(effort: Effort) -> Outcome:
    values = [case2_hoeffding(size, 0.05, 100, 400, 0.5).value for size in (1, 3)]
    return all_equal(", ".join(f"{v:.11f}" for v in values), "0.15086972986, 0.17637734777")


def _always_above(effort: Effort) -> Outcome:
    smallest = min(
        (w / sqrt(n) + (1 - w) / sqrt(n // 2)) * sqrt(n) - 1
        for n in range(2, effort.pick(200, 2000))
        for w in np.linspace(0, 1, 50, endpoint=False)
    )
    return Outcome(f"smallest excess {smallest:.3e}", "> 1e-15", smallest > 1e-15)


def _kappas(effort: Effort) -> Outcome:
    tent, found = tent_class(), []
    for n in (12, 20, 3):
        gap = gap_law(tent, n).quantile(TENTH)
        limit = mixup_limit_gap_law(tent, n, 0, UNIFORM_MIXING).quantile(TWENTIETH)
        kappa = gap - limit
        size = ""
        if kappa > 0:
            needed = thresholds.mixup_draws_needed(float(kappa), 0.0, 1, 1.0, 0.1)
            size = f", a >= {thresholds.least_count(needed)}"
        found.append(f"n={n}: κ = {kappa}{size}")
    return all_equal(
        "; ".join(found), "n=12: κ = 13/264, a >= 618; n=20: κ = 31/760, a >= 901; n=3: κ = 0"
    )


def _finite_draws(effort: Effort) -> Outcome:
    tent = tent_class()
    values = [
        str(mixup_gap_law(tent, 12, a, 0, EIGHTHS_MIXING).quantile(TENTH))
        for a in (4, 8, 16, 32, 64, 128)
    ]
    return all_equal(", ".join(values), "1/5, 11/80, 17/160, 29/320, 101/1280, 91/1280")


def _two_sided(effort: Effort) -> Outcome:
    """ε_∞(δ+η) - t_η <= eps*(a, δ) <= ε_∞(δ-η) + t_η, exactly, with three weights."""
    tent, tested, broken = tent_class(), 0, 0
    for a, w, eta in product((4, 16, 64), WEIGHTS[:3], (Fraction(1, 100), TWENTIETH)):
        value = mixup_gap_law(tent, 12, a, w, EIGHTHS_MIXING).quantile(TENTH)
        limit = mixup_limit_gap_law(tent, 12, w, EIGHTHS_MIXING)
        radius = float(1 - w) * sqrt(log(1 / eta) / (2 * a))
        tested += 1
        broken += not (
            float(limit.quantile(TENTH + eta)) - radius
            <= float(value)
            <= float(limit.quantile(TENTH - eta)) + radius
        )
    return Outcome(f"{broken} of {tested}", "0 violations", broken == 0)


def _floor(effort: Effort) -> Outcome:
    """x² at n = 6: beyond the floor's size every enumerated eps*(a) is above eps_p."""
    problem, eta = square_class(), TWENTIETH
    gap = gap_law(problem, 6).quantile(TENTH)
    limit = mixup_limit_gap_law(problem, 6, 0, FLOOR_MIXING).quantile(TENTH + eta)
    size = thresholds.floor_draws(float(gap), float(limit), 0.0, 1, 1.0, float(eta))
    sizes = range(int(size) + 1, int(size) + effort.pick(30, 80))
    lowest = min(mixup_gap_law(problem, 6, a, 0, FLOOR_MIXING).quantile(TENTH) for a in sizes)
    return Outcome(
        f"eps* >= {float(lowest):.4f} for a = {sizes[0]}..{sizes[-1]}",
        f"> {float(gap):.4f}",
        lowest > gap,
    )


def _class_of_three(effort: Effort) -> Outcome:
    problem, found = teacher_tent_square_class(), []
    for n, w in product((6, 12, 20), (Fraction(0), Fraction(1, 2), Fraction(9, 10))):
        limit = mixup_limit_gap_law(problem, n, w, UNIFORM_MIXING).quantile(TWENTIETH)
        found.append(str(gap_law(problem, n).quantile(TENTH) - limit))
    return all_equal(
        ", ".join(found),
        "7/90, 1/24, 1/120, 1/99, -3/176, -37/528, 13/2280, -1/304, -309/7600",
    )


def _simulated_tent(a: int, seed: int, effort: Effort) -> int:
    gaps = simulate_mixup_gaps(
        SampledClass.of_finite(tent_class()), 20, a, 0.0, UNIFORM_MIXING, effort.replications,
        np.random.default_rng(seed),
    )  # fmt: skip
    return int(np.sum(gaps > 0.1 + 1e-12))


def _threshold_simulated(effort: Effort) -> Outcome:
    return at_most(_simulated_tent(901, 11, effort), effort.replications, 0.1)


def _below_simulated(effort: Effort) -> Outcome:
    return more_than(_simulated_tent(10, 14, effort), effort.replications, 0.1)


def _bernstein_values(effort: Effort) -> Outcome:
    """n = 40, δ = 0.05, a = ∞, one function, L = log(1/δ): w = 1, 1/2, 0."""
    variances = [_kernel_variance(tent_class(), w) for w in (Fraction(1), Fraction(1, 2), 0)]
    ranges = [case2_hoeffding(1, 0.05, 40, inf, w).value for w in (1.0, 0.5, 0.0)]
    sharper = [bernstein_radius(20, 0.05, float(v)) for v in variances]
    measured = ", ".join(f"{value:.4f}" for value in (*ranges, *sharper))
    return all_equal(measured, "0.1935, 0.2336, 0.2737, 0.2047, 0.1723, 0.1594")


def _kernel_variance(problem: FiniteClass, weight: Fraction | int) -> Fraction:
    """Var k_f of the first hypothesis under λ uniform."""
    kernel, losses = problem.kernels(UNIFORM_MIXING)[0], problem.loss_table()[0]
    p = problem.law.probabilities
    cells = [
        (p[i] * p[j], weight * (losses[i] + losses[j]) / 2 + (1 - weight) * kernel[i][j])
        for i, j in product(range(len(p)), repeat=2)
    ]
    mean = sum((mass * value for mass, value in cells), Fraction(0))
    return sum((mass * (value - mean) ** 2 for mass, value in cells), Fraction(0))


def _variance_condition(effort: Effort) -> Outcome:
    measured = [str(2 * _kernel_variance(tent_class(), w)) for w in (1, 0)]
    return all_equal(", ".join(measured), "4/25, 2/25")


def _obstruction(effort: Effort) -> Outcome:
    """x² at every n from n0 on: ε_∞(δ+η) > eps_p, exactly."""
    problem = square_class()
    first = thresholds.obstruction_sample_size(4 / 15, 0.0, 1, 1.0, 0.1, 0.05)
    sizes = range(first, first + effort.pick(20, 80))
    holds = [
        mixup_limit_gap_law(problem, n, 0, UNIFORM_MIXING).quantile(Fraction(3, 20))
        > gap_law(problem, n).quantile(TENTH)
        for n in sizes
    ]
    return Outcome(f"{sum(holds)} of {len(sizes)} from n0 = {first}", "all", all(holds))


def _self_pairs(effort: Effort) -> Outcome:
    problem = teacher_tent_square_class()
    equal = [
        mixup_limit_gap_law(problem, n, w, EIGHTHS_MIXING, pairing="self")
        == mixup_limit_gap_law(problem, n, w + (1 - w) / n, EIGHTHS_MIXING)
        for n, w in product((2, 3, 7, effort.pick(12, 25)), WEIGHTS)
    ]
    return Outcome(f"{sum(equal)} of {len(equal)} laws equal", "all", all(equal))


def _permutations(effort: Effort) -> Outcome:
    """Every 0-1 sample, every permutation: log MGF against the proxies M²/m and M²/(4m)."""
    edges = PiecewisePolynomial.of([Fraction(1, 4), Fraction(3, 4)], [[0], [1], [0]])
    problem = FiniteClass(FiniteLaw.uniform_on(0, 1), (edges,), Fraction(1))
    worst = 0.0
    grid = np.geomspace(0.05, 40, 60)
    for m in range(2, effort.pick(5, 6) + 1):
        for ones in range(m + 1):
            sample = (Fraction(1),) * ones + (Fraction(0),) * (m - ones)
            law = permutation_batch_law(problem, sample, HALF)
            mean = float(law.mean())
            for s in (*grid, *-grid):
                excess = law.log_moment_generating(s) - s * mean
                worst = max(worst, excess / (s**2 / (2 * m)))
    return Outcome(
        f"ratio {worst:.3f} to M²/m, {4 * worst:.3f} to M²/(4m)",
        "<= 1 and > 1: the factor 4 is needed, up to 2",
        worst <= 1 + 1e-9 and 4 * worst > 1,
    )


def _mcdiarmid(effort: Effort) -> Outcome:
    """The tent at n = 20, a = 10, w = 0, where EΔ_a = 0; rarely exceeded, so weak evidence."""
    radius = case2_mcdiarmid(0.05, 20, 10, 0.0, 0.0).value
    gaps = simulate_mixup_gaps(
        SampledClass.of_finite(tent_class()), 20, 10, 0.0, UNIFORM_MIXING, effort.replications,
        np.random.default_rng(27),
    )  # fmt: skip
    return at_most(int(np.sum(gaps >= radius)), effort.replications, 0.05)


def _mcdiarmid_moment(effort: Effort) -> Outcome:
    """log E exp(s(Δ_a - EΔ_a)) against T2.7's proxy, exactly, for the class of three."""
    problem, worst = teacher_tent_square_class(), 0.0
    grid = np.geomspace(0.05, 40, 60)
    for n, a, w in product((2, 3, 6), (1, 4), WEIGHTS):
        law = mixup_gap_law(problem, n, a, w, EIGHTHS_MIXING)
        proxy = (float(2 - w) ** 2 / n + float(1 - w) ** 2 / a) / 4
        mean = float(law.mean())
        ratio = max((law.log_moment_generating(s) - s * mean) / (proxy * s**2 / 2) for s in grid)
        worst = max(worst, ratio)
    return within(worst, 1 + 1e-9)


def _zeta(effort: Effort) -> Outcome:
    kernel, p = tent_class().kernels(UNIFORM_MIXING)[0], tent_class().law.probabilities
    rows = [sum((q * h for q, h in zip(p, row, strict=True)), Fraction(0)) for row in kernel]
    mean = sum((q * r for q, r in zip(p, rows, strict=True)), Fraction(0))
    zeta = sum((q * (r - mean) ** 2 for q, r in zip(p, rows, strict=True)), Fraction(0))
    return close(float(4 * zeta), 0.04, 1e-15)


CHECKS = (
    Check("L0.order", "U_n <= R_S on every sample for convex x²", "exact, all samples",
          _convex_order),
    Check("L0.covariance", "E x' = E x; Cov(x'|S) = s Σ̂, and s_n Σ̂ for i≠j", "exact, {0,1,3,7}",
          _covariance),
    Check("T2.0", "the gap's four terms add up", "exact, random samples and draws", _identity),
    Check("T2.1.proxy", "log MGF of Δ_a over σ²s²/2", "exact law, 75 settings, 80 values of s",
          _log_moment),
    Check("T2.1.values", "radius at (1 and 3, .05, 100, 400, ½)", "closed form", _range_values),
    Check("T2.2", "w/√n + (1-w)/√⌊n/2⌋ > 1/√n", "50 weights, n < 200", _always_above),
    Check("T2.3.kappa", "κ and the threshold for the tent", "exact gaps", _kappas),
    Check("T2.3.finite", "eps*(a), n = 12, a = 4..128", "exact, λ in eighths", _finite_draws),
    Check("T2.3.sides", "ε_∞(δ±η) ∓ t_η enclose eps*(a)", "exact, 18 settings", _two_sided),
    Check("T2.3.floor", "beyond the floor eps* > eps_p", "exact law, x²", _floor),
    Check("T2.3.class", "κ for {F, tent, x²/4}: n = 6, 12, 20; w = 0, ½, 9/10", "exact gaps",
          _class_of_three),
    counterexample_check("case2_floor", "T2.3.teeth", "a floor, and eps*(a) not monotone"),
    counterexample_check("mixing_signs", "T2.3.signs", "a positive gap at every a"),
    Check("T2.3.simulated", "P(Δ_901 > eps_p) <= δ, n = 20", "Monte Carlo, seed 11",
          _threshold_simulated, 1),
    Check("T2.3.below", "P(Δ_10 > eps_p) > δ, n = 20", "Monte Carlo, seed 14",
          _below_simulated, 1),
    Check("T2.4.values", "Hoeffding and Bernstein at a = ∞, w = 1, ½, 0", "closed form",
          _bernstein_values),
    Check("T2.4.variance", "2v_f at w = 1 (= Var g) and w = 0", "exact, tent",
          _variance_condition),
    Check("T2.4.asymptotic", "asymptotic variance 4ζ₁ of the tent", "exact", _zeta),
    counterexample_check("variance_can_grow", "T2.4.grows", "mixing can raise the variance"),
    counterexample_check("square_loss_obstruction", "T2.5.values", "x²: bias, gaps and n0"),
    Check("T2.5.conclusion", "ε_∞(δ+η) > eps_p at every n >= n0", "exact, x², w = 0",
          _obstruction),
    Check("T2.6.self", "self-pairs are w + (1-w)/n", "exact laws", _self_pairs),
    Check("T2.6.permutation", "log MGF of a permuted batch", "exact, all permutations, m <= 5",
          _permutations),
    counterexample_check("draws_share_sample", "T2.6.draws", "draws are i.i.d. only given S"),
    counterexample_check("only_worst_points", "T2.6.gap", "a smaller gap is not better training"),
    counterexample_check("permutation_pairs", "T2.6.pairs", "permutation pairs are not i.i.d."),
    Check("T2.7.proxy", "log MGF of Δ_a - EΔ_a over T2.7's", "exact law, class of three",
          _mcdiarmid_moment),
    Check("T2.7.simulated", "P(Δ_a >= radius) <= δ (uninformative)", "Monte Carlo, seed 27",
          _mcdiarmid, 1),
)  # fmt: skip
