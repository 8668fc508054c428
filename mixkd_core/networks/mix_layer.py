"""Places to mix a pair at: the embeddings, after a hidden layer, or where the classifier reads.

`"pooled"` mixes what the head reads: BERT's pooled sentence vector; of a head that is given all
states (RoBERTa, ELECTRA, decoders), those states. The texts themselves never
meet: each runs through the encoder under its own mask, and at λ = 1 that is its plain pass.
"""

from typing import Any, Literal

from torch import nn

from mixkd_core.errors import InputError

POOLED: Literal["pooled"] = "pooled"

MixLayer = int | Literal["pooled"]


def parsed_mix_layer(given: int | str) -> MixLayer:
    """A number of a layer, or `"pooled"`, as a command line gives them.

    Raises:
        InputError: if it is neither.
    """
    if given == POOLED:
        return POOLED
    try:
        return int(given)
    except ValueError:
        raise InputError(
            f"mix_layer is {given!r}: give 0 (the embeddings), the number of a hidden layer, or "
            "'pooled' (what the classifier reads)."
        ) from None


def check_mix_layer(mix_layer: MixLayer, depth: int) -> None:
    """Check that a network of `depth` layers has the layer.

    Raises:
        InputError: if it does not.
    """
    if mix_layer != POOLED and not 0 <= mix_layer <= depth:
        raise InputError(
            f"mix_layer is {mix_layer}, but the model has layers 1 to {depth} (0 mixes the "
            "embeddings, 'pooled' what the classifier reads)."
        )


def classifier_head(model: Any) -> nn.Module:
    """The module of a sequence classifier that turns a text's vector (or its states) into logits.

    Raises:
        InputError: if the model has no module called `classifier`, or `score` as decoders call it.
    """
    for name in ("classifier", "score"):
        head = getattr(model, name, None)
        if isinstance(head, nn.Module):
            return head
    raise InputError(
        f"mix_layer is 'pooled', but a {type(model).__name__} has no module 'classifier' or "
        "'score' to mix in front of: mix the embeddings (0) or after a hidden layer."
    )
