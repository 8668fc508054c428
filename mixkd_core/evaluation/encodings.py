"""A network's latent space: encodings of training points and of their mixup neighbours.

Some training examples, the *points*, are drawn, balanced by class. Each is paired with another
point and mixed with it at every λ of a grid; the mixtures are its *neighbours*. Which points and
pairs these are depends on the training subset and the run's seed alone, so that methods of one seed
are seen on the same ones. Mixing is at the embeddings, whatever the network was trained with.

The encoding is the last layer's hidden state at the position that the classifier reads: the first,
or a decoder's last.
The ends of the grid, λ = 1 and λ = 0, are the points themselves: a text of weight 0 has no say.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from mixkd_core.data.token_table import TokenTable
from mixkd_core.errors import InputError
from mixkd_core.mixing.pairing import Pairs
from mixkd_core.networks.inference import run_mixed_inference
from mixkd_core.networks.layers import layer_count

# λ of the neighbours; exact in binary, and with 0 and 1 in steps of an eighth.
MIXING_COEFFICIENTS = tuple(eighths / 8 for eighths in range(1, 8))

# Separates this draw from every other one of the run's seed.
_PURPOSE = 0x1A7E47

Indices = NDArray[np.int64]


@dataclass(frozen=True)
class LatentSample:
    """The training examples that are encoded, and the pairs whose mixtures are.

    Attributes:
        points: rows of the training subset, of shape `(n,)`; the classes take turns.
        neighbours: pairs of those rows, `len(MIXING_COEFFICIENTS)` for every point.
    """

    points: Indices
    neighbours: Pairs


def latent_sample(labels: ArrayLike, points: int, seed: int) -> LatentSample:
    """Draw points, and for each a partner, uniform over the other points.

    Args:
        labels: of the training subset, of shape `(n,)`: class indices (integers), of which each has
            an equal share as far as it has that many examples, or real values.
        points: how many to draw; all where there are fewer.
        seed: the run's.

    Raises:
        InputError: if fewer than two are drawn.
    """
    values = np.asarray(labels)
    count = min(points, len(values))
    if count < 2:
        raise InputError(
            f"latent_points is {points} of {len(values)} training examples, which leaves a point "
            "no other one to be mixed with: take at least 2, or 0 to encode none."
        )
    rng = np.random.default_rng([_PURPOSE, seed])
    order = rng.permutation(len(values))
    if values.dtype.kind != "f":
        # The examples of each class are numbered in the order drawn; low numbers come first.
        place = np.empty(len(values), dtype=np.int64)
        for label in np.unique(values):
            members = order[values[order] == label]
            place[members] = np.arange(len(members))
        order = order[np.lexsort((values[order], place[order]))]
    chosen = order[:count].astype(np.int64)
    # A step of at least one around the circle of points leads to another one.
    partner = chosen[(np.arange(count) + rng.integers(1, count, size=count)) % count]
    size = len(MIXING_COEFFICIENTS)
    neighbours = Pairs(
        first=np.repeat(chosen, size),
        second=np.repeat(partner, size),
        mixing_coefficients=np.tile(MIXING_COEFFICIENTS, count),
        draw_index=np.arange(count * size, dtype=np.int64),
    )
    return LatentSample(chosen, neighbours)


def latent_table(
    model: Any, table: TokenTable, example_ids: ArrayLike, sample: LatentSample
) -> pd.DataFrame:
    """Encodings and logits of the points and of their neighbours.

    Args:
        model: a classifier; its training mode and the random state are left as they were found.
        table: the training subset in tokens.
        example_ids: of the subset, of shape `(n,)`.
        sample: rows of it.

    Returns:
        The points, then the neighbours: `kind` (`"point"` or `"neighbour"`), `example_id`, `label`,
        `partner_id` and `partner_label` (of a point its own), `mixing_coefficient` (λ of the
        example; 1 for a point), `logits` and `encoding` (lists of float32).
    """
    ids = np.asarray(example_ids, dtype=object)
    points, neighbours = sample.points, sample.neighbours
    # A point is the mixture in which its partner, itself, has no weight: one pass serves both.
    pairs = Pairs(
        first=np.concatenate([points, neighbours.first]),
        second=np.concatenate([points, neighbours.second]),
        mixing_coefficients=np.concatenate([np.ones(len(points)), neighbours.mixing_coefficients]),
        draw_index=np.zeros(len(points) + len(neighbours), dtype=np.int64),
    )
    outputs = run_mixed_inference(model, table, pairs, state_layers=(layer_count(model),))
    assert outputs.states is not None
    return pd.DataFrame(
        {
            "kind": ["point"] * len(points) + ["neighbour"] * len(neighbours),
            "example_id": ids[pairs.first],
            "label": table.labels[pairs.first],
            "partner_id": ids[pairs.second],
            "partner_label": table.labels[pairs.second],
            "mixing_coefficient": pairs.mixing_coefficients,
            "logits": list(outputs.logits),
            "encoding": list(outputs.states[:, 0]),
        }
    )
