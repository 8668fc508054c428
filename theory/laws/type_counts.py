"""Multinomial types: all count vectors of N draws from K letters, with their integer weights.

A symmetric statistic of N i.i.d. draws from K letters depends on the counts only, so that
C(N+K-1, K-1) types stand for K^N sequences.
"""

import math
from collections.abc import Sequence
from fractions import Fraction

import numpy as np

from theory.errors import TheoryInputError
from theory.laws.exact import INT64_LIMIT, IntArray, common_denominator, numerators

DEFAULT_TYPE_LIMIT = 2_000_000


def type_count(draws: int, letters: int) -> int:
    """C(N+K-1, K-1), the number of types."""
    return math.comb(draws + letters - 1, letters - 1)


def check_cost(cost: int, limit: int, what: str) -> None:
    """Raise TheoryInputError, naming the cost and the alternative, when cost > limit."""
    if cost > limit:
        raise TheoryInputError(
            f"exact enumeration of {what} needs {cost} types, above the limit of {limit}: raise "
            "the limit, use fewer draws, points or hypotheses, or use theory.laws.simulation, "
            "which gives a Monte Carlo interval instead."
        )


def enumerate_types(draws: int, letters: int) -> IntArray:
    """All count vectors, of shape (C(N+K-1, K-1), K) and dtype int64, each row summing to N."""
    columns: list[IntArray] = []
    rest = np.array([draws], dtype=np.int64)
    for _ in range(letters - 1):
        column, repeats = _next_counts(rest)
        columns = [np.repeat(earlier, repeats) for earlier in columns] + [column]
        rest = np.repeat(rest, repeats) - column
    return np.stack([*columns, rest], axis=1)


def _next_counts(rest: IntArray) -> tuple[IntArray, IntArray]:
    """For each remainder r the counts 0..r in a row, and how often each row repeats."""
    repeats = rest + 1
    ends = np.cumsum(repeats)
    return np.arange(ends[-1]) - np.repeat(ends - repeats, repeats), repeats


def type_weights(types: IntArray, probabilities: Sequence[Fraction]) -> tuple[IntArray, int]:
    """Multinomial weights of the rows of `types` and their total, P(type) = weight / total.

    With D the common denominator of the probabilities the total is D^N. Weights are int64 when
    the total fits and Python integers otherwise, so no product overflows: every factor and every
    partial product is at most the total.
    """
    draws = int(types[0].sum())
    denominator = common_denominator(probabilities)
    letter_weights = numerators(probabilities, denominator)
    total = denominator**draws
    kind: type = np.int64 if max(total, 2**draws) < INT64_LIMIT else object
    weights: IntArray = np.ones(types.shape[0], dtype=kind)
    rest = np.full(types.shape[0], draws, dtype=np.int64)
    for k, letter_weight in enumerate(letter_weights):
        counts = types[:, k]
        if k < len(letter_weights) - 1:
            weights = weights * _choose(rest, counts, draws, kind)
            rest = rest - counts
        if letter_weight != 1:
            powers = [1]
            for _ in range(draws):
                powers.append(powers[-1] * letter_weight)
            weights = weights * np.array(powers, dtype=kind)[counts]
    return weights, total


def _choose(rest: IntArray, counts: IntArray, draws: int, kind: type) -> IntArray:
    """Binomial coefficients C(rest, counts), looked up in rows of Pascal's triangle."""
    if (rest == draws).all():
        row = [1]
        for k in range(draws):
            row.append(row[-1] * (draws - k) // (k + 1))
        return np.array(row, dtype=kind)[counts]
    triangle: IntArray = np.zeros((draws + 1, draws + 1), dtype=kind)
    triangle[:, 0] = 1
    for n in range(1, draws + 1):
        triangle[n, 1 : n + 1] = triangle[n - 1, :n] + triangle[n - 1, 1 : n + 1]
    return triangle[rest, counts]
