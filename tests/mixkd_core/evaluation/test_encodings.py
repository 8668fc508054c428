"""Encodings of training points and of their mixup neighbours."""

from collections import Counter
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from mixkd_core.data.token_table import token_table
from mixkd_core.errors import InputError
from mixkd_core.evaluation.encodings import (
    MIXING_COEFFICIENTS,
    LatentSample,
    latent_sample,
    latent_table,
)
from mixkd_core.mixing.pairing import Pairs
from mixkd_core.networks.mixed_forward import MixedPairs, forward


@given(
    labels=st.lists(st.integers(0, 3), min_size=2, max_size=60),
    points=st.integers(2, 70),
    seed=st.integers(0, 5),
)
def test_points_are_distinct_and_balanced_and_never_their_own_partner(
    labels: list[int], points: int, seed: int
) -> None:
    sample = latent_sample(labels, points, seed)
    assert len(set(sample.points)) == len(sample.points) == min(points, len(labels))
    available, drawn = Counter(labels), Counter(np.asarray(labels)[sample.points].tolist())
    full = max(drawn.values())
    assert all(drawn[label] >= min(full - 1, available[label]) for label in available)
    size = len(MIXING_COEFFICIENTS)
    pairs = sample.neighbours
    assert pairs.first.tolist() == np.repeat(sample.points, size).tolist()
    assert set(pairs.second) <= set(sample.points)
    assert not np.any(pairs.first == pairs.second)
    assert np.array_equal(pairs.second, np.repeat(pairs.second[::size], size))
    grid = pairs.mixing_coefficients.reshape(-1, size)
    assert np.array_equal(grid, np.tile(np.arange(1, 8) / 8, (len(sample.points), 1)))


def test_a_smaller_part_of_the_points_is_balanced_too() -> None:
    labels = np.array([0] * 90 + [1] * 10)
    drawn = labels[latent_sample(labels, 20, 0).points]
    assert [int(drawn[:size].sum()) for size in (2, 6, 20)] == [1, 3, 10]


def test_partners_are_uniform_over_the_other_points() -> None:
    counts: Counter[tuple[int, int]] = Counter()
    for seed in range(400):
        pairs = latent_sample([0, 0, 1, 1], 4, seed).neighbours
        size = len(MIXING_COEFFICIENTS)
        counts.update(zip(pairs.first[::size].tolist(), pairs.second[::size].tolist(), strict=True))
    assert len(counts) == 12
    # 400/3 each; five standard deviations of a binomial.
    assert max(abs(count - 400 / 3) for count in counts.values()) < 5 * 9.5


def test_the_seed_decides_and_nothing_else() -> None:
    labels = [0, 1] * 30
    first, second = latent_sample(labels, 10, 1), latent_sample(labels, 10, 1)
    assert np.array_equal(first.points, second.points)
    assert np.array_equal(first.neighbours.second, second.neighbours.second)
    assert not np.array_equal(first.points, latent_sample(labels, 10, 2).points)


def test_real_labels_are_drawn_without_classes() -> None:
    assert len(latent_sample(np.linspace(0, 5, 30), 12, 0).points) == 12


def test_a_point_alone_is_refused() -> None:
    for labels, points in (([0, 1], 1), ([0], 8)):
        with pytest.raises(InputError, match=f"latent_points is {points} of {len(labels)}"):
            latent_sample(labels, points, 0)


@pytest.mark.parametrize("architecture", ["bert", "distilbert", "roberta", "modernbert"])
def test_encodings_are_the_last_layers_first_position(
    architecture: str, tiny_classifier: Any, tokenised_texts: Any
) -> None:
    model = tiny_classifier(architecture, layers=3)
    table = token_table(tokenised_texts(12, token_types=architecture == "bert"), 0)
    assert table.classes is not None
    sample = latent_sample(table.classes, 5, 0)
    frame = latent_table(model, table, [f"text-{row}" for row in range(12)], sample)
    assert frame["kind"].tolist() == ["point"] * 5 + ["neighbour"] * 35
    assert frame["mixing_coefficient"][:5].tolist() == [1.0] * 5
    for number, row in enumerate(sample.points):
        alone = table.pad(np.array([row]), int(table.lengths[row]))
        with torch.no_grad():
            outputs = model(**alone, output_hidden_states=True)
        found = frame.iloc[number]
        assert found["example_id"] == found["partner_id"] == f"text-{row}"
        assert found["label"] == found["partner_label"] == table.labels[row]
        expected = outputs.hidden_states[-1][0, 0]
        np.testing.assert_allclose(found["encoding"], expected, rtol=1e-3, atol=1e-5)
        np.testing.assert_allclose(found["logits"], outputs.logits[0], rtol=1e-3, atol=1e-5)
    pairs = sample.neighbours
    for number in (0, 3, 20):
        rows = [np.array([members[number]]) for members in (pairs.first, pairs.second)]
        length = int(max(table.lengths[row[0]] for row in rows))
        coefficient = torch.tensor([pairs.mixing_coefficients[number]], dtype=torch.float32)
        mixed = MixedPairs(*(table.pad(row, length) for row in rows), coefficient)
        with torch.no_grad():
            expected = forward(model, None, mixed, state_layers=(3,)).mixed_states
        assert expected is not None
        found = frame.iloc[5 + number]
        assert found["partner_id"] == f"text-{pairs.second[number]}"
        assert found["partner_label"] == table.labels[pairs.second[number]]
        np.testing.assert_allclose(found["encoding"], expected[0, 0], rtol=1e-3, atol=1e-5)


def test_the_grid_ends_in_the_points(tiny_classifier: Any, tokenised_texts: Any) -> None:
    """λ = 1 is the point itself and λ = 0 its partner, so no ends need storing."""
    model, table = tiny_classifier("bert"), token_table(tokenised_texts(8), 0)
    ends = Pairs(
        first=np.array([2, 2]),
        second=np.array([5, 5]),
        mixing_coefficients=np.array([1.0, 0.0]),
        draw_index=np.arange(2),
    )
    ids = [str(row) for row in range(8)]
    frame = latent_table(model, table, ids, LatentSample(np.array([2, 5]), ends))
    encodings = np.stack(frame["encoding"].tolist())
    np.testing.assert_allclose(encodings[2:], encodings[:2], rtol=1e-4, atol=1e-5)
