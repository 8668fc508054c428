"""Task data in tokens."""

from typing import Any

from mixkd_core.data.token_table import TokenTable, token_table


def encode(dataset: Any, tokenizer: Any, max_length: int) -> Any:
    """Tokenise a data set in the canonical columns.

    Args:
        dataset: with `text`, perhaps `text_pair`, and `label`.
        tokenizer: a `transformers` tokenizer.
        max_length: tokens beyond which a text, or a pair (its longer member first), is cut off.

    Returns:
        A `datasets.Dataset` with `input_ids`, `token_type_ids` where the tokenizer has them, and
        `labels`: what `MixKDTrainer` takes.
    """
    from datasets import Dataset

    pairs = list(dataset["text_pair"]) if "text_pair" in dataset.column_names else None
    tokens = tokenizer(list(dataset["text"]), pairs, truncation=True, max_length=max_length)
    columns = {name: tokens[name] for name in ("input_ids", "token_type_ids") if name in tokens}
    return Dataset.from_dict({**columns, "labels": list(dataset["label"])})


def encode_table(dataset: Any, tokenizer: Any, max_length: int) -> TokenTable:
    """The same as a `TokenTable`, for inference."""
    return token_table(encode(dataset, tokenizer, max_length), tokenizer.pad_token_id)
