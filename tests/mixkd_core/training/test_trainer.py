"""The trainer's passes, its frozen teacher, accumulation, precision, compilation, evaluation."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import datasets
import numpy as np
import pytest
import torch
from torch import nn
from torch._dynamo.utils import counters
from transformers import BertTokenizer, DataCollatorWithPadding, TrainerCallback

from mixkd_core.errors import InputError
from mixkd_core.networks.tiny_networks import WORDS, tiny_network
from mixkd_core.records.specs import TrainingSpec
from mixkd_core.records.usual import usual_epochs, usual_rate
from mixkd_core.training.arguments import MixKDArguments
from mixkd_core.training.trainer import MixKDTrainer

ARCHITECTURES = ("bert", "roberta", "distilbert", "electra", "deberta-v2", "modernbert")
HAS_TOKEN_TYPES = {"bert", "electra"}


class Passes:
    """The number of rows of every forward pass of a model, and whether it was in training mode."""

    def __init__(self, model: nn.Module) -> None:
        self.rows: list[int] = []
        self.training: set[bool] = set()
        model.register_forward_pre_hook(self._note, with_kwargs=True)

    def _note(self, model: nn.Module, _inputs: Any, named: dict[str, Any]) -> None:
        texts = named.get("attention_mask", named.get("input_ids"))
        self.rows.append(len(texts))
        self.training.add(model.training)


@pytest.fixture
def tokenizer(tmp_path: Path) -> Any:
    """A word-piece tokenizer whose vocabulary is that of the tiny classifiers."""
    words = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *(f"word{k}" for k in range(55))]
    (tmp_path / "vocab.txt").write_text("\n".join(words))
    return BertTokenizer(str(tmp_path / "vocab.txt"))


# ---- passes ----


@pytest.mark.slow
@pytest.mark.parametrize(
    ("arguments", "per_batch", "teacher_rows"),
    [
        # 70 texts in batches of 14, two epochs: ten batches. The teacher sees the originals once,
        # 64 at a time, and every mixed sample.
        ({"method": "ft"}, 14, []),
        ({"method": "sm"}, 28, []),
        ({"method": "kd"}, 14, [64, 6]),
        ({"method": "pkd"}, 14, [64, 6]),
        ({"method": "tmkd"}, 28, [14] * 10),
        ({"method": "kd+sm+tmkd"}, 28, [64, 6] + [14] * 10),
        # Weights of zero cost nothing ...
        ({"method": "kd", "alpha_kd": 0.0}, 14, []),
        ({"method": "sm+tmkd", "alpha_tmkd": 0.0}, 28, []),
        ({"method": "kd+sm+tmkd", "alpha_sm": 0.0, "alpha_tmkd": 0.0}, 14, [64, 6]),
        # ... fixed draws pass through the teacher once ...
        ({"method": "tmkd", "fixed_draws": True}, 28, [64, 6]),
        ({"method": "sm", "fixed_draws": True}, 28, []),
        # ... and an objective on mixed samples alone leaves the originals out.
        ({"method": "sm+tmkd", "alpha_mle": 0.0}, 14, [14] * 10),
        ({"method": "sm", "alpha_mle": 0.0, "mixup_ratio": 0.5}, 7, []),
    ],
)
def test_terms_cost_the_passes_they_need(
    arguments: dict[str, Any],
    per_batch: int,
    teacher_rows: list[int],
    mixkd_trainer: Any,
    tiny_classifier: Any,
    tokenised_texts: Any,
) -> None:
    student, teacher = tiny_classifier(seed=1), tiny_classifier(layers=4, seed=2)
    students, teachers = Passes(student), Passes(teacher)
    mixkd_trainer(
        student=student,
        teacher=teacher,
        dataset=tokenised_texts(70),
        per_device_train_batch_size=14,
        num_train_epochs=2,
        **arguments,
    ).train()
    assert students.rows == [per_batch] * 10
    assert students.training == {True}
    assert sorted(teachers.rows) == sorted(teacher_rows)
    assert True not in teachers.training


@pytest.mark.slow
@pytest.mark.parametrize(
    ("ratio", "mix_layer", "epochs"), [(1.0, 0, 2), (0.5, 0, 1.5), (2.0, 0, 3), (1.0, 1, 3)]
)
def test_distillation_of_equal_compute_is_more_epochs(
    ratio: float, mix_layer: int, epochs: float, mixkd_trainer: Any, tiny_classifier: Any
) -> None:
    rows = []
    for arguments in (
        {"method": "sm+tmkd", "mixup_ratio": ratio, "mix_layer": mix_layer},
        {"method": "kd", "num_train_epochs": epochs},
    ):
        student = tiny_classifier(seed=1)
        passes = Passes(student)
        mixkd_trainer(student=student, per_device_train_batch_size=2, **arguments).train()
        rows.append(sum(passes.rows))
    assert rows[0] == rows[1] == 12 * epochs


def test_a_script_that_says_nothing_trains_as_the_command_line_does(
    tmp_path: Path, tiny_classifier: Any, tokenised_texts: Any
) -> None:
    arguments = MixKDArguments(str(tmp_path), method="sm", use_cpu=True)
    usual = TrainingSpec()
    assert arguments.per_device_train_batch_size == usual.batch_size
    assert arguments.learning_rate == usual_rate(random_weights=False, student=True)
    assert (arguments.warmup_steps, arguments.weight_decay) == (usual.warmup, usual.weight_decay)
    for texts, batches in ((12, 1), (70, 2)):
        trainer = MixKDTrainer(
            tiny_classifier(seed=1),
            replace(arguments, per_device_train_batch_size=8, gradient_accumulation_steps=batches),
            train_dataset=tokenised_texts(texts),
        )
        assert trainer.args.num_train_epochs == usual_epochs(texts, 8 * batches)
    assert arguments.num_train_epochs is None, "the same arguments serve other data"


def test_the_teacher_is_frozen(mixkd_trainer: Any, tiny_classifier: Any, weights_of: Any) -> None:
    teacher = tiny_classifier(layers=4, seed=2).train()
    before = weights_of(teacher)
    trainer = mixkd_trainer(teacher=teacher, method="kd+sm+tmkd", num_train_epochs=3)
    trainer.train()
    assert torch.equal(weights_of(teacher), before)
    assert not teacher.training
    assert all(parameter.grad is None for parameter in teacher.parameters())
    optimised = {
        id(weight) for group in trainer.optimizer.param_groups for weight in group["params"]
    }
    assert not optimised & {id(parameter) for parameter in teacher.parameters()}
    assert {id(parameter) for parameter in trainer.model.parameters()} == optimised


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_every_architecture_learns(
    architecture: str,
    mixkd_trainer: Any,
    tiny_classifier: Any,
    tokenised_texts: Any,
    weights_of: Any,
) -> None:
    """Teacher 16 wide with 4 layers, student 8 wide with 2; every term that widths allow."""
    student = tiny_classifier(architecture, width=8, seed=1)
    before = weights_of(student)
    trainer = mixkd_trainer(
        student=student,
        teacher=tiny_classifier(architecture, layers=4, seed=2),
        dataset=tokenised_texts(8, token_types=architecture in HAS_TOKEN_TYPES),
        method="kd+sm+tmkd",
        max_steps=2,
    )
    trainer.train()
    assert all(np.isfinite(entry.get("loss", 0.0)) for entry in trainer.state.log_history)
    after = weights_of(student)
    assert after.isfinite().all()
    assert (after - before).abs().max() > 1e-3


@pytest.mark.slow
def test_a_student_learns_the_labels(
    mixkd_trainer: Any, tiny_classifier: Any, tokenised_texts: Any, tokenizer: Any
) -> None:
    """The loop as a whole: 3 classes decided by a token are learnt far beyond chance (1/3)."""
    dataset = tokenised_texts(240, seed=3)
    trainer = mixkd_trainer(
        student=tiny_classifier(width=16, seed=1),
        dataset=dataset,
        processing_class=tokenizer,
        method="sm",
        per_device_train_batch_size=16,
        num_train_epochs=12,
    )
    trainer.train()
    predicted = trainer.predict(dataset).predictions.argmax(axis=1)
    assert np.mean(predicted == np.array(dataset["labels"])) > 0.8


# ---- accumulation ----


class Gradient(TrainerCallback):  # type: ignore[misc]
    """Keeps the gradient of the first step."""

    value: torch.Tensor | None = None

    def on_pre_optimizer_step(self, args: Any, state: Any, control: Any, **named: Any) -> None:
        if self.value is None:
            parts = [parameter.grad.flatten().clone() for parameter in named["model"].parameters()]
            self.value = torch.cat(parts)


@pytest.mark.slow
@pytest.mark.parametrize("ratio", [1.0, 0.3])
def test_accumulation_does_not_scale_the_gradient(
    ratio: float,
    mixkd_trainer: Any,
    tiny_classifier: Any,
    tokenised_texts: Any,
    no_dropout: Any,
) -> None:
    """Four batches of 4, or one of 16: a step over the same originals and the same pairs.

    A loss that is a batch mean but not declared as such came out four times as large.
    """
    gradients, losses = [], []
    for batch_size, accumulated in ((16, 1), (4, 4)):
        keep = Gradient()
        trainer = mixkd_trainer(
            student=no_dropout(tiny_classifier(seed=1)),
            dataset=tokenised_texts(16),
            method="kd+sm+tmkd",
            mixup_ratio=ratio,
            length_group_batches=0,
            per_device_train_batch_size=batch_size,
            gradient_accumulation_steps=accumulated,
            max_grad_norm=0.0,
            callbacks=[keep],
        )
        trainer.train()
        assert trainer.state.global_step == 1
        gradients.append(keep.value)
        losses.append(trainer.state.log_history[0])
    assert gradients[0].norm() > 0.1
    torch.testing.assert_close(*gradients, rtol=1e-4, atol=1e-6)
    for name in ("loss", "loss_mle", "loss_kd", "loss_sm", "loss_tmkd"):
        assert losses[0][name] == pytest.approx(losses[1][name], rel=1e-4)


# ---- precision and compilation ----


def losses_of(trainer: Any) -> list[float]:
    trainer.train()
    return [entry["loss"] for entry in trainer.state.log_history if "loss" in entry]


@pytest.mark.slow
@pytest.mark.parametrize("method", ["pkd", "kd+sm+tmkd"])
def test_bfloat16_stays_close(method: str, mixkd_trainer: Any, tiny_classifier: Any) -> None:
    runs = [
        losses_of(mixkd_trainer(student=tiny_classifier(seed=1), method=method, bf16=half))
        for half in (False, True)
    ]
    assert runs[0] != runs[1]
    np.testing.assert_allclose(runs[0], runs[1], rtol=0.05)


@pytest.mark.slow
@pytest.mark.parametrize("mix_layer", [0, 1, "pooled"])
def test_a_compiled_student_learns_the_same(
    mix_layer: int | str, mixkd_trainer: Any, tiny_classifier: Any, no_dropout: Any
) -> None:
    """Texts of one length: the compiled graph is reused, and must not keep old coefficients.

    Without dropout, which draws other numbers for a compiled model: its texts are padded.
    """
    generator = np.random.default_rng(0)
    rows = {
        "input_ids": generator.integers(5, 60, (16, 6)).tolist(),
        "labels": generator.integers(0, 3, 16).tolist(),
    }
    dataset = datasets.Dataset.from_dict(rows)
    runs = []
    for compiled in ({}, {"torch_compile": True, "torch_compile_backend": "eager"}):
        torch.compiler.reset()
        trainer = mixkd_trainer(
            student=no_dropout(tiny_classifier(seed=1)),
            dataset=dataset,
            mix_layer=mix_layer,
            **compiled,
        )
        runs.append(losses_of(trainer))
    assert len(runs[0]) == 4
    np.testing.assert_allclose(runs[0], runs[1], rtol=1e-4)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("family", "method"),
    [("bert", "pkd"), ("mpnet", "kd+sm+tmkd"), ("modernbert", "sm+tmkd"), ("gpt2", "tmkd")],
)
def test_compiled_networks_learn_the_same_from_texts_of_many_lengths(
    family: str, method: str, mixkd_trainer: Any, no_dropout: Any
) -> None:
    """Padded further than without, and every family in its own way."""
    generator = np.random.default_rng(0)
    rows = {
        "input_ids": [generator.integers(5, WORDS, 3 + k % 27).tolist() for k in range(12)],
        "labels": generator.integers(0, 3, 12).tolist(),
    }
    runs = []
    for compiled in ({}, {"torch_compile": True, "torch_compile_backend": "eager"}):
        torch.compiler.reset()
        trainer = mixkd_trainer(
            student=no_dropout(tiny_network(family, seed=1)),
            teacher=tiny_network(family, seed=2),
            dataset=datasets.Dataset.from_dict(rows),
            method=method,
            **compiled,
        )
        runs.append(losses_of(trainer))
    assert len(runs[0]) == 3
    np.testing.assert_allclose(runs[0], runs[1], rtol=1e-4)


@pytest.mark.slow
def test_compiled_networks_are_one_graph_each_and_their_batches_have_few_shapes(
    mixkd_trainer: Any,
) -> None:
    """So that a CUDA graph can be recorded for each (`torch_compile_mode="reduce-overhead"`).

    Both are compiled twice: for the first length, and for all once a second one is met.
    """
    generator = np.random.default_rng(0)
    rows = {
        "input_ids": [generator.integers(5, WORDS, 3 + k % 54).tolist() for k in range(108)],
        "labels": generator.integers(0, 3, 108).tolist(),
    }
    arguments: dict[str, Any] = {
        "dataset": datasets.Dataset.from_dict(rows),
        "teacher": tiny_network("bert", seed=2),
        "num_train_epochs": 2,
    }
    lengths = {}
    for compiled in (False, True):
        torch.compiler.reset()
        counters.clear()
        trainer = mixkd_trainer(
            student=tiny_network("bert", seed=1),
            torch_compile=compiled,
            torch_compile_backend="eager" if compiled else None,
            **arguments,
        )
        loader = trainer.get_train_dataloader()
        lengths[compiled] = {batch["input_ids"].shape[1] for batch in loader}
        trainer.train()
    assert counters["stats"]["unique_graphs"] == 4
    assert not counters["graph_break"]
    assert len(lengths[False]) > 10
    assert lengths[True] <= {8, 16, 24, 32, 40, 48, 56}


# ---- evaluation ----


@pytest.mark.parametrize("collator", [True, False])
def test_evaluation_is_plain(
    collator: bool,
    mixkd_trainer: Any,
    tiny_classifier: Any,
    tokenised_texts: Any,
    tokenizer: Any,
) -> None:
    """No mixup, no teacher, no dropout: the mean cross-entropy and the logits, row by row."""
    student, teacher = tiny_classifier(seed=1), tiny_classifier(layers=4, seed=2)
    dataset = tokenised_texts(11, seed=5)
    students, teachers = Passes(student), Passes(teacher)
    seen: list[Any] = []

    def metrics(prediction: Any) -> dict[str, float]:
        seen.append(prediction)
        return {"accuracy": float(np.mean(prediction[0].argmax(axis=1) == prediction[1]))}

    trainer = mixkd_trainer(
        student=student,
        teacher=teacher,
        eval_dataset=dataset,
        per_device_eval_batch_size=4,
        data_collator=DataCollatorWithPadding(tokenizer) if collator else None,
        processing_class=None if collator else tokenizer,
        compute_metrics=metrics,
    )
    student.train()
    result = trainer.evaluate()
    assert students.rows == [4, 4, 3]
    assert students.training == {False}
    assert teachers.rows == []
    logits, losses = [], []
    student.eval()
    for row in dataset.with_format("torch"):
        text = {name: row[name][None] for name in ("input_ids", "token_type_ids")}
        with torch.no_grad():
            outputs = student(**text, labels=row["labels"][None])
        logits.append(outputs.logits[0])
        losses.append(outputs.loss.item())
    assert result["eval_loss"] == pytest.approx(np.mean(losses), rel=1e-4)
    np.testing.assert_allclose(seen[0].predictions, torch.stack(logits), rtol=1e-4, atol=1e-5)
    assert seen[0].label_ids.tolist() == dataset["labels"]
    assert "eval_accuracy" in result


def test_evaluation_of_a_regression_is_the_squared_error(
    mixkd_trainer: Any, tiny_classifier: Any, tokenised_texts: Any, tokenizer: Any
) -> None:
    dataset = tokenised_texts(5, "real", seed=5)
    trainer = mixkd_trainer(
        student=tiny_classifier(num_labels=1, seed=1),
        teacher=tiny_classifier(num_labels=1, layers=4, seed=2),
        dataset=tokenised_texts(8, "real"),
        eval_dataset=dataset,
        processing_class=tokenizer,
    )
    predicted = trainer.predict(dataset)
    assert predicted.predictions.shape == (5, 1)
    expected = np.mean((predicted.predictions[:, 0] - np.array(dataset["labels"])) ** 2)
    assert trainer.evaluate()["eval_loss"] == pytest.approx(expected, rel=1e-4)


# ---- bad input ----


def test_what_does_not_fit_together_is_refused(
    mixkd_trainer: Any, tiny_classifier: Any, tokenised_texts: Any
) -> None:
    with pytest.raises(InputError, match="the teacher has 2 labels and the student 3"):
        mixkd_trainer(teacher=tiny_classifier(num_labels=2))
    with pytest.raises(InputError, match=r"row \d+ of the data set has the label [34]"):
        mixkd_trainer(dataset=tokenised_texts(12, num_labels=5))
    with pytest.raises(InputError, match="the data set is empty"):
        mixkd_trainer(dataset=tokenised_texts(0))
    with pytest.raises(InputError, match="no column 'labels'"):
        mixkd_trainer(dataset=tokenised_texts(4).rename_column("labels", "label"))
    real = tiny_classifier(num_labels=1)
    with pytest.raises(InputError, match="a regression task has none"):
        mixkd_trainer(student=real, dataset=tokenised_texts(4, "real"), distance="kl")
    with pytest.raises(InputError, match="a student of 1 layer"):
        mixkd_trainer(student=tiny_classifier(layers=1), method="pkd")
    with pytest.raises(InputError, match="1 example"):
        mixkd_trainer(dataset=tokenised_texts(1)).train()


@pytest.mark.parametrize(
    ("method", "needed"), [("kd", True), ("tmkd", True), ("theseus", True), ("ft", False)]
)
def test_a_teacher_is_needed_by_the_terms_that_compare_with_one(
    method: str, needed: bool, mixkd_trainer: Any
) -> None:
    if needed:
        with pytest.raises(InputError, match=r"needs a teacher, and none was given"):
            mixkd_trainer(teacher=False, method=method)
    else:
        mixkd_trainer(teacher=False, method=method).train()
