"""Two processes give what one process gives on the same global batches, resuming included."""

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import torch
from transformers import AutoModelForSequenceClassification

SCRIPT = """
import sys
from pathlib import Path

from datasets import load_from_disk
from transformers import AutoModelForSequenceClassification

from mixkd_core.training.arguments import MixKDArguments
from mixkd_core.training.trainer import MixKDTrainer

folder = Path(sys.argv[1])


def trainer(name):
    return MixKDTrainer(
        model=AutoModelForSequenceClassification.from_pretrained(folder / "student"),
        args=MixKDArguments(
            output_dir=folder / name,
            method="kd+sm+tmkd",
            mixup_ratio=0.75,
            num_train_epochs=3,
            per_device_train_batch_size=2,
            learning_rate=1e-2,
            lr_scheduler_type="constant",
            max_grad_norm=0.0,
            save_strategy="steps",
            save_steps=4,
            logging_steps=1,
            optim="sgd",
            report_to=[],
            disable_tqdm=True,
            use_cpu=True,
            seed=0,
        ),
        train_dataset=load_from_disk(folder / "texts"),
        teacher=AutoModelForSequenceClassification.from_pretrained(folder / "teacher"),
    )


through = trainer("through")
assert through.args.world_size == 2
through.train()
through.save_model(folder / "through")
resumed = trainer("resumed")
resumed.train(resume_from_checkpoint=str(folder / "through" / "checkpoint-4"))
resumed.save_model(folder / "resumed")
"""


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
    (tmp_path / "script.py").write_text(SCRIPT)
    launcher = [sys.executable, "-m", "torch.distributed.run", "--standalone"]
    subprocess.run(
        [*launcher, "--nproc_per_node", "2", str(tmp_path / "script.py"), str(tmp_path)],
        check=True,
        timeout=300,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
    )
    through, resumed = (
        weights_of(AutoModelForSequenceClassification.from_pretrained(tmp_path / name))
        for name in ("through", "resumed")
    )
    assert one.state.global_step == 9
    assert (weights_of(one.model) - weights_of(tiny_classifier(seed=1))).abs().max() > 0.01
    torch.testing.assert_close(through, weights_of(one.model), rtol=1e-5, atol=1e-6)
    # Step 4 lies inside the second epoch: its pairs have to be found again, not the first's.
    assert torch.equal(resumed, through)
