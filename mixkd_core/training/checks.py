"""Early refusals of a distillation: asked before hours go into it, by runs and API users alike."""

from typing import Any

import torch
from torch import Tensor, nn

from mixkd_core.errors import InputError
from mixkd_core.mixing.mixup import check_mixup_alpha
from mixkd_core.mixing.pairing import check_pairing
from mixkd_core.networks.label_order import label_names, label_order
from mixkd_core.networks.weights import HALF_PRECISION
from mixkd_core.objectives.distances import distance
from mixkd_core.objectives.objective import Objective, check_mixup_ratio
from mixkd_core.records.specs import StudentSpec
from mixkd_core.training.arguments import MixKDArguments


def check_settings(
    settings: MixKDArguments | StudentSpec, *, regression: bool, has_classes: bool
) -> None:
    """Refuse settings that contradict each other or the labels.

    Args:
        regression: whether the labels are real-valued.
        has_classes: whether every example has one class.

    Raises:
        InputError: naming the setting.
    """
    distance(settings.distance, temperature=settings.temperature, regression=regression)
    check_mixup_ratio(settings.objective, settings.mixup_ratio)
    check_mixup_alpha(settings.mixup_alpha)
    check_pairing(settings, has_classes=has_classes)


def check_class_names(dataset: Any, network: Any) -> None:
    """Refuse classes that have the network's names and stand in another order.

    Args:
        dataset: its column `labels` may be a `ClassLabel`, whose names say what an index means.

    Raises:
        InputError: naming both orders.
    """
    column = (getattr(dataset, "features", None) or {}).get("labels")
    found, ours = getattr(column, "names", None), label_names(network.config)
    if found is None or ours is None:
        return
    order = label_order(ours, found)
    if order is not None and order != sorted(order):
        raise InputError(
            f"the classes of the data set are {', '.join(found)}, in this order, and the network's "
            f"are {', '.join(ours)}: give the data the network's by "
            "dataset.align_labels_with_mapping(model.config.label2id, 'labels')."
        )


def check_problem(network: Any) -> None:
    """Refuse a classifier whose labels mean something that no objective here learns.

    Raises:
        InputError: for several labels at once, or outputs that are several real values.
    """
    stated = network.config.problem_type
    right = "regression" if network.config.num_labels == 1 else "single_label_classification"
    if stated not in (None, right):
        raise InputError(
            f"the configuration's problem_type is {stated!r}, and with {network.config.num_labels} "
            f"label(s) the objectives here are those of {right!r}: one class an example, or one "
            "real value; set problem_type to that if it is what the labels say."
        )


def check_precision(student: nn.Module) -> None:
    """Refuse weights that are to be trained in half precision.

    Raises:
        InputError: naming the first of them and its type.
    """
    for name, weight in student.named_parameters():
        kind = str(weight.dtype).removeprefix("torch.")
        if weight.requires_grad and kind in HALF_PRECISION:
            raise InputError(
                f"the student's weights are {kind} (first {name!r}), in which most updates round "
                "to nothing: load it with dtype=torch.float32, or call its float(); bf16=True "
                "then computes in bfloat16."
            )


def check_teacher_precision(teacher: nn.Module, objective: Objective, autocast: str) -> None:
    """Refuse a teacher in half precision where its layers would meet another type.

    Args:
        autocast: the type that training computes in: `"no"`, `"bf16"` or `"fp16"`.

    Raises:
        InputError: naming its type.
    """
    kinds = {str(weight.dtype).removeprefix("torch.") for weight in teacher.parameters()}
    half = kinds & set(HALF_PRECISION)
    computed = {"no": kinds, "bf16": {"bfloat16"}, "fp16": {"float16"}}[autocast]
    if half and (objective.replaces_modules or half - computed):
        raise InputError(
            f"the teacher's weights are {', '.join(sorted(half))}, which this training does not "
            "compute in: load it with dtype=torch.float32, or call its float()."
        )


def check_optimizer_state(optimizer: Any, model: nn.Module, checkpoint: str | None) -> None:
    """Refuse a state that was loaded and is not of these weights: fused optimisers do not look.

    Args:
        optimizer: torch's own are looked at, but those that do not keep an element per weight.
        checkpoint: where the state was loaded from.

    Raises:
        InputError: naming the first weight whose state has another shape.
    """
    optimizer = getattr(optimizer, "optimizer", optimizer)  # accelerate's wrapper
    if not type(optimizer).__module__.startswith("torch.optim") or isinstance(
        optimizer, torch.optim.Adafactor | torch.optim.LBFGS
    ):
        return
    for name, weight in model.named_parameters():
        for moment, value in optimizer.state.get(weight, {}).items():
            if isinstance(value, Tensor) and value.dim() and value.shape != weight.shape:
                raise InputError(
                    f"checkpoint {checkpoint!r} has a {moment} of shape {tuple(value.shape)} for "
                    f"{name!r} of shape {tuple(weight.shape)}: it is of another network, or of an "
                    "older version of mixkd; delete it and train from the start."
                )
