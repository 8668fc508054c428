"""Stopping when the loss, or what was learnt, is no longer a number."""

from dataclasses import dataclass, field

import torch
from torch import Tensor, nn

from mixkd_core.errors import NonFiniteError


@dataclass
class NanGuard:
    """Remembers the losses of recent batches and looks at them every `every` batches.

    Looking costs a synchronisation with an accelerator, so it is not done at each step there.
    """

    every: int
    _recent: list[tuple[Tensor, int, Tensor]] = field(default_factory=list)

    def watch(self, loss: Tensor, step: int, rows: Tensor) -> None:
        """Take note of the loss of one batch.

        Args:
            loss: a scalar.
            step: the optimisation step that it belongs to, counted from 1.
            rows: the batch's rows of the training set, of shape `(n,)`.

        Raises:
            NonFiniteError: if it is time to look and a loss is NaN or infinite.
        """
        self._recent.append((loss.detach(), step, rows))
        if len(self._recent) >= self.every:
            self.check()

    def check(self) -> None:
        """Look at the losses taken note of, and forget them.

        Raises:
            NonFiniteError: naming the first step and batch whose loss is NaN or infinite.
        """
        recent, self._recent = self._recent, []
        if not recent:
            return
        values = torch.stack([loss.float() for loss, _, _ in recent])
        for value, (_, step, rows) in zip(values.tolist(), recent, strict=True):
            if not abs(value) < float("inf"):
                shown = ", ".join(str(row) for row in rows.tolist()[:8])
                more = f" and {len(rows) - 8} more" if len(rows) > 8 else ""
                raise NonFiniteError(
                    f"the loss is {value} at step {step}, on the batch of training rows "
                    f"{shown}{more}; training was stopped and checkpoints saved before are kept. "
                    "Lower the learning rate, or train in float32 if it was bfloat16."
                )


def check_weights(model: nn.Module, step: int) -> None:
    """Look at the weights: a step can ruin them although the loss it was taken on was finite.

    Raises:
        NonFiniteError: if a weight of `model`, after step `step`, is NaN or infinite.
    """
    finite = [parameter.detach().isfinite().all() for parameter in model.parameters()]
    if not torch.stack(finite).all():
        name = next(
            name for name, weight in model.named_parameters() if not weight.isfinite().all()
        )
        raise NonFiniteError(
            f"step {step} left weights that are NaN or infinite, first in {name!r}; training was "
            "stopped and checkpoints saved before are kept. Lower the learning rate, or train in "
            "float32 if it was bfloat16."
        )
