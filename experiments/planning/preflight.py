"""The check, before the first run of a plan is started, that all of them can be done."""

from collections.abc import Sequence
from pathlib import Path

from experiments.planning.plan import PlannedRun, Source, load_source
from experiments.running.evaluation_sets import validation_sets
from experiments.running.runner import Resources, check
from mixkd_core.data.columns import column_values, take_rows
from mixkd_core.data.subsets import check_fraction, subset_indices
from mixkd_core.errors import InputError
from mixkd_core.networks.checkpoints import load_config


def check_all(planned: Sequence[PlannedRun], out: Path, *, allow_new_weights: bool = False) -> None:
    """Refuse a plan with a run that cannot be.

    Args:
        allow_new_weights: as in `experiments.running.runner.Resources`.

    Raises:
        InputError: naming the first such run, or translator, and what does not fit.
    """
    for checkpoint in sorted({name for run in planned for _, name in run.translators}):
        if not load_config(checkpoint).is_encoder_decoder:
            raise InputError(
                f"checkpoint {checkpoint!r} does not translate: give a sequence-to-sequence one, "
                "such as Helsinki-NLP/opus-mt-en-de, as translators.forward and .backward."
            )
    for source, fraction, validation in {
        (run.material.source, run.spec.fraction, run.spec.evaluation.validation): None
        for run in planned
    }:
        check_sets(source, fraction, validation)
    seen = set()
    for run in planned:
        if (kind := (run.spec.task, str(run.spec.student))) in seen:
            continue
        seen.add(kind)
        resources = Resources(
            load_source(run.material.source),
            run.material.encoder,
            out,
            student_checkpoint=run.student_checkpoint,
            allow_new_weights=allow_new_weights,
        )
        try:
            check(run.spec, resources)
        except InputError as error:
            raise InputError(f"{run.labels[0]} on {run.spec.task}: {error}") from error


def check_sets(source: Source, fraction: float, validation: float | None) -> None:
    """Refuse a training subset or a validation set without examples; no seed changes their sizes.

    Args:
        source: of the task's examples.
        fraction: share of the training split to learn from.
        validation: share of that subset to hold out; None holds none out.

    Raises:
        InputError: naming the task and the share that is too small, or too large.
    """
    data = load_source(source)
    train = data.train
    if not data.evaluation and fraction == 1 and validation is None:
        raise InputError(
            f"{source.task.name}: at fraction 1 of its training file nothing is held out to "
            "measure on: give 'evaluation' or 'dev_fraction' under its 'files', or a smaller "
            "fraction."
        )
    try:
        labels = column_values(train, "label")
        check_fraction(labels, fraction)
        if validation is not None:
            subset = subset_indices(column_values(train, "example_id"), labels, fraction, seed=0)
            validation_sets(take_rows(train, subset), validation, seed=0)
    except InputError as error:
        raise InputError(f"{source.task.name}: {error}") from error
