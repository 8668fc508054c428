"""Per-example losses and the risks that are their means.

Every gap, bound and test is computed later from the per-example table, without a model.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
import torch
from numpy.typing import ArrayLike, NDArray

from mixkd_core.data.tasks import Task
from mixkd_core.evaluation.metrics import compute_metrics, majority_baseline
from mixkd_core.mixing.mixup import label_targets
from mixkd_core.objectives.distances import Distance
from mixkd_core.objectives.losses import target_loss
from mixkd_core.records.schema import LOSSES
from mixkd_core.records.tables import examples_digest


def per_example(
    task: Task,
    example_ids: Sequence[str],
    labels: ArrayLike,
    logits: NDArray[np.float32],
    teacher_logits: NDArray[np.float32] | None = None,
    between: Distance | None = None,
    groups: Sequence[int] | None = None,
) -> pd.DataFrame:
    """One row per example: what was predicted and what it cost.

    Args:
        task: the task.
        example_ids: of length n.
        labels: class indices, or real values, of shape `(n,)`.
        logits: of shape `(n, num_labels)`.
        teacher_logits: of the same shape; None for a teacher itself.
        between: the distance to the teacher that the run was trained with.
        groups: of length n; equal for examples that share a source, None if all are independent.

    Returns:
        Columns `example_id`, perhaps `group`, `label`, `prediction`, `logits`, then
        `zero_one_error` and `cross_entropy` (classification) or `squared_error` (regression);
        with a teacher also `teacher_logits` and `distillation_distance`.
    """
    own = torch.from_numpy(logits)
    truth = np.asarray(labels)
    targets = label_targets(torch.from_numpy(truth), task.num_labels)
    losses = target_loss(own, targets).numpy().astype(np.float64)
    table = pd.DataFrame({"example_id": list(example_ids)})
    if groups is not None:
        table["group"] = list(groups)
    table["label"] = truth
    if task.is_regression:
        table["prediction"] = logits[:, 0].astype(np.float64)
        table["squared_error"] = losses
    else:
        table["prediction"] = logits.argmax(axis=1)
        table["zero_one_error"] = (table["prediction"] != table["label"]).astype(np.float64)
        table["cross_entropy"] = losses
    table["logits"] = list(logits)
    if teacher_logits is not None and between is not None:
        table["teacher_logits"] = list(teacher_logits)
        distances = between(own, torch.from_numpy(teacher_logits))
        table["distillation_distance"] = distances.numpy().astype(np.float64)
    return table


def summarise(task: Task, table: pd.DataFrame, train_labels: ArrayLike) -> dict[str, Any]:
    """Metrics, the majority-class baseline, mean losses and a digest of the examples of one set.

    Args:
        table: what `per_example` returned.
        train_labels: the training subset's labels, whose majority (or mean) the baseline predicts.
    """
    labels, predictions = table["label"].to_numpy(), table["prediction"].to_numpy()
    return {
        "examples": len(table),
        "metrics": compute_metrics(task, predictions, labels),
        "majority_baseline": majority_baseline(task, train_labels, labels),
        "risk": {name: float(table[name].mean()) for name in LOSSES if name in table},
        "digest": examples_digest(list(table["example_id"]), labels),
    }
