"""Laying the real tokens of padded texts out one after another, and back."""

import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from mixkd_core.data.token_layout import TokenLayout

lengths_of_texts = st.lists(st.integers(1, 7), min_size=1, max_size=6)


def mask_of(lengths: list[int], padded_to: int) -> torch.Tensor:
    return (torch.arange(padded_to) < torch.tensor(lengths)[:, None]).long()


@settings(deadline=None, derandomize=True)
@given(lengths=lengths_of_texts, spare=st.integers(0, 3))
def test_tokens_come_back_where_they_were(lengths: list[int], spare: int) -> None:
    mask = mask_of(lengths, max(lengths) + spare)
    layout = TokenLayout.of(mask)
    padded = torch.arange(1.0, mask.numel() + 1)[:, None].expand(-1, 3)
    tokens = layout.unpad(padded)
    assert tokens.shape == (64, 3)
    assert not tokens[sum(lengths) :].any()
    assert torch.equal(layout.pad(tokens), padded * mask.flatten()[:, None])
    assert (layout.texts, layout.length) == tuple(mask.shape)
    firsts = [sum(lengths[:text]) for text in range(len(lengths))]
    assert layout.first_tokens.tolist() == firsts
    positions = [k for length in lengths for k in range(length)]
    assert layout.position_ids.tolist() == [positions + [0] * (64 - len(positions))]
    assert layout.attention_mask.shape == (len(lengths), 1, 1, mask.shape[1])


def test_gaps_inside_a_text_are_left_out_too() -> None:
    """A pair whose longer text has weight 0 ends early; nothing says masks have no holes."""
    layout = TokenLayout.of(torch.tensor([[1, 0, 1], [1, 1, 0]]))
    assert layout.positions.tolist() == [0, 2, 3, 4]
    assert layout.position_ids[0, :4].tolist() == [0, 2, 0, 1]
    assert layout.pad(torch.tensor([[1.0], [2.0], [3.0], [4.0]])).flatten().tolist() == [
        *(1.0, 0.0, 2.0),
        *(3.0, 4.0, 0.0),
    ]


def test_rows_are_a_multiple_of_64() -> None:
    for tokens, rows in ((1, 64), (64, 64), (65, 128)):
        layout = TokenLayout.of(torch.ones(1, tokens))
        assert layout.unpad(torch.ones(tokens, 2)).shape == (rows, 2)
        assert layout.position_ids.shape == (1, rows)


def test_gradients_are_those_of_the_definition() -> None:
    """Against finite differences, in float64."""
    layout = TokenLayout.of(mask_of([2, 5, 1], 6))
    tokens = torch.randn(64, 2, dtype=torch.float64, requires_grad=True)
    padded = torch.randn(18, 2, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(layout.pad, (tokens,))
    assert torch.autograd.gradcheck(layout.unpad, (padded,))
