"""A finished run's predictions on altered texts and their originals, stored beside the run.

    consistency/<run id>/<source>-<digest>/
        about.json           the source, how it was measured, with what
        predictions.parquet  a row per altered text: its labels, and both texts' logits
        manifest.json        size and SHA-256 of both, written last

The run's own folder stays as it is. The digest is that of the texts
(`mixkd_core.data.relations.relation.Relation.digest`), so other texts, or fewer of them, are
another measurement. No text is stored.
"""

import re
import shutil
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa  # type: ignore[import-untyped]
from numpy.typing import NDArray

from mixkd_core.data.relations.relation import KINDS, Relation
from mixkd_core.errors import InputError
from mixkd_core.records.layout import MANIFEST, PARTIAL_SUFFIX
from mixkd_core.records.reading import MOST_TABLE_BYTES, damaged, parsed, validated
from mixkd_core.records.run_folder import seal, write_json
from mixkd_core.records.schema import Machine, RunId, Seconds, Stored, StoredCount
from mixkd_core.records.tables import LIST, TEXT, matrix_of, read_columns
from mixkd_core.records.validation import check_files, checked_bytes, read_manifest

CONSISTENCY = "consistency"
ABOUT, PREDICTIONS = "about.json", "predictions.parquet"

REMEDY = "delete the folder and repeat mixkd consistency"

# Stands for a label that is not known.
UNKNOWN = -1

_COLUMNS: Mapping[str, Sequence[Any]] = {
    "id": TEXT, "group": TEXT, "kind": TEXT, "alteration": TEXT,
    "label": (pa.int64(),), "altered_label": (pa.int64(),),
    "logits": LIST, "altered_logits": LIST,
}  # fmt: skip


class About(Stored):
    """Content of `about.json`.

    Attributes:
        run: id of the run.
        source, digest: of the relation.
        remarks: about the relation, such as texts that were left out.
        precision: in which the network was run.
        read_alike: altered texts that the tokenizer reads as their original, by alteration.
    """

    run: RunId
    source: str
    digest: str
    remarks: list[str]
    precision: str
    read_alike: dict[str, StoredCount]
    seconds: Seconds
    versions: dict[str, str]
    hardware: Machine


@dataclass(frozen=True)
class Predictions:
    """A run's predictions on the n altered texts of a relation, and on their originals.

    Attributes:
        about: where they are from.
        ids, groups, kinds, alterations: of each altered text, object arrays of shape `(n,)`.
        labels, altered_labels: class indices of shape `(n,)`, `UNKNOWN` where there is none.
        logits, altered_logits: of the originals and of the altered texts, `(n, num_labels)`.
    """

    about: About
    ids: NDArray[Any]
    groups: NDArray[Any]
    kinds: NDArray[Any]
    alterations: NDArray[Any]
    labels: NDArray[np.int64]
    altered_labels: NDArray[np.int64]
    logits: NDArray[np.float32]
    altered_logits: NDArray[np.float32]


def predictions_folder(out: Path, run_id: str, related: Relation) -> Path:
    """Return where a run's predictions on a relation lie in a folder of runs."""
    source = re.sub(r"[^\w.-]+", "-", related.name)
    return out / CONSISTENCY / run_id / f"{source}-{related.digest}"


def write_predictions(
    folder: Path,
    related: Relation,
    logits: NDArray[np.float32],
    altered_logits: NDArray[np.float32],
    about: Mapping[str, Any],
) -> None:
    """Store predictions, whole or not at all.

    Args:
        folder: `predictions_folder` of the run and the relation.
        related: what was predicted.
        logits, altered_logits: of the originals and of the altered texts, `(n, num_labels)`.
        about: content of `about.json` but for what the relation says.
    """
    table = pd.DataFrame(
        {
            "id": [row.id for row in related.rows],
            "group": [row.group for row in related.rows],
            "kind": [row.kind for row in related.rows],
            "alteration": [row.alteration for row in related.rows],
            "label": _labels([row.label for row in related.rows]),
            "altered_label": _labels([row.altered_label for row in related.rows]),
            "logits": list(logits),
            "altered_logits": list(altered_logits),
        }
    )
    partial = folder.with_name(folder.name + PARTIAL_SUFFIX)
    shutil.rmtree(partial, ignore_errors=True)
    partial.mkdir(parents=True)
    table.to_parquet(partial / PREDICTIONS, index=False)
    known = {"source": related.name, "digest": related.digest, "remarks": list(related.remarks)}
    write_json(partial / ABOUT, {**known, **about})
    seal(partial)
    shutil.rmtree(folder, ignore_errors=True)  # damaged, or somebody else's equal one
    partial.rename(folder)


def read_predictions(folder: Path) -> Predictions:
    """Read stored predictions, each file compared with its checksum.

    Raises:
        DamagedRecordError: if a file is missing, was changed, or holds what cannot be.
    """
    manifest = read_manifest(folder)
    check_files(folder, manifest, network=True)
    about = validated(ABOUT, parsed(ABOUT, checked_bytes(folder, ABOUT, manifest)), About)
    content = checked_bytes(folder, PREDICTIONS, manifest, MOST_TABLE_BYTES)
    table = read_columns(PREDICTIONS, content, None, _COLUMNS)
    logits, altered = (matrix_of(PREDICTIONS, table, name) for name in ("logits", "altered_logits"))
    if logits.shape != altered.shape:
        raise damaged(PREDICTIONS, "originals and altered texts differ in their classes", REMEDY)
    texts = {
        name: np.array(table[name].to_pylist(), dtype=object)
        for name in ("id", "group", "kind", "alteration")
    }
    labels = {name: table[name].to_numpy() for name in ("label", "altered_label")}
    if not set(texts["kind"]) <= set(KINDS):
        raise damaged(PREDICTIONS, "column kind holds a kind that there is not", REMEDY)
    for name, values in labels.items():
        if ((values < UNKNOWN) | (values >= logits.shape[1])).any():
            raise damaged(PREDICTIONS, f"column {name} holds a class that there is not", REMEDY)
    return Predictions(
        about, texts["id"], texts["group"], texts["kind"], texts["alteration"], labels["label"],
        labels["altered_label"], logits, altered,
    )  # fmt: skip


def find_predictions(folder: Path) -> Predictions | None:
    """Return stored predictions, or None if there are none that can be believed."""
    with suppress(InputError):
        return read_predictions(folder) if (folder / MANIFEST).is_file() else None
    return None


def stored_predictions(out: Path, run_id: str) -> Iterator[Path]:
    """Yield the folders of a run's predictions in a folder of runs, by name."""
    for path in sorted((out / CONSISTENCY / run_id).glob(f"*/{MANIFEST}")):
        if not path.parent.name.endswith(PARTIAL_SUFFIX):
            yield path.parent


def _labels(labels: Sequence[int | None]) -> NDArray[np.int64]:
    return np.array([UNKNOWN if label is None else label for label in labels], dtype=np.int64)
