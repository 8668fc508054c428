"""Checks of Case 1: L1, L2, T1 and C1, all exact except where the line says otherwise."""

from fractions import Fraction
from itertools import pairwise
from math import log

from scipy.stats import binom, norm

from theory.checks.check import Check, Effort, Outcome, all_equal
from theory.counterexamples.catalogue import run_counterexample
from theory.laws.finite_laws import bernoulli_class, three_point_class
from theory.laws.minimal_gap import expected_rademacher, gap_law
from theory.statements import thresholds

LEVEL = Fraction(1, 20)
DEFAULT_LARGEST, THOROUGH_LARGEST = 30, 60


def counterexample_check(identifier: str, id_: str, statement: str) -> Check:
    """The check that a counterexample, run anew, gives the stated numbers."""

    def run(effort: Effort) -> Outcome:
        result = run_counterexample(identifier)
        stated = "; ".join(f"{name}: {_plain(value)}" for name, value in result.expected.items())
        if result.agrees:
            return Outcome(stated, stated, True)
        wrong = "; ".join(
            f"{name}: {_plain(got)} for {_plain(want)}"
            for name, (got, want) in result.disagreements.items()
        )
        return Outcome(wrong, stated, False)

    return Check(id_, statement, f"exact, {identifier}", run)


def _plain(value: object) -> str:
    """Fractions as p/q, also inside tuples."""
    if isinstance(value, tuple):
        return "(" + ", ".join(map(_plain, value)) + ")"
    return str(value)


def _monotone(effort: Effort) -> Outcome:
    problem = three_point_class()
    largest = effort.pick(DEFAULT_LARGEST, THOROUGH_LARGEST)
    laws = [gap_law(problem, size) for size in range(1, largest + 1)]
    means = [law.mean() for law in laws]
    tails = [law.cvar(LEVEL) for law in laws]
    rises = sum(b > a for series in (means, tails) for a, b in pairwise(series))
    return Outcome(f"{rises} rises up to N = {largest}", "0 rises", rises == 0)


def _mean_values(effort: Effort) -> Outcome:
    measured = [str(gap_law(three_point_class(), size).mean()) for size in range(1, 5)]
    return all_equal(", ".join(measured), "17/40, 109/400, 221/1000, 1491/8000")


def _cvar_values(effort: Effort) -> Outcome:
    coin = bernoulli_class(Fraction(1, 2))
    measured = [str(gap_law(coin, size).cvar(Fraction(1, 8))) for size in range(1, 8)]
    return all_equal(", ".join(measured), "1/2, 1/2, 1/2, 3/8, 7/20, 1/3, 33/112")


def _quantile_below_cvar(effort: Effort) -> Outcome:
    coin, level = bernoulli_class(Fraction(1, 2)), Fraction(1, 8)
    laws = [gap_law(coin, size) for size in range(1, effort.pick(40, 200) + 1)]
    quantiles = [law.quantile(level) for law in laws]
    # The largest later quantile never exceeds CVaR at n.
    broken = sum(max(quantiles[k:]) > law.cvar(level) for k, law in enumerate(laws))
    return Outcome(f"{broken} exceptions up to N = {len(laws)}", "0 exceptions", broken == 0)


def _sizes(effort: Effort) -> Outcome:
    problem = three_point_class()
    found = []
    for size in (5, 10, 12):
        law = gap_law(problem, size)
        gap, mean = float(law.quantile(LEVEL)), float(law.mean())
        first = thresholds.finite_class_sample_size(gap, 3, 1.0, 0.05)
        second = thresholds.mean_gap_sample_size(gap, mean, 1.0, 0.05)
        counts = (thresholds.least_count(first), thresholds.least_count(second))
        found.append(f"{law.quantile(LEVEL)}: {counts[0]}, {counts[1]}")
    return all_equal("; ".join(found), "2/5: 13, 29; 11/40: 28, 61; 19/80: 37, 92")


def _conclusion(effort: Effort) -> Outcome:
    """eps(N) <= eps_p for every enumerated N from each of the thresholds on."""
    problem, largest = three_point_class(), effort.pick(60, 110)
    laws = {size: gap_law(problem, size) for size in range(1, largest + 1)}
    quantiles = {size: law.quantile(LEVEL) for size, law in laws.items()}
    tested = broken = 0
    for size, gap in quantiles.items():
        if gap <= 0:
            continue
        forms = [thresholds.finite_class_sample_size(float(gap), 3, 1.0, 0.05)]
        if gap > laws[size].mean():
            mean = float(laws[size].mean())
            forms.append(thresholds.mean_gap_sample_size(float(gap), mean, 1.0, 0.05))
        for form in forms:
            later = [quantiles[k] for k in range(thresholds.least_count(form), largest + 1)]
            tested += len(later)
            broken += sum(value > gap for value in later)
    return Outcome(f"{broken} of {tested} pairs (n, N)", "0 violations", broken == 0 < tested)


def _violated(effort: Effort) -> Outcome:
    problem = three_point_class()
    before, after = (gap_law(problem, size).quantile(LEVEL) for size in (12, 13))
    return Outcome(f"eps(13) = {after} > {before}", "a violation at N = 13", after > before)


def _hoeffding(effort: Effort) -> Outcome:
    problem, worst = three_point_class(), 0.0
    for size in range(1, effort.pick(DEFAULT_LARGEST, THOROUGH_LARGEST) + 1):
        bound = thresholds.largest_possible_gap(size, 3, 1.0, 0.05)
        worst = max(worst, float(gap_law(problem, size).quantile(LEVEL)) / bound)
    return Outcome(f"largest ratio {worst:.4f}", "<= 1", worst <= 1)


def _rademacher(effort: Effort) -> Outcome:
    values = ", ".join(str(expected_rademacher(three_point_class(), size)) for size in range(1, 6))
    return all_equal(values, "19/40, 103/400, 479/2000, 7633/40000, 7221/40000")


def _complexity_form(effort: Effort) -> Outcome:
    """EΔ_N <= 2 Rad_N, and form (c) with B = max √N 2Rad_N over the enumerated sizes."""
    problem, sizes = three_point_class(), range(1, effort.pick(9, 13))
    double = [2 * expected_rademacher(problem, size) for size in sizes]
    laws = [gap_law(problem, size) for size in sizes]
    ordered = all(law.mean() <= value for law, value in zip(laws, double, strict=True))
    complexity = max(float(value) * size**0.5 for value, size in zip(double, sizes, strict=True))
    count = thresholds.complexity_sample_size(
        float(laws[-1].quantile(LEVEL)), complexity, 1.0, 0.05
    )
    return Outcome(
        f"EΔ_N <= 2Rad_N: {ordered}; N (c) = {thresholds.least_count(count)} for n = {sizes[-1]}",
        f"True; N (c) >= {sizes[-1]}",
        ordered and count >= sizes[-1],
    )


def _asymptotic(effort: Effort) -> Outcome:
    """Fair coin at n = 10⁶ against 2 log(1/δ)/z²; σ = M/2 is the smallest ratio there is."""
    n, found, worst = 1_000_000, [], 0.0
    for delta in (0.1, 0.05, 0.01, 0.001):
        # eps(n, δ) = (n/2 - k*)/n with k* = max{k: P(Bin <= k-1) <= δ}.
        count = int(binom.ppf(delta, n, 0.5))
        gap = 0.5 - count / n
        ratio = thresholds.finite_class_sample_size(gap, 1, 1.0, delta) / n
        found.append(f"{ratio:.3f}")
        worst = max(worst, abs(ratio / (2 * log(1 / delta) / norm.isf(delta) ** 2) - 1))
    return Outcome(
        ", ".join(found), "2.804, 2.214, 1.702, 1.447 to a relative 0.5 %", worst <= 5e-3
    )


CHECKS = (
    Check("L1.monotone", "mean and CVaR of Δ_N do not increase", "exact, three-point class",
          _monotone),
    Check("L1.means", "EΔ_1..EΔ_4", "exact", _mean_values),
    Check("L1.cvar", "CVaR_{1/8} of the fair coin, N = 1..7", "exact", _cvar_values),
    Check("L1.quantile", "eps(N, δ) <= CVaR_δ(Δ_n) for all N >= n", "exact, fair coin",
          _quantile_below_cvar),
    counterexample_check("nonmonotone_quantile", "L2.i", "one more point can raise the quantile"),
    counterexample_check("doubling_fails", "L2.ii", "doubling can raise the quantile"),
    counterexample_check("no_universal_ratio", "L2.iii", "no ratio N/n serves all problems"),
    counterexample_check("never_restored", "L2.iv", "eps_p > 0 is necessary"),
    Check("T1.sizes", "thresholds (a), (b) for n = 5, 10, 12", "exact gaps", _sizes),
    Check("T1.conclusion", "eps(N) <= eps_p beyond the thresholds", "exact, every n and N",
          _conclusion),
    Check("T1.needed", "below the threshold the gap can rise", "exact, n = 12", _violated),
    Check("T1.hoeffding", "eps(N) <= M√(L/(2N))", "exact gaps", _hoeffding),
    Check("T1.rademacher", "Rad_1..Rad_5", "exact", _rademacher),
    Check("T1.complexity", "EΔ_N <= 2Rad_N; form (c) is never below n", "exact",
          _complexity_form),
    Check("T1.asymptotic", "threshold/n for one fair coin, large n", "exact binomial quantile",
          _asymptotic),
    counterexample_check("ordered_certificates", "C1", "ordered certificates, disordered risks"),
)  # fmt: skip
