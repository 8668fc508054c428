"""Distances between logits: what they vanish on, how they scale, and what they refuse."""

import math
from itertools import pairwise

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.nn.functional import kl_div, log_softmax, softmax

from mixkd_core.errors import InputError
from mixkd_core.objectives.distances import DISTANCES, distance

LOGITS = st.lists(st.floats(-8, 8), min_size=4, max_size=4)
TEMPERATURES = st.sampled_from([0.5, 1.0, 2.0, 10.0])


def rows(*values: list[float]) -> torch.Tensor:
    return torch.tensor(values, dtype=torch.float64)


def random_logits(seed: int, n: int = 6, num_labels: int = 4) -> torch.Tensor:
    generator = torch.Generator().manual_seed(seed)
    return 2 * torch.randn(n, num_labels, generator=generator, dtype=torch.float64)


@settings(deadline=None, derandomize=True)
@given(logits=LOGITS, other=LOGITS)
def test_squared_error_vanishes_on_equal_logits_only(
    logits: list[float], other: list[float]
) -> None:
    between = distance("mse")
    assert between(rows(logits), rows(logits)).item() == 0
    gap = max(abs(a - b) for a, b in zip(logits, other, strict=True))
    assert between(rows(other), rows(logits)).item() >= gap**2 / 4 * (1 - 1e-12)


@settings(deadline=None, derandomize=True)
@given(logits=LOGITS, other=LOGITS, shift=st.floats(-20, 20), temperature=TEMPERATURES)
def test_divergence_vanishes_on_equal_logits_up_to_a_shift(
    logits: list[float], other: list[float], shift: float, temperature: float
) -> None:
    between = distance("kl", temperature=temperature)
    shifted = [value + shift for value in logits]
    assert between(rows(shifted), rows(logits)).item() == pytest.approx(0, abs=1e-9)
    # Pinsker: KL >= TV² · 2, so it is zero for no other logits.
    variation = (
        softmax(rows(other) / temperature, -1) - softmax(rows(logits) / temperature, -1)
    ).abs().sum().item() / 2
    assert between(rows(other), rows(logits)).item() >= 2 * variation**2 * temperature**2 - 1e-9


def test_divergence_of_nearly_equal_logits_is_not_negative() -> None:
    """In float32, where its terms cancel to less than their rounding."""
    teacher = random_logits(0, n=2000).float()
    student = teacher + 1e-5 * random_logits(1, n=2000).float()
    expected, given = log_softmax(teacher, -1), log_softmax(student, -1)
    assert (expected.exp() * (expected - given)).sum(-1).min() < 0, "nothing is put to the test"
    assert distance("kl")(student, teacher).min() >= 0


def test_divergence_is_of_the_student_from_the_teacher() -> None:
    """KL(teacher ‖ student): the asymmetry written out on two classes."""
    teacher, student = rows([math.log(0.9), math.log(0.1)]), rows([0.0, 0.0])
    expected = 0.9 * math.log(0.9 / 0.5) + 0.1 * math.log(0.1 / 0.5)
    assert distance("kl")(student, teacher).item() == pytest.approx(expected, rel=1e-12)
    backwards = 0.5 * math.log(0.5 / 0.9) + 0.5 * math.log(0.5 / 0.1)
    assert distance("kl")(teacher, student).item() == pytest.approx(backwards, rel=1e-12)


def test_squared_error_is_the_mean_over_labels() -> None:
    got = distance("mse")(rows([1.0, 2.0, 3.0], [0.0, 0.0, 0.0]), rows([1.0, 4.0, 0.0], [3, 0, 0]))
    torch.testing.assert_close(got, torch.tensor([13 / 3, 3.0], dtype=torch.float64))


@pytest.mark.parametrize("temperature", [0.5, 1.0, 4.0])
def test_the_mean_is_torchs_batch_mean_with_the_temperature_squared(temperature: float) -> None:
    student, teacher = random_logits(0), random_logits(1)
    per_example = distance("kl", temperature=temperature)(student, teacher)
    assert per_example.shape == (6,)
    expected = kl_div(
        log_softmax(student / temperature, -1),
        softmax(teacher / temperature, -1),
        reduction="batchmean",
    )
    torch.testing.assert_close(per_example.mean(), expected * temperature**2)


@pytest.mark.parametrize("temperature", [0.5, 1.0, 4.0])
def test_soft_cross_entropy_is_divergence_plus_the_teachers_entropy(temperature: float) -> None:
    student, teacher = random_logits(0), random_logits(1)
    probabilities = softmax(teacher / temperature, -1)
    entropy = -(probabilities * probabilities.log()).sum(-1)
    torch.testing.assert_close(
        distance("soft-ce", temperature=temperature)(student, teacher),
        distance("kl", temperature=temperature)(student, teacher) + temperature**2 * entropy,
    )


def student_gradient(name: str, temperature: float) -> torch.Tensor:
    student = random_logits(0).requires_grad_()
    distance(name, temperature=temperature)(student, random_logits(1)).mean().backward()
    assert student.grad is not None
    return student.grad


def test_divergence_and_soft_cross_entropy_teach_the_same() -> None:
    torch.testing.assert_close(student_gradient("kl", 3.0), student_gradient("soft-ce", 3.0))


@pytest.mark.parametrize("name", ["kl", "soft-ce"])
def test_temperature_squared_keeps_the_scale_of_the_gradient(name: str) -> None:
    """Without τ² the norm would fall by 10⁴ from τ = 1 to τ = 100."""
    norms = [student_gradient(name, tau).norm().item() for tau in (1.0, 2.0, 5.0, 20.0, 100.0)]
    for here, there in pairwise(norms):
        assert 1 / 3 < here / there < 3


def test_hot_divergence_is_half_the_variance_of_the_difference() -> None:
    """τ² KL → ½ Var_c(student_c − teacher_c) over uniform labels as τ → ∞ (second-order Taylor)."""
    student, teacher = random_logits(0), random_logits(1)
    limit = (student - teacher).var(dim=-1, correction=0) / 2
    got = distance("kl", temperature=1e4)(student, teacher)
    torch.testing.assert_close(got, limit, rtol=1e-3, atol=0)


@pytest.mark.parametrize("name", DISTANCES)
def test_half_precision_is_lifted(name: str) -> None:
    student = random_logits(0).to(torch.bfloat16)
    teacher = random_logits(1).to(torch.bfloat16)
    got = distance(name)(student, teacher)
    assert got.dtype == torch.float32
    torch.testing.assert_close(got, distance(name)(student.float(), teacher.float()))


@pytest.mark.parametrize("name", ["kl", "soft-ce"])
def test_extreme_logits_stay_finite(name: str) -> None:
    student, teacher = torch.tensor([[3e4, 0.0, -3e4]]), torch.tensor([[-3e4, 0.0, 3e4]])
    assert distance(name)(student, teacher).item() == pytest.approx(6e4)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"name": "l1"}, "unknown distance 'l1': choose one of mse, kl, soft-ce"),
        ({"name": "kl", "temperature": 0.0}, "temperature is 0.0"),
        ({"name": "kl", "temperature": -1.0}, "temperature is -1.0"),
        ({"name": "kl", "temperature": math.nan}, "temperature is nan"),
        ({"name": "soft-ce", "temperature": math.inf}, "temperature is inf"),
        ({"name": "mse", "temperature": 2.0}, "has no temperature"),
        ({"name": "kl", "regression": True}, "a regression task has none: use 'mse'"),
        ({"name": "soft-ce", "regression": True}, "a regression task has none: use 'mse'"),
    ],
)
def test_bad_input_is_refused(arguments: dict[str, object], message: str) -> None:
    with pytest.raises(InputError, match=message):
        distance(**arguments)  # type: ignore[arg-type]
