"""A small classifier of three labels on disk, texts to predict, and the command."""

import sys
from pathlib import Path
from typing import Any

import pytest
import torch

from experiments.cli import main
from mixkd_core.data.tasks import Task
from mixkd_core.networks.checkpoints import load_classifier, load_tokenizer
from mixkd_core.networks.embedded_encoder import write_embedded_encoder

WORDS = ("the", "film", "was", "great", "awful", "and", "slow", "but", "good")


@pytest.fixture(scope="session")
def classifier(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("classifier")
    encoder = write_embedded_encoder(folder / "encoder", seed=0)
    task = Task("moods", ("text",), "label", ("calm", "glad", "sad"))
    torch.manual_seed(0)
    network = load_classifier(encoder, task)
    with torch.no_grad():  # logits of a fresh head differ too little for a test to see
        network.classifier.weight.mul_(50)
    network.save_pretrained(folder / "model")
    load_tokenizer(encoder).save_pretrained(folder / "model")
    return folder / "model"


@pytest.fixture
def texts() -> list[str]:
    return [" ".join(WORDS[: 1 + number % len(WORDS)]) for number in range(23)]


@pytest.fixture
def mixkd(monkeypatch: pytest.MonkeyPatch) -> Any:
    """`mixkd(*arguments)`: the exit status of the command, in this process."""

    def call(*arguments: object) -> int:
        monkeypatch.setattr(sys, "argv", ["mixkd", *map(str, arguments)])
        with pytest.raises(SystemExit) as ended:
            main()
        return int(ended.value.code or 0)

    return call
