"""What a BERT classifier need not compute: padding, and the last layer but for one position.

* Texts of unequal length are laid out one after another, `(1, tokens, hidden_size)`, so that every
  product with a weight matrix runs over the real tokens alone; only attention itself, a small part
  of the work on short texts, sees them padded. `mixkd_core.mixed_forward` lays them out.
* The pooler takes the last layer's state at the first position. Keys and values of that layer are
  needed everywhere, but its queries, output projection and feed-forward network at that position
  alone.

Logits are the same, up to the order in which sums are taken, and so are all gradients.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from torch import Tensor
from torch.nn.functional import scaled_dot_product_attention
from transformers import BertForSequenceClassification
from transformers.models.bert.modeling_bert import BertAttention

from mixkd_core.mixed_forward import encoder_layers
from mixkd_core.token_layout import TokenLayout

# Implementations whose attention mask is None, (n, length) or (n, 1, 1 or length, length).
_IMPLEMENTATIONS = ("eager", "sdpa", "flash_attention_2")


@contextmanager
def only_what_is_read(*models: Any) -> Iterator[None]:
    """Within the context, BERT classifiers leave out what their logits do not depend on.

    Their layers accept texts without padding (`TokenLayout`), and their last layer computes the
    first position alone: the last hidden state has shape `(n, 1, hidden_size)`, and the last
    layer's attention weights are not to be had. Other architectures, decoders, feed-forward
    networks that run in chunks, `flex_attention`, and models in which it is switched on already are
    left as they are. Dropout draws fewer numbers, so with dropout the random stream is another one
    than without.
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
        and not config.is_decoder
        and not config.chunk_size_feed_forward
        and config._attn_implementation in _IMPLEMENTATIONS
    )
    return attentions if replaceable else []


class _UnpaddedAttention(BertAttention):  # type: ignore[misc]
    """`BertAttention` that also takes texts laid out one after another."""

    takes_layout = True  # looked for by `mixkd_core.mixed_forward`

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
        own = self.self
        key, value = own.key(hidden_states), own.value(hidden_states)
        if layout is not None:
            first = hidden_states[0].index_select(0, layout.first_tokens)[:, None]
            key, value = (
                layout.pad(projected[0]).view(layout.texts, layout.length, -1)
                for projected in (key, value)
            )
            attention_mask = layout.attention_mask
        else:
            first = hidden_states[:, :1]
            if attention_mask is not None:
                attention_mask = (
                    attention_mask[:, None, None].bool()
                    if attention_mask.dim() == 2
                    else attention_mask[:, :, :1]
                )
        return self.output(_attend(own, own.query(first), key, value, attention_mask), first), None


def _attend(own: Any, query: Tensor, key: Tensor, value: Tensor, mask: Tensor | None) -> Tensor:
    """Attention over padded texts, `(n, queries, width)` from query, key and value.

    Args:
        own: the `BertSelfAttention`.
        query, key, value: of shape `(n, queries or length, width)`.
        mask: broadcast to `(n, heads, queries, length)`; None attends to everything.
    """
    heads = (own.num_attention_heads, own.attention_head_size)
    query, key, value = (
        projected.view(*projected.shape[:2], *heads).transpose(1, 2)
        for projected in (query, key, value)
    )
    dropout = own.dropout.p if own.training else 0.0
    context = scaled_dot_product_attention(query, key, value, attn_mask=mask, dropout_p=dropout)
    return context.transpose(1, 2).flatten(2)
