"""The README's own example runs, and its commands exist."""

import inspect
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch
from transformers import AutoModelForSequenceClassification, BertConfig

from experiments.running.training import training_arguments
from mixkd_core import MixKDArguments, choose_layers
from mixkd_core.networks.embedded_encoder import write_embedded_encoder
from mixkd_core.records.specs import CheckpointRef, RunSpec, StudentSpec, TrainingSpec
from mixkd_core.records.usual import usual_rate

ROOT = Path(__file__).resolve().parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")


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


def test_the_script_has_the_command_lines_defaults(tmp_path: Path) -> None:
    """It names no setting; what it leaves open is what `mixkd train` and a study say."""
    (script,) = blocks("python")
    assert 'MixKDArguments("tickets-student")' in script
    assert "choose_layers(12, 6))" in script
    default = inspect.signature(choose_layers).parameters["choice"].default
    assert default == StudentSpec().layer_choice
    rate = usual_rate(random_weights=False, student=True)
    spec = RunSpec(
        task="rte", data="0" * 12, fraction=1, seed=42, encoder=CheckpointRef(name="e", digest="e"),
        teacher=TrainingSpec(), student=StudentSpec(training=TrainingSpec(learning_rate=rate)),
    )  # fmt: skip
    theirs = training_arguments(spec, 1000, tmp_path / "run" / "training")
    of_script = MixKDArguments(str(tmp_path))
    # Where files go, what is told how often, the device, and epochs, which the trainer counts.
    apart = {"output_dir", "logging_steps", "save_strategy", "save_total_limit", "report_to",
             "disable_tqdm", "teacher_cache_dir", "use_cpu", "dataloader_pin_memory",
             "num_train_epochs"}  # fmt: skip
    for name, value in vars(of_script).items():
        if name not in apart and not name.startswith("_"):
            assert str(value) == str(vars(theirs)[name]), name
    assert of_script.objective == theirs.objective == spec.student.objective  # type: ignore[union-attr]


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
    (table,) = (block for block in blocks("text") if block.startswith("embedded-sentiment"))
    accuracy = {
        (share, method): float(value)
        for share, method, value in re.findall(r"^(\d+ %) +(\S+) +(\S+)", table, re.MULTILINE)
    }
    assert len(accuracy) == 8
    whole, tenth = re.findall(r"around (0\.\d\d)", README)
    for (fraction, _), value in accuracy.items():
        assert abs(value - float(whole if fraction == "100 %" else tenth)) < 0.015
