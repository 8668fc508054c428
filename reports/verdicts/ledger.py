"""The ledger: each claim of the paper, the evidence for it in a store, and a verdict.

`reports.verdicts.rules` states the rules, `reports.verdicts.pairs` which runs speak to a claim.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from mixkd_core.errors import InputError
from reports.evidence.evidence import Evidence
from reports.tables.table import percent
from reports.verdicts.examples import interval_over_examples
from reports.verdicts.further_pairs import further_pairs
from reports.verdicts.measures import measure_title
from reports.verdicts.pairs import Comparison, compare
from reports.verdicts.paper_claims import CLAIMS, Claim, Part, Published, parts
from reports.verdicts.rules import (
    DIRECTED,
    MARGIN,
    Judgement,
    Verdict,
    check_margin,
    dissent,
    headline,
    judge,
    judge_sweep,
)
from reports.verdicts.sensitivity import SENSITIVITY, swept_settings


@dataclass(frozen=True)
class JudgedEntry:
    """A claim at one fraction, on one kind of set, in one metric or loss.

    Attributes:
        question, loss: of the part of the claim that was asked.
        measure: the same in words.
        law: `"training law"` or `"development"`.
        sets, depth, tasks: what the pairs were measured on, in words.
        fraction: of the training data.
        headline: whether the claim's verdict is made of it.
        family: of tests that it was corrected in.
        against: the baseline; for the claim of insensitivity, the setting that was swept.
        judgement: against the baseline alone.
        verdict: the answer, controls heard.
        pairs: (task, seed) pairs.
        runs: behind the verdict, those of the controls that it had to hold against included.
        training, held_out: mean differences of the empirical and the held-out risk (method minus
            baseline); None where the measure is no risk.
        margin: a difference of less counts as none; None where none is declared.
        over_examples: interval that counts other examples too; None where it cannot be computed.
        further: how many more pairs would decide an inconclusive entry, in words.
        note: what limits the verdict.
    """

    question: str
    loss: str | None
    measure: str
    law: str
    sets: str
    depth: str
    tasks: tuple[str, ...]
    fraction: float
    headline: bool
    family: str
    against: str
    judgement: Judgement
    verdict: Verdict
    pairs: int
    runs: tuple[str, ...]
    training: float | None
    held_out: float | None
    margin: float | None
    over_examples: tuple[float, float] | None
    further: str
    note: str


@dataclass(frozen=True)
class JudgedClaim:
    """A claim of the paper with everything that speaks to it.

    Attributes:
        id, statement, where, command, published: of the claim.
        compared: what is compared with what.
        verdict: the headline, by the rule of `reports.verdicts.rules`.
        entries: those that could be asked, headline entries first.
        note: why nothing could be, where that is so.
    """

    id: str
    statement: str
    where: str
    command: str
    published: tuple[Published, ...]
    compared: str
    verdict: Verdict
    entries: tuple[JudgedEntry, ...]
    note: str

    @property
    def tested_on(self) -> str:
        """The fractions and tasks that its entries are on, in words; empty if it was not tested."""
        if not self.entries:
            return ""
        fractions = sorted({entry.fraction for entry in self.entries})
        tasks = dict.fromkeys(task for entry in self.entries for task in entry.tasks)
        return f"{', '.join(map(percent, fractions))} of {', '.join(tasks)}"

    @property
    def runs(self) -> tuple[str, ...]:
        """Ids behind the verdict and its entries."""
        return tuple(dict.fromkeys(run for entry in self.entries for run in entry.runs))


@dataclass(frozen=True)
class _Asked:
    """An entry before it is judged."""

    claim: Claim
    part: Part
    fraction: float
    comparison: Comparison
    controls: Mapping[str, Comparison]
    over_examples: tuple[float, float] | None


def ledger(evidence: Evidence, margin: float = MARGIN) -> list[JudgedClaim]:
    """Every claim of the paper, judged on a store.

    Args:
        margin: of equivalence, as a share of the range of a metric or loss.

    Raises:
        InputError: for a margin that is not positive.
    """
    check_margin(margin)
    asked = [one for claim in CLAIMS for one in _asked(evidence, claim, margin)]
    families: dict[str, list[_Asked]] = {}
    for one in asked:
        name = "headlines" if one.part.headline else f"other entries of {one.claim.id}"
        families.setdefault(name, []).append(one)
    entries: dict[str, list[JudgedEntry]] = {claim.id: [] for claim in CLAIMS}
    for name, family in families.items():
        judged = judge([one.comparison.differences for one in family])
        tested = sum(result.p_value is not None for result in judged)
        told = f"{name} ({tested} test{'s' if tested != 1 else ''})"
        for one, result in zip(family, judged, strict=True):
            entries[one.claim.id].append(_entry(evidence, one, result, told, max(1, tested)))
    claims = [_claim(claim, entries[claim.id]) for claim in CLAIMS]
    return [*claims, _sensitivity(evidence, margin)]


def _asked(evidence: Evidence, claim: Claim, margin: float) -> list[_Asked]:
    return [
        _ask(evidence, claim, part, fraction, comparison, controls)
        for part in parts(claim)
        for fraction, (comparison, controls) in compare(evidence, claim, part, margin).items()
    ]


def _ask(
    evidence: Evidence,
    claim: Claim,
    part: Part,
    fraction: float,
    comparison: Comparison,
    controls: Mapping[str, Comparison],
) -> _Asked:
    """With the interval over examples; refused if the two sides of a pair have other examples."""
    try:
        over_examples = interval_over_examples(evidence, part, comparison)
    except InputError as error:
        over_examples, comparison = None, Comparison((), comparison.margin, str(error))
    return _Asked(claim, part, fraction, comparison, controls, over_examples)


def _entry(
    evidence: Evidence,
    asked: _Asked,
    judgement: Judgement,
    family: str,
    tests: int,
    beyond: float = 0.0,
) -> JudgedEntry:
    part, comparison = asked.part, asked.comparison
    differences = comparison.differences
    heard: Mapping[str, Comparison] = {}
    if judgement.verdict in DIRECTED:
        heard = asked.controls
    dissenting = dissent(
        judgement.verdict, {name: control.differences for name, control in heard.items()}
    )
    notes = [*judgement.notes, *([comparison.refusal] if comparison.refusal else [])]
    if dissenting:
        told = [f"{name} ({_told(judged)})" for name, judged in dissenting.items()]
        notes.append(
            f"{judgement.verdict} against {asked.claim.baseline}, but not against {', '.join(told)}"
        )
    verdict: Verdict = "inconclusive" if dissenting else judgement.verdict
    further = ""
    if dissenting:
        further = "no number: controls of the baseline disagree"
    elif verdict == "inconclusive":
        further = further_pairs(differences, judgement, tests, beyond)
    low, high = asked.over_examples or (None, None)
    if verdict in DIRECTED and low is not None and high is not None and low <= 0 <= high:
        notes.append("on other examples too, the interval holds 0")
    behind = dict.fromkeys(run for one in (comparison, *heard.values()) for run in one.runs)
    return JudgedEntry(
        question=part.question,
        loss=part.loss,
        measure=_measure(part, comparison),
        law=part.law,
        sets=_each(pair.first["sets"] for pair in comparison.pairs),
        depth=depth_in_words(evidence, comparison.runs),
        tasks=tuple(differences.strata),
        fraction=asked.fraction,
        headline=part.headline,
        family=family,
        against=asked.claim.baseline,
        judgement=judgement,
        verdict=verdict,
        pairs=differences.pairs,
        runs=tuple(behind),
        training=comparison.mean("empirical"),
        held_out=comparison.mean("generalization"),
        margin=comparison.margin,
        over_examples=asked.over_examples,
        further=further,
        note="; ".join(notes),
    )


def _measure(part: Part, comparison: Comparison) -> str:
    """Return the measure of an entry in words; of a trend with the fractions that it is over."""
    told = measure_title(part, _each(pair.first["metric"] for pair in comparison.pairs))
    if part.question != "trend" or not comparison.pairs:
        return told
    fractions = sorted({pair.first["fraction"] for pair in comparison.pairs})
    return f"{told} ({', '.join(map(percent, fractions))})"


def _claim(claim: Claim, entries: Sequence[JudgedEntry]) -> JudgedClaim:
    scope = "GLUE tasks" if claim.glue_only else "any task"
    stored = " that store encodings" if claim.question == "manifold" else ""
    over = " at two fractions or more" if claim.question == "trend" else ""
    untested = f"no pair of {claim.method} and {claim.baseline} runs on {scope}{stored}{over}"
    return JudgedClaim(
        id=claim.id,
        statement=claim.statement,
        where=claim.where,
        command=f"{claim.command} --out RUNS && mixkd claims RUNS",
        published=claim.published,
        compared=f"{claim.method} against {claim.baseline}",
        verdict=headline([entry.verdict for entry in entries if entry.headline]),
        entries=tuple(sorted(entries, key=lambda entry: (entry.fraction, not entry.headline))),
        note="" if entries else untested,
    )


def _sensitivity(evidence: Evidence, margin: float) -> JudgedClaim:
    entries = []
    for part, settings in swept_settings(evidence, margin).items():
        family = [
            _ask(evidence, SENSITIVITY, part, swept.fraction, swept.comparison, controls={})
            for swept in settings
        ]
        judged = judge_sweep([asked.comparison.differences for asked in family])
        told = f"{len(settings)} settings, all of which must be equivalent"
        for swept, asked, result in zip(settings, family, judged, strict=True):
            entry = _entry(evidence, asked, result, told, tests=1, beyond=margin)
            entries.append(replace(entry, against=swept.setting))
    verdict = headline([entry.verdict for entry in entries if entry.headline])
    return replace(
        _claim(SENSITIVITY, entries),
        compared="sm+tmkd with other weights or ratio against the reference",
        # Of a claim that nothing matters, equivalence is the support.
        verdict="supported" if verdict == "equivalent" else verdict,
        note="" if entries else "no sweep of weights or mixup ratio, from shared seeds",
    )


def depth_in_words(evidence: Evidence, runs: Sequence[str]) -> str:
    """The students' depths, in words."""
    found = dict.fromkeys(evidence.students[run].layers for run in runs)
    layers = sorted(layer for layer in found if layer is not None)
    told = [" and ".join(map(str, layers)) + " layers"] if layers else []
    return ", ".join(told + ["layers of their own checkpoint"] * (None in found))


def _each(names: Iterable[str]) -> str:
    """Different names, in the order of their first appearance."""
    return ", ".join(dict.fromkeys(part for name in names for part in name.split(", ") if part))


def _told(judged: Judgement) -> str:
    if judged.estimate is None or judged.interval is None:
        return "no interval"
    low, high = judged.interval
    return f"{judged.estimate:+.4f}, {low:+.4f} to {high:+.4f}"
