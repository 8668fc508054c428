"""Runs that speak to a claim, chosen without looking at their results, and their differences."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from mixkd_core.errors import InputError
from reports.evidence.evidence import Evidence
from reports.evidence.frames import grouped
from reports.statistics.trend import trend_weights
from reports.tables.comparisons import trained_otherwise
from reports.tables.sweeps import representative
from reports.verdicts.measures import loss_bound, values
from reports.verdicts.paper_claims import Claim, Part
from reports.verdicts.rules import MARGIN, Differences

PairedRow = Mapping[str, Any]


@dataclass(frozen=True)
class Pair:
    """Two runs of one task, seed and setting: rows of `reports.verdicts.measures.values`."""

    first: PairedRow
    second: PairedRow

    @property
    def unit(self) -> tuple[str, int]:
        return self.first["task"], self.first["seed"]

    def difference(self, name: str) -> float:
        return float(self.first[name] - self.second[name])


@dataclass(frozen=True)
class Comparison:
    """All pairs of an entry.

    Attributes:
        pairs: of every task, seed and setting.
        margin: what counts as no difference; None where none is declared.
        refusal: why the pairs say nothing, where that is so; there are none then.
    """

    pairs: tuple[Pair, ...]
    margin: float | None
    refusal: str = ""

    @property
    def differences(self) -> Differences:
        """By task one value a seed: the mean over settings, which share data and seeds."""
        return Differences(self.by_task("value"), self.margin, self.collapsed)

    @property
    def collapsed(self) -> int:
        rows = {row["run"]: row for pair in self.pairs for row in (pair.first, pair.second)}
        return sum(bool(row["collapsed"]) for row in rows.values())

    @property
    def runs(self) -> tuple[str, ...]:
        return tuple(
            dict.fromkeys(row["run"] for pair in self.pairs for row in (pair.first, pair.second))
        )

    def by_task(self, name: str) -> dict[str, list[float]]:
        """A column's paired differences."""
        units: dict[tuple[str, int], list[float]] = {}
        for pair in self.pairs:
            units.setdefault(pair.unit, []).append(pair.difference(name))
        strata: dict[str, list[float]] = {}
        for (task, _), found in sorted(units.items()):
            strata.setdefault(task, []).append(float(np.mean(found)))
        return strata

    def mean(self, name: str) -> float | None:
        """A column's mean difference, tasks weighing the same; None where it has no numbers."""
        if not self.pairs:
            return None
        found = float(np.mean([np.mean(stratum) for stratum in self.by_task(name).values()]))
        return None if np.isnan(found) else found


def compare(
    evidence: Evidence, claim: Claim, part: Part, margin: float = MARGIN
) -> dict[float, tuple[Comparison, dict[str, Comparison]]]:
    """By fraction the method against the baseline, and against each of its controls by label.

    A comparison of which two runs were measured on different examples is refused. A trend is one
    comparison over all fractions, filed under the smallest.

    Args:
        margin: as a share of the range of a metric or loss.
    """
    bound = _margin(part, margin)
    known = values(evidence, claim, part)
    found = {}
    for (fraction,), frame in grouped(known.sort_values("fraction", kind="stable"), ["fraction"]):
        chosen: list[Pair] = []
        controls: dict[str, list[Pair]] = {}
        for method, baseline, others in _compared(evidence, claim, frame):
            chosen += pairs_of(method, baseline)
            for other in others:
                controls.setdefault(other["label"].iloc[0], []).extend(pairs_of(method, other))
        if chosen:
            found[float(fraction)] = (
                comparison(chosen, bound),
                {name: comparison(pairs, bound) for name, pairs in sorted(controls.items())},
            )
    return _trend(found, bound) if part.question == "trend" else found


def _trend(
    found: Mapping[float, tuple[Comparison, Mapping[str, Comparison]]], margin: float | None
) -> dict[float, tuple[Comparison, dict[str, Comparison]]]:
    """All fractions as one comparison whose differences are slopes; none of a single fraction.

    A control of the baseline is one if it was run at every fraction: where each has as many, they
    are matched in the order of their labels, which tell of settings that may go by fraction.
    """
    refused = [one for one, _ in found.values() if one.refusal]
    if len(found) < 2 or refused:
        return {min(found): (refused[0], {})} if refused else {}
    chosen = comparison(_weighted({at: one.pairs for at, (one, _) in found.items()}), margin)
    controls = {}
    listed = {at: list(others.items()) for at, (_, others) in found.items()}
    if len({len(others) for others in listed.values()}) == 1:
        for place, (name, _) in enumerate(listed[min(listed)]):
            pairs = _weighted({at: others[place][1].pairs for at, others in listed.items()})
            controls[name] = comparison(pairs, margin)
    return {min(found): (chosen, controls)} if chosen.pairs else {}


def _weighted(by_fraction: Mapping[float, Sequence[Pair]]) -> list[Pair]:
    """Pairs with values such that the mean difference of a task and seed is its slope.

    Only of seeds that have every fraction which any seed of the task has.
    """
    units: dict[tuple[str, int], dict[float, list[Pair]]] = {}
    for fraction, pairs in by_fraction.items():
        for pair in pairs:
            units.setdefault(pair.unit, {}).setdefault(fraction, []).append(pair)
    wanted: dict[str, set[float]] = {}
    for (task, _), held in units.items():
        wanted.setdefault(task, set()).update(held)
    scaled = []
    for (task, _), held in units.items():
        if len(wanted[task]) < 2 or set(held) != wanted[task]:
            continue
        count = sum(map(len, held.values()))
        for fraction, weight in trend_weights(list(held)).items():
            factor = weight * count / len(held[fraction])
            scaled += [Pair(*(_times(row, factor) for row in (pair.first, pair.second)))
                       for pair in held[fraction]]  # fmt: skip
    return scaled


def _times(row: PairedRow, factor: float) -> PairedRow:
    return {**row, "value": factor * row["value"]}


def comparison(pairs: Sequence[Pair], margin: float | None) -> Comparison:
    """The comparison of these pairs, refused if two sides were measured on different examples."""
    try:
        for pair in pairs:
            check_same_examples(pair, pair.first["examples"], pair.second["examples"])
    except InputError as error:
        return Comparison((), margin, str(error))
    return Comparison(tuple(pairs), margin)


def _margin(part: Part, share: float) -> float | None:
    if part.question == "manifold":
        return None
    return share * (1.0 if part.loss is None else loss_bound(part.loss))


def _compared(
    evidence: Evidence, claim: Claim, frame: pd.DataFrame
) -> Iterator[tuple[pd.DataFrame, pd.DataFrame, list[pd.DataFrame]]]:
    """By setting the method's runs, the baseline's, and those of each control of the baseline."""
    for _, setting in grouped(frame, ["setting"]):
        baselines = setting[setting["method"] == claim.baseline]
        chosen = representative(evidence, baselines)
        others = [
            group
            for _, group in grouped(baselines, ["condition"])
            if trained_otherwise(group) and group["run"].iloc[0] not in set(chosen["run"])
        ]
        yield representative(evidence, setting[setting["method"] == claim.method]), chosen, others


def pairs_of(first: pd.DataFrame, second: pd.DataFrame) -> Iterator[Pair]:
    """Rows of one condition with those of another, by task and seed."""
    ours = {(row["task"], row["seed"]): row for row in first.to_dict("records")}
    theirs = {(row["task"], row["seed"]): row for row in second.to_dict("records")}
    for key in sorted(ours.keys() & theirs.keys()):
        yield Pair(_named(ours[key]), _named(theirs[key]))


def check_same_examples(pair: Pair, first: object, second: object) -> None:
    """Refuse a pair whose two sides were measured on different examples, told by `first, second`.

    Raises:
        InputError: naming both runs and their sets.
    """
    if pair.first["sets"] != pair.second["sets"] or first != second:
        one, other = (
            f"{row['label']} (run {row['run']}: {row['examples']} examples of {row['sets']})"
            for row in (pair.first, pair.second)
        )
        raise InputError(
            f"{one} and {other} were measured on different examples: a paired difference of seed "
            f"{pair.first['seed']} means nothing; evaluate both on the same examples."
        )


def _named(row: Mapping[Any, Any]) -> PairedRow:
    return {str(name): value for name, value in row.items()}
