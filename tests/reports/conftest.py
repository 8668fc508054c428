"""Stores of made-up runs whose risks are known, written the way real runs are."""

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


@pytest.fixture(scope="session", name="writing_runs")
def _writing_runs() -> Any:
    """`writing_runs(out, ...)`: the same for stores that several tests share."""
    return write_run
