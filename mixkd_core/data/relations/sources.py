"""Relations from wherever they come: a folder of BECEL, a suite of CheckList, a file, or made here.

What was altered by others is read by :func:`read_relation`; :func:`alter` makes slight alterations
of labelled texts.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from mixkd_core.data.relations.alterations import altered_texts, swapped_texts
from mixkd_core.data.relations.becel import is_becel, read_becel
from mixkd_core.data.relations.checklist import is_checklist, read_checklist
from mixkd_core.data.relations.labelled_texts import LabelledText
from mixkd_core.data.relations.lawful import lawful_texts
from mixkd_core.data.relations.own_file import read_own_file
from mixkd_core.data.relations.relation import Relation, relation
from mixkd_core.data.table_files import is_table
from mixkd_core.data.tasks import EMBEDDED, Task
from mixkd_core.errors import InputError

# Pair tasks whose label does not depend on the order of the two texts.
SYMMETRIC = ("mrpc", "qqp", "qqp-resplit", "embedded-paraphrase")


def read_relation(path: Path, task: Task) -> Relation:
    """Return the relation in a folder of BECEL, a suite of CheckList, or a file of one's own.

    Raises:
        InputError: if the task has no classes, or what the reader refuses.
    """
    check_classes(task)
    if is_becel(path):
        return read_becel(path, task)
    if is_checklist(path) and path.is_file():
        return read_checklist(path, task)
    if path.is_file() and not is_table(path):
        raise InputError(
            f"{path} does not end as a table does: give a table, such as a .csv, or where it holds "
            "labelled texts without altered forms (TextFooler's samples do), give it to --alter."
        )
    return read_own_file(path, task)


def alter(name: str, texts: Sequence[LabelledText], task: Task) -> Relation:
    """Return slight alterations of labelled texts; of embedded tasks, lawful ones.

    Args:
        name: of the texts.
        texts: with labels of the task.
        task: decides whether order matters, and whether the grammar is known.

    Raises:
        InputError: if the task has no classes, or no text can be altered.
    """
    check_classes(task)
    made = lawful_texts(task.name, texts) if task.name in EMBEDDED else altered_texts(texts)
    if task.name in SYMMETRIC:
        made = [*made, *swapped_texts(texts)]
    return relation(f"altered-{name}", made)


def check_classes(task: Task) -> None:
    """Check that a task has classes, which a prediction can leave.

    Raises:
        InputError: if its label is a real number.
    """
    if task.is_regression:
        raise InputError(
            f"task {task.name!r} has real-valued labels, and consistency is about predictions that "
            "change from one class to another: give runs of a classification."
        )
