"""Nested, stratified subsets of a training set, decided by example id and seed alone.

Every example has a *rank*, the first eight bytes of BLAKE2b of the seed and the example's id. The
subset at fraction f takes, within each class of size n_c, the ``max(1, round(f n_c))`` examples of
lowest rank (halves round up). So a smaller fraction's subset lies inside a larger one's, class
proportions are kept, every class is present, and neither the order of the rows nor the machine
matters. A fraction is refused when f N, rounded, is less than the number of classes: it cannot
hold one example of each.

Real-valued labels are stratified by decile: the examples, sorted by label and, where labels tie,
by rank, are cut into ten bins of equal size (to within one), and the bins serve as classes.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from hashlib import blake2b
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from mixkd_core.errors import InputError

REGRESSION_BINS = 10


def hash_rank(example_id: str, seed: int, purpose: str) -> int:
    """The example's rank, an integer in [0, 2^64), as good as uniform and independent.

    ``purpose`` separates draws that must be independent of each other for one seed.
    """
    key = f"{purpose}\x1f{seed}\x1f{example_id}".encode()
    return int.from_bytes(blake2b(key, digest_size=8).digest(), "big")


def subset_indices(
    example_ids: Sequence[str], labels: ArrayLike, fraction: float, seed: int
) -> NDArray[np.int64]:
    """Rows of the nested stratified subset.

    Args:
        example_ids: unique ids, n of them.
        labels: of shape (n,): class indices (integers) or real values (floating point, stratified
            by decile).
        fraction: share of the rows to take, in (0, 1].
        seed: which of the many subsets.

    Returns:
        Row numbers of shape (m,), lowest rank first: the examples and their order are the same
        whatever the order of the rows.

    Raises:
        InputError: a fraction outside (0, 1] or too small to hold one example of each class,
            duplicate ids, or as many ids as labels not being given.
    """
    ids, strata, ranks = _ranked(example_ids, labels, seed)
    check_fraction(labels, fraction)
    classes, sizes = np.unique(strata, return_counts=True)
    # Strings break the (astronomically rare) ties of the ranks, so that no sort falls back on
    # the order of the rows.
    by_rank = np.lexsort((ids, ranks))
    chosen = np.zeros(len(ids), dtype=bool)
    for stratum, size in zip(classes, sizes, strict=True):
        members = by_rank[strata[by_rank] == stratum]
        chosen[members[: max(1, _round_half_up(fraction * int(size)))]] = True
    return by_rank[chosen[by_rank]].astype(np.int64)


def check_fraction(labels: ArrayLike, fraction: float) -> None:
    """Check that :func:`subset_indices` can take this fraction, whatever the seed.

    Raises:
        InputError: a fraction outside (0, 1] or too small to hold one example of each class.
    """
    if not (math.isfinite(fraction) and 0 < fraction <= 1):
        raise InputError(
            f"The fraction {fraction} is outside (0, 1]; give 1 for all of the training set."
        )
    values = np.asarray(labels)
    size = len(values)
    real = _is_real(values)
    classes = min(REGRESSION_BINS, size) if real else len(np.unique(values))
    if _round_half_up(fraction * size) < classes:
        raise InputError(
            f"The fraction {fraction} of {size} examples cannot hold one example of each of "
            f"{classes} {'bins' if real else 'classes'}; the smallest that can "
            f"is {_smallest_fraction(classes, size)}."
        )


def remainder_sample(
    example_ids: Sequence[str], labels: ArrayLike, fraction: float, seed: int, size: int
) -> NDArray[np.int64]:
    """Rows of a simple random sample of what :func:`subset_indices` left out.

    The sample is ordered by a second hash, independent of the first. Continuing in the order of
    the first would not be a simple random sample: the classes' cut-off ranks differ, so the class
    with the lowest cut-off would come first. Given the subset, every part of the remainder of this
    size is equally likely, and its class proportions are the subset's up to the rounding there:
    the same law, as far as sampling without replacement from a finite set allows.

    Args:
        example_ids, labels, fraction, seed: as for :func:`subset_indices`.
        size: how many examples to draw; all of the remainder where it is smaller.

    Returns:
        Row numbers of shape (min(size, n - m),), disjoint from the subset; empty at fraction 1.
        A smaller sample is the beginning of a larger one.

    Raises:
        InputError: a negative size, or what :func:`subset_indices` refuses.
    """
    if size < 0:
        raise InputError(f"The size {size} of the remainder sample is negative; give 0 or more.")
    taken = subset_indices(example_ids, labels, fraction, seed)
    ids = np.asarray(example_ids, dtype=object)
    left = np.setdiff1d(np.arange(len(ids), dtype=np.int64), taken)
    ranks = np.array([hash_rank(ids[row], seed, "remainder") for row in left], dtype=np.uint64)
    return left[np.lexsort((ids[left], ranks))][:size]


def _ranked(
    example_ids: Sequence[str], labels: ArrayLike, seed: int
) -> tuple[NDArray[Any], NDArray[np.int64], NDArray[np.uint64]]:
    """Ids as an array, the stratum of each row, the rank of each row."""
    ids = np.asarray(example_ids, dtype=object)
    values = np.asarray(labels)
    if len(ids) != len(values):
        raise InputError(f"{len(ids)} example ids came with {len(values)} labels.")
    if len(set(example_ids)) < len(ids):
        raise InputError("The example ids are not unique, so they cannot decide a subset.")
    ranks = np.array([hash_rank(example_id, seed, "subset") for example_id in ids], np.uint64)
    if not _is_real(labels):
        return ids, values.astype(np.int64), ranks
    strata = np.empty(len(ids), dtype=np.int64)
    ascending = np.lexsort((ids, ranks, values))
    strata[ascending] = np.arange(len(ids)) * REGRESSION_BINS // max(1, len(ids))
    return ids, strata, ranks


def _is_real(labels: ArrayLike) -> bool:
    return np.asarray(labels).dtype.kind == "f"


def _round_half_up(value: float) -> int:
    return math.floor(value + 0.5)


def _smallest_fraction(classes: int, size: int) -> str:
    """A fraction with three significant digits, rounded up, that holds ``classes`` of ``size``."""
    exact = min(1.0, classes / size)
    digits = 2 - math.floor(math.log10(exact))
    return f"{min(1.0, math.ceil(exact * 10**digits) / 10**digits):g}"
