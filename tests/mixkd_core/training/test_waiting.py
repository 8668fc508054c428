"""Does a step wait for the device? Run on one that is pretended, and counted on the processor."""

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch
from torch.utils._python_dispatch import TorchDispatchMode

from mixkd_core.mixing import mixup
from mixkd_core.objectives.objective import METHODS

ROOT = Path(__file__).resolve().parents[3]

# What has to know values to go on: on an accelerator the host waits for them.
WAITING = ("_local_scalar_dense", "nonzero", "is_nonzero", "masked_select", "unique", "equal")


@pytest.mark.slow
def test_no_method_needs_a_value_of_the_device() -> None:
    """Nor copies one to the host; forward, mixing, losses and backward, whichever the family."""
    script = Path(__file__).with_name("pretended_device.py")
    done = subprocess.run(
        [sys.executable, str(script)],
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
        timeout=600,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    lines = done.stdout.splitlines()
    assert len(lines) > len(METHODS)
    assert [line for line in lines if not line.endswith(" []")] == []
    # Of four layers the last looks from the first position; ModernBERT's do not. A student of
    # BERT's kind drops attention, for which the kernel is not had.
    assert [line.split()[0] for line in lines if not line.startswith("0 ")] == ["3", "6", "8"]


class Waits(TorchDispatchMode):
    """Lists the operators called that have to know values."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        if func._schema.name.removeprefix("aten::").startswith(WAITING):
            self.found.append(str(func))
        return func(*args, **(kwargs or {}))


def test_the_loop_waits_no_more_often_for_more_steps(
    mixkd_trainer: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The optimiser, clipping and `Trainer`'s own checks included; logs and the end may wait."""
    # PyTorch's looks at the labels on a processor only.
    monkeypatch.setattr(
        mixup, "one_hot", lambda labels, size: (labels[:, None] == torch.arange(size)).long()
    )
    waits = []
    for steps in (1, 3):  # of one epoch: starting the next one draws a number
        trainer = mixkd_trainer(method="kd+sm+tmkd", max_steps=steps, logging_strategy="no")
        trainer._nan_guard.every = 50  # as on an accelerator
        with Waits() as counted:
            trainer.train()
        waits.append(len(counted.found))
    assert waits[0] == waits[1], counted.found
