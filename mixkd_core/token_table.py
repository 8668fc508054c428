"""Tokenised texts in flat arrays: tokenised once, padded on demand, to the length a batch needs."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from mixkd_core.errors import InputError

Padded = dict[str, Tensor]

# What a position past the end of a text holds; input_ids take the tokenizer's [PAD].
PAD_VALUES = {"attention_mask": 0, "token_type_ids": 0}


@dataclass(frozen=True)
class TokenTable:
    """The token columns of a data set (`input_ids`, perhaps `token_type_ids`) and its labels.

    Attributes:
        columns: token column → values of all texts one after another, of shape `(tokens,)`.
        offsets: where each text begins, and the end, of shape `(n + 1,)`.
        labels: class indices (int64) or real values (float32), of shape `(n,)`.
        pad_token_id: the `input_ids` past the end of a text.
    """

    columns: Mapping[str, NDArray[np.int64]]
    offsets: NDArray[np.int64]
    labels: NDArray[Any]
    pad_token_id: int

    def __len__(self) -> int:
        return len(self.offsets) - 1

    @property
    def lengths(self) -> NDArray[np.int64]:
        """Tokens per text, of shape `(n,)`."""
        return np.diff(self.offsets)

    def pad(self, rows: NDArray[np.int64], length: int) -> Padded:
        """The texts of `rows`, each padded on the right: tensors of shape `(len(rows), length)`.

        Padding is on the right whatever the tokenizer prefers, because the rules of mixup are
        stated for texts that begin at the same slot.
        """
        slots = np.arange(length)
        present = slots < self.lengths[rows, None]
        where = np.where(present, self.offsets[rows, None] + slots, 0)
        padded = {"attention_mask": torch.from_numpy(present.astype(np.int64))}
        for name, values in self.columns.items():
            filler = self.pad_token_id if name == "input_ids" else PAD_VALUES[name]
            padded[name] = torch.from_numpy(np.where(present, values[where], filler))
        return padded


def token_table(dataset: Any, pad_token_id: int | None, label_column: str = "labels") -> TokenTable:
    """The table of a tokenised `datasets.Dataset`, or of any sequence of row dictionaries.

    Raises:
        InputError: if `input_ids` or the labels are missing, or a text has no token.
    """
    wanted = ("input_ids", "token_type_ids", label_column)
    dataset = _as_dataset(dataset, wanted)
    for needed in ("input_ids", label_column):
        if needed not in dataset.column_names:
            raise InputError(
                f"the training set has no column {needed!r} (it has "
                f"{', '.join(dataset.column_names)}): tokenise it and name its label column "
                f"{label_column!r} before giving it to the trainer."
            )
    table = dataset.with_format("arrow")[:]
    columns, offsets = {}, np.zeros(1, dtype=np.int64)
    for name in ("input_ids", "token_type_ids"):
        if name in dataset.column_names:
            lists = table[name].combine_chunks()
            ends = lists.offsets.to_numpy().astype(np.int64)
            columns[name] = lists.values.to_numpy()[ends[0] : ends[-1]].astype(np.int64)
            offsets = ends - ends[0]
    if np.any(np.diff(offsets) == 0):
        row = int(np.flatnonzero(np.diff(offsets) == 0)[0])
        raise InputError(f"row {row} of the training set has no token: drop empty texts.")
    labels = table[label_column].to_numpy()
    labels = labels.astype(np.float32 if labels.dtype.kind == "f" else np.int64)
    return TokenTable(columns, offsets, labels, 0 if pad_token_id is None else pad_token_id)


def _as_dataset(dataset: Any, columns: tuple[str, ...]) -> Any:
    """A `datasets.Dataset` as it is; rows of dictionaries (any map-style data set) gathered."""
    from datasets import Dataset

    if isinstance(dataset, Dataset):
        return dataset
    rows = (dataset[row] for row in range(len(dataset)))
    return Dataset.from_list(
        [{name: np.asarray(row[name]).tolist() for name in columns if name in row} for row in rows]
    )
