"""Texts to time and compare networks on: what is missing is said with the way to give it."""

import re
from pathlib import Path
from typing import Any

import pytest
import typer

from experiments.cli import app
from experiments.deployment.network import FinishedNetwork, open_network
from experiments.deployment.texts import texts_of_file, texts_of_task
from mixkd_core.errors import InputError


def test_texts_are_a_sample_of_the_named_columns_in_the_files_order(tmp_path: Path) -> None:
    rows = [f"{place},left {place},right {place}" for place in range(20)]
    (tmp_path / "some.csv").write_text("\n".join(["id,one,other", *rows]) + "\n")
    found = texts_of_file(tmp_path / "some.csv", ("one", "other"), 8)
    assert len(set(found)) == 8
    places = [int(first.split()[1]) for first, _ in found]
    assert places == sorted(places)
    assert found == [(f"left {place}", f"right {place}") for place in places]
    assert found == texts_of_file(tmp_path / "some.csv", ("one", "other"), 8)


def test_texts_of_an_embedded_task_need_no_file(classifier: Path) -> None:
    network = open_network(str(classifier))
    made_for = FinishedNetwork(**{**vars(network), "task": "embedded-inference"})
    found = texts_of_task(made_for, 5, options=("--file",))
    assert [len(texts) for texts in found] == [2] * 5


@pytest.mark.parametrize(("command", "of"), [("cost", "--file"), ("export", "--texts")])
@pytest.mark.parametrize("case", ["unknown task", "GLUE task", "another column"])
def test_a_remedy_is_an_option_of_the_command(
    command: str, of: str, case: str, classifier: Path, tmp_path: Path, mixkd: Any, capsys: Any,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    pytest.importorskip("onnxruntime")
    arguments = ["--onnx", tmp_path / "n.onnx"] if command == "export" else []
    if case == "another column":
        (tmp_path / "some.csv").write_text("message\ngood film\n")
        arguments += [of, tmp_path / "some.csv"]
    if case == "GLUE task":
        network = open_network(str(classifier))
        of_glue = FinishedNetwork(**{**vars(network), "task": "rte"})
        monkeypatch.setattr("experiments.deployment.network.open_network", lambda *_: of_glue)
    assert mixkd(command, classifier, *arguments) == 2
    told = capsys.readouterr().err
    named = set(re.findall(r"--[\w-]+", told))
    options = typer.main.get_command(app).commands[command].params  # type: ignore[attr-defined]
    assert named, told
    assert named <= {name for option in options for name in option.opts}
    assert of in named or case == "another column"
    assert not list(tmp_path.glob("n.onnx*"))


def test_what_a_file_lacks_is_named(tmp_path: Path) -> None:
    (tmp_path / "none.csv").write_text("text\n")
    with pytest.raises(InputError, match="has no row"):
        texts_of_file(tmp_path / "none.csv", ("text",), 3)
    (tmp_path / "some.csv").write_text("message\ngood film\n")
    with pytest.raises(InputError, match=r"no column 'text' \(it has message\).*--text-column"):
        texts_of_file(tmp_path / "some.csv", ("text",), 3)
