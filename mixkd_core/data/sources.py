"""Sources of examples: the embedded distribution, a local GLUE folder, the hub, or one's own files.

:func:`load_task_data` chooses; each source also has its own loader. All of them return the
canonical form of :mod:`mixkd_core.data.task_data`.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mixkd_core.data.arrow_files import dataset_rows
from mixkd_core.data.embedded.law import draw_examples
from mixkd_core.data.labelled_test import with_labelled_test
from mixkd_core.data.own_data import load_files
from mixkd_core.data.source_rows import SourceRows
from mixkd_core.data.splits import build_split
from mixkd_core.data.table_files import read_tsv
from mixkd_core.data.task_data import TaskData, assemble
from mixkd_core.data.tasks import EMBEDDED, GLUE, RESPLIT, Task, TsvLayout
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
    dev_fraction: float | None = None,
    drop_empty: bool = False,
    test_file: Path | str | None = None,
) -> TaskData:
    """Return the task's data: from its law if embedded, else from a folder, files, or the hub.

    Args:
        task: the task.
        data_dir: a GLUE folder in the official TSV layout.
        train_file, evaluation_files, dev_fraction, drop_empty: one's own files, as for
            :func:`~mixkd_core.data.own_data.load_files`.
        test_file: a labelled test set, wherever the rest comes from, as for
            :func:`~mixkd_core.data.labelled_test.with_labelled_test`.

    Raises:
        InputError: sources that contradict each other or the task, or what the source's own
            loader refuses.
    """
    if train_file is None and (evaluation_files or dev_fraction is not None or drop_empty):
        raise InputError(
            "An evaluation file, a share to hold out of a file (--dev-fraction) and --drop-empty "
            "are about a training file of one's own, and none was given; give --train-file too."
        )
    if data_dir is not None and train_file is not None:
        raise InputError("A data folder and files of one's own were both given; choose one.")
    if task.name in EMBEDDED:
        if data_dir is not None or train_file is not None:
            raise InputError(
                f"Task {task.name!r} is drawn from the embedded law and reads no files; leave out "
                "the data folder and files, or choose another task."
            )
        data = load_embedded(task.name)
    elif data_dir is not None:
        data = load_glue_folder(task, data_dir)
    elif train_file is not None:
        data = load_files(
            task,
            train_file,
            evaluation_files or {},
            dev_fraction=dev_fraction,
            drop_empty=drop_empty,
        )
    else:
        data = load_hub(task)
    if test_file is None:
        return data
    return with_labelled_test(data, test_file, drop_empty=drop_empty)


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
    remarks: list[str] = []
    splits = {
        split: build_split(
            task,
            split,
            _labelled(read_tsv(_glue_file(task, layout, data_dir, split), layout.columns), layout),
            text_columns=layout.text_columns,
            label_column=layout.label_column,
            skip_broken_rows=layout.skips_broken_rows,
            empty="keep",  # official QQP holds a few
            remark=remarks.append,
        )
        for split in ("train", *task.evaluation_splits)
    }
    sizes = {name: len(data) for name, data in splits.items()}
    remarks += check_sizes(task, sizes)
    origin = f"GLUE folder {layout.folder}"
    if sizes != task.sizes or task.name in RESPLIT:
        origin += " (not the official splits)"
    return assemble(task, splits.pop("train"), splits, origin=origin, remarks=remarks)


def _labelled(table: SourceRows, layout: TsvLayout) -> SourceRows:
    """Return a table that has labels; one of a test set in a labelled one's place has none."""
    if layout.label_column not in table.columns:
        raise InputError(
            f"{table.name} has no column {layout.label_column!r}, so its examples have no labels, "
            "as a test set's: nothing can be learnt from it or measured on it; give the official "
            "file of that name."
        )
    return table


def check_sizes(task: Task, sizes: Mapping[str, int]) -> list[str]:
    """Return a sentence if splits do not have the sizes known of the task, else nothing.

    Args:
        task: one of GLUE's, or a re-split one.
        sizes: examples of each split.
    """
    odd = [name for name in task.sizes if sizes[name] != task.sizes[name]]
    if not odd:
        return []
    counted = ", ".join(
        f"{name} has {sizes[name]:,} examples instead of {task.sizes[name]:,}" for name in odd
    )
    twins = (twin for twin in (*GLUE.values(), *RESPLIT.values()) if twin.tsv == task.tsv)
    meant = next((twin.name for twin in twins if twin.sizes == dict(sizes)), None)
    kind = "re-split" if task.name in RESPLIT else "official"
    advice = (
        f"these are the splits of task {meant!r}: ask for that one"
        if meant is not None
        else "a number from here must not stand beside a published one"
    )
    return [f"Not the {kind} files of {task.name}: {counted}; {advice}."]


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
    remarks: list[str] = []
    splits = {
        name: build_split(
            task,
            name,
            dataset_rows(data, f"Split {name!r}"),
            id_column=task.id_column,
            empty="keep",
            remark=remarks.append,
        )
        for name, data in _hub_splits(task, {"train": "train", **task.evaluation_splits}).items()
    }
    origin = f"hub {task.hub_path} {task.hub_config}"
    return assemble(task, splits.pop("train"), splits, origin=origin, remarks=remarks)


def load_hub_test(task: Task) -> dict[str, Dataset]:
    """A task's unlabelled test sets from the hub, by name; they have no ``label`` column.

    Raises:
        InputError: as for :func:`load_hub`.
    """
    return {
        split: build_split(
            task,
            split,
            dataset_rows(data, f"Split {split!r}"),
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
            f"Task {task.name!r} is not on the hub; give "
            + ("its folder by --data-dir." if task.tsv else "its training file by --train-file.")
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
