"""Predictions for a table of texts: classes with their probabilities, or scores."""

import csv
import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from experiments.deployment.network import FinishedNetwork
from mixkd_core.atomic import replacing
from mixkd_core.data.table_files import read_table
from mixkd_core.data.token_table import TokenTable
from mixkd_core.errors import InputError
from mixkd_core.networks.inference import run_inference
from reports.files import defused

LongTexts = Literal["cut", "windows"]

PREDICTION, SCORE = "prediction", "score"
SUFFIXES = (".csv", ".tsv", ".jsonl", ".parquet")

# A window shares this part of its tokens with the one before, so that no passage is seen only at a
# border.
OVERLAP = 0.25


@dataclass(frozen=True)
class PredictedTable:
    """The predictions of a network for a table of texts.

    Attributes:
        rows: the table's rows, each with its prediction and the probability of every class
            (`p_<label>`), or with its score.
        long: rows whose text is longer than what the network reads at once.
    """

    rows: list[dict[str, Any]]
    long: int


def predict(
    network: FinishedNetwork,
    rows: Sequence[Mapping[str, Any]],
    text_columns: Sequence[str],
    *,
    long_texts: LongTexts = "cut",
    batch_size: int = 64,
    progress: Any = None,
) -> PredictedTable:
    """Predict every row; columns that are there stay.

    Args:
        rows: values by column.
        text_columns: one column, or two for a pair of texts.
        long_texts: `"cut"` as in training, or read in overlapping `"windows"` whose outputs
            (probabilities, or scores) are averaged with their numbers of tokens as weights.
        progress: called with the number of passages done after each batch.

    Raises:
        InputError: for an empty table, an empty text, windows of a pair, or a column that
            predictions would overwrite.
    """
    if not rows:
        raise InputError("there is no row to predict: give a file with at least one.")
    if long_texts == "windows" and len(text_columns) > 1:
        raise InputError(
            "windows are made of one text, and here a pair is read: cut long pairs instead."
        )
    new = _columns(network)
    taken = [name for name in new if name in rows[0]]
    if taken:
        raise InputError(
            f"the table has a column {taken[0]!r} already, which the predictions would overwrite: "
            "rename it."
        )
    texts = [_texts(rows, column) for column in text_columns]
    tokens = network.tokenizer(*texts, truncation=True, max_length=network.max_length)
    filled = [row for row, ids in enumerate(tokens["input_ids"]) if len(ids) >= network.max_length]
    long = _longer(network, texts, filled)
    owner = np.arange(len(rows))
    if long_texts == "windows" and long:
        tokens = network.tokenizer(
            *texts,
            truncation=True,
            max_length=network.max_length,
            stride=int(OVERLAP * network.max_length),
            return_overflowing_tokens=True,
        )
        owner = np.asarray(tokens["overflow_to_sample_mapping"], dtype=np.int64)
    table = table_of_tokens(tokens, network.tokenizer.pad_token_id)
    logits = run_inference(network.model, table, batch_size=batch_size, progress=progress).logits
    outputs = logits if network.is_regression else _softmax(logits)
    weights = table.lengths.astype(np.float64)[:, None]
    total = np.zeros((len(rows), outputs.shape[1]))
    np.add.at(total, owner, outputs * weights)
    count = np.zeros((len(rows), 1))
    np.add.at(count, owner, weights)
    averaged = total / count
    return PredictedTable(
        [{**row, **_said(network, values)} for row, values in zip(rows, averaged, strict=True)],
        long,
    )


def read_rows(path: Path) -> list[dict[str, Any]]:
    """All rows of a file, in its order.

    Raises:
        InputError: for a file that cannot be read, or a row with too few or too many fields.
    """
    return [dict(row) for _, _, row in read_table(path).whole()]


def write_rows(rows: Sequence[Mapping[str, Any]], path: Path) -> int:
    """Write rows as CSV, TSV, JSONL or parquet, by the file's ending; whole or not at all.

    In CSV and TSV a text that a spreadsheet would run has an apostrophe before it.

    Returns:
        How many cells have got one.

    Raises:
        InputError: for another ending, or a file that cannot be written.
    """
    check_suffix(path)
    suffix = path.suffix.lower()
    if suffix == ".tsv" and any(_breaks(value) for row in rows for value in row.values()):
        raise InputError(
            f"{path} would hold a tab or line break inside a cell, which a tab-separated file "
            "cannot say: write .csv, .jsonl or .parquet instead."
        )
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with replacing(path) as beside:
            _write(rows, beside, suffix)
    except OSError as error:
        raise InputError(f"cannot write {path}: {error.strerror}; give another --out.") from error
    if suffix not in (".csv", ".tsv"):
        return 0
    return sum(defused(cell) != cell for row in rows for cell in _texts_of(row))


def _texts_of(row: Mapping[str, Any]) -> list[Any]:
    return [cell for cell in row.values() if isinstance(cell, str)]


def _write(rows: Sequence[Mapping[str, Any]], path: Path, suffix: str) -> None:
    if suffix == ".parquet":
        import pandas as pd

        pd.DataFrame(list(rows)).to_parquet(path, index=False)
    elif suffix == ".jsonl":
        lines = [
            json.dumps(_finite(dict(row)), ensure_ascii=False, default=str, allow_nan=False)
            for row in rows
        ]
        path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    elif suffix == ".tsv":
        cells = [list(rows[0]), *(row.values() for row in rows)]
        lines = ["\t".join(str(defused(cell)) for cell in row) for row in cells]
        path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    else:
        with path.open("w", encoding="utf-8", newline="") as file:
            writer = csv.writer(file)
            writer.writerow(map(defused, rows[0]))
            writer.writerows([defused(row[name]) for name in rows[0]] for row in rows)


def _finite(value: Any) -> Any:
    """A value of a row with null in place of numbers that JSON has not."""
    if isinstance(value, dict):
        return {key: _finite(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_finite(item) for item in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


def _breaks(value: Any) -> bool:
    return any(character in str(value) for character in "\t\r\n")


def check_suffix(path: Path) -> None:
    """Refuse a file whose ending says no format, before anything is predicted.

    Raises:
        InputError: naming the endings there are.
    """
    if path.suffix.lower() not in SUFFIXES:
        raise InputError(
            f"--out {path} ends in {path.suffix!r}: the format is told by the ending, one of "
            f"{', '.join(SUFFIXES)}."
        )


def _texts(rows: Sequence[Mapping[str, Any]], column: str) -> list[str]:
    if column not in rows[0]:
        raise InputError(
            f"the table has no column {column!r} (it has {', '.join(map(str, rows[0]))}): name the "
            "text's with --text-column, and the second text's of a pair with --text-pair-column."
        )
    texts = ["" if row[column] is None else str(row[column]) for row in rows]
    empty = [number for number, text in enumerate(texts, start=1) if not text.strip()]
    if empty:
        raise InputError(
            f"{len(empty)} of {len(texts)} rows have no text in column {column!r}, first row "
            f"{empty[0]}: drop them, since there is nothing to predict from."
        )
    return texts


def _longer(network: FinishedNetwork, texts: list[list[str]], filled: list[int]) -> int:
    """Count the rows, among those that fill the length, that were longer before they were cut."""
    if not filled:
        return 0
    whole = network.tokenizer(*([column[row] for row in filled] for column in texts))
    return sum(len(ids) > network.max_length for ids in whole["input_ids"])


def _columns(network: FinishedNetwork) -> tuple[str, ...]:
    if network.is_regression:
        return (SCORE,)
    return (PREDICTION, *(f"p_{label}" for label in network.labels))


def _said(network: FinishedNetwork, values: NDArray[np.float64]) -> dict[str, Any]:
    if network.is_regression:
        return {SCORE: float(values[0])}
    chosen = network.labels[int(values.argmax())]
    return {
        PREDICTION: chosen,
        **{f"p_{label}": float(value) for label, value in zip(network.labels, values, strict=True)},
    }


def _softmax(logits: NDArray[np.float32]) -> NDArray[np.float64]:
    from scipy.special import softmax

    probabilities: NDArray[np.float64] = softmax(logits.astype(np.float64), axis=1)
    return probabilities


def table_of_tokens(tokens: Any, pad_token_id: int | None) -> TokenTable:
    """Return what a tokenizer made of texts as a table for inference; its labels say nothing.

    Args:
        tokens: with `input_ids`, perhaps `token_type_ids`, a list a text.
        pad_token_id: of the tokenizer.
    """
    names = [name for name in ("input_ids", "token_type_ids") if name in tokens]
    lengths = np.array([len(ids) for ids in tokens["input_ids"]], dtype=np.int64)
    columns = {
        name: np.concatenate([np.asarray(ids, np.int64) for ids in tokens[name]]) for name in names
    }
    offsets = np.concatenate([[0], np.cumsum(lengths)])
    labels = np.zeros(len(lengths), np.int64)  # a table of tokens has labels: any will do
    return TokenTable(columns, offsets, labels, 0 if pad_token_id is None else pad_token_id)
