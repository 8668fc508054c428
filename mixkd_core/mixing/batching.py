"""Batches of originals and mixed pairs of like length.

An epoch is a sequence of *units*: one original and the mixed pairs that travel with it. The pairs
are drawn first (`mixkd_core.mixing.pairing`); then originals and pairs are each sorted by length
within megabatches and married by rank, so that one forward pass over both wastes little padding
while every original is seen once and the law of the pairs is untouched. Because a unit carries its
pairs, splitting a batch over processes or accumulation steps splits originals and pairs alike.
"""

import itertools
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch.utils.data import Dataset, Sampler

from mixkd_core.data.token_layout import layout_tensors
from mixkd_core.data.token_table import TokenTable
from mixkd_core.errors import InputError
from mixkd_core.mixing.mixup import mixed_presence
from mixkd_core.mixing.pairing import (
    Pairs,
    pairs_by_class,
    pairs_over_dataset,
    pairs_within_batches,
    texts_of_transfer_set,
)


class Unit(NamedTuple):
    """One original (its row) and the pairs that travel with it."""

    original: int
    pairs: Pairs


class UnitSampler(Sampler[Unit]):
    """The units of an epoch, in the order of their batches; `set_epoch` decides which epoch.

    Everything is a function of `(seed, epoch)`: resuming inside an epoch, or sharding its batches
    over processes, meets the same units in the same order.

    Args:
        lengths: tokens per text, of shape `(n + transfer,)`.
        batch_size: originals in a global batch (all processes together).
        mixup_ratio: mixed samples per original, r ≥ 0; fractions and values above 1 are fine.
        mixup_alpha: α of λ ~ Beta(α, α).
        pairing: who is mixed with whom (`mixkd_core.mixing.pairing`).
        self_pairs: whether an example may be mixed with itself.
        fixed_draws: whether every epoch has the pairs and coefficients of the first, a =
            round(mixup_ratio · n) draws in all, instead of its own.
        length_group_batches: batches to a megabatch; 0 leaves batches ungrouped. Small data sets
            use fewer, so that at least four megabatches remain and batches differ by epoch.
        seed: of everything random here.
        classes: of each text, of shape `(n,)`, where each has one; for pairing by class.
        transfer: how many texts at the end of `lengths` are no originals: an unlabelled transfer
            set, of which texts are drawn in place of pairs.

    Raises:
        InputError: if length_group_batches is negative; the settings of mixup were looked at
            before (`mixkd_core.training.checks.check_settings`).
    """

    def __init__(
        self,
        lengths: NDArray[np.int64],
        *,
        batch_size: int,
        mixup_ratio: float,
        mixup_alpha: float,
        pairing: str,
        self_pairs: bool,
        fixed_draws: bool,
        length_group_batches: int,
        seed: int,
        classes: NDArray[np.int64] | None = None,
        transfer: int = 0,
    ) -> None:
        if length_group_batches < 0:
            raise InputError(
                f"length_group_batches is {length_group_batches}; give 0 (no grouping) or more."
            )
        self.lengths = lengths
        self.batch_size = batch_size
        self.mixup_ratio = mixup_ratio
        self.mixup_alpha = mixup_alpha
        self.pairing = pairing
        self.self_pairs = self_pairs
        self.fixed_draws = fixed_draws
        self.length_group_batches = length_group_batches
        self.seed = seed
        self.classes = classes
        self.transfer = transfer
        self.epoch = 0

    def set_epoch(self, epoch: int) -> None:
        self.epoch = epoch

    def __len__(self) -> int:
        return len(self.lengths) - self.transfer

    def __iter__(self) -> Iterator[Unit]:
        # Two streams, so that methods with and without mixup see the originals in one order.
        generator = np.random.default_rng([self.seed, self.epoch, 0])
        pair_generator = np.random.default_rng([self.seed, self.epoch, 1])
        megabatches = self._megabatches(generator)
        if self.pairing == "batch" and not self.transfer:
            batches = self._units_paired_within_batches(megabatches, pair_generator)
        else:
            batches = self._units_paired_over_dataset(megabatches, pair_generator)
        # Sorted megabatches run from short to long: shuffle the batches, or the lengths would
        # follow the schedule of the learning rate. A last, smaller batch has to stay last.
        full = [batch for batch in batches if len(batch) == self.batch_size]
        rest = [batch for batch in batches if len(batch) < self.batch_size]
        order = generator.permutation(len(full))
        return itertools.chain.from_iterable([*(full[k] for k in order), *rest])

    def _megabatches(self, generator: np.random.Generator) -> list[NDArray[np.int64]]:
        """A random split of the rows; each part is sorted by length if batches are grouped."""
        size = len(self)
        rows = generator.permutation(size)
        if not self.length_group_batches:
            return [rows]
        batches = max(1, min(self.length_group_batches, size // (4 * self.batch_size)))
        parts = np.split(rows, range(batches * self.batch_size, size, batches * self.batch_size))
        return [part[np.argsort(self.lengths[part], kind="stable")] for part in parts]

    @property
    def shared_draws(self) -> Callable[[], Pairs] | None:
        """Gives the pairs that all epochs have; None where each has its own."""
        return self.draws_of_first_epoch if self.fixed_draws else None

    def draws_of_first_epoch(self) -> Pairs:
        """Its pairs in the order of their `draw_index`; with fixed draws, those of every epoch.

        Pairing `"batch"` has no draws apart from its batches.
        """
        return self._draws(np.random.default_rng([self.seed, 0, 1]), 0)

    def _draws(self, generator: np.random.Generator, epoch: int) -> Pairs:
        """The pairs of an epoch, where they do not depend on its batches."""
        ratio, alpha = self.mixup_ratio, self.mixup_alpha
        if self.transfer:
            return texts_of_transfer_set(len(self), self.transfer, ratio, epoch, self.seed)
        if self.pairing == "dataset":
            return pairs_over_dataset(len(self), ratio, alpha, self.self_pairs, generator)
        assert self.classes is not None
        return pairs_by_class(
            self.classes,
            ratio,
            alpha,
            same_class=self.pairing == "within-class",
            self_pairs=self.self_pairs,
            generator=generator,
        )

    def _units_paired_over_dataset(
        self, megabatches: list[NDArray[np.int64]], generator: np.random.Generator
    ) -> list[list[Unit]]:
        pairs = self._draws(generator, self.epoch)
        if self.fixed_draws:  # married anew below all the same, to originals of like length
            pairs = self.draws_of_first_epoch()
        pairs = pairs[generator.permutation(len(pairs))]
        longer = np.maximum(self.lengths[pairs.first], self.lengths[pairs.second])
        batches, seen = [], 0
        for rows in megabatches:
            here = slice(self._pairs_due(seen), self._pairs_due(seen + len(rows)))
            order = np.arange(len(pairs))[here]
            if self.length_group_batches:
                order = order[np.argsort(longer[here], kind="stable")]
            ranked = pairs[order]
            units = []
            for rank, row in enumerate(rows):
                start = self._pairs_due(seen + rank) - here.start
                stop = self._pairs_due(seen + rank + 1) - here.start
                units.append(Unit(int(row), ranked[slice(start, stop)]))
            batches += _split(units, self.batch_size)
            seen += len(rows)
        return batches

    def _units_paired_within_batches(
        self, megabatches: list[NDArray[np.int64]], generator: np.random.Generator
    ) -> list[list[Unit]]:
        batches = [batch for rows in megabatches for batch in _split(rows, self.batch_size)]
        drawn = pairs_within_batches(
            batches, self.mixup_ratio, self.mixup_alpha, self.self_pairs, generator
        )
        return [
            [
                Unit(int(row), pairs[slice(*(len(pairs) * k // len(rows) for k in (u, u + 1)))])
                for u, row in enumerate(rows)
            ]
            for rows, pairs in zip(batches, drawn, strict=True)
        ]

    def _pairs_due(self, units: int) -> int:
        """Pairs that belong to the first `units` units of the epoch."""
        return round(self.mixup_ratio * units)


def _split(rows: Any, size: int) -> list[Any]:
    return [rows[start : start + size] for start in range(0, len(rows), size)]


def bucket(length: int) -> int:
    """The next multiple of 8; above 64 of 16, above 128 of 32, and so on with each doubling.

    A quarter more than the length at most, from 32 tokens on. Up to 512 tokens there are 20.
    """
    step = max(8, (1 << (length - 1).bit_length()) // 8)
    return -(-length // step) * step


class UnitDataset(Dataset[Unit]):
    """Hands a unit through: the sampler decides everything, the collator looks up the tokens."""

    def __init__(self, size: int) -> None:
        self.size = size

    def __len__(self) -> int:
        return self.size

    def __getitem__(self, unit: Unit) -> Unit:
        return unit


class UnitCollator:
    """Units → one batch of padded tensors, originals and both members of the pairs alike.

    The batch of `n` originals and `m` pairs, all padded to the longest text among them:

    * `input_ids`, `attention_mask`, perhaps `token_type_ids`, of shape `(n, length)`; `labels`
      and `example_index` (rows of the training set), of shape `(n,)`;
    * where there are pairs: `first` and `second`, dictionaries of the same with `m` rows,
      `mixing_coefficients` and `draw_index`, of shape `(m,)`;
    * `layouts`: where the real tokens are (`layout_tensors`), of the originals, and where there are
      pairs of the mixed samples and of both together.

    Args:
        few_lengths: whether to pad a little further, so that batches have few different lengths
            (`bucket`): what is compiled or recorded for each shape is then soon there for all.
    """

    def __init__(self, table: TokenTable, *, few_lengths: bool = False) -> None:
        self.table = table
        self.few_lengths = few_lengths

    def __call__(self, units: list[Unit]) -> dict[str, Any]:
        originals = np.array([unit.original for unit in units])
        first = np.concatenate([unit.pairs.first for unit in units])
        second = np.concatenate([unit.pairs.second for unit in units])
        rows = np.concatenate([originals, first, second])
        length = int(self.table.lengths[rows].max())
        if self.few_lengths:  # no longer than some text is: a model may have no more positions
            length = min(bucket(length), int(self.table.lengths.max()))
        batch: dict[str, Any] = {
            **self._texts(originals, length),
            "example_index": torch.from_numpy(originals),
        }
        present = {"originals": self._present(originals, length)}
        if len(first):
            drawn = np.concatenate([unit.pairs.mixing_coefficients for unit in units])
            coefficients = drawn.astype(np.float32)
            batch["first"] = self._texts(first, length)
            batch["second"] = self._texts(second, length)
            batch["mixing_coefficients"] = torch.from_numpy(coefficients)
            present["mixed"] = mixed_presence(
                self._present(first, length), self._present(second, length), coefficients
            )
            present["both"] = np.concatenate([present["originals"], present["mixed"]])
            draws = np.concatenate([unit.pairs.draw_index for unit in units])
            batch["draw_index"] = torch.from_numpy(draws)
        batch["layouts"] = {part: layout_tensors(found) for part, found in present.items()}
        return batch

    def _present(self, rows: NDArray[np.int64], length: int) -> NDArray[np.bool_]:
        present: NDArray[np.bool_] = np.arange(length) < self.table.lengths[rows, None]
        return present

    def _texts(self, rows: NDArray[np.int64], length: int) -> dict[str, torch.Tensor]:
        return {
            **self.table.pad(rows, length),
            "labels": torch.from_numpy(self.table.labels[rows]),
        }
