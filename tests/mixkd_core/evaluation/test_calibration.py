"""Calibration: hand-computed values, a temperature that is known, and two routes to one number."""

from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from mixkd_core.errors import InputError
from mixkd_core.evaluation.calibration import (
    TEMPERATURES,
    brier_score,
    cross_entropy,
    expected_calibration_error,
    fit_temperature,
)


def drawn(size: int, seed: int = 0, classes: int = 3) -> tuple[Any, Any]:
    """Logits, and labels drawn from their own softmax: perfectly calibrated in the limit."""
    generator = np.random.default_rng(seed)
    logits = generator.normal(scale=2.0, size=(size, classes))
    noise = generator.gumbel(size=logits.shape)
    return logits, (logits + noise).argmax(axis=1)


def logits_of(probabilities: list[list[float]]) -> Any:
    return np.log(np.array(probabilities))


@pytest.mark.parametrize("temperature", [0.3, 1.0, 4.0])
def test_cross_entropy_is_torchs(temperature: float) -> None:
    logits, labels = drawn(50)
    expected = torch.nn.functional.cross_entropy(
        torch.from_numpy(logits) / temperature, torch.from_numpy(labels), reduction="none"
    )
    np.testing.assert_allclose(cross_entropy(logits, labels, temperature), expected, rtol=1e-12)


@pytest.mark.parametrize("factor", [0.25, 1.0, 5.0])
def test_the_temperature_that_logits_were_multiplied_by_is_found(factor: float) -> None:
    logits, labels = drawn(20_000)
    # The standard error of log τ is about 0.01 here.
    assert fit_temperature(factor * logits, labels) == pytest.approx(factor, rel=0.05)


@settings(deadline=None, derandomize=True, max_examples=25)
@given(seed=st.integers(0, 1000), factor=st.floats(0.5, 2.0))
def test_a_fitted_temperature_is_a_minimum_and_scales_with_the_logits(
    seed: int, factor: float
) -> None:
    logits, labels = drawn(60, seed)
    fitted = fit_temperature(logits, labels)
    best = cross_entropy(logits, labels, fitted).mean()
    grid = np.geomspace(*TEMPERATURES, 200)
    assert all(best <= cross_entropy(logits, labels, t).mean() + 1e-12 for t in grid)
    assert fit_temperature(factor * logits, labels) == pytest.approx(factor * fitted, rel=1e-4)


def test_without_a_minimum_the_temperature_is_an_end_of_the_range() -> None:
    logits = np.array([[2.0, 0.0], [0.0, 3.0]])
    assert fit_temperature(logits, [0, 1]) == pytest.approx(TEMPERATURES[0])
    assert fit_temperature(logits, [1, 0]) == pytest.approx(TEMPERATURES[1])


def test_calibration_error_by_hand() -> None:
    """Confidences 0.9, 0.9 (one right) and 0.6 (right): 2/3 · |0.5 − 0.9| + 1/3 · |1 − 0.6|."""
    logits = logits_of([[0.9, 0.1], [0.9, 0.1], [0.4, 0.6]])
    assert expected_calibration_error(logits, [0, 1, 1]) == pytest.approx(0.4)
    # In a single bin, excess and shortfall cancel: |2/3 − 0.8|.
    assert expected_calibration_error(logits, [0, 1, 1], bins=1) == pytest.approx(0.8 - 2 / 3)


def test_a_bin_holds_its_upper_end() -> None:
    """0.5 and 0.4 share the bin (0, 0.5] of two: their deviations −0.5 and +0.6 cancel."""
    logits = logits_of([[0.5, 0.25, 0.25], [0.4, 0.3, 0.3]])
    assert expected_calibration_error(logits, [1, 0], bins=2) == pytest.approx(0.05)


def test_neighbouring_bins_are_apart() -> None:
    """Right at 0.4 and wrong at 0.9: two bins of two, ½ · 0.6 + ½ · 0.9, and 0.15 if they were one.

    Then the same number as from a sum over bins written out, for many bins.
    """
    logits = logits_of([[0.4, 0.3, 0.3], [0.9, 0.05, 0.05]])
    assert expected_calibration_error(logits, [0, 1], bins=2) == pytest.approx(0.75)
    logits, labels = drawn(500)
    probabilities = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    confidence, right = probabilities.max(axis=1), probabilities.argmax(axis=1) == labels
    for bins in (1, 2, 5, 15, 40):
        total = 0.0
        for low in range(bins):
            inside = (confidence > low / bins) & (confidence <= (low + 1) / bins)
            total += abs(float((right[inside] - confidence[inside]).sum()))
        assert expected_calibration_error(logits, labels, bins=bins) == pytest.approx(total / 500)


def test_calibrated_confidences_have_little_error_and_others_have_much() -> None:
    logits, labels = drawn(20_000)
    assert expected_calibration_error(logits, labels) < 0.02
    assert expected_calibration_error(4 * logits, labels) > 0.1
    fitted = fit_temperature(4 * logits, labels)
    assert expected_calibration_error(4 * logits / fitted, labels) < 0.02


def test_brier_score_by_hand() -> None:
    logits = logits_of([[0.7, 0.2, 0.1], [0.5, 0.25, 0.25]])
    expected = (0.3**2 + 0.2**2 + 0.1**2 + 0.5**2 + 0.75**2 + 0.25**2) / 2
    assert brier_score(logits, [0, 1]) == pytest.approx(expected)
    assert brier_score([[1000.0, 0.0]], [0]) == 0.0
    assert brier_score([[1000.0, 0.0]], [1]) == 2.0


def test_adding_a_constant_to_the_logits_changes_nothing() -> None:
    logits, labels = drawn(200)
    shifted = logits + np.arange(200)[:, None]
    for measure in (fit_temperature, expected_calibration_error, brier_score):
        assert measure(shifted, labels) == pytest.approx(measure(logits, labels), rel=1e-5)


@pytest.mark.parametrize(
    ("logits", "labels", "said"),
    [
        ([[0.0, 1.0]], [0, 1], r"shape \(1, 2\) and labels of shape \(2,\)"),
        ([[0.5]], [0], "two classes or more"),
        (np.empty((0, 2)), np.empty(0, dtype=int), "there are no logits"),
        ([[0.0, 1.0], [np.nan, 1.0]], [0, 1], "row 1 of the logits is not finite"),
        ([[0.0, 1.0]], [2], "labels run from 2 to 2"),
        ([[0.0, 1.0]], [-1], "labels run from -1"),
        ([[0.0, 1.0]], [0.5], "float64"),
    ],
)
def test_what_cannot_be_calibrated_is_refused(logits: Any, labels: Any, said: str) -> None:
    for measure in (cross_entropy, fit_temperature, expected_calibration_error, brier_score):
        with pytest.raises(InputError, match=said):
            measure(logits, labels)


def test_settings_out_of_range_are_refused() -> None:
    with pytest.raises(InputError, match=r"temperature is 0\.0"):
        cross_entropy([[0.0, 1.0]], [0], 0.0)
    with pytest.raises(InputError, match="bins is 0"):
        expected_calibration_error([[0.0, 1.0]], [0], bins=0)
