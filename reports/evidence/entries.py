"""A folder of runs as a report sees it: an entry for each run, with numbers or why it has none.

Checksums are compared for what is read. The weights are not read, so that a thousand runs take
seconds; `mixkd status` compares those too.
"""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path

from mixkd_core.errors import InputError
from mixkd_core.records.places import elsewhere, without_folders
from mixkd_core.records.plans import Plans
from mixkd_core.records.run_folder import RunRecord
from mixkd_core.records.survey import State, StoredRun, Survey, survey


@dataclass(frozen=True)
class Entry:
    """One run as the store holds it.

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
    """Return every run that `out` holds or that a study planned there, by name.

    Raises:
        InputError: if `out` is no folder, or holds no run at all.
    """
    return entries_of(look_into(out), out)


def look_into(out: Path) -> Survey:
    """Return what a folder of runs holds, tables and weights unread.

    Raises:
        InputError: if `out` is no folder.
    """
    if not out.is_dir():
        raise InputError(f"{out} is not a folder: give the one that runs were written to (--out).")
    return survey(out, whole=False)


def entries_of(found: Survey, where: object) -> list[Entry]:
    """Return the runs of a folder as entries.

    Runs that chose settings are left out: they were trained on a part of their subset and measured
    on the rest of it.

    Raises:
        InputError: if there is no run at all.
    """
    entries = [_entry(run, found.plans) for run in found.runs if not run.chooses_settings]
    if not entries:
        left_out = len(found.runs)
        but = f" but {left_out} of mixkd tune, which are not reported" if left_out else ""
        also = "".join(f" {sentence}" for sentence in found.complaints)
        raise InputError(
            f"{where} holds no runs{but}: make some with 'mixkd train', 'run' or 'demo'.{also}"
        )
    return entries


def finished_entries(entries: Iterable[Entry], where: object) -> list[Entry]:
    """Return the entries that have numbers.

    Raises:
        InputError: if there are none, saying what is there instead.
    """
    entries = list(entries)
    kept = [entry for entry in entries if entry.record is not None]
    if kept:
        return kept
    counts = sorted(Counter(entry.state for entry in entries).items())
    found = ", ".join(f"{count} {state}" for state, count in counts)
    reason = next((f" (the first: {entry.reason})" for entry in entries if entry.reason), "")
    raise InputError(
        f"{where} has no finished run, only {found}{reason}: repeat the command that made them, "
        "which goes on from where it stopped."
    )


def entry_of(record: RunRecord) -> Entry:
    """A finished record as an entry."""
    spec = record.spec
    return Entry(
        record.folder.name,
        "finished",
        "",
        spec.task,
        spec.fraction,
        spec.seed,
        spec.method,
        _without_places(record),
    )


def held_out_sets(record: RunRecord) -> list[str]:
    """The sets of a run that it was not trained on."""
    return [name for name in record.sets if name != "train"]


def _entry(run: StoredRun, plans: Plans) -> Entry:
    about, spec = run.about, None if run.record is None else run.record.spec
    return Entry(
        run.name,
        run.state,
        elsewhere(run.reason),
        about.task,
        about.fraction if spec is None else spec.fraction,  # a name holds six digits of it
        about.seed,
        about.method,
        None if run.record is None else _without_places(run.record),
        _is_variant(plans.labels(run.id), about.method),
    )


def _without_places(record: RunRecord) -> RunRecord:
    """A record that names no folder of the machine that it was made on."""
    summary = record.summary
    told = {
        "command": without_folders(summary["command"]),
        "origin": elsewhere(summary["origin"]),
    }
    return replace(record, summary=summary | told)


def _is_variant(labels: list[str], method: str) -> bool:
    """Return True if no study calls the run by its method (and student, where it has several)."""
    plain = [label for label in labels if label.partition(", ")[0] == method]
    return bool(labels) and not plain
