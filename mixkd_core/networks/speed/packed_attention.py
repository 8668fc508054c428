"""Attention of transformers' encoders over texts that lie one after another, without padding.

It stands in transformers' registry of attention functions, so every encoder that asks there for its
attention can have it. The layers' mask says how the texts lie (`TokenLayout.carried_by`): it is
of four dimensions, and transformers hands such a mask through to the attention as it is.

In the last layer a hook puts each text's first state in place of all of them, and leaves all of
them with the attention, which then takes no keys or values (`attend_from_first`).
"""

from typing import Any

import torch
from torch import Tensor, nn
from transformers import AttentionInterface, AttentionMaskInterface
from transformers.masking_utils import sdpa_mask

from mixkd_core.data.token_layout import TokenLayout
from mixkd_core.networks.speed.attending import attend, attend_from_first
from mixkd_core.networks.speed.varlen_attention import attend_varlen, fits

# As transformers' registry knows it.
IMPLEMENTATION = "mixkd_packed"

# What encoders call the projections to queries, keys and values.
PROJECTIONS = (("query", "key", "value"), ("q", "k", "v"), ("q_lin", "k_lin", "v_lin"))
# The same of encoders that the last layer's shortcut is not for.
OTHER_PROJECTIONS = (("Wqkv",), ("q_proj", "k_proj", "v_proj"), ("qkv_proj",))

# The attribute of an attention that holds what it is to look at, in place of what it is given.
_SEEN = "_mixkd_states_seen"


def packed_attention(
    module: Any,
    query: Tensor,
    key: Tensor,
    value: Tensor,
    attention_mask: Tensor | None,
    scaling: float | None = None,
    dropout: float = 0.0,
    sliding_window: int | None = None,
    **_: Any,
) -> tuple[Tensor, None]:
    """Attention as transformers' interface wants it, over padded texts or ones without padding.

    Args:
        module: the attention that asks; its `dropout` is taken if it has one.
        query, key, value: `(n, heads, length, size)`, or `(1, heads, r, size)` without padding.
        attention_mask: of four dimensions; the layout's where texts lie without padding.
        sliding_window: tokens this far away, and further, are not attended to; padded texts have
            that in their mask.

    Returns:
        The mean values, of shape `(n, length, heads, size)` or `(1, r, heads, size)`, and None:
        weights are not to be had.
    """
    settings: Any = {"dropout": _dropout_of(module, dropout), "scaling": scaling}
    layout = TokenLayout.carried_by(attention_mask)
    seen = take_seen(module)
    if seen is not None:
        key_name, value_name = projections_of(module)[1:]
        context = attend_from_first(
            query,
            seen,
            attention_mask,
            key=getattr(module, key_name),
            value=getattr(module, value_name),
            **settings,
        )
        return context.transpose(1, 2), None
    if layout is None:
        return attend(query, key, value, attention_mask, **settings).transpose(1, 2), None
    mask = _within(sliding_window, attention_mask, layout.length)
    return attend_packed(query, key, value, mask, layout, **settings), None


def attend_packed(
    query: Tensor,
    key: Tensor,
    value: Tensor,
    mask: Tensor | None,
    layout: TokenLayout,
    *,
    dropout: nn.Dropout,
    scaling: float | None,
) -> Tensor:
    """Attention over texts without padding: `(1, heads, r, size)` to `(1, r, heads, size)`.

    They are padded for it, but where the mask is the layout's own and a kernel needs no padding.
    """
    if mask is layout.attention_mask and fits(query, key, value, dropout):
        return attend_varlen(query, key, value, layout, scaling=scaling)
    heads, size = query.shape[1], query.shape[3]
    first, second, third = (
        layout.pad(projected[0].transpose(0, 1).flatten(1))
        .view(layout.texts, layout.length, heads, size)
        .transpose(1, 2)
        for projected in (query, key, value)
    )
    context = attend(first, second, third, mask, dropout=dropout, scaling=scaling)
    tokens = layout.unpad(context.transpose(1, 2).flatten(2).flatten(0, 1))
    return tokens.view(1, -1, heads, size)


def _within(window: int | None, mask: Tensor | None, length: int) -> Tensor | None:
    """Return a mask of padded texts that leaves out what lies outside of a window."""
    if window is None or mask is None or length <= window:
        return mask
    place = torch.arange(length, device=mask.device)
    return mask & ((place - place[:, None]).abs() < window)


def projections_of(module: Any) -> tuple[str, str, str]:
    """Return the names of an attention's projections to queries, keys and values.

    Raises:
        AttributeError: if they are not of a known name.
    """
    for names in PROJECTIONS:
        if all(isinstance(getattr(module, name, None), nn.Module) for name in names):
            return names
    raise AttributeError(f"a {type(module).__name__} has no projections of a known name")


def self_attention(layer: nn.Module) -> Any:
    """Return the only attention inside a layer, None if there is none or more than one."""
    known = (*PROJECTIONS, *OTHER_PROJECTIONS)
    found = [
        module
        for module in layer.modules()
        if any(all(hasattr(module, name) for name in names) for names in known)
    ]
    return found[0] if len(found) == 1 else None


def see_first(
    module: nn.Module, inputs: tuple[Any, ...], named: dict[str, Any]
) -> tuple[tuple[Any, ...], dict[str, Any]]:
    """A pre-hook of what holds an attention: give it first states, and the attention all of them.

    The module is the one inside which states are added to what was attended to. Where it would be
    run again by itself for the backward pass, or another stands in for it, it is left as it is.
    """
    if getattr(module, "gradient_checkpointing", False) or "forward" in vars(module):
        return inputs, named
    states, *others = inputs
    layout = _layout_among((*others, *named.values()))
    if layout is not None:
        states = layout.pad(states[0]).view(layout.texts, layout.length, -1)
    setattr(self_attention(module), _SEEN, states)
    return (states[:, :1], *others), named


def hand_on_first(
    _layer: nn.Module, inputs: tuple[Any, ...], named: dict[str, Any], output: Any
) -> Any:
    """The last layer's hook: where texts lie without padding, hand on each one's first state."""
    layout = _layout_among((*inputs, *named.values()))
    states = output[0] if isinstance(output, tuple) else output
    if layout is None or len(states) == layout.texts:  # padded, or the first states already
        return output
    first = states[0].index_select(0, layout.first_tokens)[:, None]
    return (first, *output[1:]) if isinstance(output, tuple) else first


def take_seen(attention: Any) -> Tensor | None:
    """Return what `see_first` left with an attention, `(n, length, width)`, or None."""
    seen: Tensor | None = vars(attention).pop(_SEEN, None)
    return seen


def _layout_among(values: tuple[Any, ...]) -> TokenLayout | None:
    return next(filter(None, map(TokenLayout.carried_by, values)), None)


def _dropout_of(module: Any, probability: float) -> nn.Dropout:
    """Return the attention's own dropout, which may be a quicker one (`quick_dropout`)."""
    own = getattr(module, "dropout", None)
    if isinstance(own, nn.Dropout):
        return own
    return nn.Dropout(probability)


AttentionInterface.register(IMPLEMENTATION, packed_attention)
AttentionMaskInterface.register(IMPLEMENTATION, sdpa_mask)
