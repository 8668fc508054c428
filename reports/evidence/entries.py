"""What a folder of runs holds: finished records, and what has no numbers with the reason why.

Checksums are compared for what is read. The weights are not read, so that a thousand runs take
seconds; `mixkd_core.records.run_folder.damage` compares those too.
"""

import hashlib
import json
import math
import re
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pyarrow as pa  # type: ignore[import-untyped]
import pyarrow.parquet as pq  # type: ignore[import-untyped]
from numpy.typing import NDArray
from pydantic import ValidationError

from mixkd_core.errors import InputError
from mixkd_core.records.run_folder import (
    LOSSES,
    MANIFEST,
    PARTIAL_SUFFIX,
    SCHEMA_VERSION,
    RunRecord,
)
from mixkd_core.records.specs import RunSpec
from reports.evidence.plans import Plans, read_plans

State = Literal["finished", "failed", "unfinished", "damaged", "missing", "duplicate"]

# Versions that change numbers; the others only read and write them.
VERSIONS = ("mixkd", "torch", "transformers")

_FOLDER = re.compile(r"(?P<task>.+)-(?P<fraction>[\d.e-]+?)-s(?P<seed>\d+)-(?P<method>.+)-\w{12}")


@dataclass(frozen=True)
class Entry:
    """What the store holds of one run.

    Attributes:
        name: of its folder, without the suffix of an unfinished one.
        state: finished, or why there are no numbers.
        reason: of a failure or damage, in words.
        task, fraction, seed, method: from the specification, or, where there is none to read, from
            the folder's name or the study's plan.
        record: of a finished run.
        variant: whether every study that planned it calls it something else than its method, as
            they call controls; not so where none planned it.
    """

    name: str
    state: State
    reason: str
    task: str
    fraction: float
    seed: int
    method: str
    record: RunRecord | None = None
    variant: bool = False

    @property
    def id(self) -> str:
        return self.name.rsplit("-", 1)[-1]

    @property
    def finished(self) -> RunRecord:
        """The record of an entry known to be finished."""
        assert self.record is not None, self.name
        return self.record


def read_store(out: Path) -> list[Entry]:
    """Every run that `out` holds or that a study planned there, by name.

    Runs that chose settings (`tuning_runs`) are left out: they were trained on a part of their
    subset and measured on the rest of it.

    Raises:
        InputError: if `out` is no folder, or holds no run at all.
    """
    if not out.is_dir():
        raise InputError(f"{out} is not a folder: give the one that runs were written to (--out).")
    left_out = tuning_runs(out)
    present = {path.name for path in out.iterdir() if path.is_dir()}
    names = sorted({name.removesuffix(PARTIAL_SUFFIX) for name in present} - set(left_out))
    entries = [
        _finished(out / name) if name in present else _unfinished(out / (name + PARTIAL_SUFFIX))
        for name in names
        if _FOLDER.fullmatch(name)
    ]
    entries = _each_once(entries)
    known = {entry.id for entry in entries}
    plans = read_plans(out)
    entries += {entry.id: entry for entry in _planned(plans, known)}.values()
    entries = [replace(entry, variant=_is_variant(entry, plans)) for entry in entries]
    if not entries:
        but = f" but {len(left_out)} of mixkd tune, which are not reported" if left_out else ""
        raise InputError(
            f"{out} holds no runs{but}: make some with 'mixkd train', 'run' or 'demo'."
        )
    return entries


def tuning_runs(out: Path) -> list[str]:
    """Names of the runs of `mixkd tune`, finished or not: those judged on a validation set."""
    found = set()
    for path in out.glob("*/spec.json"):
        try:
            evaluation = json.loads(path.read_text(encoding="utf-8"))["evaluation"]
        except (OSError, ValueError, KeyError, TypeError):
            continue  # damaged: said where it is read
        if evaluation.get("validation") is not None:
            found.add(path.parent.name.removesuffix(PARTIAL_SUFFIX))
    return sorted(found)


def finished_entries(entries: Iterable[Entry], where: object) -> list[Entry]:
    """Those with numbers.

    Raises:
        InputError: if there are none, saying what is there instead.
    """
    entries = list(entries)
    kept = [entry for entry in entries if entry.record is not None]
    if kept:
        return kept
    counts = {state: sum(e.state == state for e in entries) for state in _states(entries)}
    found = ", ".join(f"{count} {state}" for state, count in counts.items())
    reason = next((f" (the first: {entry.reason})" for entry in entries if entry.reason), "")
    raise InputError(
        f"{where} has no finished run, only {found}{reason}: repeat the command that made them, "
        "which goes on from where it stopped."
    )


def entry_of(record: RunRecord) -> Entry:
    """A finished record as an entry."""
    return _entry(record.folder.name, "finished", "", record.spec, record)


@dataclass(frozen=True)
class Examples:
    """A run's per-example table of one set.

    Attributes:
        ids: example ids, an Arrow array of n strings.
        labels: of shape `(n,)`.
        logits: of shape `(n, num_labels)`.
        losses: by name, each of shape `(n,)`.
        groups: equal for examples that share a source, of shape `(n,)`; None if none do.
    """

    ids: pa.StringArray
    labels: NDArray[Any]
    logits: NDArray[np.float32]
    losses: dict[str, NDArray[np.float64]]
    groups: NDArray[np.int64] | None


def read_examples(record: RunRecord, set_name: str) -> Examples:
    """Read a set's table and compare it with its checksum.

    Raises:
        InputError: if it is missing, damaged, or holds a loss that is not a finite number.
    """
    content = checked_bytes(record.folder, f"examples/{set_name}.parquet")
    file = pq.ParquetFile(pa.BufferReader(content))
    stored = set(file.schema_arrow.names)
    names = [name for name in LOSSES if name in stored]
    grouped = ["group"] if "group" in stored else []
    columns = ["example_id", "label", "logits", *names, *grouped]
    table = file.read(columns=columns, use_threads=False)
    flat = table["logits"].combine_chunks().flatten().to_numpy(zero_copy_only=False)
    losses = {name: table[name].to_numpy().astype(np.float64) for name in names}
    for name, values in losses.items():
        if not np.isfinite(values).all():
            row = int(np.flatnonzero(~np.isfinite(values))[0])
            raise InputError(
                f"run {record.folder.name}: {name} of example {row} on {set_name} is "
                f"{values[row]}; delete the run and make it again."
            )
    return Examples(
        ids=table["example_id"].combine_chunks().cast(pa.string()),
        labels=table["label"].to_numpy(),
        logits=flat.reshape(len(table), -1),
        losses=losses,
        groups=table["group"].to_numpy() if grouped else None,
    )


def read_history(record: RunRecord) -> list[dict[str, Any]]:
    """The training curve, compared with its checksum.

    Raises:
        InputError: if it is missing or damaged.
    """
    entries: list[dict[str, Any]] = json.loads(checked_bytes(record.folder, "history.json"))
    return entries


def held_out_sets(record: RunRecord) -> list[str]:
    """The sets of a run that it was not trained on."""
    return [name for name in record.sets if name != "train"]


def versions_of(record: RunRecord) -> str:
    """The versions that a run's numbers depend on, in words."""
    versions = record.summary["versions"]
    return ", ".join(f"{name} {versions[name]}" for name in VERSIONS if name in versions)


def _each_once(entries: list[Entry]) -> list[Entry]:
    """Of finished runs with one specification and the same versions all but one marked.

    An earlier version of the program may have given the run another id: counted twice, a seed
    would make every interval too narrow. The run with today's id is kept, or else the first.
    """
    kept: dict[tuple[str, str], str] = {}
    finished = [entry for entry in entries if entry.record is not None]
    for entry in sorted(finished, key=lambda entry: entry.id != entry.finished.spec.id):
        key = entry.finished.spec.id, versions_of(entry.finished)
        kept.setdefault(key, entry.id)
    marked = []
    for entry in entries:
        if entry.record is not None:
            first = kept[entry.record.spec.id, versions_of(entry.record)]
            if first != entry.id:
                reason = f"the same specification as run {first}, which is counted"
                entry = replace(entry, state="duplicate", reason=reason, record=None)
        marked.append(entry)
    return marked


def _finished(folder: Path) -> Entry:
    try:
        manifest = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))
        if manifest["schema_version"] != SCHEMA_VERSION:
            return _nameless(
                folder.name,
                "damaged",
                f"written with version {manifest['schema_version']} of the record's schema; this "
                f"program reads version {SCHEMA_VERSION}",
            )
        spec = RunSpec.model_validate_json(checked_bytes(folder, "spec.json", manifest))
        summary = json.loads(checked_bytes(folder, "run.json", manifest))
        record = RunRecord(folder, spec, summary)
        fault = _fault(record)
    except InputError as error:
        return _nameless(folder.name, "damaged", str(error))
    except ValidationError as error:
        place = ".".join(str(part) for part in error.errors()[0]["loc"])
        reason = f"its specification does not fit this version of mixkd ({place})"
        return _nameless(folder.name, "damaged", reason)
    except (OSError, ValueError, KeyError, TypeError) as error:
        return _nameless(folder.name, "damaged", f"it cannot be read ({type(error).__name__})")
    if fault is not None:
        return _entry(folder.name, "damaged", fault, spec, None)
    return _entry(folder.name, "finished", "", spec, record)


def _fault(record: RunRecord) -> str | None:
    """What makes a record's numbers unusable, in words."""
    if record.spec.student is not None:
        try:
            _ = record.spec.student.objective
        except InputError as error:
            return str(error)
    for name, result in record.summary["results"].items():
        for kind in ("metrics", "majority_baseline", "risk"):
            for what, value in result[kind].items():
                if not math.isfinite(value):
                    return f"{what} on {name} is {value}"
    return None


def _unfinished(folder: Path) -> Entry:
    name = folder.name.removesuffix(PARTIAL_SUFFIX)
    note = folder / "failure.json"
    if not note.is_file():
        return _nameless(name, "unfinished", "it is running, or was interrupted")
    try:
        reason = str(json.loads(note.read_text(encoding="utf-8"))["reason"])
    except (OSError, ValueError, KeyError, TypeError):
        reason = "the note of the failure is damaged"
    return _nameless(name, "failed", reason)


def _planned(plans: Plans, known: Collection[str]) -> Iterator[Entry]:
    """Runs that a study wants in this folder and that are not known."""
    for study, runs in plans.runs.items():
        for run_id, about in runs.items():
            if run_id not in known:
                reason = f"planned by the study {study}, not made yet"
                yield _nameless(about["folder"], "missing", reason)


def _is_variant(entry: Entry, plans: Plans) -> bool:
    """Whether no study calls the run by its method (and student, where it has several)."""
    labels = [
        label for runs in plans.runs.values() for label in runs.get(entry.id, {}).get("labels", ())
    ]
    plain = [label for label in labels if label.partition(", ")[0] == entry.method]
    return bool(labels) and not plain


def _entry(name: str, state: State, reason: str, spec: RunSpec, record: RunRecord | None) -> Entry:
    return Entry(name, state, reason, spec.task, spec.fraction, spec.seed, spec.method, record)


def _nameless(name: str, state: State, reason: str) -> Entry:
    """An entry without a specification: what its folder's name says has to do."""
    parts = _FOLDER.fullmatch(name)
    assert parts is not None, name
    return Entry(
        name,
        state,
        reason,
        parts["task"],
        float(parts["fraction"]),
        int(parts["seed"]),
        parts["method"],
    )


def _states(entries: Iterable[Entry]) -> list[State]:
    return sorted({entry.state for entry in entries})


def checked_bytes(folder: Path, name: str, manifest: Mapping[str, Any] | None = None) -> bytes:
    """A file of a run folder, compared with its checksum.

    Raises:
        InputError: if it is missing or damaged.
    """
    try:
        if manifest is None:
            manifest = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))
        content = (folder / name).read_bytes()
    except OSError:
        raise InputError(f"run {folder.name}: {name} is missing; make the run again.") from None
    if hashlib.sha256(content).hexdigest() != manifest["files"][name]["sha256"]:
        raise InputError(
            f"run {folder.name}: {name} differs from its checksum; delete the run and make it "
            "again."
        )
    return content
