"""Scaling with the number of texts: what is written, measured and fitted; no time is asserted."""

from pathlib import Path
from typing import Any

import pytest

from experiments.benchmarks import data_scaling
from experiments.benchmarks.data_scaling import (
    COLD,
    START,
    WARM,
    DataJob,
    growth_rows,
    measure_data,
    stage_seconds,
    words_of,
    write_pairs,
)
from experiments.running.encoders import encoder_for
from mixkd_core.data import token_cache
from mixkd_core.data.sources import load_task_data
from mixkd_core.data.tasks import find_task
from mixkd_core.networks.checkpoints import load_tokenizer


@pytest.fixture
def encoder(tmp_path: Path) -> str:
    return encoder_for(find_task("embedded-sentiment"), None, tmp_path)


def test_pairs_are_of_words_that_the_tokenizer_knows_and_load_as_qqp(
    tmp_path: Path, encoder: str
) -> None:
    tokenizer = load_tokenizer(encoder)
    write_pairs(tmp_path, 60, words_of(tokenizer))
    data = load_task_data(find_task("qqp"), data_dir=tmp_path)
    assert (len(data.train), len(data.evaluation["dev"])) == (60, 6)
    assert len(set(data.train["text"])) > 50
    assert tokenizer.unk_token_id not in tokenizer(data.train["text"][0])["input_ids"]


def test_a_second_process_finds_the_tokens_of_the_first(
    tmp_path: Path, encoder: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(token_cache, "FEWEST_TEXTS", 10)
    write_pairs(tmp_path, 40, words_of(load_tokenizer(encoder)))
    store = tmp_path / "store"
    cold = stage_seconds(DataJob(str(tmp_path), encoder, str(store), "cpu", warm=False))
    kept = {path: path.stat().st_mtime_ns for path in store.glob("*.arrow")}
    warm = stage_seconds(DataJob(str(tmp_path), encoder, str(store), "cpu", warm=True))
    assert set(cold) == {*COLD, "peak_bytes"}
    assert set(warm) == {*WARM, "peak_bytes"}
    assert len(kept) == 1
    assert {path: path.stat().st_mtime_ns for path in store.glob("*.arrow")} == kept
    assert (store / "examples" / "train.parquet").is_file()


def test_a_size_is_measured_cold_and_warm(monkeypatch: pytest.MonkeyPatch, encoder: str) -> None:
    def answer(command: list[str], threads: int) -> dict[str, float]:
        warm = '"warm": true' in command[-1]
        seconds = dict.fromkeys(WARM if warm else COLD, 2.0 if warm else 3.0)
        return {**seconds, "peak_bytes": 2e9 if warm else 1e9}

    monkeypatch.setattr(data_scaling, "child_answer", answer)
    (row,) = measure_data(encoder, (20,), 1, "wall")
    assert row["tokenise_seconds"] == row["load_seconds"] == 3.0
    assert row["evaluate_seconds"] == 2.0
    assert row["start_seconds"] == 2.0 * len(START)
    assert (row["cold_peak_gigabytes"], row["peak_gigabytes"]) == (1.0, 2.0)


def test_exponents_are_those_of_powers() -> None:
    def row(size: int) -> dict[str, Any]:
        linear = {f"{stage}_seconds": 0.1 * size for stage in data_scaling.STAGES}
        return {"rows": size, **linear, "evaluate_seconds": float(size**2)}

    found = {one["stage"]: one["exponent"] for one in growth_rows([row(10), row(30), row(100)])}
    assert found.pop("evaluate") == pytest.approx(2)
    assert list(found.values()) == pytest.approx([1] * len(found))
    assert growth_rows([row(10)]) == []
