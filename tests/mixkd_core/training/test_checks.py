"""Early refusals: the same sentence for a run's specification and for the trainer's arguments."""

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from datasets import ClassLabel, Dataset

from mixkd_core.errors import InputError
from mixkd_core.records.specs import StudentSpec
from mixkd_core.training.arguments import MixKDArguments
from mixkd_core.training.checks import check_class_names, check_settings


def arguments(**changes: Any) -> MixKDArguments:
    return MixKDArguments("out", use_cpu=True, **changes)


@pytest.mark.parametrize("settings", [arguments, StudentSpec.model_construct])
@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"pairing": "global"}, "unknown pairing 'global': choose one of dataset, within-class"),
        ({"pairing": "within-class"}, "looks at the class of each example"),
        ({"pairing": "batch", "fixed_draws": True}, "formed anew in each epoch"),
        ({"mixup_ratio": -0.5}, "mixup ratio is -0.5"),
        ({"mixup_ratio": float("inf")}, "mixup ratio is inf"),
        ({"mixup_ratio": 0.0}, "mixup ratio is 0, but the objective has terms on mixed samples"),
        ({"mixup_alpha": 0.0}, "mixup alpha is 0.0"),
        ({"distance": "kl"}, "a regression task has none"),
        ({"distance": "mse", "temperature": 2.0}, "has no temperature"),
    ],
)
def test_a_contradiction_is_refused(
    settings: Callable[..., Any], changes: dict[str, Any], message: str
) -> None:
    def check() -> None:
        given = settings(**changes)
        check_settings(given, regression=True, has_classes=False)

    with pytest.raises(InputError, match=message):
        check()


@pytest.mark.parametrize("settings", [arguments, StudentSpec])
def test_the_usual_settings_pass(settings: Callable[..., Any]) -> None:
    check_settings(settings(), regression=False, has_classes=True)


# ---- networks ----


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
@pytest.mark.parametrize("method", ["ft", "kd", "sm+tmkd", "theseus"])
def test_a_student_in_half_precision_is_refused(
    dtype: torch.dtype, method: str, mixkd_trainer: Any, tiny_classifier: Any
) -> None:
    with pytest.raises(InputError, match=r"the student's weights are b?float16"):
        mixkd_trainer(student=tiny_classifier(seed=1).to(dtype), method=method)


def test_one_trained_weight_in_half_precision_is_enough_and_frozen_ones_are_not(
    mixkd_trainer: Any, tiny_classifier: Any
) -> None:
    student = tiny_classifier(seed=1)
    student.classifier.to(torch.bfloat16)
    with pytest.raises(InputError, match=r"first 'classifier\.weight'"):
        mixkd_trainer(student=student)
    student = tiny_classifier(seed=1)
    student.bert.embeddings.to(torch.bfloat16).requires_grad_(False)
    mixkd_trainer(student=student)


def test_training_after_an_evaluation_in_half_precision_is_refused(mixkd_trainer: Any) -> None:
    trainer = mixkd_trainer(bf16_full_eval=True)
    trainer.model.to(torch.bfloat16)  # as evaluation in half precision leaves it
    with pytest.raises(InputError, match="the student's weights are bfloat16"):
        trainer.train()


@pytest.mark.slow
@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
@pytest.mark.parametrize("method", ["kd", "sm+tmkd", "theseus"])
@pytest.mark.parametrize("bf16", [True, False])
def test_a_teacher_in_half_precision_trains_or_is_refused_before(
    dtype: torch.dtype, method: str, bf16: bool, mixkd_trainer: Any, tiny_classifier: Any
) -> None:
    def trainer() -> Any:
        teacher = tiny_classifier(layers=4, seed=2).to(dtype)
        student = tiny_classifier(seed=1)
        return mixkd_trainer(student=student, teacher=teacher, method=method, bf16=bf16)

    if method == "theseus" or (bf16 and dtype is torch.float16):
        with pytest.raises(InputError, match=r"the teacher's weights are b?float16"):
            trainer()
    else:
        trainer().train()


@pytest.mark.parametrize("whose", ["student", "teacher"])
@pytest.mark.parametrize(
    ("num_labels", "problem"),
    [(3, "multi_label_classification"), (3, "regression"), (1, "single_label_classification")],
)
def test_labels_of_another_meaning_are_refused(
    whose: str,
    num_labels: int,
    problem: str,
    mixkd_trainer: Any,
    tiny_classifier: Any,
    tokenised_texts: Any,
) -> None:
    networks = {
        "student": tiny_classifier(num_labels=num_labels, seed=1),
        "teacher": tiny_classifier(num_labels=num_labels, seed=2),
    }
    dataset = tokenised_texts(12, "real" if num_labels == 1 else "classes")
    mixkd_trainer(**networks, dataset=dataset)
    networks[whose].config.problem_type = problem
    with pytest.raises(InputError, match=f"problem_type is '{problem}'"):
        mixkd_trainer(**networks, dataset=dataset)


@pytest.mark.parametrize(
    ("names", "ours", "refused"),
    [
        (["good", "bad"], ["bad", "good"], True),
        (["GOOD", "bad"], ["Bad", "good"], True),
        (["bad", "good"], ["BAD", "Good"], False),
        (["0", "1"], ["bad", "good"], False),
        (["good", "bad"], ["LABEL_0", "LABEL_1"], False),
    ],
)
def test_classes_that_data_and_network_number_differently_are_refused(
    names: list[str], ours: list[str], refused: bool
) -> None:
    rows = Dataset.from_dict({"input_ids": [[5], [6]], "labels": [0, 1]})
    rows = rows.cast_column("labels", ClassLabel(names=names))
    network = SimpleNamespace(config=SimpleNamespace(num_labels=2, id2label=dict(enumerate(ours))))
    if not refused:
        check_class_names(rows, network)
        return
    with pytest.raises(InputError, match=f"data set are {names[0]}, {names[1]}, in this order"):
        check_class_names(rows, network)
    label2id = {name: index for index, name in enumerate(ours)}
    aligned = rows.align_labels_with_mapping(label2id, "labels")  # as the sentence says
    check_class_names(aligned, network)
    assert list(aligned["labels"]) == [1, 0]
