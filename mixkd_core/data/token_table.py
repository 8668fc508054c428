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

TOKEN_COLUMNS = ("input_ids", "token_type_ids", "attention_mask")

# What a position past the end of a text holds; input_ids take the tokenizer's [PAD].
PAD_VALUES = {"attention_mask": 0, "token_type_ids": 0}

# The class of a text that has none; no class has this index.
NO_LABEL = -100


@dataclass(frozen=True)
class TokenTable:
    """The token columns of a data set (`input_ids`, perhaps `token_type_ids`) and its labels.

    Attributes:
        columns: token column → values of all texts one after another, of shape `(tokens,)`.
        offsets: where each text begins, and the end, of shape `(n + 1,)`.
        labels: class indices (int64) or real values (float32), of shape `(n,)`, or distributions
            over the classes (float32), of shape `(n, num_labels)`.
        pad_token_id: the `input_ids` past the end of a text.
    """

    columns: Mapping[str, NDArray[np.integer]]
    offsets: NDArray[np.int64]
    labels: NDArray[Any]
    pad_token_id: int

    def __len__(self) -> int:
        return len(self.offsets) - 1

    @property
    def lengths(self) -> NDArray[np.int64]:
        """Tokens per text, of shape `(n,)`."""
        return np.diff(self.offsets)

    @property
    def classes(self) -> NDArray[np.int64] | None:
        """The labels where they are class indices, None where they are real or soft."""
        return self.labels if self.labels.dtype.kind == "i" else None

    def select(self, rows: NDArray[np.int64]) -> "TokenTable":
        """The table of these rows, in their order."""
        lengths = self.lengths[rows]
        offsets = np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64)
        where = np.arange(offsets[-1]) + np.repeat(self.offsets[rows] - offsets[:-1], lengths)
        columns = {name: values[where] for name, values in self.columns.items()}
        return TokenTable(columns, offsets, self.labels[rows], self.pad_token_id)

    def followed_by(self, unlabelled: "TokenTable") -> "TokenTable":
        """The table, and after its rows those of another, whose labels are no labels.

        Raises:
            InputError: if the two have other token columns.
        """
        if self.columns.keys() != unlabelled.columns.keys():
            ours, theirs = (", ".join(table.columns) for table in (self, unlabelled))
            raise InputError(
                f"the training texts have {ours}, and the unlabelled texts {theirs}: tokenise both "
                "with one tokenizer."
            )
        shape = (len(unlabelled), *self.labels.shape[1:])
        absent = np.full(shape, NO_LABEL if self.classes is not None else np.nan)
        return TokenTable(
            {
                name: np.concatenate([values, unlabelled.columns[name]])
                for name, values in self.columns.items()
            },
            np.concatenate([self.offsets, self.offsets[-1] + unlabelled.offsets[1:]]),
            np.concatenate([self.labels, absent.astype(self.labels.dtype)]),
            self.pad_token_id,
        )

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
            padded[name] = torch.from_numpy(
                np.where(present, values[where], filler).astype(np.int64)
            )
        return padded


def token_table(
    dataset: Any, pad_token_id: int | None, label_column: str | None = "labels"
) -> TokenTable:
    """The table of a tokenised `datasets.Dataset`, or of any sequence of row dictionaries.

    Positions that an `attention_mask` column leaves out (texts padded beforehand) are dropped.
    Without a label column every class is `NO_LABEL`.

    Raises:
        InputError: if there are no rows or only a stream of them, `input_ids` or the labels are
            missing, a text has no token, or labels are not numbers.
    """
    labelled = () if label_column is None else (label_column,)
    dataset = _as_dataset(dataset, (*TOKEN_COLUMNS, *labelled))
    if not len(dataset):
        raise InputError("the data set is empty: give at least one example.")
    for needed in ("input_ids", *labelled):
        if needed not in dataset.column_names:
            raise InputError(
                f"the data set has no column {needed!r} (it has "
                f"{', '.join(dataset.column_names)}): tokenise it"
                + "".join(f" and name its label column {name!r}" for name in labelled)
                + " before giving it to the trainer."
            )
    table = dataset.with_format("arrow")[:]
    lists = {
        name: table[name].combine_chunks() for name in TOKEN_COLUMNS if name in dataset.column_names
    }
    lengths = lists["input_ids"].value_lengths().fill_null(0).to_numpy().astype(np.int64)
    _check_tokens(lengths)
    columns = {name: _numbers(name, values.flatten()) for name, values in lists.items()}
    if "attention_mask" in columns:
        attended = columns.pop("attention_mask") == 1
        rows = np.repeat(np.arange(len(lengths)), lengths)
        lengths = np.bincount(rows[attended], minlength=len(lengths))
        columns = {name: values[attended] for name, values in columns.items()}
        _check_tokens(lengths)
    offsets = np.concatenate([[0], np.cumsum(lengths)])
    labels = np.full(len(lengths), NO_LABEL)
    if label_column is not None:
        labels = _labels(table[label_column], label_column)
    return TokenTable(columns, offsets, labels, 0 if pad_token_id is None else pad_token_id)


def _numbers(name: str, values: Any) -> NDArray[np.int32]:
    """Return a column's numbers in 32 bits: half the memory, and no id needs more."""
    import pyarrow as pa  # type: ignore[import-untyped]

    try:
        if values.null_count:
            raise ValueError("there are gaps among them")
        numbers: NDArray[np.int32] = values.cast(pa.int32()).to_numpy()
    except ValueError as error:
        raise InputError(
            f"the values in column {name!r} of the data set are no token ids ({error}): tokenise "
            "its texts."
        ) from error
    return numbers


def _check_tokens(lengths: NDArray[np.int64]) -> None:
    if not np.all(lengths):
        row = int(np.flatnonzero(lengths == 0)[0])
        raise InputError(
            f"row {row} of the data set has no token: drop empty texts, and give pairs of texts to "
            "a tokenizer that has a template for them."
        )


def check_labels(labels: NDArray[Any], num_labels: int) -> None:
    """Check that a classifier of `num_labels` outputs (1: a regression) can learn these labels.

    Raises:
        InputError: naming the first row whose label it cannot.
    """
    if labels.ndim == 2:
        wanted = f"a list of {num_labels} probabilities that sum to 1"
        fits = np.all(labels >= 0, axis=1) & (np.abs(labels.sum(axis=1) - 1) < 1e-3)
        fits &= labels.shape[1] == num_labels > 1
    elif num_labels == 1:
        wanted = "a finite number"
        fits = np.isfinite(labels)
    else:
        wanted = f"an integer from 0 to {num_labels - 1} or a list of {num_labels} probabilities"
        fits = (labels >= 0) & (labels < num_labels) & (labels.dtype.kind == "i")
    if not np.all(fits):
        row = int(np.flatnonzero(~fits)[0])
        raise InputError(
            f"row {row} of the data set has the label {labels[row]}, but a student of "
            f"{num_labels} output(s) needs {wanted}."
        )


def _labels(column: Any, name: str) -> NDArray[Any]:
    """Class indices and real values of shape `(n,)`; lists (distributions) `(n, num_labels)`."""
    try:
        labels = np.array(column.to_pylist() if column.type.num_fields else column.to_numpy())
        if labels.dtype.kind not in "iuf":
            raise ValueError(f"they are of type {column.type}")
    except ValueError as error:
        raise InputError(
            f"the labels in column {name!r} of the data set are not numbers, or lists of "
            f"numbers of one length ({error}): map them to class indices first."
        ) from error
    real = labels.dtype.kind == "f" or labels.ndim == 2
    return labels.astype(np.float32 if real else np.int64)


def _as_dataset(dataset: Any, columns: tuple[str, ...]) -> Any:
    """A `datasets.Dataset` as it is; rows of dictionaries (any map-style data set) gathered."""
    from datasets import Dataset

    if isinstance(dataset, Dataset):
        return dataset
    if not hasattr(dataset, "__len__"):
        raise InputError(
            f"the data set, a {type(dataset).__name__}, is a stream of unknown length: pairs "
            "are drawn over the whole set, so give one with rows, such as a datasets.Dataset."
        )
    rows = (dataset[row] for row in range(len(dataset)))
    return Dataset.from_list(
        [{name: np.asarray(row[name]).tolist() for name in columns if name in row} for row in rows]
    )
