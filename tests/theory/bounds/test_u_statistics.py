"""Second-order U-statistics: their values and the number of independent pairs they rest on."""

import itertools
import math

import numpy as np
import pytest

from theory.bounds.concentration import bernstein, empirical_bernstein, hoeffding
from theory.bounds.u_statistics import (
    u_statistic,
    u_statistic_bernstein,
    u_statistic_empirical_bernstein,
    u_statistic_hoeffding,
)
from theory.errors import TheoryInputError


def _kernel(n: int, seed: int = 0) -> np.ndarray:
    values = np.random.default_rng(seed).random((n, n))
    return (values + values.T) / 2


def test_the_diagonal_does_not_count() -> None:
    kernel = _kernel(5)
    expected = np.mean([kernel[i, j] for i, j in itertools.permutations(range(5), 2)])
    assert u_statistic(kernel) == pytest.approx(expected, abs=1e-15)
    np.fill_diagonal(kernel, 0.0)
    assert u_statistic(kernel) == pytest.approx(expected, abs=1e-15)


@pytest.mark.parametrize(("n", "pairs"), [(2, 1), (3, 1), (8, 4), (9, 4)])
def test_the_radius_is_that_of_half_as_many_observations(n: int, pairs: int) -> None:
    kernel = 2 * _kernel(n)
    centre = u_statistic(kernel, 2.0)
    constant = np.full(pairs, 0.5)
    radius = hoeffding(constant, 0.05, 2.0).value - 0.5
    assert u_statistic_hoeffding(kernel, 0.05, 2.0).value == pytest.approx(centre + radius)
    radius = bernstein(constant, 0.05, 0.3, 2.0).value - 0.5
    assert u_statistic_bernstein(kernel, 0.05, 0.3, 2.0).value == pytest.approx(centre + radius)


def test_the_empirical_form_is_maurer_pontil_on_disjoint_pairs() -> None:
    kernel = _kernel(7)
    pairs = [kernel[0, 1], kernel[2, 3], kernel[4, 5]]
    bound = u_statistic_empirical_bernstein(kernel, 0.05)
    assert bound.value == pytest.approx(empirical_bernstein(pairs, 0.05).value, rel=1e-14)
    assert bound.n == 7


def test_coverage_by_enumeration() -> None:
    """Kernel max(x, x') of fair coins, n = 6: all 64 samples, target 3/4."""
    delta, target = 0.3, 0.75
    missed = {"hoeffding": 0, "bernstein": 0, "empirical": 0}
    for sample in itertools.product([0.0, 1.0], repeat=6):
        kernel = np.maximum.outer(sample, sample)
        missed["hoeffding"] += u_statistic_hoeffding(kernel, delta).value < target
        missed["bernstein"] += u_statistic_bernstein(kernel, delta, 3 / 16).value < target
        missed["empirical"] += u_statistic_empirical_bernstein(kernel, delta).value < target
    assert all(count <= delta * 64 for count in missed.values())
    assert missed["hoeffding"] >= 1  # power


def test_bad_kernels_are_refused() -> None:
    asymmetric = _kernel(3)
    asymmetric[0, 1] += 0.1
    with pytest.raises(TheoryInputError, match="not symmetric: h\\(0, 1\\)"):
        u_statistic(np.minimum(asymmetric, 1.0))
    for kernel in ([[0.5]], [0.1, 0.2], np.zeros((2, 3)), np.full((2, 2), 2.0)):
        with pytest.raises(TheoryInputError):
            u_statistic(kernel)
    with pytest.raises(TheoryInputError, match="NaN"):
        u_statistic(np.full((2, 2), math.nan))
    with pytest.raises(TheoryInputError, match="variance"):
        u_statistic_bernstein(_kernel(4), 0.05, 0.3)
    with pytest.raises(TheoryInputError, match="delta"):
        u_statistic_hoeffding(_kernel(4), 1.0)
