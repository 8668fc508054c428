"""BECEL (Jang et al., COLING 2022): a folder of a task with its originals altered by hand.

`semantic.tsv` holds paraphrases, `negational.tsv` texts that were given another label, and
`symmetric.tsv` pairs in swapped order; any of them may be absent. Fields are separated by tabs and
quoted where they need it. The label may stand beside the original as an index.

`symmetric.tsv` is made of rows of the *training* split, of RTE's those without entailment: its
numbers are about texts that a run may have been trained on.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from mixkd_core.data.labels import label_reader
from mixkd_core.data.relations.relation import RelatedText, Relation, relation
from mixkd_core.data.table_files import read_csv
from mixkd_core.data.tasks import Task
from mixkd_core.errors import InputError

SEMANTIC, NEGATIONAL, SYMMETRIC = "semantic.tsv", "negational.tsv", "symmetric.tsv"
FILES = (SEMANTIC, NEGATIONAL, SYMMETRIC)


def is_becel(path: Path) -> bool:
    """Return True if a folder holds one of BECEL's files."""
    return any((path / name).is_file() for name in FILES)


def read_becel(folder: Path, task: Task) -> Relation:
    """Return the relation in a folder of BECEL.

    Raises:
        InputError: if its columns are not those of the task (one text, or two), a label is foreign
            to it, or what :func:`~mixkd_core.data.relations.relation.relation` refuses.
    """
    rows: list[RelatedText] = []
    remarks = []
    for name in FILES:
        if (folder / name).is_file():
            found = list(_rows(folder / name, task))
            rows += found
            if name == SYMMETRIC:
                remarks.append(
                    f"becel-{folder.name}: the {len(found)} pairs in swapped order are of the "
                    "training split."
                )
    return relation(f"becel-{folder.name}", rows, remarks, str(folder))


def _rows(path: Path, task: Task) -> Iterator[RelatedText]:
    texts = ["sentence1", "sentence2"] if task.is_pair else ["sentence"]
    # The last text is the one that was altered.
    changed = {
        SEMANTIC: f"{texts[-1]}_paraphrase",
        NEGATIONAL: f"{texts[-1]}_neg",
        SYMMETRIC: texts[-1],
    }[path.name]
    table = read_csv(path)
    table.check_columns(dict.fromkeys([*texts, changed, "label"]))
    read = label_reader(task)

    def label(values: Mapping[str, Any], column: str, where: str) -> int:
        try:
            return int(read(values[column]))
        except ValueError as error:
            raise InputError(f"{where}: {column}: {error}") from None

    for place, where, values in table.whole():
        content = tuple(values[column].strip() for column in texts)
        own = label(values, "label", where)
        row_id = f"{path.stem}-{place}"
        if path.name == SYMMETRIC:
            yield RelatedText(
                row_id, row_id, "swapped order", "swapped order", content[::-1], content, own, own
            )
            continue
        altered = (*content[:-1], values[changed].strip())
        group = " / ".join(content)
        if path.name == SEMANTIC:
            yield RelatedText(row_id, group, "same label", "paraphrase", content, altered, own, own)
        else:
            other = label(values, "neg_label", where)
            yield RelatedText(
                row_id, group, "changed label", str(values.get("tag") or "negation"), content,
                altered, own, other,
            )  # fmt: skip
