"""The time that is left: from what finished runs took, told with every step and once a minute."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from experiments.execution import time_left as module
from experiments.execution.time_left import TimeLeft
from experiments.running.training import ProgressLines


def run(name: str, work: float) -> Any:
    return SimpleNamespace(spec=SimpleNamespace(id=name), work=work)


def test_runs_unlike_any_finished_one_take_as_long_as_the_others(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seconds = {"a": (10.0, ""), "b": (30.0, ""), "c": None}
    monkeypatch.setattr(module, "estimate", lambda run, finished: seconds[run.spec.id])
    monkeypatch.setattr(module, "find_record", lambda out, spec: None)
    runs = [run(name, 1.0) for name in seconds]
    left = TimeLeft(runs, [], tmp_path, 2)
    assert left.seconds == pytest.approx((10 + 30 + 20) / 2)
    left.done(runs[1])
    assert left.seconds == pytest.approx((10 + 10) / 2)
    left.done(runs[0])
    assert left.seconds is None, "nothing tells"


def test_a_log_gets_a_line_a_minute_and_no_more() -> None:
    said: list[str] = []
    now = 0.0
    lines = ProgressLines(said.append, clock=lambda: now)
    state: Any = SimpleNamespace(global_step=100, max_steps=300, is_world_process_zero=True)
    lines.on_train_begin(None, state)  # taken up at step 100
    for step in range(101, 301):
        now += 1.0
        state.global_step = step
        lines.on_log(None, state, None, logs={"loss": 1 / step})
        lines.on_step_end(None, state)
    assert said == [
        "step 160 of 300, loss 0.006, about 2 min left",
        "step 220 of 300, loss 0.005, about 80 s left",
        "step 280 of 300, loss 0.004, about 20 s left",
    ]
    state.is_world_process_zero = False
    now += 1000
    lines.on_step_end(None, state)
    assert len(said) == 3, "one process of a launch speaks"
