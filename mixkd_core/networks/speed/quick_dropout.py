"""Dropout whose random numbers are 16 bits wide: on a processor, drawing them is most of its cost.

PyTorch draws a random number of its own for every element. Here each number of 64 bits decides over
four elements, for a quarter of that. The probability is rounded to a multiple of 2^-16, and what is
kept is divided by exactly the rounded probability of being kept, so the mean is that of the input.
"""

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import Tensor, nn

LEVELS = 2**16


@contextmanager
def quick_dropout(model: nn.Module) -> Iterator[None]:
    """Within the context the model's `nn.Dropout` modules draw 16 bits an element on a processor.

    Elsewhere, and for subclasses and those that work in place, nothing changes. Numbers come from
    PyTorch's own generator, but are others than without.
    """
    changed = [
        module for module in model.modules() if type(module) is nn.Dropout and not module.inplace
    ]
    try:
        for module in changed:
            module.__class__ = QuickDropout
        yield
    finally:
        for module in changed:
            module.__class__ = nn.Dropout


class QuickDropout(nn.Dropout):
    """`nn.Dropout` as the module's docstring says."""

    def forward(self, input: Tensor) -> Tensor:
        if not self.training or self.p in (0, 1) or input.device.type != "cpu":
            return super().forward(input)
        return input * _noise(input, self.p)


@torch.no_grad()
def _noise(like: Tensor, probability: float) -> Tensor:
    """0 with this probability, rounded, otherwise what makes the mean 1; shaped as `like`."""
    dropped = min(max(round(probability * LEVELS), 1), LEVELS - 1)
    numbers = torch.empty(-(-like.numel() // 4), dtype=torch.int64).random_(-(2**63), None)
    levels = numbers.view(torch.int16)[: like.numel()].view(like.shape)  # from -LEVELS / 2
    return (levels >= dropped - LEVELS // 2).to(like.dtype).mul_(LEVELS / (LEVELS - dropped))
