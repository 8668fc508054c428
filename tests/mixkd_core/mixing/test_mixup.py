"""The mixture of two examples: coefficients, masks and labels."""

import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import beta

from mixkd_core.errors import InputError
from mixkd_core.mixing.mixup import label_targets, mix, mix_masks, sample_mixing_coefficients

COEFFICIENTS = st.lists(st.floats(0, 1), min_size=1, max_size=6)

# Chance that a test of a correct law fails, for the one fixed seed.
FALSE_ALARM = 1e-9


@settings(deadline=None, derandomize=True)
@given(coefficients=COEFFICIENTS, data=st.data())
def test_mixed_labels_stay_on_the_simplex(coefficients: list[float], data: st.DataObject) -> None:
    size = len(coefficients)
    classes = st.lists(st.integers(0, 4), min_size=size, max_size=size)
    first = torch.tensor(data.draw(classes))
    second = torch.tensor(data.draw(classes))
    weight = torch.tensor(coefficients, dtype=torch.float64)
    mixed = mix(label_targets(first, 5).double(), label_targets(second, 5).double(), weight)
    assert torch.all(mixed >= 0)
    torch.testing.assert_close(mixed.sum(dim=1), torch.ones(size, dtype=torch.float64))
    for row, (i, j, lam) in enumerate(zip(first, second, coefficients, strict=True)):
        expected = lam + (1 - lam) * float(i == j)
        assert mixed[row, i].item() == pytest.approx(expected, abs=1e-12)


@settings(deadline=None, derandomize=True)
@given(coefficients=COEFFICIENTS, seed=st.integers(0, 100))
def test_mixing_is_symmetric_and_between(coefficients: list[float], seed: int) -> None:
    generator = torch.Generator().manual_seed(seed)
    size = len(coefficients)
    first = torch.randn(size, 3, 2, generator=generator, dtype=torch.float64)
    second = torch.randn(size, 3, 2, generator=generator, dtype=torch.float64)
    weight = torch.tensor(coefficients, dtype=torch.float64)
    mixed = mix(first, second, weight)
    torch.testing.assert_close(mixed, mix(second, first, 1 - weight))
    assert torch.all(mixed <= torch.maximum(first, second) + 1e-12)
    assert torch.all(mixed >= torch.minimum(first, second) - 1e-12)


def test_each_row_has_its_own_coefficient() -> None:
    mixed = mix(torch.ones(3, 2), torch.zeros(3, 2), torch.tensor([0.0, 0.25, 1.0]))
    assert mixed.tolist() == [[0, 0], [0.25, 0.25], [1, 1]]


def test_soft_and_real_labels_are_kept() -> None:
    soft = torch.tensor([[0.2, 0.8], [1.0, 0.0]])
    assert label_targets(soft, 2) is soft
    assert label_targets(torch.tensor([1, 0]), 3).tolist() == [[0, 1, 0], [1, 0, 0]]
    real = label_targets(torch.tensor([2.5, -1.0]), 1)
    assert real.tolist() == [[2.5], [-1.0]]
    whole = label_targets(torch.tensor([4, 2]), 1)
    assert whole.dtype == torch.float32
    mixed = mix(real, whole, torch.tensor([0.5, 0.25]))
    assert mixed.tolist() == [[3.25], [1.25]]


def test_a_position_is_attended_to_if_either_text_has_a_token_there() -> None:
    first = torch.tensor([[1, 1, 0, 0]]).repeat(3, 1)
    second = torch.tensor([[1, 1, 1, 0]]).repeat(3, 1)
    shorter_first = mix_masks(first, second, torch.tensor([0.9, 1.0, 0.0]))
    # A text whose coefficient is 0 has no say: λ = 1 keeps the first mask, λ = 0 the second.
    assert shorter_first.tolist() == [[1, 1, 1, 0], [1, 1, 0, 0], [1, 1, 1, 0]]
    assert mix_masks(second, first, torch.tensor([0.1, 1.0, 0.0])).tolist() == [
        [1, 1, 1, 0],
        [1, 1, 1, 0],
        [1, 1, 0, 0],
    ]
    assert shorter_first.dtype == first.dtype


@pytest.mark.parametrize("alpha", [0.1, 0.4, 1.0, 2.0, 16.0])
def test_coefficients_follow_the_beta_law(alpha: float) -> None:
    """Kolmogorov–Smirnov against Beta(α, α), with Massart's bound for the threshold."""
    size = 20_000
    drawn = np.sort(sample_mixing_coefficients(alpha, size, np.random.default_rng(3)))
    expected = beta.cdf(drawn, alpha, alpha)
    above = np.arange(1, size + 1) / size - expected
    below = expected - np.arange(size) / size
    threshold = math.sqrt(math.log(2 / FALSE_ALARM) / (2 * size))
    assert max(above.max(), below.max()) < threshold
    # The tolerance tells neighbouring laws apart: Beta(α, α) from Beta(α/2, α/2).
    other = beta.cdf(drawn, alpha / 2, alpha / 2)
    assert np.abs(np.arange(1, size + 1) / size - other).max() > threshold


def test_coefficients_are_decided_by_the_generator() -> None:
    one = sample_mixing_coefficients(0.4, 5, np.random.default_rng(1))
    assert np.array_equal(one, sample_mixing_coefficients(0.4, 5, np.random.default_rng(1)))
    assert len(np.unique(one)) == 5


@pytest.mark.parametrize("alpha", [0.0, -0.4, math.inf, math.nan])
def test_an_alpha_without_a_law_is_refused(alpha: float) -> None:
    with pytest.raises(InputError, match=f"mixup alpha is {alpha}"):
        sample_mixing_coefficients(alpha, 3, np.random.default_rng(0))
