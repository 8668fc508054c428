"""Numbers of a latent space: known values, invariances, and a second implementation."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from sklearn.metrics import silhouette_score

from reports.statistics.latent_measures import (
    alignment,
    manifold_distance,
    nonlinearity,
    parent_distance,
    silhouette,
    uniformity,
)

Array = NDArray[Any]
GRID = np.tile(np.arange(1, 8) / 8, 6)


def space(seed: int) -> tuple[Array, Array, Array, Array, Array]:
    """12 points of three classes, and parents (rows) and encodings of 42 mixtures."""
    rng = np.random.default_rng(seed)
    points, classes = rng.normal(size=(12, 5)), np.arange(12) % 3
    first, second = np.repeat(np.arange(6), 7), np.repeat(np.arange(6, 12), 7)
    return points, classes, first, second, rng.normal(size=(42, 5))


def every_measure(points: Array, classes: Array, first: Array, second: Array, found: Array) -> Any:
    ends = points[first], points[second]
    return [
        silhouette(points, classes),
        nonlinearity(*ends, GRID, found),
        parent_distance(*ends, found),
        manifold_distance(points, found),
        alignment(points, classes),
        uniformity(points),
    ]


@given(seed=st.integers(0, 10**6), scale=st.floats(0.01, 100), shift=st.floats(-50, 50))
def test_rotating_scaling_and_shifting_a_space_changes_nothing(
    seed: int, scale: float, shift: float
) -> None:
    points, classes, first, second, found = space(seed)
    rotation = np.linalg.qr(np.random.default_rng(seed + 1).normal(size=(5, 5)))[0]
    before = every_measure(points, classes, first, second, found)
    turned = every_measure(
        scale * points @ rotation, classes, first, second, scale * found @ rotation
    )
    np.testing.assert_allclose(turned, before, rtol=1e-6, atol=1e-9)
    shifted = every_measure(points + shift, classes, first, second, found + shift)
    np.testing.assert_allclose(shifted[:4], before[:4], rtol=1e-6, atol=1e-9)


@given(seed=st.integers(0, 10**6))
def test_the_order_of_the_points_is_nothing(seed: int) -> None:
    points, classes, *_ = space(seed)
    order = np.random.default_rng(seed).permutation(12)
    for measure in (silhouette, alignment):
        assert measure(points[order], classes[order]) == pytest.approx(measure(points, classes))
    assert uniformity(points[order]) == pytest.approx(uniformity(points))


@given(seed=st.integers(0, 10**6))
def test_the_silhouette_is_scikit_learns(seed: int) -> None:
    rng = np.random.default_rng(seed)
    points, classes = rng.normal(size=(15, 3)), rng.integers(0, 4, size=15)
    if len(np.unique(classes)) > 1:
        assert silhouette(points, classes) == pytest.approx(silhouette_score(points, classes))


def test_silhouettes_that_are_known() -> None:
    apart = np.array([[0.0, 0], [0, 0], [1000, 0], [1000, 0]])
    assert silhouette(apart, [0, 0, 1, 1]) == 1
    assert silhouette(apart, [0, 1, 0, 1]) == pytest.approx(-0.5)
    assert silhouette(apart, [0, 0, 0, 0]) is None
    assert silhouette(np.zeros((4, 2)), [0, 0, 1, 1]) == 0
    assert silhouette([[0.0], [1.0], [10.0]], [0, 0, 1]) == pytest.approx((9 / 10 + 8 / 9) / 3)


def test_directions_that_are_known() -> None:
    square = np.array([[1.0, 0], [0, 3], [-2, 0], [0, -1]])
    assert alignment(square, [0, 1, 0, 1]) == pytest.approx(4)
    assert alignment(square, [0, 0, 1, 1]) == pytest.approx(2)
    assert alignment(square, [0, 1, 2, 3]) is None
    assert alignment([[1.0, 1], [2, 2]], [1, 1]) == pytest.approx(0)
    assert uniformity([[1.0, 0], [-5, 0]]) == pytest.approx(-8)
    assert uniformity([[1.0, 1], [2, 2]]) == pytest.approx(0)
    assert uniformity([[1.0, 1]]) is None
    pairs = 4 * np.exp(-4) + 2 * np.exp(-8)
    assert uniformity(square) == pytest.approx(np.log(pairs / 6))


@given(seed=st.integers(0, 10**6))
def test_a_linear_map_has_no_nonlinearity(seed: int) -> None:
    points, _, first, second, _ = space(seed)
    straight = GRID[:, None] * points[first] + (1 - GRID[:, None]) * points[second]
    ends = points[first], points[second]
    assert nonlinearity(*ends, GRID, straight) == pytest.approx(0, abs=1e-12)
    swapped = nonlinearity(ends[1], ends[0], GRID, straight)
    assert swapped is not None
    assert swapped > 0.1, "λ belongs to the first"
    lengths = np.linalg.norm(ends[0] - ends[1], axis=1)
    nearer = (np.minimum(GRID, 1 - GRID) * lengths).mean() / lengths.mean()
    assert parent_distance(*ends, straight) == pytest.approx(nearer)


def test_nonlinearity_that_is_known() -> None:
    """A bend of a height of t parent distances is a nonlinearity of t, whatever λ."""
    first, second = np.tile([2.0, 0], (7, 1)), np.zeros((7, 2))
    grid = np.arange(1, 8) / 8
    bent = np.stack([2 * grid, np.full(7, 0.5)], axis=1)
    assert nonlinearity(first, second, grid, bent) == pytest.approx(0.25)
    assert nonlinearity(first, first, grid, bent) is None
    assert parent_distance(first, first, bent) is None
    assert parent_distance(first, second, np.tile([1.0, 0], (7, 1))) == pytest.approx(0.5)


def test_parents_that_nearly_coincide_do_not_decide() -> None:
    first, second = np.array([[1.0], [1e-9]]), np.zeros((2, 1))
    value = nonlinearity(first, second, np.array([0.5, 0.5]), np.array([[0.6], [0.1]]))
    assert value == pytest.approx(np.sqrt((0.01 + 0.01) / 1), rel=1e-6)


def test_distances_to_the_manifold_that_are_known() -> None:
    points = np.array([[0.0, 0], [1, 0], [2, 0], [3, 0]])
    assert manifold_distance(points, points) == 0
    assert manifold_distance(points, points + np.array([0, 1])) == pytest.approx(1)
    assert manifold_distance(points, [[1.5, 0]]) == pytest.approx(0.5)
    assert manifold_distance(points[:1], points) is None
    assert manifold_distance(np.zeros((3, 2)), points) is None
