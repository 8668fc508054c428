"""Look at task data as a careful reader would: overlap, contradictions, classes without examples.

What a user should know is said in a sentence. What no result could come of is refused: training
data from whose texts nothing about the labels can be learnt, and an evaluation set of which every
example is in the training data.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from mixkd_core.data.columns import column_values
from mixkd_core.data.tasks import Task
from mixkd_core.errors import InputError

if TYPE_CHECKING:
    from datasets import Dataset

Content = tuple[str, ...]


@dataclass(frozen=True)
class Overlap:
    """The number of a set's examples found among others, by their texts (all columns of a pair).

    Attributes:
        examples: of the set.
        exact: how many are there word for word.
        alike: how many are there up to case and spacing, those word for word included.
    """

    examples: int
    exact: int
    alike: int

    def sentence(self, name: str) -> str:
        """Return the overlap of the set called `name` with the training data, in words."""
        return (
            f"{self.alike} of the {self.examples} examples of {name} are in the training data too "
            f"({self.exact} word for word, {self.alike - self.exact} up to case and spacing)."
        )


def overlap(train: Dataset, other: Dataset) -> Overlap:
    """Return how many examples of `other` are in `train`, both in canonical columns."""
    there, texts = contents(train), contents(other)
    plain_texts = [plain(content) for content in texts]
    # Sets of the smaller side's texts: a training set's would take many times its memory.
    exact = set(texts).intersection(there)
    alike = set(plain_texts).intersection(map(plain, there))
    return Overlap(
        len(texts),
        sum(content in exact for content in texts),
        sum(content in alike for content in plain_texts),
    )


def contents(data: Dataset) -> list[Content]:
    """Return the text, or the pair of texts, of every example."""
    names = [name for name in ("text", "text_pair") if name in data.column_names]
    return list(zip(*(column_values(data, name) for name in names), strict=True))


def plain(content: Content) -> Content:
    """Return a text or pair without what case and spacing say."""
    return tuple(" ".join(text.casefold().split()) for text in content)


def inspect(task: Task, train: Dataset, evaluation: Mapping[str, Dataset]) -> tuple[str, ...]:
    """Return sentences about what a user should know of the data; none where nothing is odd.

    Raises:
        InputError: training data that teach nothing, or an evaluation set inside the training data.
    """
    _check_learnable(task, train)
    remarks = _on_labels(task, "train", train)
    for name, data in evaluation.items():
        remarks += inspect_set(task, train, name, data)
    return tuple(remarks)


def inspect_set(task: Task, train: Dataset, name: str, data: Dataset) -> list[str]:
    """Return sentences about what a user should know of an evaluation set.

    Raises:
        InputError: if every example of it is in the training data.
    """
    remarks = _on_labels(task, name, data)
    if not task.is_regression:
        unseen = set(column_values(data, "label")) - set(column_values(train, "label"))
        if unseen:
            remarks.append(
                f"{name} has examples of {_classes(task, unseen)}, of which train has none."
            )
    shared = overlap(train, data)
    if shared.alike == shared.examples:
        raise InputError(
            f"Every one of the {shared.examples} examples of {name} is in the training data "
            f"({shared.exact} word for word, {shared.alike - shared.exact} up to case and "
            "spacing), so nothing there is held out: give another file, or hold out a part of "
            "one file by --dev-fraction (dev_fraction in a study or in Python)."
        )
    if shared.alike:
        remarks.append(shared.sentence(name))
    return remarks


def _check_learnable(task: Task, train: Dataset) -> None:
    """Refuse data on which no function of the text does better than a constant."""
    labels, texts = column_values(train, "label"), contents(train)
    reason = None
    if len(set(labels)) == 1:
        of = f"the label {labels[0]:g}" if task.is_regression else _classes(task, labels)
        reason = f"all of its {len(labels)} examples have {of}"
    elif len(set(texts)) == 1:
        reason = f"all of its {len(labels)} texts are equal"
    elif not task.is_regression:
        by_text: defaultdict[Content, Counter[int]] = defaultdict(Counter)
        for text, label in zip(texts, labels, strict=True):
            by_text[text][label] += 1
        best = sum(max(counts.values()) for counts in by_text.values())
        if best <= max(Counter(labels).values()):
            reason = "every text is there with labels that contradict each other"
    if reason is not None:
        raise InputError(
            f"The training data of task {task.name!r} teach nothing: {reason}, so no text says "
            "more about its label than a constant; check the text and label columns."
        )


def _on_labels(task: Task, name: str, data: Dataset) -> list[str]:
    """Sentences about a set's labels: contradictions, and classes that are missing."""
    labels = column_values(data, "label")
    by_text: defaultdict[Content, set[float]] = defaultdict(set)
    texts = contents(data)
    for text, label in zip(texts, labels, strict=True):
        by_text[text].add(label)
    remarks = []
    torn = sum(len(by_text[text]) > 1 for text in texts)
    if torn:
        remarks.append(
            f"{torn} of the {len(labels)} examples of {name} have a text that stands there with "
            "another label too."
        )
    if len(by_text) == 1 < len(labels):
        remarks.append(f"All {len(labels)} texts of {name} are equal.")
    if task.label_names is not None:
        missing = set(range(task.num_labels)) - set(labels)
        if len(missing) == task.num_labels - 1:
            remarks.append(
                f"All {len(labels)} examples of {name} are of {_classes(task, labels)}: a constant "
                "answer is right there."
            )
        elif missing:
            remarks.append(f"{name} has no example of {_classes(task, missing)}.")
    return remarks


def _classes(task: Task, indices: set[int] | list[int]) -> str:
    assert task.label_names is not None
    names = [repr(task.label_names[index]) for index in sorted(set(indices))]
    return f"class {names[0]}" if len(names) == 1 else f"classes {', '.join(names)}"
