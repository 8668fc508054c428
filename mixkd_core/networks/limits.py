"""Limits of a network's tables: the longest text, the token ids and types, the padding."""

from typing import Any

import numpy as np
from torch import nn

from mixkd_core.data.token_table import TokenTable
from mixkd_core.errors import InputError
from mixkd_core.networks.mixed_forward import token_type_table
from mixkd_core.networks.reading import accepted

# Word tables are padded, with rows that no text uses, to multiples of at most this many.
ROWS_OF_PADDING = 256


def longest_text(model: Any) -> int | None:
    """Return the most tokens that the network has positions for, or None where it sets no limit.

    RoBERTa and its relatives number positions from the padding's id on, so they take two tokens
    fewer than their table has rows.
    """
    try:
        most = model.config.get_text_config().max_position_embeddings
    except (AttributeError, NotImplementedError):
        return None
    if not isinstance(most, int) or most <= 0:
        return None
    for name, module in model.named_modules():
        if name.endswith("position_embeddings") and isinstance(module, nn.Embedding):
            padding = module.padding_idx
            return most if padding is None else module.num_embeddings - padding - 1
    return most


def text_limit(asked: int, *models: Any) -> int:
    """Return the most tokens of a text that were asked for and that all the networks take.

    Args:
        models: None among them stands for no network.
    """
    limits = [longest_text(model) for model in models if model is not None]
    return min(asked, *(limit for limit in limits if limit is not None), asked)


def check_tokens(model: Any, table: TokenTable, role: str) -> None:
    """Check that every token, token type and position of the texts is in the network's tables.

    Args:
        role: `"teacher"`, `"student"` or `"network"`, for the message.

    Raises:
        InputError: naming the first text that is not.
    """
    most = longest_text(model)
    longest = int(np.argmax(table.lengths))
    if most is not None and table.lengths[longest] > most:
        raise InputError(
            f"row {longest} of the data set has {table.lengths[longest]} tokens, and the {role} "
            f"({type(model).__name__}) takes at most {most}: cut the texts off at {most} tokens "
            "(max_length of the tokenizer)."
        )
    rows = {"input_ids": _word_rows(model)}
    if "token_type_ids" in table.columns and _takes_types(model, table):
        types = token_type_table(model)
        rows["token_type_ids"] = None if types is None else types.num_embeddings
    for column, known in rows.items():
        ids = table.columns[column]
        if known is None or ids.max() < known:
            continue
        row = int(np.searchsorted(table.offsets, np.argmax(ids >= known), side="right")) - 1
        word = column == "input_ids"
        remedy = (
            "take the tokenizer that it was trained with, or call resize_token_embeddings before "
            "fine-tuning it"
            if word
            else "take a tokenizer whose token types it knows, or leave the column out"
        )
        raise InputError(
            f"row {row} of the data set has the {'token id' if word else 'token type'} "
            f"{ids[ids >= known][0]}, and the {'word' if word else 'token-type'} table of the "
            f"{role} ({type(model).__name__}) has {known} rows: {remedy}."
        )


def check_padding(teacher: Any, pad_token_id: int | None) -> None:
    """Check that the teacher pads with the student's padding token.

    Raises:
        InputError: if it pads with another.
    """
    own = padding_token(teacher)
    if own is not None and pad_token_id is not None and own != pad_token_id:
        raise InputError(
            f"the teacher's pad_token_id is {own} and the student's {pad_token_id}: what one pads "
            "with is a word to the other; give both configurations the tokenizer's."
        )


def settle_padding(model: Any, tokenizer: Any) -> None:
    """Give network and tokenizer one padding token where one of them, or both, have none.

    Without any the end-of-text token pads, as is usual for GPT-2.

    Raises:
        InputError: if the two name different ones, or there is no token to take.
    """
    own = padding_token(model)
    if tokenizer.pad_token_id is None:
        taken = tokenizer.eos_token if own is None else tokenizer.convert_ids_to_tokens(own)
        if taken is None:
            raise InputError(
                f"neither the network ({type(model).__name__}) nor its tokenizer has a padding "
                "token or an end-of-text token to pad with: set pad_token in its tokenizer."
            )
        tokenizer.pad_token = taken
    if own is None:
        for config in (model.config, model.config.get_text_config()):
            config.pad_token_id = tokenizer.pad_token_id
    padding_of(model, tokenizer)


def padding_of(model: Any, tokenizer: Any) -> int | None:
    """Return the padding token that a network and its tokenizer agree on, None if they have none.

    Args:
        tokenizer: None, or a processor that pads nothing, has no say.

    Raises:
        InputError: if they do not agree.
    """
    own, other = padding_token(model), getattr(tokenizer, "pad_token_id", None)
    if own is not None and other is not None and own != other:
        raise InputError(
            f"the network's configuration ({type(model).__name__}) has pad_token_id {own} and its "
            f"tokenizer {other} ({tokenizer.pad_token!r}): what one pads with is a word to the "
            "other; set the configuration's to the tokenizer's."
        )
    return other if own is None else own


def padding_token(model: Any) -> int | None:
    """Return the id of the padding token by the network's configuration, None if it has none."""
    padding: int | None = getattr(model.config.get_text_config(), "pad_token_id", None)
    return padding


def same_vocabulary_size(first: Any, second: Any) -> bool:
    """Return true if two word tables have as many rows, but for rows that pad one of them."""
    sizes = [getattr(model.config.get_text_config(), "vocab_size", 0) for model in (first, second)]
    return bool(abs(sizes[0] - sizes[1]) < ROWS_OF_PADDING)


def _word_rows(model: Any) -> int | None:
    try:
        words = model.get_input_embeddings()
    except NotImplementedError:  # hashed characters (CANINE)
        return None
    return getattr(words, "num_embeddings", None)


def _takes_types(model: Any, table: TokenTable) -> bool:
    return "token_type_ids" in accepted(model, table.pad(np.arange(1), 1))
