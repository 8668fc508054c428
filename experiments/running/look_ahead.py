"""Ask of a run's networks what its trainers will ask, before its teacher is trained."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mixkd_core.data.encoding import encode_table
from mixkd_core.networks.layers import depth, layer_count
from mixkd_core.networks.limits import check_tokens, settle_padding, text_limit
from mixkd_core.networks.matching import check_networks, match
from mixkd_core.networks.mix_layer import MixLayer
from mixkd_core.networks.probe import Request, check_network
from mixkd_core.objectives.objective import Objective

# Of the training split, spread over it: tokenising all of it for every run would take longer than
# everything else here.
TEXTS = 256


def look_ahead(
    network: Any,
    teacher: Any,
    tokenizer: Any,
    splits: Sequence[Any],
    objective: Objective,
    mix_layer: MixLayer,
    *,
    max_length: int,
    encodes: bool = False,
) -> None:
    """Check the network that is trained, and its teacher as it is before fine-tuning.

    Args:
        teacher: None where the network is itself a teacher.
        splits: the training split, and those that networks are evaluated on.
        max_length: tokens beyond which a text is cut off.
        encodes: whether mixtures are to be encoded once the network is trained
            (`mixkd_core.evaluation.encodings`), whatever it is trained by.

    Raises:
        InputError: naming the network, what is wrong with it, and by how much.
    """
    if teacher is not None:
        settle_padding(teacher, tokenizer)
    matching = match(network, teacher, objective, mix_layer)
    longest = text_limit(max_length, network, teacher)
    tokens = encode_table(splits[0].select(spread_rows(splits[0])), tokenizer, longest)
    check_networks(network, teacher, tokens, objective, matching)
    networks = [one for one in (network, teacher) if one is not None]
    for one in networks:
        depth(one.config)  # its record says it
    if encodes:
        role = "network" if teacher is None else "student"
        check_network(network, tokens, Request(role, 0, (layer_count(network),)))
    if max(tokenizer.get_vocab().values()) >= min(map(_words, networks)):
        for split in splits:
            for one in networks:
                check_tokens(one, encode_table(split, tokenizer, longest), "network")


def spread_rows(split: Any) -> NDArray[np.int64]:
    """Return the rows of a sample of a split, spread over all of it."""
    return np.unique(np.linspace(0, len(split) - 1, TEXTS).astype(np.int64))


def _words(network: Any) -> int:
    """Return how many token ids the network knows."""
    return getattr(network.get_input_embeddings(), "num_embeddings", 1 << 62)
