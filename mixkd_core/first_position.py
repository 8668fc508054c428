"""A classifier that reads the first position only needs no other one of its last layer.

BERT's pooler takes the last layer's state at the first position. Keys and values of that layer are
needed everywhere, but its queries, output projection and feed-forward network at that position
alone: the logits are the same, up to the order in which sums are taken, and so are all gradients.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from torch import Tensor
from torch.nn.functional import scaled_dot_product_attention
from transformers import BertForSequenceClassification

from mixkd_core.mixed_forward import encoder_layers


@contextmanager
def only_first_position(*models: Any) -> Iterator[None]:
    """Within the context, the last layer of BERT classifiers computes the first position alone.

    Their last hidden state then has shape `(n, 1, hidden_size)`. Other architectures, and models
    in which it is switched on already, are left as they are. Dropout draws fewer numbers in that
    layer, so with dropout the random stream is another one than without.
    """
    changed = []
    for model in models:
        if isinstance(model, BertForSequenceClassification):
            last: Any = encoder_layers(model)[-1]
            attention = last.attention
            if "forward" not in vars(attention):
                attention.forward = _FirstPositionAttention(attention)
                changed.append(attention)
    try:
        yield
    finally:
        for attention in changed:
            del attention.forward


class _FirstPositionAttention:
    """`BertAttention.forward` with the first position as its only query."""

    def __init__(self, attention: Any) -> None:
        self.attention = attention

    def __call__(
        self, hidden_states: Tensor, attention_mask: Tensor | None = None, *_: Any, **__: Any
    ) -> tuple[Tensor, None]:
        projections = self.attention.self
        size = len(hidden_states)
        first = hidden_states[:, :1]
        query, key, value = (
            projected.view(size, -1, projections.num_attention_heads, width).transpose(1, 2)
            for width in [projections.attention_head_size]
            for projected in (
                projections.query(first),
                projections.key(hidden_states),
                projections.value(hidden_states),
            )
        )
        if attention_mask is not None:
            # (n, length) for flash attention, else (n, 1, 1 or length, length).
            attention_mask = (
                attention_mask[:, None, None].bool()
                if attention_mask.dim() == 2
                else attention_mask[:, :, :1]
            )
        context = scaled_dot_product_attention(
            query,
            key,
            value,
            attn_mask=attention_mask,
            dropout_p=projections.dropout.p if projections.training else 0.0,
        )
        return self.attention.output(context.reshape(size, 1, -1), first), None
