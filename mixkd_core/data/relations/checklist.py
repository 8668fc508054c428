"""CheckList's suites (Ribeiro et al., ACL 2020) as JSON, a test a line, perhaps gzipped.

Invariance tests (INV) are groups whose predictions should agree: the first text of a group is its
original, and no label is known. Minimum functionality tests (MFT) are labelled texts without a
partner. Directional tests (DIR) expect a confidence to rise or fall by a function that the file
does not hold; they are left out, and so are tests whose label the task does not have, such as
neutral texts where there are two classes.
"""

from __future__ import annotations

import gzip
import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from mixkd_core.data.inspection import Content
from mixkd_core.data.relations.relation import RelatedText, Relation, relation
from mixkd_core.data.tasks import Task
from mixkd_core.errors import InputError

# Class names by the suites' numbers.
SENTIMENT: Mapping[int, str] = {0: "negative", 1: "neutral", 2: "positive"}
DUPLICATES: Mapping[int, str] = {0: "not_duplicate", 1: "duplicate"}

_KEYS = {"test", "type", "capability", "data", "labels"}


def is_checklist(path: Path) -> bool:
    """Return True if a file's name ends as CheckList's suites do."""
    return path.name.endswith(("_suite.jsonl", "_suite.jsonl.gz"))


def read_checklist(path: Path, task: Task) -> Relation:
    """Return the relation in a suite.

    Raises:
        InputError: if the file cannot be read, its texts are no pairs where the task's are (or the
            other way round), no test fits the task, or what
            :func:`~mixkd_core.data.relations.relation.relation` refuses.
    """
    names = DUPLICATES if task.is_pair else SENTIMENT
    classes = {name: index for index, name in enumerate(task.label_names or ())}
    labels = {number: classes[name] for number, name in names.items() if name in classes}
    if len(labels) < 2:
        raise InputError(
            f"{path} speaks of {', '.join(names.values())}, and task {task.name!r} has the labels "
            f"{', '.join(task.label_names or ())}: give a suite of the task's own labels."
        )
    rows: list[RelatedText] = []
    left_out: Counter[str] = Counter()
    for number, test in enumerate(_tests(path)):
        rows += _rows(f"test {number}", test, labels, task, path, left_out)
    name = f"checklist-{path.name.partition('_suite')[0]}"
    remarks = [f"{name}: left out {count} {what}." for what, count in sorted(left_out.items())]
    return relation(name, rows, remarks, str(path))


def _tests(path: Path) -> Iterator[Mapping[str, Any]]:
    try:
        content = path.read_bytes()
        content = gzip.decompress(content) if path.suffix == ".gz" else content
        for line in content.decode().splitlines():
            test = json.loads(line)
            if not isinstance(test, dict) or not test.keys() >= _KEYS:
                raise ValueError("a line is no test with test, type, capability, data, labels")
            yield test
    except (OSError, EOFError, ValueError) as error:
        raise InputError(
            f"{path} cannot be read as a suite of CheckList ({error}): give the file as it was "
            "exported."
        ) from error


def _rows(
    prefix: str,
    test: Mapping[str, Any],
    labels: Mapping[int, int],
    task: Task,
    path: Path,
    left_out: Counter[str],
) -> Iterator[RelatedText]:
    kind, name = test["type"], f"{test['capability']}: {test['test']}"
    if kind == "DIR":
        left_out["directional tests, whose expectation the file does not hold"] += 1
    elif kind == "INV":
        for place, group in enumerate(test["data"]):
            contents = [_content(text, task, path) for text in group]
            if len(contents) < 2:
                left_out["groups of a single text, which has no partner"] += 1
            for member, altered in enumerate(contents[1:], start=1):
                key = f"{prefix}, group {place}"
                yield RelatedText(
                    f"{key}, text {member}", key, "same label", name, contents[0], altered,
                    None, None,
                )  # fmt: skip
    elif kind == "MFT":
        known = _labels(test["labels"], len(test["data"]))
        if known is None:
            left_out["tests that allow several labels"] += 1
            return
        for place, (given, number) in enumerate(zip(test["data"], known, strict=True)):
            if number not in labels:
                left_out["texts with a label that the task does not have"] += 1
                continue
            for member, content in enumerate(_members(given, task, path)):
                row_id = f"{prefix}, text {place}.{member}"
                yield RelatedText(
                    row_id, row_id, "labelled", name, content, content, labels[number],
                    labels[number],
                )  # fmt: skip


def _labels(given: Any, count: int) -> Sequence[int] | None:
    """A label for each text; None where the test has no labels but a function."""
    if isinstance(given, int):
        return [given] * count
    if isinstance(given, list) and all(isinstance(one, int) for one in given):
        return given if len(given) == count else None
    return None


def _members(given: Any, task: Task, path: Path) -> list[Content]:
    """The texts of one case of a labelled test: one, or for pairs perhaps several."""
    several = task.is_pair and isinstance(given, list) and isinstance(given[0], list)
    return [_content(one, task, path) for one in (given if several else [given])]


def _content(given: Any, task: Task, path: Path) -> Content:
    content = (given,) if isinstance(given, str) else tuple(given)
    if len(content) != len(task.text_columns) or not all(isinstance(one, str) for one in content):
        raise InputError(
            f"{path} holds {'pairs' if isinstance(given, list) else 'single texts'}, and task "
            f"{task.name!r} is about {'pairs' if task.is_pair else 'single texts'}: give the suite "
            "of the task."
        )
    return tuple(one.strip() for one in content)
