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
from transformers.models.bert.modeling_bert import BertAttention

from mixkd_core.mixed_forward import encoder_layers

# Implementations whose attention mask is None, (n, length) or (n, 1, 1 or length, length).
_IMPLEMENTATIONS = ("eager", "sdpa", "flash_attention_2")


@contextmanager
def only_first_position(*models: Any) -> Iterator[None]:
    """Within the context, the last layer of BERT classifiers computes the first position alone.

    Their last hidden state then has shape `(n, 1, hidden_size)`, and the last layer's attention
    weights are not to be had. Other architectures, decoders, feed-forward networks that run in
    chunks, `flex_attention`, and models in which it is switched on already are left as they are.
    Dropout draws fewer numbers in that layer, so with dropout the random stream is another one than
    without.
    """
    changed = []
    try:
        for model in models:
            attention = _replaceable_attention(model)
            if attention is not None:
                # The class and not the instance's `forward`: copies of the module, such as those of
                # `DataParallel`, are then right too.
                attention.__class__ = _FirstPositionAttention
                changed.append(attention)
        yield
    finally:
        for attention in changed:
            attention.__class__ = BertAttention


def _replaceable_attention(model: Any) -> Any:
    """The last layer's attention where it may be replaced, or None."""
    if not isinstance(model, BertForSequenceClassification):
        return None
    config = model.config
    attention: Any = encoder_layers(model)[-1].attention
    replaceable = (
        type(attention) is BertAttention
        and not config.is_decoder
        and not config.chunk_size_feed_forward
        and config._attn_implementation in _IMPLEMENTATIONS
    )
    return attention if replaceable else None


class _FirstPositionAttention(BertAttention):  # type: ignore[misc]
    """`BertAttention` with the first position as its only query."""

    def forward(
        self, hidden_states: Tensor, attention_mask: Tensor | None = None, *_: Any, **__: Any
    ) -> tuple[Tensor, None]:
        projections = self.self
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
        return self.output(context.transpose(1, 2).reshape(size, 1, -1), first), None
