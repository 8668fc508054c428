"""Attacks on the runs of a store: who was in the training subset, from stored losses alone.

Members are the training subset. The others follow the same distribution: the remainder, or where
there is none new draws; never a development set, which may differ for other reasons than that it
was not learnt from. A run of the whole training split of a public task has no such set left, and
nothing is said of it.

The references of the calibrated attack are runs of the same condition with other seeds: the same
method, data and settings on other subsets.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.special import softmax

from mixkd_core.records.tables import Examples
from reports.statistics.membership import (
    RARE,
    Ids,
    Membership,
    attack_auc,
    best_threshold_advantage,
    calibrated,
    true_positive_rate,
)
from theory.bounds.losses import clip_losses

# Sets of the training distribution, the preferred one first.
_OTHERS = ("remainder", "fresh")

# What an attack sees.
_LOSSES = ("cross_entropy", "squared_error")

# The attacks' numbers by column. Each is larger where more is remembered; NaN where it cannot be
# assessed.
ATTACKS: Mapping[str, str] = {
    "auc": "AUC",
    "advantage": "best advantage",
    "true_positives_1": "true positives at 1 %",
    "true_positives_01": "true positives at .1 %",
    "confidence_gap": "confidence gap",
    "calibrated_auc": "AUC, calibrated",
    "calibrated_true_positives_1": "true positives at 1 %, calibrated",
    "calibrated_true_positives_01": "true positives at .1 %, calibrated",
}

COLUMNS = (
    "run", "set", "members", "others", "least_advantage", "references", "calibrated_members",
    "calibrated_others", *ATTACKS,
)  # fmt: skip

_NAN = float("nan")


@dataclass(frozen=True)
class Attacked:
    """A run as an attack sees it.

    Attributes:
        others_in: set of the others.
        losses: of members and others.
        confidence_gap: mean confidence on members less that on others; NaN for a regression.
        least_advantage: gap of the clipped loss over its bound, which by theorem T8 the best
            advantage cannot be below; NaN for a loss without a declared bound.
    """

    others_in: str
    losses: Membership
    confidence_gap: float
    least_advantage: float


def attacked(
    tables: Mapping[str, Examples], ids: Mapping[str, Ids], bounds: Mapping[str, float]
) -> Attacked | None:
    """Return what an attack on a run sees; None if no set is left whose examples are no members.

    Args:
        tables: the run's per-example tables, by set.
        ids: of each set numbers that are equal where example ids are.
        bounds: declared bounds of losses.
    """
    name = next((name for name in _OTHERS if name in tables), None)
    if name is None:
        return None
    members, others = tables["train"], tables[name]
    loss = next(loss for loss in _LOSSES if loss in members.losses)
    ours, theirs = members.losses[loss], others.losses[loss]
    least = _NAN
    if loss in bounds:
        clipped = [float(clip_losses(one, bounds[loss])[0].mean()) for one in (ours, theirs)]
        least = (clipped[1] - clipped[0]) / bounds[loss]
    confidence = _NAN
    if loss == "cross_entropy":
        confidence = _confidence(members.logits) - _confidence(others.logits)
    losses = Membership(ids["train"], ours, ids[name], theirs)
    return Attacked(name, losses, confidence, least)


def membership_rows(
    runs: Mapping[str, Attacked], conditions: Mapping[str, str]
) -> list[dict[str, Any]]:
    """A row of `COLUMNS` per run.

    Args:
        runs: by id.
        conditions: by id what runs must share to be references of each other.
    """
    mates: dict[str, list[str]] = {}
    for run in runs:
        mates.setdefault(conditions[run], []).append(run)
    return [
        _row(run, given, [runs[other] for other in mates[conditions[run]] if other != run])
        for run, given in runs.items()
    ]


def membership_frame(rows: Sequence[Mapping[str, Any]]) -> pd.DataFrame:
    """The rows as a frame that has every column even if there is no row."""
    return pd.DataFrame(rows, columns=list(COLUMNS))


def _row(run: str, given: Attacked, references: Sequence[Attacked]) -> dict[str, Any]:
    losses = given.losses
    ours, theirs = calibrated(
        losses, [(other.losses.other_ids, other.losses.others) for other in references]
    )
    hardness = _attack(ours, theirs) if len(ours) and len(theirs) else {}
    return {
        "run": run,
        "set": given.others_in,
        "members": len(losses.members),
        "others": len(losses.others),
        "advantage": best_threshold_advantage(losses.members, losses.others),
        "least_advantage": given.least_advantage,
        "confidence_gap": given.confidence_gap,
        "references": len(references),
        "calibrated_members": len(ours),
        "calibrated_others": len(theirs),
        **_attack(losses.members, losses.others),
        **{f"calibrated_{name}": value for name, value in hardness.items()},
    }


def _attack(members: NDArray[np.float64], others: NDArray[np.float64]) -> dict[str, float | None]:
    found: dict[str, float | None] = {"auc": attack_auc(members, others)}
    for name, rate in zip(("true_positives_1", "true_positives_01"), RARE, strict=True):
        found[name] = true_positive_rate(members, others, rate)
    return found


def _confidence(logits: NDArray[np.float32]) -> float:
    return float(softmax(logits.astype(np.float64), axis=1).max(axis=1).mean())
