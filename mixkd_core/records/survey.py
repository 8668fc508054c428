"""A folder of runs, read by everyone who asks what it holds: each run's state, and why.

One unreadable folder, file or name never hides another: it is named beside what could be read.
"""

import os
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

from pydantic import ValidationError

from mixkd_core.errors import InputError
from mixkd_core.records.cross_checks import contradictions
from mixkd_core.records.layout import FAILURE, SPEC, RunName, RunPlace, run_name, run_places, shown
from mixkd_core.records.locks import is_locked
from mixkd_core.records.plans import Plans, read_plans
from mixkd_core.records.reading import file_bytes, parsed, validated
from mixkd_core.records.run_folder import RunRecord, examine
from mixkd_core.records.schema import FailureNote
from mixkd_core.records.specs import RunSpec

# In the order in which they are told.
State = Literal["finished", "running", "unfinished", "failed", "damaged", "missing", "duplicate"]
STATES: Sequence[State] = (
    "finished", "running", "unfinished", "failed", "damaged", "missing", "duplicate",
)  # fmt: skip


@dataclass(frozen=True)
class StoredRun:
    """A run as a folder of runs holds it.

    Attributes:
        name: of its folder, without the suffix of an unfinished one.
        about: the same taken apart.
        state: `"unfinished"` if it was interrupted; `"failed"` if its last attempt ended with an
            error; `"damaged"` if what is stored of it cannot be believed; `"missing"` if a study
            wants it and nothing of it is there; `"duplicate"` if another run is the same.
        reason: of a state without numbers, in words.
        record: of a finished run.
        chooses_settings: whether it is a run of `mixkd tune`, judged on a validation set.
    """

    name: str
    about: RunName
    state: State
    reason: str = ""
    record: RunRecord | None = None
    chooses_settings: bool = False

    @property
    def id(self) -> str:
        return self.about.id


@dataclass(frozen=True)
class Survey:
    """The contents of a folder of runs.

    Attributes:
        runs: every run that is there, by name, then those that studies want and that are missing.
        plans: what studies want.
        unreadable: a sentence for each folder that looks like a run's and has no run's name.
    """

    runs: tuple[StoredRun, ...]
    plans: Plans
    unreadable: tuple[str, ...] = ()

    @property
    def complaints(self) -> tuple[str, ...]:
        """A sentence for each thing in the folder that belongs to no run and cannot be read."""
        return self.plans.damaged + self.unreadable


def survey(out: Path, *, whole: bool) -> Survey:
    """Read a folder of runs; an empty one, or none, holds nothing.

    Args:
        out: the folder.
        whole: compares all files with their checksums and validates all tables, weights included;
            else specifications and summaries only, so that a thousand runs take a second.

    Raises:
        InputError: if the folder cannot be listed.
    """
    plans = read_plans(out)
    runs: list[StoredRun] = []
    unreadable: list[str] = []
    for place in run_places(out) if out.is_dir() else ():
        about = run_name(place.name)
        if about is None:
            unreadable.append(
                f"the folder {shown(place.name)} looks like a run's, and its name is none: give it "
                "the name that its run had, or delete it."
            )
        else:
            runs.append(_stored_run(out, place, about, whole))
    runs, namesakes = _one_of_an_id(runs)
    unreadable += namesakes
    if whole:
        runs = _not_contradicted(runs)
    runs = _each_once(runs)
    known = {run.id for run in runs}
    return Survey((*runs, *_missing(plans, known)), plans, tuple(unreadable))


def _stored_run(out: Path, place: RunPlace, about: RunName, whole: bool) -> StoredRun:
    name = place.name
    harm = ""
    if place.finished is not None:
        try:
            record = examine(place.finished, whole=whole)
            tuned = _chooses_settings(record.spec)
            return StoredRun(name, about, "finished", record=record, chooses_settings=tuned)
        except InputError as error:
            harm = str(error)
    tuned = _chooses_settings(_spec_in(place.finished) or _spec_in(place.partial))

    def without_numbers(state: State, reason: str) -> StoredRun:
        return StoredRun(name, about, state, reason, chooses_settings=tuned)

    if is_locked(out, about.id):
        return without_numbers("running", "a process works on it")
    if place.partial is not None and os.path.exists(place.partial / FAILURE):  # False where closed
        return without_numbers("failed", _failure_reason(place.partial))
    if place.finished is not None:
        return without_numbers("damaged", harm)
    return without_numbers("unfinished", "it was interrupted")


def _spec_in(folder: Path | None) -> RunSpec | None:
    """The specification in a folder that may be damaged, if it can be read."""
    if folder is None:
        return None
    try:
        return RunSpec.model_validate(parsed(SPEC, file_bytes(folder, SPEC)))
    except (InputError, ValidationError):
        return None


def _chooses_settings(spec: RunSpec | None) -> bool:
    return spec is not None and spec.evaluation.validation is not None


def _failure_reason(partial: Path) -> str:
    try:
        return validated(FAILURE, parsed(FAILURE, file_bytes(partial, FAILURE)), FailureNote).reason
    except InputError:
        return f"unknown: its {FAILURE} is damaged"


def _one_of_an_id(runs: Sequence[StoredRun]) -> tuple[list[StoredRun], list[str]]:
    """Of several folders with one run's id the finished one, or the first; a sentence for others.

    An id is what runs are told apart by: a second one would take the place of the first.
    """
    kept: dict[str, StoredRun] = {}
    for run in sorted(runs, key=lambda run: run.record is None):
        kept.setdefault(run.id, run)
    others = [run for run in runs if kept[run.id] is not run]
    return sorted(kept.values(), key=lambda run: run.name), [
        f"the folder {run.name} has the id of the run {kept[run.id].name}: delete it, or give it "
        "the name that its run had."
        for run in others
    ]


def _not_contradicted(runs: list[StoredRun]) -> list[StoredRun]:
    records = {run.id: run.record for run in runs if run.record is not None}
    faults = contradictions(records, {run: record.traces for run, record in records.items()})
    return [
        replace(run, state="damaged", reason=faults[run.id], record=None)
        if run.id in faults
        else run
        for run in runs
    ]


def _each_once(runs: Iterable[StoredRun]) -> list[StoredRun]:
    """Of finished runs with one specification and the same versions all but one marked.

    An earlier version of the program may have given the run another id: counted twice, a seed
    would make every interval too narrow. The run with today's id is kept, or else the first.
    """
    runs = list(runs)
    ids = {run.id: run.record.spec.id for run in runs if run.record is not None}
    kept: dict[tuple[str, str], str] = {}
    finished = [(run.id, run.record) for run in runs if run.record is not None]
    for run_id, record in sorted(finished, key=lambda found: found[0] != ids[found[0]]):
        kept.setdefault((ids[run_id], record.versions), run_id)
    marked = []
    for run in runs:
        if run.record is not None:
            first = kept[ids[run.id], run.record.versions]
            if first != run.id:
                reason = f"the same specification as run {first}, which is counted"
                run = replace(run, state="duplicate", reason=reason, record=None)
        marked.append(run)
    return marked


def _missing(plans: Plans, known: Collection[str]) -> Iterator[StoredRun]:
    """Runs that a study wants in this folder and that are not known, each once."""
    told: set[str] = set()
    for study, runs in plans.runs.items():
        for run_id, entry in runs.items():
            about = run_name(entry["folder"])
            if run_id not in known and run_id not in told and about is not None:
                told.add(run_id)
                reason = f"planned by the study {study}, not made yet"
                yield StoredRun(entry["folder"], about, "missing", reason)
