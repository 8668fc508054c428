"""Exact distributions of the gap Delta for finite classes under finite laws.

Each function returns a GapLaw, whose `quantile(delta)` is the minimal gap eps(N, delta),
`cvar(delta)` the conditional value at risk beside it, and `mean()` the expected gap E Delta.

    original sample            gap_law(problem, n)                    sup_f [R - R_S]
    i.i.d. augmentation        gap_law(problem, n + a)                the pooled sample of Case 1
    mixup, a -> infinity       mixup_limit_gap_law(problem, ...)      sup_f [R - w R_S - (1-w) U_n]
    mixup, a draws             mixup_gap_law(problem, ...)            sup_f [R - Rhat]

Work is done on integers over one common denominator; arrays are int64 where every intermediate
provably fits and Python integers otherwise.
"""

from fractions import Fraction
from typing import Literal, get_args

import numpy as np

from theory.bounds.bound import checked_count
from theory.errors import TheoryInputError
from theory.laws.exact import (
    IntArray,
    Rational,
    common_denominator,
    exact_weight,
    int_array,
    numerators,
)
from theory.laws.finite_laws import ExactMixing, FiniteClass, LossRows
from theory.laws.gap_law import GapLaw
from theory.laws.lattice_sums import DEFAULT_BIT_LIMIT, lattice_sum_law
from theory.laws.mixing_coefficient import FiniteMixing
from theory.laws.type_counts import (
    DEFAULT_TYPE_LIMIT,
    check_cost,
    enumerate_types,
    type_count,
    type_weights,
)

Pairing = Literal["distinct", "self"]
"""The way a mixup draw picks its pair: uniform over i != j, or over all n^2 ordered pairs."""


def gap_law(problem: FiniteClass, n: int, *, limit: int = DEFAULT_TYPE_LIMIT) -> GapLaw:
    """The distribution of Delta_n = sup_f [R(f) - R_S(f)], S being n i.i.d. points.

    Raises TheoryInputError for n < 1, or when there are more than `limit` types.
    """
    n = checked_count(n, "n")
    types = _types(problem, n, limit)
    weights, total = type_weights(types, problem.law.probabilities)
    risks, table = problem.risks(), problem.loss_table()
    denominator = _denominator((risks,), table)
    largest = 2 * n * denominator * int(problem.loss_bound + 1)
    losses = int_array([numerators(row, denominator) for row in table], largest)
    centred = n * int_array(numerators(risks, denominator), largest)[:, None] - losses @ (
        int_array(types, largest).T
    )
    return GapLaw.collect(centred.max(axis=0), n * denominator, weights, total)


def mixup_limit_gap_law(
    problem: FiniteClass,
    n: int,
    weight: Rational,
    mixing: ExactMixing,
    *,
    pairing: Pairing = "distinct",
    limit: int = DEFAULT_TYPE_LIMIT,
) -> GapLaw:
    """The distribution of Delta_inf = sup_f [R - w R_S - (1-w) U_n], with infinitely many draws.

    `weight` is w, the weight of the original sample. With pairing "self" the U-statistic U_n is
    replaced by V_n, the mean of h_f over all n^2 ordered pairs.

    Raises TheoryInputError for n < 2 with distinct pairs, w outside [0, 1], a kernel that is not
    rational, or more than `limit` types.
    """
    w = exact_weight(weight)
    n = _sample_size(n, pairing)
    types = _types(problem, n, limit)
    weights, total = type_weights(types, problem.law.probabilities)
    risks, table, kernels = problem.risks(), problem.loss_table(), problem.kernels(mixing)
    pairs = n * (n - 1) if pairing == "distinct" else n * n
    # R - w R_S - (1-w) U_n over the denominator D * n * pairs * (denominator of w).
    denominator = _denominator((risks,), table, *kernels)
    kept, mixed = w.numerator, w.denominator - w.numerator
    scale = n * pairs * w.denominator
    largest = 4 * denominator * scale * n * int(problem.loss_bound + 1)
    counts = int_array(types, largest)
    gaps = []
    for risk, row, kernel in zip(risks, table, kernels, strict=True):
        g = int_array(numerators(row, denominator), largest)
        h = int_array([numerators(line, denominator) for line in kernel], largest)
        pair_sum = _pair_sums(counts, h, pairing)
        risk_numerator = numerators((risk,), denominator)[0]
        gaps.append(risk_numerator * scale - kept * pairs * (counts @ g) - mixed * n * pair_sum)
    return GapLaw.collect(np.max(gaps, axis=0), denominator * scale, weights, total)


def mixup_gap_law(
    problem: FiniteClass,
    n: int,
    a: int,
    weight: Rational,
    mixing: FiniteMixing,
    *,
    pairing: Pairing = "distinct",
    limit: int = DEFAULT_TYPE_LIMIT,
    bit_limit: int = DEFAULT_BIT_LIMIT,
) -> GapLaw:
    """The distribution of Delta_a = sup_f [R - w R_S - (1-w) * mean of g_f over a mixup draws].

    Given S the draws are i.i.d.: a pair chosen by `pairing`, lambda fresh from a finite law. Their
    sum is convolved exactly for every type of S, and the conditional distributions are mixed.

    Raises TheoryInputError for n < 2 with distinct pairs, a < 1, w outside [0, 1], a mixing
    distribution that is not finite, or when there are more than `limit` types of S or a convolution
    longer than `bit_limit` bits.
    """
    w = exact_weight(weight)
    n, a = _sample_size(n, pairing), checked_count(a, "a")
    if not isinstance(mixing, FiniteMixing):
        raise TheoryInputError(
            "the exact law at finite a needs a finite mixing law, for a continuous lambda makes "
            "the draws continuous: use FiniteMixing, or theory.laws.simulation for a Monte Carlo "
            "interval."
        )
    types = _types(problem, n, limit)
    type_weight, _ = type_weights(types, problem.law.probabilities)
    risks, table, segments = problem.risks(), problem.loss_table(), problem.segment_losses(mixing)
    denominator = _denominator((risks,), table, *(t for segment in segments for t in segment))
    kept, mixed = w.numerator, w.denominator - w.numerator
    scale = n * a * w.denominator
    largest = 4 * denominator * scale * int(problem.loss_bound + 1)
    risk = int_array(numerators(risks, denominator), largest)
    losses = int_array([numerators(row, denominator) for row in table], largest)
    lambda_weights = numerators(mixing.probabilities, common_denominator(mixing.probabilities))
    letters = range(len(problem.law.points))
    mixed_losses = {
        (s, k, j): tuple(numerators((t[k][j] for t in segment), denominator))
        for s, segment in enumerate(segments)
        for k in letters
        for j in letters
    }
    parts = []
    for counts, one_weight in zip(types.tolist(), type_weight.tolist(), strict=True):
        masses: dict[tuple[int, ...], int] = {}
        for (s, k, j), vector in mixed_losses.items():
            pairs = counts[k] * (counts[j] - (1 if k == j and pairing == "distinct" else 0))
            if pairs:
                masses[vector] = masses.get(vector, 0) + pairs * lambda_weights[s]
        sums, weights, total = lattice_sum_law(masses, a, bit_limit)
        sample_part = risk * scale - kept * a * (losses @ int_array(counts, largest))
        gaps = sample_part[None, :] - mixed * n * int_array(sums, largest)
        law = GapLaw.collect(gaps.max(axis=1), denominator * scale, weights, total)
        parts.append((law, one_weight))
    return GapLaw.mixture(parts)


def expected_rademacher(
    problem: FiniteClass, n: int, *, limit: int = DEFAULT_TYPE_LIMIT
) -> Fraction:
    """Rad_n = E sup_f (1/n) sum_i sigma_i g_f(x_i), over the sample and the signs.

    Adding a constant to every loss leaves it unchanged, so a linear class is entered shifted into
    [0, loss_bound]. Enumerated over types of the 2K signed points.

    Raises TheoryInputError for n < 1, or when there are more than `limit` types.
    """
    n = checked_count(n, "n")
    letters = 2 * len(problem.law.points)
    check_cost(type_count(n, letters), limit, f"{n} signed draws from {letters // 2} points")
    types = enumerate_types(n, letters)
    weights, total = type_weights(types, tuple(p / 2 for p in problem.law.probabilities) * 2)
    table = problem.loss_table()
    denominator = _denominator(table)
    largest = 2 * n * denominator * int(problem.loss_bound + 1)
    losses = int_array([numerators(row, denominator) for row in table], largest)
    half = letters // 2
    signed = int_array(types[:, :half] - types[:, half:], largest)
    suprema = (losses @ signed.T).max(axis=0)
    return GapLaw.collect(suprema, n * denominator, weights, total).mean()


def _types(problem: FiniteClass, n: int, limit: int) -> IntArray:
    letters = len(problem.law.points)
    check_cost(type_count(n, letters), limit, f"{n} draws from {letters} points")
    return enumerate_types(n, letters)


def _sample_size(n: int, pairing: Pairing) -> int:
    if pairing not in get_args(Pairing):
        raise TheoryInputError(f"pairing is {pairing!r}; it must be 'distinct' or 'self'.")
    return checked_count(n, "n (mixup of distinct points)", 2 if pairing == "distinct" else 1)


def _denominator(*tables: LossRows) -> int:
    return common_denominator(value for table in tables for row in table for value in row)


def _pair_sums(counts: IntArray, kernel: IntArray, pairing: Pairing) -> IntArray:
    """Sum of h over the ordered pairs of each type: shape (T,) from (T, K) and (K, K)."""
    quadratic: IntArray = ((counts @ kernel) * counts).sum(axis=1)
    return quadratic - counts @ np.diagonal(kernel) if pairing == "distinct" else quadratic
