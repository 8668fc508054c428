"""Does a network do better than always naming the most frequent class?"""

from collections.abc import Mapping, Sequence
from typing import Any

from theory.bounds.binomial import clopper_pearson_limit

# How often a network no better than the majority class would be called better.
LEVEL = 0.05

REMEDY = (
    "try more epochs, another learning rate, smaller batches, more layers, or other layers "
    "(alternate)"
)
UNTOLD = f"What was learned there cannot be told from nothing: {REMEDY}."

_TIE = 1e-9

# The metrics of a regression, whose labels have no classes.
CORRELATIONS = frozenset({"pearson", "spearman"})


def has_majority_class(metric: str) -> bool:
    """Return True if a metric is one of a task with classes; 0 is a correlation's "nothing"."""
    return metric not in CORRELATIONS


def reference_name(metric: str) -> str:
    """Return the name of what a network must beat to have learned anything."""
    return "the majority class" if has_majority_class(metric) else "a constant prediction"


def beats_majority(metric: str, value: float, majority: float, examples: float) -> bool:
    """Judge one metric on one set.

    Accuracy must be above the majority class's by more than the examples' chance: its exact
    one-sided binomial limit at `LEVEL` (Clopper and Pearson 1934), the majority class's own
    accuracy taken as known. Of other metrics no such limit is known, and above is enough.

    Args:
        metric: its name.
        value: the network's, or the mean over seeds on one set of examples.
        majority: the majority class's.
        examples: in the set.
    """
    if metric != "accuracy":
        return value > majority + _TIE
    n = round(examples)
    limit = clopper_pearson_limit(round(value * n), n, LEVEL, lower=True)
    return float(limit) > majority


def sets_at_majority(summary: Mapping[str, Any]) -> list[str]:
    """Return the held-out sets on which a run does not beat the majority class.

    Args:
        summary: what its `run.json` holds.
    """
    metric = summary["primary_metric"]
    return [
        name
        for name, result in summary["results"].items()
        if name != "train"
        and not beats_majority(
            metric,
            result["metrics"][metric],
            result["majority_baseline"][metric],
            result["examples"],
        )
    ]


def scores(summary: Mapping[str, Any]) -> str:
    """Return a run's metric on each held-out set, in words, and where the majority class has it."""
    metric = summary["primary_metric"]
    weak = sets_at_majority(summary)
    told = []
    for name, result in summary["results"].items():
        if name != "train":
            remark = f" (no better than {reference_name(metric)})" if name in weak else ""
            told.append(f"{result['metrics'][metric]:.3f} on {name}{remark}")
    return f"{metric} {', '.join(told)}"


def warning(summary: Mapping[str, Any]) -> str:
    """Say to the reader of a run's numbers where it does not; empty if it does everywhere."""
    weak = sets_at_majority(summary)
    on = ", ".join(weak)
    reference = reference_name(summary["primary_metric"])
    return f"It is no better than {reference} on {on}: {REMEDY}." if weak else ""


def sentence(names: Sequence[str], metric: str, on: str) -> str:
    """Say which networks do not, and what to try."""
    listed = ", ".join(names)
    return f"no better than {reference_name(metric)} on {on} ({metric}): {listed}. {UNTOLD}"
