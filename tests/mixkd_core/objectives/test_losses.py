"""The losses of the terms that need no distance."""

import torch
from torch.nn.functional import cross_entropy

from mixkd_core.objectives.losses import patient_loss, target_loss


def random(seed: int, *shape: int) -> torch.Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def test_target_loss_is_torchs_cross_entropy() -> None:
    logits, labels = random(0, 5, 3), torch.tensor([0, 2, 1, 1, 0])
    hard = torch.eye(3)[labels]
    torch.testing.assert_close(
        target_loss(logits, hard), cross_entropy(logits, labels, reduction="none")
    )
    soft = random(1, 5, 3).softmax(dim=-1)
    torch.testing.assert_close(
        target_loss(logits, soft), cross_entropy(logits, soft, reduction="none")
    )


def test_target_loss_is_linear_in_the_label() -> None:
    """−Σ y log p: the loss on a mixed label is the mixture of the losses."""
    logits, first, second = random(0, 4, 3), torch.eye(3)[[0, 1, 2, 0]], torch.eye(3)[[1, 1, 0, 2]]
    mixed = 0.3 * first + 0.7 * second
    torch.testing.assert_close(
        target_loss(logits, mixed),
        0.3 * target_loss(logits, first) + 0.7 * target_loss(logits, second),
    )


def test_target_loss_of_a_regression_is_the_squared_error() -> None:
    got = target_loss(torch.tensor([[1.0], [2.0]]), torch.tensor([[3.0], [2.5]]))
    assert got.tolist() == [4.0, 0.25]


def test_half_precision_is_lifted() -> None:
    logits, targets = random(0, 4, 3), torch.eye(3)[[0, 1, 2, 0]]
    got = target_loss(logits.bfloat16(), targets)
    torch.testing.assert_close(got, target_loss(logits.bfloat16().float(), targets))


def test_patient_loss_compares_directions() -> None:
    """‖a/‖a‖ − b/‖b‖‖² = 2 − 2 cos, whatever the lengths; the mean over matched layers."""
    student, teacher = random(0, 3, 2, 8), random(1, 3, 2, 8)
    cosine = torch.cosine_similarity(student, teacher, dim=-1)
    torch.testing.assert_close(patient_loss(student, teacher), (2 - 2 * cosine).mean(dim=1))
    torch.testing.assert_close(patient_loss(5 * student, teacher), patient_loss(student, teacher))
    torch.testing.assert_close(patient_loss(3 * student, student), torch.zeros(3))
