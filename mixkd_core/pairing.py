"""Who is mixed with whom: the pairs of one epoch, drawn before any batch is formed.

Drawing the partners over the *whole* training set first and grouping the pairs afterwards keeps
the pairs exactly uniform however the batches are then put together: this is the sampling that
the theory speaks of. Pairing inside a batch (the usual implementation of mixup) is the other
choice; in length-grouped batches it pairs texts of like length only.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mixkd_core.errors import InputError
from mixkd_core.mixup import sample_mixing_coefficients

PAIRINGS = ("dataset", "batch")

Indices = NDArray[np.int64]


@dataclass(frozen=True)
class Pairs:
    """Rows of the training set to mix, `first` with weight λ and `second` with weight 1−λ.

    Attributes:
        first, second: row numbers, of shape `(m,)`.
        mixing_coefficients: λ, of shape `(m,)`.
    """

    first: Indices
    second: Indices
    mixing_coefficients: NDArray[np.float64]

    def __len__(self) -> int:
        return len(self.first)

    def __getitem__(self, order: Indices | slice) -> "Pairs":
        return Pairs(self.first[order], self.second[order], self.mixing_coefficients[order])


def pairs_over_dataset(
    size: int, ratio: float, alpha: float, self_pairs: bool, generator: np.random.Generator
) -> Pairs:
    """round(ratio · size) pairs whose second member is uniform over the whole training set.

    Every row is the first member ⌊ratio⌋ times, and a random part of the rows once more where the
    ratio is fractional; a pair picked at random is uniform over all ordered pairs (i, j), those
    with i = j left out unless `self_pairs`.

    Raises:
        InputError: if there are fewer than two rows to pair and self-pairs are excluded.
    """
    count = round(ratio * size)
    if count and size < 2 and not self_pairs:
        raise InputError(
            f"the training set has {size} example(s), too few to pair each with another one: "
            "give more data or allow self-pairs."
        )
    whole, rest = divmod(count, size)
    first = np.concatenate(
        [generator.permutation(size) for _ in range(whole)] + [generator.permutation(size)[:rest]]
    )
    if self_pairs:
        second = generator.integers(size, size=count)
    else:
        second = generator.integers(max(size - 1, 1), size=count)
        second += second >= first  # skip the row itself: uniform over the others
    return Pairs(first, second, sample_mixing_coefficients(alpha, count, generator))


def pairs_within_batches(
    batches: list[Indices],
    ratio: float,
    alpha: float,
    self_pairs: bool,
    generator: np.random.Generator,
) -> list[Pairs]:
    """For each batch, its rows against permutations of themselves.

    With `self_pairs` the permutation is uniform (one fixed point on average); without, it is
    uniform over the permutations that have none. A batch of one row has no partner to offer and
    mixes with itself.
    """
    drawn = []
    due = 0.0
    total = 0
    for batch in batches:
        due += ratio * len(batch)
        count = round(due) - total
        total += count
        first, second = [], []
        for start in range(0, count, len(batch)):
            order = generator.permutation(len(batch))[: count - start]
            partner = _permutation(len(batch), self_pairs, generator)
            first.append(batch[order])
            second.append(batch[partner[order]])
        empty = np.empty(0, dtype=np.int64)
        drawn.append(
            Pairs(
                np.concatenate([empty, *first]),
                np.concatenate([empty, *second]),
                sample_mixing_coefficients(alpha, count, generator),
            )
        )
    return drawn


def _permutation(size: int, fixed_points: bool, generator: np.random.Generator) -> Indices:
    """A uniform permutation, by rejection without fixed points (accepted with chance ≈ 1/e)."""
    while True:
        permutation = generator.permutation(size)
        if fixed_points or size < 2 or not np.any(permutation == np.arange(size)):
            return permutation
