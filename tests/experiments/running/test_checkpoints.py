"""Checkpoints on the way: a harmed one is set aside by name, and the run ends as undisturbed."""

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from datasets import Dataset
from transformers import BertConfig, BertForSequenceClassification

from experiments.running import training
from experiments.running.checkpoints import newest_checkpoint
from experiments.running.training import train
from mixkd_core.records.run_folder import seal
from mixkd_core.records.specs import CheckpointRef, RunSpec, StudentSpec, TrainingSpec
from mixkd_core.training.trainer import MixKDTrainer

TEXTS = Dataset.from_dict(
    {
        "input_ids": [[2, 5 + row, 9, 3] for row in range(8)],
        "attention_mask": [[1, 1, 1, 1]] * 8,
        "labels": [row % 2 for row in range(8)],
    }
)
STEPS = 6
KILLED_AT = 4
SPEC = RunSpec(
    task="embedded-sentiment",
    data="0" * 64,
    encoder=CheckpointRef(name="tiny", digest="0" * 64),
    student=StudentSpec(
        method="sm", training=TrainingSpec(epochs=3, learning_rate=1e-2, batch_size=4, max_length=8)
    ),
)


class KilledError(Exception):
    """In place of a signal."""


def weights(folder: Path, said: list[str] | None = None) -> dict[str, Any]:
    """The weights that a training, begun or taken up in `folder`, ends with."""
    torch.manual_seed(0)
    sizes = {"hidden_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2}
    config = BertConfig(vocab_size=50, intermediate_size=16, initializer_range=0.3, **sizes)
    network = BertForSequenceClassification(config)
    say = (lambda _: None) if said is None else said.append
    train(network, TEXTS, SPEC, folder=folder, label="", say=say)
    return network.state_dict()


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    return weights(tmp_path_factory.mktemp("undisturbed") / "run" / "checkpoints")


@pytest.fixture(scope="module")
def interrupted(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Checkpoints of a training that was killed when its fifth step began."""
    folder = tmp_path_factory.mktemp("interrupted") / "run" / "checkpoints"
    original = MixKDTrainer.compute_loss

    def compute_loss(self: MixKDTrainer, *args: Any, **kwargs: Any) -> Any:
        if self.state.global_step == KILLED_AT:
            raise KilledError
        return original(self, *args, **kwargs)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(training, "SECONDS_BETWEEN_CHECKPOINTS", 0)
        patch.setattr(MixKDTrainer, "compute_loss", compute_loss)
        with pytest.raises(KilledError):
            weights(folder)
    assert sorted(path.name for path in folder.iterdir()) == ["checkpoint-3", "checkpoint-4"]
    return folder


def flip_a_byte(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(bytes(content))


HARMS: dict[str, Callable[[Path], None]] = {
    "nothing": lambda _: None,
    "no optimiser": lambda folder: (folder / "optimizer.pt").unlink(),
    "no random state": lambda folder: (folder / "rng_state.pth").unlink(),
    "no schedule": lambda folder: (folder / "scheduler.pt").unlink(),
    "no manifest": lambda folder: (folder / "manifest.json").unlink(),
    "a manifest of nothing": lambda folder: (folder / "manifest.json").write_text("[]"),
    "another version": lambda folder: (folder / "manifest.json").write_text(
        '{"schema_version": 99}'
    ),
    "half a state": lambda folder: (folder / "trainer_state.json").write_text('{"global'),
    "other weights": lambda folder: flip_a_byte(folder / "model.safetensors"),
    "other moments": lambda folder: flip_a_byte(folder / "optimizer.pt"),
    "of another run": lambda folder: seal(folder, run="0" * 12),
}


@pytest.mark.slow
@pytest.mark.parametrize("harm", HARMS)
@pytest.mark.parametrize("harmed", [("checkpoint-4",), ("checkpoint-3", "checkpoint-4")])
def test_a_harmed_checkpoint_is_set_aside_and_the_run_ends_as_undisturbed(
    undisturbed: dict[str, Any],
    interrupted: Path,
    tmp_path: Path,
    harm: str,
    harmed: tuple[str, ...],
) -> None:
    folder = tmp_path / "run" / "checkpoints"
    shutil.copytree(interrupted, folder)
    for name in harmed:
        HARMS[harm](folder / name)
    said: list[str] = []
    ended = weights(folder, said)
    assert all(torch.equal(ended[name], undisturbed[name]) for name in undisturbed)
    told = () if harm == "nothing" else tuple(reversed(harmed))
    assert [text.split()[2] for text in said] == list(told)
    for name, text in zip(told, said, strict=True):
        assert str(folder / f"harmed-{name}") in text
        assert (folder / f"harmed-{name}").is_dir()


def test_where_there_is_none_training_starts_anew(tmp_path: Path) -> None:
    assert newest_checkpoint(tmp_path / "none", SPEC.id, print) is None
    assert newest_checkpoint(tmp_path, SPEC.id, print) is None
