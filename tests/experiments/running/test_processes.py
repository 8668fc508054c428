"""One run in several processes: the record of one process, written once; failures in step."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from typer.testing import CliRunner

from experiments.cli import app
from experiments.execution.executor import execute
from experiments.execution.jobs import Workplace
from experiments.running import processes
from experiments.running.processes import agreed, in_every_process, share_of_batch
from experiments.running.training import training_arguments
from mixkd_core.errors import InputError
from mixkd_core.networks.embedded_encoder import write_embedded_encoder
from mixkd_core.records.run_folder import find_records
from mixkd_core.records.specs import CheckpointRef, RunSpec

STUDY = """
name: tiny
stands_for: no table; a test
seeds: [0]
evaluation: {{fresh_size: 20}}
defaults:
  teacher: {{epochs: 2, learning_rate: 1e-3, batch_size: 16, max_length: 64}}
  student: {{epochs: 1, learning_rate: 1e-3, batch_size: 16, max_length: 64}}
tasks:
  embedded-sentiment: {{train_size: 64, dev_size: 20, encoder: {encoder}}}
students:
  - layers: 1
methods:
  - {{label: wild, method: ft, training: {{learning_rate: 1e+6}}}}
  - sm+tmkd
"""


@pytest.fixture
def launched(monkeypatch: pytest.MonkeyPatch) -> None:
    """As the main one of two processes."""
    for name, value in (("RANK", "0"), ("WORLD_SIZE", "2"), ("MASTER_ADDR", "localhost")):
        monkeypatch.setenv(name, value)


@pytest.fixture
def study(tmp_path: Path) -> Path:
    """A study whose encoder has no dropout: that differs from process to process."""
    encoder = tmp_path / "encoder"
    write_embedded_encoder(encoder, seed=0)
    configuration = json.loads((encoder / "config.json").read_text())
    configuration |= {"hidden_dropout_prob": 0.0, "attention_probs_dropout_prob": 0.0}
    (encoder / "config.json").write_text(json.dumps(configuration))
    path = tmp_path / "tiny.yaml"
    path.write_text(STUDY.format(encoder=encoder))
    return path


def run(study: Path, out: Path, launcher: tuple[str, ...] = ()) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, *launcher, "-m", "mixkd", "run", str(study), "--out", str(out)],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=800,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
    )


@pytest.mark.slow
def test_two_processes_write_the_record_of_one_and_fail_together(
    study: Path, tmp_path: Path, among_strangers: Path
) -> None:
    torchrun = ("-m", "torch.distributed.run", "--standalone", "--nproc_per_node", "2")
    two = run(study, tmp_path / "two", torchrun)
    one = run(study, tmp_path / "one")
    for attempt in (one, two):
        assert attempt.returncode == 1, attempt.stdout
        assert attempt.stdout.count("FAILED: ") == 1
        assert attempt.stdout.count("1 of 3 runs failed") == 1, "said once, by one process"
    assert "Traceback" not in two.stdout.split("1 of 3 runs failed")[0]
    ours = {record.spec.id: record for record in find_records(tmp_path / "one")}
    theirs = {record.spec.id: record for record in find_records(tmp_path / "two")}
    assert len(ours) == 2, "the teacher, and the student after the one that failed"
    assert ours.keys() == theirs.keys()
    for run_id, record in ours.items():
        other = theirs[run_id]
        assert (record.summary["processes"], other.summary["processes"]) == (1, 2)
        for name in record.sets:
            logits, theirs_ = (
                np.stack(table["logits"].tolist())
                for table in (record.examples(name), other.examples(name))
            )
            np.testing.assert_allclose(theirs_, logits, atol=1e-5)
            assert np.ptp(logits) > 0.02, "something was learnt that could differ"


def test_a_batch_is_shared_evenly_or_not_at_all(launched: None, tmp_path: Path) -> None:
    assert share_of_batch(6) == 3
    with pytest.raises(InputError, match="batch size is 7, which the 2 processes"):
        share_of_batch(7)


def test_alone_a_batch_is_whole_and_everything_is_done_here(monkeypatch: Any) -> None:
    monkeypatch.delenv("RANK", raising=False)
    monkeypatch.setenv("WORLD_SIZE", "2")  # some clusters set it for every job
    assert processes.count() == 1
    assert processes.is_main()
    assert share_of_batch(7) == 7
    assert in_every_process(divmod, 7, 2) == (3, 1)
    assert (agreed(True), agreed(False)) == (True, False)


def test_the_trainer_is_given_its_share_and_one_gpu(
    launched: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from mixkd_core.training.arguments import MixKDArguments

    monkeypatch.setattr(processes, "count", lambda: 2)
    for name in ("RANK", "WORLD_SIZE", "MASTER_ADDR"):
        monkeypatch.delenv(name)
    monkeypatch.setattr(MixKDArguments, "n_gpu", property(lambda _: 4))
    spec = RunSpec(task="sst2", data="0" * 64, encoder=CheckpointRef(name="bert", digest="0" * 64))
    arguments = training_arguments(spec, 100, tmp_path)
    assert arguments.per_device_train_batch_size == spec.training.batch_size // 2
    assert arguments._n_gpu == 1


def test_more_processes_than_gpus_are_refused(
    launched: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    import torch

    monkeypatch.setattr(torch.cuda, "device_count", lambda: 1)
    with (
        pytest.raises(InputError, match="2 processes were launched on a machine with 1 GPUs"),
        processes.leading(),
    ):
        pass


@pytest.mark.parametrize("option", [("--jobs", "2"), ("--executor", "ray")])
def test_processes_that_share_a_run_do_not_start_others(
    launched: None, option: tuple[str, str]
) -> None:
    result = CliRunner().invoke(app, ["run", "smoke", *option])
    assert isinstance(result.exception, InputError)
    assert "leave out --jobs and --executor" in str(result.exception)


def test_no_command_starts_others_for_a_run_that_is_shared(launched: None, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="2 processes were launched to share each run"):
        execute([], [], Workplace(tmp_path, ""), jobs=2, say=print)
    assert execute([], [], Workplace(tmp_path, ""), say=print) == {}
