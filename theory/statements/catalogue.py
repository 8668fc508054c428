"""The statements of THEORY.md, by id: L0, L1, L2, T1, C1, T2.0 to T2.7, T3 to T8.

Only the shape of T1 is the paper's; everything else is a reconstruction, and each object says so.
"""

from difflib import get_close_matches

from theory.errors import TheoryInputError
from theory.statements import case1, case2, case2_rates, laws, students
from theory.statements.theorem import Theorem

_ORDER = (
    "L0", "L1", "L2", "T1", "C1", "T2.0", "T2.1", "T2.2", "T2.3", "T2.4", "T2.5", "T2.6", "T2.7",
    "T3", "T4", "T5", "T6", "T7", "T8",
)  # fmt: skip
_BY_ID = {
    item.id: item
    for item in (
        *case1.STATEMENTS,
        *case2.STATEMENTS,
        *case2_rates.STATEMENTS,
        *laws.STATEMENTS,
        *students.STATEMENTS,
    )
}
THEOREMS: tuple[Theorem, ...] = tuple(_BY_ID[name] for name in _ORDER)


def theorem(identifier: str) -> Theorem:
    """The statement with this id, case aside.

    Raises TheoryInputError naming the nearest id when there is none.
    """
    by_upper_id = {item.id.upper(): item for item in THEOREMS}
    wanted = identifier.strip().upper()
    if wanted in by_upper_id:
        return by_upper_id[wanted]
    near = get_close_matches(wanted, by_upper_id, n=1, cutoff=0.0)
    raise TheoryInputError(
        f"there is no statement {identifier!r}; the nearest is {near[0]}, and all are "
        f"{', '.join(_ORDER)}."
    )
