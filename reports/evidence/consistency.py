"""Predictions on altered texts read back, and the numbers that describe them."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from mixkd_core.data.relations.relation import AGREEING, KINDS
from mixkd_core.errors import InputError
from mixkd_core.records.consistency import Predictions, read_predictions, stored_predictions
from reports.evidence.entries import Entry
from reports.evidence.handed_on import Answers, agreement_frame, agreement_with_teachers
from reports.statistics.consistency import (
    MeasureEstimate,
    Names,
    Outcomes,
    of_labelled_texts,
    where_predictions_should_agree,
    where_predictions_should_change,
)

# What is measured, in words. Below zero a difference in the first group is better.
LOWER_IS_BETTER: Mapping[str, str] = {
    "flip": "predictions that flip",
    "flip_right": "flips, original right",
    "worst_flip": "flips, worst alteration",
    "group_flip": "originals with any flip",
    "divergence": "divergence (bits)",
    "divergence_right": "divergence, original right (bits)",
    "unchanged": "unchanged where the label changed",
    "unchanged_right": "unchanged, original right",
    "worst_unchanged": "unchanged, worst alteration",
}
HIGHER_IS_BETTER: Mapping[str, str] = {
    "accuracy_before": "accuracy before",
    "accuracy_after": "accuracy after",
    "accuracy_after_right": "accuracy after, original right",
}
CONSISTENCY_MEASURES: Mapping[str, str] = {**LOWER_IS_BETTER, **HIGHER_IS_BETTER}

# Every alteration of a source and kind together.
ALL = "all"

COLUMNS = ("run", "source", "digest", "kind", "alteration", "measure", "value", "texts", "groups")


@dataclass(frozen=True, eq=False)
class Consistency:
    """The consistency of a store's runs.

    Attributes:
        numbers: a row per run × source × kind × alteration × measure, columns `COLUMNS`.
        folders: by run, source and digest where the predictions lie; empty for exported results.
        remarks: sentences about predictions that cannot be read, or that few runs have.
        agreement: of students with their teachers on the altered texts
            (`reports.evidence.handed_on.agreement_frame`); of exported results it is with the rest.
    """

    numbers: pd.DataFrame = field(default_factory=lambda: pd.DataFrame(columns=list(COLUMNS)))
    folders: Mapping[tuple[str, str, str], Path] = field(default_factory=dict)
    remarks: tuple[str, ...] = ()
    agreement: pd.DataFrame = field(default_factory=lambda: agreement_frame([]))


def read_consistency(out: Path, entries: Iterable[Entry]) -> Consistency:
    """Read what `mixkd consistency` stored beside the finished runs of a folder.

    Of several digests of one source (other texts, or another number of them) the one that most runs
    of the task have is taken, then the one with most texts.
    """
    entries = list(entries)
    found: dict[tuple[str, str], dict[str, dict[str, tuple[Path, int]]]] = {}
    remarks = []
    for entry in entries:
        if entry.record is None:
            continue
        for folder in stored_predictions(out, entry.id):
            try:
                read = _read(folder)
            except InputError as error:
                remarks.append(f"{folder.parent.name}/{folder.name}: {error}")
                continue
            digests = found.setdefault((entry.task, read.about.source), {})
            digests.setdefault(read.about.digest, {})[entry.id] = (folder, len(read.ids))
    rows: list[dict[str, Any]] = []
    agreements: list[dict[str, Any]] = []
    folders = {}
    for (task, source), digests in found.items():

        def rank(digest: str, of: Mapping[str, Mapping[str, tuple[Path, int]]] = digests) -> Any:
            return len(of[digest]), max(texts for _, texts in of[digest].values()), digest

        chosen = max(digests, key=rank)
        for digest, runs in digests.items():
            if digest != chosen:
                remarks.append(
                    f"{source} of {task}: predictions of {len(runs)} runs on other texts "
                    f"({digest}) are left out; most runs have {chosen}."
                )
        answers: dict[tuple[str, str], Answers] = {}
        for run, (folder, _) in digests[chosen].items():
            folders[run, source, chosen] = folder
            read = _read(folder)
            rows += _rows(run, read)
            answers |= {(run, name): said for name, said in _answers(read).items()}
        agreements += agreement_with_teachers(entries, answers)
    frame = pd.DataFrame(rows, columns=list(COLUMNS))
    return Consistency(frame, folders, tuple(remarks), agreement_frame(agreements))


def estimates(outcomes: Outcomes, kind: str) -> dict[str, MeasureEstimate]:
    """Return every measure of altered texts of one kind, by name."""
    if kind in AGREEING:
        return where_predictions_should_agree(outcomes)
    if kind == "labelled":
        return of_labelled_texts(outcomes)
    return where_predictions_should_change(outcomes)


@lru_cache(maxsize=512)
def stored_estimate(folder: Path, kind: str, measure: str) -> tuple[MeasureEstimate, Names]:
    """Return a measure of stored predictions, and the group of each of its texts.

    Raises:
        InputError: if they cannot be read.
        KeyError: if the measure is not defined on them.
    """
    read = _read(folder)
    outcomes = _outcomes(read, read.kinds == kind)
    return estimates(outcomes, kind)[measure], outcomes.groups


@lru_cache(maxsize=64)
def _read(folder: Path) -> Predictions:
    return read_predictions(folder)


def _answers(read: Predictions) -> dict[str, Answers]:
    """By set, the altered texts of one kind, what the network said of them."""
    answers = {}
    for kind in KINDS:
        chosen = read.kinds == kind
        if chosen.any():
            name = f"{read.about.source} ({kind})"
            asked = f"{read.about.digest} {kind}"
            answers[name] = Answers(read.altered_logits[chosen], read.altered_labels[chosen], asked)
    return answers


def _rows(run: str, read: Predictions) -> list[dict[str, Any]]:
    rows = []
    for kind in KINDS:
        of_kind = read.kinds == kind
        if not of_kind.any():
            continue
        names = sorted(set(read.alterations[of_kind]))
        parts = {ALL: of_kind}
        if len(names) > 1:
            parts |= {name: of_kind & (read.alterations == name) for name in names}
        for alteration, chosen in parts.items():
            one = _outcomes(read, chosen)
            groups = len(set(one.groups))
            rows += [
                {
                    "run": run,
                    "source": read.about.source,
                    "digest": read.about.digest,
                    "kind": kind,
                    "alteration": alteration,
                    "measure": measure,
                    "value": estimate.value,
                    "texts": estimate.texts,
                    "groups": groups,
                }
                for measure, estimate in estimates(one, kind).items()
            ]
    return rows


def _outcomes(read: Predictions, chosen: Any) -> Outcomes:
    return Outcomes(
        read.logits[chosen].astype(np.float64),
        read.altered_logits[chosen].astype(np.float64),
        read.labels[chosen],
        read.altered_labels[chosen],
        read.groups[chosen],
        read.alterations[chosen],
    )
