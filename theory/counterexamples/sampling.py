"""Counterexamples about how mixup points are drawn and weighed."""

import itertools
from collections.abc import Iterator, Mapping
from fractions import Fraction

import numpy as np

from theory.counterexamples.counterexample import Counterexample, Value
from theory.laws.finite_laws import FiniteClass, FiniteLaw, bernoulli_class
from theory.laws.gap_law import GapLaw
from theory.laws.minimal_gap import expected_rademacher, gap_law
from theory.laws.mixing_coefficient import BetaMixing, FiniteMixing
from theory.laws.piecewise import PiecewisePolynomial

HALF = FiniteMixing.uniform_on("1/2")
TENTH = Fraction(1, 10)


def permutation_batch_law(
    problem: FiniteClass, sample: tuple[Fraction, ...], mixing: FiniteMixing
) -> GapLaw:
    """The distribution of a batch's mean when x'_i = lambda x_i + (1-lambda) x_{pi(i)}, given S.

    pi is a uniform permutation of the m points, lambda fresh at each place, and the loss that of
    the class's first hypothesis. All m! permutations are enumerated, with the law of the sum over
    the lambdas by convolution.
    """
    loss = problem.losses[0]
    law: dict[Fraction, Fraction] = {}
    permutations = list(itertools.permutations(range(len(sample))))
    for permutation in permutations:
        sums = {Fraction(0): Fraction(1, len(permutations))}
        for i, j in enumerate(permutation):
            following: dict[Fraction, Fraction] = {}
            for value, mass in zip(mixing.values, mixing.probabilities, strict=True):
                term = loss(value * sample[i] + (1 - value) * sample[j])
                for total, weight in sums.items():
                    key = total + term
                    following[key] = following.get(key, Fraction(0)) + weight * mass
            sums = following
        for total, weight in sums.items():
            key = total / len(sample)
            law[key] = law.get(key, Fraction(0)) + weight
    return _law_of(law)


def _law_of(masses: Mapping[Fraction, Fraction]) -> GapLaw:
    denominator = int(np.lcm.reduce([value.denominator for value in masses]))
    total = int(np.lcm.reduce([mass.denominator for mass in masses.values()]))
    return GapLaw.collect(
        np.array([int(value * denominator) for value in masses]),
        denominator,
        np.array([int(mass * total) for mass in masses.values()]),
        total,
    )


def _permutation_pairs() -> Mapping[str, Value]:
    # 0 at the two points and 1 half-way between them.
    bump = PiecewisePolynomial.polynomial(1, 0, -1)
    problem = FiniteClass(FiniteLaw.uniform_on(-1, 1), (bump,), Fraction(1))
    sample = (Fraction(-1), Fraction(1))
    batch = permutation_batch_law(problem, sample, HALF)
    pairs = list(itertools.product(sample, repeat=2))
    means = [
        sum((bump((x + y) / 2) for x, y in draws), Fraction(0)) / 2
        for draws in itertools.product(pairs, repeat=2)
    ]
    centre = sum(means, Fraction(0)) / len(means)
    return {
        "batch mean takes": batch.values,
        "with probabilities": batch.probabilities,
        "its variance": batch.variance(),
        "variance for two i.i.d. pairs": sum(((m - centre) ** 2 for m in means), Fraction(0))
        / len(means),
    }


def _shared_sample() -> Mapping[str, Value]:
    middle = both = Fraction(0)
    pairs = list(itertools.permutations((0, 1), 2))
    for sample in itertools.product((-1, 1), repeat=2):
        hits = [sample[i] + sample[j] == 0 for i, j in pairs]  # lambda=1/2: x' is the midpoint
        hit = Fraction(sum(hits), len(hits))
        middle += hit / 4
        both += hit**2 / 4  # independent only given S
    return {"P(x'_1 = 0)": middle, "P(x'_1 = x'_2 = 0)": both, "if independent": middle**2}


def _worst_points() -> Mapping[str, Value]:
    coin = bernoulli_class("1/2")
    eps_p = gap_law(coin, 4).quantile("1/8")
    augmented = coin.risks()[0] - coin.loss_bound  # w=0 and every added point has loss M
    return {
        "eps_p at n=4": eps_p,
        "eps*": augmented,
        "Rhat + eps*": coin.loss_bound + augmented,
        "E[R_S] + eps_p": coin.risks()[0] + eps_p,
    }


def _line_class(law: FiniteLaw) -> FiniteClass:
    """sup over |theta| <= 1 of theta x is attained at +-1; the shift by 1 cancels in Rademacher."""
    functions = (PiecewisePolynomial.polynomial(1, 1), PiecewisePolynomial.polynomial(1, -1))
    return FiniteClass(law, functions, Fraction(2))


def _mixed_law(points: Iterator[tuple[Fraction, Fraction]], mixing: FiniteMixing) -> FiniteLaw:
    """The distribution of lambda x + (1-lambda) y over the listed, equally likely pairs (x, y)."""
    pairs = list(points)
    masses: dict[Fraction, Fraction] = {}
    for x, y in pairs:
        for value, mass in zip(mixing.values, mixing.probabilities, strict=True):
            mixed = value * x + (1 - value) * y
            masses[mixed] = masses.get(mixed, Fraction(0)) + mass / len(pairs)
    return FiniteLaw(tuple(masses), tuple(masses.values()))


def _rademacher_ratio() -> Mapping[str, Value]:
    sample = (Fraction(-1), Fraction(0), Fraction(1))
    endpoints = FiniteMixing.uniform_on(0, 1)  # the limit of Beta(alpha, alpha) as alpha -> 0
    mixed = expected_rademacher(
        _line_class(_mixed_law(itertools.permutations(sample, 2), endpoints)), 3
    )
    signs = list(itertools.product((-1, 1), repeat=3))
    sums = [
        abs(sum((s * x for s, x in zip(sign, sample, strict=True)), Fraction(0))) for sign in signs
    ]
    fixed = sum(sums, Fraction(0)) / (3 * len(signs))
    # Population, one point: p gives +-1 probability 1/10 each; E|x'| at alpha=1 by exact kernels.
    law = FiniteLaw.of({-1: TENTH, 0: "4/5", 1: TENTH})
    absolute = PiecewisePolynomial.of([0], [[0, -1], [0, 1]])
    problem = FiniteClass(law, (absolute,), Fraction(1))
    ratio = problem.mixed_risks(BetaMixing(1))[0] / problem.risks()[0]
    return {
        "Rad of 3 mixup draws given S": mixed,
        "Rad(S)": fixed,
        "ratio": mixed / fixed,
        "population ratio, epsilon=1/5, alpha=1": ratio,
        "its square exceeds s": ratio**2 > BetaMixing(1).moment(2, 0) * 2,
    }


SAMPLING_COUNTEREXAMPLES = (
    Counterexample(
        "permutation_pairs",
        "Batches paired by a permutation act like i.i.d. draws.",
        "The two draws of a batch agree always, so averaging them gains nothing.",
        ("F8",),
        "False statements, F8",
        {
            "batch mean takes": (Fraction(0), Fraction(1)),
            "with probabilities": (Fraction(1, 2), Fraction(1, 2)),
            "its variance": Fraction(1, 4),
            "variance for two i.i.d. pairs": Fraction(1, 8),
        },
        _permutation_pairs,
    ),
    Counterexample(
        "draws_share_sample",
        "Mixup draws are i.i.d. from p_mix.",
        "They share S: with n=2 and lambda=1/2 all draws coincide.",
        ("F9",),
        "False statements, F9",
        {
            "P(x'_1 = 0)": Fraction(1, 2),
            "P(x'_1 = x'_2 = 0)": Fraction(1, 2),
            "if independent": Fraction(1, 4),
        },
        _shared_sample,
    ),
    Counterexample(
        "only_worst_points",
        "A smaller minimal gap means better training.",
        "Adding only points of loss M makes the gap negative and says nothing about f; Rhat+eps "
        "is what counts.",
        ("F10",),
        "False statements, F10",
        {
            "eps_p at n=4": Fraction(1, 4),
            "eps*": Fraction(-1, 2),
            "Rhat + eps*": Fraction(1, 2),
            "E[R_S] + eps_p": Fraction(3, 4),
        },
        _worst_points,
    ),
    Counterexample(
        "rademacher_ratio_above_one",
        "Mixup contracts the Rademacher complexity of a linear class, given S, by sqrt(s).",
        "Given S the ratio can exceed one; in the population it can exceed sqrt(s).",
        ("F11",),
        "T4(c) and population remark",
        {
            "Rad of 3 mixup draws given S": Fraction(10, 27),
            "Rad(S)": Fraction(1, 3),
            "ratio": Fraction(10, 9),
            "population ratio, epsilon=1/5, alpha=1": Fraction(19, 20),
            "its square exceeds s": True,
        },
        _rademacher_ratio,
    ),
)
