"""The answer of a store in a few plain sentences, made from its ledger and nothing else."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from mixkd_core.objectives.objective import METHODS
from reports.evidence.evidence import Evidence
from reports.evidence.frames import encoder_name
from reports.tables.table import Column, percent, seeds_text
from reports.verdicts.ledger import JudgedClaim, JudgedEntry
from reports.verdicts.rules import DIRECTED
from reports.verdicts.sensitivity import SENSITIVITY

# More tasks, fractions, methods or phrases of a kind are counted, not named: the ledger has all.
MOST_NAMED = 3


@dataclass(frozen=True)
class StoreAnswer:
    """The answer of a store, in sentences and phrases.

    Attributes:
        compared: what was compared, on what, with which networks, and when.
        established: what the ledger holds, that the paper's own measure was asked for first.
        undecided: what it leaves open in the paper's own measure, each with what would decide it.
        untested: how many claims no run of the store speaks to.
    """

    compared: str
    established: tuple[str, ...]
    undecided: tuple[str, ...]
    untested: int


def answer(evidence: Evidence, claims: Sequence[JudgedClaim]) -> StoreAnswer:
    """Return the answer of a store whose claims were judged."""
    entries = [(claim, entry) for claim in claims for entry in claim.entries]
    one = len({(entry.fraction, entry.tasks) for _, entry in entries}) == 1
    decided = [
        (claim, entry)
        for claim, entry in entries
        if entry.verdict == "equivalent" or entry.verdict in DIRECTED
    ]
    first = sorted(
        decided, key=lambda pair: (not pair[1].headline, pair[1].verdict == "equivalent")
    )
    return StoreAnswer(
        compared=compared(evidence),
        established=tuple(_established(claim, entry, one) for claim, entry in first),
        undecided=tuple(
            _undecided(claim, entry, one)
            for claim, entry in entries
            if entry.headline and entry.verdict == "inconclusive"
        ),
        untested=sum(not claim.entries for claim in claims),
    )


def in_text(told: StoreAnswer) -> str:
    """Return the answer as one paragraph of plain text."""
    parts = [told.compared]
    if told.established:
        parts.append(f"Established: {_phrases(told.established)}.")
    else:
        parts.append("Nothing is established yet by the rules that judge the claims.")
    if told.undecided:
        parts.append(f"Open: {_phrases(told.undecided)}.")
    if told.untested:
        are = "is" if told.untested == 1 else "are"
        parts.append(f"{told.untested} of the paper's claims {are} not tested by these runs.")
    return " ".join(parts)


def _phrases(found: Sequence[str]) -> str:
    more = len(found) - MOST_NAMED
    told = "; ".join(found[:MOST_NAMED])
    return f"{told}; and {more} more below" if more > 0 else told


def title(evidence: Evidence) -> str:
    """Return the store's own title: its tasks and fractions."""
    finished = evidence.runs[evidence.runs["state"] == "finished"]
    runs = evidence.runs if finished.empty else finished
    tasks, fractions = list(dict.fromkeys(runs["task"])), sorted(set(runs["fraction"]))
    on = ", ".join(tasks) if len(tasks) <= MOST_NAMED else f"{len(tasks)} tasks"
    return f"MixKD on {on}{_with_share(fractions)}"


def compared(evidence: Evidence) -> str:
    """Say what was compared, on what, with which networks, and when."""
    finished = evidence.runs[evidence.runs["state"] == "finished"]
    if finished.empty:
        return "No run is finished yet, so there is nothing to compare."
    students = finished[finished["method"] != "teacher"]
    names = [name for name in METHODS if name in set(students["method"])]
    settings = students["label"].nunique() - len(names)
    told = ", ".join(names) if names else "the teacher alone"
    more = _further(settings)
    seeds = sorted(set(finished["seed"]))
    tasks = _tasks(evidence)
    on = _each(tasks) if len(tasks) <= MOST_NAMED else f"{len(tasks)} tasks"
    told_dates = (record.summary.get("date") for record in evidence.records.values())
    dates = sorted({str(date) for date in told_dates if date})
    when = ""
    if dates:
        when = f" on {dates[0]}" if len(dates) == 1 else f" from {dates[0]} to {dates[-1]}"
    elif evidence.date:
        when = f" by {evidence.date}"
    word = f"{_number(len(seeds))} seed{'s' if len(seeds) != 1 else ''} ({seeds_text(seeds)})"
    many = "methods" if len(names) != 1 else "method"
    count = f"{_number(len(names)).capitalize()} {many} ({told})" if names else "The teacher alone"
    return (
        f"{count}{more} on {on}{_with_share(sorted(set(finished['fraction'])))}"
        f"{_examples(evidence)}, from {word}{_networks(evidence)}. "
        f"{len(finished)} run{'s' if len(finished) != 1 else ''} finished{when}."
    )


def _further(settings: int) -> str:
    if settings < 1:
        return ""
    return f", with {_number(settings)} further setting{'s' if settings != 1 else ''},"


def _tasks(evidence: Evidence) -> list[str]:
    finished = evidence.runs[evidence.runs["state"] == "finished"]
    return list(dict.fromkeys(finished["task"]))


def _with_share(fractions: Sequence[float]) -> str:
    if not fractions:
        return ""
    if list(fractions) == [1.0]:
        return " with all of the data"
    named = [percent(fraction) for fraction in fractions]
    if len(named) > MOST_NAMED:
        return f" with {named[0]} to {named[-1]} of the data"
    return f" with {_each(named)} of the data"


def _examples(evidence: Evidence) -> str:
    """Return the number of training examples, where there are few different ones."""
    counts = sorted({record.summary["train_examples"] for record in evidence.records.values()})
    if len(counts) > MOST_NAMED:
        return f" ({counts[0]} to {counts[-1]} examples)"
    return f" ({_each([str(count) for count in counts], 'or')} examples)"


def _networks(evidence: Evidence) -> str:
    """Return in words what students and teachers are, as far as it is known."""
    encoders = dict.fromkeys(
        encoder_name(record.spec.encoder.name) for record in evidence.records.values()
    )
    depths: dict[bool, set[int]] = {True: set(), False: set()}
    unknown = False
    for record in evidence.records.values():
        student = record.spec.student
        layers = record.summary.get("layers") or (None if student is None else student.layers)
        if layers is None:
            unknown = True
        else:
            depths[student is None].add(int(layers))
    told = [
        f"{who} of {_each([str(layers) for layers in sorted(own)])} layers"
        for who, own in (("students", depths[False]), ("teachers", depths[True]))
        if own
    ]
    if told and unknown:
        told[-1] += " (where it was recorded)"
    named = [name for name in encoders if name != "encoder"]  # as the embedded one is called
    if len(named) > MOST_NAMED:
        told.append(f"{len(named)} encoders")
    elif named:
        told.append(f"encoder{'s' if len(named) > 1 else ''} {_each(named)}")
    return f": {', '.join(told)}" if told else ""


def _established(claim: JudgedClaim, entry: JudgedEntry, one: bool) -> str:
    """Return a phrase on a verdict: who is better in what, by how much."""
    judgement = entry.judgement
    if claim.id == SENSITIVITY.id:
        return f"{entry.against} changes {_where(entry, one)} by less than the margin"
    method, _, baseline = claim.compared.partition(" against ")
    if entry.verdict == "equivalent":
        within = "" if entry.margin is None else f", to within {entry.margin:g}"
        return f"{method} and {baseline} are equivalent in {_where(entry, one)}{within}"
    assert judgement.estimate is not None
    side = "better" if entry.verdict == "supported" else "worse"
    return (
        f"{method} is {side} than {baseline} in {_where(entry, one)}, by "
        f"{abs(judgement.estimate):.3f}{_test(judgement.p_holm)}"
    )


def _undecided(claim: JudgedClaim, entry: JudgedEntry, one: bool) -> str:
    """Return a phrase on an open question: the difference seen, and what would decide it."""
    judgement = entry.judgement
    who = claim.compared
    if claim.id == SENSITIVITY.id:
        who = f"whether {entry.against} matters"
    seen = []
    if judgement.estimate is not None:
        seen.append(f"{judgement.estimate:+z.3f}")
        if judgement.interval is not None:
            low, high = judgement.interval
            seen[0] += f", 95 % interval {low:+z.3f} to {high:+z.3f}"
    seen.append(_wanting(entry))
    return f"{who} in {_where(entry, one)} ({'; '.join(part for part in seen if part)})"


def _wanting(entry: JudgedEntry) -> str:
    """Return what would decide an open entry."""
    what, _, reason = entry.further.partition(": ")
    if what == "no number":
        return reason
    if not what:
        return entry.note
    pairs, _, goal = what.partition(", for ")
    many = "pair" if pairs.split()[-1] == "1" else "pairs"
    return f"{pairs} further {many} would {f'show {goal}' if goal else 'tell more'}"


def _where(entry: JudgedEntry, one: bool) -> str:
    """Return measure and set, and, unless the store has one only, task and fraction."""
    where = f"{_measure(entry)} on {entry.sets}"
    if one:
        return where
    tasks = entry.tasks if len(entry.tasks) <= MOST_NAMED else (f"{len(entry.tasks)} tasks",)
    return f"{where}, {percent(entry.fraction)} of {_each(tasks)}"


def _measure(entry: JudgedEntry) -> str:
    """Return the measure as part of a sentence: a gap or risk with its loss in brackets."""
    if entry.question == "accuracy":
        return _each(entry.measure.split(", "))
    kind, _, loss = entry.measure.partition(", ")
    return f"{kind} ({loss})" if loss else kind


def _test(p_value: float | None) -> str:
    if p_value is None:
        return ""
    return f" (p {Column('p', '', 'p').show({'p': p_value})}, corrected)"


def _each(names: Iterable[str], word: str = "and") -> str:
    *most, last = list(names)
    return f"{', '.join(most)} {word} {last}" if most else last


def _number(count: int) -> str:
    words = ("no", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten")
    return words[count] if count < len(words) else str(count)
