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
from mixkd_core.networks.mixed_forward import encoder_layers

LAYER_CHOICES = ("first", "last", "alternate", "symmetric")


def choose_layers(total: int, keep: int, choice: str) -> tuple[int, ...]:
    """Which `keep` of `total` layers, counted from 0, a student takes.

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
    encoder_layers(network)  # raises where the layers cannot be found
    config = copy.deepcopy(network.config)
    config.num_hidden_layers = len(layers)
    if getattr(config, "layer_types", None):
        config.layer_types = [network.config.layer_types[layer] for layer in layers]
    student = type(network)(config)
    place = {old: new for new, old in enumerate(layers)}
    weights = {}
    for name, tensor in network.state_dict().items():
        match = re.search(r"(?<=\blayer\.)\d+(?=\.)|(?<=\blayers\.)\d+(?=\.)", name)
        if match is None:
            weights[name] = tensor
        elif int(match.group()) in place:
            layer = str(place[int(match.group())])
            weights[name[: match.start()] + layer + name[match.end() :]] = tensor
    try:
        student.load_state_dict(weights, strict=True)
    except RuntimeError as error:
        raise InputError(
            f"layers {list(layers)} of a {type(network).__name__} do not fit the places of a "
            f"{len(layers)}-layer one ({str(error).splitlines()[-1].strip()}): keep its first "
            "layers instead."
        ) from error
    return student
