"""More training texts from those there are: back-translation, and edits that need no model.

Every copy keeps its example's label. Only what a network learns from is augmented; the sets that it
is measured on, the training subset among them, never are.

Edits (Wei and Zou, 2019) work on words between white space and are decided by the run's seed, the
example's id and the copy's number: the same on every machine, whatever else is in the data.
"""

from collections.abc import Callable, Sequence
from hashlib import sha256
from typing import Any

import numpy as np

from mixkd_core.data.columns import column_values
from mixkd_core.errors import InputError
from mixkd_core.records.specs import AugmentationSpec

BackTranslate = Callable[[Sequence[str]], list[str]]


def augmented(
    dataset: Any,
    augmentation: AugmentationSpec,
    *,
    seed: int,
    back_translate: BackTranslate | None = None,
) -> Any:
    """The examples, and after them `augmentation.copies` altered copies of each.

    Args:
        dataset: in the canonical columns (`mixkd_core.data.task_data`).
        seed: of the edits.
        back_translate: texts → their back-translations, where that is what is asked for.

    Returns:
        A `datasets.Dataset`; the copies' ids are their example's and `-copy1`, `-copy2`, ...

    Raises:
        InputError: if back-translation is asked for and there is no `back_translate`.
    """
    from datasets import concatenate_datasets

    columns = [name for name in ("text", "text_pair") if name in dataset.column_names]
    examples = column_values(dataset, "example_id")
    parts = [dataset]
    for copy in range(1, augmentation.copies + 1):
        altered = dataset
        for name in columns:
            texts = column_values(dataset, name)
            if augmentation.kind == "back-translation":
                if back_translate is None:
                    raise InputError(
                        "back-translation needs two translation checkpoints, and none were given."
                    )
                texts = back_translate(texts)
            else:
                edit = delete_words if augmentation.kind == "deletion" else swap_words
                texts = [
                    edit(text, augmentation.rate, _generator(seed, example, copy, name))
                    for text, example in zip(texts, examples, strict=True)
                ]
            altered = _with_column(altered, name, texts)
        ids = [f"{example}-copy{copy}" for example in examples]
        parts.append(_with_column(altered, "example_id", ids))
    return concatenate_datasets(parts)


def delete_words(text: str, rate: float, generator: np.random.Generator) -> str:
    """Each word left out with probability `rate`, independently; one word is always kept."""
    words = text.split()
    kept = generator.random(len(words)) >= rate
    if words and not kept.any():
        kept[generator.integers(len(words))] = True
    return " ".join(word for word, keep in zip(words, kept, strict=True) if keep)


def swap_words(text: str, rate: float, generator: np.random.Generator) -> str:
    """`rate` times the number of words, but at least one, swaps of two words at random places."""
    words = text.split()
    if len(words) < 2:
        return text
    for _ in range(max(1, round(rate * len(words)))):
        one, another = generator.choice(len(words), size=2, replace=False)
        words[one], words[another] = words[another], words[one]
    return " ".join(words)


def _generator(seed: int, example: str, copy: int, column: str) -> np.random.Generator:
    digest = sha256(f"{seed}\n{example}\n{copy}\n{column}".encode()).digest()
    return np.random.default_rng(int.from_bytes(digest[:16], "big"))


def _with_column(dataset: Any, name: str, values: list[str]) -> Any:
    """The data set with the values of one column replaced, columns and types as they were."""
    from datasets import Dataset

    content = {column: list(dataset[column]) for column in dataset.column_names}
    return Dataset.from_dict(content | {name: values}, features=dataset.features)
