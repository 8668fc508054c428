"""Attention in fewer passes: the same as PyTorch's own, padding and dropout included."""

from math import inf
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from mixkd_core.networks.speed.attending import attend, attend_from_first

# float64: the routes differ in the order of sums only.
TOLERANCE: Any = {"rtol": 1e-9, "atol": 1e-11}
TEXTS, HEADS, LENGTH, SIZE = 3, 2, 6, 4


@pytest.fixture
def projected() -> Tensor:
    """Query, key and value, one after another."""
    generator = torch.Generator().manual_seed(0)
    shape = (3, TEXTS, HEADS, LENGTH, SIZE)
    return torch.randn(shape, generator=generator, dtype=torch.float64)


@pytest.fixture
def present() -> Tensor:
    """Which keys there are in texts of unequal length, `(n, 1, 1, length)`."""
    return (torch.arange(LENGTH) < torch.tensor([6, 4, 1])[:, None])[:, None, None]


def never_drops() -> nn.Dropout:
    """On, and yet nothing is ever dropped."""
    return nn.Dropout(1e-30).train()


def test_with_dropout_padding_is_not_attended_to(projected: Tensor, present: Tensor) -> None:
    """What attention with dropout sees of a text does not depend on how far it is padded."""
    query, key, value = projected
    wild = torch.where(present.transpose(2, 3), value, 100.0)
    with_dropout = attend(query, key, value, present, dropout=never_drops())
    torch.testing.assert_close(
        attend(query, key, wild, present, dropout=never_drops()), with_dropout, **TOLERANCE
    )
    torch.testing.assert_close(
        attend(query, key, value, present, dropout=never_drops().eval()), with_dropout, **TOLERANCE
    )


@pytest.mark.parametrize("scaling", [None, 0.3])
@pytest.mark.parametrize("form", ["none", "keys", "square", "added"])
def test_both_ways_take_every_form_of_mask(
    form: str, scaling: float | None, projected: Tensor, present: Tensor
) -> None:
    query, key, value = projected
    masks = {
        "none": None,
        "keys": present,
        "square": present.expand(-1, -1, LENGTH, -1),
        "added": torch.randn(1, HEADS, LENGTH, LENGTH).double().masked_fill(~present, -inf),
    }
    ways = [
        attend(query, key, value, masks[form], dropout=dropout, scaling=scaling)
        for dropout in (never_drops(), nn.Dropout(0.1).eval())
    ]
    torch.testing.assert_close(*ways, **TOLERANCE)


def test_a_bias_gets_its_gradient(projected: Tensor, present: Tensor) -> None:
    """With dropout and without, as the formula has it."""
    query, key, value = projected
    gradients = []
    for way in (never_drops(), nn.Dropout(0.0), None):
        bias = torch.full((1, HEADS, LENGTH, LENGTH), 0.1, dtype=torch.float64, requires_grad=True)
        mask = bias.masked_fill(~present, -inf)
        if way is None:
            scores = query @ key.transpose(2, 3) / SIZE**0.5 + mask
            context = scores.softmax(-1) @ value
        else:
            context = attend(query, key, value, mask, dropout=way)
        context.cos().sum().backward()
        gradients.append(bias.grad)
    assert gradients[2] is not None
    assert gradients[2].abs().max() > 1e-3
    torch.testing.assert_close(gradients[0], gradients[2], **TOLERANCE)
    torch.testing.assert_close(gradients[1], gradients[2], **TOLERANCE)


class EveryOtherKey(nn.Dropout):
    """In place of dropout, and not random: weights of keys 0, 2, ... doubled, others dropped."""

    def forward(self, weights: Tensor) -> Tensor:
        return weights * (2.0 - 2.0 * (torch.arange(weights.shape[-1]) % 2))


@pytest.mark.parametrize("biased", [True, False])
@pytest.mark.parametrize("added", [True, False])
def test_without_keys_and_values_dropout_falls_on_the_same_weights(
    added: bool, biased: bool, present: Tensor
) -> None:
    """One mask for both ways of attending; after it weights no longer sum to 1."""
    width = HEADS * SIZE
    query, key, value = (nn.Linear(width, width, bias=biased).double() for _ in range(3))
    for parameter in (*query.parameters(), *key.parameters(), *value.parameters()):
        nn.init.normal_(parameter, std=0.5)
    states = torch.randn(TEXTS, LENGTH, width, dtype=torch.float64)
    mask = present
    if added:
        mask = torch.randn(1, HEADS, LENGTH, LENGTH).double().masked_fill(~present, -inf)
    heads = [
        layer(states).view(TEXTS, LENGTH, HEADS, SIZE).transpose(1, 2)
        for layer in (query, key, value)
    ]
    dropout = EveryOtherKey(0.5).train()
    whole = attend(*heads, mask, dropout=dropout)
    first = attend_from_first(
        heads[0][:, :, :1], states, mask, key=key, value=value, dropout=dropout
    )
    torch.testing.assert_close(first, whole[:, :, :1], **TOLERANCE)
