"""The gap tables: empirical risk, generalization risk and their difference, by method and seed.

The generalization risk is estimated on held-out sets that follow different laws, and every row
names its set: `remainder` (the training split's unused part) and `fresh` (new draws, where the law
is known) follow the training law, which the theory speaks of; a development set is what papers
report, and need not.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import pandas as pd

from reports.evidence.evidence import GROUP, LOSS_TITLES, TRAINING_LAW, Evidence, in_order
from reports.evidence.frames import grouped
from reports.evidence.measurements import DELTA
from reports.statistics.limits import gap_limits, limited, metric_limits
from reports.statistics.majority import UNTOLD, beats_majority, has_majority_class
from reports.statistics.seeds import Summary, summarise_seeds
from reports.tables.table import Column, Table, interval_cells, percent, seeds_text
from theory.bounds.binomial import clopper_pearson_limit

# What a task is judged by: 0-1 error, or squared error for a real-valued label.
TASK_LOSSES = ("zero_one_error", "squared_error")


@dataclass(frozen=True)
class GapSummary:
    """One loss of one condition on one held-out set, over its seeds.

    Attributes:
        task, fraction, label, condition: of the runs.
        held_out: name of the held-out set.
        loss: its name.
        seeds, runs: those averaged.
        examples: of the held-out set, mean over seeds.
        empirical: mean risk on the training subset.
        generalization: mean risk on the held-out set.
        gap: their difference, over seeds.
        least, greatest: the gaps of single seeds lie between these.
        metric: name of the task's primary metric.
        metric_value, majority: its mean on the held-out set, and that of the majority class.
    """

    task: str
    fraction: float
    label: str
    condition: str
    held_out: str
    loss: str
    seeds: tuple[int, ...]
    runs: tuple[str, ...]
    examples: float
    empirical: float
    generalization: float
    gap: Summary
    least: float
    greatest: float
    metric: str
    metric_value: float
    majority: float

    @property
    def beats_majority(self) -> bool:
        """Return True if the metric beats the majority class's (`reports.statistics.majority`)."""
        return beats_majority(self.metric, self.metric_value, self.majority, self.examples)

    @property
    def shown_majority(self) -> float | None:
        """The majority class's metric; None for a regression, which has no classes."""
        return self.majority if has_majority_class(self.metric) else None

    @property
    def interval_over_examples(self) -> tuple[float, float] | None:
        """For a single network's gap in 0-1 error: exact binomial at level 1 − `DELTA`.

        Its empirical risk is known, so this is the interval of its risk on the held-out set,
        shifted. None for several seeds, and for a loss without such an interval.
        """
        if self.gap.n > 1 or self.loss != "zero_one_error":
            return None
        n = round(self.examples)
        errors = round(self.generalization * n)
        low, high = (
            float(clopper_pearson_limit(errors, n, DELTA / 2, lower=lower))
            for lower in (True, False)
        )
        return low - self.empirical, high - self.empirical


def gap_summaries(evidence: Evidence) -> list[GapSummary]:
    """Every loss of every condition on every held-out set."""
    metrics = evidence.metrics.set_index(["run", "set"])[["metric", "metric_value", "majority"]]
    summaries = []
    frame = evidence.gaps.join(metrics, on=["run", "set"])
    for key, group in grouped(frame, [*GROUP, "set", "loss"]):
        task, fraction, label, condition, held_out, loss = key
        summaries.append(
            GapSummary(
                task=task,
                fraction=fraction,
                label=label,
                condition=condition,
                held_out=held_out,
                loss=loss,
                seeds=tuple(group["seed"]),
                runs=tuple(group["run"]),
                examples=float(group["examples"].mean()),
                empirical=float(group["empirical"].mean()),
                generalization=float(group["generalization"].mean()),
                gap=limited(summarise_seeds(group["gap"].to_numpy()), gap_limits(loss)),
                least=float(group["gap"].min()),
                greatest=float(group["gap"].max()),
                metric=group["metric"].iloc[0],
                metric_value=float(group["metric_value"].mean()),
                majority=float(group["majority"].mean()),
            )
        )
    return summaries


def majority_note(summaries: Iterable[GapSummary]) -> str:
    """Say which conditions do not beat the majority class, and what to try; empty for none."""
    weak: dict[tuple[str, str, str], list[str]] = {}
    for row in summaries:
        if row.loss in TASK_LOSSES and not row.beats_majority:
            key = (row.task, row.held_out, row.metric)
            weak.setdefault(key, []).append(f"{row.label} ({percent(row.fraction)})")
    if not weak:
        return ""
    said = "; ".join(
        f"{task} on {on} ({metric}): {', '.join(dict.fromkeys(names))}"
        for (task, on, metric), names in weak.items()
    )
    return f"No better than the majority class: {said}. {UNTOLD}"


def gap_table(evidence: Evidence) -> Table:
    """Mean, standard deviation and interval over seeds, of every loss on every held-out set."""
    methods = evidence.runs.set_index("run")["method"]
    summaries = gap_summaries(evidence)
    rows: list[dict[str, Any]] = []
    for summary in summaries:
        rows.append(
            {
                "task": summary.task,
                "fraction": summary.fraction,
                "method": summary.label,
                "set": summary.held_out,
                "law": "training" if summary.held_out in TRAINING_LAW else "development",
                "loss": LOSS_TITLES[summary.loss],
                "seeds": seeds_text(summary.seeds),
                "without": evidence.without(
                    summary.task, summary.fraction, methods[summary.runs[0]], summary.seeds
                ),
                "n": summary.gap.n,
                "examples": summary.examples,
                "empirical": summary.empirical,
                "generalization": summary.generalization,
                "gap": summary.gap.mean,
                "gap_sd": summary.gap.sd,
                **interval_cells("gap", summary.gap.interval),
                "condition": summary.condition,
                "runs": " ".join(summary.runs),
            }
        )
    return Table(
        name="gaps",
        title="Gaps: generalization risk minus empirical risk",
        caption=(
            "Means over seeds; the 95 % interval is Student's t for the mean gap over seeds, on "
            "fixed held-out examples; with one seed there is none. The empirical risk is that of "
            "the training subset. The sets remainder and fresh follow the training law; a "
            "development set (dev) is the task's own, which need not. Cross-entropy after "
            "temperature: one temperature per run, fitted on a fifth of a held-out set that is "
            "then left out. Seeds that other methods have and this one lacks are named under "
            f"without. {majority_note(summaries)}"
        ).rstrip(),
        columns=(
            Column("task", "task"),
            Column("fraction", "fraction", "share"),
            Column("method", "method", role="key"),
            Column("set", "set"),
            Column("loss", "loss"),
            Column("empirical", "empirical", "number"),
            Column("generalization", "generalization", "number"),
            Column("gap", "gap", "signed"),
            Column("gap_sd", "sd", "number", role="detail"),
            Column("gap", "95 % interval", "interval"),
            Column("seeds", "seeds", role="detail"),
            Column("without", "without", role="detail"),
        ),
        frame=pd.DataFrame(rows),
    )


def metric_table(evidence: Evidence) -> Table:
    """The task's own metric on every set, beside the majority class."""
    rows: list[dict[str, Any]] = []
    for key, group in grouped(evidence.metrics, [*GROUP, "set", "metric"]):
        task, fraction, label, condition, name, metric = key
        values = summarise_seeds(group["metric_value"].to_numpy())
        summary = limited(values, metric_limits(metric))
        rows.append(
            {
                "task": task,
                "fraction": fraction,
                "method": label,
                "set": name,
                "metric": metric,
                "value": summary.mean,
                "value_sd": summary.sd,
                **interval_cells("value", summary.interval),
                "majority": group["majority"].mean() if has_majority_class(metric) else None,
                "better": "yes"
                if beats_majority(
                    metric, summary.mean, group["majority"].mean(), group["examples"].mean()
                )
                else "no",
                "examples": group["examples"].mean(),
                "seeds": seeds_text(group["seed"].tolist()),
                "without": evidence.without(
                    task, fraction, group["method"].iloc[0], group["seed"].tolist()
                ),
                "n": summary.n,
                "condition": condition,
                "runs": " ".join(group["run"]),
            }
        )
    return Table(
        name="metrics",
        title="Metrics: the tasks' own, beside the majority class",
        caption=(
            "Means over seeds with Student's t interval, which ends where the metric does; "
            "majority is the same metric of the most frequent class of the training subset, which "
            "a regression does not have. Better: above it, or a constant prediction of a "
            "regression's labels, by more than chance (accuracy: exact one-sided binomial limit "
            "at 5 %; other metrics: above it)."
        ),
        columns=(
            Column("task", "task"),
            Column("fraction", "fraction", "share"),
            Column("method", "method", role="key"),
            Column("set", "set"),
            Column("metric", "metric"),
            Column("value", "mean", "number"),
            Column("value_sd", "sd", "number", role="detail"),
            Column("value", "95 % interval", "range"),
            Column("majority", "majority", "number"),
            Column("better", "better"),
            Column("examples", "examples", "count", role="detail"),
            Column("seeds", "seeds", role="detail"),
            Column("without", "without", role="detail"),
        ),
        frame=pd.DataFrame(rows),
    )


def run_table(evidence: Evidence) -> Table:
    """Every run of the store, with its state."""
    frame = evidence.runs.copy()
    folders = {entry.id: entry.name for entry in evidence.entries}
    frame["folder"] = frame["run"].map(folders)
    frame["runs"] = frame["run"]
    return Table(
        name="runs",
        title="Runs: all of them, finished or not",
        caption=(
            "Runs that are not finished are in no mean. Means are over seeds of one condition: the "
            f"same data, specification and versions. {left_out_note(evidence)}"
        ).rstrip(),
        columns=(
            Column("run", "run", role="key"),
            Column("task", "task"),
            Column("fraction", "fraction", "share"),
            Column("seed", "seed"),
            Column("label", "method"),
            Column("state", "state"),
            Column("reason", "reason"),
            Column("data", "data", role="detail"),
            Column("versions", "versions", role="detail"),
        ),
        frame=in_order(frame),
    )


def left_out_note(evidence: Evidence) -> str:
    """Return sentences on what is in no table: runs of `mixkd tune`, damaged lists and folders.

    And on runs whose networks are gone: what was measured of them is in every table.
    """
    sentences = [*evidence.damaged_plans, *evidence.unreadable]
    if evidence.without_network:
        sentences.append(
            f"The networks of {len(evidence.without_network)} runs are gone "
            f"({', '.join(evidence.without_network[:3])}"
            f"{', …' if len(evidence.without_network) > 3 else ''}): gaps, verdicts, attacks on "
            "losses and agreement stand, since losses and logits are stored; consistency, new test "
            "sets, costs, predictions and exports need the network."
        )
    if evidence.tuning_runs:
        sentences.append(
            f"Left out: {evidence.tuning_runs} runs that chose settings, judged on examples held "
            "out of their training subset."
        )
    return " ".join(sentences)
