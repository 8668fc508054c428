"""The bounds on the gap under mixup: reference values, limits, vacuity, and coverage by drawing."""

import math

import numpy as np
import pytest
from scipy.stats import binom

from theory.bounds.concentration import bernstein_radius, hoeffding_radius
from theory.bounds.mixup import case2_bernstein, case2_hoeffding, case2_mcdiarmid
from theory.errors import TheoryInputError


def test_reference_values() -> None:
    assert case2_hoeffding(1, 0.05, 100, 400, 0.5).value == pytest.approx(0.15086972986, abs=1e-11)
    assert case2_hoeffding(3, 0.05, 100, 400, 0.5).value == pytest.approx(0.17637734777, abs=1e-11)


@pytest.mark.parametrize(("w", "expected"), [(1.0, 0.1935), (0.5, 0.2336), (0.0, 0.2737)])
def test_hoeffding_on_the_example_gets_worse_with_mixing(w: float, expected: float) -> None:
    assert case2_hoeffding(1, 0.05, 40, math.inf, w).value == pytest.approx(expected, abs=5e-5)


def _pair_variance(w: float) -> float:
    """Var k of the example M+: g = (0, 1, 0) on {-1, 0, 1}, h(0, ±1) = h(-1, 1) = 1/4."""
    law = np.array([0.4, 0.2, 0.4])
    g = np.array([0.0, 1.0, 0.0])
    h = np.array([[0.0, 0.25, 0.25], [0.25, 1.0, 0.25], [0.25, 0.25, 0.0]])
    k = w * (g[:, np.newaxis] + g) / 2 + (1 - w) * h
    weights = np.outer(law, law)
    return float((weights * k**2).sum() - (weights * k).sum() ** 2)


@pytest.mark.parametrize(("w", "expected"), [(1.0, 0.2047), (0.5, 0.1723), (0.0, 0.1594)])
def test_bernstein_on_the_example_gets_better_with_mixing(w: float, expected: float) -> None:
    # Without draws nothing is spent on them: delta = .1 is split into two halves of .05.
    bound = case2_bernstein(1, 0.1, 40, math.inf, w, _pair_variance(w))
    assert bound.value == pytest.approx(expected, abs=5e-5)


def test_without_mixing_they_are_the_bounds_of_the_original_sample() -> None:
    assert case2_hoeffding(4, 0.05, 31, 7, 1.0, 2.0).value == pytest.approx(
        hoeffding_radius(31, 0.05 / 4, 2.0), rel=1e-14
    )
    assert case2_bernstein(4, 0.05, 31, 7, 1.0, 0.1, 2.0).value == pytest.approx(
        bernstein_radius(15, 0.05 / 8, 0.1, 2.0), rel=1e-14
    )
    assert case2_mcdiarmid(0.05, 31, 7, 1.0, 0.2, 2.0).value == pytest.approx(
        0.2 + hoeffding_radius(31, 0.05, 2.0), rel=1e-14
    )


def test_mcdiarmid_from_its_definition() -> None:
    expected = 0.1 + 2 * math.sqrt(0.5 * math.log(20) * (1.5**2 / 100 + 0.25 / 400))
    assert case2_mcdiarmid(0.05, 100, 400, 0.5, 0.1, 2.0).value == pytest.approx(expected)


def test_each_part_of_bernstein() -> None:
    budget = math.log(2 * 3 / 0.05)
    expected = (
        0.6 * 0.07
        + math.sqrt(2 * 0.2 * budget / 25)
        + 2 * budget / 75
        + 0.6 * 2 * math.sqrt(budget / 800)
    )
    bound = case2_bernstein(3, 0.05, 50, 400, 0.4, 0.2, 2.0, bias=0.07)
    assert bound.value == pytest.approx(expected, rel=1e-14)


def test_the_bias_enters_with_the_weight_of_the_mixture() -> None:
    plain = case2_hoeffding(1, 0.05, 20, 40, 0.25).value
    assert case2_hoeffding(1, 0.05, 20, 40, 0.25, bias=0.4).value == pytest.approx(plain + 0.3)


def test_range_based_bounds_are_never_below_the_one_without_augmentation() -> None:
    for n in range(2, 60):
        for w in np.linspace(0, 0.99, 12):
            mixed = case2_hoeffding(2, 0.05, n, math.inf, float(w)).value
            assert mixed > hoeffding_radius(n, 0.05 / 2)


def test_coverage_by_drawing() -> None:
    """20000 samples of M+ with their draws; every bound is exceeded by at most delta."""
    replications, n, draws, w, delta = 20_000, 12, 16, 0.25, 0.3
    generator = np.random.default_rng(8)
    points = generator.choice([-1.0, 0.0, 1.0], p=[0.4, 0.2, 0.4], size=(replications, n))
    first = generator.integers(0, n, size=(replications, draws))
    second = (first + generator.integers(1, n, size=first.shape)) % n
    mixing = generator.random(first.shape)
    rows = np.arange(replications)[:, np.newaxis]
    mixed = mixing * points[rows, first] + (1 - mixing) * points[rows, second]
    losses = [np.maximum(0.0, 1 - 2 * np.abs(x)) for x in (points, mixed)]
    gap = 0.2 - w * losses[0].mean(axis=1) - (1 - w) * losses[1].mean(axis=1)
    bounds = {
        "T2.1": case2_hoeffding(1, delta, n, draws, w).value,
        "T2.4": case2_bernstein(1, delta, n, draws, w, _pair_variance(w)).value,
        "T2.7": case2_mcdiarmid(delta, n, draws, w, 0.0).value,
    }
    allowed = binom.isf(1e-7, replications, delta)
    for name, bound in bounds.items():
        assert (gap > bound).sum() <= allowed, name
        assert bound < 1.0, name  # power: not vacuous even at n = 12


@pytest.mark.parametrize(
    "changes",
    [
        {"delta": 0.0},
        {"delta": 1.0},
        {"n": 1},
        {"class_size": 0},
        {"draws": 0},
        {"draws": math.nan},
        {"original_weight": 1.5},
        {"original_weight": -0.1},
        {"loss_bound": 0.0},
    ],
)
def test_bad_input_is_refused(changes: dict[str, float]) -> None:
    good = {"class_size": 2, "delta": 0.05, "n": 10, "draws": 20, "original_weight": 0.5}
    with pytest.raises(TheoryInputError):
        case2_hoeffding(**(good | changes))  # type: ignore[arg-type]
    with pytest.raises(TheoryInputError):
        case2_bernstein(**(good | {"kernel_variance": 0.1} | changes))  # type: ignore[arg-type]
