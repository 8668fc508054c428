"""The zip for the GLUE server: its published format, and whose predictions it holds."""

import dataclasses
import re
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from transformers import AutoModelForSequenceClassification, AutoTokenizer
from typer.testing import CliRunner

from experiments import submission
from experiments.benchmarks.synthetic_store import write_run
from experiments.cli import app
from experiments.submission import TABLES, spelled, write_submission
from mixkd_core.data.embedded.law import vocabulary
from mixkd_core.data.tasks import GLUE, Task
from mixkd_core.errors import InputError
from mixkd_core.networks.checkpoints import load_classifier
from mixkd_core.networks.embedded_encoder import write_embedded_encoder
from mixkd_core.records.run_folder import RunRecord
from mixkd_core.records.specs import TrainingSpec

# gluebenchmark.com/faq and the sizes of the released test sets.
OFFICIAL = {
    "CoLA": (1063, {"0", "1"}),
    "SST-2": (1821, {"0", "1"}),
    "MRPC": (1725, {"0", "1"}),
    "STS-B": (1379, None),
    "MNLI-m": (9796, {"entailment", "neutral", "contradiction"}),
    "MNLI-mm": (9847, {"entailment", "neutral", "contradiction"}),
    "QNLI": (5463, {"entailment", "not_entailment"}),
    "QQP": (390965, {"0", "1"}),
    "RTE": (3000, {"entailment", "not_entailment"}),
    "WNLI": (146, {"0", "1"}),
    "AX": (1104, {"entailment", "neutral", "contradiction"}),
}


@pytest.fixture(scope="module")
def encoder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_embedded_encoder(tmp_path_factory.mktemp("encoder") / "encoder", seed=0)


def finished_run(out: Path, task: Task, encoder: Path) -> RunRecord:
    """A finished run folder with a random network whose weights spread its predictions."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(1)
        network = load_classifier(encoder, task)
        for parameter in network.parameters():
            if parameter.dim() > 1:
                torch.nn.init.normal_(parameter, std=0.5)
    stored = out / f"{task.name}-network"
    network.save_pretrained(stored)
    AutoTokenizer.from_pretrained(encoder).save_pretrained(stored)
    record = write_run(
        out,
        task=task,
        method="teacher",
        teacher=TrainingSpec(max_length=16),
        sets={"train": (12, 0.5)},
        model=stored,
    )
    assert isinstance(record, RunRecord)
    return record


def write_test_set(folder: Path, name: str, columns: tuple[str, ...], size: int) -> list[list[str]]:
    """A test file in the official layout over the embedded law's words; its texts."""
    generator = np.random.default_rng(size)
    words = list(vocabulary())
    rows = [[" ".join(generator.choice(words, 4)) for _ in columns] for _ in range(size)]
    folder.mkdir(exist_ok=True, parents=True)
    lines = ["\t".join(["index", *columns])]
    lines += ["\t".join([str(index), *texts]) for index, texts in enumerate(rows)]
    (folder / f"{name}.tsv").write_text("\n".join(lines) + "\n")
    return rows


def tables_in(path: Path) -> dict[str, list[str]]:
    """Predictions by table, the format checked on the way."""
    found = {}
    with zipfile.ZipFile(path) as archive:
        assert archive.testzip() is None
        for name in archive.namelist():
            text = archive.read(name).decode("utf-8")
            assert text.endswith("\n")
            header, *rows = text.splitlines()
            assert header == "index\tprediction"
            indices, predictions = zip(*(row.split("\t") for row in rows), strict=True)
            assert list(indices) == [str(number) for number in range(len(rows))]
            found[name.removesuffix(".tsv")] = list(predictions)
    return found


def own_logits(record: RunRecord, rows: list[list[str]]) -> Any:
    """A second route to the logits: all rows at once through the stored network."""
    tokenizer = AutoTokenizer.from_pretrained(record.model_folder)
    network = AutoModelForSequenceClassification.from_pretrained(record.model_folder).eval()
    tokens = tokenizer(*zip(*rows, strict=True), padding=True, return_tensors="pt")
    with torch.no_grad():
        return network(**tokens).logits.numpy()


@pytest.mark.slow
def test_every_table_is_there_in_the_published_format(tmp_path: Path, encoder: Path) -> None:
    wnli = finished_run(tmp_path, GLUE["wnli"], encoder)
    cola = finished_run(tmp_path, GLUE["cola"], encoder)
    stsb = finished_run(tmp_path, GLUE["stsb"], encoder)
    data = tmp_path / "glue"
    wnli_rows = write_test_set(data / "WNLI", "test", ("sentence1", "sentence2"), 146)
    cola_rows = write_test_set(data / "CoLA", "test", ("sentence",), 1063)
    stsb_rows = write_test_set(data / "STS-B", "test", ("sentence1", "sentence2"), 1379)
    origins = write_submission([wnli, cola, stsb], tmp_path / "new" / "glue.zip", data)
    tables = tables_in(tmp_path / "new" / "glue.zip")
    assert set(tables) == set(origins) == set(OFFICIAL)
    for name, (size, allowed) in OFFICIAL.items():
        assert len(tables[name]) == size
        if allowed is not None:
            assert set(tables[name]) <= allowed

    for record, rows, name in ((wnli, wnli_rows, "WNLI"), (cola, cola_rows, "CoLA")):
        expected = own_logits(record, rows).argmax(axis=1)
        assert tables[name] == [str(index) for index in expected]
        assert set(tables[name]) == {"0", "1"}
        assert origins[name] == record.folder.name
    scores = np.array([float(score) for score in tables["STS-B"]])
    np.testing.assert_allclose(scores, own_logits(stsb, stsb_rows)[:, 0].clip(0, 5), atol=2e-3)
    assert scores.min() == 0.0
    assert scores.max() > 0.1
    for name in ("SST-2", "MRPC", "MNLI-m", "MNLI-mm", "QNLI", "QQP", "RTE", "AX"):
        assert len(set(tables[name])) == 1
        assert "no run of" in origins[name]


@pytest.mark.slow
def test_one_network_predicts_both_sets_of_mnli_and_the_diagnostic_set(
    tmp_path: Path, encoder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sizes = {"MNLI-m": 40, "MNLI-mm": 30, "AX": 20}
    monkeypatch.setattr(
        submission,
        "TABLES",
        [dataclasses.replace(t, examples=sizes[t.name]) for t in TABLES if t.name in sizes],
    )
    record = finished_run(tmp_path, GLUE["mnli"], encoder)
    data, columns = tmp_path / "glue", ("sentence1", "sentence2")
    rows = {
        "MNLI-m": write_test_set(data / "MNLI", "test_matched", columns, 40),
        "MNLI-mm": write_test_set(data / "MNLI", "test_mismatched", columns, 30),
    }
    origins = write_submission([record], tmp_path / "glue.zip", data)
    assert "no diagnostic/diagnostic.tsv" in origins["AX"]
    assert tables_in(tmp_path / "glue.zip")["AX"] == ["entailment"] * 20
    rows["AX"] = write_test_set(data / "diagnostic", "diagnostic", columns, 20)
    origins = write_submission([record], tmp_path / "glue.zip", data)
    assert set(origins.values()) == {record.folder.name}
    names = ("entailment", "neutral", "contradiction")
    for name, predictions in tables_in(tmp_path / "glue.zip").items():
        expected = own_logits(record, rows[name]).argmax(axis=1)
        assert predictions == [names[index] for index in expected]
        assert len(set(predictions)) > 1


def test_scores_stay_on_the_scale_and_classes_get_their_names() -> None:
    by_name = {table.name: table for table in TABLES}
    scores = np.array([[-0.3], [2.34567], [7.0]], dtype=np.float32)
    assert spelled(by_name["STS-B"], scores, GLUE["stsb"]) == ["0.000", "2.346", "5.000"]
    logits = np.array([[0.0, 1.0], [1.0, 0.0]], dtype=np.float32)
    for name, task, expected in (
        ("RTE", "rte", ["not_entailment", "entailment"]),
        ("QNLI", "qnli", ["not_entailment", "entailment"]),
        ("WNLI", "wnli", ["1", "0"]),
        ("QQP", "qqp", ["1", "0"]),
    ):
        assert spelled(by_name[name], logits, GLUE[task]) == expected


def test_tables_are_the_official_ones() -> None:
    assert {table.name: table.examples for table in TABLES} == {
        name: size for name, (size, _) in OFFICIAL.items()
    }
    for table in TABLES:
        allowed = OFFICIAL[table.name][1]
        assert table.constant in allowed if allowed else 0 <= float(table.constant) <= 5


def test_runs_that_do_not_belong_in_a_submission_are_refused(tmp_path: Path, encoder: Path) -> None:
    wnli = finished_run(tmp_path, GLUE["wnli"], encoder)
    mine = finished_run(tmp_path, Task("mine", ("text",), "label", ("no", "yes")), encoder)
    write_test_set(tmp_path / "WNLI", "test", ("sentence1", "sentence2"), 145)
    for records, said in (
        ([], "no run was given"),
        ([wnli, wnli], "both of task 'wnli'"),
        ([mine], "none of GLUE's"),
        ([wnli], "has 145 examples, and the official one 146"),
    ):
        with pytest.raises(InputError, match=said):
            write_submission(records, tmp_path / "glue.zip", tmp_path)
    assert not (tmp_path / "glue.zip").exists()


@pytest.mark.slow
def test_the_command_says_whose_predictions_are_in_it(tmp_path: Path, encoder: Path) -> None:
    record = finished_run(tmp_path, GLUE["wnli"], encoder)
    write_test_set(tmp_path / "WNLI", "test", ("sentence1", "sentence2"), 146)
    arguments = ["submit", str(record.folder), "--data-dir", str(tmp_path)]
    written = []
    for name in ("one.zip", "another.zip"):
        result = CliRunner().invoke(app, [*arguments, "-o", str(tmp_path / name)])
        assert result.exit_code == 0, result.output
        assert re.search(rf"WNLI.tsv +{record.folder.name}", result.output)
        assert "'1' throughout: no run of cola" in result.output
        written.append((tmp_path / name).read_bytes())
    assert written[0] == written[1]
    assert sorted(path.suffix for path in tmp_path.glob("*.zip*")) == [".zip", ".zip"]
