"""A training of which nothing is said: steps decide where data are small."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mixkd_core.records.specs import TrainingSpec
from mixkd_core.records.usual import ENOUGH_STEPS, RATE_OF_STUDENTS, usual_epochs, usual_rate


@pytest.mark.parametrize(
    ("examples", "batch_size", "epochs"),
    [(600, 16, 3), (482.4, 16, 4), (67_349, 32, 3), (3, 32, 100), (528, 16, 4), (529, 16, 3)],
)
def test_small_data_are_passed_over_until_the_steps_are_enough(
    examples: float, batch_size: int, epochs: float
) -> None:
    assert usual_epochs(examples, batch_size) == epochs


@given(st.integers(1, 10**6), st.integers(1, 512))
def test_never_fewer_steps_than_enough_nor_an_epoch_more_than_that_takes(
    examples: int, batch_size: int
) -> None:
    epochs, an_epoch = usual_epochs(examples, batch_size), math.ceil(examples / batch_size)
    assert epochs * an_epoch >= ENOUGH_STEPS
    assert epochs >= TrainingSpec().epochs
    assert epochs == TrainingSpec().epochs or (epochs - 1) * an_epoch < ENOUGH_STEPS


def test_random_weights_take_larger_steps() -> None:
    for student in (True, False):
        pretrained = usual_rate(random_weights=False, student=student)
        assert usual_rate(random_weights=True, student=student) > pretrained
    assert usual_rate(random_weights=False, student=False) == TrainingSpec().learning_rate
    assert usual_rate(random_weights=False, student=True) == RATE_OF_STUDENTS
