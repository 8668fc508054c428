"""Labels: one reading of them for every source, and the names of classes read off the data.

A file format decides how a value arrives: a boolean is `true` in JSON, `True` in a CSV file that
pandas wrote, `TRUE` in one from a spreadsheet; the class 1 may be `1`, `"1"` or `1.0`. A class is
therefore looked up by its name first, then by the value that the name spells, and by its index
only where no name is a number or a boolean.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Callable, Iterable
from decimal import Decimal

from mixkd_core.data.tasks import Task
from mixkd_core.errors import InputError

# Whole numbers are taken for classes when they take so few values, each about twice or more.
MOST_NUMBERED_CLASSES = 20
# More names than this, with nearly each of them once, are no classes but texts or ids.
FEWEST_SUSPICIOUS_NAMES = 20

# Bounded, so that no label takes long to turn into a number and back.
_NUMBER = re.compile(r"[+-]?([0-9]{1,40}\.?[0-9]{0,40}|\.[0-9]{1,40})([eE][+-]?[0-9]{1,3})?")
# In place of a label, in GLUE's own test sets.
NO_LABEL = "-1"
_BOOLEANS = {"true": Decimal(1), "false": Decimal(0)}


def is_missing(value: object) -> bool:
    """Return True if a field holds nothing: null, NaN, or white space alone."""
    if isinstance(value, str):
        return not value.strip()
    return value is None or (isinstance(value, float) and math.isnan(value))


def label_reader(task: Task) -> Callable[[object], int | float]:
    """Return a function from a label as a source spells it to the canonical label.

    The function raises `ValueError` with the reason, for its caller to say where.
    """
    names = task.label_names
    if names is None:
        return _real_label

    by_name = {name: index for index, name in enumerate(names)}
    values = [_value(name) for name in names]
    counts = Counter(values)
    by_value = {
        value: index
        for index, value in enumerate(values)
        if value is not None and counts[value] == 1
    }
    indexed = not any(value is not None for value in values)

    def read(label: object) -> int:
        spelled = str(label).strip()
        if spelled in by_name:
            return by_name[spelled]
        value = _value(spelled)
        if value is not None and value in by_value:
            return by_value[value]
        if indexed and not _is_boolean(spelled) and value in range(len(names)):
            assert value is not None
            return int(value)
        if spelled == NO_LABEL:
            raise ValueError(
                f"the label {label!r} stands for none, as in GLUE's own test sets: give a set with "
                "labels."
            )
        spellings = [*names, *(map(str, range(len(names))) if indexed else ())]
        raise ValueError(
            f"unknown label {label!r}; task {task.name!r} allows {', '.join(map(repr, spellings))}."
        )

    return read


def read_label_names(labels: Iterable[object], where: str) -> tuple[str, ...] | None:
    """Return the classes that a label column speaks of, in order, or None for real values.

    Booleans are the classes False and True. Whole numbers are classes where they take at most
    `MOST_NUMBERED_CLASSES` values, each about twice or more; other numbers are real values.
    Anything else is a name; names are sorted, whole numbers by size.

    Args:
        labels: the column's values; missing ones are passed over.
        where: the file and column, for messages.

    Raises:
        InputError: no labels, a single class, classes that differ in case or spacing only, or so
            many that the column cannot be one of labels.
    """
    counts = Counter(str(label).strip() for label in labels if not is_missing(label))
    if not counts:
        raise InputError(f"{where} holds no label at all: name the column that holds the labels.")
    if all(_is_boolean(label) for label in counts):
        names = sorted({label.capitalize() for label in counts})
    elif all(_value(label) is not None and not _is_boolean(label) for label in counts):
        numbers = sorted({Decimal(label) for label in counts})
        few = len(numbers) <= MOST_NUMBERED_CLASSES and 2 * len(numbers) <= counts.total()
        if not few or any(number != number.to_integral_value() for number in numbers):
            return None
        names = [str(int(number)) for number in numbers]
    else:
        names = sorted(counts)
    if len(names) < 2:
        raise InputError(
            f"{where} holds the label {names[0]!r} and no other: a classifier needs two classes at "
            "least."
        )
    if len(names) > FEWEST_SUSPICIOUS_NAMES and 2 * len(names) > counts.total():
        raise InputError(
            f"{where} holds {len(names)} different labels in {counts.total()} rows, such as "
            f"{names[0]!r}: name the column that holds the labels."
        )
    _check_case(names, where)
    return tuple(names)


def _check_case(names: list[str], where: str) -> None:
    seen: dict[str, str] = {}
    for name in names:
        twin = seen.setdefault(" ".join(name.casefold().split()), name)
        if twin != name:
            raise InputError(
                f"{where} holds the labels {twin!r} and {name!r}, which differ in case or spacing "
                "only: mend the file if they are one class, or name all classes if they are two."
            )


def _value(spelled: str) -> Decimal | None:
    """The number or boolean (as 1 or 0) that a text spells; None if it spells neither."""
    if _is_boolean(spelled):
        return _BOOLEANS[spelled.lower()]
    return Decimal(spelled) if _NUMBER.fullmatch(spelled) else None


def _is_boolean(spelled: str) -> bool:
    return spelled.lower() in _BOOLEANS


def _real_label(label: object) -> float:
    spelled = str(label).strip()
    number = float(spelled) if _NUMBER.fullmatch(spelled) else math.nan
    if not math.isfinite(number):
        raise ValueError(
            f"the label {label!r} is not a finite number, which a task without label names needs; "
            "name the labels if they are classes."
        )
    return number
