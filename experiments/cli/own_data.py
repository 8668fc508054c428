"""The options of `mixkd train` about a file of one's own."""

import csv
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from mixkd_core.errors import InputError

if TYPE_CHECKING:
    from mixkd_core.data.tasks import Task


def own_task(
    name: str,
    train_file: Path,
    *,
    text_column: str,
    text_pair_column: str | None,
    label_column: str,
    labels: str | None,
    regression: bool,
    say: Callable[[str], None],
) -> "Task":
    """Return the task that a training file stands for; its classes are read off it if not given.

    Raises:
        InputError: the name of a known task or one that cannot be a name, labels for a regression,
            or a file whose labels cannot be read.
    """
    from mixkd_core.data.own_data import label_names_in
    from mixkd_core.data.tasks import KNOWN, Task, check_task_name

    if name in KNOWN:
        raise InputError(
            f"{name!r} is the name of a known task, and --train-file gives data of your own: "
            "choose another --task name, so that nobody takes one for the other."
        )
    check_task_name(name)
    if regression and labels is not None:
        raise InputError(
            f"--labels {labels!r} names classes, and --regression says that the label is a real "
            "number: give one of them."
        )
    names = None
    if labels is not None:
        names = listed_labels(labels)
    elif not regression:
        names = label_names_in(train_file, label_column)
        if names is None:
            say(f"labels read off {train_file.name}: real values (--labels would name classes)")
        else:
            say(
                f"labels read off {train_file.name}: {len(names)} classes, {', '.join(names)} "
                "(--labels or --regression would say otherwise)"
            )
    columns = (text_column,) if text_pair_column is None else (text_column, text_pair_column)
    return Task(name, text_columns=columns, label_column=label_column, label_names=names)


def listed_labels(given: str) -> tuple[str, ...]:
    """Return `a,"b, c"` as `("a", "b, c")`: a name with a comma stands in double quotes.

    Raises:
        InputError: quotes that do not match, or an empty name between commas.
    """
    try:
        (names,) = csv.reader([given], skipinitialspace=True, strict=True)
    except (csv.Error, ValueError):
        raise InputError(
            f"--labels {given!r} cannot be read: separate the names by commas, and put a name that "
            "holds one in double quotes, such as 'sales,\"help, EU\"'."
        ) from None
    stripped = tuple(name.strip() for name in names)
    if "" in stripped or not stripped:
        raise InputError(
            f"--labels {given!r} has nothing between two commas or at an end: leave out the comma, "
            "or put a name there."
        )
    return stripped


def check_held_out(
    dev_file: Path | None, dev_fraction: float | None, fraction: float, remainder_size: int
) -> None:
    """Check that a training file of one's own leaves something to measure on.

    Raises:
        InputError: no development file, nothing held out, and no unused part of the training file.
    """
    if dev_file is None and dev_fraction is None and (fraction == 1 or remainder_size == 0):
        raise InputError(
            "Nothing would be held out of --train-file to measure on: give --dev-file, or "
            "--dev-fraction 0.2 to hold out a fifth of it, or --fraction 0.8 to learn from four "
            "fifths and measure on the rest (--remainder-size above 0)."
        )
