"""A store read once: what every table, figure and claim is made of."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import pandas as pd

from mixkd_core.objectives.objective import METHODS
from mixkd_core.records.run_folder import RunRecord
from mixkd_core.records.specs import RunSpec, StudentSpec
from reports.evidence.consistency import Consistency, read_consistency
from reports.evidence.costs import NOT_MEASURED, Costs, read_costs
from reports.evidence.entries import (
    Entry,
    entries_of,
    entry_of,
    finished_entries,
    look_into,
)
from reports.evidence.export import (
    export_date,
    exports_in,
    is_export,
    read_exports,
    read_numbers,
)
from reports.evidence.frames import results_frame
from reports.evidence.measurements import Measurements, no_measurements, read_measurements

LOSS_TITLES = {
    "zero_one_error": "0-1 error",
    "cross_entropy": "cross-entropy (nats)",
    "tempered_cross_entropy": "cross-entropy after temperature (nats)",
    "brier_score": "Brier score",
    "calibration_error": "calibration error (ECE)",
    "squared_error": "squared error",
    "distillation_distance": "distance to the teacher",
}

# Sets that follow the law of the training data.
TRAINING_LAW = ("remainder", "fresh")

# What a mean over seeds is a mean of.
GROUP = ["task", "fraction", "label", "condition"]


@dataclass(frozen=True, eq=False)
class Evidence:
    """A store, read: what every table, figure and claim is made of.

    Attributes:
        entries: every run, those whose tables are damaged marked so.
        results: `reports.evidence.frames.results_frame` of them.
        measurements: what their per-example tables say.
        tuning_runs: how many runs of `mixkd tune` are left out of all that.
        damaged_plans: a sentence for each list of a study's runs that cannot be read: of its runs
            those that were never begun are not known.
        unreadable: a sentence for each folder that looks like a run's and is none.
        costs: of using the networks, or in words why there are none.
        date: on which exported results last changed; empty for a store.
        consistency: of predictions on altered texts, where they were measured.
    """

    entries: tuple[Entry, ...]
    results: pd.DataFrame
    measurements: Measurements
    tuning_runs: int = 0
    damaged_plans: tuple[str, ...] = ()
    unreadable: tuple[str, ...] = ()
    costs: Costs | str = NOT_MEASURED
    date: str = ""
    consistency: Consistency = field(default_factory=Consistency)

    @cached_property
    def runs(self) -> pd.DataFrame:
        """A row per run, without its numbers."""
        columns = ["run", "task", "fraction", "seed", "method", "label", "condition", "setting",
                   "data", "versions", "state", "reason"]  # fmt: skip
        return self.results[columns].drop_duplicates("run").reset_index(drop=True)

    @cached_property
    def gaps(self) -> pd.DataFrame:
        """A row per finished run × held-out set × loss: `empirical, generalization, gap`."""
        risks = self.measurements.risks
        train = risks[risks["set"] == "train"].rename(columns={"risk": "empirical"})
        held_out = risks[risks["set"] != "train"].rename(columns={"risk": "generalization"})
        both = held_out.merge(train.drop(columns="set"), on=["run", "loss"])
        both["gap"] = both["generalization"] - both["empirical"]
        sizes = self.results[["run", "set", "examples"]]
        known = ["run", "task", "fraction", "seed", "method", "label", "condition", "setting"]
        gaps: pd.DataFrame = both.merge(self.runs[known], on="run").merge(sizes, on=["run", "set"])
        return in_order(gaps)

    @cached_property
    def metrics(self) -> pd.DataFrame:
        """A row per finished run × set: the task's primary metric and the majority baseline."""
        finished = self.results[self.results["state"] == "finished"]
        return in_order(finished)

    @cached_property
    def records(self) -> dict[str, RunRecord]:
        """By finished run its record."""
        return {e.id: e.record for e in self.entries if e.record is not None}

    @cached_property
    def without_network(self) -> tuple[str, ...]:
        """Finished runs of a store whose network is gone; of exported results nothing is asked."""
        return tuple(
            run
            for run, record in self.records.items()
            if record.manifest is not None and not record.model_folder.is_dir()
        )

    @cached_property
    def specs(self) -> dict[str, RunSpec]:
        """By finished run what was trained, on what."""
        return {run: record.spec for run, record in self.records.items()}

    @cached_property
    def students(self) -> dict[str, StudentSpec]:
        """By run how its student was made; teachers are not among them."""
        students = {run: spec.student for run, spec in self.specs.items()}
        return {run: student for run, student in students.items() if student is not None}

    @cached_property
    def labels(self) -> dict[str, str]:
        """By run the method, and what tells it from others of its name."""
        return dict(zip(self.runs["run"], self.runs["label"], strict=True))

    @cached_property
    def variants(self) -> frozenset[str]:
        """Runs that their studies call something else than their method."""
        return frozenset(entry.id for entry in self.entries if entry.variant)

    def without(self, task: str, fraction: float, method: str, seeds: Sequence[int]) -> str:
        """Return the seeds missing from a mean, and why: `3 (failed), 4 (no run)`."""
        states = self._states[task, fraction]
        absent = sorted({seed for _, seed in states} - set(seeds))
        told = [states.get((method, seed), "finished") for seed in absent]
        # A finished run of the method is one of another variant.
        return ", ".join(
            f"{seed} ({'no run' if state == 'finished' else state})"
            for seed, state in zip(absent, told, strict=True)
        )

    @cached_property
    def _states(self) -> dict[tuple[str, float], dict[tuple[str, int], str]]:
        """By task and fraction the state of each method's seeds, of several the unfinished one."""
        found: dict[tuple[str, float], dict[tuple[str, int], str]] = {}
        for entry in sorted(self.entries, key=lambda entry: entry.state != "finished"):
            states = found.setdefault((entry.task, entry.fraction), {})
            states[entry.method, entry.seed] = entry.state
        return found


def load_evidence(out: Path, *, unfinished: bool = False) -> Evidence:
    """Read a store, results exported from one, or a folder of several exported results.

    Args:
        out: the folder.
        unfinished: accept a store none of whose runs is finished.

    Raises:
        InputError: if it is no folder, or has no finished run whose tables can be read.
    """
    exports = [out] if is_export(out) else exports_in(out)
    if exports:
        return replace(load_exports(exports), costs=read_costs(out))
    found = look_into(out)
    entries = entries_of(found, out)
    if unfinished and all(entry.record is None for entry in entries):
        evidence = Evidence(tuple(entries), results_frame(entries), no_measurements())
    else:
        evidence = _evidence(entries, out)
    consistency = read_consistency(out, evidence.entries)
    measurements = evidence.measurements
    if len(consistency.agreement):
        both = [measurements.agreement, consistency.agreement]
        measurements = replace(measurements, agreement=pd.concat(both, ignore_index=True))
    return replace(
        evidence,
        measurements=measurements,
        tuning_runs=sum(run.chooses_settings for run in found.runs),
        damaged_plans=found.plans.damaged,
        unreadable=found.unreadable,
        costs=read_costs(out),
        consistency=consistency,
    )


def load_exports(exports: Sequence[Path]) -> Evidence:
    """Read folders of exported results as one; a run that is in two counts once.

    Raises:
        InputError: if one cannot be read, or none has a finished run.
    """
    entries, measurements, left_out = read_exports(exports)
    finished_entries(entries, ", ".join(map(str, exports)))
    altered = [numbers for one in exports if (numbers := read_numbers(one)) is not None]
    return Evidence(
        tuple(entries),
        results_frame(entries),
        measurements,
        left_out,
        date=max(map(export_date, exports)).isoformat(),
        consistency=Consistency(pd.concat(altered, ignore_index=True))
        if altered
        else Consistency(),
    )


def evidence_of(records: Sequence[RunRecord]) -> Evidence:
    """The same of some finished runs."""
    return _evidence([entry_of(record) for record in records], "the list of runs")


def _evidence(entries: Sequence[Entry], where: object) -> Evidence:
    measurements = read_measurements(finished_entries(entries, where))
    kept = tuple(
        replace(entry, state="damaged", reason=measurements.faults[entry.id], record=None)
        if entry.id in measurements.faults
        else entry
        for entry in entries
    )
    finished_entries(kept, where)
    return Evidence(kept, results_frame(kept), measurements)


def in_order(frame: pd.DataFrame) -> pd.DataFrame:
    """Rows by task, fraction, method (teacher, baselines, mixtures), set and loss, then seed."""
    ranks = {
        "method": ["teacher", *METHODS],
        "set": ["train", *TRAINING_LAW],
        "loss": list(LOSS_TITLES),
    }
    keys = ["task", "fraction", "method", "label", "set", "loss", "seed"]

    def key(column: "pd.Series[Any]") -> "pd.Series[Any]":
        known = ranks.get(str(column.name))
        if known is None:
            return column
        return column.map(lambda name: known.index(name) if name in known else len(known))

    present = [name for name in keys if name in frame]
    return frame.sort_values(present, key=key, kind="stable").reset_index(drop=True)
