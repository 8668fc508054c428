"""Runs on a Ray cluster: the records of one process, a lost worker's run done again, refusals."""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from typer.testing import CliRunner, Result

from experiments.cli import app
from experiments.execution import ray_workers
from experiments.execution.jobs import Cluster, Workplace
from experiments.execution.ray_workers import RETRIES_OF_A_LOST_RUN, check_cluster
from mixkd_core.errors import InputError
from mixkd_core.records.layout import LOCKS
from mixkd_core.records.run_folder import find_records

STUDY = """
name: tiny
stands_for: no table; a test
seeds: [0]
evaluation: {fresh_size: 20}
defaults:
  teacher: {epochs: 2, learning_rate: 1e-3, batch_size: 16, max_length: 64}
  student: {epochs: 1, learning_rate: 1e-3, batch_size: 16, max_length: 64}
tasks:
  embedded-sentiment: {train_size: 80, dev_size: 20}
students:
  - layers: 1
methods: [ft, sm+tmkd]
"""


@pytest.fixture
def cluster_address(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    pytest.importorskip("ray", reason="Ray is not installed: pip install 'mixkd[ray]'")
    monkeypatch.setenv("RAY_USAGE_STATS_ENABLED", "0")
    monkeypatch.setenv("RAY_worker_niceness", "0")  # on a busy machine 15 is never served
    from ray.cluster_utils import Cluster as LocalCluster

    cluster = LocalCluster(
        initialize_head=True,
        head_node_args={"num_cpus": 2, "num_gpus": 0, "object_store_memory": 80 * 2**20},
    )
    yield cluster.address
    cluster.shutdown()


def start(folder: Path, *arguments: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "mixkd", "run", "tiny.yaml", *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        cwd=folder,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
    )


def call(*arguments: str) -> Result:
    return CliRunner().invoke(app, ["run", *arguments])


def holder_of_a_run(out: Path) -> int | None:
    """The process that has begun a run and holds its lock."""
    for partial in out.glob("*.partial/spec.json"):
        lock = (out / LOCKS / f"{partial.parent.stem.rsplit('-', 1)[-1]}.lock").resolve()
        for process in Path("/proc").glob("[0-9]*/fd/*"):
            try:
                if process.readlink() == lock:
                    return int(process.parts[2])
            except OSError:
                continue
    return None


@pytest.mark.slow
def test_a_cluster_that_loses_a_worker_gives_the_records_of_one_process(
    cluster_address: str, among_strangers: Path
) -> None:
    tmp_path = among_strangers
    (tmp_path / "tiny.yaml").write_text(STUDY)
    # A relative store: the workers start elsewhere, and have to find the same.
    ray = start(tmp_path, "--out", "ray", "--executor", "ray", "--address", cluster_address)
    deadline = time.monotonic() + 300
    while (worker := holder_of_a_run(tmp_path / "ray")) is None:
        assert ray.poll() is None, ray.communicate()[0]
        assert time.monotonic() < deadline
        time.sleep(0.05)
    assert worker != ray.pid
    os.kill(worker, signal.SIGKILL)
    said, _ = ray.communicate(timeout=600)
    assert ray.returncode == 0, said
    (teacher,) = [line for line in said.splitlines() if "-teacher-" in line and "accuracy" in line]
    name = teacher.split(": ")[1]
    assert said.count(f"teacher: {name}: training") == 2, "killed, and done again"
    assert "all 3 runs of tiny are done" in said

    here = start(tmp_path, "--out", "here")
    said, _ = here.communicate(timeout=600)
    assert here.returncode == 0, said
    ours = {record.spec.id: record for record in find_records(tmp_path / "here")}
    theirs = {record.spec.id: record for record in find_records(tmp_path / "ray")}
    assert len(ours) == 3
    assert ours.keys() == theirs.keys()
    for run_id, one in ours.items():
        other = theirs[run_id]
        assert one.summary["hardware"]["threads"] == other.summary["hardware"]["threads"] == 1
        assert one.summary["results"] == other.summary["results"]
        for held_out in one.sets:
            pd.testing.assert_frame_equal(
                one.examples(held_out), other.examples(held_out), check_exact=True
            )
    assert not list((tmp_path / "ray").glob(".ray-*"))


# ---- what is refused ----


def test_without_ray_the_remedy_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setitem(sys.modules, "ray", None)
    result = call("smoke", "--executor", "ray", "--out", str(tmp_path / "out"))
    assert isinstance(result.exception, InputError)
    assert "pip install 'mixkd[ray]'" in str(result.exception)
    assert not (tmp_path / "out").exists()


def test_an_address_that_does_not_answer_is_given_up_in_a_bounded_time(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    pytest.importorskip("ray", reason="Ray is not installed: pip install 'mixkd[ray]'")
    monkeypatch.setattr(ray_workers, "SECONDS_TO_ANSWER", 1)
    with socket.create_server(("127.0.0.1", 0)) as deaf:
        address = f"127.0.0.1:{deaf.getsockname()[1]}"
        begun = time.monotonic()
        with pytest.raises(InputError, match=f"'{address}' .no answer within 1 seconds."):
            check_cluster(Cluster(address))
    assert time.monotonic() - begun < 30


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--address", "10.0.0.1:6379"], "--address 10.0.0.1:6379 is for a Ray cluster"),
        (["--cpus", "2"], "--cpus 2 is for a Ray cluster"),
        (["--gpus", "0"], "--gpus 0.0 is for a Ray cluster"),
        (["--executor", "ray", "--jobs", "2"], "--jobs 2 is for this machine"),
        (["--executor", "ray", "--gpus", "1.5"], "--gpus 1.5 is no share of a GPU"),
    ],
)
def test_options_that_contradict_each_other_are_refused(arguments: list[str], said: str) -> None:
    result = call("smoke", *arguments)
    assert isinstance(result.exception, InputError)
    assert said in str(result.exception)


def test_a_worker_that_sees_other_files_refuses(tmp_path: Path) -> None:
    pytest.importorskip("ray", reason="Ray is not installed: pip install 'mixkd[ray]'")
    (tmp_path / "store").mkdir()
    unread: Any = None
    mark = tmp_path / "store" / ".ray-mark"
    for folder, out in ((tmp_path / "gone", tmp_path / "store"), (tmp_path, tmp_path / "store")):
        outcome = ray_workers._do(unread, Workplace(out, ""), folder, mark, 1, unread)
        assert outcome.state == "failed"
        assert str(folder if not folder.exists() else out) in outcome.reason
        assert "shares" in outcome.reason


def test_a_demand_that_no_node_meets_now_is_said() -> None:
    nodes = [
        {"Alive": True, "Resources": {"CPU": 4.0}},
        {"Alive": True, "Resources": {"CPU": 1.0, "GPU": 1.0}},
        {"Alive": False, "Resources": {"CPU": 64.0, "GPU": 8.0}},
    ]
    notice = ray_workers._demand_that_no_node_meets
    assert notice(nodes, {"CPU": 4, "GPU": 0}) == ""
    assert notice(nodes, {"CPU": 1, "GPU": 1}) == ""
    assert "has 4 CPU and 1 GPU, which" in notice(nodes, {"CPU": 4, "GPU": 1})
    assert "has 8 CPU, which" in notice(nodes, {"CPU": 8, "GPU": 0})


def test_a_run_that_cannot_be_attempted_or_loses_every_worker_fails_alone() -> None:
    ray = pytest.importorskip("ray", reason="Ray is not installed: pip install 'mixkd[ray]'")
    workers = object.__new__(ray_workers.RayWorkers)

    class Fails:
        exceptions = ray.exceptions

        def __init__(self, error: Exception) -> None:
            self.error = error

        def get(self, task: Any) -> Any:
            raise self.error

    absent = ModuleNotFoundError("No module named 'experiments'")
    workers._ray = Fails(ray.exceptions.RayTaskError("_do", "the traceback", absent))
    assert workers._outcome(None).reason == "ModuleNotFoundError: No module named 'experiments'"
    workers._ray = Fails(ray.exceptions.WorkerCrashedError())
    assert f"Ray lost its worker {RETRIES_OF_A_LOST_RUN + 1} times" in workers._outcome(None).reason
