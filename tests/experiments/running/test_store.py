"""A folder of runs that several processes work in."""

import errno
import json
import os
import socket
import subprocess
import sys
import time
from contextlib import nullcontext
from pathlib import Path

import pytest

from experiments.benchmarks.synthetic_store import write_run
from experiments.running.store import noting_failure, run_lock, store_plan
from mixkd_core.errors import DiskFullError, InputError, NonFiniteError, RunBusyError
from mixkd_core.records.layout import FAILURE
from mixkd_core.records.locks import SECONDS_OF_SILENCE, holder, is_locked
from mixkd_core.records.plans import Plans, read_plans
from mixkd_core.records.run_folder import RunRecord, partial_folder, record_folder
from mixkd_core.records.specs import CheckpointRef, RunSpec
from mixkd_core.records.survey import StoredRun, survey

HOLDER = """
import sys, time
from pathlib import Path
from experiments.running.store import run_lock
with run_lock(Path(sys.argv[1]), "0123456789ab", None):
    print("held", flush=True)
    time.sleep(60)
"""


def spec(seed: int = 0) -> RunSpec:
    encoder = CheckpointRef(name="an/encoder", digest="e" * 16)
    return RunSpec(task="rte", data="d" * 64, fraction=0.01, seed=seed, encoder=encoder)


def write_record(out: Path, seed: int = 0) -> Path:
    record = write_run(
        out, task="rte", method="teacher", seed=seed, sets={"train": (20, 0.9), "dev": (10, 0.8)}
    )
    assert isinstance(record, RunRecord)
    assert record.spec == spec(seed)
    return record.folder


def runs(out: Path) -> list[StoredRun]:
    return list(survey(out, whole=True).runs)


def test_a_lock_excludes_until_it_is_released(tmp_path: Path) -> None:
    waited: list[str] = []
    with run_lock(tmp_path, "0123456789ab", None):
        assert is_locked(tmp_path, "0123456789ab")
        with (
            pytest.raises(RunBusyError, match="another process works on run 0123456789ab"),
            run_lock(tmp_path, "0123456789ab", None),
        ):
            pass
        with run_lock(tmp_path, "ba9876543210", None):
            pass
    assert not is_locked(tmp_path, "0123456789ab")
    with run_lock(tmp_path, "0123456789ab", lambda: waited.append("")):
        pass
    assert not waited


def test_a_killed_process_releases_its_lock(tmp_path: Path) -> None:
    holder = subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(tmp_path)], stdout=subprocess.PIPE, text=True
    )
    assert holder.stdout is not None
    assert holder.stdout.readline() == "held\n"
    assert is_locked(tmp_path, "0123456789ab")
    holder.kill()
    holder.wait()
    assert not is_locked(tmp_path, "0123456789ab")


def test_a_file_system_without_locks_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def flock(*_: object) -> None:
        raise OSError(errno.ENOSYS, "Function not implemented")

    monkeypatch.setattr("fcntl.flock", flock)
    for _ in range(2):  # nothing is left behind that the next one would wait for
        with pytest.raises(InputError, match="has no file locks"), run_lock(tmp_path, "a", None):
            pass


@pytest.mark.slow
def test_waiting_for_a_lock_is_said_once_and_ends_with_its_release(tmp_path: Path) -> None:
    holder = subprocess.Popen(
        [sys.executable, "-c", HOLDER.replace("60", "1"), str(tmp_path)],
        stdout=subprocess.PIPE,
        text=True,
    )
    assert holder.stdout is not None
    holder.stdout.readline()
    waited: list[float] = []
    with run_lock(tmp_path, "0123456789ab", lambda: waited.append(time.monotonic())):
        assert len(waited) == 1
    holder.wait()


def test_every_state_of_a_run_is_told_apart(tmp_path: Path) -> None:
    done = write_record(tmp_path, 0)
    (write_record(tmp_path, 1) / "run.json").write_text("{}")
    partial_folder(tmp_path, spec(2))
    with pytest.raises(NonFiniteError), noting_failure(tmp_path, spec(3)):
        raise NonFiniteError("the loss is nan at step 7")
    partial_folder(tmp_path, spec(4))
    (tmp_path / "encoder").mkdir()
    with run_lock(tmp_path, spec(4).id, None):
        found = {run.id: run for run in runs(tmp_path)}
    states = {seed: found[spec(seed).id].state for seed in range(5)}
    assert states == {
        0: "finished",
        1: "damaged",
        2: "unfinished",
        3: "failed",
        4: "running",
    }
    assert found[spec(0).id].record is not None
    assert found[spec(0).id].name == done.name
    assert found[spec(1).id].reason.startswith("run.json: it differs from its checksum; delete")
    assert found[spec(3).id].reason == "the loss is nan at step 7"
    assert len(found) == 5


def test_a_store_that_is_not_there_holds_nothing(tmp_path: Path) -> None:
    assert runs(tmp_path / "none") == []


def test_a_record_of_an_incompatible_version_is_named_and_hides_no_other(tmp_path: Path) -> None:
    folder = write_record(tmp_path, 0)
    write_record(tmp_path, 1)
    (folder / "manifest.json").write_text('{"schema_version": 99, "files": {}}')
    states = {run.id: run for run in runs(tmp_path)}
    assert states[spec(1).id].state == "finished"
    assert states[spec(0).id].state == "damaged"
    assert "version 99 of the record's schema" in states[spec(0).id].reason


def test_a_failure_is_stored_and_forgotten_when_the_run_is_tried_again(tmp_path: Path) -> None:
    noted = tmp_path / (spec().folder_name + ".partial") / FAILURE
    with pytest.raises(KeyError), noting_failure(tmp_path, spec()):
        raise KeyError("label")
    assert json.loads(noted.read_text())["reason"] == "KeyError: 'label'"
    assert "test_store.py" in "".join(json.loads(noted.read_text())["traceback"])
    with noting_failure(tmp_path, spec()):
        assert not noted.exists()
    write_record(tmp_path)
    assert not (record_folder(tmp_path, spec()) / FAILURE).exists()


def test_an_interruption_is_no_failure(tmp_path: Path) -> None:
    with pytest.raises(KeyboardInterrupt), noting_failure(tmp_path, spec()):
        raise KeyboardInterrupt
    assert [run.state for run in runs(tmp_path)] == ["unfinished"]


@pytest.mark.parametrize(
    "error",
    [
        OSError(errno.ENOSPC, os.strerror(errno.ENOSPC)),
        RuntimeError('I/O error: Os { code: 28, message: "No space left on device" }'),
    ],
)
def test_a_full_disk_is_one_sentence_and_no_failure_of_the_run(
    tmp_path: Path, error: Exception
) -> None:
    with (
        pytest.raises(DiskFullError, match="no space is left on the disk that holds"),
        noting_failure(tmp_path, spec()),
    ):
        raise error
    assert [run.state for run in runs(tmp_path)] == ["unfinished"]


def test_a_full_disk_is_found_behind_another_error(tmp_path: Path) -> None:
    def write() -> None:
        try:
            Path("/dev/full").write_text("x")
        except OSError as error:
            raise ValueError("the file could not be written") from error

    with pytest.raises(DiskFullError), noting_failure(tmp_path, spec()):
        write()


def planned(run_id: str, label: str = "kd") -> dict[str, object]:
    return {"folder": f"sst2-1-s0-kd-{run_id}", "labels": [label]}


A, B, C = "a" * 12, "b" * 12, "c" * 12


def test_what_a_study_consists_of_is_added_to(tmp_path: Path) -> None:
    tmp_path = tmp_path / "new"
    store_plan(tmp_path, "small", {A: planned(A, "first")})
    store_plan(tmp_path, "small", {B: planned(B), A: planned(A, "again")})
    store_plan(tmp_path, "other", {C: planned(C)})
    assert read_plans(tmp_path) == Plans(
        {"small": {A: planned(A, "again"), B: planned(B)}, "other": {C: planned(C)}}, ()
    )


@pytest.mark.parametrize(
    "content",
    [
        "{",
        "[]",
        "{}",
        '{"study": "other", "runs": {"a": "b"}}',
        '{"study": "other", "runs": {"aaaaaaaaaaaa": {"folder": "b"}}}',
        '{"study": "other", "runs": {"aaaaaaaaaaaa": {"folder": "x-e-s0-kd-aaaaaaaaaaaa"}}}',
        '{"study": "other", "runs": {"aaaaaaaaaaaa": {"folder": "x-1-s0-kd-bbbbbbbbbbbb"}}}',
        '{"study": "other", "runs": {"aaaaaaaaaaaa": '
        '{"folder": "x-1-s0-kd-aaaaaaaaaaaa", "labels": [3]}}}',
        "[" * 100_000,
        '"',
        "\xff",
    ],
)
def test_a_damaged_list_of_runs_is_named_and_hides_no_other(tmp_path: Path, content: str) -> None:
    store_plan(tmp_path, "small", {A: planned(A)})
    path = tmp_path / "studies" / "other.json"
    path.write_bytes(content.encode("latin-1"))
    plans = read_plans(tmp_path)
    assert plans.runs == {"small": {A: planned(A)}}
    (sentence,) = plans.damaged
    assert sentence.startswith(f"the list of runs {path} is damaged (")
    store_plan(tmp_path, "small", {B: planned(B)})
    assert set(read_plans(tmp_path).runs["small"]) == {A, B}
    with pytest.raises(InputError, match=r"other\.json is damaged"):
        store_plan(tmp_path, "other", {C: planned(C)})


def test_a_folder_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with (
        pytest.raises(InputError, match=r"cannot write to .*file.*another --out"),
        run_lock(tmp_path / "file", "0123456789ab", None),
    ):
        pass


@pytest.mark.parametrize("mode", [0o555, 0o500])
def test_a_store_that_was_closed_to_writing_is_named(tmp_path: Path, mode: int) -> None:
    out = tmp_path / "runs"
    (out / ".locks").mkdir(parents=True)
    for folder in (out / ".locks", out):
        folder.chmod(mode)
    refused = pytest.raises(InputError, match=r"cannot write to .*; give another --out")
    # Root may write all the same.
    with nullcontext() if os.access(out, os.W_OK) else refused, run_lock(out, A, None):
        pass


@pytest.mark.parametrize("mode", [0o755, 0o775, 0o2775, 0o777])
def test_whoever_may_write_to_the_store_may_lock(tmp_path: Path, mode: int) -> None:
    out = tmp_path / "runs"
    out.mkdir()
    out.chmod(mode)
    with run_lock(out, A, None):
        pass
    store_plan(out, "small", {A: planned(A)})
    assert (out / ".locks").stat().st_mode & 0o7777 == mode
    assert (out / "studies").stat().st_mode & 0o7777 == mode
    for path in (out / ".locks").iterdir():
        assert path.stat().st_mode & 0o666 == mode & 0o666


def test_a_lock_is_seen_without_permission_to_write(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened = os.open
    modes = []

    def noted(path: str, flags: int, *args: int) -> int:
        modes.append(flags & (os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC))
        return opened(path, flags, *args)

    with run_lock(tmp_path, A, None):
        monkeypatch.setattr(os, "open", noted)
        assert is_locked(tmp_path, A)
        assert not is_locked(tmp_path, B)
    assert modes == [0, 0]


def test_anothers_unfinished_run_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    partial_folder(tmp_path, spec())
    monkeypatch.setattr(os, "access", lambda *_: False)
    with (
        pytest.raises(InputError, match="another user's unfinished run; ask that its group"),
        noting_failure(tmp_path, spec()),
    ):
        pass


def test_a_living_holder_of_a_lock_is_told_from_one_that_fell_silent(tmp_path: Path) -> None:
    with run_lock(tmp_path, "0123456789ab", None):
        note = tmp_path / ".locks" / "0123456789ab.holder"
        said = holder(tmp_path, "0123456789ab")
        assert said == f"process {os.getpid()} on {socket.gethostname()} works on it"
        long_ago = time.time() - 3 * SECONDS_OF_SILENCE
        os.utime(note, (long_ago, long_ago))
        said = holder(tmp_path, "0123456789ab")
        assert "was not heard of for 30 min" in said
        assert "delete .locks/0123456789ab.lock" in said
        note.write_text("{")
        assert holder(tmp_path, "0123456789ab") == "a process works on it"
    assert not note.exists()


def test_a_holder_goes_on_telling_that_it_lives(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("mixkd_core.records.locks.SECONDS_BETWEEN_SIGNS", 0.02)
    with run_lock(tmp_path, "0123456789ab", None):
        note = tmp_path / ".locks" / "0123456789ab.holder"
        os.utime(note, (1, 1))
        for _ in range(500):
            if note.stat().st_mtime > 1:
                break
            time.sleep(0.02)
        assert note.stat().st_mtime > 1
