"""Names of evaluation sets, which must not stand for a set that a run itself makes."""

import re
from collections.abc import Iterable

from mixkd_core.errors import InputError

# Sets that a run itself makes; an evaluation set called so would be taken for one.
RESERVED_SETS = {
    "train": "the training subset",
    "remainder": "the training split's unused part",
    "fresh": "new draws of a known law",
    "validation": "what is held out of training to choose settings",
}
MOST_CHARACTERS_OF_A_SET_NAME = 40


def check_set_names(names: Iterable[str]) -> None:
    """Check that evaluation sets are called something that says what they are.

    Raises:
        InputError: a reserved name, or one that holds more than letters, digits and underscores.
    """
    for name in names:
        meaning = RESERVED_SETS.get(name.casefold())
        if meaning is not None:
            raise InputError(
                f"An evaluation set cannot be named {name!r}, which stands for {meaning}; give it "
                "another name, such as 'dev' or 'held_out'."
            )
        if not re.fullmatch(r"\w+", name) or len(name) > MOST_CHARACTERS_OF_A_SET_NAME:
            raise InputError(
                f"The evaluation set's name {name!r} may hold letters, digits and underscores "
                f"only, {MOST_CHARACTERS_OF_A_SET_NAME} at most; give it another name."
            )
