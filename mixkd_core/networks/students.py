"""A shallower student made of some of a network's layers.

Embeddings, pooler and classification head are copied too. From which network the layers come, the
fine-tuned teacher or the encoder before fine-tuning, is the caller's choice; it moves results a
lot and papers often leave it unsaid, so a run stores it.
"""

import copy
import re
from collections.abc import Sequence
from typing import Any

from mixkd_core.errors import InputError
from mixkd_core.networks.layers import layer_count, layer_lists, shares_layers

LAYER_CHOICES = ("first", "last", "alternate", "symmetric")


def choose_layers(total: int, keep: int, choice: str = "first") -> tuple[int, ...]:
    """Return the `keep` of `total` layers, counted from 0, that a student takes.

    | choice      | keeps                                        | 3 of 6  | 6 of 12            |
    | ----------- | -------------------------------------------- | ------- | ------------------ |
    | `first`     | the first ones                               | 0, 1, 2 | 0, 1, 2, 3, 4, 5   |
    | `last`      | the last ones                                | 3, 4, 5 | 6, 7, 8, 9, 10, 11 |
    | `alternate` | every (total/keep)-th, ending with the last  | 1, 3, 5 | 1, 3, 5, 7, 9, 11  |
    | `symmetric` | both ends; an odd one comes from the first   | 0, 1, 5 | 0, 1, 2, 9, 10, 11 |

    Sajjad et al. (2020, "Poor Man's BERT") name the layers that are dropped instead: their "top"
    is `first`, "bottom" is `last`, and "symmetric" drops the middle as here.

    Raises:
        InputError: for an unknown choice, or a number of layers that cannot be had.
    """
    if choice not in LAYER_CHOICES:
        raise InputError(f"unknown layers {choice!r}: choose one of {', '.join(LAYER_CHOICES)}.")
    if not 1 <= keep <= total:
        raise InputError(
            f"a student of {keep} layers cannot be made from a network of {total}: ask for 1 to "
            f"{total}."
        )
    if choice == "first":
        return tuple(range(keep))
    if choice == "last":
        return tuple(range(total - keep, total))
    if choice == "symmetric":
        return (*range(keep - keep // 2), *range(total - keep // 2, total))
    return tuple((rank + 1) * total // keep - 1 for rank in range(keep))


def student_from_layers(network: Any, layers: Sequence[int]) -> Any:
    """A new network of the same kind with the given layers of `network`, all weights copied.

    Args:
        network: a sequence classifier; it is left as it was.
        layers: which of its layers, counted from 0, in order.

    Raises:
        InputError: if the architecture gives its layers different shapes by position, so that
            those chosen do not fit (ModernBERT's first layer is special: keep it with `first`).
    """
    total = layer_count(network)
    config = copy.deepcopy(network.config)
    _keep_in_config(config, layers, total)
    student = type(network)(config)
    place = {old: new for new, old in enumerate(layers)}
    stacks = () if shares_layers(network) else tuple(layer_lists(network))
    weights = {}
    for name, tensor in network.state_dict().items():
        stack = next((path for path in stacks if name.startswith(f"{path}.")), None)
        if stack is None:
            weights[name] = tensor
            continue
        layer, rest = name[len(stack) + 1 :].split(".", 1)
        if int(layer) in place:
            weights[f"{stack}.{place[int(layer)]}.{rest}"] = tensor
    try:
        student.load_state_dict(weights, strict=True)
    except RuntimeError as error:
        first = list(layers) == list(range(len(layers)))
        remedy = "give a student checkpoint" if first else "keep its first layers"
        reason = str(error).splitlines()[-1].strip().rstrip(".")
        raise InputError(
            f"layers {list(layers)} of a {type(network).__name__} do not fit the places of a "
            f"{len(layers)}-layer one ({reason}): {remedy} instead."
        ) from error
    return student


def _keep_in_config(config: Any, layers: Sequence[int], total: int) -> None:
    """Keep the chosen layers' part of a configuration: their number, and lists of one entry each.

    Raises:
        InputError: if the configuration derives its number of layers from something else.
    """
    text = config.get_text_config()
    try:
        text.num_hidden_layers = len(layers)
    except NotImplementedError as error:
        raise InputError(
            f"a student cannot be made from layers of a {config.model_type!r} network: its "
            "configuration does not take a number of layers; give a student checkpoint instead."
        ) from error
    for name, value in list(vars(text).items()):
        listed = isinstance(value, (list, tuple)) and len(value) == total
        if listed and re.search("layer|window", name):
            setattr(text, name, [value[layer] for layer in layers])
    if hasattr(text, "attention_types"):  # GPT-Neo derives its list from this one when loaded
        text.attention_types = [[list(text.attention_layers), 1]]
