"""The match of confidences with frequencies, and the temperature that mends it afterwards.

Temperature scaling (Guo et al., 2017) divides the logits by one number τ, fitted by cross-entropy
on examples that were used neither for training nor for measuring. It changes no prediction: a
method whose advantage in cross-entropy survives it has learnt more than to be less sure.
"""

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.optimize import minimize_scalar

from mixkd_core.errors import InputError

# Where examples can be told apart without error (or are told apart worse than by chance) the best
# temperature is 0 (or infinite): it is then the nearer of these ends.
TEMPERATURES = (1e-2, 1e2)

Floats = NDArray[np.float64]


def cross_entropy(logits: ArrayLike, labels: ArrayLike, temperature: float = 1.0) -> Floats:
    """−log softmax(logits / τ)_label, one value per example, of shape `(n,)`.

    Args:
        logits: of shape `(n, num_labels)`.
        labels: class indices, of shape `(n,)`.
        temperature: τ > 0.

    Raises:
        InputError: for shapes that do not match, logits that are not finite, labels that are not
            classes, or a temperature that is not positive and finite.
    """
    scores, classes = _checked(logits, labels)
    if not 0 < temperature < float("inf"):
        raise InputError(f"temperature is {temperature}; it must be positive and finite.")
    return _cross_entropy(scores, classes, temperature)


def fit_temperature(logits: ArrayLike, labels: ArrayLike) -> float:
    """The τ within `TEMPERATURES` that minimises the mean of `cross_entropy`.

    The mean is convex in 1/τ, so that there is one minimum and it is found to a relative 1e-6.

    Raises:
        InputError: see `cross_entropy`.
    """
    scores, classes = _checked(logits, labels)

    def loss(log_temperature: float) -> float:
        return float(_cross_entropy(scores, classes, float(np.exp(log_temperature))).mean())

    low, high = np.log(TEMPERATURES)
    found = minimize_scalar(loss, bounds=(low, high), method="bounded", options={"xatol": 1e-6})
    # The search stays off the ends: where an end is no worse, the minimum lies there.
    return float(np.exp(min((low, found.x, high), key=loss)))


def expected_calibration_error(logits: ArrayLike, labels: ArrayLike, *, bins: int = 15) -> float:
    """Σ_b (n_b / n) |accuracy_b − confidence_b| over bins of equal width (Guo et al., 2017).

    The confidence is the probability of the predicted class; bin b holds those in
    ((b−1)/bins, b/bins]. The estimate is biased upwards where a bin holds few examples: compare
    sets of one size.

    Raises:
        InputError: if `bins` is below 1; see also `cross_entropy`.
    """
    if bins < 1:
        raise InputError(f"bins is {bins}; a calibration error needs at least one.")
    scores, classes = _checked(logits, labels)
    probabilities = np.exp(_log_softmax(scores))
    confidence = probabilities.max(axis=1)
    excess = (scores.argmax(axis=1) == classes) - confidence
    place = np.clip(np.ceil(confidence * bins).astype(np.int64) - 1, 0, bins - 1)
    return float(np.abs(np.bincount(place, weights=excess, minlength=bins)).sum() / len(classes))


def brier_score(logits: ArrayLike, labels: ArrayLike) -> float:
    """Mean over the examples of Σ_c (p_c − [c = label])², from 0 to 2 (Brier, 1950).

    Raises:
        InputError: see `cross_entropy`.
    """
    scores, classes = _checked(logits, labels)
    probabilities = np.exp(_log_softmax(scores))
    probabilities[np.arange(len(classes)), classes] -= 1.0
    return float(np.square(probabilities).sum(axis=1).mean())


def _cross_entropy(scores: Floats, classes: NDArray[np.int64], temperature: float) -> Floats:
    log_probabilities = _log_softmax(scores / temperature)
    chosen: Floats = -log_probabilities[np.arange(len(classes)), classes]
    return chosen


def _log_softmax(scores: Floats) -> Floats:
    """Over the classes, of finite scores of shape `(n, classes)`."""
    # Reducing over the long axis of a few columns is several times as fast as over short rows.
    columns = np.ascontiguousarray(scores.T)
    shifted = columns - columns.max(axis=0)
    log_probabilities: Floats = (shifted - np.log(np.exp(shifted).sum(axis=0))).T
    return log_probabilities


def _checked(logits: ArrayLike, labels: ArrayLike) -> tuple[Floats, NDArray[np.int64]]:
    scores, classes = np.asarray(logits, dtype=np.float64), np.asarray(labels)
    if scores.ndim != 2 or scores.shape[1] < 2 or classes.shape != scores.shape[:1]:
        raise InputError(
            f"logits of shape {scores.shape} and labels of shape {classes.shape} do not belong "
            "together: give (n, classes) and (n,), with two classes or more."
        )
    if not len(classes):
        raise InputError("there are no logits: calibration needs at least one example.")
    if not np.all(np.isfinite(scores)):
        row = int(np.flatnonzero(~np.isfinite(scores).all(axis=1))[0])
        raise InputError(f"row {row} of the logits is not finite: {scores[row]}.")
    if classes.dtype.kind not in "iu" or classes.min() < 0 or classes.max() >= scores.shape[1]:
        raise InputError(
            f"labels run from {classes.min()} to {classes.max()} ({classes.dtype}), but logits of "
            f"{scores.shape[1]} classes need integers from 0 to {scores.shape[1] - 1}."
        )
    return scores, classes.astype(np.int64)
