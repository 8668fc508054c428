"""Spread of a teacher's probabilities over augmented samples: what it alone says of a kind.

A student's empirical distillation risk is a mean over augmented samples. Wang et al. (2022, "What
Makes a 'Good' Data Augmentation in Knowledge Distillation") hold that augmentation helps as it
lowers that mean's variance, to which samples made of one example add their covariance, and propose
the standard deviation of the teacher's mean probability as a measure that needs no student.

Both are taken here of samples drawn independently: a mean over a batch of b has the standard
deviation `stddev` / √b, for every kind alike, so kinds rank by `stddev` as by their measure. It is
a heuristic about variance: of what a mixture does to the bias it says nothing.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.stats import permutation_test, rankdata

from mixkd_core.errors import InputError

# With four kinds the best order of all has a p-value of 1/24, and one tie takes that away.
FEWEST_KINDS = 5

_RESAMPLES = 9999


@dataclass(frozen=True)
class TeacherSpread:
    """The spread of a teacher's probabilities over augmented samples; variances are classes' means.

    Attributes:
        stddev: standard deviation of one sample's probability, the root of its mean variance.
        covariance: of two samples made of one example (by the law of total covariance, the variance
            over examples of the mean probability). An unbiased estimate; it may fall below 0.
    """

    stddev: float
    covariance: float


@dataclass(frozen=True)
class RankTest:
    """Do kinds with a larger spread have students with a larger loss?

    Attributes:
        correlation: Spearman's, 1 where the predictor orders the losses perfectly; NaN where either
            is the same for every kind.
        p_value: one-sided, over permutations.
        kinds: how many were ordered.
    """

    correlation: float
    p_value: float
    kinds: int


def teacher_spread(probabilities: ArrayLike) -> TeacherSpread:
    """Decompose the variance of probabilities into that over examples and that within them.

    Args:
        probabilities: of shape `(examples, samples of each, num_labels)`, two of both at least.

    Raises:
        InputError: if there are fewer.
    """
    values = np.asarray(probabilities, dtype=np.float64)
    if values.ndim != 3 or min(values.shape[:2]) < 2:
        raise InputError(
            f"the probabilities have the shape {values.shape}: give two samples or more of each of "
            "two examples or more."
        )
    within = values.var(axis=1, ddof=1).mean(axis=0)
    covariance = values.mean(axis=1).var(axis=0, ddof=1) - within / values.shape[1]
    variance = np.maximum(covariance + within, 0)
    return TeacherSpread(float(np.sqrt(variance.mean())), float(covariance.mean()))


def rank_test(predictor: Sequence[float], losses: Sequence[float]) -> RankTest | None:
    """Test a predictor against its students' losses; None with fewer than `FEWEST_KINDS` kinds."""
    if len(predictor) < FEWEST_KINDS:
        return None
    ours, theirs = rankdata(predictor), rankdata(losses)
    if np.ptp(ours) == 0 or np.ptp(theirs) == 0:
        return RankTest(float("nan"), 1.0, len(ours))

    def correlation(one: NDArray[np.float64]) -> float:
        return float(np.corrcoef(one, theirs)[0, 1])

    found = permutation_test(
        (ours,), correlation, permutation_type="pairings", alternative="greater",
        n_resamples=_RESAMPLES, rng=np.random.default_rng(0), vectorized=False,
    )  # fmt: skip
    return RankTest(float(found.statistic), float(found.pvalue), len(ours))
