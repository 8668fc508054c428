"""The losses behind the terms of an objective that need no distance, one value per example."""

from torch import Tensor
from torch.nn.functional import log_softmax, normalize


def target_loss(logits: Tensor, targets: Tensor) -> Tensor:
    """Loss of logits against (mixed) targets, one value per example, of shape `(n,)`.

    Cross-entropy −Σ_c y_c log softmax(logits)_c for targets of shape `(n, num_labels)` with two
    labels or more; squared error for a single real-valued output `(n, 1)`.
    """
    logits = logits.float()
    if logits.shape[-1] == 1:
        return (logits - targets).square().squeeze(-1)
    return -(targets * log_softmax(logits, dim=-1)).sum(dim=-1)


def patient_loss(student_states: Tensor, teacher_states: Tensor) -> Tensor:
    """Squared distance of unit-length hidden states, mean over matched layers, of shape `(n,)`.

    Args:
        student_states, teacher_states: first-position states of matched layers, each of shape
            `(n, layers, hidden_size)` (Sun et al., 2019, equation 7).
    """
    student = normalize(student_states.float(), dim=-1)
    teacher = normalize(teacher_states.float(), dim=-1)
    return (student - teacher).square().sum(dim=-1).mean(dim=-1)
