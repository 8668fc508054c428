"""The slope of a gain over fractions, against least squares."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mixkd_core.errors import InputError
from reports.statistics.trend import slopes, trend_weights

FRACTIONS = st.lists(st.floats(0.001, 1.0), min_size=2, max_size=5, unique_by=lambda f: round(f, 2))


@pytest.mark.slow
@given(FRACTIONS, st.integers(0, 99))
def test_the_slope_is_that_of_least_squares(fractions: list[float], seed: int) -> None:
    gains = np.random.default_rng(seed).normal(size=(len(fractions), 4))
    fitted = np.polyfit(-np.log10(fractions), gains, 1)[0]
    found = slopes(dict(zip(fractions, gains, strict=True)))
    np.testing.assert_allclose(found, fitted, rtol=1e-6, atol=1e-9)
    same = slopes({fraction: [0.7] for fraction in fractions})
    np.testing.assert_allclose(same, 0, atol=1e-9)


def test_a_slope_is_a_gain_per_tenfold_fewer_data() -> None:
    assert slopes({0.01: [0.03], 0.1: [0.01]})[0] == pytest.approx(0.02)
    assert trend_weights([0.1, 0.01]) == pytest.approx({0.01: 1.0, 0.1: -1.0})


@pytest.mark.parametrize("fractions", [[0.1], [0.1, 0.1], [0.0, 0.1], [0.1, 2.0]])
def test_no_trend_over_one_fraction_or_none(fractions: list[float]) -> None:
    with pytest.raises(InputError, match="two different ones or more"):
        trend_weights(fractions)


def test_fractions_with_other_seeds_are_refused() -> None:
    with pytest.raises(InputError, match=r"2 at 0\.1, 1 at 0\.01"):
        slopes({0.1: [1.0, 2.0], 0.01: [1.0]})
