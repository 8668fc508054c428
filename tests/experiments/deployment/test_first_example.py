"""The README's first example, as a reader would run it."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest

from mixkd_core.networks.embedded_encoder import write_embedded_encoder

ROOT = Path(__file__).resolve().parents[3]


@pytest.mark.slow
@pytest.mark.timeout(3600)  # ten processes, each of which loads torch
def test_the_first_example_runs_as_it_is_written(tmp_path: Path) -> None:
    """On sixty of its messages, with the embedded encoder in place of a real one."""
    pytest.importorskip("onnxruntime")
    pytest.importorskip("onnxscript")
    examples = tmp_path / "experiments" / "examples"
    examples.mkdir(parents=True)
    for name in ("tickets_train.csv", "tickets_dev.csv"):
        source = ROOT / "experiments" / "examples" / name
        pd.read_csv(source, encoding="utf-8-sig").head(60).to_csv(examples / name, index=False)
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    (command,) = re.findall(r"```sh\n(EXAMPLES=.*?)```", readme, flags=re.DOTALL)
    # As it is written, but for the length of the two that take the longest.
    for name, less in (
        ("train", "--epochs 2 --teacher-epochs 2"),
        ("cost", "--texts 3 --rounds 1"),
    ):
        assert command.count(f"mixkd {name} ") == 1
        command = command.replace(f"mixkd {name} ", f"mixkd {name} {less} ")
    called = tmp_path / "bin" / "mixkd"
    called.parent.mkdir()
    called.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m mixkd "$@"\n')
    called.chmod(0o755)
    encoder = write_embedded_encoder(tmp_path / "encoder", seed=0)
    environment = os.environ | {
        "PATH": f"{called.parent}{os.pathsep}{os.environ['PATH']}",
        "PYTHONPATH": str(ROOT),
        "ENCODER": str(encoder),
    }
    done = subprocess.run(
        ["bash", "-e", "-c", command],
        cwd=tmp_path, env=environment, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    assert len(pd.read_csv(tmp_path / "predicted.csv")) == 60
    assert (tmp_path / "student.onnx").is_file()
    (shown,) = re.findall(r"```text\n(tickets, measured on dev .*?)```", readme, flags=re.DOTALL)
    told = [line.rstrip() for line in done.stdout.splitlines()]
    for line in shown.splitlines()[1:3]:
        assert line.rstrip() in told, "its headings are those of today"
