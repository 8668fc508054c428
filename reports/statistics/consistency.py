"""Consistency of predictions on texts and their altered forms: measures on plain arrays.

Every measure is a mean over altered texts, alterations weighing the same however many texts they
have, and comes with each text's *influence* on it: how much the measure would move if there were
more texts like this one. Differences of influences are what an interval that also draws other texts
is made of (`reports.statistics.crossed`).

A classifier that answers the same to everything is perfectly consistent where the label stays. So
flips say something beside accuracy, and beside predictions that do not change where they should.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import rel_entr, softmax

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]
Labels = NDArray[np.int64]
Names = NDArray[np.object_]

# An alteration is the worst one only if it has so many texts: of few, one is often the worst.
FEWEST_TEXTS = 20


@dataclass(frozen=True)
class Outcomes:
    """A network's outputs on n altered texts of one kind and on their originals.

    Attributes:
        logits, altered_logits: of the originals and of the altered texts, `(n, num_labels)`.
        labels, altered_labels: class indices of shape `(n,)`; below 0 where there is none known.
        groups: equal for altered forms of one original, of shape `(n,)`.
        alterations: what was done, of shape `(n,)`.
    """

    logits: Floats
    altered_logits: Floats
    labels: Labels
    altered_labels: Labels
    groups: Names
    alterations: Names


@dataclass(frozen=True)
class MeasureEstimate:
    """A measure's value.

    Attributes:
        value: the mean over alterations of the mean over their texts.
        influence: of each text on it, of shape `(n,)`; their mean is 0.
        texts: how many the value is made of.
    """

    value: float
    influence: Floats
    texts: int


def divergence(logits: Floats, altered_logits: Floats) -> Floats:
    """Return the Jensen–Shannon divergence of two predictions, in bits, of shape `(n,)`.

    Between 0 (equal) and 1 (no class in common), finite whatever the logits (Lin, 1991).

    Args:
        logits, altered_logits: of shape `(n, num_labels)`.
    """
    one, other = softmax(logits, axis=1), softmax(altered_logits, axis=1)
    middle = (one + other) / 2
    bits = (rel_entr(one, middle) + rel_entr(other, middle)).sum(axis=1) / (2 * np.log(2))
    return np.asarray(np.clip(bits, 0.0, 1.0), dtype=np.float64)


def mean_over_alterations(
    values: Floats, counted: Bools, alterations: Names
) -> MeasureEstimate | None:
    """Return the mean over alterations of the mean of their counted values.

    Args:
        values: of each text, of shape `(n,)`.
        counted: which texts count, of shape `(n,)`.
        alterations: of each text, of shape `(n,)`.

    Returns:
        None where no text counts. Alterations of which no text counts have no say.
    """
    if not counted.any():
        return None
    _, place = np.unique(alterations[counted], return_inverse=True)
    sizes = np.bincount(place)
    means = np.bincount(place, weights=values[counted]) / sizes
    influence = np.zeros(len(values))
    share = len(values) / len(sizes) / sizes
    influence[counted] = share[place] * (values[counted] - means[place])
    return MeasureEstimate(float(means.mean()), influence, int(counted.sum()))


def worst_alteration(values: Floats, counted: Bools, alterations: Names) -> MeasureEstimate | None:
    """Return the highest mean of an alteration with `FEWEST_TEXTS` counted texts; None without."""
    found = []
    for name in np.unique(alterations[counted]):
        of_it = counted & (alterations == name)
        estimate = mean_over_alterations(values, of_it, alterations)
        if estimate is not None and estimate.texts >= FEWEST_TEXTS:
            found.append(estimate)
    return max(found, key=lambda estimate: estimate.value, default=None)


def any_of_group(happened: Bools, groups: Names) -> MeasureEstimate | None:
    """Return the share of originals of which it happened to an altered form at least; None if none.

    Args:
        happened: to each text, of shape `(n,)`.
        groups: of each text, of shape `(n,)`.
    """
    if not len(happened):
        return None
    _, first, place = np.unique(groups, return_index=True, return_inverse=True)
    counted = np.zeros(len(happened), dtype=bool)
    counted[first] = True
    values = np.zeros(len(happened))
    values[first] = np.bincount(place, weights=happened) > 0
    # All originals weigh the same: as if there were one alteration.
    return mean_over_alterations(values, counted, np.full(len(happened), "", dtype=object))


def where_predictions_should_agree(outcomes: Outcomes) -> dict[str, MeasureEstimate]:
    """Return the measures of altered texts that keep their label, by name.

    `flip`: predictions that change; `flip_right`: the same among originals that are predicted
    right; `worst_flip`: of the alteration under which most change; `group_flip`: originals of which
    any altered form is predicted otherwise; `divergence`, `divergence_right`: of the two
    predictions, in bits; `accuracy_before`, `accuracy_after`: of the originals and of the altered
    texts. Where no label is known, those that need one are absent.
    """
    right, right_after = _right(outcomes)
    flips = _predicted(outcomes.logits) != _predicted(outcomes.altered_logits)
    bits = divergence(outcomes.logits, outcomes.altered_logits)
    every, names = np.ones(len(flips), dtype=bool), outcomes.alterations
    return _present(
        {
            "flip": mean_over_alterations(flips.astype(float), every, names),
            "flip_right": mean_over_alterations(flips.astype(float), right, names),
            "worst_flip": worst_alteration(flips.astype(float), every, names),
            "group_flip": any_of_group(flips, outcomes.groups),
            "divergence": mean_over_alterations(bits, every, names),
            "divergence_right": mean_over_alterations(bits, right, names),
            "accuracy_before": _accuracy(right, outcomes.labels, names),
            "accuracy_after": _accuracy(right_after, outcomes.altered_labels, names),
        }
    )


def where_predictions_should_change(outcomes: Outcomes) -> dict[str, MeasureEstimate]:
    """Return the measures of altered texts that were given another label, by name.

    `unchanged`: predictions that stay; `unchanged_right`: the same among originals that are
    predicted right; `worst_unchanged`: of the alteration under which most stay; `divergence`,
    `accuracy_before`, `accuracy_after` as above; `accuracy_after_right`: of the altered texts whose
    original is predicted right.
    """
    right, right_after = _right(outcomes)
    stay = _predicted(outcomes.logits) == _predicted(outcomes.altered_logits)
    bits = divergence(outcomes.logits, outcomes.altered_logits)
    every, names = np.ones(len(stay), dtype=bool), outcomes.alterations
    known = outcomes.altered_labels >= 0
    return _present(
        {
            "unchanged": mean_over_alterations(stay.astype(float), every, names),
            "unchanged_right": mean_over_alterations(stay.astype(float), right, names),
            "worst_unchanged": worst_alteration(stay.astype(float), every, names),
            "divergence": mean_over_alterations(bits, every, names),
            "accuracy_before": _accuracy(right, outcomes.labels, names),
            "accuracy_after": _accuracy(right_after, outcomes.altered_labels, names),
            "accuracy_after_right": mean_over_alterations(
                right_after.astype(float), right & known, names
            ),
        }
    )


def of_labelled_texts(outcomes: Outcomes) -> dict[str, MeasureEstimate]:
    """Return the measure of texts without a partner: `accuracy_after`."""
    _, right = _right(outcomes)
    accuracy = _accuracy(right, outcomes.altered_labels, outcomes.alterations)
    return _present({"accuracy_after": accuracy})


def _predicted(logits: Floats) -> Labels:
    return np.asarray(logits.argmax(axis=1), dtype=np.int64)


def _right(outcomes: Outcomes) -> tuple[Bools, Bools]:
    """Mark the originals and altered texts that are predicted right; none of unknown label is."""
    return (
        _predicted(outcomes.logits) == outcomes.labels,
        _predicted(outcomes.altered_logits) == outcomes.altered_labels,
    )


def _accuracy(right: Bools, labels: Labels, alterations: Names) -> MeasureEstimate | None:
    return mean_over_alterations(right.astype(float), labels >= 0, alterations)


def _present(found: Mapping[str, MeasureEstimate | None]) -> dict[str, MeasureEstimate]:
    return {name: estimate for name, estimate in found.items() if estimate is not None}
