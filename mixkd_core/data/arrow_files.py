"""Tables in Arrow's formats, and any `datasets.Dataset`; declared classes come by name."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mixkd_core.data.source_rows import MOST_ROWS, Rows, SourceRows
from mixkd_core.data.text_files import MOST_BYTES
from mixkd_core.errors import InputError, printable

if TYPE_CHECKING:
    from datasets import Dataset


def read_parquet(path: Path) -> SourceRows:
    """Read a parquet file."""
    import pyarrow as pa  # type: ignore[import-untyped]
    import pyarrow.parquet as pq  # type: ignore[import-untyped]

    try:
        parts = pq.read_metadata(path)
        groups = (parts.row_group(number) for number in range(parts.num_row_groups))
        _check_size(path, sum(group.total_byte_size for group in groups), parts.num_rows)
        # Not read_table, which stumbles over a name that two columns have.
        return _table_rows(path, pq.ParquetFile(path).read())
    except InputError:
        raise
    except (pa.ArrowException, OSError, ValueError) as error:
        raise _unreadable(path, "parquet", error) from None


def read_arrow(path: Path) -> SourceRows:
    """Read an Arrow file: a stream (as `datasets` writes), or a file with a footer (Feather)."""
    import pyarrow as pa
    import pyarrow.feather  # type: ignore[import-untyped]

    try:
        with pa.memory_map(str(path)) as source:
            try:
                table = pa.ipc.open_stream(source).read_all()
            except pa.ArrowInvalid:
                table = pa.feather.read_table(path)
        return _table_rows(path, table)
    except InputError:
        raise
    except (pa.ArrowException, OSError, ValueError) as error:
        raise _unreadable(path, "Arrow", error) from None


def read_saved(folder: Path) -> SourceRows:
    """Read the folder that `Dataset.save_to_disk` wrote."""
    import datasets

    try:
        data = datasets.load_from_disk(str(folder))
        if isinstance(data, datasets.Dataset):
            data.data.table.validate(full=True)
    # Damaged folders fail in many ways: missing files, JSON, Arrow, keys that are not there.
    except Exception as error:
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise InputError(
            f"Folder {folder} cannot be read as what Dataset.save_to_disk wrote: {reason}"
        ) from error
    if isinstance(data, datasets.DatasetDict):
        raise InputError(
            f"Folder {folder} holds the splits {', '.join(data)}: give the folder of one, such as "
            f"{folder / next(iter(data), 'train')}."
        )
    return dataset_rows(data, str(folder))


def dataset_rows(data: Dataset, name: str) -> SourceRows:
    """Return a data set's rows; a class index is given as the class's name.

    An index outside the names (-1 by custom) marks a missing label.
    """
    classes = {
        column: tuple(feature.names)
        for column, feature in data.features.items()
        if getattr(feature, "names", None) is not None
    }
    return SourceRows(name, "row", tuple(data.column_names), _rows(data, classes))


def _check_size(path: Path, size: int, rows: int) -> None:
    """Refuse what a small file unpacks to, if it is more than any that is read."""
    if size > MOST_BYTES or rows > MOST_ROWS:
        raise InputError(
            f"{path} unpacks to {size:,} bytes in {rows:,} rows, and at most {MOST_BYTES:,} bytes "
            f"and {MOST_ROWS:,} rows are read: give a part of it."
        )


def _unreadable(path: Path, kind: str, error: Exception) -> InputError:
    reason = " ".join(str(error).split()) or type(error).__name__
    return InputError(f"{path} cannot be read as {kind}: {printable(reason)}")


def _table_rows(path: Path, table: Any) -> SourceRows:
    """Return an Arrow table's rows, with the classes that `datasets` declared in its metadata."""
    table.validate(full=True)  # offsets of a damaged file lead outside its memory
    _check_size(path, table.nbytes, table.num_rows)
    names = list(table.column_names)
    repeated = sorted({name for name in names if names.count(name) > 1})
    if repeated:
        raise InputError(
            f"{path} has several columns called {', '.join(map(repr, repeated))}: rename them."
        )
    classes = _declared_classes((table.schema.metadata or {}).get(b"huggingface", b"{}"))
    rows = _rows(table.to_pylist(), {name: classes[name] for name in names if name in classes})
    return SourceRows(str(path), "row", tuple(names), rows)


def _rows(data: Iterable[dict[str, Any]], classes: Mapping[str, tuple[str, ...]]) -> Rows:
    for number, row in enumerate(data, start=1):
        for column, names in classes.items():
            index = row[column]
            known = isinstance(index, int) and 0 <= index < len(names)
            row[column] = names[index] if known else None
        yield number, row


def _declared_classes(metadata: bytes) -> dict[str, tuple[str, ...]]:
    """The class names of columns; none where the metadata is not what `datasets` writes."""
    try:
        features = json.loads(metadata)["info"]["features"]
        return {
            column: tuple(map(str, feature["names"]))
            for column, feature in features.items()
            if feature.get("_type") == "ClassLabel" and isinstance(feature.get("names"), list)
        }
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return {}
