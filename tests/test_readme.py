"""The README's own example runs, and its commands exist."""

import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch
from transformers import AutoModelForSequenceClassification, BertConfig

from mixkd_core.networks.embedded_encoder import write_embedded_encoder

README = (Path(__file__).resolve().parents[1] / "README.md").read_text(encoding="utf-8")


def blocks(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", README, flags=re.DOTALL)


@pytest.mark.slow
def test_the_script_trains_and_saves_a_student(tmp_path: Path) -> None:
    (script,) = blocks("python")
    assert len([line for line in script.splitlines() if line.strip()]) <= 15
    folder = write_embedded_encoder(tmp_path / "my-fine-tuned-bert", seed=0)
    config = BertConfig.from_pretrained(folder, num_hidden_layers=12, num_labels=2)
    torch.manual_seed(0)
    AutoModelForSequenceClassification.from_config(config).save_pretrained(folder)
    rows = [f"the film was {'good' if row % 2 else 'bad'},{row % 2}" for row in range(40)]
    (tmp_path / "tickets.csv").write_text("message,labels\n" + "\n".join(rows) + "\n")
    done = subprocess.run(
        [sys.executable, "-c", script], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    student = AutoModelForSequenceClassification.from_pretrained(tmp_path / "tickets-student")
    assert student.config.num_hidden_layers == 6


@pytest.fixture(scope="module")
def commands() -> Any:
    from typer.main import get_command

    from experiments.cli import app

    return get_command(app).commands  # type: ignore[attr-defined]


def test_every_command_and_option_it_names_exists(commands: Any) -> None:
    shell = "\n".join(blocks("sh")).replace("\\\n", " ")
    named = re.findall(r"^mixkd (\w+)(.*)$", shell, flags=re.MULTILINE)
    assert {command for command, _ in named} <= set(commands)
    assert {"train", "run", "report", "verify", "certify"} <= {command for command, _ in named}
    for command, rest in named:
        options = {option for parameter in commands[command].params for option in parameter.opts}
        assert set(re.findall(r"(?<= )--[\w-]+", rest)) <= options, command


def test_every_file_and_folder_it_links_to_exists() -> None:
    for target in re.findall(r"\]\((?!http)([^)#]+)", README):
        assert (Path(__file__).resolve().parents[1] / target).exists(), target


def test_the_demonstrations_table_is_there_and_agrees_with_what_is_said_of_it() -> None:
    (table,) = blocks("text")
    accuracy = {
        (share, method): float(value)
        for share, method, value in re.findall(r"^(\d+ %) +(\S+) +(\S+)", table, re.MULTILINE)
    }
    assert len(accuracy) == 8
    whole, tenth = re.findall(r"around (0\.\d\d)", README)
    for (fraction, _), value in accuracy.items():
        assert abs(value - float(whole if fraction == "100 %" else tenth)) < 0.015
