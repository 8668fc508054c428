"""Tokens of many texts: made in parts, and kept on disk between runs.

A file is named by a digest of everything that its content follows from: the texts, the tokenizer,
the length beyond which texts are cut off, and the versions of the libraries. It holds the texts'
tokens in the order of the sorted texts, so that a training set finds it whatever order a seed gave
its rows. Every part of it carries that digest and a checksum, and a few texts are tokenised anew
and compared with it, before it is believed. It may be deleted at any time.
"""

from __future__ import annotations

import hashlib
import itertools
import json
import logging
from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa  # type: ignore[import-untyped]
import pyarrow.compute as pc  # type: ignore[import-untyped]

from mixkd_core.atomic import replacing, shared_folder
from mixkd_core.data.columns import add_texts

logger = logging.getLogger(__name__)

FORMAT = 1

# Tokenised at a time: many enough for a tokenizer's threads, and few enough for the lists of
# numbers that it returns, which take ten times the memory of what is made of them.
ROWS_OF_PART = 4096

# Fewer texts are tokenised in about the time that it takes to look for a file of theirs.
FEWEST_TEXTS = 10_000

# So many texts are tokenised anew to see that a file is theirs.
COMPARED = 64

TOKENS = pa.list_(pa.int32())


def tokenised(texts: pa.Table, tokenizer: Any, max_length: int, folder: Path | None) -> pa.Table:
    """Return `input_ids`, and `token_type_ids` where the tokenizer has them, in the texts' order.

    A folder that cannot be written, or a file in it that is not to be believed, is warned of, and
    the texts are tokenised as if there were none.

    Args:
        texts: a column of texts, or two of pairs.
        tokenizer: a `transformers` tokenizer.
        max_length: tokens beyond which a text, or a pair (its longer member first), is cut off.
        folder: where tokens of many texts are kept; None keeps none.
    """
    content = None
    if folder is not None and texts.num_rows >= FEWEST_TEXTS:
        content = _content(tokenizer)
    if folder is None or content is None:
        return pa.Table.from_batches(_parts(texts, tokenizer, max_length))
    order = pc.sort_indices(texts, sort_keys=[(name, "ascending") for name in texts.column_names])
    tokens = _kept(texts.take(order), tokenizer, max_length, content, folder)
    place = np.empty(len(order), dtype=np.int64)
    place[order] = np.arange(len(order))
    # A column after the other, which takes less memory at a time.
    return pa.table({name: tokens[name].take(pa.array(place)) for name in tokens.column_names})


def _kept(texts: pa.Table, tokenizer: Any, max_length: int, content: str, folder: Path) -> pa.Table:
    """Return the tokens of sorted texts, from their file if it is there, else by making it."""
    key = _key(texts, content, max_length)
    path = folder / f"{key}.arrow"
    if path.is_file():
        try:
            tokens = _read(path, key)
            _compare(tokens, texts, tokenizer, max_length)
            return tokens
        except (pa.ArrowException, OSError, ValueError, KeyError) as error:
            logger.warning(
                "the stored tokens %s are damaged (%s): they are made anew.", path, error
            )
    try:
        shared_folder(folder, folder.parent)
        with replacing(path) as beside:
            _write(beside, key, _parts(texts, tokenizer, max_length))
        return _read(path, key)
    except OSError as error:
        logger.warning(
            "cannot keep tokens in %s (%s): every run makes its own.",
            folder,
            error.strerror or error,
        )
        return pa.Table.from_batches(_parts(texts, tokenizer, max_length))


def _parts(texts: pa.Table, tokenizer: Any, max_length: int) -> Iterator[pa.RecordBatch]:
    """Yield the tokens of some thousand texts at a time."""
    for start in range(0, max(1, texts.num_rows), ROWS_OF_PART):
        columns = [column.to_pylist() for column in texts.slice(start, ROWS_OF_PART).columns]
        tokens = tokenizer(*columns, truncation=True, max_length=max_length)
        names = [name for name in ("input_ids", "token_type_ids") if name in tokens]
        yield pa.record_batch({name: pa.array(tokens[name], TOKENS) for name in names})


def _write(path: Path, key: str, parts: Iterator[pa.RecordBatch]) -> None:
    first = next(parts)
    with path.open("wb") as file, pa.ipc.new_stream(file, first.schema) as writer:
        for number, part in enumerate(itertools.chain([first], parts)):
            writer.write_batch(part, custom_metadata={key: _checksum(key, number, part)})


def _read(path: Path, key: str) -> pa.Table:
    """Return the tokens that were stored under a key, as they lie on disk.

    Raises:
        ValueError, KeyError, OSError, pa.ArrowException: if there are none, or they are damaged.
    """
    parts: list[pa.RecordBatch] = []
    with pa.ipc.open_stream(pa.memory_map(str(path))) as reader:
        while True:
            try:
                part, about = reader.read_next_batch_with_custom_metadata()
            except StopIteration:
                break
            # First of all: a damaged part may point to memory that is not its own.
            part.validate(full=True)
            if about is None or key not in about:
                raise ValueError("it is of another key")
            if about[key].decode() != _checksum(key, len(parts), part):
                raise ValueError("it differs from its checksum")
            parts.append(part)
    return pa.Table.from_batches(parts)


def _compare(tokens: pa.Table, texts: pa.Table, tokenizer: Any, max_length: int) -> None:
    """Raise ValueError if what was found is not what the tokenizer makes of some of the texts."""
    if tokens.num_rows != texts.num_rows:
        raise ValueError(f"it holds {tokens.num_rows} texts instead of {texts.num_rows}")
    rows = pa.array(np.unique(np.linspace(0, texts.num_rows - 1, COMPARED).astype(np.int64)))
    own = pa.Table.from_batches(_parts(texts.take(rows), tokenizer, max_length))
    if not tokens.take(rows).equals(own):
        raise ValueError("the tokenizer gives other tokens")


def _key(texts: pa.Table, content: str, max_length: int) -> str:
    described = {
        "format": FORMAT,
        "tokenizer": content,
        "max_length": max_length,
        **{library: version(library) for library in ("tokenizers", "transformers")},
    }
    digest = hashlib.sha256(json.dumps(described, sort_keys=True, allow_nan=False).encode())
    for column in texts.columns:
        add_texts(digest, column.combine_chunks())
    return digest.hexdigest()[:32]


def _content(tokenizer: Any) -> str | None:
    """Return everything that tokens depend on, or None where it cannot be written down."""
    try:
        stored = json.loads(tokenizer.backend_tokenizer.to_str())
    # A tokenizer written in Python has no such form; of one that is so in part, the library says
    # by a bare Exception that it has none.
    except Exception:
        return None
    # What the last call asked for; every call asks for its own.
    for asked in ("truncation", "padding"):
        stored.pop(asked, None)
    settings = ("truncation_side", "model_input_names", "split_special_tokens")
    described = [type(tokenizer).__name__, *(getattr(tokenizer, name, None) for name in settings)]
    return json.dumps([described, stored], sort_keys=True, allow_nan=False)


def _checksum(key: str, number: int, part: pa.RecordBatch) -> str:
    digest = hashlib.sha256(f"{key} {number}".encode())
    for name, column in zip(part.schema.names, part.columns, strict=True):
        for array in (column.value_lengths(), column.flatten()):
            digest.update(f"\n{name} {len(array)}\n".encode())
            digest.update(np.ascontiguousarray(array.to_numpy()).data)
    return digest.hexdigest()
