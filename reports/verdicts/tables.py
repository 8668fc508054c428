"""The ledger as a table, and what MixKD does to every measure at each fraction on one screen."""

from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

from reports.evidence.evidence import Evidence
from reports.evidence.measurements import LOSS_BOUNDS
from reports.statistics.direction import unseen_share
from reports.statistics.limits import difference_limits, metric_limits
from reports.statistics.seeds import summarise_seeds
from reports.tables.table import Column, Table, estimate_cells, interval_cells
from reports.verdicts.ledger import JudgedClaim, JudgedEntry, depth_in_words
from reports.verdicts.pairs import compare
from reports.verdicts.paper_claims import Claim, Part, Question, parts
from reports.verdicts.rules import ALPHA, FEWEST_PAIRS, MARGIN

METHOD, BASELINES = "sm+tmkd", ("kd", "ft")

# Titles short enough for nine columns on one screen.
_SHORT = {
    "zero_one_error": "0-1",
    "cross_entropy": "cross-entropy",
    "distillation_distance": "distance",
}


def headline_table(claims: Sequence[JudgedClaim]) -> Table:
    """A row per claim: its headline verdict."""
    rows = [
        {
            "claim": claim.id,
            "statement": claim.statement,
            "where": claim.where,
            "verdict": claim.verdict,
            "compared": claim.compared,
            "paper": published_text(claim),
            "note": claim.note,
            "command": claim.command,
            "run_count": len(claim.runs),
            "runs": " ".join(claim.runs),
        }
        for claim in claims
    ]
    published = [Column("paper", "the paper's number")] * any(claim.published for claim in claims)
    return Table(
        name="claims",
        title="The paper's claims, and what these runs say of them",
        caption=(
            "The headline verdict is made of the claim's entries marked ◆, in the metric or loss "
            "that the paper states it in: contradicted if one is, supported or equivalent if every "
            "one is, inconclusive otherwise, which is no evidence of equality."
        ),
        columns=(
            Column("verdict", "verdict"),
            Column("claim", "claim"),
            Column("statement", "statement"),
            Column("where", "in the paper"),
            *published,
            Column("compared", "compared"),
            Column("note", "note"),
            Column("run_count", "runs", "count"),
            Column("command", "command"),
        ),
        frame=pd.DataFrame(rows),
    )


def entry_table(claims: Sequence[JudgedClaim]) -> Table:
    """A row per entry of every claim."""
    return Table(
        name="claim-entries",
        title="Entries of the claims: by fraction, set, metric and loss",
        caption=(
            "A row is one claim at one fraction of the data, on one kind of set, in one metric or "
            "loss; ◆ marks those that the claim's headline verdict is made of. Differences are "
            "means over (task, seed) pairs, positive in favour of the claim, in units of the "
            "measure (0.01 is one point). A verdict uses the sign-flip test, Holm-corrected in the "
            "family named, and holds only if most pairs, the interval over seeds and one more pair "
            f"against it agree ({ALPHA:.2g}); fewer than {FEWEST_PAIRS} pairs decide nothing. It "
            "speaks of other seeds on the same held-out examples, and of pairs, not of means: ten "
            f"pairs cannot show what happens in fewer than {100 * unseen_share(10, ALPHA):.0f} % "
            "of runs. With examples: the interval that counts other examples too, by source where "
            "examples share one; it needs per-example losses, which exported results do not keep. "
            "Equivalent: two one-sided tests within the margin, a share of the range of the metric "
            f"or loss ({MARGIN:g} unless said otherwise). Inconclusive is no evidence of equality; "
            "further pairs are those that would decide it at the mean and spread seen."
        ),
        columns=(
            Column("claim", "claim"),
            Column("verdict", "verdict"),
            Column("part", "◆"),
            Column("fraction", "fraction", "share"),
            Column("measure", "measure", role="key"),
            Column("sets", "set"),
            Column("against", "against"),
            Column("depth", "depth"),
            Column("estimate", "difference", "signed", 4),
            Column("estimate", "95 % interval", "interval", 4),
            Column("examples", "with examples", "interval", 4, role="detail"),
            Column("p_holm", "p (Holm)", "p"),
            Column("p_equivalence", "p (equivalent)", "p", role="detail"),
            Column("family", "family", role="detail"),
            Column("pairs", "pairs", "count"),
            Column("further", "further pairs"),
            Column("note", "note"),
        ),
        frame=pd.DataFrame(
            {"claim": claim.id, **_row(entry)} for claim in claims for entry in claim.entries
        ),
        empty="No pair of runs speaks to any claim.",
    )


def published_text(claim: JudgedClaim) -> str:
    """The paper's own numbers, each with model, data and split."""
    return "; ".join(
        f"{one.value} ({one.model}, {one.data}, {one.split}; {one.where})"
        for one in claim.published
    )


def overview_table(evidence: Evidence) -> Table:
    """Tabulate what MixKD changes: a row per task, fraction and measure, a column per baseline."""
    rows: dict[tuple[str, float, str], dict[str, Any]] = {}
    for baseline in BASELINES:
        for claim, part in _asked(baseline):
            asked = _title(part)
            for fraction, (comparison, _) in compare(evidence, claim, part).items():
                first = {pair.first["task"]: pair.first for pair in reversed(comparison.pairs)}
                for task, found in comparison.by_task("value").items():
                    row = rows.setdefault(
                        (task, fraction, asked),
                        {
                            "task": task,
                            "fraction": fraction,
                            "asked": asked,
                            "measure": _measured(part, first[task]),
                        },
                    )
                    sign = 1 if part.question == "accuracy" else -1
                    row |= estimate_cells(baseline, summarise_seeds([sign * one for one in found]))
                    row[f"{baseline} pairs"] = len(found)
                    row["depth"] = depth_in_words(evidence, comparison.runs)
                    behind = [*row.get("runs", "").split(), *comparison.runs]
                    row["runs"] = " ".join(dict.fromkeys(behind))
    measures = [_title(part) for _, part in _asked(BASELINES[0])]
    ordered = sorted(rows, key=lambda key: (key[0], key[1], measures.index(key[2])))
    for row in rows.values():
        row["pairs"] = " / ".join(str(row.get(f"{name} pairs", 0)) for name in BASELINES)
    return Table(
        name="overview",
        title=f"What MixKD changes: {METHOD} minus its baseline",
        caption=(
            "Mean paired difference ± half of the 95 % interval over seeds (Student's t), on fixed "
            "held-out examples; no test and no correction. Above zero the number is larger than "
            "the baseline's: better for accuracy, worse for errors, risks and gaps. The sets "
            "remainder and fresh follow the training law; dev is the development set. "
            "Cross-entropy and distance to the teacher are clipped at their declared bounds. "
            "Pairs: with each baseline."
        ),
        columns=(
            Column("task", "task"),
            Column("fraction", "fraction", "share"),
            Column("measure", "measure", role="key"),
            *(Column(name, f"minus {name}", "estimate") for name in BASELINES),
            Column("pairs", "pairs"),
            Column("depth", "depth"),
        ),
        frame=pd.DataFrame([rows[key] for key in ordered]),
        empty=f"No pair of {METHOD} and {' or '.join(BASELINES)} runs shares task, data and seed.",
    )


def _asked(baseline: str) -> list[tuple[Claim, Part]]:
    """Every measure, as the claims ask it."""
    questions: Sequence[Question] = ("accuracy", "calibration", "risk", "gap")
    found = []
    for question in questions:
        claim = Claim("overview", "", "", METHOD, baseline, question, "any", "", glue_only=False)
        found += [(claim, part) for part in parts(claim)]
    return found


def _title(part: Part) -> str:
    if part.loss is not None:
        return f"{part.question}, {_SHORT[part.loss]}"
    name = {"accuracy": "metric", "calibration": "calibration error"}[part.question]
    return f"{name}, {'dev' if part.law == 'development' else 'law'}"


def _measured(part: Part, row: Mapping[str, Any]) -> str:
    """Return the measure with the metric and the set that these runs have, in words."""
    if part.loss is not None:
        return f"{part.question} ({_SHORT[part.loss]}), {row['sets']}"
    name = row["metric"] if part.question == "accuracy" else "calibration error"
    return f"{name}, {row['sets']}"


def _interval(entry: JudgedEntry) -> tuple[float, float] | None:
    """Return the interval over seeds, which ends where the measure does."""
    interval = entry.judgement.interval
    if interval is None or entry.question == "manifold":
        return interval
    end = 1.0 if entry.loss is None else LOSS_BOUNDS[entry.loss] * (1 + (entry.question == "gap"))
    if entry.question == "accuracy":
        low, high = difference_limits(metric_limits(entry.measure))
        end = max(high, -low)
    return max(interval[0], -end), min(interval[1], end)


def _row(entry: JudgedEntry) -> dict[str, Any]:
    judgement = entry.judgement
    return {
        "verdict": entry.verdict,
        "part": "◆" if entry.headline else "",
        "fraction": entry.fraction,
        "measure": entry.measure,
        "law": entry.law,
        "sets": entry.sets,
        "against": entry.against,
        "depth": entry.depth,
        "tasks": ", ".join(entry.tasks),
        "estimate": judgement.estimate,
        **interval_cells("estimate", _interval(entry)),
        **interval_cells("examples", entry.over_examples),
        "training_part": entry.training,
        "held_out_part": entry.held_out,
        "p_value": judgement.p_value,
        "p_holm": judgement.p_holm,
        "p_equivalence": judgement.p_equivalence_holm,
        "margin": entry.margin,
        "family": entry.family,
        "pairs": entry.pairs,
        "further": entry.further,
        "note": entry.note,
        "run_count": len(entry.runs),
        "runs": " ".join(entry.runs),
    }
