"""The weighted sum of named terms: methods, weights and formula."""

import math
from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from mixkd_core.errors import InputError
from mixkd_core.objectives.objective import (
    METHODS,
    MIXED_TERMS,
    TEACHER_TERMS,
    TERMS,
    Objective,
    objective,
    patient_layers,
)

# Mixtures and unlabelled texts are not drawn at once.
WEIGHTS = st.dictionaries(st.sampled_from(TERMS), st.floats(0.01, 100), min_size=1).filter(
    lambda weights: "transfer" not in weights or not weights.keys() & MIXED_TERMS
)


@pytest.mark.parametrize(
    ("method", "formula"),
    [
        ("ft", "L = 1 mle"),
        ("kd", "L = 1 mle + 1 kd"),
        ("pkd", "L = 1 mle + 1 kd + 1 pkd"),
        ("sm", "L = 1 mle + 1 sm"),
        ("tmkd", "L = 1 mle + 1 tmkd"),
        ("sm+tmkd", "L = 1 mle + 1 sm + 1 tmkd"),
        ("kd+sm+tmkd", "L = 1 mle + 1 kd + 1 sm + 1 tmkd"),
        ("theseus", "L = 1 mle, replacing modules"),
        ("transfer", "L = 1 mle + 1 transfer"),
    ],
)
def test_methods_are_the_papers(method: str, formula: str) -> None:
    assert objective(method).formula == formula
    assert {*METHODS} >= {method}


def test_every_method_is_listed_above() -> None:
    assert list(METHODS) == [
        *("ft", "kd", "pkd", "sm", "tmkd", "sm+tmkd", "kd+sm+tmkd", "theseus", "transfer")
    ]
    assert TERMS == ("mle", "kd", "pkd", "sm", "tmkd", "transfer")


def test_weights_can_be_changed_dropped_and_added() -> None:
    custom = objective("sm", {"mle": 0.5, "sm": 0.0, "tmkd": 2.0, "kd": None})
    assert custom == Objective((("mle", 0.5), ("tmkd", 2.0)))
    assert custom.formula == "L = 0.5 mle + 2 tmkd"


@given(weights=WEIGHTS)
def test_a_weight_of_none_keeps_the_methods_own(weights: dict[str, float]) -> None:
    spelled_out = {term: weights.get(term) for term in TERMS}
    assert objective("ft", spelled_out) == objective("ft", weights)


@pytest.mark.slow
@given(weights=WEIGHTS, factor=st.floats(0.1, 10), seed=st.integers(0, 50))
def test_the_sum_is_linear_in_each_weight(
    weights: dict[str, float], factor: float, seed: int
) -> None:
    drawn = torch.randn(
        len(TERMS), generator=torch.Generator().manual_seed(seed), dtype=torch.float64
    )
    values = dict(zip(TERMS, drawn, strict=True))
    everything = {term: weights.get(term, 0.0) for term in TERMS}
    whole = objective("ft", everything).total(values).item()
    assert whole == pytest.approx(
        sum(weight * values[term].item() for term, weight in everything.items()), abs=1e-9
    )
    for term in weights:
        scaled = objective("ft", everything | {term: factor * weights[term]}).total(values).item()
        change = (factor - 1) * weights[term] * values[term].item()
        assert scaled - whole == pytest.approx(change, abs=1e-9)


@given(weights=WEIGHTS)
def test_what_is_needed_follows_from_the_weights(weights: dict[str, float]) -> None:
    custom = objective("ft", {"mle": 0.0, **weights})
    assert custom.terms == set(weights)
    assert custom.mixes == any(term in MIXED_TERMS for term in weights)
    assert custom.transfers == ("transfer" in weights)
    assert custom.draws == (custom.mixes or custom.transfers)
    assert custom.uses_originals == any(term in {"mle", "kd", "pkd"} for term in weights)
    assert custom.needs_teacher == any(term in TEACHER_TERMS for term in weights)


@pytest.mark.parametrize(
    ("method", "weights", "message"),
    [
        ("mixkd", {}, "unknown method 'mixkd': choose one of ft, kd, pkd"),
        ("ft", {"nll": 1.0}, "unknown term 'nll' among the weights: use mle, kd, pkd, sm, tmkd"),
        ("ft", {"mle": -1.0}, "the weight of 'mle' is -1.0"),
        ("ft", {"sm": math.nan}, "the weight of 'sm' is nan"),
        ("ft", {"sm": math.inf}, "the weight of 'sm' is inf"),
        ("ft", {"mle": 0.0}, "every weight of method 'ft' is 0"),
        ("tmkd", {"transfer": 1.0}, "mixtures and unlabelled texts"),
    ],
)
def test_bad_input_is_refused(method: str, weights: dict[str, float], message: str) -> None:
    with pytest.raises(InputError, match=message):
        objective(method, weights)


@pytest.mark.parametrize(
    ("student", "teacher", "expected"),
    [
        (3, 6, ((1, 2), (2, 4))),
        (6, 12, ((1, 2), (2, 4), (3, 6), (4, 8), (5, 10))),
        (4, 6, ((1, 1), (2, 3), (3, 4))),
        (2, 2, ((1, 1),)),
    ],
)
def test_layers_are_matched_at_equal_depth(student: int, teacher: int, expected: Any) -> None:
    assert patient_layers(student, teacher) == expected


@pytest.mark.parametrize(("student", "teacher"), [(1, 4), (5, 4)])
def test_layers_that_cannot_be_matched_are_refused(student: int, teacher: int) -> None:
    with pytest.raises(InputError, match=f"a student of {student} layer.* teacher of {teacher}"):
        patient_layers(student, teacher)
