"""Attention over padded texts, in fewer passes than PyTorch's own way where that pays.

* Where PyTorch has no kernel for attention with dropout, or with a bias that is learnt, its own way
  round that makes passes over the weights for masks and scales that are not needed here.
* For a single query attention needs no keys or values (`attend_from_first`).

Masks are boolean, true where a key is attended to, or added to the scores; either of shape
`(n or 1, heads or 1, length or 1, length)`, or None.
"""

from math import inf

import torch
from torch import Tensor, nn
from torch.nn.functional import scaled_dot_product_attention


def attend(
    query: Tensor,
    key: Tensor,
    value: Tensor,
    mask: Tensor | None,
    *,
    dropout: nn.Dropout,
    scaling: float | None = None,
) -> Tensor:
    """Return each query's mean of the values, all of shape `(n, heads, length, size)`.

    Args:
        mask: see above.
        dropout: of the weights; its mode and probability decide.
        scaling: what scores are multiplied by; None for `size ** -0.5`.
    """
    probability = dropout.p if dropout.training else 0.0
    learnt = mask is not None and mask.requires_grad
    if (probability or learnt) and query.device.type == "cpu":
        return _attend_in_steps(dropout, query, key, value, mask, scaling)
    if mask is not None and mask.is_floating_point():
        mask = mask.to(query.dtype)
    return scaled_dot_product_attention(
        query, key, value, attn_mask=mask, dropout_p=probability, scale=scaling
    )


def _attend_in_steps(
    dropout: nn.Module,
    query: Tensor,
    key: Tensor,
    value: Tensor,
    mask: Tensor | None,
    scaling: float | None,
) -> Tensor:
    texts, heads, length, size = query.shape
    scaling = size**-0.5 if scaling is None else scaling
    # Autocast would take the weights to float32 and back.
    with torch.autocast(query.device.type, enabled=False):
        bias = _added(mask, query.dtype).expand(texts, heads, -1, length)
        bias = bias.flatten(0, 1).expand(-1, length, -1)
        query, key, value = (projected.flatten(0, 1) for projected in (query, key, value))
        scores = torch.baddbmm(bias, query, key.transpose(1, 2), alpha=scaling)
        context = torch.bmm(dropout(scores.softmax(-1)), value)
    return context.view(texts, heads, length, size)


def attend_from_first(
    query: Tensor,
    states: Tensor,
    mask: Tensor | None,
    *,
    key: nn.Linear,
    value: nn.Linear,
    dropout: nn.Module,
    scaling: float | None = None,
) -> Tensor:
    """Attention with one query a text, of shape `(n, heads, 1, size)`, without keys or values.

    With one query a head, it is cheaper to take the query through the keys' weights than the texts
    through them, q·(W x + b) = (W^T q)·x + q·b, and to sum states before they become values,
    sum_t p_t (W x_t + b) = W sum_t p_t x_t + b sum_t p_t.

    Args:
        query: of shape `(n, heads, 1, size)`.
        states: what keys and values are made from, of shape `(n, length, width)`.
        mask: see above; its first row of queries counts.
        key, value: the projections that are left out.
        dropout: of the weights.
        scaling: what scores are multiplied by; None for `size ** -0.5`.
    """
    heads, size, width = query.shape[1], query.shape[3], states.shape[-1]
    query = query[:, :, 0].transpose(0, 1) * (size**-0.5 if scaling is None else scaling)
    looking = torch.bmm(query, key.weight.view(heads, size, width))
    scores = torch.bmm(looking.transpose(0, 1), states.transpose(1, 2))
    if key.bias is not None:  # of no effect, but a gradient
        scores = scores + torch.bmm(query, key.bias.view(heads, size, 1)).transpose(0, 1)
    if mask is not None:
        first = mask[:, :, 0]
        scores = scores.masked_fill(~first, -inf) if first.dtype == torch.bool else scores + first
    weights = dropout(scores.softmax(-1))
    seen = torch.bmm(weights, states).transpose(0, 1)
    values = torch.bmm(seen, value.weight.view(heads, size, width).transpose(1, 2))
    context: Tensor = values.transpose(0, 1)
    if value.bias is not None:
        context = context + weights.sum(2, keepdim=True) * value.bias.view(heads, size)
    return context[:, :, None]


def _added(mask: Tensor | None, dtype: torch.dtype) -> Tensor:
    """Return what a mask adds to scores."""
    if mask is None:
        return torch.zeros(1, 1, 1, 1, dtype=dtype)
    if mask.dtype != torch.bool:
        return mask.to(dtype)
    return torch.zeros_like(mask, dtype=dtype).masked_fill_(~mask, -inf)
