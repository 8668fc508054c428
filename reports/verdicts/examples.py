"""Intervals over seeds and examples, from the per-example losses that a folder of runs keeps."""

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from mixkd_core.records.run_folder import read_examples
from reports.evidence.consistency import LOWER_IS_BETTER
from reports.evidence.evidence import Evidence
from reports.evidence.measurements import LOSS_BOUNDS
from reports.statistics.crossed import PairedExamples, crossed_interval
from reports.tables.consistency import consistency_frame, of_measure, paired_texts
from reports.verdicts.pairs import Comparison, Pair, check_same_examples
from reports.verdicts.paper_claims import Part

Floats = NDArray[np.float64]
Hashes = NDArray[np.uint64]


@dataclass(frozen=True)
class _Losses:
    """A run's clipped losses on a set, and hashes of example ids and of their sources."""

    ids: Hashes
    sources: Hashes
    clipped: dict[str, Floats]


def interval_over_examples(
    evidence: Evidence, part: Part, comparison: Comparison
) -> tuple[float, float] | None:
    """Interval for an entry's mean difference that counts seeds and examples.

    None where it cannot be computed: exported results keep no per-example losses, and a metric
    other than accuracy is no mean over examples. Where examples are kept, those of both sides of
    every pair are compared by their ids.

    Raises:
        InputError: if two runs of a pair were measured on different examples.
    """
    if part.question == "consistency":
        return _over_altered_texts(evidence, part, comparison)
    loss = part.loss
    if part.question == "accuracy" and {pair.first["metric"] for pair in comparison.pairs} == {
        "accuracy"
    }:
        loss = "zero_one_error"
    if part.question == "manifold" or not all(
        _keeps_examples(evidence, run) for run in comparison.runs
    ):
        return None
    tasks: dict[str, list[PairedExamples]] = {}
    for (task, _), pairs in _by_unit(comparison).items():
        for pair in pairs:
            _check_ids(evidence, pair)
        if loss is not None:
            tasks.setdefault(task, []).append(_paired(evidence, loss, pairs))
    return crossed_interval(tasks)


def _over_altered_texts(
    evidence: Evidence, part: Part, comparison: Comparison
) -> tuple[float, float] | None:
    """The same for a measure of consistency, originals being what is sampled.

    None where a run's predictions on altered texts are not at hand.
    """
    numbers = of_measure(consistency_frame(evidence), part.measure)
    cells = {
        run: sorted(zip(rows["source"], rows["digest"], rows["kind"], strict=True))
        for run, rows in numbers.groupby("run")
    }
    sign = -1 if part.measure in LOWER_IS_BETTER else 1
    tasks: dict[str, list[PairedExamples]] = {}
    for (task, _), pairs in _by_unit(comparison).items():
        moves, sources = [], []
        for pair in pairs:
            runs = pair.first["run"], pair.second["run"]
            moved = paired_texts(evidence, runs, cells[runs[0]], part.measure)
            if moved is None:
                return None
            moves.append(sign * moved[0] / len(pairs))
            sources.append(moved[1])
        value = float(np.mean([pair.difference("value") for pair in pairs]))
        all_moves = np.concatenate(moves)
        tasks.setdefault(task, []).append(
            PairedExamples(value + len(all_moves) * all_moves, np.concatenate(sources), value)
        )
    return crossed_interval(tasks)


def _by_unit(comparison: Comparison) -> dict[tuple[str, int], list[Pair]]:
    """The pairs of each task and seed."""
    units: dict[tuple[str, int], list[Pair]] = {}
    for pair in comparison.pairs:
        units.setdefault(pair.unit, []).append(pair)
    return units


def _check_ids(evidence: Evidence, pair: Pair) -> None:
    for name in pair.first["sets"].split(", "):
        first, second = (_losses(evidence, row["run"], name) for row in (pair.first, pair.second))
        check_same_examples(pair, first.ids.tobytes(), second.ids.tobytes())


def _paired(evidence: Evidence, loss: str, pairs: list[Pair]) -> PairedExamples:
    """The pairs of one task and seed as one: settings and sets one after the other."""
    differences, sources = [], []
    for pair in pairs:
        for name in pair.first["sets"].split(", "):
            first, second = (
                _losses(evidence, row["run"], name) for row in (pair.first, pair.second)
            )
            differences.append(second.clipped[loss] - first.clipped[loss])
            sources.append(first.sources)
    return PairedExamples(
        np.concatenate(differences),
        np.concatenate(sources),
        float(np.mean([pair.difference("value") for pair in pairs])),
    )


def _keeps_examples(evidence: Evidence, run: str) -> bool:
    return (evidence.records[run].folder / "examples").is_dir()


@lru_cache(maxsize=128)  # the entries of a claim ask for the same runs
def _losses(evidence: Evidence, run: str, name: str) -> _Losses:
    table = read_examples(evidence.records[run], name)
    ids = _hashed([f"{name} {example}" for example in table.ids.to_pylist()])
    sources = ids
    if table.groups is not None:
        sources = _hashed([f"{name} {group}" for group in table.groups])
    clipped = {
        loss: np.minimum(values, LOSS_BOUNDS[loss])
        for loss, values in table.losses.items()
        if loss in LOSS_BOUNDS
    }
    return _Losses(ids, sources, clipped)


def _hashed(names: list[str]) -> Hashes:
    return pd.util.hash_array(np.array(names, dtype=object))
