"""Shortcuts of a BERT classifier: no padding, and the last layer at one position only.

* Texts of unequal length are laid out one after another, `(1, tokens, hidden_size)`, so that every
  product with a weight matrix runs over the real tokens alone; only attention itself, a small part
  of the work on short texts, sees them padded. `mixkd_core.networks.mixed_forward` lays them out.
* The pooler takes the last layer's state at the first position. That layer's queries, output
  projection and feed-forward network are needed at that position alone, and for a single query
  attention needs no keys or values either (`_attend_from_first`).
* Where PyTorch has no kernel for attention with dropout, its own way round that makes passes over
  the weights for masks and scales that are not needed here.

Logits are the same, up to the order in which sums are taken, and so are all gradients.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from math import inf
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import scaled_dot_product_attention
from transformers import BertForSequenceClassification
from transformers.models.bert.modeling_bert import BertAttention

from mixkd_core.data.token_layout import TokenLayout
from mixkd_core.networks.layers import encoder_layers

# Implementations whose attention mask is None, (n, length) or (n, 1, 1 or length, length).
_IMPLEMENTATIONS = ("eager", "sdpa", "flash_attention_2")


@contextmanager
def only_what_is_read(*models: Any) -> Iterator[None]:
    """Within the context, BERT classifiers leave out what their logits do not depend on.

    Their layers accept texts without padding (`TokenLayout`), and their last layer computes the
    first position alone: the last hidden state has shape `(n, 1, hidden_size)`, and the last
    layer's attention weights are not to be had. Other architectures, decoders, feed-forward
    networks that run in chunks, `flex_attention`, a last layer whose keys or values are not plain
    `nn.Linear` (adapters), and models in which it is switched on already are left as they are.
    Dropout draws fewer numbers, so with dropout the random stream is another one than without.
    """
    changed = []
    try:
        for model in models:
            # The class and not the instance's `forward`: copies of the module, such as those of
            # `DataParallel`, are then right too.
            *lower, last = _replaceable_attentions(model) or [None]
            for attention in lower:
                attention.__class__ = _UnpaddedAttention
            if last is not None:
                last.__class__ = _FirstPositionAttention
                changed += [*lower, last]
        yield
    finally:
        for attention in changed:
            attention.__class__ = BertAttention


def _replaceable_attentions(model: Any) -> list[Any]:
    """The attention of every layer, or nothing if one may not be replaced."""
    if not isinstance(model, BertForSequenceClassification):
        return []
    config = model.config
    layers: Any = encoder_layers(model)
    attentions = [layer.attention for layer in layers]
    replaceable = (
        all(type(attention) is BertAttention for attention in attentions)
        # The last layer's weights are used without calling them: nothing may be wrapped around.
        and all(type(getattr(attentions[-1].self, name)) is nn.Linear for name in ("key", "value"))
        and not config.is_decoder
        and not config.chunk_size_feed_forward
        and config._attn_implementation in _IMPLEMENTATIONS
    )
    return attentions if replaceable else []


class _UnpaddedAttention(BertAttention):  # type: ignore[misc]
    """`BertAttention` that also takes texts laid out one after another."""

    takes_layout = True  # looked for by `mixkd_core.networks.mixed_forward`

    def forward(
        self,
        hidden_states: Tensor,
        attention_mask: Tensor | None = None,
        *others: Any,
        layout: TokenLayout | None = None,
        **named: Any,
    ) -> tuple[Tensor, Tensor | None]:
        if layout is None:
            result: tuple[Tensor, Tensor | None] = super().forward(
                hidden_states, attention_mask, *others, **named
            )
            return result
        tokens, own = hidden_states[0], self.self
        query, key, value = (
            layout.pad(projection(tokens)).view(layout.texts, layout.length, -1)
            for projection in (own.query, own.key, own.value)
        )
        context = _attend(own, query, key, value, layout.attention_mask)
        return self.output(layout.unpad(context.flatten(0, 1))[None], hidden_states), None


class _FirstPositionAttention(BertAttention):  # type: ignore[misc]
    """`BertAttention` with the first position of each text as its only query."""

    takes_layout = True

    def forward(
        self,
        hidden_states: Tensor,
        attention_mask: Tensor | None = None,
        *_: Any,
        layout: TokenLayout | None = None,
        **__: Any,
    ) -> tuple[Tensor, None]:
        if layout is not None:
            hidden_states = layout.pad(hidden_states[0]).view(layout.texts, layout.length, -1)
            attention_mask = layout.attention_mask
        elif attention_mask is not None:
            attention_mask = (
                attention_mask[:, None, None].bool()
                if attention_mask.dim() == 2
                else attention_mask[:, :, :1]
            )
        first = hidden_states[:, :1]
        context = _attend_from_first(self.self, hidden_states, attention_mask)
        return self.output(context, first), None


def _attend(own: Any, query: Tensor, key: Tensor, value: Tensor, mask: Tensor) -> Tensor:
    """Attention over padded texts, `(n, length, width)` from query, key and value of that shape.

    Args:
        own: the `BertSelfAttention`.
        mask: which keys there are, boolean, of shape `(n, 1, 1, length)`.
    """
    texts, length, _ = query.shape
    heads = (own.num_attention_heads, own.attention_head_size)
    query, key, value = (
        projected.view(texts, length, *heads).transpose(1, 2) for projected in (query, key, value)
    )
    dropout = own.dropout.p if own.training else 0.0
    if dropout and query.device.type == "cpu":
        context = _attend_with_dropout(own.dropout, query, key, value, mask)
    else:
        context = scaled_dot_product_attention(query, key, value, attn_mask=mask, dropout_p=dropout)
    return context.transpose(1, 2).flatten(2)


def _attend_with_dropout(
    dropout: nn.Module, query: Tensor, key: Tensor, value: Tensor, mask: Tensor
) -> Tensor:
    """Attend with dropout on a processor, in fewer passes than PyTorch's own way.

    PyTorch has no kernel for it there. All tensors are of shape
    `(n, heads, length, size)`, the mask `(n, 1, 1, length)`.
    """
    texts, heads, length, size = query.shape
    query, key, value = (projected.flatten(0, 1) for projected in (query, key, value))
    # Autocast would take the weights to float32 and back.
    with torch.autocast(query.device.type, enabled=False):
        bias = torch.zeros_like(mask, dtype=query.dtype).masked_fill_(~mask, -inf)
        bias = bias.expand(texts, heads, 1, length).flatten(0, 1).expand(-1, length, -1)
        scores = torch.baddbmm(bias, query, key.transpose(1, 2), alpha=size**-0.5)
        context = torch.bmm(dropout(scores.softmax(-1)), value)
    return context.view(texts, heads, length, size)


def _attend_from_first(own: Any, states: Tensor, mask: Tensor | None) -> Tensor:
    """Attention with the first position as only query, `(n, 1, width)`, without keys or values.

    With one query a head, it is cheaper to take the query through the keys' weights than the texts
    through them, q·(W x + b) = (W^T q)·x + q·b, and to sum states before they become values,
    sum_t p_t (W x_t + b) = W sum_t p_t x_t + b sum_t p_t.

    Args:
        own: the `BertSelfAttention`.
        states: of shape `(n, length, width)`.
        mask: as `_attend` takes it.
    """
    texts, _, width = states.shape
    heads, size = own.num_attention_heads, own.attention_head_size
    query = own.query(states[:, 0]).view(texts, heads, size).transpose(0, 1) / size**0.5
    looking = torch.bmm(query, own.key.weight.view(heads, size, width))
    constant = torch.bmm(query, own.key.bias.view(heads, size, 1))  # of no effect, but a gradient
    scores = torch.bmm(looking.transpose(0, 1), states.transpose(1, 2)) + constant.transpose(0, 1)
    if mask is not None:  # (n, 1, 1, length), boolean or to be added
        mask = mask[:, 0]
        scores = scores.masked_fill(~mask, -inf) if mask.dtype == torch.bool else scores + mask
    weights = own.dropout(scores.softmax(-1))
    seen = torch.bmm(weights, states).transpose(0, 1)
    values = torch.bmm(seen, own.value.weight.view(heads, size, width).transpose(1, 2))
    biases = weights.sum(2, keepdim=True) * own.value.bias.view(heads, size)
    context: Tensor = values.transpose(0, 1) + biases
    return context.flatten(1)[:, None]
