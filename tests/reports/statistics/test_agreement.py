"""Agreement against its definitions, on logits that were drawn and on logits that are known."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.special import softmax
from scipy.stats import entropy

from mixkd_core.errors import InputError
from reports.statistics.agreement import agreement_of


@given(st.integers(0, 1000), st.integers(1, 20), st.integers(2, 4))
def test_every_number_is_its_definition(seed: int, size: int, classes: int) -> None:
    rng = np.random.default_rng(seed)
    student, teacher = rng.normal(size=(2, size, classes))
    labels = rng.integers(classes, size=size)
    found = agreement_of(student, teacher, labels)
    said, taught = student.argmax(axis=1), teacher.argmax(axis=1)
    assert found.agreement == pytest.approx(np.mean(said == taught))
    assert found.teacher_right == sum(taught == labels)
    assert found.teacher_right + found.teacher_wrong == size
    parts = [
        (found.agreement_right or 0.0) * found.teacher_right,
        (found.agreement_wrong or 0.0) * found.teacher_wrong,
    ]
    assert sum(parts) / size == pytest.approx(found.agreement)
    divergences = [entropy(softmax(t), softmax(s)) for s, t in zip(student, teacher, strict=True)]
    assert found.divergence == pytest.approx(np.mean(divergences))
    shifted = agreement_of(student + 5, teacher - 3, labels)
    assert shifted.divergence == pytest.approx(found.divergence), "logits have no origin"


def test_a_student_of_labels_alone_agrees_where_the_teacher_is_right() -> None:
    labels = np.array([0, 1, 0, 1])
    perfect = np.eye(2)[labels]
    teacher = np.eye(2)[[0, 1, 1, 0]]
    found = agreement_of(perfect, teacher, labels)
    assert (found.agreement_right, found.agreement_wrong, found.agreement) == (1.0, 0.0, 0.5)
    itself = agreement_of(perfect, perfect, labels)
    assert (itself.agreement, itself.divergence, itself.agreement_wrong) == (1.0, 0.0, None)


@pytest.mark.parametrize("shape", [(3, 2), (4, 3), (0, 2)])
def test_logits_of_other_examples_are_refused(shape: tuple[int, int]) -> None:
    with pytest.raises(InputError, match="one row of logits of each for every label"):
        agreement_of(np.zeros(shape), np.zeros((4, 2)), np.zeros(4))


def test_an_example_without_a_label_is_neither_right_nor_wrong() -> None:
    teacher, student = np.eye(2)[[0, 1, 0, 1]], np.eye(2)[[0, 0, 1, 1]]
    found = agreement_of(student, teacher, [0, 0, -1, -1])
    assert (found.teacher_right, found.teacher_wrong) == (1, 1)
    assert (found.agreement, found.agreement_right, found.agreement_wrong) == (0.5, 1.0, 0.0)
    none = agreement_of(student, teacher, [-1] * 4)
    assert (none.teacher_right, none.teacher_wrong) == (0, 0)
    assert (none.agreement_right, none.agreement_wrong) == (None, None)
