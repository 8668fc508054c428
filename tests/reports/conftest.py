"""Stores of made-up runs whose risks are known, written the way real runs are."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from experiments.benchmarks.synthetic_store import write_run


@pytest.fixture(name="write_run")
def _write_run(tmp_path: Path) -> Any:
    """`write_run(out=tmp_path, task=, fraction=, seed=, method=, sets=, data=, versions=, …)`."""

    def write(out: Path = tmp_path, **settings: Any) -> Any:
        return write_run(out, **settings)

    return write


@pytest.fixture(name="write_plan")
def _write_plan(tmp_path: Path) -> Any:
    """`write_plan(study, {folder's name: label})`: what a study calls its runs."""

    def write(study: str, labels: Mapping[str, str]) -> None:
        runs = {
            name.rsplit("-", 1)[-1]: {"folder": name, "labels": [label]}
            for name, label in labels.items()
        }
        (tmp_path / "studies").mkdir(exist_ok=True)
        content = json.dumps({"study": study, "runs": runs})
        (tmp_path / "studies" / f"{study}.json").write_text(content)

    return write


@pytest.fixture(scope="session", name="writing_runs")
def _writing_runs() -> Any:
    """`writing_runs(out, ...)`: the same for stores that several tests share."""
    return write_run
