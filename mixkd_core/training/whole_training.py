"""A training's loss and time over all the calls that it took."""

import time
from typing import Any

from torch import Tensor
from transformers import TrainerCallback, TrainerState

NAME = "WholeTraining"  # of the entry in a checkpoint's trainer_state.json


class WholeTraining(TrainerCallback):  # type: ignore[misc]
    """Adds up what `Trainer`, after an interruption, counts from its checkpoint on."""

    def __init__(self) -> None:
        self.loss: float | Tensor = 0.0
        self.seconds = 0.0
        self._since = time.monotonic()

    def on_train_begin(self, args: Any, state: TrainerState, control: Any, **kwargs: Any) -> None:
        """Start from what the checkpoint says, or from nothing."""
        earlier = state.stateful_callbacks.get(NAME, {})
        self.loss, self.seconds = earlier.get("loss", 0.0), earlier.get("seconds", 0.0)
        self._since = time.monotonic()

    def add(self, loss: Tensor) -> None:
        """Take note of a batch's part of the loss of its step, a scalar."""
        self.loss = self.loss + loss.detach()

    def note(self, state: TrainerState) -> None:
        """Write what there is so far into a state that is about to be saved."""
        state.stateful_callbacks[NAME] = {"loss": float(self.loss), "seconds": self._elapsed()}

    def complete(self, logs: dict[str, float], state: TrainerState, examples: int) -> None:
        """Let the last entry of a training that was resumed speak of all of it.

        Args:
            logs: that entry; changed in place.
            examples: in the training set.
        """
        if not self.seconds:
            return
        seconds = self._elapsed()
        logs |= {
            "train_runtime": round(seconds, 4),
            "train_samples_per_second": round(examples * (state.epoch or 0.0) / seconds, 3),
            "train_steps_per_second": round(state.global_step / seconds, 3),
            "train_loss": float(self.loss) / max(state.global_step, 1),
        }

    def _elapsed(self) -> float:
        return self.seconds + time.monotonic() - self._since
