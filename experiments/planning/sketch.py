"""A study's plan where its data, encoder or translators are not at hand: names stand for content.

What is planned, and how many runs there are, needs none of them. A run's id does, since it holds
what the run is made from: of a task with a stand-in nobody can tell which runs are done.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from experiments.planning.plan import Material, PlannedRun, check_overrides, load_source, source_of
from experiments.planning.resolved import ResolvedStudy
from experiments.running.encoders import encoder_for
from mixkd_core.data.tasks import EMBEDDED
from mixkd_core.errors import InputError
from mixkd_core.records.specs import CheckpointRef, checkpoint_ref

_NO_DATA = "0" * 64
_NO_DIGEST = "not read"


@dataclass(frozen=True)
class Sketch:
    """Everything that a plan can be made from.

    Attributes:
        materials: by task (`experiments.planning.plan.gather`), stand-ins among them.
        checkpoints: content of the checkpoints that the study names, stand-ins among them.
        absent: by task or checkpoint the sentence on what could not be read.
    """

    materials: Mapping[str, Material]
    checkpoints: Mapping[str, CheckpointRef]
    absent: Mapping[str, str]

    def is_whole(self, run: PlannedRun) -> bool:
        """Return True if everything that the run is made from was read."""
        own = {run.student_checkpoint, *(name for _, name in run.translators)}
        return run.spec.task not in self.absent and not own & set(self.absent)


def sketch(
    study: ResolvedStudy, out: Path, *, data_dir: Path | None = None, teacher: str | None = None
) -> Sketch:
    """Read what is there of a study's data and checkpoints, and put stand-ins for the rest.

    Raises:
        InputError: for settings that contradict each other, or options that no task would take.
    """
    check_overrides(study, data_dir, teacher)
    materials, checkpoints = {}, {}
    absent: dict[str, str] = {}
    for name, settings in study.tasks.items():
        source = source_of(name, settings, data_dir)
        fingerprint, examples = _NO_DATA, source.task.sizes.get("train", 0)
        remarks: tuple[str, ...] = ()
        encoder = settings.encoder if name in EMBEDDED else teacher or settings.encoder
        reference = CheckpointRef(name=encoder or "an encoder", digest=_NO_DIGEST)
        try:
            data = load_source(source)
            fingerprint, examples, remarks = data.fingerprint, len(data.train), data.remarks
            encoder = encoder_for(source.task, encoder, out)
            reference = checkpoint_ref(encoder)
        except (InputError, OSError) as error:
            absent[name] = str(error)
        material = Material(source, fingerprint, examples, encoder or "", reference, remarks)
        materials[name] = material
    for name in sorted(study.checkpoints):
        try:
            checkpoints[name] = checkpoint_ref(name)
        except (InputError, OSError) as error:
            checkpoints[name] = CheckpointRef(name=name, digest=_NO_DIGEST)
            absent[name] = str(error)
    return Sketch(materials, checkpoints, absent)


def without_copies(
    planned: Sequence[PlannedRun], depths: Mapping[str, int]
) -> tuple[tuple[PlannedRun, ...], tuple[PlannedRun, ...]]:
    """Part the runs whose student has every layer of its fine-tuned teacher from the others.

    Such a student starts as its teacher: nothing is compressed, and its distance to it is zero.

    Args:
        planned: the runs.
        depths: layers of the encoders, by folder or hub name, as far as they are known.

    Returns:
        The runs to do, and the copies.
    """
    copies = {run.spec.id for run in planned if _is_copy(run, depths)}
    return (
        tuple(run for run in planned if run.spec.id not in copies),
        tuple(run for run in planned if run.spec.id in copies),
    )


def _is_copy(run: PlannedRun, depths: Mapping[str, int]) -> bool:
    student = run.spec.student
    if student is None or student.init != "teacher" or student.layers is None:
        return False
    return student.layers == depths.get(run.material.encoder)
