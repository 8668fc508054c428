"""Monte Carlo of the gap, for what cannot be enumerated.

Continuous distributions, continuous mixing coefficients, large classes. The simulators return
independent gaps; `theory.laws.gap_summary.summarise_gaps` turns them into the minimal gap, its CVaR
and the mean, each with an interval of a stated failure probability.
"""

from typing import get_args

import numpy as np

from theory.bounds.bound import checked_count
from theory.errors import TheoryInputError
from theory.laws.finite_laws import FiniteClass
from theory.laws.minimal_gap import Pairing
from theory.laws.mixing_coefficient import MixingLaw
from theory.laws.sampled_class import (
    FloatArray,
    SampledClass,
    Sampler,
    VectorLoss,
    checked_loss_values,
    chunks,
)


def simulate_gaps(
    problem: SampledClass, n: int, replications: int, rng: np.random.Generator
) -> FloatArray:
    """Independent copies of Delta_n = sup_f [R - R_S], of shape (replications,).

    With n + a for n it is the pooled sample of Case 1. Raises TheoryInputError for counts < 1 or a
    loss outside [0, M].
    """
    n = checked_count(n, "n")
    gaps = []
    for count in chunks(checked_count(replications, "replications"), n * problem.size):
        losses = checked_loss_values(
            problem.losses, problem.sampler(rng, count * n), problem.loss_bound
        )
        empirical = losses.reshape(-1, count, n).mean(axis=2)
        gaps.append((problem.risks[:, None] - empirical).max(axis=0))
    return np.concatenate(gaps)


def simulate_finite_gaps(
    problem: FiniteClass, n: int, replications: int, rng: np.random.Generator
) -> FloatArray:
    """The same for a finite distribution, by drawing its multinomial counts: (replications,).

    The cost does not grow with n. For distributions with too many types to enumerate. Raises
    TheoryInputError for counts < 1.
    """
    n = checked_count(n, "n")
    probabilities = np.array([float(p) for p in problem.law.probabilities])
    table = np.array([[float(g) for g in row] for row in problem.loss_table()])
    risks = np.array([float(risk) for risk in problem.risks()])
    gaps = []
    values_each = len(probabilities) + problem.size
    for count in chunks(checked_count(replications, "replications"), values_each):
        counts = rng.multinomial(n, probabilities, size=count)
        gaps.append((risks[:, None] - table @ counts.T / n).max(axis=0))
    return np.concatenate(gaps)


def simulate_mixup_gaps(
    problem: SampledClass,
    n: int,
    a: int,
    weight: float,
    mixing: MixingLaw,
    replications: int,
    rng: np.random.Generator,
    *,
    pairing: Pairing = "distinct",
) -> FloatArray:
    """Independent copies of Delta_a = sup_f [R - Rhat] with a mixup draws: (replications,).

    Raises TheoryInputError for n < 2 with distinct pairs, counts < 1, a weight outside [0, 1] or
    a loss outside [0, M].
    """
    n, a = _checked_pairing(n, pairing), checked_count(a, "a")
    weight = _checked_weight(weight)
    gaps = []
    for count in chunks(checked_count(replications, "replications"), (n + a) * problem.size):
        sample = problem.sampler(rng, count * n)
        points = sample.reshape(count, n, *sample.shape[1:])
        first = rng.integers(n, size=(count, a))
        if pairing == "distinct":
            second = (first + 1 + rng.integers(n - 1, size=(count, a))) % n
        else:
            second = rng.integers(n, size=(count, a))
        rows = np.arange(count)[:, None]
        coefficient = mixing.sample(rng, (count, a)).reshape((count, a) + (1,) * (points.ndim - 2))
        mixed = coefficient * points[rows, first] + (1 - coefficient) * points[rows, second]
        drawn = checked_loss_values(
            problem.losses, mixed.reshape(count * a, *points.shape[2:]), problem.loss_bound
        )
        kept = checked_loss_values(problem.losses, sample, problem.loss_bound)
        empirical = weight * kept.reshape(-1, count, n).mean(axis=2)
        empirical += (1 - weight) * drawn.reshape(-1, count, a).mean(axis=2)
        gaps.append((problem.risks[:, None] - empirical).max(axis=0))
    return np.concatenate(gaps)


def simulate_mixup_limit_gaps(
    problem: SampledClass,
    n: int,
    weight: float,
    mixing: MixingLaw,
    replications: int,
    rng: np.random.Generator,
    *,
    pairing: Pairing = "distinct",
    nodes: int = 32,
) -> FloatArray:
    """Independent copies of Delta_inf = sup_f [R - w R_S - (1-w) U_n]: (replications,).

    The mean over lambda is a quadrature with `nodes` nodes: exact for finite mixing distributions,
    and for Beta mixing of losses that are polynomials of degree < 2 nodes along segments;
    approximate for losses with kinks. Raises TheoryInputError as `simulate_mixup_gaps` does.
    """
    n, weight = _checked_pairing(n, pairing), _checked_weight(weight)
    values, masses = mixing.quadrature(checked_count(nodes, "nodes"))
    first, second = np.divmod(np.arange(n * n), n)
    if pairing == "distinct":
        first, second = first[first != second], second[first != second]
    gaps = []
    for count in chunks(checked_count(replications, "replications"), n * n * problem.size):
        sample = problem.sampler(rng, count * n)
        points = sample.reshape(count, n, *sample.shape[1:])
        kept = checked_loss_values(problem.losses, sample, problem.loss_bound)
        empirical = weight * kept.reshape(-1, count, n).mean(axis=2)
        for value, mass in zip(values, masses, strict=True):
            mixed = value * points[:, first] + (1 - value) * points[:, second]
            flat = mixed.reshape(count * len(first), *points.shape[2:])
            drawn = checked_loss_values(problem.losses, flat, problem.loss_bound)
            empirical += (1 - weight) * mass * drawn.reshape(-1, count, len(first)).mean(axis=2)
        gaps.append((problem.risks[:, None] - empirical).max(axis=0))
    return np.concatenate(gaps)


def simulate_rademacher(
    sampler: Sampler,
    functions: tuple[VectorLoss, ...],
    n: int,
    replications: int,
    rng: np.random.Generator,
) -> FloatArray:
    """Independent copies of sup_f (1/n) sum_i sigma_i f(x_i), whose mean is Rad_n.

    Shape (replications,). Unlike losses, the functions may take either sign.
    """
    n = checked_count(n, "n")
    suprema = []
    for count in chunks(checked_count(replications, "replications"), n * len(functions)):
        points = sampler(rng, count * n)
        signs = 2.0 * rng.integers(2, size=count * n) - 1.0
        values = np.stack([function(points) for function in functions]) * signs
        suprema.append(values.reshape(-1, count, n).mean(axis=2).max(axis=0))
    return np.concatenate(suprema)


def _checked_weight(weight: float) -> float:
    if not 0 <= weight <= 1:
        raise TheoryInputError(f"weight is {weight}, but it must lie in [0, 1].")
    return weight


def _checked_pairing(n: int, pairing: Pairing) -> int:
    if pairing not in get_args(Pairing):
        raise TheoryInputError(f"pairing is {pairing!r}; it must be 'distinct' or 'self'.")
    return checked_count(n, "n", at_least=2 if pairing == "distinct" else 1)
