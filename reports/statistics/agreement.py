"""Agreement: how far a student predicts what its teacher predicts, right or wrong.

A student that is as accurate as its teacher may err elsewhere. Agreement with it
is smaller than one might think (Stanton et al., 2021). Where the teacher errs, networks that learnt
from labels alone agree with it too, since they err on the same hard examples: what is handed on
beside the labels is the difference from fine-tuning.
"""

from dataclasses import asdict, dataclass

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import log_softmax

from mixkd_core.errors import InputError


@dataclass(frozen=True)
class Agreement:
    """Student and teacher on one set.

    Attributes:
        agreement: share of examples on which both predict one class.
        divergence: mean KL divergence of the student's probabilities from the teacher's, in nats.
        teacher_right, teacher_wrong: examples on which the teacher is right, and errs; one without
            a label is neither.
        agreement_right, agreement_wrong: agreement on these; None where there are none.
    """

    agreement: float
    divergence: float
    teacher_right: int
    teacher_wrong: int
    agreement_right: float | None
    agreement_wrong: float | None

    def row(self) -> dict[str, float | None]:
        """Every number by name."""
        return asdict(self)


def agreement_of(student: ArrayLike, teacher: ArrayLike, labels: ArrayLike) -> Agreement:
    """Compare two networks' logits on the same examples.

    Args:
        student, teacher: logits of shape `(n, num_labels)`, two classes or more.
        labels: class indices, of shape `(n,)`; below 0 where there is none, as of a mixture.

    Raises:
        InputError: for shapes that do not fit together, or no example.
    """
    ours, theirs = (np.asarray(logits, dtype=np.float64) for logits in (student, teacher))
    truth = np.asarray(labels)
    if ours.shape != theirs.shape or ours.ndim != 2 or len(truth) != len(ours) or not len(ours):
        raise InputError(
            f"the student's logits have the shape {ours.shape}, the teacher's {theirs.shape} and "
            f"the labels {truth.shape}: give one row of logits of each for every label."
        )
    said, taught = ours.argmax(axis=1), theirs.argmax(axis=1)
    same, right = said == taught, taught == truth
    wrong = ~right & (truth >= 0)
    log_student, log_teacher = log_softmax(ours, axis=1), log_softmax(theirs, axis=1)
    divergence = (np.exp(log_teacher) * (log_teacher - log_student)).sum(axis=1)
    return Agreement(
        agreement=float(same.mean()),
        divergence=float(divergence.mean()),
        teacher_right=int(right.sum()),
        teacher_wrong=int(wrong.sum()),
        agreement_right=float(same[right].mean()) if right.any() else None,
        agreement_wrong=float(same[wrong].mean()) if wrong.any() else None,
    )
