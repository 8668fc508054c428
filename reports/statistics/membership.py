"""Membership inference from losses: how well members of a training set are told from others.

An attack sees the loss of an example and says "member" where it is small (Yeom et al., 2018). It is
measured by the area under its ROC curve, by its best advantage (true minus false positive rate) and
by its true positive rate where false positives are rare (Carlini et al., 2022), which says whether
*some* members are given away although most are not.

The calibrated attack (Watson et al., 2022) first takes from every loss what networks lose on that
example that never saw it: easy examples have small losses whether they were learnt or not.

The best advantage is a maximum over the same examples, so it is above 0 by chance too: of the order
of sqrt(1/members + 1/others). By theorem T8 it is never below gap / M for a loss in [0, M].
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.stats import rankdata

from mixkd_core.errors import InputError

# False positive rates at which true positives are counted.
RARE = (0.01, 0.001)

Floats = NDArray[np.float64]
Ids = NDArray[np.uint64]


@dataclass(frozen=True)
class Membership:
    """A network's losses on examples that it learnt from, and on others of the same distribution.

    Attributes:
        member_ids, other_ids: of the examples, equal where examples are, of shape `(n,)`, `(m,)`.
        members, others: losses, of the same shapes.
    """

    member_ids: Ids
    members: Floats
    other_ids: Ids
    others: Floats


def attack_auc(members: ArrayLike, others: ArrayLike) -> float:
    """Probability that a member's loss is below another example's, ties counting half.

    Args:
        members, others: losses of shape `(n,)` and `(m,)`.

    Raises:
        InputError: if there are no members or no others.
    """
    ours, theirs = _checked(members, others)
    ranks = rankdata(np.concatenate([ours, theirs]))
    above = ranks[: len(ours)].sum() - len(ours) * (len(ours) + 1) / 2
    return float(1 - above / (len(ours) * len(theirs)))


def best_threshold_advantage(members: ArrayLike, others: ArrayLike) -> float:
    """The largest true minus false positive rate of "member where loss ≤ threshold".

    Arguments and errors as for `attack_auc`.
    """
    ours, theirs = _checked(members, others)
    thresholds = np.concatenate([ours, theirs])
    true, false = (
        np.searchsorted(np.sort(losses), thresholds, side="right") / len(losses)
        for losses in (ours, theirs)
    )
    return float((true - false).max())


def true_positive_rate(members: ArrayLike, others: ArrayLike, rate: float) -> float | None:
    """The share of members found when at most a share `rate` of the others is taken for members.

    The threshold lies below the loss that would be one false positive too many. None where the
    others are fewer than 1 / rate: not one false positive is allowed then, and what is measured is
    the luck of the smallest loss. At .1 % that takes 1,000 others.

    Args:
        members, others: losses of shape `(n,)` and `(m,)`.
        rate: of false positives, inside (0, 1).

    Raises:
        InputError: as `attack_auc`.
    """
    ours, theirs = _checked(members, others)
    allowed = int(np.floor(rate * len(theirs) + 1e-9))
    if not allowed:
        return None
    threshold = np.partition(theirs, allowed)[allowed]
    return float((ours < threshold).mean())


def calibrated(
    given: Membership, references: Sequence[tuple[Ids, Floats]]
) -> tuple[Floats, Floats]:
    """Losses less their mean over references that never saw the example: members', and others'.

    Seeds learn from different subsets, so a reference is of use for those examples alone that it
    was measured on without having learnt from them. Examples that no reference has are left out,
    members and others alike: whether one has them depends on the reference's own subset.

    Args:
        given: losses of the network that is attacked.
        references: of each other network ids and losses of examples that it did not learn from, of
            shape `(k,)`, no id twice.
    """
    return (
        _less_difficulty(given.member_ids, given.members, references),
        _less_difficulty(given.other_ids, given.others, references),
    )


def _less_difficulty(ids: Ids, losses: Floats, references: Sequence[tuple[Ids, Floats]]) -> Floats:
    sums, counts = np.zeros(len(ids)), np.zeros(len(ids))
    for known, values in references:
        if not len(known):
            continue
        order = np.argsort(known)
        place = np.minimum(np.searchsorted(known, ids, sorter=order), len(known) - 1)
        found = known[order[place]] == ids
        sums += np.where(found, values[order[place]], 0.0)
        counts += found
    held = counts > 0
    difference: Floats = losses[held] - sums[held] / counts[held]
    return difference


def _checked(members: ArrayLike, others: ArrayLike) -> tuple[Floats, Floats]:
    ours, theirs = (np.asarray(losses, dtype=np.float64) for losses in (members, others))
    for name, losses in (("members", ours), ("non-members", theirs)):
        if not len(losses):
            raise InputError(
                f"the attack set has no {name}: give losses of examples that were learnt from, and "
                "of others of the same distribution that were not."
            )
        if not np.isfinite(losses).all():
            place = int(np.flatnonzero(~np.isfinite(losses))[0])
            raise InputError(f"loss {place} of the {name} is {losses[place]}: give finite losses.")
    return ours, theirs
