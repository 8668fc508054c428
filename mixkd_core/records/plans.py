"""Runs that studies want in a folder of runs: `studies/<study>.json`, which `mixkd run` writes."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mixkd_core.errors import DamagedRecordError, InputError
from mixkd_core.records.layout import STUDIES, shown
from mixkd_core.records.reading import file_bytes, parsed, validated
from mixkd_core.records.schema import PlanFile

# What is known of a study's runs, by run id: the folder's name and what the run stands for.
Runs = Mapping[str, Mapping[str, Any]]


@dataclass(frozen=True)
class Plans:
    """The lists of runs in a folder.

    Attributes:
        runs: by study.
        damaged: a sentence for each list that cannot be read.
    """

    runs: Mapping[str, Runs]
    damaged: tuple[str, ...]

    def labels(self, run_id: str) -> list[str]:
        """Return everything that studies call a run."""
        return [label for runs in self.runs.values() for label in _labels(runs, run_id)]


def plan_file(out: Path, study: str) -> Path:
    """Return the file that lists the runs of a study."""
    return out / STUDIES / f"{study}.json"


def read_plans(out: Path) -> Plans:
    """Read the runs of every study that wrote to `out`; a list that is damaged hides no other."""
    runs: dict[str, Runs] = {}
    unreadable: list[str] = []
    for path in sorted((out / STUDIES).glob("*.json")):
        try:
            study, its = read_plan(path)
        except InputError as error:
            unreadable.append(str(error))
        else:
            runs[study] = its
    return Plans(runs, tuple(unreadable))


def read_plan(path: Path) -> tuple[str, Runs]:
    """Read a study and its runs.

    Raises:
        InputError: if the file cannot be read.
    """
    try:
        content = parsed(path.name, file_bytes(path.parent, path.name))
        study = validated(path.name, content, PlanFile).study
    except DamagedRecordError as error:
        fault = str(error).partition(": ")[2].partition("; ")[0]
        raise InputError(
            f"the list of runs {shown(str(path))} is damaged ({fault}): delete it, and repeat the "
            "study to write it again; no run is lost."
        ) from error
    return study, content["runs"]


def _labels(runs: Runs, run_id: str) -> list[str]:
    return list(runs.get(run_id, {}).get("labels", ()))
