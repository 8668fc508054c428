"""Hoeffding, Bernstein, empirical Bernstein and McDiarmid: values, edges and coverage by count."""

import math

import numpy as np
import pytest
from scipy.stats import binom

from theory.bounds.bound import Interval
from theory.bounds.concentration import (
    bernstein,
    bernstein_limit,
    empirical_bernstein,
    empirical_bernstein_limit,
    hoeffding,
    hoeffding_limit,
    mcdiarmid,
)
from theory.bounds.mean_bound import paired, two_sided
from theory.errors import TheoryInputError

# The data of the document's reference values: mean .25014.
REFERENCE = ((37 * np.arange(1, 501)) % 101) / 200


def test_reference_values() -> None:
    assert hoeffding(REFERENCE, 0.05).value == pytest.approx(0.3048732831, abs=5e-11)
    assert empirical_bernstein(REFERENCE, 0.05).value == pytest.approx(0.2851004537, abs=1e-10)


def test_empirical_bernstein_from_its_definition() -> None:
    values = [0.0, 0.5, 0.25, 1.0]
    variance = sum((x - 0.4375) ** 2 for x in values) / 3
    budget = math.log(2 / 0.1)
    expected = 0.4375 + math.sqrt(2 * variance * budget / 4) + 7 * budget / (3 * 3)
    assert empirical_bernstein(values, 0.1).value == pytest.approx(expected, rel=1e-14)


def test_bernstein_from_its_definition_in_the_units_of_the_losses() -> None:
    values = [0.0, 2.0, 1.0, 0.5, 0.5]
    budget = math.log(1 / 0.02)
    expected = 0.8 + math.sqrt(2 * 0.6 * budget / 5) + 2.0 * budget / 15
    assert bernstein(values, 0.02, 0.6, 2.0).value == pytest.approx(expected, rel=1e-14)


def test_hoeffding_in_the_units_of_the_losses() -> None:
    expected = 1.0 + 4.0 * math.sqrt(math.log(1 / 0.05) / 4)
    assert hoeffding([-1.0, 3.0], 0.05, 3.0, lowest=-1.0).value == pytest.approx(
        expected, rel=1e-14
    )


def test_a_bound_carries_what_it_rests_on() -> None:
    bound = hoeffding([0.0, 2.0, 1.0], 0.05, 2.0)
    assert (bound.n, bound.delta, bound.loss_bound) == (3, 0.05, 2.0)
    assert bound.assumptions
    assert "1963" in bound.source
    assert bound.vacuous
    assert not hoeffding(np.zeros(50), 0.05).vacuous


def test_one_observation_has_no_variance() -> None:
    bound = empirical_bernstein([0.3], 0.05)
    assert bound.value == math.inf
    assert bound.vacuous
    assert empirical_bernstein([0.3], 0.05, lower=True).value == -math.inf


def test_limits_run_along_the_last_axis() -> None:
    table = np.array([[0.0, 1.0, 0.5], [0.25, 0.25, 0.25]])
    for limit, bound in (
        (hoeffding_limit, hoeffding),
        (empirical_bernstein_limit, empirical_bernstein),
    ):
        for lower in (False, True):
            expected = [bound(row, 0.1, lower=lower).value for row in table]
            np.testing.assert_allclose(limit(table, 0.1, lower=lower), expected, rtol=1e-14)
    np.testing.assert_allclose(
        bernstein_limit(table, 0.1, 0.2), [bernstein(row, 0.1, 0.2).value for row in table]
    )


def test_lower_is_upper_of_the_mirrored_sample() -> None:
    for bound in (hoeffding, empirical_bernstein):
        below = bound(REFERENCE, 0.05, lower=True)
        assert below.lower
        assert below.value == pytest.approx(1 - bound(1 - REFERENCE, 0.05).value, abs=1e-14)


def test_two_sides_share_the_budget() -> None:
    interval = two_sided(hoeffding, REFERENCE, 0.1)
    assert isinstance(interval, Interval)
    assert interval.upper.value == pytest.approx(hoeffding(REFERENCE, 0.05).value, abs=1e-15)
    assert interval.lower.value == pytest.approx(
        hoeffding(REFERENCE, 0.05, lower=True).value, abs=1e-15
    )
    assert interval.delta == pytest.approx(0.1, rel=1e-12)


def test_paired_bounds_the_mean_difference_on_twice_the_range() -> None:
    first, second = REFERENCE, REFERENCE[::-1].copy()
    difference = (first - second + 1) / 2
    for bound in (hoeffding, empirical_bernstein):
        expected = 2 * bound(difference, 0.05).value - 1
        assert paired(bound, first, second, 0.05).value == pytest.approx(expected, abs=1e-13)
    swapped = paired(hoeffding, second, first, 0.05, lower=True).value
    assert paired(hoeffding, first, second, 0.05).value == pytest.approx(-swapped, abs=1e-13)


def test_mcdiarmid_is_hoeffding_for_a_mean() -> None:
    n = REFERENCE.size
    bound = mcdiarmid(REFERENCE.mean(), 0.05, np.full(n, 1 / n), 1.0)
    assert bound.value == pytest.approx(hoeffding(REFERENCE, 0.05).value, rel=1e-13)
    assert bound.n == n
    unequal = mcdiarmid(0.0, 0.05, [1.0, 2.0], 5.0)
    assert unequal.value == pytest.approx(math.sqrt(5 * math.log(20) / 2), rel=1e-14)


@pytest.mark.parametrize("differences", [[], [[1.0]], [math.nan], [-1.0, 2.0], [math.inf]])
def test_mcdiarmid_refuses_what_are_no_differences(differences: list[object]) -> None:
    with pytest.raises(TheoryInputError, match="difference"):
        mcdiarmid(0.0, 0.05, differences, 1.0)  # type: ignore[arg-type]


@pytest.mark.parametrize("variance", [-0.1, 0.2501, math.nan])
def test_bernstein_refuses_a_variance_no_law_has(variance: float) -> None:
    with pytest.raises(TheoryInputError, match="variance"):
        bernstein([0.5], 0.05, variance)


@pytest.mark.parametrize("bound", [hoeffding, empirical_bernstein])
def test_bad_input_is_refused(bound: object) -> None:
    for losses, delta, loss_bound in (
        ([0.5], 0.0, 1.0),
        ([0.5], 1.0, 1.0),
        ([], 0.1, 1.0),
        ([math.nan], 0.1, 1.0),
        ([1.5], 0.1, 1.0),
        ([0.5], 0.1, 0.0),
    ):
        with pytest.raises(TheoryInputError):
            bound(losses, delta, loss_bound)  # type: ignore[operator]


@pytest.mark.parametrize("n", [1, 2, 3, 10, 60])
@pytest.mark.parametrize("delta", [0.01, 0.1, 0.5])
def test_coverage_on_bernoulli_laws_by_exact_count(n: int, delta: float) -> None:
    """P(limit < p) <= delta for every p on a grid, summed over the binomial and not simulated."""
    counts = np.arange(n + 1)
    samples = (np.arange(n) < counts[:, np.newaxis]).astype(float)
    for p in np.concatenate([[1e-6, 1 - 1e-6], np.linspace(0.01, 0.99, 49)]):
        weights = binom.pmf(counts, n, p)
        limits = {
            "Hoeffding": hoeffding_limit(samples, delta),
            "Maurer-Pontil": empirical_bernstein_limit(samples, delta),
            "Bernstein": bernstein_limit(samples, delta, p * (1 - p)),
        }
        for name, limit in limits.items():
            assert weights[limit < p].sum() <= delta, (name, p)
        assert weights[hoeffding_limit(samples, delta, lower=True) > p].sum() <= delta
        assert weights[empirical_bernstein_limit(samples, delta, lower=True) > p].sum() <= delta
