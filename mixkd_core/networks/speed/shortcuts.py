"""Shortcuts of classifiers that read the first position: no padding, and no more than is read.

* Texts of unequal length are laid out one after another, `(1, tokens, hidden_size)`, so that every
  product with a weight matrix runs over the real tokens alone; only attention itself, a small part
  of the work on short texts, sees them padded. `mixkd_core.networks.mixed_forward` lays them out.
* The head takes the last layer's state at the first position. That layer's queries, output
  projection and feed-forward network are needed at that position alone, and for a single query
  attention needs no keys or values either (`mixkd_core.networks.speed.attending`). Some
  encoders (`PACKED_ONLY`) have the first shortcut alone.

Logits are the same, up to the order in which sums are taken, and so are all gradients.

It works through what transformers offers: an attention function in its registry
(`mixkd_core.networks.speed.packed_attention`) and hooks of the last layer. MPNet does not ask the
registry and has stand-ins for two classes (`mixkd_core.networks.speed.mpnet_shortcuts`).
"""

import inspect
import logging
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from functools import cache
from typing import Any
from weakref import WeakSet

from torch import Tensor, nn

from mixkd_core.data.token_layout import TokenLayout
from mixkd_core.networks.layers import encoder_layers
from mixkd_core.networks.speed.mpnet_shortcuts import mpnet_shortcuts
from mixkd_core.networks.speed.packed_attention import (
    IMPLEMENTATION,
    hand_on_first,
    projections_of,
    see_first,
    self_attention,
)

logger = logging.getLogger(__name__)

# Encoders whose tokens meet in attention alone, whose layers add states to what was attended to
# before they normalise, and whose heads read the first position.
FAMILIES = (
    "bert",
    "camembert",
    "data2vec-text",
    "distilbert",
    "electra",
    "ernie",
    "mpnet",
    "roberta",
    "xlm-roberta",
)

# Encoders whose tokens meet in attention alone and whose heads read the first position, but which
# normalise before they attend, or turn queries and keys by their places: of these the last layer is
# computed at all positions.
PACKED_ONLY = ("gte", "modernbert", "nomic_bert", "roberta-prelayernorm", "xlm-roberta-xl")

# Attention that the shortcuts may stand in for.
_IMPLEMENTATIONS = ("eager", "sdpa", "flash_attention_2")

_SHORTENED: WeakSet[nn.Module] = WeakSet()


@contextmanager
def only_what_is_read(*models: Any) -> Iterator[None]:
    """Within the context, classifiers leave out what their logits do not depend on.

    Their layers accept texts without padding (`inputs_without_padding`), and their last layer
    computes the first position alone: the last hidden state has shape `(n, 1, hidden_size)`, and
    attention weights are not to be had. Networks for which there are no shortcuts, and those in
    which they are switched on already, are left as they are; the first is logged, once a reason.
    Dropout draws fewer numbers, so with dropout the random stream is another one than without.
    """
    with ExitStack() as stack:
        for model in models:
            if model is None or model in _SHORTENED:
                continue
            reason = why_not(model)
            if reason is None:
                stack.enter_context(_shortened(model))
            else:
                _say_once(reason)
        yield


def why_not(model: Any) -> str | None:
    """Return the reason why a classifier has no shortcuts, None if it has them."""
    who, config = type(model).__name__, model.config
    if config.model_type not in (*FAMILIES, *PACKED_ONLY) or not who.endswith(
        "ForSequenceClassification"
    ):
        return f"there are no shortcuts for a {who}"
    if getattr(config, "is_decoder", False):
        return f"this {who} is a decoder"
    if getattr(config, "classifier_pooling", "cls") != "cls":
        return f"the head of this {who} reads every position (classifier_pooling)"
    if getattr(config, "chunk_size_feed_forward", 0):
        return f"the feed-forward network of this {who} runs in chunks (chunk_size_feed_forward)"
    if getattr(config, "output_attentions", False):
        return f"this {who} is to give its attention's weights (output_attentions)"
    if config._attn_implementation not in _IMPLEMENTATIONS:
        return f"this {who} attends by {config._attn_implementation!r}"
    attentions = [self_attention(layer) for layer in encoder_layers(model)]
    if not all(type(attention).__module__ == type(model).__module__ for attention in attentions):
        return f"this {who} has an attention of its own"
    return None


def takes_layout(model: Any, core: Any) -> bool:
    """Return True if `model` takes texts without padding.

    `DataParallel` would cut the one row that the texts are in, a compiled model would be compiled
    again for each number of tokens, and layers that are run again for the backward pass (gradient
    checkpointing) may be given a copy of the mask.

    Args:
        core: the model inside the wrapping.
    """
    if isinstance(model, nn.DataParallel) or hasattr(model, "_orig_mod"):
        return False
    if core not in _SHORTENED:
        return False
    if core.training and any(getattr(m, "gradient_checkpointing", False) for m in core.modules()):
        _say_once("gradient checkpointing is on")
        return False
    return True


def inputs_without_padding(model: Any, embeddings: Tensor, layout: TokenLayout) -> dict[str, Any]:
    """Return what a model in the context is given for texts without padding.

    Args:
        embeddings: of the padded texts, `(n, length, embedding_size)`.
    """
    positions = layout.position_ids + _first_position(model)
    inputs: dict[str, Any] = {
        "inputs_embeds": layout.unpad(embeddings.flatten(0, 1))[None],
        "attention_mask": layout.attention_mask,
        "position_ids": positions,
    }
    if "token_type_ids" in inspect.signature(type(model).forward).parameters:
        # Given, because some versions have no more zeros in store than a text may have tokens.
        inputs["token_type_ids"] = positions.new_zeros(positions.shape)
    return inputs


def _first_position(model: Any) -> int:
    """Return the number of a text's first position: RoBERTa and its like count on from padding."""
    for name, module in model.base_model.named_modules():
        if name.endswith("position_embeddings") and isinstance(module, nn.Embedding):
            return 0 if module.padding_idx is None else module.padding_idx + 1
    return 0


@contextmanager
def _shortened(model: Any) -> Iterator[None]:
    last: Any = encoder_layers(model)[-1]
    hooks = [last.register_forward_hook(hand_on_first, with_kwargs=True)]
    if model.config.model_type in FAMILIES:
        attention = self_attention(last)
        # What is used without being called may not be wrapped (adapters).
        _, *unused = projections_of(attention)
        if all(type(getattr(attention, name)) is nn.Linear for name in unused):
            # Where states are added to what was attended to: BERT's `attention`, DistilBERT's
            # layer.
            holder: Any = last if last.attention is attention else last.attention
            hooks.append(holder.register_forward_pre_hook(see_first, with_kwargs=True))
    implementation = model.config._attn_implementation
    with ExitStack() as stack:
        if model.config.model_type == "mpnet":
            stack.enter_context(mpnet_shortcuts(model))
        else:
            model.set_attn_implementation(IMPLEMENTATION)
        _SHORTENED.add(model)
        try:
            yield
        finally:
            _SHORTENED.discard(model)
            for hook in hooks:
                hook.remove()
            if model.config.model_type != "mpnet":
                model.set_attn_implementation(implementation)


@cache
def _say_once(reason: str) -> None:
    logger.warning("texts are padded and all of the last layer is computed: %s.", reason)
