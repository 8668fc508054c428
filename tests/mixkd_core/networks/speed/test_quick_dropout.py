"""Dropout from 16 bits an element: the law of `nn.Dropout`, from the same generator."""

from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats
from torch import nn

from mixkd_core.networks.speed.quick_dropout import LEVELS, QuickDropout, quick_dropout


@pytest.mark.parametrize("probability", [0.1, 0.5, 0.03])
def test_elements_are_dropped_independently_with_the_probability_asked_for(
    probability: float,
) -> None:
    """Counts of the 16 patterns of four neighbours, which share one random number, against theory.

    Chi-squared over 100,000 groups at level 1e-4 per case: three cases, 3e-4 in all.
    """
    torch.manual_seed(0)
    kept = QuickDropout(probability)(torch.ones(400_000)).ne(0).view(-1, 4)
    patterns = (kept * torch.tensor([1, 2, 4, 8])).sum(1).numpy()
    counts = np.bincount(patterns, minlength=16)
    sizes = np.array([bin(pattern).count("1") for pattern in range(16)])
    law = (1 - probability) ** sizes * probability ** (4 - sizes)
    enough = law * 100_000 > 5  # rarer patterns count as one
    observed = np.append(counts[enough], counts[~enough].sum())
    expected = np.append(law[enough], law[~enough].sum()) * 100_000
    present = expected > 0
    assert stats.chisquare(observed[present], expected[present]).pvalue > 1e-4


@given(
    st.floats(0.0, 1.0),
    st.lists(st.integers(0, 7), min_size=0, max_size=3),
    st.sampled_from([torch.float32, torch.float64, torch.bfloat16]),
)
def test_what_is_kept_is_scaled_and_so_is_its_gradient(
    probability: float, shape: list[int], kind: torch.dtype
) -> None:
    """Any probability, shape and type: zeros and equal multiples, the gradient the same ones."""
    torch.manual_seed(1)
    ones = torch.ones(shape, dtype=kind, requires_grad=True)
    out = QuickDropout(probability)(ones)
    out.sum().backward()
    assert out.dtype == kind
    assert out.shape == ones.shape
    assert ones.grad is not None
    assert torch.equal(ones.grad, out.detach())
    kept = out[out != 0]
    if len(kept):
        assert (kept == kept[0]).all()
        dropped = min(max(round(probability * LEVELS), 1), LEVELS - 1) if probability else 0
        exact = LEVELS / (LEVELS - dropped)
        assert kept[0].item() == pytest.approx(exact, rel=1e-2 if kind == torch.bfloat16 else 2e-5)


def test_one_seed_gives_the_same_numbers_and_evaluation_none() -> None:
    dropout, values = QuickDropout(0.4), torch.randn(50, generator=torch.Generator().manual_seed(0))

    def drawn(seed: int) -> torch.Tensor:
        torch.manual_seed(seed)
        return dropout(values)

    assert torch.equal(drawn(3), drawn(3))
    assert not torch.equal(drawn(3), drawn(4))
    assert torch.equal(dropout.eval()(values), values)


def test_modules_change_only_inside_and_only_plain_ones() -> None:
    class Special(nn.Dropout):
        pass

    model = nn.Sequential(nn.Dropout(0.1), Special(0.1), nn.Dropout(0.1, inplace=True))
    kinds = [type(module) for module in model]
    with quick_dropout(model):
        assert [type(module) for module in model] == [QuickDropout, Special, nn.Dropout]
    assert [type(module) for module in model] == kinds


def test_training_uses_it(mixkd_trainer: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[float] = []
    plain = QuickDropout.forward

    def counted(self: QuickDropout, input: torch.Tensor) -> torch.Tensor:
        calls.append(self.p)
        return plain(self, input)

    monkeypatch.setattr(QuickDropout, "forward", counted)
    trainer = mixkd_trainer(method="ft", max_steps=1)
    trainer.train()
    assert calls
    assert not any(isinstance(module, QuickDropout) for module in trainer.model.modules())
