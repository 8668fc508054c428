"""Where examples come from: the embedded law, a local GLUE folder, the hub, or one's own files.

:func:`load_task_data` chooses; each source also has its own loader. All of them return the
canonical form of :mod:`mixkd_core.data.task_data`.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mixkd_core.data.embedded.law import draw_examples
from mixkd_core.data.table_files import Rows, read_table, read_tsv
from mixkd_core.data.task_data import SourceRows, TaskData, assemble, build_split
from mixkd_core.data.tasks import EMBEDDED, Task, TsvLayout
from mixkd_core.errors import InputError

if TYPE_CHECKING:
    from datasets import Dataset

EMBEDDED_TRAIN_SIZE = 4000
EMBEDDED_DEV_SIZE = 1000


def load_task_data(
    task: Task,
    *,
    data_dir: Path | str | None = None,
    train_file: Path | str | None = None,
    evaluation_files: Mapping[str, Path | str] | None = None,
) -> TaskData:
    """The task's data: from its law if embedded, else from ``data_dir``, the files, or the hub.

    Args:
        task: the task.
        data_dir: a GLUE folder in the official TSV layout.
        train_file, evaluation_files: one's own files, as for :func:`load_files`; both or neither.

    Raises:
        InputError: sources that contradict each other or the task, or what the source's own
            loader refuses.
    """
    if (train_file is None) != (not evaluation_files):
        raise InputError(
            "A training file and at least one evaluation file belong together; give both."
        )
    if data_dir is not None and train_file is not None:
        raise InputError("A data folder and files of one's own were both given; choose one.")
    if task.name in EMBEDDED:
        if data_dir is not None or train_file is not None:
            raise InputError(
                f"Task {task.name!r} is drawn from the embedded law and reads no files; leave out "
                "the data folder and files, or choose another task."
            )
        return load_embedded(task.name)
    if data_dir is not None:
        return load_glue_folder(task, data_dir)
    if train_file is not None and evaluation_files:
        return load_files(task, train_file, evaluation_files)
    return load_hub(task)


def load_embedded(
    name: str, *, train_size: int = EMBEDDED_TRAIN_SIZE, dev_size: int = EMBEDDED_DEV_SIZE
) -> TaskData:
    """An embedded task: i.i.d. training and development sets, and as many fresh examples as asked.

    Larger sizes extend the sets: their first examples stay the same.

    Raises:
        InputError: not an embedded task, or a size below one.
    """
    if name not in EMBEDDED:
        raise InputError(
            f"Task {name!r} has no embedded law; the embedded tasks are {', '.join(EMBEDDED)}."
        )
    task = EMBEDDED[name]

    def fresh(count: int, seed: int) -> Dataset:
        return _drawn(task, f"fresh_{seed}", count)

    return assemble(
        task,
        _drawn(task, "train", train_size),
        {"dev": _drawn(task, "dev", dev_size)},
        origin="embedded law",
        fresh=fresh,
    )


def _drawn(task: Task, stream: str, count: int) -> Dataset:
    if count < 1:
        raise InputError(f"{count} examples of {task.name!r} were asked for; ask for at least one.")
    examples = draw_examples(task.name, stream, count)
    columns = (*task.text_columns, task.label_column)
    rows = enumerate((dict(zip(columns, example, strict=True)) for example in examples), start=1)
    return build_split(
        task, stream, SourceRows(f"The law of {task.name!r}", "example", columns, rows)
    )


def load_glue_folder(task: Task, data_dir: Path | str) -> TaskData:
    """A GLUE task from a folder in the official TSV layout, one folder a task.

    Raises:
        InputError: no such folder or file, or what :func:`~mixkd_core.task_data.build_split`
            refuses.
    """
    layout = _glue_layout(task)
    splits = {
        split: build_split(
            task,
            split,
            read_tsv(_glue_file(task, layout, data_dir, split), layout.columns),
            text_columns=layout.text_columns,
            label_column=layout.label_column,
            skip_broken_rows=layout.skips_broken_rows,
        )
        for split in ("train", *task.evaluation_splits)
    }
    train = splits.pop("train")
    return assemble(task, train, splits, origin=f"GLUE folder {layout.folder}")


def load_glue_test(task: Task, data_dir: Path | str) -> dict[str, Dataset]:
    """A GLUE task's unlabelled test sets from a folder, by name; they have no ``label`` column.

    Raises:
        InputError: as for :func:`load_glue_folder`.
    """
    layout = _glue_layout(task)
    return {
        split: build_split(
            task,
            split,
            read_tsv(_glue_file(task, layout, data_dir, split)),
            text_columns=layout.text_columns,
            labelled=False,
        )
        for split in task.test_splits
    }


def _glue_layout(task: Task) -> TsvLayout:
    if task.tsv is None:
        raise InputError(
            f"Task {task.name!r} is not one of GLUE's, so it has no GLUE folder; give its training "
            "and evaluation files instead."
        )
    return task.tsv


def _glue_file(task: Task, layout: TsvLayout, data_dir: Path | str, split: str) -> Path:
    path = Path(data_dir) / layout.folder / f"{split}.tsv"
    if not path.is_file():
        names = [f"{name}.tsv" for name in ("train", *task.evaluation_splits)]
        raise InputError(
            f"There is no file {path}; in the official layout the folder given holds "
            f"{layout.folder}/ with {', '.join(names)} for task {task.name!r}."
        )
    return path


def load_hub(task: Task) -> TaskData:
    """A task from the Hugging Face hub (or the local cache of ``datasets``).

    Raises:
        InputError: the task is not on the hub, the hub cannot be reached, or what
            :func:`~mixkd_core.task_data.build_split` refuses.
    """
    splits = _hub_splits(task, {"train": "train", **task.evaluation_splits})
    train = splits.pop("train")
    return from_datasets(task, train, splits, origin=f"hub {task.hub_path} {task.hub_config}")


def load_hub_test(task: Task) -> dict[str, Dataset]:
    """A task's unlabelled test sets from the hub, by name; they have no ``label`` column.

    Raises:
        InputError: as for :func:`load_hub`.
    """
    return {
        split: build_split(
            task,
            split,
            _dataset_table(task, split, data),
            id_column=task.id_column,
            labelled=False,
        )
        for split, data in _hub_splits(task, task.test_splits).items()
    }


def _hub_splits(task: Task, names: Mapping[str, str]) -> dict[str, Any]:
    """Splits of a task's data set on the hub: name here → data, given the name there."""
    import datasets

    if task.hub_path is None:
        raise InputError(
            f"Task {task.name!r} is not on the hub; give its training and evaluation files."
        )
    try:
        loaded = datasets.load_dataset(task.hub_path, task.hub_config)
        return {name: loaded[split] for name, split in names.items()}
    # The hub's client raises many unrelated types: connection errors, HTTP errors, its own
    # "not found", ValueError for a configuration that is not cached, KeyError for a split.
    except Exception as error:
        raise InputError(
            f"Data set {task.hub_path!r} ({task.hub_config}) cannot be loaded from the hub "
            f"({type(error).__name__}: {str(error).splitlines()[0] if str(error) else ''}); check "
            "the connection, or give a local folder in the official TSV layout."
        ) from error


def load_files(task: Task, train: Path | str, evaluation: Mapping[str, Path | str]) -> TaskData:
    """A task from one's own CSV, TSV, JSONL or parquet files.

    Args:
        task: names the columns and labels.
        train: the training file.
        evaluation: evaluation files by the name their results will have.

    Raises:
        InputError: no evaluation file, or what :func:`~mixkd_core.table_files.read_table` or
            :func:`~mixkd_core.task_data.build_split` refuses.
    """
    if not evaluation:
        raise InputError("No evaluation file was given; give at least one.")
    paths = {"train": Path(train), **{name: Path(path) for name, path in evaluation.items()}}
    if len(paths) == len(evaluation):
        raise InputError("An evaluation set cannot be named 'train'; give it another name.")
    splits = {
        name: build_split(task, name, read_table(path), id_column=task.id_column)
        for name, path in paths.items()
    }
    names = ", ".join(path.name for path in paths.values())
    return assemble(task, splits.pop("train"), splits, origin=f"files {names}")


def from_datasets(
    task: Task,
    train: Dataset,
    evaluation: Mapping[str, Dataset],
    *,
    origin: str = "datasets in memory",
) -> TaskData:
    """A task from ``datasets.Dataset`` objects with the task's columns.

    Labels declared as ``ClassLabel`` are matched by name, so their order may differ from the
    task's.

    Raises:
        InputError: no evaluation set, one named "train", or what
            :func:`~mixkd_core.task_data.build_split` refuses.
    """
    if not evaluation or "train" in evaluation:
        raise InputError("Give at least one evaluation set, named otherwise than 'train'.")
    splits = {
        name: build_split(task, name, _dataset_table(task, name, data), id_column=task.id_column)
        for name, data in {"train": train, **evaluation}.items()
    }
    return assemble(task, splits.pop("train"), splits, origin=origin)


def _dataset_table(task: Task, split: str, data: Dataset) -> SourceRows:
    names = getattr(data.features.get(task.label_column), "names", None)

    def rows() -> Rows:
        for number, row in enumerate(data, start=1):
            label = row.get(task.label_column)
            # An index outside the names (-1 marks a missing label) is left to be refused.
            if names is not None and label is not None and 0 <= label < len(names):
                row = {**row, task.label_column: names[label]}
            yield number, row

    return SourceRows(f"Split {split!r}", "row", tuple(data.column_names), rows())
