"""A run's encodings read back, and the numbers that describe them."""

from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import softmax

from mixkd_core.records.run_folder import RunRecord, read_encodings
from reports.statistics.latent_measures import (
    alignment,
    manifold_distance,
    nonlinearity,
    parent_distance,
    silhouette,
    uniformity,
)

Floats = NDArray[np.float64]

# What is measured, in words. Below zero a difference in the first means worse separated classes;
# in all others it means closer, more spread, or more linear.
LATENT_MEASURES: Mapping[str, str] = {
    "silhouette": "silhouette of the classes",
    "alignment": "alignment within classes",
    "uniformity": "uniformity",
    "manifold_distance": "distance of mixtures to the points",
    "parent_distance": "distance of mixtures to the nearer parent",
    "encoding_nonlinearity": "nonlinearity of encodings",
    "logit_nonlinearity": "nonlinearity of logits",
    "probability_nonlinearity": "nonlinearity of probabilities",
}


@dataclass(frozen=True)
class LatentSpace:
    """Encodings of n points and of m mixtures of theirs (`mixkd_core.evaluation.encodings`).

    Attributes:
        labels: of the points, of shape `(n,)`; integers are classes.
        encodings, logits: of the points, of shape `(n, size)` and `(n, num_labels)`.
        first, second: parents of the mixtures as places among the points, of shape `(m,)`.
        mixing_coefficients: λ of the first, of shape `(m,)`.
        mixed_encodings, mixed_logits: of the mixtures, of shape `(m, size)` and `(m, num_labels)`.
        digest: of which mixtures they are, so that two networks are compared on the same ones.
    """

    labels: NDArray[Any]
    encodings: Floats
    logits: Floats
    first: NDArray[np.int64]
    second: NDArray[np.int64]
    mixing_coefficients: Floats
    mixed_encodings: Floats
    mixed_logits: Floats
    digest: str = ""

    @property
    def has_classes(self) -> bool:
        return bool(self.labels.dtype.kind == "i")


def read_latent(record: RunRecord) -> LatentSpace | None:
    """A run's encodings, compared with their checksum; None if it stores none.

    Raises:
        DamagedRecordError: if they are missing, or hold what cannot be.
    """
    table = read_encodings(record)
    if table is None:
        return None
    is_point = np.array([kind == "point" for kind in table["kind"].to_pylist()])
    ids = table["example_id"].to_pylist()
    place = {ids[row]: number for number, row in enumerate(np.flatnonzero(is_point))}
    outputs = {
        name: table[name]
        .combine_chunks()
        .flatten()
        .to_numpy(zero_copy_only=False)
        .astype(np.float64)
        .reshape(len(table), -1)
        for name in ("encoding", "logits")
    }
    mixed = np.flatnonzero(~is_point)
    partners = table["partner_id"].to_pylist()
    coefficients = table["mixing_coefficient"].to_numpy()[mixed]
    mixtures = [
        (ids[row], partners[row], float(share))
        for row, share in zip(mixed, coefficients, strict=True)
    ]
    return LatentSpace(
        labels=table["label"].to_numpy()[is_point],
        encodings=outputs["encoding"][is_point],
        logits=outputs["logits"][is_point],
        first=np.array([place[ids[row]] for row in mixed], dtype=np.int64),
        second=np.array([place[partners[row]] for row in mixed], dtype=np.int64),
        mixing_coefficients=coefficients,
        mixed_encodings=outputs["encoding"][mixed],
        mixed_logits=outputs["logits"][mixed],
        digest=sha256(repr(mixtures).encode()).hexdigest(),
    )


def latent_numbers(space: LatentSpace) -> dict[str, float]:
    """Each of `LATENT_MEASURES` that is defined here: without classes there is no separation."""
    parents = space.encodings[space.first], space.encodings[space.second]
    numbers = {
        "uniformity": uniformity(space.encodings),
        "manifold_distance": manifold_distance(space.encodings, space.mixed_encodings),
        "parent_distance": parent_distance(*parents, space.mixed_encodings),
    }
    outputs = {
        "encoding": (space.encodings, space.mixed_encodings),
        "logit": (space.logits, space.mixed_logits),
    }
    if space.has_classes:
        numbers["silhouette"] = silhouette(space.encodings, space.labels)
        numbers["alignment"] = alignment(space.encodings, space.labels)
        outputs["probability"] = (
            softmax(space.logits, axis=1),
            softmax(space.mixed_logits, axis=1),
        )
    for name, (alone, mixed) in outputs.items():
        numbers[f"{name}_nonlinearity"] = nonlinearity(
            alone[space.first], alone[space.second], space.mixing_coefficients, mixed
        )
    return {name: value for name in LATENT_MEASURES if (value := numbers.get(name)) is not None}
