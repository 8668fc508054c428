"""Subsets: nested, stratified, decided by id and seed alone, the same on every machine."""

from __future__ import annotations

import math
import re

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mixkd_core.data.subsets import REGRESSION_BINS, hash_rank, remainder_sample, subset_indices
from mixkd_core.errors import InputError

IDS = [f"train-{row}" for row in range(200)]
LABELS = np.array([0, 0, 0, 1] * 50)

GOLDEN_RANK = 826341682471570384
GOLDEN_SUBSET = [50, 195, 174, 12, 49, 172, 4, 69, 0, 187, 7]
GOLDEN_REAL = [122, 67, 100, 79, 72, 147, 60, 121, 192, 181]
GOLDEN_REMAINDER = [54, 147, 151, 70, 59, 38]


@st.composite
def labelled_ids(draw: st.DrawFn) -> tuple[list[str], np.ndarray]:
    labels = draw(st.lists(st.integers(0, 2), min_size=3, max_size=120))
    return [f"train-{row}" for row in range(len(labels))], np.array(labels)


def smallest(labels: np.ndarray) -> float:
    return len(np.unique(labels)) / len(labels)


def test_golden_ranks_and_subsets() -> None:
    # Other machines and versions must agree with these constants.
    assert hash_rank("train-0", 0, "subset") == GOLDEN_RANK
    assert subset_indices(IDS, LABELS, 0.05, 0).tolist() == GOLDEN_SUBSET
    assert subset_indices(IDS, LABELS / 3, 0.05, 7).tolist() == GOLDEN_REAL
    assert remainder_sample(IDS, LABELS, 0.05, 0, 6).tolist() == GOLDEN_REMAINDER


@given(labelled_ids(), st.floats(0.01, 1), st.floats(0.01, 1), st.integers(0, 5))
def test_a_smaller_fraction_lies_inside_a_larger(
    data: tuple[list[str], np.ndarray], first: float, second: float, seed: int
) -> None:
    ids, labels = data
    low, high = (max(smallest(labels), f) for f in sorted((first, second)))
    inner, outer = (set(subset_indices(ids, labels, f, seed)) for f in (low, high))
    assert inner <= outer


@given(labelled_ids(), st.floats(0.01, 1), st.integers(0, 5))
def test_each_class_gets_its_rounded_share_and_at_least_one(
    data: tuple[list[str], np.ndarray], fraction: float, seed: int
) -> None:
    ids, labels = data
    fraction = max(smallest(labels), fraction)
    chosen = subset_indices(ids, labels, fraction, seed)
    assert len(set(chosen)) == len(chosen)
    for label, size in zip(*np.unique(labels, return_counts=True), strict=True):
        expected = max(1, math.floor(fraction * size + 0.5))
        assert (labels[chosen] == label).sum() == expected


@given(labelled_ids(), st.floats(0.1, 1), st.randoms(use_true_random=False), st.booleans())
def test_the_order_of_the_rows_does_not_matter(
    data: tuple[list[str], np.ndarray], fraction: float, random: object, real: bool
) -> None:
    ids, labels = data
    values = labels.astype(float) if real else labels
    fraction = max(smallest(labels), min(1.0, REGRESSION_BINS / len(ids)), fraction)
    order = list(range(len(ids)))
    random.shuffle(order)  # type: ignore[attr-defined]
    shuffled_ids = [ids[row] for row in order]
    for draw in (
        lambda i, y: subset_indices(i, y, fraction, 3),
        lambda i, y: remainder_sample(i, y, fraction, 3, 5),
    ):
        plain = [ids[row] for row in draw(ids, values)]
        shuffled = [shuffled_ids[row] for row in draw(shuffled_ids, values[order])]
        assert plain == shuffled


@given(labelled_ids(), st.floats(0.01, 1), st.integers(0, 60), st.integers(0, 5))
def test_the_remainder_sample_is_disjoint_and_extends(
    data: tuple[list[str], np.ndarray], fraction: float, size: int, seed: int
) -> None:
    ids, labels = data
    fraction = max(smallest(labels), fraction)
    taken = subset_indices(ids, labels, fraction, seed)
    sample = remainder_sample(ids, labels, fraction, seed, size)
    assert len(sample) == min(size, len(ids) - len(taken))
    assert not set(sample) & set(taken)
    longer = remainder_sample(ids, labels, fraction, seed, size + 3)
    assert longer[: len(sample)].tolist() == sample.tolist()


def test_seeds_give_different_subsets() -> None:
    chosen = {tuple(sorted(subset_indices(IDS, LABELS, 0.1, seed))) for seed in range(20)}
    assert len(chosen) == 20


def test_all_of_the_data_leaves_no_remainder() -> None:
    assert sorted(subset_indices(IDS, LABELS, 1.0, 0)) == list(range(200))
    assert len(remainder_sample(IDS, LABELS, 1.0, 0, 10)) == 0


@pytest.mark.slow
def test_the_remainder_sample_ignores_the_cutoff_ranks() -> None:
    # Ten of 1000 rows are class 1, so their share of a remainder sample of 100 is 1 on average.
    # Continuing in the subset's own order would depend on the classes' cut-off ranks; a second
    # hash must not. Mean over 300 seeds: standard error 0.06, error budget six of them.
    ids = [f"train-{row}" for row in range(1000)]
    labels = np.array([1] * 10 + [0] * 990)
    counts = [labels[remainder_sample(ids, labels, 0.5, seed, 100)].sum() for seed in range(300)]
    assert abs(np.mean(counts) - 100 * 5 / 500) < 6 * 0.06
    # The rank in the subset's hash says nothing of the order in the sample.
    ranks = [hash_rank(ids[row], 0, "subset") for row in remainder_sample(ids, labels, 0.5, 0, 500)]
    assert abs(np.corrcoef(np.arange(500), np.array(ranks, dtype=float))[0, 1]) < 6 / math.sqrt(500)


def test_every_example_is_as_likely_to_be_drawn() -> None:
    # 200 rows, a quarter each time, 400 seeds: each count is Binomial(400, 1/4). Six standard
    # deviations, 200 rows: a false alarm is rarer than one in a million.
    counts = np.zeros(200)
    for seed in range(400):
        counts[subset_indices(IDS, np.zeros(200, int), 0.25, seed)] += 1
    assert np.abs(counts - 100).max() < 6 * math.sqrt(400 / 4 * 3 / 4)


def test_real_labels_are_stratified_by_decile() -> None:
    values = np.random.default_rng(0).normal(size=200)
    chosen = subset_indices(IDS, values, 0.1, 0)
    deciles = np.argsort(np.argsort(values)) // 20
    assert np.bincount(deciles[chosen]).tolist() == [2] * 10


def test_ties_among_real_labels_are_broken_by_id() -> None:
    chosen = subset_indices(IDS, np.ones(200), 0.1, 0)
    assert len(chosen) == 20


@pytest.mark.parametrize("fraction", [0.0, -0.1, 1.01, math.nan, math.inf])
def test_a_fraction_outside_the_unit_interval_is_refused(fraction: float) -> None:
    with pytest.raises(InputError, match="outside"):
        subset_indices(IDS, LABELS, fraction, 0)


def test_a_fraction_too_small_names_one_that_works() -> None:
    with pytest.raises(InputError, match="one example of each of 3 classes") as caught:
        subset_indices(IDS[:160], np.arange(160) % 3, 0.001, 0)
    named = float(re.findall(r"is ([\d.]+)\.$", str(caught.value))[0])
    assert len(subset_indices(IDS[:160], np.arange(160) % 3, named, 0)) == 3
    with pytest.raises(InputError, match="10 bins"):
        subset_indices(IDS, np.linspace(0, 1, 200), 0.01, 0)


def test_unusable_ids_and_sizes_are_refused() -> None:
    with pytest.raises(InputError, match="not unique"):
        subset_indices(["a", "a"], [0, 1], 1.0, 0)
    with pytest.raises(InputError, match="2 example ids came with 1 labels"):
        subset_indices(["a", "b"], [0], 1.0, 0)
    with pytest.raises(InputError, match="negative"):
        remainder_sample(["a", "b"], [0, 1], 1.0, 0, -1)
