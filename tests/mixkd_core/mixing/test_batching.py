"""Units of an epoch: what they hold, in which order, and what padding they cost."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from accelerate.data_loader import BatchSamplerShard
from datasets import Dataset
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from torch.utils.data import BatchSampler
from transformers import AutoTokenizer

from mixkd_core.data.token_layout import TokenLayout
from mixkd_core.data.token_table import token_table
from mixkd_core.errors import InputError
from mixkd_core.mixing.batching import Unit, UnitCollator, UnitDataset, UnitSampler, bucket
from mixkd_core.mixing.mixup import mix_masks
from mixkd_core.mixing.pairing import Pairs


def sampler(lengths: NDArray[np.int64] | int, **changes: Any) -> UnitSampler:
    """A sampler over texts of the given lengths, or over so many of random length."""
    if isinstance(lengths, int):
        lengths = np.random.default_rng(0).integers(3, 60, lengths)
    settings: dict[str, Any] = {
        "batch_size": 4,
        "mixup_ratio": 1.0,
        "mixup_alpha": 0.4,
        "pairing": "dataset",
        "self_pairs": False,
        "fixed_draws": False,
        "length_group_batches": 3,
        "seed": 0,
    }
    return UnitSampler(lengths, **settings | changes)


def originals(units: list[Unit]) -> list[int]:
    return [unit.original for unit in units]


def pairs_of(units: list[Unit]) -> list[tuple[int, int, float]]:
    return [
        (int(i), int(j), float(coefficient))
        for unit in units
        for i, j, coefficient in zip(
            unit.pairs.first, unit.pairs.second, unit.pairs.mixing_coefficients, strict=True
        )
    ]


def batches_of(units: list[Unit], size: int) -> list[list[Unit]]:
    return [units[start : start + size] for start in range(0, len(units), size)]


@settings(deadline=None, derandomize=True)
@given(
    size=st.integers(2, 60),
    batch_size=st.integers(1, 9),
    ratio=st.floats(0, 3),
    pairing=st.sampled_from(["dataset", "batch"]),
    length_group_batches=st.integers(0, 6),
    epoch=st.integers(0, 3),
)
def test_an_epoch_sees_each_original_once_and_the_pairs_that_are_due(
    size: int,
    batch_size: int,
    ratio: float,
    pairing: str,
    length_group_batches: int,
    epoch: int,
) -> None:
    units = sampler(
        size,
        batch_size=batch_size,
        mixup_ratio=ratio,
        pairing=pairing,
        length_group_batches=length_group_batches,
    )
    units.set_epoch(epoch)
    drawn = list(units)
    assert sorted(originals(drawn)) == list(range(size))
    assert len(pairs_of(drawn)) == pytest.approx(ratio * size, abs=0.5 + 1e-9)
    for batch in batches_of(drawn, batch_size):
        assert abs(len(pairs_of(batch)) - ratio * len(batch)) <= 1 + 1e-9
        assert all(abs(len(unit.pairs) - ratio) <= 2 for unit in batch)


@pytest.mark.parametrize("pairing", ["dataset", "batch"])
@pytest.mark.parametrize(("ratio", "pairs"), [(0.5, 2), (1.0, 4), (2.0, 8), (0.25, 1)])
def test_every_batch_has_its_share_of_pairs(ratio: float, pairs: int, pairing: str) -> None:
    drawn = list(sampler(40, mixup_ratio=ratio, pairing=pairing))
    assert [len(pairs_of(batch)) for batch in batches_of(drawn, 4)] == [pairs] * 10


@pytest.mark.parametrize("pairing", ["dataset", "batch"])
def test_seed_and_epoch_decide_everything(pairing: str) -> None:
    def drawn(seed: int, epoch: int) -> tuple[list[int], list[tuple[int, int, float]]]:
        units = sampler(30, pairing=pairing, seed=seed)
        units.set_epoch(epoch)
        epoch_units = list(units)
        return originals(epoch_units), pairs_of(epoch_units)

    assert drawn(0, 0) == drawn(0, 0)
    for seed, epoch in ((0, 1), (1, 0)):
        other_originals, other_pairs = drawn(seed, epoch)
        assert other_originals != drawn(0, 0)[0]
        assert {pair[:2] for pair in other_pairs} != {pair[:2] for pair in drawn(0, 0)[1]}
        assert not {pair[2] for pair in other_pairs} & {pair[2] for pair in drawn(0, 0)[1]}


def test_methods_see_the_originals_in_one_order() -> None:
    """Comparing methods from the same seed is comparing them on the same batches."""
    orders = {
        tuple(
            originals(list(sampler(30, mixup_ratio=ratio, pairing=pairing, self_pairs=self_pairs)))
        )
        for ratio in (0.0, 0.5, 1.0, 2.3)
        for pairing in ("dataset", "batch")
        for self_pairs in (False, True)
    }
    assert len(orders) == 1


def test_the_smaller_batch_comes_last() -> None:
    """A batch sampler cuts the stream of units blindly: a smaller batch would shift the others."""
    for epoch in range(5):
        units = sampler(np.arange(1, 43), length_group_batches=2)
        units.set_epoch(epoch)
        batches = batches_of(list(units), 4)
        assert [len(batch) for batch in batches] == [4] * 10 + [2]
        # Megabatches of two batches, sorted: within every batch the lengths ascend.
        assert all(originals(batch) == sorted(originals(batch)) for batch in batches)


def test_batches_of_a_megabatch_come_in_random_order() -> None:
    """Sorted megabatches run from short to long, and the learning rate must not follow them."""
    lengths = np.random.default_rng(1).integers(3, 60, 400)
    positions = []
    for epoch in range(20):
        units = sampler(lengths, length_group_batches=25)
        units.set_epoch(epoch)
        longest = [max(lengths[originals(batch)]) for batch in batches_of(list(units), 4)]
        positions.append(np.corrcoef(np.arange(100), longest)[0, 1])
    # The correlation of 100 shuffled values has standard deviation 0.1, its mean over 20 epochs
    # 0.022; sorted megabatches would give about +0.2 and a wholly sorted epoch 1.
    assert abs(np.mean(positions)) < 0.022 * 6
    assert len(set(positions)) == 20


def test_small_data_sets_keep_four_megabatches() -> None:
    """With a single megabatch the batches would be the same in every epoch."""
    first, second = sampler(40, length_group_batches=50), sampler(40, length_group_batches=50)
    second.set_epoch(1)

    def groups(units: UnitSampler) -> set[frozenset[int]]:
        return {frozenset(originals(batch)) for batch in batches_of(list(units), 4)}

    assert len(groups(first) & groups(second)) < 5


@pytest.mark.parametrize("length_group_batches", [0, 2, 50])
def test_grouping_leaves_the_pairs_as_they_were_drawn(length_group_batches: int) -> None:
    """The pairs of an epoch are one and the same set however the batches are put together."""
    grouped = sampler(50, mixup_ratio=1.5, length_group_batches=length_group_batches)
    plain = sampler(50, mixup_ratio=1.5, length_group_batches=0, batch_size=50)
    assert sorted(pairs_of(list(grouped))) == sorted(pairs_of(list(plain)))


@pytest.mark.parametrize("pairing", ["dataset", "within-class", "across-classes"])
def test_fixed_draws_are_those_of_the_first_epoch_in_every_epoch(pairing: str) -> None:
    classes = np.arange(30) % 3
    settings = {"pairing": pairing, "mixup_ratio": 1.3, "classes": classes}
    fresh, fixed = sampler(30, **settings), sampler(30, **settings, fixed_draws=True)
    draws = fixed.draws_of_first_epoch()
    listed = list(zip(draws.first, draws.second, draws.mixing_coefficients, strict=True))
    assert len(listed) == 39
    for epoch in range(3):
        fresh.set_epoch(epoch)
        fixed.set_epoch(epoch)
        units, fresh_units = list(fixed), list(fresh)
        assert originals(units) == originals(fresh_units)
        assert sorted(pairs_of(units)) == sorted(listed)
        assert (sorted(pairs_of(fresh_units)) == sorted(listed)) == (epoch == 0)
        # The number of a draw finds it again, wherever it went.
        for unit in units:
            for number, pair in zip(unit.pairs.draw_index, pairs_of([unit]), strict=True):
                assert listed[number] == pair
    assert pairs_of(units) != pairs_of(list(sampler(30, **settings, fixed_draws=True)))


@pytest.mark.parametrize("pairing", ["within-class", "across-classes"])
def test_pairing_by_class_survives_the_grouping_by_length(pairing: str) -> None:
    classes = np.random.default_rng(1).integers(3, size=42)
    drawn = pairs_of(list(sampler(42, pairing=pairing, mixup_ratio=1.5, classes=classes)))
    assert len(drawn) == 63
    for i, j, _ in drawn:
        assert i != j
        assert (classes[i] == classes[j]) == (pairing == "within-class")


def test_pairing_inside_batches_stays_inside() -> None:
    for batch in batches_of(list(sampler(42, pairing="batch", mixup_ratio=1.5)), 4):
        rows = set(originals(batch))
        assert all(i in rows and j in rows for i, j, _ in pairs_of(batch))


def test_two_processes_share_the_global_batch() -> None:
    """Accelerate hands batch 2k to one process and 2k + 1 to the other: halves of one batch."""
    units = sampler(48, batch_size=8)
    shards = [
        list(BatchSamplerShard(BatchSampler(units, 4, False), num_processes=2, process_index=rank))
        for rank in range(2)
    ]
    whole = batches_of(list(units), 8)
    assert len(whole) == len(shards[0]) == len(shards[1])
    for batch, first, second in zip(whole, *shards, strict=True):
        assert originals(first) + originals(second) == originals(batch)
        assert pairs_of(first) + pairs_of(second) == pairs_of(batch)
        assert len(pairs_of(first)) == len(pairs_of(second)) == 4


def table_of(lengths: NDArray[np.int64]) -> Any:
    rows = {
        "input_ids": [[5 + row] * int(length) for row, length in enumerate(lengths)],
        "labels": [row % 2 for row in range(len(lengths))],
    }
    return token_table(Dataset.from_dict(rows), pad_token_id=0)


def test_the_collator_pads_originals_and_pairs_to_one_length() -> None:
    table = table_of(np.array([3, 9, 4, 5, 6, 7]))
    dataset = UnitDataset(6)
    units = [dataset[unit] for unit in sampler(table.lengths, batch_size=6, mixup_ratio=0.5)]
    batch = UnitCollator(table)(units)
    assert len(dataset) == 6
    assert batch["example_index"].tolist() == originals(units)
    assert batch["input_ids"].shape == batch["attention_mask"].shape == (6, 9)
    assert batch["input_ids"][:, 0].tolist() == [5 + row for row in originals(units)]
    assert batch["labels"].tolist() == [row % 2 for row in originals(units)]
    assert batch["attention_mask"].sum(dim=1).tolist() == table.lengths[originals(units)].tolist()
    rows, partners, coefficients = zip(*pairs_of(units), strict=True)
    for name, members in (("first", rows), ("second", partners)):
        assert batch[name]["input_ids"].shape == (3, 9)
        assert batch[name]["input_ids"][:, 0].tolist() == [5 + row for row in members]
        assert batch[name]["labels"].tolist() == [row % 2 for row in members]
    torch.testing.assert_close(batch["mixing_coefficients"], torch.tensor(coefficients))
    numbers = [number for unit in units for number in unit.pairs.draw_index]
    assert batch["draw_index"].tolist() == numbers


@pytest.mark.parametrize(("first", "second"), [(1, 2), (2, 1), (0, 0)])
def test_the_longest_text_decides_the_length_wherever_it_is(first: int, second: int) -> None:
    table = table_of(np.array([3, 9, 4]))
    pair = Pairs(np.array([first]), np.array([second]), np.array([0.5]), np.array([0]))
    batch = UnitCollator(table)([Unit(0, pair)])
    longest = max(table.lengths[[0, first, second]])
    for texts in (batch, batch["first"], batch["second"]):
        assert texts["input_ids"].shape == texts["attention_mask"].shape == (1, longest)


def test_a_batch_without_pairs_has_no_mixed_part() -> None:
    table = table_of(np.array([3, 9, 4, 5]))
    batch = UnitCollator(table)(list(sampler(table.lengths, mixup_ratio=0.0)))
    assert batch["input_ids"].shape == (4, 9)
    assert batch.keys() == {"input_ids", "attention_mask", "labels", "example_index", "layouts"}
    assert batch["layouts"].keys() == {"originals"}


def test_layouts_are_those_of_the_masks() -> None:
    """Made on the host; a text of weight 0 has no say in them."""
    table = table_of(np.array([3, 9, 4, 7]))
    pairs = Pairs(np.array([0, 2, 1]), np.array([1, 3, 0]), np.array([0.4, 1.0, 0.0]), np.arange(3))
    batch = UnitCollator(table)([Unit(1, pairs), Unit(2, pairs[np.arange(0)])])
    mixed = mix_masks(
        *(batch[member]["attention_mask"] for member in ("first", "second")),
        batch["mixing_coefficients"],
    )
    masks = {"originals": batch["attention_mask"], "mixed": mixed}
    masks["both"] = torch.cat(list(masks.values()))
    assert mixed.sum(1).tolist() == [9, 4, 3]
    for part, mask in masks.items():
        made, found = TokenLayout(**batch["layouts"][part]), TokenLayout.of(mask)
        for name in ("attention_mask", "positions", "slots", "gaps"):
            assert torch.equal(getattr(made, name), getattr(found, name))


# ---- padding ----


@given(length=st.integers(1, 5000))
def test_a_bucket_holds_the_length_and_wastes_little(length: int) -> None:
    found = bucket(length)
    assert found >= length
    assert found % 8 == 0
    assert found <= max(length + 7, 1.25 * length)
    assert bucket(found) == found


def test_buckets_are_few() -> None:
    assert len({bucket(length) for length in range(1, 65)}) == 8
    assert sorted({bucket(length) for length in range(65, 129)}) == [80, 96, 112, 128]
    assert len({bucket(length) for length in range(1, 513)}) == 20


def test_batches_of_few_lengths_are_as_long_as_some_text_at_most() -> None:
    """The longest text of all has 50 tokens, and a model may have as many positions."""
    table = table_of(np.random.default_rng(0).integers(3, 51, 256).clip(max=50))
    assert table.lengths.max() == 50
    lengths = {}
    for few in (False, True):
        units = list(sampler(table.lengths, batch_size=8))
        batches = [units[start : start + 8] for start in range(0, 256, 8)]
        collate = UnitCollator(table, few_lengths=few)
        lengths[few] = [collate(batch)["input_ids"].shape[1] for batch in batches]
    assert lengths[True] == [min(bucket(length), 50) for length in lengths[False]]
    assert len(set(lengths[True])) <= 7 < len(set(lengths[False]))


def padding_efficiency(lengths: NDArray[np.int64], **changes: Any) -> float:
    """Real over padded tokens of one epoch's originals and mixed samples together.

    A mixed sample's real tokens are those of its longer member.
    """
    units = list(sampler(lengths, batch_size=32, **changes))
    real = padded = 0
    for batch in batches_of(units, 32):
        longer = [max(lengths[i], lengths[j]) for i, j, _ in pairs_of(batch)]
        here = [*lengths[originals(batch)], *longer]
        real += sum(here)
        padded += max(here) * len(here)
    return float(real / padded)


def skewed_lengths(size: int) -> NDArray[np.int64]:
    """Lengths like SST-2's: log-normal around 10 tokens, from 3 to 66."""
    generator = np.random.default_rng(0)
    return np.clip(np.exp(generator.normal(2.3, 0.6, size)), 3, 66).astype(np.int64)


@pytest.mark.parametrize(
    ("grouped", "ratio", "least", "most"),
    [(0, 1.0, 0.0, 0.4), (50, 1.0, 0.8, 1.0), (50, 0.0, 0.92, 1.0)],
)
def test_padding_efficiency_on_a_skewed_law_of_lengths(
    grouped: int, ratio: float, least: float, most: float
) -> None:
    """Measured: .31 in random batches, .83 in groups; .94 for the originals alone.

    Exactly uniform pairs in one pass with the originals cannot do much better: a pair is as long
    as the longer of two texts, here 1.34 times a text on average, so that originals married by
    rank to pairs fill (1 + 1.34) / (2 · 1.34) = .87 of their common rectangle.
    """
    reached = padding_efficiency(
        skewed_lengths(20_000), length_group_batches=grouped, mixup_ratio=ratio
    )
    assert least < reached < most


@pytest.mark.slow
@pytest.mark.parametrize(
    ("task", "texts", "least"),
    [("SST-2", [0], 0.80), ("MRPC", [3, 4], 0.89), ("RTE", [1, 2], 0.84)],
)
def test_padding_efficiency_on_glue(
    glue_dir: Path, encoder_dir: Path, task: str, texts: list[int], least: float
) -> None:
    """In real tokens, 128 at most. Measured: .83, .92, .86; originals alone .95, .97, .95."""
    lines = (glue_dir / task / "train.tsv").read_text(encoding="utf-8").splitlines()[1:10_001]
    rows = [line.split("\t") for line in lines]
    tokenizer = AutoTokenizer.from_pretrained(encoder_dir)
    tokens = tokenizer(*([row[k] for row in rows] for k in texts), truncation=True, max_length=128)
    lengths = np.array([len(ids) for ids in tokens["input_ids"]])
    assert padding_efficiency(lengths, length_group_batches=50) > least
    assert padding_efficiency(lengths, length_group_batches=50, mixup_ratio=0.0) > 0.93


def test_bad_input_is_refused() -> None:
    with pytest.raises(InputError, match="length_group_batches is -1"):
        sampler(8, length_group_batches=-1)
