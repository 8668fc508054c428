"""The cost of use: counted operations against a formula, and what is measured side by side."""

import json
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch

from experiments.benchmarks.operations import shape_of
from experiments.deployment import energy
from experiments.deployment.cost import measure_costs, operations_per_text
from experiments.deployment.network import open_network
from mixkd_core.errors import InputError
from reports.evidence.costs import Costs, read_costs
from reports.tables.costs import table_of


def test_operations_are_those_of_the_matrix_products(classifier: Path, texts: list[str]) -> None:
    """By hand: every layer on every position, the head on the first (2 operations a product)."""
    network = open_network(str(classifier))
    usual = network.model.config._attn_implementation
    encoded = [dict(network.tokenizer(text, return_tensors="pt")) for text in texts]
    counted = operations_per_text(network.model, encoded)
    shape = shape_of(network.model)
    d, f = shape.width, shape.feed_forward
    expected = [
        shape.layers * (2 * t * (4 * d * d + 2 * d * f) + 4 * t * t * d)
        + 2 * (d * d + d * shape.outputs)
        for t in (one["input_ids"].shape[1] for one in encoded)
    ]
    assert counted == pytest.approx(np.mean(expected), rel=1e-9)
    assert network.model.config._attn_implementation == usual


@pytest.mark.slow
def test_networks_are_measured_side_by_side_on_one_list_of_texts(
    classifier: Path, texts: list[str]
) -> None:
    turns: list[int] = []
    costs = measure_costs(
        [str(classifier)], [(text,) for text in texts], rounds=2, progress=lambda: turns.append(1)
    )
    assert [cost.precision for cost in costs] == ["fp32", "bf16"]
    assert len(turns) == 4
    parameters = sum(one.numel() for one in open_network(str(classifier)).model.parameters())
    for cost in costs:
        assert cost.parameters == parameters
        assert cost.megabytes == pytest.approx(4 * parameters / 1e6, rel=0.05)
        assert 0 < cost.latency_ms <= cost.latency_p95_ms
        assert cost.texts_per_second > 0
        assert cost.best_batch in (8, len(texts))
        assert cost.peak_megabytes is None or cost.peak_megabytes > cost.megabytes
        if not torch.cuda.is_available():
            assert cost.joules_per_text is None
    assert costs[0].operations == costs[1].operations


def test_no_text_is_refused(classifier: Path) -> None:
    with pytest.raises(InputError, match="no text to measure on"):
        measure_costs([str(classifier)], [])


@pytest.fixture
def card(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        torch.cuda, "get_device_properties", lambda device: SimpleNamespace(uuid="abc")
    )


@pytest.mark.usefixtures("card")
def test_energy_is_the_counters_difference_over_the_work(monkeypatch: pytest.MonkeyPatch) -> None:
    counter = iter([1_000, 7_000])  # millijoules
    meter: Any = SimpleNamespace(
        nvmlInit=lambda: None,
        nvmlDeviceGetHandleByUUID=lambda uuid: uuid,
        nvmlDeviceGetTotalEnergyConsumption=lambda handle: next(counter),
        NVMLError=OSError,
    )
    monkeypatch.setitem(sys.modules, "pynvml", meter)
    # Three calls of 0.9 s pass two seconds; 6 J over 3 calls of 4 texts are half a joule a text.
    assert energy.joules(lambda: 0.9, torch.device("cuda"), units=4) == pytest.approx(0.5)


@pytest.mark.usefixtures("card")
def test_energy_is_not_measured_where_nothing_tells(monkeypatch: pytest.MonkeyPatch) -> None:
    def no_counter(_: Any) -> int:
        raise OSError

    meter: Any = SimpleNamespace(
        nvmlInit=lambda: None, nvmlDeviceGetHandleByUUID=no_counter, NVMLError=OSError
    )
    assert energy.joules(lambda: 1.0, torch.device("cpu"), units=1) is None
    monkeypatch.setitem(sys.modules, "pynvml", meter)
    assert energy.joules(lambda: 1.0, torch.device("cuda"), units=1) is None
    monkeypatch.setitem(sys.modules, "pynvml", None)  # type: ignore[arg-type]
    assert energy.joules(lambda: 1.0, torch.device("cuda"), units=1) is None


ROW = {
    "network": "n", "precision": "fp32", "parameters": 2_000_000, "megabytes": 8.0,
    "operations": 3e9, "latency_p95_ms": 9.0, "texts_per_second": 10.0, "best_batch": 8,
    "peak_megabytes": None, "joules_per_text": None,
}  # fmt: skip


def test_the_table_compares_with_the_deepest_in_the_same_precision() -> None:
    rows = [
        ROW | {"layers": 6, "latency_ms": 8.0},
        ROW | {"layers": 3, "latency_ms": 2.0},
        ROW | {"layers": 6, "latency_ms": 6.0, "precision": "bf16"},
        ROW | {"layers": 3, "latency_ms": 2.0, "precision": "bf16"},
    ]
    about = {"device": "a chip", "threads": 1, "texts": 5, "rounds": 2}
    table = table_of(Costs.of({"about": about, "rows": rows}))
    assert [row["speedup"] for row in table.rows] == [1.0, 4.0, 1.0, 3.0]
    assert "a chip with 1 thread:" in table.caption
    assert "—: not measured, since this machine cannot tell" in table.caption
    assert table_of("Not measured.").to_markdown().count("Not measured.") == 1


@pytest.mark.slow
def test_the_command_leaves_its_numbers_in_the_store_and_the_report_shows_them(
    tmp_path: Path, mixkd: Any
) -> None:
    store = tmp_path / "runs"
    short = ("--fraction", "0.02", "--epochs", "1", "--teacher-epochs", "1", "--remainder-size", 50)
    assert mixkd("train", "--task", "embedded-sentiment", *short, "--out", store) == 0
    assert mixkd("cost", store, "--texts", 6, "--rounds", 1) == 0
    found = read_costs(store)
    assert isinstance(found, Costs)
    assert found.rows["layers"].tolist() == [4, 4, 2, 2]
    assert mixkd("report", store, "-o", tmp_path / "report") == 0
    assert (tmp_path / "report" / "figures" / "cost.svg").is_file()
    assert "as fast as the deepest" in (tmp_path / "report" / "index.html").read_text()
    (store / "cost.json").write_text(json.dumps({"rows": 3}))
    assert mixkd("report", store, "-o", tmp_path / "report") == 0
    assert "cost.json is damaged (" in (tmp_path / "report" / "index.html").read_text()
