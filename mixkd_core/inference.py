"""A network's outputs on a whole table of texts: evaluation mode, no gradient, sorted by length."""

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from mixkd_core.mixed_forward import forward
from mixkd_core.token_table import TokenTable

Precision = Callable[[], AbstractContextManager[Any]]


@dataclass(frozen=True)
class Inference:
    """Outputs in the order of the table.

    Attributes:
        logits: of shape `(n, num_labels)`, float32.
        states: first-position hidden states after the layers asked for, of shape
            `(n, layers, hidden_size)`, or None.
    """

    logits: NDArray[np.float32]
    states: NDArray[np.float32] | None


def run_inference(
    model: Any,
    table: TokenTable,
    *,
    batch_size: int = 64,
    state_layers: tuple[int, ...] = (),
    precision: Precision = nullcontext,
    progress: Callable[[int], None] | None = None,
) -> Inference:
    """Logits (and states) of `model` on every text of `table`.

    The model's training mode and the random state are left as they were found.

    Args:
        batch_size: texts at a time.
        state_layers: layers, counted from 1, whose first-position states are wanted.
        precision: context under which the model runs, such as an autocast.
        progress: called with the number of texts done after each batch.
    """
    device = next(model.parameters()).device
    order = np.argsort(table.lengths, kind="stable")
    logits, states = [], []
    was_training = model.training
    model.eval()
    try:
        for start in range(0, len(order), batch_size):
            rows = order[start : start + batch_size]
            texts = table.pad(rows, int(table.lengths[rows].max()))
            texts = {name: tensor.to(device) for name, tensor in texts.items()}
            with torch.no_grad(), precision():
                outputs = forward(model, texts, None, state_layers=state_layers)
            assert outputs.logits is not None
            logits.append(outputs.logits.float().cpu().numpy())
            if outputs.states is not None:
                states.append(outputs.states.float().cpu().numpy())
            if progress is not None:
                progress(len(rows))
    finally:
        model.train(was_training)
    back = np.argsort(order, kind="stable")
    return Inference(
        logits=np.concatenate(logits)[back],
        states=np.concatenate(states)[back] if states else None,
    )
