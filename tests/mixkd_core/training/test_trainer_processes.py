"""Two processes give what one process gives on the same global batches, resuming included."""

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch
from datasets import Dataset
from transformers import AutoModelForSequenceClassification

TRAINER = """
import sys
from pathlib import Path

from datasets import load_from_disk
from transformers import AutoModelForSequenceClassification

from mixkd_core.training.arguments import MixKDArguments
from mixkd_core.training.trainer import MixKDTrainer

folder = Path(sys.argv[1])
SETTINGS = {
    "method": "kd+sm+tmkd",
    "mixup_ratio": 0.75,
    "num_train_epochs": 3,
    "per_device_train_batch_size": 2,
    "learning_rate": 1e-2,
    "lr_scheduler_type": "constant",
    "max_grad_norm": 0.0,
    "save_strategy": "steps",
    "save_steps": 4,
    "logging_steps": 1,
    "report_to": [],
    "disable_tqdm": True,
    "use_cpu": True,
    "seed": 0,
}


def trainer(name, **changes):
    return MixKDTrainer(
        model=AutoModelForSequenceClassification.from_pretrained(folder / "student"),
        args=MixKDArguments(**SETTINGS | {"output_dir": folder / name} | changes),
        train_dataset=load_from_disk(folder / "texts"),
        teacher=AutoModelForSequenceClassification.from_pretrained(folder / "teacher"),
    )
"""

SCRIPT = (
    TRAINER
    + """
through = trainer("through", optim="sgd")
assert through.args.world_size == 2
through.train()
through.save_model(folder / "through")
resumed = trainer("resumed", optim="sgd")
resumed.train(resume_from_checkpoint=str(folder / "through" / "checkpoint-4"))
resumed.save_model(folder / "resumed")
"""
)

# Two go on from where one stopped, and stop where one is to go on.
CHANGE_OF_HANDS = (
    TRAINER
    + """
two = trainer("two")
assert two.args.world_size == 2 and not two._holds_rows_apart
two.train()
went_on = trainer("went-on")
went_on.train(resume_from_checkpoint=str(folder / "one" / "checkpoint-4"))
went_on.save_model(folder / "went-on")
"""
)


def launch_two(script: str, folder: Path) -> None:
    (folder / "script.py").write_text(script)
    launcher = [sys.executable, "-m", "torch.distributed.run", "--standalone"]
    subprocess.run(
        [*launcher, "--nproc_per_node", "2", str(folder / "script.py"), str(folder)],
        check=True,
        timeout=300,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
    )


@pytest.mark.slow
def test_two_processes_give_the_result_of_one(
    tmp_path: Path,
    mixkd_trainer: Any,
    tiny_classifier: Any,
    tokenised_texts: Any,
    weights_of: Any,
    no_dropout: Any,
) -> None:
    student = tiny_classifier(seed=1)
    student.config.hidden_dropout_prob = student.config.attention_probs_dropout_prob = 0.0
    student.save_pretrained(tmp_path / "student")
    teacher = tiny_classifier(layers=4, seed=2)
    teacher.save_pretrained(tmp_path / "teacher")
    texts = tokenised_texts(12)
    texts.save_to_disk(str(tmp_path / "texts"))

    one = mixkd_trainer(
        student=no_dropout(student),
        teacher=teacher,
        dataset=texts,
        method="kd+sm+tmkd",
        mixup_ratio=0.75,
        num_train_epochs=3,
        per_device_train_batch_size=4,
        max_grad_norm=0.0,
        optim="sgd",
    )
    one.train()
    launch_two(SCRIPT, tmp_path)
    through, resumed = (
        weights_of(AutoModelForSequenceClassification.from_pretrained(tmp_path / name))
        for name in ("through", "resumed")
    )
    assert one.state.global_step == 9
    assert (weights_of(one.model) - weights_of(tiny_classifier(seed=1))).abs().max() > 0.01
    torch.testing.assert_close(through, weights_of(one.model), rtol=1e-5, atol=1e-6)
    # Step 4 lies inside the second epoch: its pairs have to be found again, not the first's.
    assert torch.equal(resumed, through)


@pytest.mark.slow
def test_one_goes_on_from_two_and_two_from_one(
    tmp_path: Path, mixkd_trainer: Any, tiny_classifier: Any, no_dropout: Any
) -> None:
    """One process holds the used rows of the word table apart, and two do not."""
    student = tiny_classifier(seed=1)
    student.config.hidden_dropout_prob = student.config.attention_probs_dropout_prob = 0.0
    student.save_pretrained(tmp_path / "student")
    teacher = tiny_classifier(layers=4, seed=2)
    teacher.save_pretrained(tmp_path / "teacher")
    texts = Dataset.from_dict(
        {
            "input_ids": [[5 + (row * k) % 9 for k in range(3 + row % 4)] for row in range(12)],
            "labels": [row % 3 for row in range(12)],
        }
    )
    texts.save_to_disk(str(tmp_path / "texts"))

    def one(name: str) -> Any:
        return mixkd_trainer(
            student=no_dropout(tiny_classifier(seed=1)),
            teacher=teacher,
            dataset=texts,
            output_dir=str(tmp_path / name),
            method="kd+sm+tmkd",
            mixup_ratio=0.75,
            num_train_epochs=3,
            per_device_train_batch_size=4,
            max_grad_norm=0.0,
            save_strategy="steps",
            save_steps=4,
        )

    through = one("one")
    assert through._holds_rows_apart
    through.train()
    launch_two(CHANGE_OF_HANDS, tmp_path)
    taken_up = one("taken-up")
    taken_up.train(resume_from_checkpoint=str(tmp_path / "two" / "checkpoint-4"))
    went_on = AutoModelForSequenceClassification.from_pretrained(tmp_path / "went-on")
    expected = through.model.state_dict()
    for other in (taken_up.model, went_on):
        for name, weight in other.state_dict().items():
            # Softmax takes no notice of a bias of the keys: its gradient is rounding, which AdamW
            # makes steps of full size of.
            if not name.endswith("key.bias"):
                torch.testing.assert_close(weight, expected[name], rtol=1e-3, atol=1e-4, msg=name)
