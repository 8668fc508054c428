"""Before anything is timed: do the contestants compute the same losses and gradients?

All get the same texts, pairs and coefficients, the same weights, and no dropout, each in its own
batch layout (padded together or apart, to the longest or to the maximum, in one pass or three).
Ours are taken from a step of the very loop that is timed.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor
from transformers import TrainerCallback

from experiments.benchmarks.ours import Ours
from experiments.benchmarks.peers import (
    PeerAbsentError,
    TextBrewerKD,
    import_textbrewer,
    obvious_loss,
)
from experiments.benchmarks.workload import Workload
from mixkd_core.data.token_table import Padded
from mixkd_core.errors import MixKDError

# In float32, relative: sums of some thousand products taken in different orders.
LOSS_TOLERANCE = 2e-6
GRADIENT_TOLERANCE = 2e-5


class DisagreementError(MixKDError):
    """Contestants that do not compute the same thing are not to be timed against each other."""


@dataclass(frozen=True)
class PeerAgreement:
    """The distance of a peer from us on one batch.

    Attributes:
        task: the workload.
        method: what both compute.
        peer: who with.
        loss: ours.
        loss_difference: of the two, relative to ours.
        gradient_difference: Euclidean norm of it, relative to that of our gradient.
    """

    task: str
    method: str
    peer: str
    loss: float
    loss_difference: float
    gradient_difference: float


def check_agreement(workload: Workload, batch_size: int = 32) -> list[PeerAgreement]:
    """Ours against every peer that is there, padded to the longest and to the maximum.

    Raises:
        DisagreementError: naming the peer, if a loss or gradient differs by more than rounding.
    """
    plain = workload.without_dropout()
    rows = []
    for method, peers in _peers(plain).items():
        first = FirstStep(Ours(plain, method, batch_size=batch_size))
        loss, gradient = first.loss, first.gradient
        for peer, compute in peers.items():
            other, other_gradient = loss_and_gradient(plain.student(), compute, first.batch)
            row = PeerAgreement(
                workload.name,
                method,
                peer,
                loss,
                abs(other - loss) / abs(loss),
                float((other_gradient - gradient).norm() / gradient.norm()),
            )
            require_agreement(row)
            rows.append(row)
    return rows


def require_agreement(row: PeerAgreement) -> None:
    """Refuse a difference above rounding.

    Raises:
        DisagreementError: naming both differences.
    """
    fits = row.loss_difference <= LOSS_TOLERANCE and row.gradient_difference <= GRADIENT_TOLERANCE
    if not fits:
        raise DisagreementError(
            f"{row.method} on {row.task} and {row.peer} do not compute the same: the losses "
            f"differ by {row.loss_difference:.1e} and the gradients by "
            f"{row.gradient_difference:.1e} of their size, where rounding explains "
            f"{LOSS_TOLERANCE:.0e} and {GRADIENT_TOLERANCE:.0e}; nothing was timed."
        )


class FirstStep(TrainerCallback):  # type: ignore[misc]
    """The first step that ours takes: its batch, loss and gradient, before any clipping."""

    loss: float
    gradient: Tensor
    batch: dict[str, Any]

    def __init__(self, ours: Ours) -> None:
        trainer = ours.trainer
        self.workload = ours.workload
        self.compute_loss = trainer.compute_loss
        trainer.compute_loss = self.recorded_loss  # type: ignore[method-assign]
        trainer.add_callback(self)
        trainer.args.max_grad_norm = 0.0
        trainer.args.max_steps = 1
        trainer.train()

    def recorded_loss(self, model: Any, inputs: dict[str, Any], *others: Any, **named: Any) -> Any:
        """As the trainer's own."""
        self.batch = dict(inputs)
        loss = self.compute_loss(model, inputs, *others, **named)
        self.loss = float(loss.detach())
        return loss

    def on_pre_optimizer_step(
        self, args: Any, state: Any, control: Any, model: Any = None, **kwargs: Any
    ) -> None:
        self.gradient = torch.cat(
            [self._in_place(name, weight.grad) for name, weight in model.named_parameters()]
        )

    def _in_place(self, name: str, gradient: Tensor | None) -> Tensor:
        """The gradient of a weight, flattened; of the word table perhaps the used rows alone.

        (`mixkd_core.networks.speed.compact_embedding`; which rows they are is found out anew here.)
        """
        source = self.workload.source
        whole = torch.zeros_like(source.get_parameter(name), device=self.workload.device)
        if gradient is None:
            return whole.flatten()
        if gradient.shape == whole.shape:
            return gradient.detach().flatten().clone()
        table = self.workload.table
        padding = source.get_input_embeddings().padding_idx
        looked_up = [table.pad_token_id] if padding is None else [table.pad_token_id, padding]
        rows = np.unique(np.concatenate([*table.columns.values(), looked_up]))
        whole[torch.from_numpy(rows).to(whole.device)] = gradient.detach()
        return whole.flatten()


Compute = Callable[[Any, dict[str, Any]], Tensor]


def loss_and_gradient(
    student: Any, compute: Compute, batch: dict[str, Any]
) -> tuple[float, Tensor]:
    """A peer's loss on a batch, and its gradient."""
    loss = compute(student, batch)
    torch.autograd.backward(loss)
    return float(loss.detach()), flat_gradient(student)


def flat_gradient(network: Any) -> Tensor:
    """With respect to all weights, one after another; those that had no part in it are 0."""
    parts = [
        torch.zeros_like(weight) if weight.grad is None else weight.grad
        for weight in network.parameters()
    ]
    return torch.cat([part.flatten() for part in parts]).detach().clone()


def _peers(workload: Workload) -> dict[str, dict[str, Compute]]:
    """By method the losses of its peers, of the student and a batch of ours."""
    lengths = {"longest": None, "maximum": workload.max_length}

    def obvious(student: Any, batch: dict[str, Any], length: int | None) -> Tensor:
        originals, first, second = (
            repadded(part, length) for part in (batch, batch["first"], batch["second"])
        )
        same = max(len(part["input_ids"][0]) for part in (first, second))
        first, second = repadded(first, same), repadded(second, same)
        coefficients = batch["mixing_coefficients"]
        return obvious_loss(student, workload.teacher, originals, first, second, coefficients)

    def fine_tuning(student: Any, batch: dict[str, Any], length: int | None) -> Tensor:
        loss: Tensor = student(**repadded(batch, length)).loss
        return loss

    peers: dict[str, dict[str, Compute]] = {
        "ft": {"plain Trainer, padded to the maximum": _with(fine_tuning, lengths["maximum"])},
        "sm+tmkd": {
            f"obvious MixKD, padded to the {name}": _with(obvious, length)
            for name, length in lengths.items()
        },
    }
    try:
        import_textbrewer()
    except PeerAbsentError:
        return peers
    brewer = TextBrewerKD(workload, pad_to_maximum=False)

    def textbrewer(student: Any, batch: dict[str, Any], length: int | None) -> Tensor:
        brewer.distiller.model_S = student
        loss: Tensor = brewer.distiller.train_on_batch(repadded(batch, length), {})[0]
        return loss

    peers["kd"] = {
        f"TextBrewer, padded to the {name}": _with(textbrewer, length)
        for name, length in lengths.items()
    }
    return peers


def _with(
    compute: Callable[[Any, dict[str, Any], int | None], Tensor], length: int | None
) -> Compute:
    return lambda student, batch: compute(student, batch, length)


def repadded(texts: dict[str, Any], length: int | None) -> Padded:
    """Padded texts and their labels, cut or padded to `length`, or to the longest of them."""
    mask = texts["attention_mask"]
    longest = int(mask.sum(dim=1).max()) if length is None else length
    kept: Padded = {}
    for name in ("input_ids", "token_type_ids", "attention_mask"):
        if name in texts:
            missing = max(0, longest - mask.shape[1])
            kept[name] = torch.nn.functional.pad(texts[name][:, :longest], (0, missing))
    return {**kept, "labels": texts["labels"]}
