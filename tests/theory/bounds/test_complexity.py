"""Finite classes and Rademacher complexities: exact values, intervals and the risks they bound."""

import itertools
import math

import numpy as np
import pytest

from theory.bounds.complexity import (
    EXACT_LIMIT,
    empirical_rademacher,
    expected_rademacher_bound,
    finite_class_bound,
    finite_class_term,
    linear_rademacher,
    linear_rademacher_bounds,
    rademacher_bound,
    sign_vectors,
)
from theory.errors import TheoryInputError

# The document's class of three functions on three points of probability 1/2, 3/10, 1/5.
LAW = np.array([0.5, 0.3, 0.2])
CLASS = np.array([[0.0, 1.0, 0.5], [1.0, 0.0, 0.5], [0.5, 0.25, 1.0]])  # rows are points


@pytest.mark.parametrize(
    ("n", "expected"),
    [(1, 19 / 40), (2, 103 / 400), (3, 479 / 2000), (4, 7633 / 40000), (5, 7221 / 40000)],
)
def test_expected_complexity_of_the_documents_class(n: int, expected: float) -> None:
    total = sum(
        float(np.prod(LAW[list(points)])) * empirical_rademacher(CLASS[list(points)]).value
        for points in itertools.product(range(3), repeat=n)
    )
    assert total == pytest.approx(expected, abs=1e-13)


def test_the_supremum_is_over_the_class_and_not_over_the_examples() -> None:
    one_function = np.random.default_rng(0).random((5, 1))
    assert empirical_rademacher(one_function).value == pytest.approx(0.0, abs=1e-15)
    assert empirical_rademacher(one_function.T).value > 0.1


def test_linear_class_on_three_points() -> None:
    assert linear_rademacher([[-1.0], [0.0], [1.0]], 1.0).value == pytest.approx(1 / 3, abs=1e-15)
    assert linear_rademacher([[-1.0], [0.0], [1.0]], 2.5).value == pytest.approx(2.5 / 3)
    one_point = linear_rademacher([[3.0, 4.0]], 2.0)
    assert one_point.value == pytest.approx(10.0)
    assert one_point.exact


def test_linear_complexity_is_the_supremum_over_directions() -> None:
    features = np.random.default_rng(1).normal(size=(6, 2))
    angles = np.linspace(0, 2 * np.pi, 4001)
    directions = np.stack([np.cos(angles), np.sin(angles)])
    projections = features @ directions
    signs = np.array(list(itertools.product([-1.0, 1.0], repeat=6)))
    expected = (signs @ projections).max(axis=1).mean() / 6
    assert linear_rademacher(features, 1.0).value == pytest.approx(expected, rel=1e-6)


def test_closed_forms_enclose_the_linear_complexity_and_are_reached() -> None:
    features = np.random.default_rng(2).normal(size=(9, 3))
    lower, upper = linear_rademacher_bounds(features, 2.0)
    assert lower <= linear_rademacher(features, 2.0).value <= upper
    assert upper == pytest.approx(2 * np.linalg.norm(features) / 9)
    # Orthogonal features reach the upper form, two equal ones the lower.
    assert linear_rademacher(np.eye(4), 1.0).value == pytest.approx(
        linear_rademacher_bounds(np.eye(4), 1.0)[1]
    )
    assert linear_rademacher([[1.0], [1.0]], 1.0).value == pytest.approx(
        linear_rademacher_bounds([[1.0], [1.0]], 1.0)[0]
    )


def test_drawn_signs_agree_with_enumerated_ones(monkeypatch: pytest.MonkeyPatch) -> None:
    generator = np.random.default_rng(3)
    losses, features = generator.random((10, 4)), generator.normal(size=(10, 3))
    exact = empirical_rademacher(losses), linear_rademacher(features, 1.0)
    monkeypatch.setattr("theory.bounds.complexity.EXACT_LIMIT", 5)
    monkeypatch.setattr("theory.bounds.complexity._CHUNK", 140)  # several chunks
    drawn = empirical_rademacher(losses, draws=5000), linear_rademacher(features, 1.0, draws=5000)
    for truth, estimate in zip(exact, drawn, strict=True):
        assert truth.exact
        assert not estimate.exact
        assert truth.lower == truth.value == truth.upper
        assert estimate.lower < truth.value < estimate.upper
        assert estimate.upper - estimate.lower < 0.5 * truth.value  # power
        assert estimate.sign_vectors == 5000
        assert estimate.delta == 1e-6


def test_the_interval_of_drawn_signs_from_its_definition() -> None:
    losses = np.random.default_rng(4).random((EXACT_LIMIT + 1, 3))
    estimate = empirical_rademacher(losses, delta=0.01, draws=100)
    squares = float((losses.max(axis=1) ** 2).sum())
    radius = math.sqrt(2 * math.log(2 / 0.01) * squares / 100) / (EXACT_LIMIT + 1)
    assert estimate.upper - estimate.value == pytest.approx(radius, rel=1e-13)


def test_all_signs_are_there_once() -> None:
    signs = sign_vectors(4)
    assert {tuple(row) for row in signs} == set(itertools.product([-1.0, 1.0], repeat=4))
    with pytest.raises(TheoryInputError, match=r"2\^17 sign vectors"):
        sign_vectors(17)


def test_finite_class_term_from_its_definition() -> None:
    assert finite_class_term(4, 50, 0.05, 2.0) == pytest.approx(
        2 * math.sqrt(math.log(80) / 100), rel=1e-14
    )
    bound = finite_class_bound([0.0, 1.0, 2.0], 4, 0.05, 2.0)
    assert bound.value == pytest.approx(1.0 + finite_class_term(4, 3, 0.05, 2.0))
    assert bound.vacuous


def test_rademacher_bounds_from_their_definitions() -> None:
    losses = np.random.default_rng(5).random((12, 3))
    estimate = empirical_rademacher(losses)
    chosen = losses[:, 1]
    bound = rademacher_bound(chosen, estimate, 0.05)
    expected = chosen.mean() + 2 * estimate.value + 3 * math.sqrt(math.log(40) / 24)
    assert bound.value == pytest.approx(expected, rel=1e-14)
    bound = expected_rademacher_bound(chosen, 0.2, 0.05)
    assert bound.value == pytest.approx(chosen.mean() + 0.4 + math.sqrt(math.log(20) / 24))


def test_what_the_estimate_spends_is_taken_out_of_delta() -> None:
    losses = np.random.default_rng(6).random((20, 3))
    estimate = empirical_rademacher(losses, delta=0.02, draws=2000)
    bound = rademacher_bound(losses[:, 0], estimate, 0.05)
    expected = losses[:, 0].mean() + 2 * estimate.upper + 3 * math.sqrt(math.log(2 / 0.03) / 40)
    assert bound.value == pytest.approx(expected, rel=1e-12)
    assert bound.delta == 0.05
    with pytest.raises(TheoryInputError, match="already spends"):
        rademacher_bound(losses[:, 0], estimate, 0.02)


def test_the_bounds_hold_for_the_predictor_chosen_on_the_sample_by_exact_count() -> None:
    """Empirical risk minimisation over the document's class: all 3^6 samples, exact weights."""
    n, delta = 6, 0.3
    risks = LAW @ CLASS
    missed = {"finite": 0.0, "empirical": 0.0}
    for points in itertools.product(range(3), repeat=n):
        losses = CLASS[list(points)]
        chosen = int(losses.mean(axis=0).argmin())
        weight = float(np.prod(LAW[list(points)]))
        bounds = {
            "finite": finite_class_bound(losses[:, chosen], 3, delta),
            "empirical": rademacher_bound(losses[:, chosen], empirical_rademacher(losses), delta),
        }
        for name, bound in bounds.items():
            missed[name] += weight * (bound.value < risks[chosen])
    assert all(probability <= delta for probability in missed.values())


def test_bad_input_is_refused() -> None:
    with pytest.raises(TheoryInputError, match="one row an example"):
        empirical_rademacher([0.1, 0.2])
    with pytest.raises(TheoryInputError, match="NaN"):
        empirical_rademacher([[math.nan]])
    with pytest.raises(TheoryInputError, match="delta"):
        empirical_rademacher(np.zeros((30, 2)), delta=0.0)
    with pytest.raises(TheoryInputError, match="draws"):
        empirical_rademacher(np.zeros((30, 2)), draws=0)
    for features in ([], [1.0], [[math.inf]], np.zeros((0, 3))):
        with pytest.raises(TheoryInputError, match="features"):
            linear_rademacher(features, 1.0)
    with pytest.raises(TheoryInputError, match="radius"):
        linear_rademacher_bounds([[1.0]], 0.0)
    with pytest.raises(TheoryInputError, match="class size"):
        finite_class_term(0, 10, 0.05)
    with pytest.raises(TheoryInputError, match="2 losses but the Rademacher complexity is of 3"):
        rademacher_bound([0.1, 0.2], empirical_rademacher(np.zeros((3, 2))), 0.05)
    with pytest.raises(TheoryInputError, match="cannot be negative"):
        expected_rademacher_bound([0.1], -0.1, 0.05)
