"""The tables of a run folder, read back: every column, range and id checked before use.

A per-example table must agree with itself (predictions, errors and distances follow from logits and
labels)
and with `run.json` (the number of examples, and every mean loss).
"""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
import pyarrow as pa  # type: ignore[import-untyped]
import pyarrow.compute as pc  # type: ignore[import-untyped]
import pyarrow.parquet as pq  # type: ignore[import-untyped]
from numpy.typing import NDArray

from mixkd_core.data.columns import add_texts
from mixkd_core.records.layout import LATENT, examples_file
from mixkd_core.records.reading import damaged
from mixkd_core.records.schema import LEAST_LOSS, LOSSES

# What a table may grow to when it is decompressed.
MOST_BYTES_IN_MEMORY = 4 << 30

# Stored losses are float32 arithmetic on logits that may be large.
_LOSS_TOLERANCE = 1e-4
# Means are of the same float64 numbers, perhaps added in another order.
_MEAN_TOLERANCE = 1e-9

TEXT = (pa.string(), pa.large_string())
_LABEL = (pa.int64(), pa.float64(), pa.float32())
LIST = (pa.list_(pa.float32()), pa.large_list(pa.float32()))
_LATENT_COLUMNS: Mapping[str, Sequence[Any]] = {
    "kind": TEXT,
    "example_id": TEXT,
    "label": _LABEL,
    "partner_id": TEXT,
    "partner_label": _LABEL,
    "mixing_coefficient": (pa.float64(),),
    "logits": LIST,
    "encoding": LIST,
}


@dataclass(frozen=True)
class Examples:
    """A run's per-example table of one set.

    Attributes:
        ids: example ids, an Arrow array of n strings.
        labels: of shape `(n,)`; integers are classes.
        logits: of shape `(n, num_labels)`.
        losses: by name, each of shape `(n,)`.
        groups: equal for examples that share a source, of shape `(n,)`; None if none do.
        teacher_logits: of shape `(n, num_labels)`; None for a teacher.
        trace: what is compared with other runs' tables.
    """

    ids: pa.StringArray
    labels: NDArray[Any]
    logits: NDArray[np.float32]
    losses: dict[str, NDArray[np.float64]]
    groups: NDArray[np.int64] | None
    teacher_logits: NDArray[np.float32] | None
    trace: "SetTrace"

    @property
    def digest(self) -> str:
        return self.trace.examples


@dataclass(frozen=True)
class SetTrace:
    """The little of a per-example table that other runs' tables are compared with.

    Attributes:
        examples: digest of ids and labels (`examples_digest`).
        outputs: of the run's own logits (`random_projection`).
        teacher_outputs: the same of its teacher's; None for a teacher.
        largest: magnitude of the run's own logits.
        grouped: whether the examples are of groups.
    """

    examples: str
    outputs: tuple[float, ...]
    teacher_outputs: tuple[float, ...] | None
    largest: float
    grouped: bool


def random_projection(logits: NDArray[np.float32]) -> tuple[float, ...]:
    """Project logits over their rows on one fixed Gaussian direction, to one number a class.

    Outputs that differ by rounding stay as near as they are; other outputs, or the same in another
    order, come out elsewhere (the distance is kept in the mean, as in the lemma of Johnson and
    Lindenstrauss).

    Args:
        logits: of shape `(n, num_labels)`.
    """
    direction = np.random.default_rng(0).standard_normal(len(logits)) / np.sqrt(len(logits))
    return tuple(float(number) for number in direction @ logits.astype(np.float64))


def examples_digest(ids: Any, labels: Any) -> str:
    """Return the SHA-256 of a set's ids and labels, in order.

    Args:
        ids: n example ids, as a list or an Arrow array of strings.
        labels: class indices or real values, of shape `(n,)`.
    """
    texts = ids if isinstance(ids, pa.Array) else pa.array(ids, pa.string())
    digest = hashlib.sha256()
    add_texts(digest, texts)
    digest.update(np.asarray(labels).astype(np.float64).tobytes())
    return digest.hexdigest()


def read_set(
    set_name: str,
    content: bytes,
    examples: int,
    risk: Mapping[str, float],
    digest: str | None,
    distance: tuple[str, float] | None,
) -> Examples:
    """Read a set's per-example table.

    Args:
        set_name: the set's.
        content: of its file.
        examples, risk, digest: what `run.json` says of the set.
        distance: name and temperature of that to the teacher; None for a teacher.

    Raises:
        DamagedRecordError: naming the column and the row that cannot be right.
    """
    file = examples_file(set_name)
    columns: dict[str, Sequence[Any]] = {
        "example_id": TEXT, "label": _LABEL, "prediction": _LABEL, "logits": LIST,
    }  # fmt: skip
    columns |= {name: (pa.float64(),) for name in LOSSES if name in risk}
    table = read_columns(
        file, content, examples, columns, optional={"group": (pa.int64(),), "teacher_logits": LIST}
    )
    logits = matrix_of(file, table, "logits")
    teacher_logits = None
    if "teacher_logits" in table.column_names:
        teacher_logits = matrix_of(file, table, "teacher_logits")
        if teacher_logits.shape != logits.shape:
            raise damaged(
                file,
                f"teacher_logits has {teacher_logits.shape[1]} numbers a row, and logits "
                f"{logits.shape[1]}",
            )
    labels = table["label"].to_numpy()
    predictions = table["prediction"].to_numpy()
    losses = {name: table[name].to_numpy() for name in LOSSES if name in risk}
    for name, values in losses.items():
        _refuse(file, name, ~np.isfinite(values) | (values < LEAST_LOSS), values)
    if "squared_error" in losses:
        _agrees_as_regression(file, labels, predictions, logits, losses["squared_error"])
    else:
        _agrees_as_classes(file, labels, predictions, logits, losses)
    if "distillation_distance" in losses:
        if distance is None or teacher_logits is None:
            raise damaged(file, "it has a distance to a teacher, and there is none")
        _agrees_with_teacher(
            file, logits, teacher_logits, losses["distillation_distance"], distance
        )
    for name, values in losses.items():
        mean = float(values.mean())
        if abs(mean - risk[name]) > _MEAN_TOLERANCE * max(1.0, abs(mean)):
            raise damaged(file, f"the mean of {name} is {mean:.6g}, and run.json has {risk[name]}")
    ids = table["example_id"].combine_chunks().cast(pa.string())
    found = examples_digest(ids, labels)
    if digest is not None and digest != found:
        raise damaged(file, "its example ids or labels are not those that run.json was made of")
    if repeated := _first_repeated(_Ids(found, ids)):
        raise damaged(file, f"example_id {repeated!r} stands in it more than once")
    return Examples(
        ids=ids,
        labels=labels,
        logits=logits,
        losses=losses,
        groups=table["group"].to_numpy() if "group" in table.column_names else None,
        teacher_logits=teacher_logits,
        trace=SetTrace(
            found,
            random_projection(logits),
            None if teacher_logits is None else random_projection(teacher_logits),
            float(np.abs(logits).max()),
            "group" in table.column_names,
        ),
    )


def read_latent_table(content: bytes, points: int) -> pa.Table:
    """Read the table of encodings (`mixkd_core.evaluation.encodings.latent_table`).

    Args:
        content: of its file.
        points: how many there must be.

    Raises:
        DamagedRecordError: naming the column and the row that cannot be right.
    """
    table = read_columns(LATENT, content, None, _LATENT_COLUMNS)
    kinds = np.array(table["kind"].to_pylist(), dtype=object)
    ids = np.array(table["example_id"].to_pylist(), dtype=object)
    is_point = kinds == "point"
    _refuse(LATENT, "kind", ~is_point & (kinds != "neighbour"), kinds)
    known = list(ids[is_point])
    if len(known) != points or len(set(known)) != points:
        raise damaged(
            LATENT, f"it has {len(set(known))} different points, and the run encoded {points}"
        )
    for column in ("example_id", "partner_id"):
        names = np.array(table[column].to_pylist(), dtype=object)
        _refuse(LATENT, column, ~np.isin(names, known), names)
    share = table["mixing_coefficient"].to_numpy()
    _refuse(LATENT, "mixing_coefficient", ~((share >= 0) & (share <= 1)), share)
    for column in ("logits", "encoding"):
        matrix_of(LATENT, table, column)
    return table


def read_columns(
    file: str,
    content: bytes,
    rows: int | None,
    columns: Mapping[str, Sequence[Any]],
    optional: Mapping[str, Sequence[Any]] = {},
) -> pa.Table:
    """Read columns that must be there, of one of the types given, and without gaps.

    Args:
        file: the parquet file's name, for complaints.
        content: of the file.
        rows: how many there must be; None for any number.
        columns: by name the types that are allowed.
        optional: the same of columns that may be absent.

    Raises:
        DamagedRecordError: naming the column that cannot be right.
    """
    try:
        parquet = pq.ParquetFile(pa.BufferReader(content))
        about = parquet.metadata
        sizes = [about.row_group(number).total_byte_size for number in range(about.num_row_groups)]
        if rows is not None and about.num_rows != rows:
            raise damaged(file, f"it has {about.num_rows} rows, and run.json counts {rows}")
        if sum(sizes) > MOST_BYTES_IN_MEMORY:
            raise damaged(
                file,
                f"it unpacks to {sum(sizes)} bytes, and at most {MOST_BYTES_IN_MEMORY} are read",
            )
        types = {field.name: field.type for field in parquet.schema_arrow}
        wanted = dict(columns) | {name: its for name, its in optional.items() if name in types}
        for name, allowed in wanted.items():
            if name not in types:
                raise damaged(file, f"column {name} is missing")
            if types[name] not in allowed:
                raise damaged(file, f"column {name} is {types[name]}, and must be {allowed[0]}")
        table = parquet.read(columns=list(wanted), use_threads=False)
    except (pa.ArrowException, OSError) as error:
        raise damaged(file, "it is no readable parquet file") from error
    for name in wanted:
        if table[name].null_count:
            raise damaged(file, f"column {name} has gaps")
    return table


def matrix_of(file: str, table: pa.Table, column: str) -> NDArray[np.float32]:
    """Return a column of lists as an array of shape `(rows, length)`.

    Raises:
        DamagedRecordError: if the lists are not all of one length, or a value is not finite.
    """
    lists = table[column].combine_chunks()
    lengths = pc.list_value_length(lists).to_numpy()
    flat = lists.flatten()
    if not len(lengths) or lengths.min() != lengths.max() or not lengths[0] or flat.null_count:
        raise damaged(file, f"the lists in column {column} are not all of one length")
    matrix: NDArray[np.float32] = flat.to_numpy(zero_copy_only=False).reshape(len(lengths), -1)
    if not np.isfinite(matrix).all():
        row = int(np.flatnonzero(~np.isfinite(matrix).all(axis=1))[0])
        raise damaged(file, f"{column} in row {row} is not finite")
    return matrix


def _agrees_as_classes(
    file: str,
    labels: NDArray[Any],
    predictions: NDArray[Any],
    logits: NDArray[np.float32],
    losses: Mapping[str, NDArray[np.float64]],
) -> None:
    for name, values in (("label", labels), ("prediction", predictions)):
        if values.dtype.kind != "i":
            raise damaged(file, f"column {name} is {values.dtype}, and classes are whole numbers")
    by_class = np.ascontiguousarray(logits.T)  # numpy is slow along the short axis
    highest, rows = by_class.max(axis=0), np.arange(len(labels))
    for name, values in (("label", labels), ("prediction", predictions)):
        _refuse(file, name, (values < 0) | (values >= len(by_class)), values)
    _refuse(file, "prediction", by_class[predictions, rows] != highest, predictions)
    if "zero_one_error" in losses:
        wrong = losses["zero_one_error"]
        _refuse(file, "zero_one_error", wrong != (predictions != labels), wrong)
    if "cross_entropy" in losses:
        entropy = losses["cross_entropy"]
        expected = highest - by_class[labels, rows] + np.log(np.exp(by_class - highest).sum(axis=0))
        size = 1 + np.maximum(np.abs(highest), np.abs(by_class.min(axis=0)))
        _refuse(file, "cross_entropy", np.abs(entropy - expected) > _LOSS_TOLERANCE * size, entropy)


def _agrees_with_teacher(
    file: str,
    logits: NDArray[np.float32],
    taught: NDArray[np.float32],
    distances: NDArray[np.float64],
    distance: tuple[str, float],
) -> None:
    """As `mixkd_core.objectives.distances` defines them, which needs torch."""
    name, temperature = distance
    own, theirs = logits.astype(np.float64), taught.astype(np.float64)
    size = np.maximum(np.abs(own), np.abs(theirs)).max(axis=1)
    if name == "mse":
        expected, scale = ((own - theirs) ** 2).mean(axis=1), size**2
    else:
        student, teacher = _log_softmax(own / temperature), _log_softmax(theirs / temperature)
        compared = teacher - student if name == "kl" else -student
        expected = temperature**2 * (np.exp(teacher) * compared).sum(axis=1)
        scale = temperature**2 + temperature * size
    far = np.abs(distances - expected) > _LOSS_TOLERANCE * (1 + scale)
    _refuse(file, "distillation_distance", far, distances)


def _log_softmax(logits: NDArray[np.float64]) -> NDArray[np.float64]:
    below = logits - logits.max(axis=1, keepdims=True)
    logarithms: NDArray[np.float64] = below - np.log(np.exp(below).sum(axis=1, keepdims=True))
    return logarithms


def _agrees_as_regression(
    file: str,
    labels: NDArray[Any],
    predictions: NDArray[Any],
    logits: NDArray[np.float32],
    squared: NDArray[np.float64],
) -> None:
    _refuse(file, "label", ~np.isfinite(labels.astype(np.float64)), labels)
    _refuse(file, "prediction", predictions != logits[:, 0], predictions)
    expected = (predictions - labels) ** 2
    far = np.abs(squared - expected) > _LOSS_TOLERANCE * (1 + predictions**2 + labels**2)
    _refuse(file, "squared_error", far, squared)


def _refuse(file: str, column: str, wrong: NDArray[np.bool_], values: NDArray[Any]) -> None:
    if wrong.any():
        row = int(np.flatnonzero(wrong)[0])
        raise damaged(file, f"{column} in row {row} is {str(values[row])[:60]!r}, which cannot be")


@dataclass(frozen=True)
class _Ids:
    """Ids that are equal where their digest is: runs on the same examples are looked at once."""

    digest: str
    ids: pa.StringArray

    def __hash__(self) -> int:
        return hash(self.digest)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Ids) and self.digest == other.digest


@cache
def _first_repeated(given: _Ids) -> str | None:
    counts = pc.value_counts(given.ids)
    for entry in counts.filter(pc.greater(counts.field("counts"), 1)):
        return str(entry["values"].as_py())
    return None
