"""The rules that turn paired differences into verdicts, and what they promise.

**The unit** is a pair: two runs of one task and seed, one of each method. Its difference is
positive in favour of the claim. Tasks are strata of equal weight in every mean.

**An entry** is one claim at one fraction of the data, on one kind of set, in one metric or loss:

* *supported* if the sign-flip test's p-value, Holm-corrected in the entry's family, is at most
  `ALPHA`, and the direction stands: most pairs favour the claim (sign test), Student's interval
  lies above 0, and still does after one more pair as large as the largest seen that points the
  other way (`reports.statistics.direction`; two-sided at `ALPHA`);
* *contradicted* likewise, against the claim;
* *equivalent* if neither, and both one-sided tests reject a difference as large as the margin:
  the same tests and checks, of margin − difference and margin + difference, each at `ALPHA`;
* *inconclusive* otherwise, with the number of further pairs that would decide it. It is no
  evidence of equality;
* *not tested* if the store holds no pair of runs for it.

Fewer than `FEWEST_PAIRS` pairs, pairs of a task that show no spread, and runs that are no better
than the majority class decide nothing, whatever the numbers.

**Controls.** Where the baseline was also trained longer or at another rate, what is supported or
contradicted must be so against each of these controls, every test at `ALPHA` by itself; else the
entry is *inconclusive*, and says against which. That makes no false verdict likelier.

**A claim's headline** is a statement about all fractions at hand, in the metric or loss that the
paper states it in: *contradicted* if one of its headline entries is, *supported* or *equivalent*
if every one is, *inconclusive* otherwise.

**A trend** ("the fewer the data, the more is gained") is one entry over all fractions below 1. Its
differences are slopes, one a seed that has every fraction: gain per tenfold fewer data
(`reports.statistics.trend`), judged like any others. Exchangeable methods have symmetric slopes. A
gain that is the same at every fraction is no trend, whatever its size; its noise may grow as data
get fewer. Where that noise is skewed too, a slope is skewed, and promise 2 alone is proved; in
simulations of ten seeds it was called a trend in under 1 % of stores. With the spread that SST-2
showed, ten seeds find two points per tenfold fewer data in 81 % of stores, and one point in 14 %.

**Families.** The headline entries of all claims are one family. The other entries of a claim are a
family of their own. Tests of a difference and tests of equivalence are corrected separately.

**Insensitivity** ("no setting matters"). Each swept setting is compared with the reference:
*supported* if every one is equivalent to it, each at `ALPHA` (all must be, which needs no
correction); *contradicted* if one differs by more than the margin, Holm-corrected over settings and
directions.

**What is promised**, and tested by simulation:

1. If the methods of every headline entry are exchangeable given the seed (no difference, however
   skewed, heavy-tailed or prone to collapse their runs are, and however the entries depend on
   each other), the probability that any headline is supported or contradicted is at most `ALPHA`.
   The same holds within each claim's other entries.
2. If a pair favours a claim with probability at most one half, whatever the distribution, its
   entry is supported with probability at most `ALPHA` / 2; and likewise contradicted.
3. An entry that truly differs by its margin or more, symmetrically about the true difference, is
   called equivalent with probability at most `ALPHA`, over the family.

A verdict speaks of pairs, not of means: of other seeds on the same held-out examples. A mean can be
turned by what these pairs do not show: n of them may all miss what happens in a share
1 − α^(1/n) of runs (26 % for ten). For single entries of 8 to 16 pairs with mean 0 and the
skewness of an exponential distribution, a verdict is as rare as `ALPHA` all the same; for a
lognormal one (σ = 1) it is at most twice that.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from math import isfinite
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from mixkd_core.errors import InputError
from reports.statistics.direction import (
    failing_check,
    is_skewed,
    one_sided_sign_flip,
    stands_above_zero,
)
from reports.statistics.seeds import LEVEL, holm, sign_flip_p_value, stratified_summary

ALPHA = 1 - LEVEL
FEWEST_PAIRS = 8

# The margin of equivalence as a share of a loss's range: one point of 0-1 error or of a metric.
MARGIN = 0.01

# How a note begins that names the check which undid a test.
FOUND_BUT = "the test finds a difference, but "

# Differences that agree to rounding are one number, not a spread.
_ROUNDING = 1e-9

Verdict = Literal["supported", "contradicted", "equivalent", "inconclusive", "not tested"]

# Verdicts that must hold against the controls.
DIRECTED: Sequence[Verdict] = ("supported", "contradicted")

# Differences of an entry, positive in its favour: by task, one value a seed.
Strata = Mapping[str, Sequence[float]]
Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Differences:
    """The evidence that an entry is judged on.

    Attributes:
        strata: the paired differences.
        margin: a true difference of less than this counts as none; None where none is declared,
            and the entry is then never called equivalent.
        collapsed: runs behind them that are no better than the majority class.

    Raises:
        InputError: for a margin that is not positive and finite.
    """

    strata: Strata
    margin: float | None = None
    collapsed: int = 0

    def __post_init__(self) -> None:
        if self.margin is not None:
            check_margin(self.margin)

    @property
    def arrays(self) -> list[Floats]:
        """The differences of each task."""
        return [np.asarray(stratum, dtype=np.float64) for stratum in self.strata.values()]

    @property
    def pairs(self) -> int:
        return sum(len(stratum) for stratum in self.strata.values())

    def without_spread(self) -> list[str]:
        """Tasks with several pairs that are all alike."""
        return [
            task
            for task, stratum in self.strata.items()
            if len(stratum) > 1 and float(np.ptp(np.asarray(stratum))) <= _ROUNDING
        ]

    def obstacles(self) -> list[str]:
        """Return in words why nothing can be decided from these pairs."""
        found = []
        if self.pairs < FEWEST_PAIRS:
            found.append(f"fewer than {FEWEST_PAIRS} pairs decide nothing")
        single = [task for task, stratum in self.strata.items() if len(stratum) == 1]
        if single:
            found.append(f"one seed of {', '.join(single)} shows no spread")
        alike = self.without_spread()
        if alike:
            found.append(f"the pairs of {', '.join(alike)} show no spread")
        if self.collapsed:
            found.append(f"{self.collapsed} of the runs are no better than the majority class")
        return found


@dataclass(frozen=True)
class Judgement:
    """The rules' answer to an entry.

    Attributes:
        estimate: mean difference; None if not tested.
        interval: Student's for it at `LEVEL`, over seeds on fixed examples; None without spread.
        p_value, p_holm: of the sign-flip test, before and after correction in the family.
        p_equivalence, p_equivalence_holm: of the two one-sided tests.
        verdict: the answer.
        notes: what limits it, in words.
    """

    estimate: float | None
    interval: tuple[float, float] | None
    p_value: float | None
    p_holm: float | None
    p_equivalence: float | None
    p_equivalence_holm: float | None
    verdict: Verdict
    notes: tuple[str, ...] = ()


NOT_TESTED = Judgement(None, None, None, None, None, None, "not tested")


def check_margin(margin: float) -> float:
    """The margin itself.

    Raises:
        InputError: if it is not positive and finite.
    """
    if not (isfinite(margin) and margin > 0):
        raise InputError(
            f"the margin of equivalence is {margin}: give a number above 0, such as {MARGIN:g}."
        )
    return margin


def judge(family: Sequence[Differences], alpha: float = ALPHA) -> list[Judgement]:
    """The rules for every entry of one family."""
    # One pair allows no test, and a p-value of 1 would only weigh on the others.
    tests = [_p_value(one) if one.pairs > 1 else None for one in family]
    equivalences = [_equivalence_p_value(one) if one.pairs > 1 else None for one in family]
    corrected = zip(_holm(tests), _holm(equivalences), strict=True)
    judged = []
    for one, p, p_equal, (p_holm, p_equal_holm) in zip(
        family, tests, equivalences, corrected, strict=True
    ):
        if not one.strata:
            judged.append(NOT_TESTED)
            continue
        summary = stratified_summary(one.arrays)
        obstacles = one.obstacles()
        verdict: Verdict = "inconclusive"
        notes = [*obstacles, *_shape(one)]
        if not obstacles:
            verdict, undone = _verdict(one, p_holm, p_equal_holm, alpha)
            notes += undone
        judged.append(
            Judgement(
                estimate=summary.mean,
                interval=None if one.without_spread() else summary.interval,
                p_value=p,
                p_holm=p_holm,
                p_equivalence=p_equal,
                p_equivalence_holm=p_equal_holm,
                verdict=verdict,
                notes=tuple(notes),
            )
        )
    return judged


def judge_sweep(settings: Sequence[Differences], alpha: float = ALPHA) -> list[Judgement]:
    """The rule for insensitivity: each setting equivalent, beyond its margin, or neither."""
    alone = [judge([one], alpha)[0] for one in settings]
    beyond = [
        [
            one_sided_sign_flip(_shifted(one, side, -1)) if one.pairs > 1 else None
            for one in settings
        ]
        for side in (1, -1)
    ]
    corrected = _holm([p for ps in beyond for p in ps])
    judged = []
    for place, (one, judgement) in enumerate(zip(settings, alone, strict=True)):
        sides = ((1, corrected[place]), (-1, corrected[len(settings) + place]))
        verdict: Verdict = "inconclusive" if one.strata else "not tested"
        if one.strata and not one.obstacles():
            if any(
                p is not None and p <= alpha and stands_above_zero(_shifted(one, side, -1), alpha)
                for side, p in sides
            ):
                verdict = "contradicted"
            elif _is_equivalent(one, judgement.p_equivalence, alpha):
                verdict = "equivalent"
        # Whether a setting differs at all is not asked: what the test of that says is left out.
        notes = (*one.obstacles(), *_shape(one)) if one.strata else ()
        judged.append(replace(judgement, p_value=None, p_holm=None, verdict=verdict, notes=notes))
    return judged


def headline(verdicts: Sequence[Verdict]) -> Verdict:
    """A claim's verdict, from those of its headline entries that could be tested."""
    found = {verdict for verdict in verdicts if verdict != "not tested"}
    if not found:
        return "not tested"
    if "contradicted" in found:
        return "contradicted"
    return found.pop() if len(found) == 1 else "inconclusive"


def dissent(
    verdict: Verdict, controls: Mapping[str, Differences], alpha: float = ALPHA
) -> dict[str, Judgement]:
    """By name the controls against which an entry with this verdict (`DIRECTED`) is not so."""
    found = {name: judge([one], alpha)[0] for name, one in controls.items()}
    return {
        name: judged
        for name, judged in found.items()
        if judged.verdict not in (verdict, "not tested")
    }


def _verdict(
    one: Differences, p_holm: float | None, p_equal_holm: float | None, alpha: float
) -> tuple[Verdict, list[str]]:
    """The verdict where nothing stands in its way, and which check undid a test that rejected."""
    undone = []
    if p_holm is not None and p_holm <= alpha:
        above = stratified_summary(one.arrays).mean > 0
        directed = one.arrays if above else [-array for array in one.arrays]
        check = failing_check(directed, alpha / 2)
        if check is None:
            return "supported" if above else "contradicted", []
        undone.append(f"{FOUND_BUT}{check}")
    if _is_equivalent(one, p_equal_holm, alpha):
        return "equivalent", []
    return "inconclusive", undone


def _is_equivalent(one: Differences, p_value: float | None, alpha: float) -> bool:
    return (
        p_value is not None
        and p_value <= alpha
        and all(stands_above_zero(_shifted(one, side, 1), alpha) for side in (1, -1))
    )


def _p_value(one: Differences) -> float:
    return sign_flip_p_value(one.arrays)


def _equivalence_p_value(one: Differences) -> float | None:
    if one.margin is None:
        return None
    return max(one_sided_sign_flip(_shifted(one, side, 1)) for side in (1, -1))


def _shifted(one: Differences, side: int, sign: int) -> list[Floats]:
    """`side` × difference + `sign` × margin."""
    return [side * array + sign * (one.margin or 0.0) for array in one.arrays]


def _holm(p_values: Sequence[float | None]) -> list[float | None]:
    adjusted = iter(holm([p for p in p_values if p is not None]))
    return [None if p is None else next(adjusted) for p in p_values]


def _shape(one: Differences) -> list[str]:
    """Return notes on what the sign-flip test may have found in place of a shift."""
    centred = [array - array.mean() for array in one.arrays if len(array) > 1]
    if centred and is_skewed(np.concatenate(centred)):
        return ["the differences are skewed: their mean says little of the usual pair"]
    return []
