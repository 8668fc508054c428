"""Whether the runs of a plan can be, asked before the first of them is started."""

from collections.abc import Sequence
from pathlib import Path

from experiments.plan import PlannedRun, load_source
from experiments.runner import Resources, check
from mixkd_core.checkpoints import load_config
from mixkd_core.errors import InputError


def check_all(planned: Sequence[PlannedRun], out: Path) -> None:
    """Refuse a plan with a run that cannot be.

    Raises:
        InputError: naming the first such run, or translator, and what does not fit.
    """
    for checkpoint in sorted({name for run in planned for _, name in run.translators}):
        if not load_config(checkpoint).is_encoder_decoder:
            raise InputError(
                f"checkpoint {checkpoint!r} does not translate: give a sequence-to-sequence one, "
                "such as Helsinki-NLP/opus-mt-en-de, as translators.forward and .backward."
            )
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
        )
        try:
            check(run.spec, resources)
        except InputError as error:
            raise InputError(f"{run.labels[0]} on {run.spec.task}: {error}") from error
