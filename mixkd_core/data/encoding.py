"""Task data in tokens."""

from pathlib import Path
from typing import Any

from mixkd_core.data.token_cache import tokenised
from mixkd_core.data.token_table import TokenTable, token_table


def encode(dataset: Any, tokenizer: Any, max_length: int, folder: Path | None = None) -> Any:
    """Tokenise a data set in the canonical columns.

    Args:
        dataset: with `text`, perhaps `text_pair`, and `label`.
        tokenizer: a `transformers` tokenizer.
        max_length: tokens beyond which a text, or a pair (its longer member first), is cut off.
        folder: where tokens of many texts are kept between runs
            (`mixkd_core.data.token_cache`); None keeps none.

    Returns:
        A `datasets.Dataset` with `input_ids`, `token_type_ids` where the tokenizer has them, and
        `labels`: what `MixKDTrainer` takes.
    """
    from datasets import Dataset

    names = [name for name in ("text", "text_pair") if name in dataset.column_names]
    columns = dataset.with_format("arrow", columns=[*names, "label"])[:]
    tokens = tokenised(columns.select(names), tokenizer, max_length, folder)
    return Dataset(tokens.append_column("labels", columns["label"]))


def encode_table(
    dataset: Any, tokenizer: Any, max_length: int, folder: Path | None = None
) -> TokenTable:
    """The same as a `TokenTable`, for inference."""
    return token_table(encode(dataset, tokenizer, max_length, folder), tokenizer.pad_token_id)


def count_of_length(tokens: Any, length: int) -> int:
    """Return how many texts of a tokenised data set have so many tokens."""
    import pyarrow.compute as pc  # type: ignore[import-untyped]

    lengths = pc.list_value_length(
        tokens.with_format("arrow", columns=["input_ids"])[:]["input_ids"]
    )
    return int(pc.sum(pc.equal(lengths, length)).as_py() or 0)
