"""The shape of a bound, the union of budgets, and what may not be a delta, an n or an M."""

import math

import numpy as np
import pytest

from theory.bounds.betting import betting, plug_in_bets
from theory.bounds.binomial import clopper_pearson, exact_paired_difference
from theory.bounds.bound import (
    Bound,
    Interval,
    assert_union,
    checked_count,
    checked_delta,
    checked_loss_bound,
    spent,
)
from theory.bounds.certificates import certify_table
from theory.bounds.complexity import expected_rademacher_bound, finite_class_bound
from theory.bounds.concentration import (
    bernstein,
    empirical_bernstein,
    hoeffding,
    hoeffding_radius,
    mcdiarmid,
)
from theory.bounds.gaps import generalization_gap
from theory.bounds.mean_bound import two_sided
from theory.bounds.mixup import case2_bernstein, case2_hoeffding, case2_mcdiarmid
from theory.bounds.u_statistics import u_statistic_hoeffding
from theory.errors import TheoryInputError
from theory.statements.numbers import Numbers
from theory.statements.thresholds import (
    complexity_sample_size,
    finite_class_sample_size,
    floor_draws,
    mean_gap_sample_size,
    mixup_draws_needed,
)

GENERATOR = np.random.default_rng(4)


def _bound(value: float, delta: float = 0.05, **changes: object) -> Bound:
    fields: dict[str, object] = {
        "value": value,
        "delta": delta,
        "n": 10,
        "loss_bound": 2.0,
        "name": "a bound",
        "assumptions": ("independent draws",),
        "source": "a book",
    }
    return Bound(**(fields | changes))  # type: ignore[arg-type]


def test_an_upper_bound_is_vacuous_from_the_largest_loss_on() -> None:
    assert not _bound(math.nextafter(2.0, 0.0)).vacuous
    assert _bound(2.0).vacuous
    assert _bound(math.inf).vacuous
    assert _bound(math.nan).vacuous


def test_a_lower_bound_is_vacuous_from_the_smallest_value_down() -> None:
    assert _bound(0.0, lower=True).vacuous
    assert not _bound(1e-300, lower=True).vacuous
    assert not _bound(-0.5, lower=True, trivial=-2.0).vacuous
    assert _bound(-2.0, lower=True, trivial=-2.0).vacuous


def test_an_interval_spends_what_its_sides_spend() -> None:
    interval = Interval(lower=_bound(0.2, 0.01, lower=True), upper=_bound(0.5, 0.03))
    assert interval.delta == pytest.approx(0.04, abs=1e-15)
    assert interval.width == pytest.approx(0.3, abs=1e-15)


def test_the_union_is_a_sum_and_a_wrong_division_is_an_error_of_the_program() -> None:
    thirds = [_bound(1.0, 0.05 / 3) for _ in range(3)]
    assert spent(thirds) == pytest.approx(0.05, rel=1e-15)
    assert_union(thirds, 0.05)
    with pytest.raises(AssertionError, match="spend"):
        assert_union(thirds[:2], 0.05)
    with pytest.raises(AssertionError, match="spend"):
        assert_union([_bound(1.0, 0.05)] * 2, 0.05)


@pytest.mark.parametrize("delta", [0.0, 1.0, -0.1, 1.5, math.nan, math.inf])
def test_a_failure_probability_lies_strictly_between_0_and_1(delta: float) -> None:
    with pytest.raises(TheoryInputError, match=r"delta is .* strictly between 0 and 1"):
        checked_delta(delta)


@pytest.mark.parametrize("delta", [5e-324, 1e-308, math.nextafter(1e-300, 0.0)])
def test_a_failure_probability_is_no_smaller_than_what_is_computed_with(delta: float) -> None:
    with pytest.raises(TheoryInputError, match=r"delta is .* below 1e-300"):
        checked_delta(delta)
    assert checked_delta(1e-300) == 1e-300


@pytest.mark.parametrize("delta", [5e-324, 1e-308])
def test_no_bound_takes_a_delta_that_is_too_small(delta: float) -> None:
    """Wherever one enters: as it is, halved between two sides, or shared by a table."""
    losses = [0.0, 1.0, 0.5]
    for bound in (
        lambda: betting(losses, delta),
        lambda: hoeffding(losses, delta),
        lambda: empirical_bernstein(losses, delta),
        lambda: bernstein(losses, delta, 0.1),
        lambda: mcdiarmid(0.5, delta, [0.1], 1.0),
        lambda: clopper_pearson([0.0, 1.0], delta),
        lambda: exact_paired_difference([0.0, 1.0], [1.0, 1.0], delta),
        lambda: two_sided(betting, losses, delta),
        lambda: generalization_gap(losses, losses, delta),
        lambda: certify_table({"a": losses}, delta),
        lambda: finite_class_bound(losses, 3, delta),
        lambda: expected_rademacher_bound(losses, 0.1, delta),
        lambda: case2_hoeffding(3, delta, 10, 10, 0.5),
        lambda: case2_bernstein(3, delta, 10, 10, 0.5, 0.1),
        lambda: case2_mcdiarmid(delta, 10, 10, 0.5, 0.1),
        lambda: u_statistic_hoeffding(np.full((2, 2), 0.5), delta),
        lambda: finite_class_sample_size(0.1, 3, 1.0, delta),
        lambda: mean_gap_sample_size(0.1, 0.0, 1.0, delta),
        lambda: complexity_sample_size(0.1, 1.0, 1.0, delta),
        lambda: mixup_draws_needed(0.1, 0.5, 3, 1.0, delta),
        lambda: floor_draws(0.1, 0.2, 0.5, 3, 1.0, delta),
        lambda: hoeffding_radius(3, delta),
        lambda: plug_in_bets(np.array([0.5]), delta),
        lambda: Numbers(delta=delta),
        lambda: Numbers(eta=delta),
    ):
        with pytest.raises(TheoryInputError):
            bound()


def test_at_the_smallest_delta_every_bound_is_a_number() -> None:
    losses = GENERATOR.random(50)
    values = [bound(losses, 1e-300).value for bound in (betting, hoeffding, empirical_bernstein)]
    values.append(clopper_pearson((losses < 0.2).astype(float), 1e-300).value)
    values.append(case2_bernstein(10**200, 1e-300, 10, 10, 0.5, 0.1).value)
    assert all(math.isfinite(value) for value in values)


@pytest.mark.parametrize("n", [10**16, 10**400, 1e300])
def test_a_count_is_no_larger_than_what_is_computed_with(n: float) -> None:
    with pytest.raises(TheoryInputError, match="n is above 1e"):
        checked_count(n)  # type: ignore[arg-type]


@pytest.mark.parametrize("n", [0, -1, 2.5, math.nan])
def test_a_count_is_a_whole_number_of_at_least_one(n: float) -> None:
    with pytest.raises(TheoryInputError, match=r"n is .* at least 1"):
        checked_count(n)  # type: ignore[arg-type]


@pytest.mark.parametrize("loss_bound", [1e-101, 1e101, 1e308, 5e-324])
def test_a_loss_bound_is_within_what_is_computed_with(loss_bound: float) -> None:
    with pytest.raises(TheoryInputError, match="in another unit"):
        checked_loss_bound(loss_bound)


@pytest.mark.parametrize("loss_bound", [0.0, -1.0, math.nan, math.inf])
def test_a_loss_bound_is_positive_and_finite(loss_bound: float) -> None:
    with pytest.raises(TheoryInputError, match="positive and finite"):
        checked_loss_bound(loss_bound)
