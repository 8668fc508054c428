"""A relation from a file of one's own.

A table in any format that `mixkd train` reads (CSV, TSV, JSON, JSONL, parquet, Arrow), a row an
altered text, with the columns

    id             names the altered text; no two rows share one
    text           the original; for a pair also text_pair
    altered        the altered text; for a pair also altered_pair
    kind           same label, changed label, swapped order or attack
    label          of the original, by name or index; empty where it is not known
    altered_label  of the altered text; empty where it is the original's or not known

and, if wanted,

    group          equal for the altered forms of one original; by default equal texts are a group
    alteration     what was done, for tables; by default the kind
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, cast

from mixkd_core.data.inspection import Content
from mixkd_core.data.labels import is_missing, label_reader
from mixkd_core.data.relations.relation import (
    AGREEING,
    KINDS,
    Kind,
    RelatedText,
    Relation,
    relation,
)
from mixkd_core.data.table_files import read_table
from mixkd_core.data.tasks import Task
from mixkd_core.errors import InputError

_PARTNERED = [kind for kind in KINDS if kind != "labelled"]


def read_own_file(path: Path, task: Task) -> Relation:
    """Return the relation in a file.

    Raises:
        InputError: if it cannot be read, lacks a column, has a row without an original or altered
            text, a kind or label that there is not, or what
            :func:`~mixkd_core.data.relations.relation.relation` refuses.
    """
    table = read_table(path)
    pair = ("_pair",) if task.is_pair else ()
    texts, altered = ([column, *(column + more for more in pair)] for column in ("text", "altered"))
    table.check_columns(["id", *texts, *altered, "kind", "label", "altered_label"])
    read = label_reader(task)

    def label(values: Mapping[str, Any], column: str, where: str) -> int | None:
        if is_missing(values[column]):
            return None
        try:
            return int(read(values[column]))
        except ValueError as error:
            raise InputError(f"{where}: {column}: {error}") from None

    def content(values: Mapping[str, Any], columns: list[str], where: str) -> Content:
        for column in columns:
            if is_missing(values[column]):
                raise InputError(
                    f"{where}: {column} is empty, so the row has no partner; give an original and "
                    "an altered text in every row."
                )
        return tuple(str(values[column]).strip() for column in columns)

    rows = []
    for _, where, values in table.whole():
        kind = str(values["kind"]).strip()
        if kind not in _PARTNERED:
            raise InputError(
                f"{where}: the kind {kind!r} is none of {', '.join(_PARTNERED)}; name what is "
                "expected of the two predictions."
            )
        if is_missing(values["id"]):
            raise InputError(f"{where}: the id is empty; name every altered text.")
        original = content(values, texts, where)
        own = label(values, "label", where)
        other = label(values, "altered_label", where)
        if other is None and kind in AGREEING and kind != "swapped order":
            other = own
        group = values.get("group")
        alteration = values.get("alteration")
        rows.append(
            RelatedText(
                id=str(values["id"]).strip(),
                group=" / ".join(original) if is_missing(group) else str(group).strip(),
                kind=cast(Kind, kind),
                alteration=kind if is_missing(alteration) else str(alteration).strip(),
                original=original,
                altered=content(values, altered, where),
                label=own,
                altered_label=other,
            )
        )
    return relation(path.stem, rows, table.remarks, str(path))
