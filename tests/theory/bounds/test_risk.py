"""Empirical risk and the generalization risk from held-out losses."""

import math

import numpy as np
import pytest

from theory.bounds.betting import betting
from theory.bounds.binomial import clopper_pearson
from theory.bounds.concentration import hoeffding
from theory.bounds.risk import empirical_risk, generalization_risk, zero_one_risk
from theory.errors import TheoryInputError


def test_empirical_risk_is_the_mean() -> None:
    assert empirical_risk([0.0, 1.0, 2.0], 2.0) == 1.0
    for losses in ([], [math.nan], [3.0]):
        with pytest.raises(TheoryInputError):
            empirical_risk(losses, 2.0)


def test_generalization_risk_has_an_interval_of_two_halves() -> None:
    losses = np.random.default_rng(0).beta(1, 4, 200)
    risk = generalization_risk(losses, 0.1)
    assert risk.estimate == losses.mean()
    assert risk.interval.upper.value == betting(losses, 0.05).value
    assert risk.interval.lower.value == betting(losses, 0.05, lower=True).value
    assert risk.interval.delta == pytest.approx(0.1)
    by_hoeffding = generalization_risk(losses, 0.1, method=hoeffding)
    assert by_hoeffding.interval.width > risk.interval.width


def test_zero_one_risk_is_clopper_pearson() -> None:
    losses = [1.0] * 3 + [0.0] * 17
    risk = zero_one_risk(losses, 0.1)
    assert risk.estimate == pytest.approx(0.15)
    assert risk.interval.upper.value == clopper_pearson(losses, 0.05).value
    assert risk.interval.lower.value == clopper_pearson(losses, 0.05, lower=True).value
    with pytest.raises(TheoryInputError, match="0 and 1"):
        zero_one_risk([0.5], 0.1)
