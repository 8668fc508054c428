"""A classifier's reading: which inputs it takes, and the slot of a text that it reads.

Encoders read a text's first position (or all of them), and texts padded on the right begin at one
slot. Decoders (Llama, Qwen2, GPT-2, ...) read the last token: given `input_ids` they look for it,
given `inputs_embeds` they take the last slot whatever it holds. Their texts are therefore padded on
the left here, so that all *end* at one slot, and positions are numbered from each text's first
token. A mixture of texts of unequal length is aligned at the slot that is read: first token with
first token for an encoder, last token with last token for a decoder. Aligned at the beginning, the
end that a decoder reads would hold padding of the shorter text, even at λ close to 1.
"""

import inspect
from typing import Any

import torch
from torch import Tensor, nn

from mixkd_core.data.token_table import TOKEN_COLUMNS, Padded

# Classifiers that read the last slot, beside all those whose head is called `score`.
_LAST_SLOT = ("ctrl", "modernbert-decoder", "xlnet")


def reads_last(model: Any) -> bool:
    """Return true for a classifier that reads a text's last token."""
    if getattr(model.config, "is_encoder_decoder", False):
        return False
    headed = isinstance(getattr(model, "score", None), nn.Module)
    return headed or model.config.model_type in _LAST_SLOT


def accepted(model: Any, texts: Padded) -> Padded:
    """Return the token columns that the model takes; some know no token types."""
    return {
        name: texts[name]
        for name in TOKEN_COLUMNS
        if name in texts and (name != "token_type_ids" or name in _parameters(model))
    }


def texts_for(model: Any, texts: Padded) -> Padded:
    """Return the token columns that the model takes, aligned at the slot that it reads."""
    return _ending_together(accepted(model, texts)) if reads_last(model) else accepted(model, texts)


def inputs_told(model: Any, attention_mask: Tensor) -> dict[str, Any]:
    """Return what a model has to be told besides the texts, where it takes it.

    * Longformer: that attention to the first position is global, which it settles by itself for
      `input_ids` only.
    * Who reads the last token: positions, as its texts do not begin at one slot; and to keep no
      keys and values for a next token, which layers that stand in for others (module replacement)
      would mix up.

    Args:
        attention_mask: of shape `(n, length)`.
    """
    told: dict[str, Any] = {"global_attention_mask": _first_slot(attention_mask)}
    if reads_last(model):
        told["position_ids"] = (attention_mask.cumsum(1) - 1).clamp(min=0)
        told["use_cache"] = False
    return {name: told[name] for name in told.keys() & _parameters(model).keys()}


def _first_slot(attention_mask: Tensor) -> Tensor:
    first = torch.zeros_like(attention_mask)
    first[:, 0] = 1
    return first


def _ending_together(texts: Padded) -> Padded:
    """Return texts that begin at one slot, moved to end at one slot."""
    mask = texts["attention_mask"]
    length = mask.shape[1]
    slots = torch.arange(length, device=mask.device)
    # Modulo the length: padding behind a text comes to stand before it.
    source = (slots + mask.sum(1, keepdim=True)) % length
    return {name: tensor.gather(1, source) for name, tensor in texts.items()}


def _parameters(model: Any) -> Any:
    return inspect.signature(type(model).forward).parameters
