"""Run folders: complete, or recognisably not."""

from pathlib import Path

import pytest

from experiments.benchmarks.synthetic_store import write_run
from mixkd_core.errors import InputError
from mixkd_core.records.run_folder import (
    RunRecord,
    damage,
    find_record,
    find_records,
    partial_folder,
    read_record,
    record_folder,
    write_json,
)
from mixkd_core.records.specs import CheckpointRef, RunSpec

ENCODER = CheckpointRef(name="an/encoder", digest="e" * 16)
SPEC = RunSpec(task="rte", data="d" * 64, fraction=0.01, encoder=ENCODER)


def finished(out: Path) -> RunRecord:
    sets = {"train": (6, 0.5), "dev": (2, 0.5)}
    record = write_run(out, task="rte", method="teacher", sets=sets)
    assert isinstance(record, RunRecord)
    return record


def test_what_is_written_is_read_back(tmp_path: Path) -> None:
    written = finished(tmp_path)
    found = find_record(tmp_path, SPEC)
    assert found == written
    assert found is not None
    assert found.spec == SPEC
    assert found.sets == ("train", "dev")
    assert found.history()[0] == {"step": 1, "epoch": 0.5, "loss": 1.0, "loss_mle": 0.5}
    assert found.examples("dev")["example_id"].tolist() == ["dev-0", "dev-1"]
    assert found.versions == "mixkd 0.1.0, torch 2.13.0, transformers 5.23.0"
    assert list(find_records(tmp_path)) == [found]


def test_a_partial_run_is_not_a_record(tmp_path: Path) -> None:
    partial = partial_folder(tmp_path, SPEC)
    write_json(partial / "spec.json", SPEC.model_dump(mode="json"))
    assert find_record(tmp_path, SPEC) is None
    assert list(find_records(tmp_path)) == []
    assert partial == partial_folder(tmp_path, SPEC), "a repeated call works on in the same folder"


def test_a_run_killed_between_manifest_and_renaming_is_not_a_record(tmp_path: Path) -> None:
    record = finished(tmp_path)
    record.folder.rename(record.folder.with_name(record.folder.name + ".partial"))
    assert list(find_records(tmp_path)) == []


@pytest.mark.parametrize(
    ("harm", "said"),
    [
        (lambda folder: (folder / "run.json").unlink(), "run.json: it is missing"),
        (lambda folder: (folder / "manifest.json").unlink(), "not finished"),
        (lambda folder: (folder / "manifest.json").write_text("{"), "manifest.json: it is no JSON"),
        (
            lambda folder: (folder / "examples" / "dev.parquet").write_bytes(b"half"),
            "dev.parquet: it differs from its checksum",
        ),
        (
            lambda folder: (folder / "run.json").write_text(
                (folder / "run.json").read_text().replace("torch", "hcrot")
            ),
            "run.json: it differs from its checksum",
        ),
    ],
)
def test_damage_is_named_and_the_run_not_used(tmp_path: Path, harm: object, said: str) -> None:
    record = finished(tmp_path)
    assert damage(record.folder) is None
    harm(record.folder)  # type: ignore[operator]
    assert said in str(damage(record.folder))
    assert find_record(tmp_path, SPEC) is None
    with pytest.raises(InputError, match=r"run folder .* cannot be used: .*; delete"):
        read_record(record.folder)
    with pytest.raises(InputError, match="is no run folder"):
        read_record(tmp_path)


def test_a_record_of_an_incompatible_version_is_refused_and_kept(tmp_path: Path) -> None:
    manifest = finished(tmp_path).folder / "manifest.json"
    manifest.write_text('{"schema_version": 0, "files": {}}')
    for reader in (lambda: find_record(tmp_path, SPEC), lambda: list(find_records(tmp_path))):
        with pytest.raises(InputError, match=r"version 0 .* reads version 1: give another --out"):
            reader()
    assert manifest.is_file()


def test_a_damaged_run_is_replaced(tmp_path: Path) -> None:
    (finished(tmp_path).folder / "run.json").unlink()
    assert finished(tmp_path) == find_record(tmp_path, SPEC)


def test_a_folder_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match=r"cannot write the run folder .*file"):
        partial_folder(tmp_path / "file", SPEC)


def test_numbers_that_are_not_numbers_are_not_written(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="not JSON compliant"):
        write_json(tmp_path / "run.json", {"risk": float("nan")})
    assert not (tmp_path / "run.json").exists()


def test_the_folder_says_what_is_in_it(tmp_path: Path) -> None:
    assert record_folder(tmp_path, SPEC).name == f"rte-0.01-s0-teacher-{SPEC.id}"


def test_a_file_that_changed_since_its_run_was_found_is_not_read(tmp_path: Path) -> None:
    record = finished(tmp_path)
    path = record.folder / "history.json"
    path.write_text(path.read_text().replace("0.5", "0.7"))  # of the same size
    with pytest.raises(InputError, match=r"history\.json: it differs from its checksum"):
        record.history()
