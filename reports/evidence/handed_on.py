"""Agreement with the teacher where no table of a student holds its teacher's logits.

On mixtures and on altered texts each network is asked for itself. A student's teacher is another
run of the store, and the two are compared where both were asked the same.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from mixkd_core.records.consistency import UNKNOWN
from reports.evidence.entries import Entry
from reports.statistics.agreement import Agreement, agreement_of

# What a store's agreement says of mixtures of training points.
MIXTURES = "mixtures"

COLUMNS = ("run", "set", *(its.name for its in fields(Agreement)))


@dataclass(frozen=True)
class Answers:
    """A network's logits on one set.

    Attributes:
        logits: of shape `(n, num_labels)`.
        labels: of shape `(n,)`, `UNKNOWN` where there is none.
        digest: of what was asked.
    """

    logits: NDArray[Any]
    labels: NDArray[np.int64]
    digest: str


def agreement_frame(rows: Sequence[Mapping[str, Any]]) -> pd.DataFrame:
    """A row per student × set."""
    return pd.DataFrame(rows, columns=list(COLUMNS))


def agreement_with_teachers(
    entries: Sequence[Entry], answers: Mapping[tuple[str, str], Answers]
) -> list[dict[str, Any]]:
    """Compare each student with its teacher on the sets that both were asked.

    Args:
        entries: finished runs, teachers among them.
        answers: by run and set what its network said.

    Returns:
        Rows of `agreement_frame`. A student whose teacher was not asked, or was asked something
        else, has none; no teacher has any.
    """
    teachers = {
        entry.id: entry.finished.spec.teacher_spec.id
        for entry in entries
        if entry.record is not None and entry.finished.spec.student is not None
    }
    rows = []
    for (run, name), student in answers.items():
        teacher = answers.get((teachers.get(run, ""), name))
        if teacher is not None and teacher.digest == student.digest:
            found = agreement_of(student.logits, teacher.logits, student.labels)
            rows.append({"run": run, "set": name, **found.row()})
    return rows


def of_mixtures(logits: NDArray[Any], digest: str) -> Answers:
    """A network's answers on mixtures, which have no label."""
    return Answers(logits, np.full(len(logits), UNKNOWN), digest)
