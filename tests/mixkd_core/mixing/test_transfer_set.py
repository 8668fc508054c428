"""Texts of a transfer set are drawn as often as mixtures, unmixed, and each before any again."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from mixkd_core.mixing.batching import UnitSampler
from mixkd_core.mixing.pairing import texts_of_transfer_set

SIZES = st.integers(1, 30)
RATIOS = st.sampled_from([0.3, 1.0, 1.5, 2.0])


def sampler(size: int, transfer: int, ratio: float, *, fixed: bool = False) -> UnitSampler:
    lengths = np.random.default_rng(0).integers(3, 20, size + transfer)
    return UnitSampler(
        lengths,
        batch_size=4,
        mixup_ratio=ratio,
        mixup_alpha=0.4,
        pairing="dataset",
        self_pairs=True,
        fixed_draws=fixed,
        length_group_batches=2,
        seed=5,
        transfer=transfer,
    )


@given(SIZES, SIZES, RATIOS)
def test_no_text_is_drawn_again_before_all_have_been(
    size: int, transfer: int, ratio: float
) -> None:
    epochs = [texts_of_transfer_set(size, transfer, ratio, epoch, 7) for epoch in range(5)]
    drawn = np.concatenate([pairs.first for pairs in epochs])
    counts = np.bincount(drawn, minlength=size + transfer)
    assert not counts[:size].any(), "an original is none of the set's texts"
    assert np.ptp(counts[size:]) <= 1
    assert len(drawn) == 5 * round(ratio * size)


@given(SIZES, SIZES, RATIOS, st.booleans())
def test_as_many_texts_are_drawn_as_mixtures_would_be(
    size: int, transfer: int, ratio: float, fixed: bool
) -> None:
    mixing, asking = (sampler(size, pool, ratio, fixed=fixed) for pool in (0, transfer))
    for epoch in (0, 3):
        mixing.set_epoch(epoch)
        asking.set_epoch(epoch)
        ours, theirs = list(asking), list(mixing)
        assert [unit.original for unit in ours] == [unit.original for unit in theirs]
        assert sum(len(unit.pairs) for unit in ours) == sum(len(unit.pairs) for unit in theirs)
        for unit in ours:
            assert (unit.pairs.first == unit.pairs.second).all()
            assert (unit.pairs.mixing_coefficients == 1).all()


def test_epochs_ask_about_other_texts_unless_draws_are_fixed() -> None:
    def texts(fixed: bool, epoch: int) -> set[int]:
        drawn = sampler(10, 40, 1.0, fixed=fixed)
        drawn.set_epoch(epoch)
        return {int(row) for unit in drawn for row in unit.pairs.first}

    assert texts(True, 0) == texts(True, 2) == texts(False, 0)
    assert not texts(False, 0) & texts(False, 1)
