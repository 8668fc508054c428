"""Who is mixed with whom: the law of the partners, exactly as stated."""

import math
from collections import Counter
from dataclasses import dataclass
from itertools import permutations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import chi2

from mixkd_core.errors import InputError
from mixkd_core.mixing.pairing import (
    check_pairing,
    pairs_by_class,
    pairs_over_dataset,
    pairs_within_batches,
)

# Chance that a test of a correct law fails, for the one fixed seed.
FALSE_ALARM = 1e-9


@dataclass(frozen=True)
class Asked:
    pairing: str
    self_pairs: bool
    fixed_draws: bool


def check(pairing: str, self_pairs: bool, fixed_draws: bool, *, has_classes: bool) -> None:
    check_pairing(Asked(pairing, self_pairs, fixed_draws), has_classes=has_classes)


def assert_uniform(counts: "Counter[object]", cells: int) -> None:
    """Pearson's test of uniformity over `cells` equally likely outcomes."""
    total = sum(counts.values())
    assert len(counts) <= cells
    expected = total / cells
    assert expected > 50, "too few draws for the chi-square law"
    observed = [*counts.values(), *[0] * (cells - len(counts))]
    statistic = sum((count - expected) ** 2 for count in observed) / expected
    assert chi2.sf(statistic, cells - 1) > FALSE_ALARM


@pytest.mark.parametrize("self_pairs", [False, True])
@pytest.mark.parametrize("ratio", [1.0, 0.4, 2.6])
def test_partners_over_the_data_set_are_uniform(self_pairs: bool, ratio: float) -> None:
    """For each first member, its partner is uniform over the others (over all, if allowed)."""
    size, generator = 5, np.random.default_rng(7)
    partners: dict[int, Counter[object]] = {row: Counter() for row in range(size)}
    firsts: Counter[object] = Counter()
    for _ in range(3000):
        pairs = pairs_over_dataset(size, ratio, 1.0, self_pairs, generator)
        firsts.update(pairs.first.tolist())
        for first, second in zip(pairs.first, pairs.second, strict=True):
            partners[int(first)][int(second)] += 1
    for row, seen in partners.items():
        assert self_pairs or row not in seen
        assert_uniform(seen, size if self_pairs else size - 1)
    # Rows take the first place equally often: drawn without replacement, so less variable than
    # the multinomial law of the test.
    assert_uniform(firsts, size)


def test_partners_of_different_rows_are_independent() -> None:
    """Partners are drawn with replacement: all 27 ways of giving three rows one are as likely."""
    generator = np.random.default_rng(7)
    together: Counter[object] = Counter()
    for _ in range(4000):
        pairs = pairs_over_dataset(3, 1.0, 1.0, True, generator)
        together[tuple(pairs.second[np.argsort(pairs.first)].tolist())] += 1
    assert_uniform(together, 27)


@settings(deadline=None, derandomize=True)
@given(size=st.integers(2, 40), ratio=st.floats(0, 4), self_pairs=st.booleans())
def test_every_row_comes_first_a_whole_number_of_times(
    size: int, ratio: float, self_pairs: bool
) -> None:
    pairs = pairs_over_dataset(size, ratio, 0.4, self_pairs, np.random.default_rng(0))
    assert len(pairs) == len(pairs.second) == len(pairs.mixing_coefficients) == round(ratio * size)
    times = np.bincount(pairs.first, minlength=size)
    assert times.min() >= math.floor(ratio)
    assert times.max() <= math.ceil(ratio)
    assert np.all((pairs.second >= 0) & (pairs.second < size))
    assert self_pairs or not np.any(pairs.first == pairs.second)
    assert np.all((pairs.mixing_coefficients >= 0) & (pairs.mixing_coefficients <= 1))


def test_a_lone_row_is_refused_without_self_pairs() -> None:
    generator = np.random.default_rng(0)
    with pytest.raises(InputError, match="1 example"):
        pairs_over_dataset(1, 1.0, 0.4, False, generator)
    assert pairs_over_dataset(1, 2.0, 0.4, True, generator).second.tolist() == [0, 0]
    assert len(pairs_over_dataset(1, 0.0, 0.4, False, generator)) == 0


CLASSES = np.array([2, 0, 2, 0, 2, 0, 1, 0])


@pytest.mark.parametrize("ratio", [1.0, 0.4, 2.6])
@pytest.mark.parametrize(
    ("same_class", "self_pairs"), [(True, False), (True, True), (False, False)]
)
def test_partners_by_class_are_uniform(ratio: float, same_class: bool, self_pairs: bool) -> None:
    """For each row, over its class or over all others together; a class of one meets itself."""
    generator = np.random.default_rng(7)
    partners: dict[int, Counter[object]] = {row: Counter() for row in range(len(CLASSES))}
    for _ in range(2000):
        pairs = pairs_by_class(
            CLASSES, ratio, 1.0, same_class=same_class, self_pairs=self_pairs, generator=generator
        )
        for first, second in zip(pairs.first, pairs.second, strict=True):
            partners[int(first)][int(second)] += 1
    for row, seen in partners.items():
        allowed = set(np.flatnonzero((CLASSES[row] == CLASSES) == same_class).tolist())
        if not self_pairs and len(allowed) > 1:
            allowed -= {row}
        assert set(seen) == allowed
        if len(allowed) > 1:
            assert_uniform(seen, len(allowed))


@settings(deadline=None, derandomize=True)
@given(
    classes=st.lists(st.integers(-3, 3), min_size=1, max_size=30),
    ratio=st.floats(0, 4),
    same_class=st.booleans(),
    self_pairs=st.booleans(),
)
def test_pairs_by_class_keep_the_counts_of_first_members(
    classes: list[int], ratio: float, same_class: bool, self_pairs: bool
) -> None:
    same_class = same_class or len(set(classes)) == 1
    rows = np.array(classes)
    pairs = pairs_by_class(
        rows,
        ratio,
        0.4,
        same_class=same_class,
        self_pairs=self_pairs,
        generator=np.random.default_rng(0),
    )
    assert len(pairs) == len(pairs.second) == len(pairs.mixing_coefficients)
    assert len(pairs) == round(ratio * len(rows))
    times = np.bincount(pairs.first, minlength=len(rows))
    assert times.min() >= math.floor(ratio)
    assert times.max() <= math.ceil(ratio)
    assert np.all((rows[pairs.first] == rows[pairs.second]) == same_class)
    alone = np.isin(rows[pairs.first], [kind for kind in classes if classes.count(kind) == 1])
    met_itself = pairs.first == pairs.second
    assert np.all(met_itself[alone] == same_class)
    assert self_pairs or not np.any(met_itself[~alone])


def test_one_class_has_no_partners_across_classes() -> None:
    generator = np.random.default_rng(0)
    arguments = {"same_class": False, "self_pairs": False, "generator": generator}
    with pytest.raises(InputError, match=r"one class only \(4\)"):
        pairs_by_class(np.array([4, 4]), 1.0, 0.4, **arguments)
    assert len(pairs_by_class(np.array([4, 4]), 0.0, 0.4, **arguments)) == 0


@pytest.mark.parametrize(
    ("pairing", "self_pairs", "has_classes", "said"),
    [
        ("nearest", False, True, "unknown pairing 'nearest'"),
        ("within-class", False, False, "real-valued or soft labels"),
        ("across-classes", False, False, "real-valued or soft labels"),
        ("across-classes", True, True, "never pairs an example with itself"),
    ],
)
def test_pairings_that_cannot_be_had_are_refused(
    pairing: str, self_pairs: bool, has_classes: bool, said: str
) -> None:
    with pytest.raises(InputError, match=said):
        check(pairing, self_pairs, False, has_classes=has_classes)
    check("dataset", True, True, has_classes=False)
    check("within-class", True, True, has_classes=True)


def test_draws_from_batches_cannot_be_fixed() -> None:
    with pytest.raises(InputError, match="formed anew in each epoch"):
        check("batch", False, True, has_classes=True)
    check("batch", False, False, has_classes=True)


@pytest.mark.parametrize("fixed_points", [False, True])
def test_a_batch_meets_a_uniform_permutation_of_itself(fixed_points: bool) -> None:
    """Uniform over the 24 permutations of four rows, or over the 9 that leave none in place."""
    generator = np.random.default_rng(7)
    rows = np.array([10, 20, 30, 40])
    seen: Counter[object] = Counter()
    for _ in range(2500):
        (pairs,) = pairs_within_batches([rows], 1.0, 1.0, fixed_points, generator)
        assert sorted(pairs.first) == [10, 20, 30, 40]
        seen[tuple(pairs.second[np.argsort(pairs.first)].tolist())] += 1
    possible = {
        order
        for order in permutations([10, 20, 30, 40])
        if fixed_points or all(a != b for a, b in zip(order, [10, 20, 30, 40], strict=True))
    }
    assert set(seen) == possible
    assert_uniform(seen, len(possible))


@settings(deadline=None, derandomize=True)
@given(
    sizes=st.lists(st.integers(1, 7), min_size=1, max_size=8),
    ratio=st.floats(0, 3),
    fixed_points=st.booleans(),
)
def test_batches_give_the_pairs_that_are_due(
    sizes: list[int], ratio: float, fixed_points: bool
) -> None:
    ends = np.cumsum(sizes)
    batches = np.split(np.arange(ends[-1]), ends[:-1])
    drawn = pairs_within_batches(batches, ratio, 0.4, fixed_points, np.random.default_rng(0))
    assert sum(map(len, drawn)) == pytest.approx(ratio * ends[-1], abs=0.5 + 1e-9)
    for rows, pairs in zip(batches, drawn, strict=True):
        assert abs(len(pairs) - ratio * len(rows)) <= 1 + 1e-9
        assert set(pairs.first) <= set(rows)
        assert set(pairs.second) <= set(rows)
        whole = len(pairs) // len(rows)
        assert {np.sum(pairs.first == row) for row in rows} <= {whole, whole + 1}
        if len(rows) > 1 and not fixed_points:
            assert not np.any(pairs.first == pairs.second)


def test_pairs_can_be_reordered_and_cut() -> None:
    pairs = pairs_over_dataset(6, 1.0, 0.4, False, np.random.default_rng(0))
    order = np.array([3, 1])
    assert pairs[order].first.tolist() == pairs.first[[3, 1]].tolist()
    assert pairs[order].second.tolist() == pairs.second[[3, 1]].tolist()
    assert pairs[order].draw_index.tolist() == [3, 1]
    assert pairs[1:3].mixing_coefficients.tolist() == pairs.mixing_coefficients[1:3].tolist()
