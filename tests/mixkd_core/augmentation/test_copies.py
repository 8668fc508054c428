"""Copies of the training texts: what an edit may do, and what decides it."""

from collections import Counter
from typing import Any

import numpy as np
import pytest
from datasets import Dataset
from hypothesis import given, settings
from hypothesis import strategies as st

from mixkd_core.augmentation.copies import augmented, delete_words, swap_words
from mixkd_core.errors import InputError
from mixkd_core.records.specs import AugmentationSpec, CheckpointRef

TEXTS = st.lists(st.text("abc", min_size=1, max_size=3), max_size=12).map(" ".join)
RATES = st.floats(0.01, 0.99)
REF = CheckpointRef(name="x", digest="x")
TRANSLATED = AugmentationSpec(kind="back-translation", forward=REF, backward=REF)


def examples(size: int = 6, pair: bool = True) -> Any:
    columns: dict[str, Any] = {
        "example_id": [f"train-{row}" for row in range(size)],
        "text": [f"one two three four five six seven {row}" for row in range(size)],
        "label": [row % 2 for row in range(size)],
    }
    if pair:
        columns["text_pair"] = columns["text"]
    return Dataset.from_dict(columns)


@settings(deadline=None, derandomize=True)
@given(text=TEXTS, rate=RATES, seed=st.integers(0, 99))
def test_deletion_leaves_a_subsequence_that_is_not_empty(text: str, rate: float, seed: int) -> None:
    words = iter(text.split())
    left = delete_words(text, rate, np.random.default_rng(seed)).split()
    assert all(word in words for word in left)  # `in` consumes: the order is kept
    assert bool(left) == bool(text)


def test_words_are_deleted_at_the_rate_that_is_asked_for() -> None:
    left = delete_words("word " * 20_000, 0.3, np.random.default_rng(0)).split()
    assert abs(len(left) / 20_000 - 0.7) < 0.02  # six standard errors


def test_the_word_that_is_kept_of_all_deleted_is_any() -> None:
    generator = np.random.default_rng(0)
    kept = Counter(delete_words("a b c", 0.999, generator) for _ in range(300))
    assert {"a", "b", "c"} <= set(kept)
    assert min(kept[word] for word in "abc") > 60


@settings(deadline=None, derandomize=True)
@given(text=TEXTS, rate=RATES, seed=st.integers(0, 99))
def test_swaps_permute_the_words(text: str, rate: float, seed: int) -> None:
    swapped = swap_words(text, rate, np.random.default_rng(seed))
    assert Counter(swapped.split()) == Counter(text.split())


def test_the_number_of_swaps_grows_with_the_text() -> None:
    words = [str(place) for place in range(1000)]
    for rate, swaps in ((0.0001, 1), (0.01, 10)):
        moved = swap_words(" ".join(words), rate, np.random.default_rng(0)).split()
        changed = sum(one != other for one, other in zip(words, moved, strict=True))
        assert swaps < changed <= 2 * swaps


@pytest.mark.parametrize("pair", [False, True])
@pytest.mark.parametrize("kind", ["deletion", "swap"])
def test_copies_come_after_the_examples_with_their_labels(kind: str, pair: bool) -> None:
    data = examples(pair=pair)
    result = augmented(data, AugmentationSpec(kind=kind, copies=2, rate=0.4), seed=0)
    assert result.features == data.features
    assert result[:6] == data[:]
    assert result["label"] == list(data["label"]) * 3
    assert result["example_id"][6:8] == ["train-0-copy1", "train-1-copy1"]
    assert len(set(result["example_id"])) == 18
    assert result["text"][6:12] != data["text"][:]
    assert result["text"][6:12] != result["text"][12:18]
    if pair:
        assert result["text"][6:12] != result["text_pair"][6:12]


def test_an_edit_depends_on_seed_and_example_alone() -> None:
    swap = AugmentationSpec(kind="swap", rate=0.4)
    whole = augmented(examples(), swap, seed=0)
    part = augmented(examples().select([4, 2]), swap, seed=0)
    assert part["text"][2:] == [whole["text"][10], whole["text"][8]]
    assert augmented(examples(), swap, seed=1)["text"][6:] != whole["text"][6:]


def test_back_translation_is_of_every_text() -> None:
    result = augmented(
        examples(), TRANSLATED, seed=0, back_translate=lambda texts: [t.upper() for t in texts]
    )
    assert result["text"][6:] == [text.upper() for text in examples()["text"]]
    assert result["text_pair"][6:] == result["text"][6:]
    with pytest.raises(InputError, match="needs two translation checkpoints"):
        augmented(examples(), TRANSLATED, seed=0)
