"""Harmed folders of runs: what is read is what was written, or its harm is named."""

import shutil
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
from hypothesis import strategies as st

from experiments.benchmarks.synthetic_store import write_run
from mixkd_core.records.layout import MANIFEST
from mixkd_core.records.run_folder import seal
from mixkd_core.records.schema import LOSSES
from mixkd_core.records.survey import Survey, survey
from reports.evidence.evidence import Evidence, load_evidence
from tests.faults.odd import altered, as_json, damaged_bytes, put_in_place, texts, values
from tests.faults.outcomes import ACCEPTED, ChangedError, FaultError, command, outcome

SETS = {"train": (20, 0.9), "remainder": (30, 0.7), "dev": (16, 0.8)}
NAMES = (
    "x-e-s0-kd-0123456789ab",
    "sst2-0.01-s0-kd-0123456789ab",
    "sst2-0.01-s1-kd-0123456789ab.partial",
    b"\xff\xfe-0.1-s0-kd-0123456789ab".decode(errors="surrogateescape"),
    "a\x1b[31m-0.1-s0-kd-0123456789ab",
    "-0123456789ab",
    "sst2-nan-s0-kd-0123456789ab",
)
Key = tuple[str, str, str, str]

COMMANDS = ("status", "gaps", "claims", "export")


class Stores:
    """A folder of four runs and a study's list, harmed again and again.

    Args:
        room: where to work.
    """

    def __init__(self, room: Path) -> None:
        self.whole = room / "whole"
        self.harmed = room / "harmed"
        self.out = room / "out"
        for method, seed in (("teacher", 0), ("kd", 0), ("kd", 1), ("ft", 0)):
            write_run(self.whole, method=method, seed=seed, sets=SETS)
        record = next(iter(survey(self.whole, whole=False).runs))
        plan = {"study": "a", "runs": {record.id: {"folder": record.name, "labels": ["kd"]}}}
        (self.whole / "studies").mkdir()
        (self.whole / "studies" / "a.json").write_bytes(as_json(plan))
        self.numbers = numbers_of(survey(self.whole, whole=True))

    def check(self, draw: st.DrawFn) -> str:
        """Harm the store and read it; return whether anything could be.

        Raises:
            FaultError: for a traceback, a hang, or a number that is another.
        """
        shutil.rmtree(self.harmed, ignore_errors=True)
        shutil.copytree(self.whole, self.harmed, symlinks=True)
        for _ in range(draw(st.integers(1, 2))):
            self._harm(draw)
        state, found = outcome(lambda: survey(self.harmed, whole=True))
        if state == ACCEPTED:
            self._compare(found)
        if draw(st.integers(0, 4)) == 0:
            state, evidence = outcome(lambda: load_evidence(self.harmed))
            if state == ACCEPTED:
                self._compare_numbers(risks_of(evidence), {key[0] for key in self.numbers})
        if draw(st.integers(0, 9)) == 0:
            name = draw(st.sampled_from(COMMANDS))
            shutil.rmtree(self.out, ignore_errors=True)
            more = ["-o", str(self.out)] if name == "export" else []
            command([name, str(self.harmed), *more])
        return state

    def _compare(self, found: Survey) -> None:
        finished = {run.id for run in found.runs if run.record is not None}
        self._compare_numbers(numbers_of(found), finished)
        lost = {run for run, *_ in self.numbers} - finished
        left = {run for run in lost if list(self.harmed.glob(f"*{run}*"))}
        named = {run.id for run in found.runs if run.record is None}
        if left - named and not found.complaints:
            raise FaultError(f"runs lost without a word: {left - named}")

    def _compare_numbers(self, found: dict[Key, float], runs: set[str]) -> None:
        for key, number in found.items():
            if key[0] not in runs or self.numbers.get(key) != number:
                raise ChangedError(f"{key} was {self.numbers.get(key)} and is {number}")

    def _harm(self, draw: st.DrawFn) -> None:
        files = sorted(path for path in self.harmed.rglob("*") if path.is_file())
        path = draw(st.sampled_from(files))
        what = draw(
            st.sampled_from(
                ["bytes", "bytes", "content", "content", "content", "place", "swap", "name"]
            )
        )
        if what == "bytes":
            path.write_bytes(damaged_bytes(draw, path.read_bytes()))
        elif what == "content" and path.suffix == ".json":
            _alter_json(draw, path)
        elif what == "content" and path.suffix == ".parquet":
            _alter_table(draw, path)
        elif what == "place":
            put_in_place(draw, path)
        elif what == "swap":
            other = draw(st.sampled_from(files))
            one, two = path.read_bytes(), other.read_bytes()
            path.write_bytes(two)
            other.write_bytes(one)
        elif what == "name":
            self._rename(draw)
        if draw(st.booleans()):
            _seal_again(path)

    def _rename(self, draw: st.DrawFn) -> None:
        folders = sorted(path for path in self.harmed.iterdir() if "-s" in path.name)
        if not folders:
            return
        folder = draw(st.sampled_from(folders))
        named = draw(st.sampled_from([*NAMES, *(path.name for path in folders)]))
        place = self.harmed / named
        if place.exists():
            shutil.rmtree(place)
        if draw(st.booleans()) and folder.exists():
            shutil.copytree(folder, place, symlinks=True)
        elif folder.exists():
            folder.rename(place)


def numbers_of(found: Survey) -> dict[Key, float]:
    """Every number that a table could show of a finished run, by run, set and what it is."""
    numbers: dict[Key, float] = {}
    for run in found.runs:
        for name, result in run.record.summary["results"].items() if run.record else ():
            for what in ("metrics", "majority_baseline", "risk"):
                numbers |= {(run.id, name, what, key): its for key, its in result[what].items()}
    return numbers


def risks_of(evidence: Evidence) -> dict[Key, float]:
    """The risks that tables show, read off the per-example tables."""
    rows = evidence.measurements.risks.to_dict("records")
    return {
        (row["run"], row["set"], "risk", row["loss"]): row["risk"]
        for row in rows
        if row["loss"] in LOSSES
    }


def _alter_json(draw: st.DrawFn, path: Path) -> None:
    import json

    try:
        content: Any = json.loads(path.read_bytes())
    except (ValueError, RecursionError):
        return
    path.write_bytes(as_json(altered(draw, content)))


def _alter_table(draw: st.DrawFn, path: Path) -> None:
    try:
        table = pq.read_table(path)
    except (pa.ArrowException, OSError):
        return
    if not table.num_columns or not table.num_rows:
        return
    name = draw(st.sampled_from(table.column_names))
    place = table.column_names.index(name)
    what = draw(st.sampled_from(["drop", "reverse", "twice", "none", "value", "type", "column"]))
    if what == "drop":
        table = table.drop_columns([name])
    elif what == "reverse":
        table = table.take(list(range(table.num_rows))[::-1])
    elif what == "twice":
        table = table.take([0, *range(1, table.num_rows - 1), 0])
    elif what == "none":
        table = table.slice(0, draw(st.integers(0, table.num_rows - 1)))
    elif what == "column":
        table = table.append_column(draw(texts).encode(errors="replace").decode(), table[name])
    else:
        column = table[name].to_pylist()
        column[draw(st.integers(0, len(column) - 1))] = draw(values)
        try:
            kind = None if what == "type" else table.schema.field(name).type
            table = table.set_column(place, name, pa.array(column, kind))
        except (pa.ArrowException, OverflowError, TypeError, ValueError):
            return
    pq.write_table(table, path)


def _seal_again(path: Path) -> None:
    """Seal the run that a file belongs to, as someone would who changed it on purpose."""
    for folder in path.parents:
        if (folder / MANIFEST).is_file():
            try:
                seal(folder)
            except (OSError, ValueError):
                return
            return
