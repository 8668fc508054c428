"""Distances d(student, teacher) between the logits of two networks on the same inputs.

Each is a pure function of two `(n, num_labels)` tensors and returns one value per example, shape
`(n,)`; the mean over examples is taken by the objective, once. Where a temperature τ enters, the
value is multiplied by τ², so that the size of the gradient does not depend on τ (Hinton et al.,
2015, section 2.1).
"""

from collections.abc import Callable

import torch
from torch import Tensor
from torch.nn.functional import log_softmax

from mixkd_core.errors import InputError

Distance = Callable[[Tensor, Tensor], Tensor]

DISTANCES = ("mse", "kl", "soft-ce")


def mean_squared_error(student_logits: Tensor, teacher_logits: Tensor) -> Tensor:
    """Mean over the labels of the squared difference of logits, of shape `(n,)`."""
    return (student_logits - teacher_logits).square().mean(dim=-1)


def soft_cross_entropy(
    student_logits: Tensor, teacher_logits: Tensor, temperature: float = 1.0
) -> Tensor:
    """τ² · H(teacher_τ, student_τ), of shape `(n,)`, with p_τ = softmax(logits / τ)."""
    teacher = log_softmax(teacher_logits / temperature, dim=-1).exp()
    student = log_softmax(student_logits / temperature, dim=-1)
    return -(teacher * student).sum(dim=-1) * temperature**2


def kl_divergence(
    student_logits: Tensor, teacher_logits: Tensor, temperature: float = 1.0
) -> Tensor:
    """τ² · KL(teacher_τ ‖ student_τ), of shape `(n,)`, with p_τ = softmax(logits / τ).

    Never negative, though rounding would make it so where the two nearly agree.
    """
    teacher = log_softmax(teacher_logits / temperature, dim=-1)
    student = log_softmax(student_logits / temperature, dim=-1)
    divergence = (teacher.exp() * (teacher - student)).sum(dim=-1)
    return divergence.clamp(min=0.0) * temperature**2


def distance(name: str, *, temperature: float = 1.0, regression: bool = False) -> Distance:
    """The distance called `name`, on float32 logits whatever the precision of the networks.

    Raises:
        InputError: for an unknown name, a temperature that is not positive, a temperature given
            to a distance without one, or a distance between distributions on a regression task.
    """
    if name not in DISTANCES:
        raise InputError(f"unknown distance {name!r}: choose one of {', '.join(DISTANCES)}.")
    if not 0 < temperature < float("inf"):
        raise InputError(f"temperature is {temperature}; it must be positive and finite.")
    if name == "mse":
        if temperature != 1.0:
            raise InputError(
                f"temperature is {temperature}, but the distance 'mse' compares logits and has no "
                "temperature: leave it at 1 or choose 'kl' or 'soft-ce'."
            )
        return _in_float32(mean_squared_error)
    if regression:
        raise InputError(
            f"distance {name!r} compares distributions over classes, and a regression task has "
            "none: use 'mse'."
        )
    between = kl_divergence if name == "kl" else soft_cross_entropy
    return _in_float32(lambda student, teacher: between(student, teacher, temperature))


def _in_float32(between: Distance) -> Distance:
    """Lift half-precision logits before comparing: their squares and logarithms lose too much."""

    def lifted(student_logits: Tensor, teacher_logits: Tensor) -> Tensor:
        dtype = torch.promote_types(student_logits.dtype, torch.float32)
        return between(student_logits.to(dtype), teacher_logits.to(dtype))

    return lifted
