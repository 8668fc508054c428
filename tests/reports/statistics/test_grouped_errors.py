"""Standard errors by groups, and the gap on groups that were not trained on."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reports.statistics.grouped_errors import (
    grouped_standard_error,
    shared_source_rows,
    standard_error,
)


@settings(deadline=None, derandomize=True)
@given(st.lists(st.floats(-5, 5), min_size=2, max_size=40))
def test_groups_of_one_are_independent_examples(values: list[float]) -> None:
    array = np.array(values)
    grouped = grouped_standard_error(array, np.arange(len(array)))
    assert grouped == pytest.approx(standard_error(array), abs=1e-12)


@settings(deadline=None, derandomize=True)
@given(st.lists(st.floats(-5, 5), min_size=2, max_size=20), st.integers(2, 5))
def test_copies_add_no_information(values: list[float], copies: int) -> None:
    """A sample of which each example is there k times, as groups, has the error of the sample."""
    array = np.array(values)
    repeated, groups = np.tile(array, copies), np.tile(np.arange(len(array)), copies)
    found = grouped_standard_error(repeated, groups)
    assert found == pytest.approx(standard_error(array), abs=1e-12)


def test_it_is_what_resampling_groups_gives() -> None:
    """4,000 resamples: the bootstrap's own error is 1/sqrt(8000) = 1.1 %; 5 % is 4.5 of those."""
    rng = np.random.default_rng(0)
    sizes = rng.integers(1, 6, size=300)
    groups = np.repeat(np.arange(300), sizes)
    values = rng.normal(size=300)[groups] + rng.normal(size=len(groups))
    sums = np.bincount(groups, weights=values)
    drawn = rng.integers(0, 300, size=(4000, 300))
    means = sums[drawn].sum(axis=1) / sizes[drawn].sum(axis=1)
    grouped = grouped_standard_error(values, groups)
    assert grouped == pytest.approx(means.std(), rel=0.05)
    assert grouped > 1.3 * standard_error(values)


def test_one_group_has_no_error() -> None:
    assert np.isnan(grouped_standard_error(np.array([1.0, 2.0]), np.array([7, 7])))


def test_examples_of_trained_groups_are_told_from_the_others() -> None:
    losses = {
        name: {"zero_one_error": np.array(values)}
        for name, values in {
            "train": [0.0, 0.0],
            "remainder": [0.0, 1.0, 1.0],
            "dev": [1.0],
        }.items()
    }
    groups = {
        "train": np.array([1, 2]), "remainder": np.array([1, 3, 3]), "dev": np.array([1])
    }  # fmt: skip
    remainder, dev = shared_source_rows(losses, groups)
    assert remainder["examples"] == 3
    assert remainder["groups"] == 2
    assert remainder["seen_examples"] == 1
    assert remainder["seen_risk"] == 0
    assert remainder["unseen_risk"] == 1
    # Groups of another split are others, whatever their number.
    assert dev["seen_examples"] is None
    assert np.isnan(dev["unseen_risk"])
