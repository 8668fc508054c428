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
    """Return the mean over the labels of the squared difference of logits.

    Reference: Ba and Caruana, "Do Deep Nets Really Need to be Deep?", 2014
    (https://arxiv.org/abs/1312.6184), where it is a sum over the outputs.

    Args:
        student_logits, teacher_logits: of shape `(n, num_labels)`.

    Returns:
        One value per example, of shape `(n,)`.

    Example:
        >>> import torch
        >>> student = torch.tensor([[2.0, 0.0], [1.0, 1.0]])
        >>> teacher = torch.tensor([[0.0, 0.0], [1.0, 1.0]])
        >>> mean_squared_error(student, teacher)
        tensor([2., 0.])
    """
    return (student_logits - teacher_logits).square().mean(dim=-1)


def soft_cross_entropy(
    student_logits: Tensor, teacher_logits: Tensor, temperature: float = 1.0
) -> Tensor:
    """Return τ² · H(teacher_τ, student_τ) with p_τ = softmax(logits / τ).

    Reference: Hinton et al., "Distilling the Knowledge in a Neural Network", 2015, section 2
    (https://arxiv.org/abs/1503.02531). It is the KL divergence plus the teacher's entropy, which
    does not depend on the student: their gradients agree.

    Args:
        student_logits, teacher_logits: of shape `(n, num_labels)`.
        temperature: τ, positive.

    Returns:
        One value per example in nats, of shape `(n,)`.

    Example:
        >>> import torch
        >>> student = torch.tensor([[0.25, 0.75], [0.5, 0.5]]).log()
        >>> teacher = torch.tensor([[0.5, 0.5], [0.5, 0.5]]).log()
        >>> soft_cross_entropy(student, teacher)
        tensor([0.8370, 0.6931])
        >>> soft_cross_entropy(student, teacher, temperature=2.0)
        tensor([2.9216, 2.7726])
    """
    teacher = log_softmax(teacher_logits / temperature, dim=-1).exp()
    student = log_softmax(student_logits / temperature, dim=-1)
    return -(teacher * student).sum(dim=-1) * temperature**2


def kl_divergence(
    student_logits: Tensor, teacher_logits: Tensor, temperature: float = 1.0
) -> Tensor:
    """Return τ² · KL(teacher_τ ‖ student_τ) with p_τ = softmax(logits / τ).

    Never negative, though rounding would make it so where the two nearly agree.

    Reference: Hinton et al., "Distilling the Knowledge in a Neural Network", 2015, section 2
    (https://arxiv.org/abs/1503.02531).

    Args:
        student_logits, teacher_logits: of shape `(n, num_labels)`.
        temperature: τ, positive.

    Returns:
        One value per example in nats, of shape `(n,)`.

    Example:
        >>> import torch
        >>> student = torch.tensor([[0.25, 0.75], [0.5, 0.5]]).log()
        >>> teacher = torch.tensor([[0.5, 0.5], [0.5, 0.5]]).log()
        >>> kl_divergence(student, teacher)
        tensor([0.1438, 0.0000])
        >>> kl_divergence(student, teacher, temperature=2.0)
        tensor([0.1490, 0.0000])
    """
    teacher = log_softmax(teacher_logits / temperature, dim=-1)
    student = log_softmax(student_logits / temperature, dim=-1)
    divergence = (teacher.exp() * (teacher - student)).sum(dim=-1)
    return divergence.clamp(min=0.0) * temperature**2


def distance(name: str, *, temperature: float = 1.0, regression: bool = False) -> Distance:
    """Return the distance called `name`, taken in float32 whatever the networks' precision.

    Args:
        name: one of `DISTANCES`.
        temperature: τ of 'kl' and 'soft-ce'.
        regression: whether the label is a number, so that there is no distribution over classes.

    Raises:
        InputError: for an unknown name, a temperature that is not positive, a temperature given
            to a distance without one, or a distance between distributions on a regression task.

    Example:
        >>> import torch
        >>> between = distance("kl", temperature=2.0)
        >>> logits = torch.tensor([[1.0, 2.0], [3.0, 4.0]], dtype=torch.bfloat16)
        >>> between(logits, logits)
        tensor([0., 0.])
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
    """Return the distance after a lift of half-precision logits, whose squares lose too much."""

    def lifted(student_logits: Tensor, teacher_logits: Tensor) -> Tensor:
        dtype = torch.promote_types(student_logits.dtype, torch.float32)
        return between(student_logits.to(dtype), teacher_logits.to(dtype))

    return lifted
