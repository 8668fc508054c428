"""The sets that a run is evaluated on."""

from collections.abc import Mapping
from typing import Any

from mixkd_core.data.columns import column_values, take_rows
from mixkd_core.data.inspection import overlap
from mixkd_core.data.labelled_test import TEST
from mixkd_core.data.subsets import remainder_sample, subset_indices
from mixkd_core.data.task_data import TaskData
from mixkd_core.errors import InputError
from mixkd_core.records.specs import RunSpec

# Fresh draws must not depend on the run's seed: methods and seeds are compared on one sample.
FRESH_SEED = 0


def evaluation_sets(spec: RunSpec, data: TaskData) -> dict[str, Any]:
    """The sets that a run is evaluated on, in the canonical columns, the training subset first.

    `train` is the subset; `remainder` a random sample of the training split's unused part (the
    subset's own law); the task's development sets; `test`, if one was given; `fresh`, where the
    law is known, new draws.
    Sets that would be empty are left out. A run for choosing settings has two sets only, both
    parts of the subset: `train`, and `validation`, which is held out.
    """
    ids, labels = _ids_and_labels(data.train)
    subset = subset_indices(ids, labels, spec.fraction, spec.seed)
    if spec.evaluation.validation is not None:
        return validation_sets(take_rows(data.train, subset), spec.evaluation.validation, spec.seed)
    unused = remainder_sample(ids, labels, spec.fraction, spec.seed, spec.evaluation.remainder_size)
    sets = {"train": take_rows(data.train, subset)}
    if len(unused):
        sets["remainder"] = take_rows(data.train, unused)
    sets |= dict(data.evaluation)
    if data.test is not None:
        sets[TEST] = data.test
    if data.fresh is not None and spec.evaluation.fresh_size:
        sets["fresh"] = data.fresh(spec.evaluation.fresh_size, FRESH_SEED)
    return sets


def transfer_set(spec: RunSpec, data: TaskData) -> Any:
    """The unlabelled texts that a run's teacher is asked about, in the canonical columns.

    All of the training split that the run neither learns from nor is measured on: without that
    second condition the risk on the remainder would be one on texts that the student has seen.

    Raises:
        InputError: if there are none.
    """
    ids, labels = _ids_and_labels(data.train)
    size = spec.evaluation.remainder_size
    unused = remainder_sample(ids, labels, spec.fraction, spec.seed, len(ids))
    if len(unused) <= size:
        raise InputError(
            "method 'transfer' asks the teacher about texts of the training split that are neither "
            f"trained nor measured on, and none are left: of {len(ids)} examples a fraction of "
            f"{spec.fraction:g} is learnt from and up to {size} are measured on (the remainder). "
            "Give a smaller fraction, or measure on fewer (--remainder-size, or "
            "evaluation.remainder_size of a study)."
        )
    return take_rows(data.train, unused[size:])


def validation_sets(subset: Any, share: float, seed: int) -> dict[str, Any]:
    """A training subset without its held-out part, and that part.

    Raises:
        InputError: if the share is too small to hold out an example, or leaves too few to train on.
    """
    ids, labels = _ids_and_labels(subset)
    held_out = remainder_sample(ids, labels, 1 - share, seed, len(ids))
    if not len(held_out):
        raise InputError(
            f"a share of {share:g} of {len(ids)} training examples leaves "
            "none for validation: hold out more, by evaluation.validation of a study or "
            "--validation of mixkd tune."
        )
    return {
        "train": take_rows(subset, subset_indices(ids, labels, 1 - share, seed)),
        "validation": take_rows(subset, held_out),
    }


def remark_on_remainder(sets: Mapping[str, Any], data: TaskData) -> str | None:
    """Return how many examples of the remainder the training subset holds too, in words, or None.

    The sets of files were compared when they were read; the remainder depends on the run. Where
    the law is known, texts coincide by chance.
    """
    if "remainder" not in sets or data.fresh is not None:
        return None
    shared = overlap(sets["train"], sets["remainder"])
    return shared.sentence("the remainder") if shared.alike else None


def _ids_and_labels(data: Any) -> tuple[list[str], list[float]]:
    return column_values(data, "example_id"), column_values(data, "label")
