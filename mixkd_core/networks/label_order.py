"""The order of a classifier's labels: compared by name, and put right exactly."""

from collections.abc import Sequence
from typing import Any

from mixkd_core.errors import InputError


def label_names(config: Any) -> list[str] | None:
    """Return a classifier's label names in the order of its logits; None if it has none.

    `transformers` calls the labels LABEL_0, LABEL_1, … where nobody named them.
    """
    names = [str(config.id2label[index]) for index in range(config.num_labels)]
    return None if names == [f"LABEL_{index}" for index in range(len(names))] else names


def label_order(found: Sequence[str], wanted: Sequence[str]) -> list[int] | None:
    """Return for each wanted name the place of the same name among those found.

    Names are the same if they are equal, or, where that matches no two lists, if they are equal up
    to case and to underscores, hyphens and spaces.

    Returns:
        The places, or None if the lists do not hold the same names, each once.
    """
    for alike in (str, _plain):
        places = {alike(name): place for place, name in enumerate(found)}
        asked = [alike(name) for name in wanted]
        if len(places) == len(found) == len(set(asked)) and places.keys() == set(asked):
            return [places[name] for name in asked]
    return None


def reorder_labels(network: Any, order: Sequence[int]) -> None:
    """Reorder a classifier's logits in place: logit k becomes the former logit `order[k]`.

    The rows of the head's last layer are moved, and no weight changes its value.

    Raises:
        InputError: if the head's last layer cannot be told.
    """
    import torch

    inside = {id(module) for module in network.base_model.modules()}
    last = [
        module
        for module in network.modules()
        if isinstance(module, torch.nn.Linear)
        and module.out_features == network.config.num_labels
        and id(module) not in inside
    ]
    if len(last) != 1:
        raise InputError(
            f"the labels of a {type(network).__name__} cannot be reordered ({len(last)} layers "
            "could be the last of its head): give its labels to the task in the checkpoint's order."
        )
    (layer,) = last
    with torch.no_grad():
        for parameter in layer.parameters():
            parameter.copy_(parameter[list(order)].clone())


def _plain(name: str) -> str:
    return " ".join(name.casefold().replace("_", " ").replace("-", " ").split())
