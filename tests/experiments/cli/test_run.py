"""`mixkd run` and `mixkd status` as they are called: killed, repeated, called twice at once."""

import os
import re
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from experiments.cli import app
from experiments.planning.plan import expand, gather
from experiments.planning.resolved import resolve
from experiments.planning.study_file import load_study, shipped_studies
from experiments.running.store import run_lock
from mixkd_core.errors import InputError
from mixkd_core.records.run_folder import find_records
from mixkd_core.records.survey import survey

STUDY = """
name: tiny
stands_for: no table; a test
seeds: [0]
evaluation: {fresh_size: 20}
defaults:
  teacher: {epochs: 2, learning_rate: 1e-3, batch_size: 16, max_length: 64}
  student: {epochs: 2, learning_rate: 1e-3, batch_size: 16, max_length: 64}
tasks:
  embedded-sentiment: {train_size: 120, dev_size: 20}
students:
  - layers: 1
methods: [ft, sm+tmkd]
"""


@pytest.fixture
def study(tmp_path: Path) -> str:
    path = tmp_path / "tiny.yaml"
    path.write_text(STUDY)
    return str(path)


def call(*arguments: str) -> Result:
    return CliRunner().invoke(app, [str(argument) for argument in arguments])


# A shell starts its background jobs with interrupts ignored, and what they start inherits that.
INTERRUPTIBLE = """
import signal
signal.signal(signal.SIGINT, signal.default_int_handler)
from experiments.cli import main
main()
"""


def start(*arguments: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", INTERRUPTIBLE, *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
        start_new_session=True,
    )


def until(happened: Iterator[bool], process: subprocess.Popen[str], seconds: float = 300) -> None:
    deadline = time.monotonic() + seconds
    while not next(happened):
        assert time.monotonic() < deadline, "it did not happen in time"
        assert process.poll() is None, process.communicate()[0]
        time.sleep(0.01)


@pytest.mark.slow
def test_a_study_killed_in_the_middle_is_taken_up_by_repeating_it(
    study: str, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    process = start("run", study, "--out", str(out))

    def one_done_and_one_begun() -> bool:
        names = [path.name for path in out.glob("embedded-*")]
        return 0 < sum(name.endswith(".partial") for name in names) < len(names)

    def stopped_within_the_second_run() -> Iterator[bool]:
        while True:
            if one_done_and_one_begun():
                process.send_signal(signal.SIGSTOP)
                if one_done_and_one_begun():
                    yield True
                process.send_signal(signal.SIGCONT)
            yield False

    until(stopped_within_the_second_run(), process)
    process.kill()
    process.communicate()
    before = {record.spec.id: record for record in find_records(out)}
    assert 1 <= len(before) < 3
    assert {run.state for run in survey(out, whole=True).runs} == {
        "finished", "unfinished", "missing",
    }  # fmt: skip
    times = {
        file: file.stat().st_mtime_ns
        for record in before.values()
        for file in record.folder.rglob("*")
    }
    status = call("status", str(out))
    assert status.exit_code == 0
    assert f"tiny: {len(before)} of 3 runs finished" in status.output

    repeated = call("run", study, "--out", str(out))
    assert repeated.exit_code == 0, repeated.output
    assert f"3 runs: 1 teachers and 2 students; {len(before)} are done" in repeated.output
    assert "all 3 runs of tiny are done" in repeated.output
    assert len(list(find_records(out))) == 3
    assert not list(out.glob("*.partial"))
    assert times == {file: file.stat().st_mtime_ns for file in times}


@pytest.mark.slow
def test_an_interrupted_study_of_two_jobs_leaves_no_process_and_can_be_repeated(
    study: str, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    # Runs of some seconds, and six of them: there is always a moment in which both jobs train.
    changes = ("methods=[ft]", "defaults.teacher.epochs=20", "defaults.student.epochs=20")
    command = ("run", study, "--out", str(out), *(w for text in changes for w in ("--set", text)))
    process = start(*command, "--jobs", "2", "--set", "seeds=[0,1,2]")

    def two_runs_are_going_on() -> Iterator[bool]:
        while True:
            yield len(list(out.glob("*.partial"))) >= 2

    until(two_runs_are_going_on(), process)
    os.killpg(process.pid, signal.SIGINT)  # as a terminal does, to parent and workers
    output = process.communicate(timeout=300)[0]
    assert process.returncode == 130
    assert output.splitlines()[-1] == (
        "mixkd: interrupted; repeat the command to go on from here"
    ), output
    assert "Traceback" not in output
    states = Counter(run.state for run in survey(out, whole=True).runs)
    assert set(states) <= {"finished", "unfinished", "missing"}, "no lock is held"
    assert states["unfinished"] == 2
    repeated = call(*command)
    assert repeated.exit_code == 0, repeated.output
    assert "all 2 runs of tiny are done" in repeated.output


@pytest.mark.slow
def test_two_calls_on_one_folder_do_each_run_once(study: str, tmp_path: Path) -> None:
    out = tmp_path / "out"
    both = [start("run", study, "--out", str(out)) for _ in range(2)]
    outputs = [process.communicate()[0] for process in both]
    assert [process.returncode for process in both] == [0, 0], outputs
    began = Counter(
        line.split(": ")[-2]
        for text in outputs
        for line in text.splitlines()
        if line.endswith(": training")
    )
    assert len(began) == 3
    assert set(began.values()) == {1}
    assert len(list(find_records(out))) == 3
    assert all("all 3 runs of tiny are done" in text for text in outputs)


@pytest.mark.slow
def test_the_plan_is_printed_and_nothing_is_written(study: str, tmp_path: Path) -> None:
    out = tmp_path / "out"
    planned = call("run", study, "--out", str(out), "--dry-run")
    assert planned.exit_code == 0, planned.output
    assert "tiny: no table; a test" in planned.output
    assert "3 runs: 1 teachers and 2 students; 0 are done" in planned.output
    assert re.search(r"^embedded-sentiment +100 % +0 +3 +3 +\d", planned.output, re.MULTILINE)
    assert re.search(r"^sm\+tmkd +0 +1 +1 +\d", planned.output, re.MULTILINE)
    assert planned.output.count("timed here: ") == 2, "the teacher, and students of one layer"
    assert "of 3 runs by what was measured of training steps of their networks" in planned.output
    assert not out.exists()

    assert call("run", study, "--out", str(out), "--set", "methods=[ft]").exit_code == 0
    later = call("run", study, "--out", str(out), "--set", "seeds=[0,1]", "--dry-run")
    assert "6 runs: 2 teachers and 4 students; 2 are done" in later.output
    assert re.search(r"^teacher +0, 1 +2 +1 +\d", later.output, re.MULTILINE)
    assert "time left: about" in later.output
    assert (
        "of 2 runs by what was measured of runs of its method and depth on its task" in later.output
    )
    assert "of 2 runs by what was measured of runs of other methods on its task" in later.output
    assert "unknown" not in later.output, "a finished ft tells the order of magnitude of sm+tmkd"


@pytest.mark.slow
def test_a_failing_run_is_reported_at_the_end_and_in_the_status(study: str, tmp_path: Path) -> None:
    out = str(tmp_path / "out")
    wild = "methods=[ft, {method: ft, label: wild, training: {learning_rate: 1e6}}, kd]"
    failing = call("run", study, "--out", out, "--set", wild)
    assert failing.exit_code == 1
    assert "1 of 4 runs failed; repeat the command to try them again" in failing.output
    assert failing.output.count("FAILED") == 1
    shown = call("status", out)
    assert shown.exit_code == 0
    assert "3 finished, 1 failed" in shown.output
    line = next(line for line in shown.output.splitlines() if line.startswith("failed"))
    assert "learning rate" in line
    tame = wild.replace("1e6", "1e-3")
    assert call("run", study, "--out", out, "--set", tame).exit_code == 0
    again = call("run", study, "--out", out, "--set", wild, "--dry-run")
    assert "is failed and will be run again: " in again.output


@pytest.mark.slow
def test_a_damaged_record_is_named_and_made_again(study: str, tmp_path: Path) -> None:
    out = tmp_path / "out"
    only = ("run", study, "--out", str(out), "--set", "methods=[ft]")
    assert call(*only).exit_code == 0
    (student,) = out.glob("*-ft-*")
    (student / "model" / "model.safetensors").write_bytes(b"half")
    assert "damaged" in call("status", str(out)).output
    again = call(*only)
    assert again.exit_code == 0
    said = f"{student.name} is damaged and will be run again: model/model.safetensors: it differs"
    assert said in again.output
    assert len(list(find_records(out))) == 2


@pytest.mark.slow
def test_the_status_shows_what_is_running_and_what_is_waiting(study: str, tmp_path: Path) -> None:
    out = tmp_path / "out"
    assert call("run", study, "--out", str(out)).exit_code == 0
    for method in ("ft", "sm+tmkd"):
        (folder,) = out.glob(f"*-{method}-*")
        folder.rename(tmp_path / method)
    partial = out / f"{folder.name}.partial"
    partial.mkdir()
    with run_lock(out, folder.name[-12:], None):
        shown = call("status", str(out))
    states = [line.split()[0] for line in shown.output.splitlines()[1:4]]
    assert states == ["running", "finished", "missing"]
    assert "tiny: 1 of 3 runs finished" in shown.output
    assert "unfinished" in call("status", str(out)).output
    (out / "studies" / "another.json").write_text("{")
    damaged = call("status", str(out))
    assert damaged.exit_code == 0, damaged.output
    assert "studies/another.json is damaged (it is no JSON" in damaged.output
    assert "tiny: 1 of 3 runs finished" in damaged.output


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--seeds", "0,0"], "the seed 0 is named twice"),
        (["--seeds", "first"], "--seeds 'first' is not a list of numbers"),
        (["--seeds", ","], "names nothing"),
        (["--seeds", "7"], "no seed 7, only 0"),
        (["--tasks", "sst2"], "no task 'sst2', only embedded-sentiment"),
        (["--fractions", "0.5"], "no fraction 0.5, only 1.0"),
        (["--set", "methods=[]"], "neither methods nor sweeps"),
        (["--set", "students.0.layers=9"], "ft on embedded-sentiment: a student of 9 layers"),
        (["--set", "tasks.sst2={data_dir: nowhere, encoder: x}"], "no file nowhere"),
        (["--set", "tasks.mnly={}"], "did you mean 'mnli'"),
        (["--teacher", "bert-base-uncased"], "every task of study 'tiny' is embedded"),
        (["--data-dir", "glue"], "data folder 'glue' was given"),
        (
            ["--set", "evaluation.latent_points=1", "--dry-run"],
            "evaluation.latent_points cannot be used: it is 1",
        ),
        (
            ["--set", "evaluation.validation=0.001", "--dry-run"],
            "embedded-sentiment: a share of 0.001 of 120 training examples leaves none",
        ),
        (
            ["--set", "fractions=[1.0,0.001]", "--dry-run"],
            "embedded-sentiment: The fraction 0.001 of 120",
        ),
    ],
)
def test_what_cannot_be_is_refused_before_anything_is_trained(
    study: str, tmp_path: Path, arguments: list[str], said: str
) -> None:
    out = tmp_path / "out"
    refused = call("run", study, "--out", str(out), *arguments)
    assert isinstance(refused.exception, InputError)
    assert said in str(refused.exception)
    assert list(find_records(out)) == []


@pytest.mark.slow
def test_a_command_with_bad_input_ends_with_one_sentence_and_status_2() -> None:
    process = start("run", "smok", "--dry-run")
    output = process.communicate()[0]
    assert process.returncode == 2
    assert output.startswith("mixkd: there is no study 'smok': did you mean 'smoke'?")
    assert output.count("\n") == 1


def test_a_run_of_another_version_is_named_and_neither_hides_nor_is_replaced(
    study: str, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    resolved = resolve(load_study(study, []))
    teacher = expand(resolved, gather(resolved, tmp_path / "elsewhere"))[0]
    old = out / teacher.spec.folder_name
    old.mkdir(parents=True)
    (old / "manifest.json").write_text('{"schema_version": 99, "files": {}}')
    shown = call("status", str(out))
    assert shown.exit_code == 0, shown.output
    for text in (shown.output, call("run", study, "--out", str(out)).output):
        assert "version 99 of the record's schema" in text
    assert [path.name for path in old.iterdir()] == ["manifest.json"]


@pytest.mark.slow
def test_a_plan_needs_neither_data_nor_encoder_nor_translators(tmp_path: Path) -> None:
    for study, runs in (("limited-data", 20), ("glue", 1)):
        absent = ("--teacher", str(tmp_path / "no-encoder"), "--data-dir", str(tmp_path / "none"))
        translators = "translators={forward: /no/there, backward: /no/back}"
        told = call(
            "run", study, *absent, "--tasks", "sst2", "--out", str(tmp_path / "out"), "--dry-run",
            *(("--set", translators) if study == "glue" else ()),
        )  # fmt: skip
        assert told.exit_code == 0, told.output
        assert "Only a part of it: tasks sst2." in told.output
        assert "sst2 is planned by name alone: " in told.output
        found = re.search(r"^(\d+) runs: \d+ teachers", told.output, re.MULTILINE)
        assert found is not None
        assert int(found.group(1)) >= runs
        assert "whose data or encoder could not be read" in told.output
        assert "timed here" not in told.output
    assert not (tmp_path / "out").exists()


@pytest.mark.slow
def test_copies_of_the_teacher_are_named_and_skipped(study: str, tmp_path: Path) -> None:
    several = "students=[{layers: 1}, {layers: 4}]"
    planned = call("run", study, "--out", str(tmp_path), "--set", several, "--dry-run").output
    assert "2 runs are skipped: " in planned
    assert "so a student of 4 is a copy of its teacher (ft, 4 layers; sm+tmkd, 4 layers)" in planned
    assert "3 runs: 1 teachers and 2 students" in planned
    kept = call(
        "run", study, "--out", str(tmp_path), "--dry-run",
        "--set", "students=[{layers: 4, init: pretrained}]",
    )  # fmt: skip
    assert "skipped" not in kept.output
    assert "3 runs: 1 teachers and 2 students" in kept.output
    refused = call("run", study, "--out", str(tmp_path), "--set", "students=[{layers: 4}]")
    assert isinstance(refused.exception, InputError)
    assert "no other is left" in str(refused.exception)


def test_the_help_names_every_study_that_there_is() -> None:
    printed = " ".join(call("run", "--help").output.split())
    assert [name for name in shipped_studies() if name not in printed] == []


def test_a_status_of_nothing_is_said(tmp_path: Path) -> None:
    assert isinstance(call("status", str(tmp_path / "none")).exception, InputError)
    assert "holds no run" in call("status", str(tmp_path)).output


@pytest.mark.slow
def test_smoke_in_miniature_runs_and_compares(tmp_path: Path) -> None:
    """The shipped study that stands for all others, narrowed to what takes seconds."""
    brief = [
        "defaults.train_size=100",
        "defaults.dev_size=20",
        "defaults.by_fraction.0.2={}",
        "defaults.teacher.epochs=1",
        "defaults.student.epochs=1",
        "evaluation={remainder_size: 20, fresh_size: 20}",
    ]
    done = call(
        *("run", "smoke", "--out", str(tmp_path / "out")),
        *("--tasks", "embedded-sentiment", "--seeds", "0", "--fractions", "0.2"),
        *(part for change in brief for part in ("--set", change)),
    )
    assert done.exit_code == 0, done.output
    labels = [method.name for method in load_study("smoke").every_method()]
    for label in ("teacher", "teacher that saw mixup", *labels):
        row = (
            rf"^20 % +{re.escape(label)} +\d"  # a number after it: no label is a longer one's start
        )
        assert re.search(row, done.output, re.MULTILINE), label
