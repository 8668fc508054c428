"""MPNet's attention, which transformers writes out in place of asking its registry.

Scores have a bias by the distance between two tokens, learnt, one table for all layers. It is added
to the mask once for all of them, at the length of the longest text: between texts that lie one
after another there is no distance.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from math import inf
from typing import Any

import torch
from torch import Tensor, nn
from transformers.models.mpnet.modeling_mpnet import MPNetEncoder, MPNetSelfAttention

from mixkd_core.data.token_layout import TokenLayout
from mixkd_core.networks.speed.attending import attend, attend_from_first
from mixkd_core.networks.speed.packed_attention import attend_packed, take_seen


@contextmanager
def mpnet_shortcuts(model: nn.Module) -> Iterator[None]:
    """Within the context, MPNet's layers take texts without padding (`TokenLayout`)."""
    # The class and not the instance's `forward`: copies of the module, such as those of
    # `DataParallel`, are then right too.
    stand_ins: dict[type, type] = {
        MPNetSelfAttention: _PackedSelfAttention,
        MPNetEncoder: _PackedEncoder,
    }
    changed = [module for module in model.modules() if type(module) in stand_ins]
    try:
        for module in changed:
            module.__class__ = stand_ins[type(module)]
        yield
    finally:
        for module in changed:
            module.__class__ = type(module).__bases__[0]


class _PackedEncoder(MPNetEncoder):  # type: ignore[misc]
    """`MPNetEncoder` that hands its layers bias and mask in one."""

    def forward(
        self, hidden_states: Tensor, attention_mask: Tensor | None = None, **named: Any
    ) -> Any:
        self._mask = attention_mask
        try:
            return super().forward(hidden_states, attention_mask, **named)
        finally:
            del self._mask

    def compute_position_bias(self, x: Tensor, *others: Any, **named: Any) -> Tensor:
        """Return bias and mask, of shape `(n or 1, heads, length, length)`."""
        layout = TokenLayout.carried_by(self._mask)
        # Only the shape of its argument counts; the bias is the same for every text.
        texts = x[:1] if layout is None else x.new_empty(1, 1, 1).expand(1, layout.length, 1)
        bias: Tensor = super().compute_position_bias(texts, *others, **named)
        mask = self._mask
        if mask is None:
            return bias
        return bias.masked_fill(~mask, -inf) if mask.dtype == torch.bool else bias + mask


class _PackedSelfAttention(MPNetSelfAttention):  # type: ignore[misc]
    """`MPNetSelfAttention` that also takes texts laid out one after another."""

    def forward(
        self,
        hidden_states: Tensor,
        attention_mask: Tensor | None = None,
        position_bias: Tensor | None = None,
        **_: Any,
    ) -> tuple[Tensor]:
        """As the class's own, but that `position_bias` holds the mask already."""
        split = (*hidden_states.shape[:-1], -1, self.attention_head_size)
        query = self.q(hidden_states).view(split).transpose(1, 2)
        settings: Any = {"dropout": self.dropout, "scaling": None}
        seen = take_seen(self)
        layout = TokenLayout.carried_by(attention_mask)
        if seen is not None:
            context = attend_from_first(
                query, seen, position_bias, key=self.k, value=self.v, **settings
            ).transpose(1, 2)
        else:
            key = self.k(hidden_states).view(split).transpose(1, 2)
            value = self.v(hidden_states).view(split).transpose(1, 2)
            if layout is None:
                context = attend(query, key, value, position_bias, **settings).transpose(1, 2)
            else:
                context = attend_packed(query, key, value, position_bias, layout, **settings)
        return (self.o(context.flatten(2)),)
