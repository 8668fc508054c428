"""A network's outputs on a table of texts: evaluation mode, no gradient, sorted by length."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from mixkd_core.data.token_table import TokenTable
from mixkd_core.errors import NonFiniteError
from mixkd_core.mixing.pairing import Pairs
from mixkd_core.networks.mix_layer import MixLayer
from mixkd_core.networks.mixed_forward import MixedPairs, forward
from mixkd_core.networks.speed.shortcuts import only_what_is_read

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
    progress: Callable[[int], object] | None = None,
) -> Inference:
    """Logits (and states) of `model` on every text of `table`.

    The model's training mode and the random state are left as they were found.

    Args:
        batch_size: texts at a time.
        state_layers: layers, counted from 1, whose first-position states are wanted.
        precision: context under which the model runs, such as an autocast.
        progress: called with the number of texts done after each batch.

    Raises:
        NonFiniteError: if a logit is NaN or infinite. Weights can be finite and yet so large that
            a pass overflows: what a last step ruined shows only here.
    """
    device = next(model.parameters()).device
    order = np.argsort(table.lengths, kind="stable")
    logits, states = [], []
    with _evaluation_mode(model):
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
    back = np.argsort(order, kind="stable")
    all_logits = np.concatenate(logits)[back]
    bad = np.flatnonzero(~np.isfinite(all_logits).all(axis=1))
    if len(bad):
        raise NonFiniteError(
            f"the network's logits are NaN or infinite on {len(bad)} of {len(order)} texts, first "
            f"on row {bad[0]}: its training diverged. Lower the learning rate, or train in float32 "
            "if it was bfloat16."
        )
    return Inference(
        logits=all_logits,
        states=np.concatenate(states)[back] if states else None,
    )


def run_mixed_inference(
    model: Any,
    table: TokenTable,
    pairs: Pairs,
    *,
    mix_layer: MixLayer = 0,
    batch_size: int = 64,
    state_layers: tuple[int, ...] = (),
    precision: Precision = nullcontext,
) -> Inference:
    """Logits (and states) of `model` on mixed samples, in the order of the pairs.

    The model's training mode and the random state are left as they were found.

    Args:
        table: the texts that the pairs' rows belong to.
        mix_layer: where to mix (`mixkd_core.networks.mixed_forward.forward`).
        batch_size: mixed samples at a time.
        state_layers: layers, counted from 1, whose first-position states are wanted.
        precision: context under which the model runs, such as an autocast.
    """
    device = next(model.parameters()).device
    longer = np.maximum(table.lengths[pairs.first], table.lengths[pairs.second])
    order = np.argsort(longer, kind="stable")
    logits = np.empty((len(pairs), model.config.num_labels), dtype=np.float32)
    shape = (len(pairs), len(state_layers), model.config.hidden_size)
    states = np.empty(shape, dtype=np.float32) if state_layers else None
    with _evaluation_mode(model):
        for start in range(0, len(order), batch_size):
            these = order[start : start + batch_size]
            length = int(longer[these].max())
            first, second = (
                {name: tensor.to(device) for name, tensor in table.pad(rows, length).items()}
                for rows in (pairs.first[these], pairs.second[these])
            )
            coefficients = pairs.mixing_coefficients[these].astype(np.float32)
            mixed = MixedPairs(first, second, torch.from_numpy(coefficients).to(device))
            with torch.no_grad(), precision():
                outputs = forward(
                    model, None, mixed, mix_layer=mix_layer, state_layers=state_layers
                )
            assert outputs.mixed_logits is not None
            logits[these] = outputs.mixed_logits.float().cpu().numpy()
            if states is not None and outputs.mixed_states is not None:
                states[these] = outputs.mixed_states.float().cpu().numpy()
    return Inference(logits, states)


@contextmanager
def _evaluation_mode(model: Any) -> Iterator[None]:
    was_training = model.training
    model.eval()
    try:
        with only_what_is_read(model):
            yield
    finally:
        model.train(was_training)
