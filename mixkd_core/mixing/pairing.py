"""Pairs of examples to mix in one epoch, drawn before any batch is formed.

Drawing the partners over the *whole* training set first and grouping the pairs afterwards keeps
each pair exactly uniform however the batches are then put together. The pairs of an epoch are not
quite the theory's independent draws: every row is the first member equally often. Pairing inside a
batch (the usual implementation of mixup) is the other choice; in length-grouped batches it pairs
texts of like length only.

| pairing          | the partner of an example is uniform over                              |
| ---------------- | ---------------------------------------------------------------------- |
| `dataset`        | the training set                                                       |
| `within-class`   | the examples of its own class; one that is alone there meets itself    |
| `across-classes` | the examples of all other classes together                             |
| `batch`          | its batch (a permutation of it)                                        |

The example itself is no partner unless self-pairs are allowed. Texts of an unlabelled transfer set
are drawn in place of pairs (`texts_of_transfer_set`).
"""

from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from mixkd_core.errors import InputError
from mixkd_core.mixing.mixup import sample_mixing_coefficients

PAIRINGS = ("dataset", "within-class", "across-classes", "batch")
CLASS_PAIRINGS = ("within-class", "across-classes")

Indices = NDArray[np.int64]


@dataclass(frozen=True)
class Pairs:
    """Rows of the training set to mix, `first` with weight λ and `second` with weight 1−λ.

    Attributes:
        first, second: row numbers, of shape `(m,)`.
        mixing_coefficients: λ, of shape `(m,)`.
        draw_index: which of the epoch's draws each is, of shape `(m,)`.
    """

    first: Indices
    second: Indices
    mixing_coefficients: NDArray[np.float64]
    draw_index: Indices

    def __len__(self) -> int:
        return len(self.first)

    def __getitem__(self, order: Indices | slice) -> "Pairs":
        return Pairs(
            self.first[order],
            self.second[order],
            self.mixing_coefficients[order],
            self.draw_index[order],
        )


class PairingSettings(Protocol):
    """Settings that say who is mixed with whom."""

    @property
    def pairing(self) -> str: ...
    @property
    def self_pairs(self) -> bool: ...
    @property
    def fixed_draws(self) -> bool: ...


def check_pairing(settings: PairingSettings, *, has_classes: bool) -> None:
    """Check that such pairs can be drawn.

    Args:
        settings: of the pairs.
        has_classes: whether every example has one class.

    Raises:
        InputError: for an unknown pairing, one by class where there are no classes, self-pairs
            across classes, or fixed draws from batches, which are others in each epoch.
    """
    pairing = settings.pairing
    if pairing not in PAIRINGS:
        raise InputError(f"unknown pairing {pairing!r}: choose one of {', '.join(PAIRINGS)}.")
    if pairing in CLASS_PAIRINGS and not has_classes:
        raise InputError(
            f"pairing {pairing!r} looks at the class of each example, and these have real-valued "
            "or soft labels: choose 'dataset' or 'batch'."
        )
    if pairing == "across-classes" and settings.self_pairs:
        raise InputError(
            "pairing 'across-classes' never pairs an example with itself, and self-pairs were "
            "asked for: leave them off, or choose another pairing."
        )
    if pairing == "batch" and settings.fixed_draws:
        raise InputError(
            "pairing 'batch' draws partners from batches, which are formed anew in each epoch, and "
            "fixed draws were asked for: choose another pairing, or fresh draws."
        )


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
    first = _first_members(size, count, generator)
    if self_pairs:
        second = generator.integers(size, size=count)
    else:
        second = generator.integers(max(size - 1, 1), size=count)
        second += second >= first  # skip the row itself: uniform over the others
    return _drawn(first, second, alpha, generator)


def pairs_by_class(
    classes: Indices,
    ratio: float,
    alpha: float,
    *,
    same_class: bool,
    self_pairs: bool,
    generator: np.random.Generator,
) -> Pairs:
    """round(ratio · n) pairs whose second member is uniform over one part of the classes.

    Rows come first as often as in `pairs_over_dataset`.

    Args:
        classes: of each row, of shape `(n,)`.
        same_class: whether partners are of the same class or of the others. A row that is alone in
            its class is paired with itself: it enters unmixed.
        self_pairs: whether a row may meet itself in its class.

    Raises:
        InputError: if partners are to be of other classes and there is only one.
    """
    size = len(classes)
    count = round(ratio * size)
    _, kind, members = np.unique(classes, return_inverse=True, return_counts=True)
    if count and not same_class and len(members) < 2:
        raise InputError(
            f"the training set holds one class only ({classes[0]}), and pairing 'across-classes' "
            "needs two: choose another pairing, or give examples of another class."
        )
    # Rows sorted by class: a class is a run of places, and so, with a gap, are all the others.
    rows = np.argsort(kind, kind="stable")
    place = np.argsort(rows, kind="stable")
    begin = np.cumsum(members) - members
    first = _first_members(size, count, generator)
    begin, members = begin[kind[first]], members[kind[first]]
    if not same_class:
        second = generator.integers(size - members)
        second += members * (second >= begin)  # skip the row's own class
    elif self_pairs:
        second = begin + generator.integers(members)
    else:
        second = begin + generator.integers(np.maximum(members - 1, 1))
        second += (second >= place[first]) & (members > 1)  # skip the row itself
    return _drawn(first, rows[second], alpha, generator)


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
                np.arange(total - count, total),
            )
        )
    return drawn


def texts_of_transfer_set(size: int, transfer: int, ratio: float, epoch: int, seed: int) -> Pairs:
    """round(ratio · size) texts of a transfer set, as pairs of a text with itself at λ = 1.

    Mixed with weight 1 a text is itself, so these are passed through both networks as mixtures are,
    and are as many. Epoch by epoch they go through the set in random order: none is drawn again
    before all have been.

    Args:
        size: originals.
        transfer: texts of the set, rows `size` to `size + transfer − 1`.
        epoch: counted from 0.
        seed: of the orders.
    """
    count = round(ratio * size)
    drawn = np.arange(epoch * count, (epoch + 1) * count)
    passes, places = np.divmod(drawn, transfer)
    rows = np.empty(count, dtype=np.int64)
    for number in np.unique(passes):
        order = np.random.default_rng([seed, int(number), 2]).permutation(transfer)
        here = passes == number
        rows[here] = size + order[places[here]]
    return Pairs(rows, rows, np.ones(count), np.arange(count))


def _first_members(size: int, count: int, generator: np.random.Generator) -> Indices:
    """Every row equally often, and a random part of the rows once more, in random order."""
    whole, rest = divmod(count, size)
    return np.concatenate(
        [generator.permutation(size) for _ in range(whole)] + [generator.permutation(size)[:rest]]
    )


def _drawn(first: Indices, second: Indices, alpha: float, generator: np.random.Generator) -> Pairs:
    """The pairs with a coefficient each, numbered."""
    coefficients = sample_mixing_coefficients(alpha, len(first), generator)
    return Pairs(first, second, coefficients, np.arange(len(first)))


def _permutation(size: int, fixed_points: bool, generator: np.random.Generator) -> Indices:
    """A uniform permutation, by rejection without fixed points (accepted with chance ≈ 1/e)."""
    while True:
        permutation = generator.permutation(size)
        if fixed_points or size < 2 or not np.any(permutation == np.arange(size)):
            return permutation
