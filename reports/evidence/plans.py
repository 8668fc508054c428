"""What studies want in a folder of runs: `studies/<study>.json`, which `mixkd run` writes."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mixkd_core.errors import InputError

STUDIES = "studies"

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


def read_plans(out: Path) -> Plans:
    """The runs of every study that wrote to `out`; a list that is damaged hides no other."""
    runs: dict[str, Runs] = {}
    damaged: list[str] = []
    for path in sorted((out / STUDIES).glob("*.json")):
        try:
            study, its = read_plan(path)
        except InputError as error:
            damaged.append(str(error))
        else:
            runs[study] = its
    return Plans(runs, tuple(damaged))


def read_plan(path: Path) -> tuple[str, Runs]:
    """A study and its runs.

    Raises:
        InputError: if the file cannot be read.
    """
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        study, runs = str(content["study"]), dict(content["runs"])
        for about in runs.values():
            _ = about["folder"], "".join(about.get("labels", ()))
        return study, runs
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise InputError(
            f"the list of runs {path} is damaged: delete it, and repeat the study to write it "
            "again; no run is lost."
        ) from error
