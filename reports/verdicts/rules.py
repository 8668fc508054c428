"""The rules that turn numbers into verdicts.

**Superiority** ("A is better than B"). The unit is a (task, seed) pair: its difference is the mean
over the fractions and depths at hand, which share data and seeds. Tasks are strata of equal weight.

* *supported* if the sign-flip test's p-value, Holm-corrected over the claims of the ledger that
  could be tested, is at most `ALPHA`, the mean favours the claim, and the interval agrees;
* *contradicted* likewise, with the mean against the claim;
* *inconclusive* otherwise: too few pairs, or too much noise. It is no evidence of equality;
* *not tested* if the store holds no pair of runs for it.

**Controls.** Where the baseline was also trained longer or at another rate, what is supported or
contradicted must be so against each of these controls, every test at `ALPHA` by itself; else the
verdict is *inconclusive*, and the note says against which. That makes no false verdict likelier.

**Insensitivity** ("no setting matters"). Simultaneous intervals (Bonferroni) of every setting's
difference from the reference: *supported* if all lie within ± `MARGIN`, *contradicted* if one lies
outside it, *inconclusive* otherwise.

If no claim of superiority is true of the methods (no difference, whatever the noise), the
probability that any of the ledger's is called supported or contradicted is at most `ALPHA`.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from reports.statistics.seeds import (
    LEVEL,
    holm,
    sign_flip_p_value,
    stratified_summary,
    summarise_seeds,
)

ALPHA = 1 - LEVEL
MARGIN = 0.01

Verdict = Literal["supported", "contradicted", "inconclusive", "not tested"]

# Verdicts that must hold against the controls.
DECIDED: Sequence[Verdict] = ("supported", "contradicted")

# Differences of a claim, positive in its favour: by task, one value a seed.
Strata = Mapping[str, Sequence[float]]


@dataclass(frozen=True)
class Judgement:
    """What the rule for superiority makes of a claim's differences."""

    estimate: float | None
    interval: tuple[float, float] | None
    p_value: float | None
    p_holm: float | None
    verdict: Verdict


def judge(claims: Sequence[Strata], alpha: float = ALPHA) -> list[Judgement]:
    """The rule for superiority, on the differences of every claim of a ledger."""
    tests: list[tuple[float | None, tuple[float, float] | None, float | None]] = []
    for strata in claims:
        values = [np.asarray(stratum, dtype=np.float64) for stratum in strata.values()]
        if not values:
            tests.append((None, None, None))
            continue
        summary = stratified_summary(values)
        # One pair allows no test, and a p-value of 1 would only weigh on the others.
        p_value = sign_flip_p_value(values) if summary.n > 1 else None
        tests.append((summary.mean, summary.interval, p_value))
    adjusted = iter(holm([p for _, _, p in tests if p is not None]))
    judged = []
    for estimate, interval, p_value in tests:
        p_holm = None if p_value is None else next(adjusted)
        verdict = _verdict(estimate, interval, p_holm, alpha)
        judged.append(Judgement(estimate, interval, p_value, p_holm, verdict))
    return judged


def dissent(
    verdict: Verdict, controls: Mapping[str, Strata], alpha: float = ALPHA
) -> dict[str, Judgement]:
    """By name the controls against which a claim with this verdict (`DECIDED`) is not so."""
    found = {name: judge([strata], alpha)[0] for name, strata in controls.items()}
    return {
        name: judged
        for name, judged in found.items()
        if judged.verdict not in (verdict, "not tested")
    }


def equivalence(
    settings: Sequence[Sequence[float]], alpha: float = ALPHA
) -> tuple[float | None, tuple[float, float] | None, Verdict]:
    """The rule for insensitivity: the largest mean difference, its interval, and the verdict.

    Args:
        settings: of each setting the differences from the reference, two seeds or more.
    """
    if not settings:
        return None, None, "not tested"
    summaries = [summarise_seeds(values, 1 - alpha / len(settings)) for values in settings]
    intervals = [summary.interval or (-np.inf, np.inf) for summary in summaries]
    worst = max(range(len(settings)), key=lambda place: abs(summaries[place].mean))
    verdict: Verdict = "inconclusive"
    if any(low > MARGIN or high < -MARGIN for low, high in intervals):
        verdict = "contradicted"
    elif all(low > -MARGIN and high < MARGIN for low, high in intervals):
        verdict = "supported"
    return summaries[worst].mean, intervals[worst], verdict


def _verdict(
    estimate: float | None,
    interval: tuple[float, float] | None,
    p_holm: float | None,
    alpha: float,
) -> Verdict:
    if estimate is None:
        return "not tested"
    if interval is None or p_holm is None or p_holm > alpha:
        return "inconclusive"
    if interval[0] > 0:
        return "supported"
    return "contradicted" if interval[1] < 0 else "inconclusive"
