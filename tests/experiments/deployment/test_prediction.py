"""Predictions for a file: what plain transformers says, text by text, whatever the form."""

import csv
import json
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from experiments.deployment.network import open_network
from experiments.deployment.prediction import OVERLAP, predict, read_rows, write_rows
from mixkd_core.errors import InputError
from reports.files import as_written


def plain(network: Any, text: str) -> Any:
    """Probabilities by the obvious call, one text alone, cut as in training."""
    batch = network.tokenizer(
        text, truncation=True, max_length=network.max_length, return_tensors="pt"
    )
    with torch.no_grad():
        return torch.softmax(network.model(**batch).logits[0].double(), 0).numpy()


def said(network: Any, row: dict[str, Any]) -> Any:
    return np.array([row[f"p_{label}"] for label in network.labels])


def test_every_row_has_the_probabilities_of_the_plain_call(
    classifier: Path, texts: list[str]
) -> None:
    network = open_network(str(classifier))
    rows = [{"id": number, "text": text} for number, text in enumerate(texts)]
    found = predict(network, rows, ["text"], batch_size=5)
    assert [row["id"] for row in found.rows] == list(range(len(texts)))
    assert found.long == 0
    for row, text in zip(found.rows, texts, strict=True):
        expected = plain(network, text)
        assert np.abs(said(network, row) - expected).max() < 1e-5
        assert row["prediction"] == network.labels[int(expected.argmax())]


def test_a_long_text_is_cut_as_in_training_and_counted(classifier: Path) -> None:
    network = open_network(str(classifier))
    long = "film " * 300 + "awful"
    found = predict(network, [{"text": long}, {"text": "film"}], ["text"])
    assert found.long == 1
    assert np.abs(said(network, found.rows[0]) - plain(network, long)).max() < 1e-5


def test_windows_are_averaged_by_their_tokens(classifier: Path) -> None:
    network = open_network(str(classifier))
    long = " ".join(["the film was great and slow but good"] * 30)
    found = predict(network, [{"text": long}, {"text": "good"}], ["text"], long_texts="windows")
    pieces = network.tokenizer(
        long,
        truncation=True,
        max_length=network.max_length,
        stride=int(OVERLAP * network.max_length),
        return_overflowing_tokens=True,
    )["input_ids"]
    assert len(pieces) > 2
    outputs, weights = [], []
    for ids in pieces:
        with torch.no_grad():
            logits = network.model(input_ids=torch.tensor([ids])).logits[0].double()
        outputs.append(torch.softmax(logits, 0).numpy())
        weights.append(len(ids))
    expected = np.average(outputs, axis=0, weights=weights)
    assert np.abs(said(network, found.rows[0]) - expected).max() < 1e-5
    cut = predict(network, [{"text": long}], ["text"]).rows[0]
    assert np.abs(expected - said(network, cut)).max() > 1e-4
    assert np.abs(said(network, found.rows[1]) - plain(network, "good")).max() < 1e-5


TEXT = st.text(
    alphabet=st.characters(blacklist_categories=("Cs", "Cc"), blacklist_characters="\ufeff"),
    min_size=1,
).filter(lambda text: text.strip() != "")


@pytest.mark.slow
@given(st.lists(TEXT, min_size=1, max_size=5))
def test_what_is_written_is_read_back_alike(texts: list[str]) -> None:
    rows = [{"text": text, "p_a": 0.25} for text in texts]
    with tempfile.TemporaryDirectory() as folder:
        for suffix in (".csv", ".tsv", ".jsonl", ".parquet"):
            path = Path(folder) / f"rows{suffix}"
            write_rows(rows, path)
            back = read_rows(path)
            table = suffix in (".csv", ".tsv")
            told = [as_written(row["text"]) if table else row["text"] for row in back]
            assert told == texts
            assert [float(row["p_a"]) for row in back] == [0.25] * len(texts)


def test_nothing_infinite_is_written_as_json(tmp_path: Path) -> None:
    rows = [{"text": "a", "b": float("nan"), "c": [float("inf"), {"d": -float("inf")}], "e": 1.5}]
    path = tmp_path / "a.jsonl"
    write_rows(rows, path)
    assert json.loads(path.read_text(), parse_constant=pytest.fail) == {
        "text": "a", "b": None, "c": [None, {"d": None}], "e": 1.5,
    }  # fmt: skip


def test_a_tsv_that_its_reader_would_misread_is_refused(tmp_path: Path) -> None:
    """Tab-separated files are read without quoting (GLUE's rule), so none is written with it."""
    with pytest.raises(InputError, match="tab or line break"):
        write_rows([{"text": "a\tb"}], tmp_path / "rows.tsv")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ([], "no row to predict"),
        ([{"text": "a"}, {"text": " "}], "1 of 2 rows have no text.*first row 2"),
        ([{"text": None}], "have no text"),
        ([{"message": "a"}], "no column 'text'.*message.*--text-column"),
        ([{"text": "a", "prediction": 1}], "column 'prediction' already"),
    ],
)
def test_a_table_that_cannot_be_predicted_is_named(
    classifier: Path, rows: list[dict[str, Any]], message: str
) -> None:
    with pytest.raises(InputError, match=message):
        predict(open_network(str(classifier)), rows, ["text"])


def test_windows_of_a_pair_are_refused(classifier: Path) -> None:
    with pytest.raises(InputError, match="cut long pairs"):
        predict(
            open_network(str(classifier)), [{"a": "x", "b": "y"}], ["a", "b"], long_texts="windows"
        )


@pytest.mark.parametrize("suffix", [".csv", ".jsonl", ".parquet"])
def test_the_command_keeps_the_columns_and_adds_its_own(
    classifier: Path,
    texts: list[str],
    tmp_path: Path,
    mixkd: Any,
    capsys: pytest.CaptureFixture[str],
    suffix: str,
) -> None:
    source, out = tmp_path / "in.csv", tmp_path / f"out{suffix}"
    with source.open("w", newline="") as file:
        csv.writer(file).writerows([["id", "message"], *enumerate(texts)])
    assert mixkd("predict", classifier, source, "-o", out, "--text-column", "message") == 0
    assert f"{len(texts)} predictions were written" in capsys.readouterr().out
    rows = read_rows(out)
    assert [str(row["message"]) for row in rows] == texts
    assert list(rows[0]) == ["id", "message", "prediction", "p_calm", "p_glad", "p_sad"]
    if suffix == ".parquet":
        assert pd.read_parquet(out)["p_sad"].dtype == np.float64
    if suffix == ".jsonl":
        assert json.loads(out.read_text().splitlines()[0])["id"] == "0"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("./nowhere", "in.csv", "-o", "o.csv"), "'./nowhere' is not a folder"),
        (("MODEL", "missing.csv", "-o", "o.csv"), "no file"),
        (("MODEL", "in.csv", "-o", "o.xlsx"), "ends in '.xlsx'"),
        (("MODEL", "in.csv", "-o", "o.csv", "--text-pair-column", "b"), "give --text-column too"),
    ],
)
def test_bad_input_ends_in_one_sentence(
    classifier: Path,
    tmp_path: Path,
    mixkd: Any,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    arguments: tuple[str, ...],
    message: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("in.csv").write_text("text\nfilm\n")
    assert mixkd("predict", *(classifier if one == "MODEL" else one for one in arguments)) == 2
    error = capsys.readouterr().err
    assert message in error
    assert error.count("\n") == 1
    assert not Path("o.csv").exists()
