"""Number of further pairs that would decide an inconclusive entry, at the mean and spread seen."""

from mixkd_core.errors import InputError
from reports.statistics.direction import spread
from reports.statistics.power import POWER, pairs_to_stand
from reports.verdicts.rules import ALPHA, FEWEST_PAIRS, Differences, Judgement

MOST = 10_000

# Both one-sided tests of an equivalence must reject: each with half of the chance of failing.
_EACH_SIDE = 1 - (1 - POWER) / 2


def further_pairs(
    differences: Differences, judgement: Judgement, tests: int, beyond: float = 0.0
) -> str:
    """In words; for a difference or for equivalence, whichever needs fewer.

    Args:
        differences: of the entry.
        judgement: of them.
        tests: in its family: the level is that of Holm's first step.
        beyond: how large a difference must be to decide: 0, or for a claim of insensitivity the
            margin.
    """
    if differences.collapsed:
        return "no number: runs at the majority class say nothing"
    sd = spread(differences.arrays)
    if not sd or differences.without_spread() or judgement.estimate is None:
        missing = max(1, FEWEST_PAIRS - differences.pairs)
        return f"at least {missing}: the spread is not known"
    mean = abs(judgement.estimate)
    largest = max(float(abs(array).max()) for array in differences.arrays)
    options = {}
    if mean > beyond:
        options["a difference"] = _needed(mean - beyond, sd, largest + beyond, ALPHA / tests, POWER)
    margin = differences.margin
    if margin is not None and mean < margin:
        options["equivalence"] = _needed(
            margin - mean, sd, largest + margin, 2 * ALPHA / tests, _EACH_SIDE
        )
    found = {what: count for what, count in options.items() if count is not None}
    if not found:
        return f"more than {MOST}"
    what, needed = min(found.items(), key=lambda item: item[1])
    more = max(1, max(needed, FEWEST_PAIRS) - differences.pairs)
    return f"about {more}, for {what}"


def _needed(difference: float, sd: float, largest: float, alpha: float, power: float) -> int | None:
    """None where `MOST` pairs do not suffice."""
    if difference * MOST**0.5 < sd:
        return None
    try:
        needed = pairs_to_stand(difference, sd, largest, alpha, power)
    except InputError:
        return None
    return needed if needed <= MOST else None
