"""The ledger: each claim of the paper, the evidence for it in a store, and a verdict.

`reports.verdicts.rules` states the rules. Which runs speak to a claim is decided here,
without looking at their results.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from mixkd_core.data.tasks import GLUE
from reports.evidence.evidence import TRAINING_LAW, Evidence
from reports.evidence.frames import grouped
from reports.tables.comparisons import trained_otherwise
from reports.tables.latent_space import latent_frame
from reports.tables.sweeps import representative, sweep_frame
from reports.tables.table import Column, Table, interval_cells
from reports.verdicts.paper_claims import CLAIMS, Claim
from reports.verdicts.rules import (
    ALPHA,
    DECIDED,
    MARGIN,
    Judgement,
    Strata,
    Verdict,
    dissent,
    equivalence,
    judge,
)


@dataclass(frozen=True)
class JudgedClaim:
    """A claim judged.

    Attributes:
        id, statement, where, command: of the claim.
        evidence: what was compared on what.
        test: how.
        pairs: (task, seed) pairs, or for insensitivity settings of the sweep.
        runs: ids behind the verdict, those of the controls that it had to hold against included.
        estimate: mean difference, positive in favour of the claim; None if not tested.
        interval: for it, at `LEVEL`.
        p_value, p_holm: before and after correction over the ledger.
        verdict: the answer.
        note: what limits it.
    """

    id: str
    statement: str
    where: str
    command: str
    evidence: str
    test: str
    pairs: int
    runs: tuple[str, ...]
    estimate: float | None
    interval: tuple[float, float] | None
    p_value: float | None
    p_holm: float | None
    verdict: Verdict
    note: str


def ledger(evidence: Evidence) -> list[JudgedClaim]:
    """Every claim of the paper, judged on a store."""
    found = [(claim, *gather(evidence, claim)) for claim in CLAIMS]
    judged = judge([strata for _, strata, _ in found])
    entries = []
    for (claim, strata, runs), result in zip(found, judged, strict=True):
        asked = controls(evidence, claim) if result.verdict in DECIDED else {}
        dissenting = dissent(result.verdict, {name: theirs for name, (theirs, _) in asked.items()})
        behind = dict.fromkeys([*runs, *(run for _, more in asked.values() for run in more)])
        entries.append(_superiority(claim, strata, tuple(behind), result, dissenting))
    entries.append(_insensitivity(evidence))
    return entries


def gather(evidence: Evidence, claim: Claim) -> tuple[dict[str, list[float]], tuple[str, ...]]:
    """A claim's differences by task, one a seed, and the runs behind them."""
    return _differences(claim, [pair[:2] for pair in _compared(evidence, claim)])


def controls(evidence: Evidence, claim: Claim) -> dict[str, tuple[Strata, tuple[str, ...]]]:
    """The same from each control of the baseline, by its label."""
    pairs: dict[str, list[tuple[pd.DataFrame, pd.DataFrame]]] = {}
    for method, _, others in _compared(evidence, claim):
        for other in others:
            pairs.setdefault(other["label"].iloc[0], []).append((method, other))
    return {label: _differences(claim, each) for label, each in sorted(pairs.items())}


def _compared(
    evidence: Evidence, claim: Claim
) -> Iterator[tuple[pd.DataFrame, pd.DataFrame, list[pd.DataFrame]]]:
    """By setting the method's runs, the baseline's, and those of each control of the baseline."""
    values = _values(evidence, claim)
    for _, setting in grouped(values, ["setting"]) if len(values) else ():
        baselines = setting[setting["method"] == claim.baseline]
        chosen = representative(evidence, baselines)
        others = [
            group
            for _, group in grouped(baselines, ["condition"])
            if trained_otherwise(group) and group["run"].iloc[0] not in set(chosen["run"])
        ]
        yield representative(evidence, setting[setting["method"] == claim.method]), chosen, others


def _differences(
    claim: Claim, compared: Iterable[tuple[pd.DataFrame, pd.DataFrame]]
) -> tuple[dict[str, list[float]], tuple[str, ...]]:
    units: dict[tuple[str, int], list[float]] = {}
    runs: dict[str, None] = {}
    for first, second in compared:
        pairs = first.merge(second, on=["task", "seed"], suffixes=("", "_baseline"))
        if claim.premise:
            pairs = pairs[pairs["empirical"] <= pairs["empirical_baseline"]]
        for row in pairs.to_dict("records"):
            difference = float(row["value"] - row["value_baseline"])
            units.setdefault((row["task"], row["seed"]), []).append(difference)
            runs |= dict.fromkeys((row["run"], row["run_baseline"]))
    strata: dict[str, list[float]] = {}
    for (task, _), differences in sorted(units.items()):
        strata.setdefault(task, []).append(float(np.mean(differences)))
    return strata, tuple(runs)


def ledger_table(entries: Sequence[JudgedClaim]) -> Table:
    """The ledger as a table."""
    rows: list[dict[str, Any]] = []
    for entry in entries:
        rows.append(
            {
                "claim": entry.id,
                "statement": entry.statement,
                "where": entry.where,
                "verdict": entry.verdict,
                "estimate": entry.estimate,
                **interval_cells("estimate", entry.interval),
                "p_value": entry.p_value,
                "p_holm": entry.p_holm,
                "pairs": entry.pairs,
                "run_count": len(entry.runs),
                "evidence": entry.evidence,
                "test": entry.test,
                "note": entry.note,
                "command": entry.command,
                "runs": " ".join(entry.runs),
            }
        )
    return Table(
        name="claims",
        title="The paper's claims, and what these runs say of them",
        caption=(
            "Differences are positive in favour of the claim, in units of the measure (0.01 is one "
            f"point). Holm: corrected over the claims of superiority that were tested; level "
            f"{ALPHA:.2g}. Inconclusive is no evidence of equality. Intervals and tests are over "
            "seeds, on fixed held-out examples."
        ),
        columns=(
            Column("claim", "claim"),
            Column("statement", "statement"),
            Column("where", "in the paper"),
            Column("verdict", "verdict"),
            Column("estimate", "difference", "signed", 4),
            Column("estimate", "95 % interval", "interval", 4),
            Column("p_value", "p", "p"),
            Column("p_holm", "p (Holm)", "p"),
            Column("pairs", "pairs", "count"),
            Column("run_count", "runs", "count"),
            Column("evidence", "evidence"),
            Column("note", "note"),
            Column("command", "command"),
        ),
        frame=pd.DataFrame(rows),
    )


def _superiority(
    claim: Claim,
    strata: Strata,
    runs: tuple[str, ...],
    result: Judgement,
    dissenting: Mapping[str, Judgement],
) -> JudgedClaim:
    pairs = sum(len(stratum) for stratum in strata.values())
    measured = {
        "metric": "the task's metric on its development sets",
        "gap": "the gap in 0-1 error on a set of the training law",
        "risk": "the 0-1 error on a set of the training law",
        "manifold": "mean distance of a mixture's encoding to the nearest training point, over "
        "that of a training point to its nearest other",
    }[claim.measure]
    notes = []
    if result.verdict == "not tested":
        scope = "GLUE tasks" if claim.glue_only else "any task"
        stored = " that store encodings" if claim.measure == "manifold" else ""
        notes.append(f"no pair of {claim.method} and {claim.baseline} runs on {scope}{stored}")
    elif pairs and 2.0 ** (1 - pairs) > ALPHA:
        notes.append(f"{pairs} pairs cannot give a p-value below {2.0 ** (1 - pairs):.3g}")
    if strata and not any(len(stratum) > 1 for stratum in strata.values()):
        notes.append("one seed a task allows no interval")
    if dissenting:
        told = [f"{name} ({_told(judged)})" for name, judged in dissenting.items()]
        notes.append(
            f"{result.verdict} against {claim.baseline}, but not against {', '.join(told)}"
        )
    return JudgedClaim(
        id=claim.id,
        statement=claim.statement,
        where=claim.where,
        command=f"{claim.command} --out RUNS && mixkd claims RUNS",
        evidence=f"{claim.method} against {claim.baseline}: {measured}"
        + (f"; {', '.join(strata)}" if strata else ""),
        test="sign flips over (task, seed) pairs, two-sided; Welch interval over tasks",
        pairs=pairs,
        runs=runs,
        estimate=result.estimate,
        interval=result.interval,
        p_value=result.p_value,
        p_holm=result.p_holm,
        verdict="inconclusive" if dissenting else result.verdict,
        note="; ".join(notes),
    )


def _told(judged: Judgement) -> str:
    if judged.estimate is None or judged.interval is None:
        return "no interval"
    low, high = judged.interval
    return f"{judged.estimate:+.4f}, {low:+.4f} to {high:+.4f}"


def _values(evidence: Evidence, claim: Claim) -> pd.DataFrame:
    """`run, task, seed, setting, condition, method, label, value, empirical`.

    Greater values are better. Several sets (MNLI's two development sets) are averaged.
    """
    if claim.measure == "metric":
        frame = evidence.metrics
        frame = frame[~frame["set"].isin(["train", *TRAINING_LAW])]
        frame = frame.assign(value=frame["metric_value"], empirical=0.0)
    elif claim.measure == "manifold":
        frame = latent_frame(evidence)
        frame = frame[frame["measure"] == "manifold_distance"]
        frame = frame.assign(value=-frame["value"], empirical=0.0)
    else:
        frame = evidence.gaps
        frame = frame[
            frame["set"].isin(TRAINING_LAW)
            & frame["loss"].isin(["zero_one_error", "squared_error"])
        ]
        column = "gap" if claim.measure == "gap" else "generalization"
        frame = frame.assign(value=-frame[column])
    if claim.glue_only:
        frame = frame[frame["task"].isin(GLUE)]
    if claim.fractions != "any":
        frame = frame[(frame["fraction"] == 1) == (claim.fractions == "all")]
    frame = frame[frame["method"].isin([claim.method, claim.baseline])]
    keys = ["run", "task", "seed", "setting", "condition", "method", "label"]
    return frame.groupby(keys, as_index=False, sort=True)[["value", "empirical"]].mean()


def _insensitivity(evidence: Evidence) -> JudgedClaim:
    swept = _swept_differences(evidence)
    runs = tuple(dict.fromkeys(run for _, ids in swept for run in ids))
    several = [values for values, _ in swept if len(values) > 1]
    estimate, interval, verdict = equivalence(several)
    note = f"margin: {MARGIN:g} of the metric, simultaneous over {len(several)} settings"
    if not swept:
        note = "no sweep of weights or mixup ratio, from shared seeds"
    elif not several:
        verdict, note = "inconclusive", "one seed allows no interval"
    return JudgedClaim(
        id="sensitivity",
        statement="MixKD's result depends little on its weights and the mixup ratio.",
        where="sensitivity, Figure 3",
        command="mixkd run sensitivity --out RUNS && mixkd claims RUNS",
        evidence="sm+tmkd with other weights or ratio, against the reference: the task's metric on "
        "its development sets" + (f"; {len(swept)} settings" if swept else ""),
        test=f"simultaneous intervals within ±{MARGIN:g}",
        pairs=len(several),
        runs=runs,
        estimate=estimate,
        interval=interval,
        p_value=None,
        p_holm=None,
        verdict=verdict,
        note=note,
    )


def _swept_differences(evidence: Evidence) -> list[tuple[list[float], list[str]]]:
    """Of every swept value on GLUE: differences from the reference by seed, and their runs."""
    frame = sweep_frame(evidence)
    found = []
    on_glue = frame[frame["task"].isin(GLUE)] if len(frame) else frame
    for _, sweep in grouped(on_glue, ["setting", "field"]) if len(on_glue) else ():
        reference = sweep[sweep["reference"]]
        for _, group in grouped(sweep[~sweep["reference"]], ["at"]):
            pairs = group.merge(reference, on="seed", suffixes=("", "_reference"))
            if len(pairs):
                differences = (pairs["value"] - pairs["value_reference"]).astype(float).tolist()
                found.append((differences, [*pairs["run"], *pairs["run_reference"]]))
    return found
