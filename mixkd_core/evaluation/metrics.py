"""GLUE's metrics, and the baseline that says how much of them is free.

No metric is ever NaN. Where a definition has a zero denominator the value is 0, "no association
shown": Matthews' coefficient and the correlations when predictions or labels are constant, F1 when
neither predictions nor labels hold class 1.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import stats
from sklearn.metrics import f1_score, matthews_corrcoef

from mixkd_core.data.tasks import Task
from mixkd_core.errors import InputError

Values = NDArray[np.float64]


def compute_metrics(task: Task, predictions: ArrayLike, labels: ArrayLike) -> dict[str, float]:
    """The task's metrics, by name, in the task's order.

    Args:
        task: decides the metrics.
        predictions: of shape (n,): class indices, or real values for regression.
        labels: of shape (n,), likewise.

    Raises:
        InputError: shapes that differ or are not (n,) with n at least 1, or a value that is not
            finite.
    """
    predicted = _checked("predictions", predictions)
    true = _checked("labels", labels)
    if predicted.shape != true.shape:
        raise InputError(f"{len(predicted)} predictions came with {len(true)} labels.")
    return {metric: _METRICS[metric](predicted, true) for metric in task.metrics}


def majority_baseline(task: Task, train_labels: ArrayLike, labels: ArrayLike) -> dict[str, float]:
    """The metrics of the best constant prediction that the training labels suggest.

    That is their most frequent class (the lowest index among equals), or their mean for a
    real-valued label.

    Args:
        task: decides the metrics.
        train_labels: of shape (m,).
        labels: of shape (n,), those that the constant is measured on.

    Raises:
        InputError: as for :func:`compute_metrics`.
    """
    train = _checked("training labels", train_labels)
    if task.is_regression:
        constant = float(train.mean())
    else:
        classes, counts = np.unique(train, return_counts=True)
        constant = float(classes[counts.argmax()])
    true = _checked("labels", labels)
    return compute_metrics(task, np.full(true.shape, constant), true)


def _checked(what: str, values: ArrayLike) -> Values:
    array = np.asarray(values, dtype=np.float64)
    if array.ndim != 1 or len(array) == 0:
        raise InputError(f"The {what} have the shape {array.shape}; expected (n,), n at least 1.")
    if not np.isfinite(array).all():
        raise InputError(f"The {what} hold a value that is not finite, at {_first_bad(array)}.")
    return array


def _first_bad(array: Values) -> int:
    return int(np.flatnonzero(~np.isfinite(array))[0])


def _accuracy(predicted: Values, true: Values) -> float:
    return float((predicted == true).mean())


def _f1(predicted: Values, true: Values) -> float:
    return float(f1_score(true, predicted, pos_label=1.0, zero_division=0.0))


def _matthews(predicted: Values, true: Values) -> float:
    if _constant(predicted) or _constant(true):
        return 0.0
    return float(matthews_corrcoef(true, predicted))


def _pearson(predicted: Values, true: Values) -> float:
    if _constant(predicted) or _constant(true):
        return 0.0
    return float(stats.pearsonr(predicted, true).statistic)


def _spearman(predicted: Values, true: Values) -> float:
    if _constant(predicted) or _constant(true):
        return 0.0
    return float(stats.spearmanr(predicted, true).statistic)


def _constant(values: Values) -> bool:
    return bool((values == values[0]).all())


_METRICS: dict[str, Callable[[Values, Values], float]] = {
    "accuracy": _accuracy,
    "f1": _f1,
    "matthews_correlation": _matthews,
    "pearson": _pearson,
    "spearman": _spearman,
}
