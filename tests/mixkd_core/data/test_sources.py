"""Sources: one's own files, data in memory, the embedded law, and what they refuse."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import datasets
import pytest

from mixkd_core.data import sources
from mixkd_core.data.embedded.law import draw_examples
from mixkd_core.data.own_data import from_datasets, load_files
from mixkd_core.data.sources import (
    load_embedded,
    load_hub,
    load_task_data,
)
from mixkd_core.data.tasks import EMBEDDED, GLUE, Task
from mixkd_core.errors import InputError

GOLDEN_FINGERPRINTS = {
    "embedded-sentiment": "ea06949e2be82c36",
    "embedded-paraphrase": "105e68c6ddf0943e",
    "embedded-inference": "020d0d9b392a4497",
}


TICKETS = Task("tickets", ("message",), "queue", ("sales", "help"), id_column="key")
TICKET_ROWS = [
    {"key": "k1", "message": 'say "hi", now', "queue": "help", "note": 1},
    {"key": "k2", "message": "buy", "queue": "sales", "note": 2},
]
HELD_OUT_ROWS = [{"key": "k3", "message": "sell", "queue": "help", "note": 3}]


def csv_text(rows: list[dict[str, Any]]) -> str:
    def quote(value: object) -> str:
        return '"' + str(value).replace('"', '""') + '"'

    return "\n".join(
        ",".join(map(quote, row)) for row in [rows[0].keys(), *(r.values() for r in rows)]
    )


WRITERS: dict[str, Callable[[Path, list[dict[str, Any]]], object]] = {
    ".csv": lambda path, rows: path.write_text(csv_text(rows)),
    ".tsv": lambda path, rows: path.write_text(
        "\n".join("\t".join(map(str, row)) for row in [rows[0].keys(), *(r.values() for r in rows)])
    ),
    ".jsonl": lambda path, rows: path.write_text("\n".join(json.dumps(row) for row in rows)),
    ".parquet": lambda path, rows: datasets.Dataset.from_list(rows).to_parquet(path),
}


@pytest.mark.parametrize("ending", WRITERS)
def test_ones_own_files(tmp_path: Path, ending: str) -> None:
    train, test = tmp_path / f"train{ending}", tmp_path / f"held_out{ending}"
    WRITERS[ending](train, TICKET_ROWS)
    WRITERS[ending](test, HELD_OUT_ROWS)
    data = load_task_data(TICKETS, train_file=train, evaluation_files={"test": test})
    assert data.train[:] == {
        "example_id": ["train-k1", "train-k2"],
        "text": ['say "hi", now', "buy"],
        "label": [1, 0],
        "group": [0, 1],
    }
    assert data.evaluation["test"]["example_id"][:] == ["test-k3"]
    assert data.origin == f"files train{ending}, held_out{ending}"
    in_memory = from_datasets(
        TICKETS,
        datasets.Dataset.from_list(TICKET_ROWS),
        {"test": datasets.Dataset.from_list(HELD_OUT_ROWS)},
    )
    assert data.fingerprint == in_memory.fingerprint


@pytest.mark.parametrize(
    ("name", "text", "complaint"),
    [
        ("a.csv", "key,message,queue\nk1,hello,help\nk1,again,help\n", "line 3.*'k1' was already"),
        ("a.csv", "key,message,queue\nk1,hello\n", "line 2: found 2 fields, expected 3"),
        ("a.csv", 'key,message,queue\nk1,"hello,help\n', "not a CSV row"),
        ("a.csv", "", "is empty"),
        ("a.csv", "key,message,queue\n", "holds no examples"),
        ("a.jsonl", '{"key": 1, "message": "a", "queue": "help"}\n{"key":', "line 2: not JSON"),
        ("a.jsonl", "[1, 2]\n", "line 1: not a JSON object"),
        ("a.jsonl", '{"key": 1, "message": null, "queue": 1}\n', r"without a text \(line 1\)"),
        ("a.jsonl", '{"key": 1, "message": ["a"], "queue": 1}\n', "'message' holds \\['a'\\]"),
        ("a.jsonl", '{"key": 1, "message": "\\ud800", "queue": 1}\n', "line 1.*lone surrogate"),
        ("a.jsonl", '{"key": 1, "message": "a", "queue": 1, "key": 2}', "line 1.*'key' twice"),
        ("a.jsonl", "[" * 100_000, "line 1: JSON nested too deeply"),
        ("a.jsonl", '{"key": ' + "9" * 5000 + "}", "line 1: not usable JSON"),
        ("a.json", '[{"key": 1}, 3]', "row 2: not a JSON object"),
        ("a.json", '[{"key": 1}', "not JSON"),
        ("a.csv", "key,message,queue,message\nk1,a,help,b\n", "2 columns called 'message'"),
        ("a.arrow", "not Arrow", "cannot be read as Arrow"),
        (
            "a.jsonl",
            '{"key": 1, "message": "a", "queue": 1}\n{"key": 1, "queue": 1}\n',
            "line 2: its keys 'key', 'queue' differ",
        ),
        ("a.jsonl", '{"key": 1, "text": "a", "queue": 1}\n', "no column 'message'"),
        ("a.parquet", "not parquet", "cannot be read as parquet"),
        ("a.xlsx", "", "ends in '.xlsx'"),
    ],
)
def test_an_unusable_file_is_refused(tmp_path: Path, name: str, text: str, complaint: str) -> None:
    path = tmp_path / name
    path.write_text(text)
    with pytest.raises(InputError, match=complaint):
        load_files(TICKETS, path, {"dev": path})


@pytest.mark.parametrize(
    "name", ["train", "Train", "remainder", "fresh", "FRESH", "validation", "a-b", "a/b", "..", ""]
)
def test_evaluation_sets_need_names_of_their_own(tmp_path: Path, name: str) -> None:
    """A file called `fresh` would be printed as new draws of the law."""
    path = tmp_path / "a.csv"
    path.write_text(csv_text(TICKET_ROWS))
    with pytest.raises(InputError, match=re.escape(repr(name))):
        load_files(TICKETS, path, {name: path})
    rows = datasets.Dataset.from_list(TICKET_ROWS)
    with pytest.raises(InputError, match=re.escape(repr(name))):
        from_datasets(TICKETS, rows, {name: rows})


def test_a_missing_file_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text(csv_text(TICKET_ROWS))
    with pytest.raises(InputError, match="There is no file"):
        load_files(TICKETS, tmp_path / "b.csv", {"dev": path})


def test_an_unlabelled_hub_split_is_refused() -> None:
    features = datasets.Features(
        text=datasets.Value("string"), label=datasets.ClassLabel(names=["no", "yes"])
    )
    split = datasets.Dataset.from_dict({"text": ["a"], "label": [-1]}, features=features)
    task = Task("mine", ("text",), "label", ("no", "yes"))
    with pytest.raises(InputError, match=r"Split 'train' holds 1 row without a label \(row 1\)"):
        from_datasets(task, split, {"dev": split})


def test_an_unreachable_hub_names_the_remedy(monkeypatch: pytest.MonkeyPatch) -> None:
    def load_dataset(path: str, config: str) -> datasets.DatasetDict:
        raise ConnectionError("no route\nto host")

    monkeypatch.setattr(datasets, "load_dataset", load_dataset)
    with pytest.raises(InputError, match=r"ConnectionError: no route\).*give a local folder"):
        load_hub(GLUE["sst2"])
    with pytest.raises(InputError, match="not on the hub"):
        load_hub(TICKETS)


def test_contradictory_sources_are_refused(tmp_path: Path) -> None:
    files: dict[str, Any] = {"train_file": "a.csv", "evaluation_files": {"dev": "b.csv"}}
    embedded = EMBEDDED["embedded-sentiment"]
    with pytest.raises(InputError, match="choose one"):
        load_task_data(GLUE["rte"], data_dir=tmp_path, **files)
    for alone in ({"evaluation_files": {"dev": "b.csv"}}, {"dev_fraction": 0.2}):
        with pytest.raises(InputError, match="none was given"):
            load_task_data(TICKETS, **alone)
    for arguments in ({"data_dir": tmp_path}, files):
        with pytest.raises(InputError, match="embedded law"):
            load_task_data(embedded, **arguments)


def test_the_embedded_law_gives_as_much_as_asked() -> None:
    data = load_embedded("embedded-inference", train_size=30, dev_size=20)
    larger = load_embedded("embedded-inference", train_size=50, dev_size=20)
    assert data.train[:] == larger.train[:30]
    assert data.fingerprint != larger.fingerprint
    assert data.fresh is not None
    fresh = data.fresh(30, 7)
    assert fresh[:10] == data.fresh(10, 7)[:]
    assert fresh["example_id"][0] == "fresh_7-0"
    sets = (data.train, data.evaluation["dev"], fresh, data.fresh(30, 8))
    assert len({tuple(examples["text"]) for examples in sets}) == 4
    expected = draw_examples("embedded-inference", "train", 30)
    columns = (data.train[column] for column in ("text", "text_pair", "label"))
    assert list(zip(*columns, strict=True)) == expected


def test_embedded_sizes_and_names_are_checked() -> None:
    with pytest.raises(InputError, match="at least one"):
        load_embedded("embedded-sentiment", train_size=0)
    with pytest.raises(InputError, match="no embedded law"):
        load_embedded("rte")


@pytest.mark.slow
def test_the_default_embedded_sizes_and_golden_fingerprints() -> None:
    # Other machines must agree with these constants.
    found = {}
    for name in EMBEDDED:
        data = load_task_data(EMBEDDED[name])
        assert len(data.train) == sources.EMBEDDED_TRAIN_SIZE
        assert len(data.evaluation["dev"]) == sources.EMBEDDED_DEV_SIZE
        found[name] = data.fingerprint[:16]
    assert found == GOLDEN_FINGERPRINTS


@pytest.mark.parametrize("column", ["example_id", "text", "text_pair", "label"])
def test_the_fingerprint_sees_every_column(column: str) -> None:
    data = load_embedded("embedded-paraphrase", train_size=3, dev_size=3)
    rows = data.train.to_list()
    rows[2][column] = 1 - rows[2][column] if column == "label" else rows[2][column] + "x"
    changed = datasets.Dataset.from_list(rows, features=data.train.features)
    again = sources.assemble(data.task, changed, data.evaluation, origin="")
    assert again.fingerprint != data.fingerprint
