"""What may not enter a bound, and what clipping changes."""

import math

import numpy as np
import pytest

from theory.bounds.losses import (
    checked_batch,
    checked_losses,
    checked_table,
    clip_losses,
    from_unit,
    is_zero_one,
    paired_differences,
    to_unit,
)
from theory.errors import TheoryInputError


@pytest.mark.parametrize(
    ("losses", "message"),
    [
        ([], "empty"),
        ([[0.1, 0.2]], r"shape \(1, 2\)"),
        ([0.1, math.nan, 0.3], r"row 1 \(counted from 0\) is NaN \(1 bad of 3\)"),
        ([0.1, 0.2, 1.5, 2.0], r"row 2 .* is 1\.5, outside \[0\.0, 1\.0\] \(2 bad of 4\)"),
        ([-1e-9], r"row 0 .* is -1e-09, outside"),
        ([0.1, math.inf], r"row 1 .* is inf"),
        (["a"], "cannot be read as numbers"),
        ([[0.1], [0.2, 0.3]], "cannot be read as numbers"),
    ],
)
def test_bad_losses_are_refused_by_row_and_value(losses: list[object], message: str) -> None:
    with pytest.raises(TheoryInputError, match=message):
        checked_losses(losses)  # type: ignore[arg-type]


def test_the_ends_of_the_range_are_inside() -> None:
    assert checked_losses([0.0, 2.0], 2.0).tolist() == [0.0, 2.0]
    assert checked_losses([-2.0, 2.0], 2.0, lowest=-2.0).tolist() == [-2.0, 2.0]


def test_an_empty_range_is_refused() -> None:
    with pytest.raises(TheoryInputError, match="lowest value"):
        checked_losses([1.0], 1.0, lowest=1.0)


def test_a_batch_names_the_place_of_its_bad_value() -> None:
    with pytest.raises(TheoryInputError, match=r"row \(1, 0\) .* is 3\.0"):
        checked_batch([[0.0, 1.0], [3.0, 0.5]])
    with pytest.raises(TheoryInputError, match="empty"):
        checked_batch(np.zeros((3, 0)))


def test_checking_does_not_alias_the_callers_array() -> None:
    losses = np.array([0.5, 0.25])
    checked = checked_losses(losses)
    checked[0] = 0.0
    assert losses[0] == 0.5


def test_a_paired_question_needs_columns_of_equal_length() -> None:
    with pytest.raises(TheoryInputError, match="first has 2 losses but second has 3"):
        paired_differences([0.0, 1.0], [0.0, 1.0, 0.5])
    with pytest.raises(TheoryInputError, match="'a': 2, 'b': 1"):
        checked_table({"a": [0.0, 1.0], "b": [0.0]})
    with pytest.raises(TheoryInputError, match="column 'b' is empty"):
        checked_table({"a": [0.0], "b": []})
    with pytest.raises(TheoryInputError, match="no column"):
        checked_table({})
    assert paired_differences([0.5, 0.0], [0.0, 1.0]).tolist() == [0.5, -1.0]


def test_zero_one_losses_are_recognised() -> None:
    assert is_zero_one([0, 1, 1])
    assert not is_zero_one([0.0, 0.5])
    assert not is_zero_one([0.0, math.nan])


def test_clipping_reports_what_it_changed() -> None:
    clipped, report = clip_losses([0.5, 3.0, 1.0, 1.5], 1.0)
    assert clipped.tolist() == [0.5, 1.0, 1.0, 1.0]
    assert (report.n, report.clipped, report.largest) == (4, 2, 3.0)
    assert (report.mean_before, report.mean_after) == (1.5, 0.875)


def test_clipping_takes_infinite_losses_but_neither_nan_nor_negative_ones() -> None:
    clipped, report = clip_losses([math.inf, 0.0], 2.0)
    assert clipped.tolist() == [2.0, 0.0]
    assert report.mean_before == math.inf
    assert report.clipped == 1
    with pytest.raises(TheoryInputError, match="NaN"):
        clip_losses([math.nan, 0.0], 2.0)
    with pytest.raises(TheoryInputError, match="outside"):
        clip_losses([-0.5, 0.0], 2.0)
    with pytest.raises(TheoryInputError, match="empty"):
        clip_losses([], 2.0)


@pytest.mark.parametrize("mirrored", [False, True])
def test_the_unit_interval_and_back(mirrored: bool) -> None:
    values = np.array([-2.0, -0.5, 1.0, 4.0])
    unit = to_unit(values, -2.0, 4.0, mirrored=mirrored)
    assert unit[0] == (1.0 if mirrored else 0.0)
    np.testing.assert_allclose(from_unit(unit, -2.0, 4.0, mirrored=mirrored), values, atol=1e-15)
