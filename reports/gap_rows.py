"""Empirical risk, generalization risk and their gap: one row per run and held-out set.

The risk is the 0-1 error (the squared error for a real-valued label). A gap is that of the network
as it was trained: its empirical risk on its training subset is known, so the interval of the gap
is the interval of the risk on the held-out set, shifted. That set stays with every number, because
the training split's remainder and the official development split need not follow one law.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import groupby
from statistics import fmean

from mixkd_core.records import RunRecord
from theory.binomial import clopper_pearson

DELTA = 0.05


@dataclass(frozen=True)
class GapRow:
    """What one run, or the mean of some over seeds, shows on one held-out set.

    Attributes:
        task, fraction, method: of the run.
        seeds: those averaged; one for a row of a single run.
        held_out: name of the held-out set.
        examples: its size.
        metric: value of the task's primary metric there.
        majority: the same of the majority class.
        empirical_risk: mean loss on the training subset.
        generalization_risk: mean loss on the held-out set.
        gap: generalization risk minus empirical risk.
        spread: lowest and highest gap among the seeds, where there are several.
        interval: of a single run's gap, at level 1 - `DELTA`, exact binomial; None for a squared
            error, which has no bound to build an interval on, and for a mean over seeds.
    """

    task: str
    fraction: float
    method: str
    seeds: tuple[int, ...]
    held_out: str
    examples: int
    metric: float
    majority: float
    empirical_risk: float
    generalization_risk: float
    gap: float
    spread: tuple[float, float] | None
    interval: tuple[float, float] | None


def gap_rows(records: Iterable[RunRecord]) -> list[GapRow]:
    """A row per run and held-out set, in the order of the records."""
    return [_row(record, name) for record in records for name in record.sets if name != "train"]


def mean_over_seeds(rows: Sequence[GapRow]) -> list[GapRow]:
    """Rows that differ in their seed alone, averaged; in the order of their first appearance."""

    def key(row: GapRow) -> tuple[str, float, str, str]:
        return row.task, row.fraction, row.method, row.held_out

    first_seen = {key(row): place for place, row in reversed(list(enumerate(rows)))}
    ordered = sorted(rows, key=lambda row: first_seen[key(row)])
    return [_mean(list(group)) for _, group in groupby(ordered, key)]


def _row(record: RunRecord, held_out: str) -> GapRow:
    results, spec = record.summary["results"], record.spec
    metric = record.summary["primary_metric"]
    loss = "zero_one_error" if "zero_one_error" in results["train"]["risk"] else "squared_error"
    empirical = results["train"]["risk"][loss]
    generalization = results[held_out]["risk"][loss]
    interval = None
    if loss == "zero_one_error":
        losses = record.examples(held_out)[loss]
        interval = (
            clopper_pearson(losses, DELTA / 2, lower=True).value - empirical,
            clopper_pearson(losses, DELTA / 2).value - empirical,
        )
    return GapRow(
        task=spec.task,
        fraction=spec.fraction,
        method=spec.method,
        seeds=(spec.seed,),
        held_out=held_out,
        examples=results[held_out]["examples"],
        metric=results[held_out]["metrics"][metric],
        majority=results[held_out]["majority_baseline"][metric],
        empirical_risk=empirical,
        generalization_risk=generalization,
        gap=generalization - empirical,
        spread=None,
        interval=interval,
    )


def _mean(rows: list[GapRow]) -> GapRow:
    if len(rows) == 1:
        return rows[0]
    gaps = [row.gap for row in rows]
    return GapRow(
        task=rows[0].task,
        fraction=rows[0].fraction,
        method=rows[0].method,
        seeds=tuple(row.seeds[0] for row in rows),
        held_out=rows[0].held_out,
        examples=rows[0].examples,
        metric=fmean(row.metric for row in rows),
        majority=fmean(row.majority for row in rows),
        empirical_risk=fmean(row.empirical_risk for row in rows),
        generalization_risk=fmean(row.generalization_risk for row in rows),
        gap=fmean(gaps),
        spread=(min(gaps), max(gaps)),
        interval=None,
    )
