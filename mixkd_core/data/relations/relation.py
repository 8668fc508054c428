"""A relation: texts, each beside an altered form of it whose label is related in a known way.

A row is one altered text. Rows of one *group* share their original. What is expected of the two
predictions is the row's kind:

* ``same label``: a paraphrase, a typo, another name; the predictions should agree;
* ``changed label``: a negation, a counterfactual; the prediction should change;
* ``swapped order``: a pair the other way round, of a task that does not mind; they should agree;
* ``attack``: an altered text that was made to be misclassified, with its label; they should agree;
* ``labelled``: a text with a label and no altered form (CheckList's minimum functionality); only
  whether its prediction is right can be asked.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from hashlib import sha256
from typing import Literal, TypeVar, get_args

from mixkd_core.data.inspection import Content
from mixkd_core.data.subsets import hash_rank
from mixkd_core.errors import InputError

Item = TypeVar("Item")

Kind = Literal["same label", "changed label", "swapped order", "attack", "labelled"]
KINDS: Sequence[Kind] = get_args(Kind)

# Kinds of which both predictions should agree.
AGREEING: Sequence[Kind] = ("same label", "swapped order", "attack")

# Altered forms of one original by one alteration, where groups are thinned: more of them say little
# that is new and take as long as other originals.
MOST_OF_A_GROUP = 2

_NAMED = 5


@dataclass(frozen=True)
class RelatedText:
    """An altered text beside its original.

    Attributes:
        id: unique in the relation.
        group: equal for the altered forms of one original.
        kind: what is expected of the two predictions.
        alteration: what was done to the text, in a word or two.
        original, altered: one text, or two of a pair.
        label: class index of the original; None where it is not known.
        altered_label: class index of the altered text; None where it is not known.
    """

    id: str
    group: str
    kind: Kind
    alteration: str
    original: Content
    altered: Content
    label: int | None
    altered_label: int | None


@dataclass(frozen=True)
class Relation:
    """Altered texts from one source.

    Attributes:
        name: of the source, for tables.
        rows: the altered texts, one at least.
        remarks: sentences about rows that were left out and other things that a user should know.
    """

    name: str
    rows: tuple[RelatedText, ...]
    remarks: tuple[str, ...] = ()

    @cached_property
    def digest(self) -> str:
        """Twelve hexadecimal digits of SHA-256 over every row: what was measured is of this."""
        digest = sha256()
        for row in self.rows:
            fields = [row.id, row.group, row.kind, row.alteration, row.original, row.altered,
                      row.label, row.altered_label]  # fmt: skip
            digest.update(json.dumps(fields, allow_nan=False).encode() + b"\n")
        return digest.hexdigest()[:12]

    @property
    def counted(self) -> str:
        """The number of altered texts and of originals, in words."""
        groups = len({row.group for row in self.rows})
        return f"{len(self.rows)} altered texts of {groups} originals"


def relation(
    name: str, rows: Iterable[RelatedText], remarks: Sequence[str] = (), where: str = ""
) -> Relation:
    """Return the relation of these rows; those whose altered text is their original are left out.

    Args:
        name: of the source.
        rows: in any order.
        remarks: what was remarked before.
        where: the file or folder, for messages; the name if not given.

    Raises:
        InputError: if an id is there twice, the rows of a group have different originals, labels
            contradict the kind, or nothing is left.
    """
    where = where or name
    kept: list[RelatedText] = []
    unchanged: list[RelatedText] = []
    seen: set[str] = set()
    originals: dict[str, Content] = {}
    for row in rows:
        if row.id in seen:
            raise InputError(
                f"{where}: the id {row.id!r} is there more than once; give every altered text an "
                "id of its own."
            )
        seen.add(row.id)
        if originals.setdefault(row.group, row.original) != row.original:
            raise InputError(
                f"{where}: the rows of group {row.group!r} have different originals (row "
                f"{row.id!r} for one); give each original a group of its own."
            )
        _check_labels(row, where)
        same = row.kind != "labelled" and row.altered == row.original
        (unchanged if same else kept).append(row)
    if not kept:
        said = f": all {len(unchanged)} altered texts equal their original" if unchanged else ""
        raise InputError(
            f"{where} holds no altered text{said}; give a source with at least one that differs."
        )
    remarks = [*remarks, *_on_unchanged(name, unchanged)]
    return Relation(name, tuple(kept), tuple(remarks))


def thinned(related: Relation, most: int) -> Relation:
    """Return at most so many originals of each alteration, and two altered forms of each.

    Which ones is decided by their ids alone, so that every network is asked the same.
    """
    by_alteration: dict[tuple[str, str], dict[str, list[RelatedText]]] = {}
    for row in related.rows:
        groups = by_alteration.setdefault((row.kind, row.alteration), {})
        groups.setdefault(row.group, []).append(row)
    kept: set[str] = set()
    for groups in by_alteration.values():
        for group in _lowest(groups, most, str):
            members = _lowest(groups[group], MOST_OF_A_GROUP, lambda row: row.id)
            kept |= {row.id for row in members}
    rows = tuple(row for row in related.rows if row.id in kept)
    if len(rows) == len(related.rows):
        return related
    said = (
        f"{related.name}: measured on {len(rows)} of {len(related.rows)} altered texts, at most "
        f"{most} originals of each alteration and {MOST_OF_A_GROUP} altered forms of each."
    )
    return replace(related, rows=rows, remarks=(*related.remarks, said))


def named(ids: Sequence[str]) -> str:
    """Return a few of many ids, in words."""
    more = f" and {len(ids) - _NAMED} more" if len(ids) > _NAMED else ""
    return ", ".join(map(repr, ids[:_NAMED])) + more


def _lowest(items: Iterable[Item], most: int, name: Callable[[Item], str]) -> list[Item]:
    return sorted(items, key=lambda item: (hash_rank(name(item), 0, "relation"), name(item)))[:most]


def _check_labels(row: RelatedText, where: str) -> None:
    if row.kind not in KINDS:
        raise InputError(
            f"{where}, row {row.id!r}: the kind {row.kind!r} is none of {', '.join(KINDS)}."
        )
    if row.label is None or row.altered_label is None:
        return
    if row.kind == "changed label" and row.label == row.altered_label:
        raise InputError(
            f"{where}, row {row.id!r}: its kind is 'changed label', and both texts have the same "
            "label; give the altered text's own, or another kind."
        )
    if row.kind in ("same label", "attack") and row.label != row.altered_label:
        raise InputError(
            f"{where}, row {row.id!r}: its kind is {row.kind!r}, and the altered text has another "
            "label; give it the kind 'changed label'."
        )


def _on_unchanged(name: str, unchanged: Sequence[RelatedText]) -> list[str]:
    if not unchanged:
        return []
    counts = Counter(row.alteration for row in unchanged)
    told = ", ".join(f"{alteration} {count}" for alteration, count in sorted(counts.items()))
    return [
        f"{name}: left out {len(unchanged)} altered texts that equal their original ({told}): "
        f"{named([row.id for row in unchanged])}."
    ]
