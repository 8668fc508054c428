"""The shape of a bound, the union of budgets, and what may not be a delta, an n or an M."""

import math

import pytest

from theory.bounds.bound import (
    Bound,
    Interval,
    assert_union,
    checked_count,
    checked_delta,
    checked_loss_bound,
    spent,
)
from theory.errors import TheoryInputError


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


@pytest.mark.parametrize("n", [0, -1, 2.5, math.nan, math.inf])
def test_a_count_is_a_whole_number_of_at_least_one(n: float) -> None:
    with pytest.raises(TheoryInputError, match=r"n is .* at least 1"):
        checked_count(n)  # type: ignore[arg-type]


@pytest.mark.parametrize("loss_bound", [0.0, -1.0, math.nan, math.inf])
def test_a_loss_bound_is_positive_and_finite(loss_bound: float) -> None:
    with pytest.raises(TheoryInputError, match="positive and finite"):
        checked_loss_bound(loss_bound)
