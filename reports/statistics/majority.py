"""Does a network do better than always naming the most frequent class?"""

from theory.bounds.binomial import clopper_pearson_limit

# How often a network no better than the majority class would be called better.
LEVEL = 0.05

_TIE = 1e-9


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


def sentence(names: list[str], metric: str, on: str) -> str:
    """Say which networks do not, and what to try."""
    listed = ", ".join(names)
    return (
        f"no better than the majority class on {on} ({metric}): {listed}. What it learned cannot "
        "be told from nothing: try more epochs, another learning rate, smaller batches, more "
        "layers, or other layers (alternate)."
    )
