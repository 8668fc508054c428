"""Finding a network's transformer layers, whatever its architecture calls them."""

import re
from typing import Any

from torch import nn

from mixkd_core.errors import InputError


def depth(config: Any) -> int:
    """Return the number of layers that a configuration asks for.

    Raises:
        InputError: if it says none.
    """
    layers = getattr(config.get_text_config(), "num_hidden_layers", None)
    if not isinstance(layers, int):
        raise InputError(
            f"a configuration of type {config.model_type!r} does not say how many layers the "
            "network has: take another architecture."
        )
    return layers


def shares_layers(model: Any) -> bool:
    """Return true where one layer's weights serve at every depth, as in ALBERT."""
    return getattr(model.config, "num_hidden_groups", None) == 1


def layer_lists(model: Any) -> dict[str, nn.ModuleList]:
    """Return the lists that hold one module a layer, by their path in the model.

    Most networks have one, of whole layers; XLM has four side by side, of the parts of a layer.
    Layers that look at pictures are left out.
    """
    expected = depth(model.config)
    found: dict[str, nn.ModuleList] = {}
    for path, module in model.named_modules():
        inside = any(path.startswith(f"{other}.") for other in found)
        sees = re.search(r"\bvis(ion|ual)", path)
        if isinstance(module, nn.ModuleList) and len(module) == expected and not (inside or sees):
            found[path] = module
    return found


def encoder_layers(model: Any) -> nn.ModuleList:
    """Return the stack of transformer layers of a classifier.

    Raises:
        InputError: if no list of `config.num_hidden_layers` layers is found, or several.
    """
    _check_one_stack(model)
    if shares_layers(model):
        raise InputError(
            f"a {type(model).__name__} has one layer that serves at every depth: none can be mixed "
            "after, or replaced, by itself; mix the embeddings, and use another method than "
            "'theseus'."
        )
    lists = list(layer_lists(model).values())
    if len(lists) != 1:
        raise InputError(
            f"cannot find the {depth(model.config)} layers of a {type(model).__name__}: its "
            f"modules hold {len(lists)} lists of that length where one is expected; take another "
            "architecture, or a method and a place to mix that need no single layer."
        )
    return lists[0]


def layer_count(model: Any) -> int:
    """Return the number of layers that a student can be made from.

    Raises:
        InputError: if they are not found.
    """
    _check_one_stack(model)
    count = depth(model.config)
    if not shares_layers(model) and not _side_by_side(list(layer_lists(model))):
        encoder_layers(model)  # raises where there is not exactly one stack
    return count


def _check_one_stack(model: Any) -> None:
    if getattr(model.config, "is_encoder_decoder", False):
        raise InputError(
            f"a {type(model).__name__} has an encoder and a decoder, which reads the tokens once "
            "more: a mixture has none for it, and no student is made from its layers; take an "
            "encoder or a decoder alone, or method ft or kd with a student checkpoint of its own."
        )


def _side_by_side(paths: list[str]) -> bool:
    """Return true for lists of one parent: the parts of the layers, or the layers themselves."""
    return len({re.sub(r"[^.]*$", "", path) for path in paths}) == 1
