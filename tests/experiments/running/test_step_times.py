"""Networks timed by some steps of training, before anything is trained."""

from dataclasses import astuple
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from experiments.planning.plan import expand, gather, load_source
from experiments.planning.resolved import resolve
from experiments.planning.study import Study
from experiments.running import step_times
from experiments.running.runner import Resources
from experiments.running.step_times import text_lengths, time_network
from mixkd_core.data.encoding import encode_table
from mixkd_core.networks.checkpoints import load_tokenizer


@pytest.fixture
def run(tmp_path: Path) -> tuple[Any, Resources]:
    """A student, and what it is made from."""
    training = {"epochs": 1, "batch_size": 16, "max_length": 64}
    study = Study.model_validate({
        "name": "small", "stands_for": "a test", "seeds": [0],
        "defaults": {"teacher": training, "student": training},
        "tasks": {"embedded-sentiment": {"train_size": 160, "dev_size": 20}},
        "students": [{"layers": 1}], "methods": ["sm+tmkd"],
    })  # fmt: skip
    resolved = resolve(study)
    planned = expand(resolved, gather(resolved, tmp_path), {})[-1]
    data = load_source(planned.material.source)
    return planned.spec, Resources(data, planned.material.encoder, tmp_path)


@pytest.mark.slow
@pytest.mark.parametrize("long", [0.0, 1e9], ids=["few texts", "whole batches"])
def test_a_network_is_timed_and_nothing_is_kept(
    run: tuple[Any, Resources], long: float, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    spec, resources = run
    batches: list[int] = []
    steps = step_times._steps

    def counted(*arguments: Any) -> Any:
        batches.append(arguments[4])
        return steps(*arguments)

    monkeypatch.setattr(step_times, "_steps", counted)
    monkeypatch.setattr(step_times, "LONG_STEP", long)
    before = sorted(tmp_path.rglob("*"))
    for timed in (time_network(spec, resources), time_network(spec.teacher_spec, resources)):
        assert all(0 < seconds < np.inf for seconds in astuple(timed)), timed
    assert batches == ([step_times.FEW_TEXTS] if not long else [step_times.FEW_TEXTS, 16]) * 2
    assert sorted(tmp_path.rglob("*")) == before


def test_lengths_are_those_of_texts_and_of_the_longer_of_two(run: tuple[Any, Resources]) -> None:
    _, resources = run
    tokenizer = load_tokenizer(resources.encoder)
    lengths = encode_table(resources.data.train, tokenizer, 64).lengths
    found = text_lengths(resources.data, tokenizer, 64)
    assert found.mean == pytest.approx(np.mean(lengths))
    longer = [max(one, other) for one in lengths for other in lengths]
    assert found.longer == pytest.approx(np.mean(longer))
    assert found.longer > found.mean
    cut = text_lengths(resources.data, tokenizer, 8)
    assert cut.mean == pytest.approx(np.mean(np.minimum(lengths, 8)))
    assert found.mean > cut.longer > cut.mean
