"""A labelled test set: one more set to measure on, which is no part of what a run is.

The fingerprint does not tell of it, so runs that were finished before can be measured on it too.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from mixkd_core.data.inspection import inspect_set
from mixkd_core.data.source_rows import Rows, SourceRows
from mixkd_core.data.splits import build_split
from mixkd_core.data.table_files import is_table, read_table, read_tsv
from mixkd_core.data.task_data import TaskData, with_groups
from mixkd_core.data.tasks import Task
from mixkd_core.data.text_files import lines_of
from mixkd_core.errors import InputError

TEST = "test"


def with_labelled_test(data: TaskData, path: Path | str, *, drop_empty: bool = False) -> TaskData:
    """Return the data with a file's examples as the set `test`.

    A table (told by its ending) has the task's columns; a `.tsv` of a GLUE task those of its
    official labelled files. Any other file has a label, a space and a text in each line, as the
    Stanford Sentiment Treebank's `stsa.binary.test` has; of pairs, a label and two texts with tabs.

    Args:
        data: of a task whose data come from files or the hub.
        path: the file.
        drop_empty: leave out rows without a text or label instead of refusing them.

    Raises:
        InputError: a task with a set of this name or with a known law, a file without labels, or
            what :func:`~mixkd_core.data.splits.build_split` or
            :func:`~mixkd_core.data.inspection.inspect_set` refuses.
    """
    path = Path(path)
    if data.fresh is not None:
        raise InputError(
            f"Task {data.task.name!r} is measured on new draws of its law and reads no test file; "
            "leave it out."
        )
    if TEST in data.evaluation:
        raise InputError(
            f"The data of task {data.task.name!r} have a set {TEST!r} already; leave out the test "
            "file, or give that set another name."
        )
    if not path.exists():
        raise InputError(f"There is no file {path}; give the path of an existing one.")
    remarks: list[str] = []
    task = data.task
    layout = task.tsv if path.suffix.lower() == ".tsv" else None
    if layout is not None:
        table = read_tsv(path, layout.columns)
    else:
        table = read_table(path) if is_table(path) else labelled_lines(path, task)
    label_column = task.label_column if layout is None else layout.label_column
    if label_column not in table.columns:
        raise InputError(
            f"{path} has no column {label_column!r} for the labels, so nothing can be measured "
            "on it (GLUE's own test files have none); give a file with labels."
        )
    test = build_split(
        task,
        TEST,
        table,
        text_columns=None if layout is None else layout.text_columns,
        label_column=label_column,
        empty="drop" if drop_empty else "refuse",
        remark=remarks.append,
    )
    remarks += inspect_set(task, data.train, TEST, test)
    return replace(
        data,
        test=with_groups(task, test),
        test_origin=f"file {path.name}",
        remarks=(*data.remarks, *remarks),
    )


def labelled_lines(path: Path, task: Task) -> SourceRows:
    """Read a label, a space and a text from each line; of pairs, a label and two texts with tabs.

    Raises:
        InputError: for a line without them.
    """
    wanted = len(task.text_columns) + 1
    form = "a label and two texts, tabs between" if task.is_pair else "a label and a text"

    def rows() -> Rows:
        for number, line in lines_of(path):
            fields = line.split("\t") if task.is_pair else line.strip().split(" ", 1)
            if len(fields) != wanted:
                raise InputError(
                    f"{path}, line {number}: not {form}, as an example of task {task.name!r} has; "
                    "give such lines, or a table, such as a .tsv or .jsonl."
                )
            yield number, dict(zip((task.label_column, *task.text_columns), fields, strict=True))

    return SourceRows(str(path), "line", (task.label_column, *task.text_columns), rows())
