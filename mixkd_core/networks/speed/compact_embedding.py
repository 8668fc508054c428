"""Training the rows of the word table that the training texts use, and only those.

A row that no training text uses has no gradient: all that AdamW does to it is the weight decay.
On small data sets that is most of the table, and clearing, clipping and stepping over a gradient
of its size takes longer than the network itself. Here the embedding holds the used rows while it
is trained; the others get their decay when the whole table is asked for. What is learnt is the
same, up to rounding.

The optimiser's moments go with the table: they hold the used rows while it does, and are whole
where it is whole, in checkpoints above all. A row that no text of this training uses, but one of
an earlier training did, still moves by its moments: it is held too.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from transformers import TrainerCallback

# Of the table, above which holding the used rows apart is not worth its while.
LARGEST_SHARE = 0.5

ROWS_AT_A_TIME = 512

OPTIMISERS = ("adamw_torch", "adamw_torch_fused")


class CompactEmbedding(TrainerCallback):  # type: ignore[misc]
    """Holds the used rows of a model's word table in the table's place.

    Args:
        model: whose `get_input_embeddings()` it is.
        used: the token ids of the training texts, repeated or not.
        optimizer: gives the optimiser that trains the model; None while there is none.
    """

    def __init__(
        self,
        model: Any,
        used: NDArray[np.int64],
        optimizer: Callable[[], Any] = lambda: None,
    ) -> None:
        self.optimizer = optimizer
        self.embedding: nn.Embedding = model.get_input_embeddings()
        padding = self.embedding.padding_idx
        rows = np.unique(used if padding is None else np.append(used, padding))
        self._hold(torch.from_numpy(rows))
        self.padding_idx = padding
        self.factors: list[float] = []
        self._table: Tensor | None = None
        self._hook: Any = None

    @property
    def worthwhile(self) -> bool:
        """Return True if few enough rows are used, of a table that can be taken apart."""
        table = self.embedding
        plain = (
            type(table) is nn.Embedding
            and table.max_norm is None
            and not (table.scale_grad_by_freq or table.sparse)
            and table.weight.requires_grad
        )
        return plain and len(self.rows) <= LARGEST_SHARE * len(self.places)

    @contextmanager
    def held(self) -> Iterator[None]:
        """Within the context the embedding holds the used rows, and looks token ids up in them."""
        # Twice, because an interrupt may come at any line: before the first, or halfway through it.
        try:
            try:
                self._take_apart()
                yield
            finally:
                self._put_together()
        finally:
            self._put_together()
            self.embedding.weight.grad = None  # of the used rows alone

    @contextmanager
    def whole(self) -> Iterator[None]:
        """Within the context, and inside of `held`, the embedding is whole.

        What is done to it there (a checkpoint read) is kept.
        """
        apart = self._table is not None
        if apart:
            self._put_together()
        try:
            yield
        finally:
            if apart:
                self._take_apart()

    def on_pre_optimizer_step(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        """Take note of the decay that this step means for a row without gradient.

        A parameter without gradient is passed over by the optimiser, decay and all.
        """
        if self.embedding.weight.grad is None:
            return
        for group in kwargs["optimizer"].param_groups:
            ours = any(parameter is self.embedding.weight for parameter in group["params"])
            if ours and group["weight_decay"]:
                self.factors.append(1 - group["lr"] * group["weight_decay"])

    def _hold(self, rows: Tensor) -> None:
        """Let these be the rows that are held, in ascending order."""
        self.rows = rows
        self.places = torch.full((self.embedding.num_embeddings,), -1, device=rows.device)
        self.places[rows] = torch.arange(len(rows), device=rows.device)

    def _moments(self, shape: torch.Size) -> dict[str, Tensor]:
        """Return the optimiser's moments of each element of a weight of this shape, by name."""
        optimizer, weight = self.optimizer(), self.embedding.weight
        state = {} if optimizer is None else optimizer.state.get(weight, {})
        return {
            name: value
            for name, value in state.items()
            if isinstance(value, Tensor) and value.shape == shape
        }

    def _take_apart(self) -> None:
        weight = self.embedding.weight
        moments = self._moments(weight.shape)
        moving = [value.count_nonzero(dim=1).nonzero().flatten() for value in moments.values()]
        rows = torch.cat(
            [self.rows.to(weight.device), *(rows.to(weight.device) for rows in moving)]
        )
        self._hold(torch.unique(rows))
        self.factors = []
        self._table = weight.data
        for name, value in moments.items():
            self.optimizer().state[weight][name] = value[self.rows.to(value.device)]
        # `.data`, so that the parameter stays the one that the optimiser knows.
        weight.data = self._table[self.rows]
        if self.padding_idx is not None:
            self.embedding.padding_idx = int(self.places[self.padding_idx])
        self._hook = self.embedding.register_forward_pre_hook(
            lambda _module, inputs: (self.places[inputs[0]],)
        )

    def _put_together(self) -> None:
        """Undo `_take_apart`, or the part of it that was done; begun twice, it ends the same."""
        if self._table is None:
            return
        weight, shape = self.embedding.weight, self._table.shape
        for name, value in self._moments(torch.Size((len(self.rows), *shape[1:]))).items():
            moment = value.new_zeros(shape)
            moment[self.rows.to(value.device)] = value
            self.optimizer().state[weight][name] = moment
        if weight.shape != shape:
            table = self._decayed()
            table[self.rows] = weight.data.to(table.device)
            weight.data = table
        self.embedding.padding_idx = self.padding_idx
        if self._hook is not None:
            self._hook.remove()
        self._table = None

    def _decayed(self) -> Tensor:
        """Return a copy of the table after the decay of every step.

        Step by step and not as one product: checkpoints in between, which ask for the whole table,
        must not change a bit. Few rows at a time stay in the processor's cache.
        """
        assert self._table is not None
        decayed = self._table.clone()
        for block in torch.split(decayed, ROWS_AT_A_TIME):
            for factor in self.factors:
                block *= factor
        return decayed
