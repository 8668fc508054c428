"""Odd data files: refused in a sentence, or read as they were written, in every format alike."""

import csv
import io
import json
import shutil
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
from hypothesis import strategies as st

from experiments.cli.own_data import own_task
from mixkd_core.data.sources import load_task_data
from mixkd_core.data.task_data import TaskData
from tests.faults.odd import damaged_bytes, put_in_place, scalars, texts
from tests.faults.outcomes import ACCEPTED, REFUSED, ChangedError, outcome

ENDINGS = ("csv", "tsv", "jsonl", "json", "parquet")


class Tables:
    """Files of one's own, written in every format and harmed.

    Args:
        room: where to work.
    """

    def __init__(self, room: Path) -> None:
        self.folder = room / "data"

    def check(self, draw: st.DrawFn) -> str:
        """Write a table, perhaps harm it, and read it; return whether it was taken.

        Raises:
            FaultError: for a traceback, a hang, or a text or label that nobody wrote.
        """
        shutil.rmtree(self.folder, ignore_errors=True)
        self.folder.mkdir(parents=True)
        columns, rows = _table(draw)
        ending = draw(st.sampled_from(ENDINGS))
        path = self.folder / f"train.{ending}"
        plain = all(isinstance(cell, str) for row in rows for cell in row)
        if not _write(path, columns, rows):
            return REFUSED
        harmed = draw(st.integers(0, 2)) == 2
        if harmed:
            if draw(st.integers(0, 3)) == 3:
                put_in_place(draw, path)
            else:
                path.write_bytes(damaged_bytes(draw, path.read_bytes()))
        fraction = draw(st.sampled_from([None, 0.3, 0.5]))
        labels = draw(st.sampled_from([None] * 5 + ["a,b", "a,b", "0,1", "a,,b"]))
        drop = draw(st.booleans())
        state, data = self._read(path, columns, labels, fraction, drop)
        if state == ACCEPTED and not harmed and plain:
            self._compare(data, columns, rows, labels, fraction, drop)
        return state

    def _read(
        self, path: Path, columns: list[str], labels: str | None, fraction: float | None, drop: bool
    ) -> tuple[str, Any]:
        def load() -> TaskData:
            task = own_task(
                "mine",
                path,
                text_column=columns[0],
                text_pair_column=None,
                label_column=columns[1],
                labels=labels,
                regression=False,
                say=lambda _: None,
            )
            return load_task_data(task, train_file=path, dev_fraction=fraction, drop_empty=drop)

        return outcome(load)

    def _compare(
        self,
        data: TaskData,
        columns: list[str],
        rows: list[list[Any]],
        labels: str | None,
        fraction: float | None,
        drop: bool,
    ) -> None:
        written = {_as_read(row[0]) for row in rows}
        for split in (data.train, *data.evaluation.values()):
            for text in split["text"]:
                if _as_read(text) not in written:
                    raise ChangedError(f"a text that nobody wrote: {text!r}")
        other = self.folder / "again.jsonl"
        if not _write(other, columns, rows):
            return
        state, again = self._read(other, columns, labels, fraction, drop)
        if state == ACCEPTED and again.fingerprint != data.fingerprint:
            one, two = list(data.train["text"]), list(again.train["text"])
            if [_as_read(text) for text in one] == [_as_read(text) for text in two]:
                return  # other spaces, which each format keeps or cuts in its way
            raise ChangedError("the same table in two formats is not the same data")


def _as_read(text: str) -> str:
    return " ".join(text.split())


def _table(draw: st.DrawFn) -> tuple[list[str], list[list[Any]]]:
    names = draw(
        st.one_of(
            st.just(["text", "label"]),
            st.just(["text", "label"]),
            st.lists(texts, min_size=2, max_size=4),
        )
    )
    kinds = draw(
        st.sampled_from(
            [
                *[st.sampled_from(["a", "b"])] * 4,
                st.sampled_from(["0", "1"]),
                st.just("a"),
                texts,
                scalars,
            ]
        )
    )
    words = draw(st.sampled_from([texts, st.just("same"), *[st.text("ab cdé=-", min_size=3)] * 4]))
    count = draw(st.integers(0, 20))
    rows = [[draw(words), draw(kinds), *(draw(texts) for _ in names[2:])] for _ in range(count)]
    return names, rows


def _object(columns: list[str], row: list[Any]) -> str:
    """An object in JSON, which may have a key twice."""
    cells = zip(columns, row, strict=True)
    return "{" + ", ".join(f"{json.dumps(name)}: {json.dumps(cell)}" for name, cell in cells) + "}"


def _write(path: Path, columns: list[str], rows: list[list[Any]]) -> bool:
    """Write a table; False where its format cannot say it."""
    ending = path.suffix
    try:
        if ending in (".csv", ".tsv"):
            file = io.StringIO(newline="")
            if ending == ".csv":
                writer = csv.writer(file)
            else:  # never quoted, so that it cannot say everything
                plain = {"quoting": csv.QUOTE_NONE, "quotechar": None, "lineterminator": "\n"}
                writer = csv.writer(file, delimiter="\t", **plain)
            writer.writerows([columns, *rows])
            path.write_text(file.getvalue(), encoding="utf-8", newline="")
        elif ending == ".parquet":
            cells = [pa.array([row[place] for row in rows]) for place in range(len(columns))]
            pq.write_table(pa.Table.from_arrays(cells, names=columns), path)
        else:
            lines = [_object(columns, row) for row in rows]
            text = "\n".join(lines) if ending == ".jsonl" else f"[{','.join(lines)}]"
            path.write_text(text, encoding="utf-8")
    except (UnicodeError, pa.ArrowException, OverflowError, TypeError, ValueError, csv.Error):
        return False
    return True
