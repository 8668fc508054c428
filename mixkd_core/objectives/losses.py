"""The losses behind the terms of an objective that need no distance, one value per example."""

from torch import Tensor
from torch.nn.functional import log_softmax, normalize


def target_loss(logits: Tensor, targets: Tensor) -> Tensor:
    """Return the loss of logits against (mixed) targets: cross-entropy, or squared error.

    Cross-entropy −Σ_c y_c log softmax(logits)_c with two labels or more; squared error for a
    single real-valued output. It is linear in the targets where they are distributions, so a mixed
    label's loss is the mixture of the two labels' losses.

    Reference: Zhang et al., "mixup: Beyond Empirical Risk Minimization", 2018
    (https://arxiv.org/abs/1710.09412); MixKD, equation 3 (https://arxiv.org/abs/2011.00593).

    Args:
        logits: of shape `(n, num_labels)`, or `(n, 1)` for a regression.
        targets: probabilities of the labels or real values, of the shape of the logits.

    Returns:
        One value per example, in nats for a classification, of shape `(n,)`.

    Example:
        >>> import torch
        >>> logits = torch.tensor([[0.25, 0.75], [0.25, 0.75]]).log()
        >>> target_loss(logits, torch.tensor([[1.0, 0.0], [0.5, 0.5]]))
        tensor([1.3863, 0.8370])
        >>> target_loss(torch.tensor([[3.0]]), torch.tensor([[1.0]]))
        tensor([4.])
    """
    logits = logits.float()
    if logits.shape[-1] == 1:
        return (logits - targets).square().squeeze(-1)
    return -(targets * log_softmax(logits, dim=-1)).sum(dim=-1)


def patient_loss(student_states: Tensor, teacher_states: Tensor) -> Tensor:
    """Return the squared distance of unit-length hidden states, mean over matched layers.

    Reference: Sun et al., "Patient Knowledge Distillation for BERT Model Compression", 2019,
    equation 7 (https://arxiv.org/abs/1908.09355), where it is a sum over the layers.

    Args:
        student_states, teacher_states: first-position states of matched layers, each of shape
            `(n, layers, hidden_size)`.

    Returns:
        One value per example between 0 and 4, of shape `(n,)`.

    Example:
        >>> import torch
        >>> student = torch.tensor([[[3.0, 0.0], [0.0, 1.0]]])  # one example, two layers
        >>> teacher = torch.tensor([[[1.0, 0.0], [1.0, 0.0]]])
        >>> patient_loss(student, teacher)  # the first layers agree, the second are orthogonal
        tensor([1.])
    """
    student = normalize(student_states.float(), dim=-1)
    teacher = normalize(teacher_states.float(), dim=-1)
    return (student - teacher).square().sum(dim=-1).mean(dim=-1)
