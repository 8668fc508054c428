"""The theorems' hypotheses judged on real runs, beside what was observed.

Two things in the records can play the theorems' augmentation:

* *mixup draws*: a run that mixes against the run of the same seed that does not. The draws are not
  i.i.d. from the data law, so Theorem 1 (Case 1) does not apply to them, whatever their number.
* *more data*: a run on a larger fraction against that on a smaller one. Subsets are nested, so the
  additional examples are new draws where the training split is a sample of independent examples.

No record gives the minimal gap eps_p or the size |H| of the hypothesis class, so a size condition
is *not assessable* on a run, whichever its gap: eps_p is a quantile, over samples, of the largest
gap in the class, and the gap measured on one network and one sample bounds it neither from above
nor (where chance made the measured gap large) from below. Put in eps_p's place it would call a
condition that holds failed in most runs. What one run can say is hypothetical and stands in the
table as that: the points needed by a class of one function if its minimal gap were this one.
"""

from collections.abc import Iterator
from functools import lru_cache
from math import inf
from typing import Any

import pandas as pd

from mixkd_core.errors import InputError
from mixkd_core.records.specs import StudentSpec
from reports.evidence.entries import Entry
from reports.evidence.evidence import GROUP, LOSS_TITLES, TRAINING_LAW, Evidence
from reports.evidence.frames import grouped
from reports.evidence.measurements import DELTA
from reports.tables.table import Column, Table, percent, seeds_text
from theory.statements.case1 import T1
from theory.statements.catalogue import THEOREMS
from theory.statements.numbers import Numbers
from theory.statements.theorem import Answer
from theory.statements.thresholds import finite_class_sample_size

# Where examples share a source, they are not independent; the records do not say which share one.
SHARED_SOURCES = {
    "sst2": "phrases of one sentence are examples of their own",
    "mnli": "three hypotheses share a premise",
    "qnli": "several questions share a paragraph",
    "qqp": "questions recur in several pairs",
}


@lru_cache(maxsize=1)  # wanted by several parts of one report
def condition_frame(evidence: Evidence) -> pd.DataFrame:
    """A row per augmented run × loss: hypotheses, threshold, premise and what was observed."""
    entries = {entry.id: entry for entry in evidence.entries if entry.record is not None}
    risks = _bounded_risks(evidence)
    rows = []
    for kind, augmented, plain in _augmentations(evidence):
        for loss, (new, old) in _shared(risks, augmented, plain).items():
            if kind == "more data" and loss == "distillation_distance":
                continue  # another fraction has another teacher, and the theorem's is fixed
            added = _added(kind, entries[augmented], entries[plain])
            rows.append(_judged(kind, entries[augmented], entries[plain], loss, new, old, added))
    if not rows:
        return pd.DataFrame()
    known = evidence.runs[["run", "label", "condition"]]
    return pd.DataFrame(rows).merge(known, on="run")


def condition_table(evidence: Evidence) -> Table:
    """Per condition and loss: how many runs answer how."""
    frame = condition_frame(evidence)
    rows: list[dict[str, Any]] = []
    if not frame.empty:
        for key, group in grouped(frame, [*GROUP, "kind", "loss", "compared_with"]):
            task, fraction, label, condition, kind, loss, compared_with = key
            total, premise = len(group), group["premise"]
            given_premise = int((premise & group["risk_fell"]).sum())
            rows.append(
                {
                    "task": task,
                    "fraction": fraction,
                    "method": label,
                    "kind": kind,
                    "compared_with": compared_with,
                    "loss": LOSS_TITLES[loss],
                    "loss_bound": group["loss_bound"].iloc[0],
                    "bounded": _bounded(group),
                    "n": group["n"].mean(),
                    "a": group["a"].mean(),
                    "gap": group["gap"].mean(),
                    "threshold": group["threshold"].median(),
                    "independence": group["independence"].iloc[0],
                    "held_out_independence": group["held_out_independence"].iloc[0],
                    "size": _tally(group["size"]),
                    "answer": _tally(group["answer"]),
                    "premise": f"{int(premise.sum())} of {total}",
                    "gap_fell": f"{int(group['gap_fell'].sum())} of {total}",
                    "risk_fell": f"{int(group['risk_fell'].sum())} of {total}",
                    "risk_fell_given_premise": f"{given_premise} of {int(premise.sum())}",
                    "set": group["set"].iloc[0],
                    "seeds": seeds_text(group["seed"].tolist()),
                    "condition": condition,
                    "runs": " ".join(dict.fromkeys([*group["run"], *group["plain_run"]])),
                }
            )
    return Table(
        name="conditions",
        title="Conditions: those of Theorem 1 on real runs",
        caption=(
            f"δ = {DELTA:g}. gap: the measured gap of the run without augmentation. The minimal "
            "gap ε_p of the theorem is a quantile over samples of the largest gap in the class; no "
            "run measures it, nor |H|, so the size condition is not assessable. threshold: the "
            "n + a that a class of one hypothesis would need if ε_p were this gap (the median over "
            "seeds; none where the gap is not above zero, as no number is enough); no verdict "
            "rests on it. Independence of the added points: mixup draws are not "
            "i.i.d. from the data distribution; more data are only where the split is a sample of "
            "independent examples, and subsets that keep class shares are not quite. Held out: the "
            "same question about the examples the gap was measured on. Empirical risk no worse: "
            "the premise of the theorem's last clause, on "
            "the training subset. Even where all of this holds, the theorem orders certificates, "
            "not the true risks; the last columns say what was observed, of so many pairs: a "
            "seed's run, and the one of the same seed that it is compared with. Only the shape of "
            "Theorem 1 is the paper's; conditions and constants are a reconstruction."
        ),
        columns=(
            Column("task", "task"),
            Column("fraction", "fraction", "share"),
            Column("method", "method", role="key"),
            Column("kind", "augmentation"),
            Column("compared_with", "against"),
            Column("loss", "loss"),
            Column("loss_bound", "M", "number", 0, role="detail"),
            Column("bounded", "bounded", role="detail"),
            Column("n", "n", "count", role="detail"),
            Column("a", "a", "count", role="detail"),
            Column("gap", "gap", "signed"),
            Column("threshold", "threshold if ε_p were the gap", "count", role="detail"),
            Column("independence", "independence", role="detail"),
            Column("held_out_independence", "held out independent", role="detail"),
            Column("size", "size", role="detail"),
            Column("answer", "condition"),
            Column("premise", "empirical risk no worse"),
            Column("gap_fell", "gap no larger"),
            Column("risk_fell", "risk no larger"),
            Column("risk_fell_given_premise", "risk no larger, given the premise", role="detail"),
            Column("seeds", "seeds", role="detail"),
        ),
        frame=pd.DataFrame(rows),
        empty=(
            "No run can be compared with an unaugmented one of the same seed on a set that follows "
            "the training law."
        ),
    )


def theorem_table(evidence: Evidence) -> Table:
    """Every theorem asked about every run that mixes: the answers, and what stands in the way."""
    frame = condition_frame(evidence)
    mixing = frame[frame["kind"] == "mixup draws"] if not frame.empty else frame
    rows = []
    for item in THEOREMS if len(mixing) else ():
        # What a statement does not ask for cannot change its verdict (losses are clipped at M), and
        # many ask for little: most runs share one.
        asked = [tuple(getattr(known, name) for name in item.needs) for known in mixing["numbers"]]
        verdicts = {
            key: item.check(known)
            for key, known in dict(zip(asked, mixing["numbers"], strict=True)).items()
        }
        answers = pd.Series([verdicts[key].answer.value for key in asked])
        reasons = dict.fromkeys(
            f"{finding.name} {finding.answer.value}"
            for verdict in verdicts.values()
            for finding in (*verdict.findings, *(f for r in verdict.routes for f in r.findings))
            if finding.answer is not Answer.HOLDS
        )
        follows = dict.fromkeys(line for each in verdicts.values() for line in each.follows)
        rows.append(
            {
                "theorem": item.id,
                "title": item.title,
                "answers": _tally(answers),
                "why": "; ".join(reasons),
                "follows": "; ".join(follows) or "nothing",
                "provenance": item.provenance.value,
                "runs": " ".join(dict.fromkeys(mixing["run"])),
            }
        )
    return Table(
        name="theorems",
        title="Theorems: every statement, asked about the runs that mix",
        caption=(
            "Counts are over runs × losses. What a statement needs and no record holds (the size "
            "or complexity of the class, smoothness, the bias of the mixed law) is not assessable; "
            "give it to `mixkd verify <statement>` where you know it."
        ),
        columns=(
            Column("theorem", "statement", role="key"),
            Column("title", "title"),
            Column("answers", "answers"),
            Column("why", "what stands in the way"),
            Column("follows", "what follows"),
        ),
        frame=pd.DataFrame(rows),
        empty="No run that mixes can be compared with one of the same seed that does not.",
    )


def _bounded_risks(evidence: Evidence) -> dict[str, dict[tuple[str, str], dict[str, Any]]]:
    """By run: clipped risks and clipping by set and loss."""
    found: dict[str, dict[tuple[str, str], dict[str, Any]]] = {}
    for row in evidence.measurements.clipping.to_dict("records"):
        numbers = {str(name): value for name, value in row.items()}
        found.setdefault(row["run"], {})[row["set"], row["loss"]] = numbers
    return found


def _shared(
    risks: dict[str, dict[tuple[str, str], dict[str, Any]]], augmented: str, plain: str
) -> dict[str, tuple[dict[str, Any], dict[str, Any]]]:
    """By loss: both runs' numbers on the first set of the training law that both have."""
    shared: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {}
    new, old = risks.get(augmented, {}), risks.get(plain, {})
    # New draws first: one sample serves every run, where a remainder is each run's own.
    for held_out in reversed(TRAINING_LAW):
        for (name, loss), numbers in new.items():
            if name == held_out and loss not in shared and (name, loss) in old:
                shared[loss] = (
                    _numbers(numbers, new["train", loss]),
                    _numbers(old[name, loss], old["train", loss]),
                )
    return shared


def _numbers(held_out: dict[str, Any], train: dict[str, Any]) -> dict[str, Any]:
    return {
        "set": held_out["set"],
        "loss_bound": train["loss_bound"],
        "empirical": train["clipped_risk"],
        "risk": held_out["clipped_risk"],
        "gap": held_out["clipped_risk"] - train["clipped_risk"],
        "held_out": held_out["examples"],
        "clipped_share": (held_out["clipped"] + train["clipped"])
        / (held_out["examples"] + train["examples"]),
        "change": held_out["clipped_risk"] - held_out["risk"],
        "largest": max(held_out["largest"], train["largest"]),
    }


def _augmentations(evidence: Evidence) -> Iterator[tuple[str, str, str]]:
    """`(kind, augmented run, plain run)`."""
    entries = {entry.id: entry for entry in evidence.entries if entry.record is not None}
    students = evidence.runs[
        (evidence.runs["state"] == "finished") & (evidence.runs["method"] != "teacher")
    ]
    for _, group in grouped(students, ["setting", "seed"]):
        plain = {
            row["method"]: row["run"]
            for row in group.to_dict("records")
            if row["method"] in ("ft", "kd")
        }
        for run in group["run"]:
            student = _student_of(entries[run])
            if student.objective.mixes:
                # Mixing is added to distillation where the teacher is asked, else to fine-tuning.
                wanted = "kd" if student.objective.needs_teacher else "ft"
                if wanted in plain:
                    yield "mixup draws", run, plain[wanted]
    for _, group in grouped(students, ["task", "data", "label", "seed"]):
        ordered = group.sort_values("fraction")
        for small, large in zip(ordered["run"], ordered["run"].iloc[1:], strict=False):
            if entries[small].fraction < entries[large].fraction:
                yield "more data", large, small


def _added(kind: str, augmented: Entry, plain: Entry) -> int:
    """a: different mixup draws over all epochs, or examples beyond those of the smaller subset."""
    examples = augmented.finished.summary["train_examples"]
    if kind == "more data":
        return int(examples - plain.finished.summary["train_examples"])
    student = _student_of(augmented)
    epochs = 1 if student.fixed_draws else student.training.epochs
    return round(student.mixup_ratio * epochs * int(examples))


def _judged(
    kind: str,
    augmented: Entry,
    plain: Entry,
    loss: str,
    new: dict[str, Any],
    old: dict[str, Any],
    added: int,
) -> dict[str, Any]:
    """Return the row of one augmented run and loss: hypotheses judged, numbers observed."""
    n, bound, gap = plain.finished.summary["train_examples"], new["loss_bound"], old["gap"]
    student = _student_of(augmented)
    independent, why = _independence(kind, augmented.task)
    held_out_independent, held_out_why = held_out_independence(augmented.task, new["set"])
    # eps_p and eps* are missing on purpose: the measured gaps are not the minimal ones.
    numbers = Numbers(
        n=n,
        a=added,
        delta=DELTA,
        loss_bound=bound,
        largest_loss=min(max(new["largest"], old["largest"]), bound),
        independent=independent,
        # Each original is drawn once an epoch with a random partner: not i.i.d. given the sample.
        independent_draws=False if kind == "mixup draws" else None,
        empirical_risk=old["empirical"],
        augmented_risk=new["empirical"],
        alpha=student.mixup_alpha if student.objective.mixes else None,
        linear=False,
        # Mixed labels are not the teacher's answer at the mixed point.
        teacher_queried=loss == "distillation_distance" if kind == "mixup draws" else None,
        infinite_draws=False if kind == "mixup draws" else None,
        held_out=new["held_out"],
        mean_loss=new["risk"],
        errors=round(new["risk"] * new["held_out"]) if loss == "zero_one_error" else None,
        held_out_independent=held_out_independent,
        unseen=True,
        candidates=1,
    )
    verdict = T1.check(numbers)
    threshold = finite_class_sample_size(gap, 1, bound, DELTA) if gap > 0 else inf
    size = next(
        finding.answer for finding in verdict.routes[0].findings if finding.name == "size (a)"
    )
    return {
        "run": augmented.id,
        "plain_run": plain.id,
        "task": augmented.task,
        "fraction": augmented.fraction,
        "seed": augmented.seed,
        "kind": kind,
        "compared_with": plain.method
        if kind == "mixup draws"
        else f"{percent(plain.fraction)} of the data",
        "loss": loss,
        "set": new["set"],
        "loss_bound": bound,
        "clipped_share": new["clipped_share"],
        "clipping_change": new["change"],
        "n": n,
        "a": added,
        "delta": DELTA,
        "gap": gap,
        "threshold": threshold,
        "independence": why,
        "held_out_independence": held_out_why,
        "size": size.value,
        "answer": verdict.answer.value,
        "augmented_gap": new["gap"],
        "empirical_risk": old["empirical"],
        "augmented_risk": new["empirical"],
        "premise": new["empirical"] <= old["empirical"],
        "gap_fell": new["gap"] <= gap,
        "risk_fell": new["risk"] <= old["risk"],
        "numbers": numbers,
    }


def _independence(kind: str, task: str) -> tuple[bool | None, str]:
    if kind == "mixup draws":
        return False, "fails: mixed points are not draws of the data law"
    if task.startswith("embedded-"):
        return None, "not assessable: drawn from the law, but subsets keep class shares"
    return None, _doubt(task)


def held_out_independence(task: str, held_out: str) -> tuple[bool | None, str]:
    """Return whether the set's examples are i.i.d. draws (None: not assessable), and why."""
    if task.startswith("embedded-"):
        if held_out == "fresh":
            return True, "holds: new draws of the law"
        return None, "not assessable: drawn from the law, but what is left keeps class shares"
    return None, _doubt(task)


def _doubt(task: str) -> str:
    """Return why the examples of a split of this task may depend on each other."""
    shared = SHARED_SOURCES.get(task)
    if shared is not None:
        return f"not assessable: {shared}"
    return "not assessable: no record says that the examples are independent"


def _student_of(entry: Entry) -> StudentSpec:
    """Return how the entry's student was made.

    Raises:
        InputError: the entry is a teacher.
    """
    student = entry.finished.spec.student
    if student is None:
        raise InputError(f"{entry.id} is a teacher; the conditions are about students.")
    return student


def _bounded(group: pd.DataFrame) -> str:
    if group["loss"].iloc[0] == "zero_one_error":
        return "holds: declared"
    share, change = group["clipped_share"].mean(), group["clipping_change"].mean()
    return f"holds: clipped, {100 * share:.1f} % of the losses, mean {change:+.3f}"


def _tally(answers: "pd.Series[Any]") -> str:
    counts = answers.value_counts().sort_index()
    if len(counts) == 1:
        return str(counts.index[0])
    return ", ".join(f"{answer} {count}" for answer, count in counts.items())
