"""Bounds on the gap under mixup augmentation of a fixed sample (the document's Case 2).

The sample S has n independent points; given S, a draws are made: a pair i != j of S, a fresh mixing
coefficient, and the teacher queried at the mixed point. The training risk is R_hat = w R_S + (1-w)
(mean loss over the draws), with w in [0, 1] fixed beforehand, and the mixed distribution's bias is
b = R - R_mix. Every statement here is this suite's own reconstruction, proved in THEORY.md; none of
it is the paper's.

`draws` is the number of draws that are independent given S: a itself, a/4 for whole-data
permutations, the number of batches where a batch shares its coefficient; math.inf for the limit.
"""

from math import floor, log, sqrt

from theory.bounds.bound import (
    LARGEST_CLASS,
    Bound,
    checked_count,
    checked_delta,
    checked_loss_bound,
)
from theory.bounds.concentration import bernstein_deviation
from theory.bounds.u_statistics import checked_variance
from theory.errors import TheoryInputError

ASSUMPTIONS = (
    "the sample is n independent draws of one law",
    "given the sample, the draws are independent, i != j uniform, with fresh mixing coefficients",
    "the weight w of the original sample was fixed beforehand",
    "every loss lies in [0, M], the teacher queried at the mixed points",
)
SOURCE = "this suite's reconstruction, proved in THEORY.md"
FINITE_CLASS = "the class is finite and was fixed before drawing the sample"


def case2_hoeffding(
    class_size: int,
    delta: float,
    n: int,
    draws: float,
    original_weight: float,
    loss_bound: float = 1.0,
    *,
    bias: float = 0.0,
) -> Bound:
    """T2.1: with probability 1 - delta, R - R_hat <= value for every predictor of the class.

    value = (1-w) bias + M sqrt((L/2) [(w/sqrt(n) + (1-w)/sqrt(floor(n/2)))² + (1-w)²/draws]),
    L = log(class_size/delta). One event, so delta is not split.

    bias: an upper bound of R - R_mix over the class (0 where only the stochastic part is wanted).

    Raises:
        TheoryInputError: delta outside (0, 1), n < 2, class_size < 1, draws <= 0, w outside [0, 1].
    """
    w = _checked(delta, n, draws, original_weight, loss_bound, class_size)
    budget = log(class_size) - log(delta)
    sample = w / sqrt(n) + (1.0 - w) / sqrt(floor(n / 2))
    radius = loss_bound * sqrt(0.5 * budget * (sample**2 + (1.0 - w) ** 2 / draws))
    return Bound(
        value=(1.0 - w) * bias + radius,
        delta=delta,
        n=n,
        loss_bound=loss_bound,
        name="T2.1, Hoeffding",
        assumptions=(*ASSUMPTIONS, FINITE_CLASS),
        source=SOURCE,
    )


def case2_bernstein(
    class_size: int,
    delta: float,
    n: int,
    draws: float,
    original_weight: float,
    kernel_variance: float,
    loss_bound: float = 1.0,
    *,
    bias: float = 0.0,
) -> Bound:
    """T2.4: with probability 1 - delta, R - R_hat <= value for every predictor of the class.

    value = (1-w) bias + sqrt(2 v L / m) + M L / (3m) + (1-w) M sqrt(L / (2 draws)),
    m = floor(n/2), L = log(2 class_size/delta): half of delta for the sample, half for the draws.

    kernel_variance: v, the largest variance over the class of
    k(x, x') = w (g(x) + g(x'))/2 + (1-w) E g(lambda x + (1-lambda) x').

    Raises:
        TheoryInputError: as `case2_hoeffding`, or a variance no kernel in [0, M] has.
    """
    w = _checked(delta, n, draws, original_weight, loss_bound, class_size)
    variance = checked_variance(kernel_variance, loss_bound)
    budget = log(2 * class_size) - log(delta)
    sample = bernstein_deviation(floor(n / 2), budget, variance, loss_bound)
    monte_carlo = (1.0 - w) * loss_bound * sqrt(budget / (2.0 * draws))
    return Bound(
        value=(1.0 - w) * bias + sample + monte_carlo,
        delta=delta,
        n=n,
        loss_bound=loss_bound,
        name="T2.4, Bernstein by blocks",
        assumptions=(*ASSUMPTIONS, FINITE_CLASS, "the variance of the pair kernel is known"),
        source=SOURCE,
    )


def case2_mcdiarmid(
    delta: float,
    n: int,
    draws: float,
    original_weight: float,
    expected_gap: float,
    loss_bound: float = 1.0,
) -> Bound:
    """T2.7, any class: with probability 1 - delta, sup over the class of R - R_hat <= value.

    value = expected_gap + M sqrt((log(1/delta)/2) [(2-w)²/n + (1-w)²/draws]).

    expected_gap: the expectation of that supremum, or an upper bound of it (the bias is in it).

    Raises:
        TheoryInputError: delta outside (0, 1), n < 2, draws <= 0, or w outside [0, 1].
    """
    w = _checked(delta, n, draws, original_weight, loss_bound, 1)
    spread = (2.0 - w) ** 2 / n + (1.0 - w) ** 2 / draws
    radius = loss_bound * sqrt(0.5 * log(1.0 / delta) * spread)
    return Bound(
        value=expected_gap + radius,
        delta=delta,
        n=n,
        loss_bound=loss_bound,
        name="T2.7, McDiarmid",
        assumptions=ASSUMPTIONS,
        source=SOURCE,
    )


def _checked(
    delta: float,
    n: int,
    draws: float,
    original_weight: float,
    loss_bound: float,
    class_size: int,
) -> float:
    checked_delta(delta)
    checked_count(n, at_least=2)
    checked_count(class_size, "the class size", at_most=LARGEST_CLASS)
    checked_loss_bound(loss_bound)
    if not draws > 0.0:
        raise TheoryInputError(
            f"the number of draws is {draws!r}, but it must be positive; without draws use a bound "
            "for the original sample"
        )
    if not 0.0 <= original_weight <= 1.0:
        raise TheoryInputError(
            f"the weight of the original sample is {original_weight!r}, but it lies in [0, 1]; "
            "pooling n points with a draws means n/(n+a)"
        )
    return float(original_weight)
