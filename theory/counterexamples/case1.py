"""Counterexamples about i.i.d. samples: the minimal gap's teeth and C1's disordered risks."""

import itertools
from collections.abc import Mapping
from fractions import Fraction

import numpy as np
from scipy import stats

from theory.counterexamples.counterexample import Counterexample, Value
from theory.laws.exact import Rational, exact, exact_level
from theory.laws.finite_laws import bernoulli_class, certificate_class
from theory.laws.minimal_gap import gap_law
from theory.statements.thresholds import finite_class_sample_size, least_count

# scipy's binomial distribution function is accurate to about 1e-12; closer calls are made exactly.
NEAR_TIE = 1e-9


def bernoulli_gap_restored(p: Rational, delta: Rational, n: int) -> tuple[int, int, int]:
    """Return when the minimal gap of one 0-1 loss with risk p is back at or below eps(n, delta).

    Returns the first N > n with eps(N) <= eps(n), the last N with eps(N) > eps(n), and T1(a)'s
    size, from which on the theorem leaves no violation; up to it every N is decided. The decision
    P(Bin(N, p) < N(p - eps_p)) > delta is taken in floating point where it is clear by a margin of
    1e-9, and by exact enumeration elsewhere. eps(n, delta) must be positive, or T1(a) has no size
    (TheoryInputError).
    """
    risk, level = exact(p, "p"), exact_level(delta)
    gap = gap_law(bernoulli_class(risk), n).quantile(level)
    enough = least_count(finite_class_sample_size(float(gap), 1, 1.0, float(level)))
    sizes = range(n + 1, enough)
    successes = [-(-(N * (risk - gap)).numerator // (N * (risk - gap)).denominator) for N in sizes]
    tail = np.asarray(stats.binom.cdf(np.array(successes) - 1, np.array(sizes), float(risk)))
    violated = np.asarray(tail > float(level))
    for index in np.flatnonzero(np.abs(tail - float(level)) < NEAR_TIE):
        law = gap_law(bernoulli_class(risk), sizes[index])
        violated[index] = law.quantile(level) > gap
    kept = np.flatnonzero(~violated)
    first = sizes[kept[0]] if kept.size else enough
    broken = np.flatnonzero(violated)
    last = sizes[broken[-1]] if broken.size else n
    return first, last, enough


def _fair_coin_teeth() -> Mapping[str, Value]:
    coin = bernoulli_class("1/2")
    first, last, enough = bernoulli_gap_restored("1/2", "1/8", 3)
    return {
        "eps(3), eps(4), eps(5)": tuple(gap_law(coin, N).quantile("1/8") for N in (3, 4, 5)),
        "first N > 3 with eps(N) <= eps(3)": first,
        "last N with eps(N) > eps(3)": last,
        "eps at that last N": gap_law(coin, last).quantile("1/8"),
        "size of T1(a)": enough,
    }


def _doubling() -> Mapping[str, Value]:
    biased = bernoulli_class("3/5")
    _, last, enough = bernoulli_gap_restored("3/5", "4/25", 2)
    return {
        "eps(2), eps(4)": tuple(gap_law(biased, N).quantile("4/25") for N in (2, 4)),
        "last N with eps(N) > eps(2)": last,
        "size of T1(a)": enough,
    }


def _no_ratio() -> Mapping[str, Value]:
    gaps, restored = [], []
    last = enough = 0
    for excess in (Fraction(1, 10), Fraction(1, 50), Fraction(1, 100)):
        p = Fraction(1, 2) + excess
        gaps.append(gap_law(bernoulli_class(p), 2).quantile((1 - p) ** 2))
        first, last, enough = bernoulli_gap_restored(p, (1 - p) ** 2, 2)
        restored.append(first)
    return {
        "eps_p for e = 1/10, 1/50, 1/100": tuple(gaps),
        "first N > 2 with eps(N) <= eps_p": tuple(restored),
        "e = 1/100: last N with eps(N) > eps_p": last,
        "e = 1/100: size of T1(a)": enough,
    }


def _never_restored() -> Mapping[str, Value]:
    biased, coin = bernoulli_class("7/10"), bernoulli_class("1/2")
    # eps(N) <= -3/10 means P(no failure in N) = .7^N >= .7: false for every N >= 2.
    restored = [N for N in range(2, 50) if gap_law(biased, N).quantile("3/10") <= Fraction(-3, 10)]
    at_zero = [N for N in range(3, 200) if gap_law(coin, N).quantile("1/4") <= 0]
    return {
        "p=7/10, delta=3/10: eps(1), eps(2)": tuple(
            gap_law(biased, N).quantile("3/10") for N in (1, 2)
        ),
        "N in [2, 50) with eps(N) <= eps(1)": tuple(restored),
        "fair coin, delta=1/4: eps(2)": gap_law(coin, 2).quantile("1/4"),
        "N in [3, 200) with eps(N) <= eps(2)": tuple(at_zero),
    }


def _disordered_risks() -> Mapping[str, Value]:
    problem, delta = certificate_class(), Fraction(1, 6)
    eps_p = gap_law(problem, 1).quantile(delta)
    eps_star = gap_law(problem, 5).quantile(delta)
    table, risks = problem.loss_table(), problem.risks()

    def empirical(f: int, sample: tuple[int, ...]) -> Fraction:
        return sum((table[f][x] for x in sample), Fraction(0)) / len(sample)

    def best(sample: tuple[int, ...]) -> int:
        return min(range(problem.size), key=lambda f: empirical(f, sample))  # ties go to f1

    premise = total = conditional = Fraction(0)
    for sample in itertools.product((0, 1), repeat=5):
        alone, pooled = best(sample[:1]), best(sample)
        difference = (risks[pooled] - risks[alone]) / 32
        total += difference
        if eps_star <= eps_p and empirical(pooled, sample) <= empirical(alone, sample[:1]):
            premise += Fraction(1, 32)
            conditional += difference
    event = (1, 0, 0, 0, 0)
    return {
        "eps_p, eps*": (eps_p, eps_star),
        "on S=(1), S'=(0,0,0,0): U*, U_p": (
            empirical(best(event), event) + eps_star,
            empirical(best(event[:1]), event[:1]) + eps_p,
        ),
        "there: R(f*), R(f_p)": (risks[best(event)], risks[best(event[:1])]),
        "size of T1(a)": least_count(finite_class_sample_size(0.5, 2, 1.0, 1 / 6)),
        "P(premise)": premise,
        "E[R(f*)-R(f_p) | premise]": conditional / premise,
        "E[R(f*)-R(f_p)]": total,
    }


CASE1_COUNTEREXAMPLES = (
    Counterexample(
        "nonmonotone_quantile",
        "More i.i.d. data never raises the minimal gap.",
        "eps(4) exceeds eps(3), and eps(3) is exceeded last at N=13.",
        ("F1",),
        "Case 1, L2(i)",
        {
            "eps(3), eps(4), eps(5)": (Fraction(1, 6), Fraction(1, 4), Fraction(3, 10)),
            "first N > 3 with eps(N) <= eps(3)": 6,
            "last N with eps(N) > eps(3)": 13,
            "eps at that last N": Fraction(5, 26),
            "size of T1(a)": 38,
        },
        _fair_coin_teeth,
    ),
    Counterexample(
        "doubling_fails",
        "Doubling the sample is enough for the minimal gap not to rise.",
        "eps(4) is more than three times eps(2).",
        ("F2",),
        "Case 1, L2(ii)",
        {
            "eps(2), eps(4)": (Fraction(1, 10), Fraction(7, 20)),
            "last N with eps(N) > eps(2)": 23,
            "size of T1(a)": 92,
        },
        _doubling,
    ),
    Counterexample(
        "no_universal_ratio",
        "Some ratio N/n suffices for every law, so c is a universal constant.",
        "The first sufficient N grows without bound as eps_p falls, at the same n=2.",
        ("F2", "F3"),
        "Case 1, L2(iii)",
        {
            "eps_p for e = 1/10, 1/50, 1/100": (
                Fraction(1, 10),
                Fraction(1, 50),
                Fraction(1, 100),
            ),
            "first N > 2 with eps(N) <= eps_p": (12, 288, 1144),
            "e = 1/100: last N with eps(N) > eps_p": 1245,
            "e = 1/100: size of T1(a)": 7134,
        },
        _no_ratio,
    ),
    Counterexample(
        "never_restored",
        "Theorem 1 does not need eps_p > 0.",
        "A minimal gap <= 0 is lost with the next points and never comes back.",
        ("F3",),
        "Case 1, L2(iv)",
        {
            "p=7/10, delta=3/10: eps(1), eps(2)": (Fraction(-3, 10), Fraction(1, 5)),
            "N in [2, 50) with eps(N) <= eps(1)": (),
            "fair coin, delta=1/4: eps(2)": Fraction(0),
            "N in [3, 200) with eps(N) <= eps(2)": (),
        },
        _never_restored,
    ),
    Counterexample(
        "ordered_certificates",
        "A smaller minimal gap and a better empirical risk give a lower true risk, at least on "
        "average given that premise.",
        "On one event all hypotheses hold and the risk doubles; given the premise it rises by 1/68 "
        "on average.",
        ("F4",),
        "Case 1, C1",
        {
            "eps_p, eps*": (Fraction(1, 2), Fraction(3, 10)),
            "on S=(1), S'=(0,0,0,0): U*, U_p": (Fraction(1, 2), Fraction(3, 4)),
            "there: R(f*), R(f_p)": (Fraction(1, 2), Fraction(1, 4)),
            "size of T1(a)": 5,
            "P(premise)": Fraction(17, 32),
            "E[R(f*)-R(f_p) | premise]": Fraction(1, 68),
            "E[R(f*)-R(f_p)]": Fraction(-5, 64),
        },
        _disordered_risks,
    ),
)
