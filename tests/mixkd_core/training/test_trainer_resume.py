"""Seeds decide everything; stopping and resuming changes nothing; divergence stops in time."""

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file
from transformers import TrainerCallback

from mixkd_core.errors import NonFiniteError

# Three steps an epoch, three epochs; dropout and a decaying learning rate take part.
LOOP = {"num_train_epochs": 3, "lr_scheduler_type": "linear", "warmup_steps": 2}


def logged(trainer: Any) -> list[dict[str, float]]:
    """What was logged of the steps, without clocks."""
    return [entry for entry in trainer.state.log_history if "loss" in entry]


@pytest.mark.slow
@pytest.mark.parametrize("method", ["ft", "kd", "pkd", "kd+sm+tmkd"])
def test_two_runs_give_the_same_numbers(
    method: str, mixkd_trainer: Any, tiny_classifier: Any, weights_of: Any
) -> None:
    runs = [mixkd_trainer(student=tiny_classifier(seed=1), method=method, **LOOP) for _ in range(2)]
    for trainer in runs:
        trainer.train()
    assert torch.equal(weights_of(runs[0].model), weights_of(runs[1].model))
    assert logged(runs[0]) == logged(runs[1])
    assert len(logged(runs[0])) == 9


@pytest.mark.slow
@pytest.mark.parametrize(
    ("arguments", "stops"),
    [
        ({}, (2, 3, 4, 8)),  # inside an epoch, between two, inside the second and the third
        ({"pairing": "batch", "mixup_ratio": 0.7, "mix_layer": 1}, (4,)),
        ({"fixed_draws": True, "mixup_ratio": 1.4}, (4,)),
        ({"gradient_accumulation_steps": 2, "per_device_train_batch_size": 2}, (1, 3, 5)),
        ({"method": "pkd", "alpha_tmkd": 1.0}, (5,)),
        ({"method": "theseus"}, (2, 6)),  # while modules are replaced, and after
    ],
)
def test_resuming_equals_not_stopping(
    arguments: dict[str, Any],
    stops: tuple[int, ...],
    mixkd_trainer: Any,
    tiny_classifier: Any,
    weights_of: Any,
    tmp_path: Path,
) -> None:
    def trainer(folder: str, **more: Any) -> Any:
        return mixkd_trainer(
            student=tiny_classifier(seed=1),
            output_dir=str(tmp_path / folder),
            **LOOP | arguments | more,
        )

    through = trainer("through", save_strategy="steps", save_steps=1)
    through.train()
    for step in stops:
        resumed = trainer(f"from-{step}")
        resumed.train(resume_from_checkpoint=str(tmp_path / "through" / f"checkpoint-{step}"))
        assert torch.equal(weights_of(resumed.model), weights_of(through.model)), step
        assert logged(resumed) == logged(through), step


@pytest.mark.slow
def test_the_last_entry_of_a_resumed_training_speaks_of_all_of_it(
    mixkd_trainer: Any, tiny_classifier: Any, tmp_path: Path
) -> None:
    """Stopped twice, at step 2 and at step 4 of 6; an hour went into the first two."""

    def trained(name: str, resume: str | None = None, **more: Any) -> Any:
        trainer = mixkd_trainer(
            student=tiny_classifier(seed=1),
            output_dir=str(tmp_path / name),
            save_strategy="steps",
            save_steps=2,
            **LOOP | {"num_train_epochs": 2} | more,
        )
        return trainer, trainer.train(resume_from_checkpoint=resume)

    through, whole = trained("through")
    state_file = tmp_path / "through" / "checkpoint-2" / "trainer_state.json"
    state = json.loads(state_file.read_text())
    state["stateful_callbacks"]["WholeTraining"]["seconds"] += 3600
    state_file.write_text(json.dumps(state))
    trained("again", str(state_file.parent))
    last, parts = trained("last", str(tmp_path / "again" / "checkpoint-4"))
    assert last.state.global_step == through.state.global_step == 6
    entry, expected = last.state.log_history[-1], through.state.log_history[-1]
    assert entry["train_loss"] == pytest.approx(expected["train_loss"], rel=1e-6)
    assert parts.training_loss == pytest.approx(whole.training_loss, rel=1e-6)
    assert parts.metrics["train_runtime"] == entry["train_runtime"]
    assert 3600 < entry["train_runtime"] < 3600 + 600
    assert entry["train_steps_per_second"] == round(6 / entry["train_runtime"], 3)
    assert entry["train_samples_per_second"] == round(24 / entry["train_runtime"], 3)
    assert last.train().metrics["train_runtime"] < 600  # another training, from the start


@pytest.mark.slow
def test_saving_and_evaluating_change_nothing(
    mixkd_trainer: Any, tiny_classifier: Any, tokenised_texts: Any, weights_of: Any
) -> None:
    plain = mixkd_trainer(**LOOP)
    plain.train()
    watched = mixkd_trainer(
        save_strategy="steps",
        save_steps=1,
        eval_strategy="steps",
        eval_steps=1,
        per_device_eval_batch_size=1,
        eval_dataset=tokenised_texts(5, seed=9),
        **LOOP,
    )
    watched.train()
    assert torch.equal(weights_of(plain.model), weights_of(watched.model))


@pytest.mark.slow
def test_loading_in_other_processes_changes_nothing(mixkd_trainer: Any, weights_of: Any) -> None:
    plain, loaded = mixkd_trainer(**LOOP), mixkd_trainer(dataloader_num_workers=1, **LOOP)
    for trainer in (plain, loaded):
        trainer.train()
    assert torch.equal(weights_of(plain.model), weights_of(loaded.model))


class Spoil(TrainerCallback):  # type: ignore[misc]
    """Sets a weight to NaN before the step after `step`."""

    def __init__(self, step: int) -> None:
        self.step = step

    def on_step_begin(self, args: Any, state: Any, control: Any, model: Any, **_: Any) -> None:
        if state.global_step == self.step:
            with torch.no_grad():
                model.classifier.weight[0, 0] = torch.nan


def test_a_loss_that_is_no_number_stops_and_keeps_the_last_checkpoint(
    mixkd_trainer: Any, tmp_path: Path
) -> None:
    trainer = mixkd_trainer(save_strategy="steps", save_steps=1, callbacks=[Spoil(2)], **LOOP)
    rows = [batch["example_index"].tolist() for batch in trainer.get_train_dataloader()][2]
    with pytest.raises(NonFiniteError) as stop:
        trainer.train()
    assert "the loss is nan at step 3" in str(stop.value)
    assert f"training rows {', '.join(map(str, rows))};" in str(stop.value)
    kept = sorted(path.name for path in (tmp_path / "out").iterdir())
    assert kept == ["checkpoint-1", "checkpoint-2"]
    weights = load_file(tmp_path / "out" / "checkpoint-2" / "model.safetensors")
    assert all(tensor.isfinite().all() for tensor in weights.values())


def test_a_step_that_ruins_the_weights_is_not_saved(mixkd_trainer: Any, tmp_path: Path) -> None:
    """Its loss was finite: without a look at the weights it would displace a good checkpoint."""
    trainer = mixkd_trainer(save_strategy="steps", save_steps=1, learning_rate=1e38, **LOOP)
    trainer.args.warmup_steps = 0
    with pytest.raises(NonFiniteError, match="step 1 left weights that are NaN or infinite"):
        trainer.train()
    assert not (tmp_path / "out" / "checkpoint-1").exists()


def test_a_last_step_that_ruins_the_weights_is_told(mixkd_trainer: Any) -> None:
    with pytest.raises(NonFiniteError, match="step 1 left weights"):
        mixkd_trainer(learning_rate=1e38, max_steps=1).train()
