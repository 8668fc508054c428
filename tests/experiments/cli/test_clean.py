"""`mixkd clean`: leftovers of killed processes go, after asking; runs never do."""

import os
import time
from pathlib import Path

import pytest
from filelock import FileLock
from typer.testing import CliRunner

from experiments.benchmarks.synthetic_store import write_run
from experiments.cli import app
from mixkd_core.records.leftovers import leftovers
from mixkd_core.records.locks import lock_file

LONG_AGO = time.time() - 10_000


def aged(path: Path) -> Path:
    """Set the times of a path and everything in it back."""
    for part in (*path.rglob("*"), path):
        os.utime(part, (LONG_AGO, LONG_AGO))
    return path


@pytest.fixture
def store(tmp_path: Path) -> Path:
    """A finished run, an interrupted one with a harmed checkpoint, and what kills left."""
    finished = write_run(tmp_path, method="kd", sets={"train": (8, 0.9), "dev": (8, 0.8)})
    beside = tmp_path / f"{finished.folder.name}.partial"  # type: ignore[union-attr]
    interrupted = write_run(tmp_path, method="ft", finishing=False)
    begun = write_run(tmp_path, method="sm", finishing=False)
    assert isinstance(interrupted, Path)
    assert isinstance(begun, Path)
    (interrupted / "spec.json").write_text("{}")
    for name in ("checkpoint-2", "harmed-checkpoint-3"):
        (interrupted / "checkpoints" / name).mkdir(parents=True)
    for folder in (beside, tmp_path / "tmpab12_xyz", tmp_path / "encoder.partial"):
        folder.mkdir()
        (folder / "config.json").write_text("{}")
    (tmp_path / "studies").mkdir()
    (tmp_path / "studies" / "a.json.4711.new").write_text("{")
    (tmp_path / ".tokens").mkdir()
    for name in ("b.arrow", "b.arrow.4711.new"):
        (tmp_path / ".tokens" / name).write_bytes(b"tokens")
    return aged(tmp_path)


def names(store: Path) -> set[str]:
    """The leftovers of a store, by their names."""
    return {one.path.name for one in leftovers(store)}


def test_leftovers_are_listed_and_removed_after_asking(store: Path) -> None:
    before = {path.name for path in store.rglob("*")}
    found = names(store)
    assert {"tmpab12_xyz", "encoder.partial", "a.json.4711.new", "harmed-checkpoint-3"} < found
    assert sum(name.endswith(".partial") for name in found) == 3
    assert "b.arrow.4711.new" in found
    assert not {"checkpoint-2", "b.arrow"} & found
    refused = CliRunner().invoke(app, ["clean", str(store)], input="n\n")
    assert refused.exit_code == 1
    assert "tmpab12_xyz" in refused.output
    assert {path.name for path in store.rglob("*")} == before
    done = CliRunner().invoke(app, ["clean", str(store)], input="y\n")
    assert done.exit_code == 0, done.output
    assert not names(store)
    assert (store / next(n for n in before if "-ft-" in n) / "checkpoints/checkpoint-2").is_dir()
    assert any("-kd-" in path.name for path in store.iterdir())
    assert "nothing is left over" in CliRunner().invoke(app, ["clean", str(store)]).output


def test_what_a_process_works_on_stays(store: Path) -> None:
    (partial,) = store.glob("*-ft-*.partial")
    run_id = partial.name.removesuffix(".partial")[-12:]
    lock_file(store, run_id).parent.mkdir()
    with FileLock(lock_file(store, run_id)), FileLock(lock_file(store, "encoder")):
        assert not {"harmed-checkpoint-3", "encoder.partial"} & names(store)
    assert {"harmed-checkpoint-3", "encoder.partial"} < names(store)


def test_what_was_written_a_moment_ago_stays(store: Path) -> None:
    (store / "tmpab12_xyz" / "config.json").write_text("{ }")
    os.utime(store / "studies" / "a.json.4711.new")
    assert not {"tmpab12_xyz", "a.json.4711.new"} & names(store)
