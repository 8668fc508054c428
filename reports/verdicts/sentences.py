"""Gap and risk in a sentence each: where they disagree, the parts say why."""

from collections.abc import Sequence

from reports.tables.table import percent
from reports.verdicts.ledger import JudgedClaim, JudgedEntry
from reports.verdicts.rules import DIRECTED, FOUND_BUT


def gap_and_risk(claims: Sequence[JudgedClaim]) -> list[str]:
    """A sentence for each fraction and loss in which the gap differs from the baseline's.

    It names what moved, in the mean over the pairs: the gap is the held-out risk minus the training
    risk, and one that shrinks because the training data are fitted worse is no gain.
    """
    risks = {_key(entry): entry for entry in _entries(claims, "risk")}
    return [
        _sentence(entry, risks[_key(entry)])
        for entry in _entries(claims, "gap")
        if entry.judgement.verdict in DIRECTED and _key(entry) in risks
    ]


def _entries(claims: Sequence[JudgedClaim], question: str) -> list[JudgedEntry]:
    return [entry for claim in claims for entry in claim.entries if entry.question == question]


def _key(entry: JudgedEntry) -> tuple[float, str | None, str]:
    return entry.fraction, entry.loss, entry.against


def _sentence(gap: JudgedEntry, risk: JudgedEntry) -> str:
    assert gap.judgement.estimate is not None
    assert gap.training is not None
    assert gap.held_out is not None
    where = f"{percent(gap.fraction)} of {', '.join(gap.tasks)}"
    loss = gap.measure.removeprefix("gap, ")
    smaller = gap.judgement.estimate > 0
    parts = [
        f"At {where} ({gap.depth}, {gap.sets}), in {loss}, the gap is "
        f"{'smaller' if smaller else 'larger'} than that of {gap.against} by "
        f"{abs(gap.judgement.estimate):.3f}",
    ]
    answer = risk.judgement.verdict
    if answer in DIRECTED:
        joined = "and" if (answer == "supported") == smaller else "but"
        parts[0] += (
            f", {joined} the risk is {'smaller' if answer == 'supported' else 'larger'} by "
            f"{abs(gap.held_out):.3f}"
        )
    parts.append(
        f"the training risk {_moved(gap.training)}, the held-out risk {_moved(gap.held_out)}"
    )
    end = {
        (True, "contradicted"): "The theorem's conclusion is observed and its last clause fails",
        (True, "supported"): "The theorem's conclusion and its last clause are both observed",
        (False, "supported"): "The risk is smaller although the gap is larger",
        (False, "contradicted"): "Neither the theorem's conclusion nor its last clause is observed",
        (True, "equivalent"): "The smaller gap is no smaller risk: the risks are equivalent",
        (False, "equivalent"): "The larger gap is no larger risk: the risks are equivalent",
    }.get((smaller, answer), "That the risk differs is not established" + _undone(risk))
    text = f"{': '.join(parts)}. {end}."
    if gap.verdict != gap.judgement.verdict or risk.verdict != answer:
        text += " Not every control of the baseline agrees; the entries' notes say which."
    return text


def _undone(risk: JudgedEntry) -> str:
    """Return the note on the check that undid the test; empty where none did."""
    notes = [note for note in risk.judgement.notes if note.startswith(FOUND_BUT)]
    return "".join(f": {note}" for note in notes)


def _moved(difference: float) -> str:
    if f"{abs(difference):.3f}" == "0.000":
        return "did not move"
    return f"{'rose' if difference > 0 else 'fell'} by {abs(difference):.3f}"
