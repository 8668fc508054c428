"""The time of runs that no finished run tells of, from a few training steps timed here.

In processor time of one core, runs of SST-2 at 1 % (6 layers of width 384 to 3) took 1.03 times
(teacher) and 1.14 times (`kd`) what was told; those of `smoke`, where what is told leaves out most,
1.0 to 1.4 times. A machine that others use at the same time can be as wrong as they are busy.
"""

from collections.abc import Callable, Sequence
from pathlib import Path

from experiments.planning.plan import PlannedRun, load_source
from experiments.running.runner import Resources
from experiments.running.step_times import StepTimes, TextLengths, text_lengths, time_network
from experiments.running.training import steps_of
from mixkd_core.networks.checkpoints import load_tokenizer
from mixkd_core.records.specs import RunSpec

# Beside those of `experiments.planning.plan.BASES`.
TIMED = "training steps of their networks, timed here just now: in trials within a factor of two"


class Calibration:
    """Times each network of a plan once, and makes up runs from that.

    Args:
        out: the store; nothing is written there.
        say: told of each network how fast it is, as soon as it is timed.
        allow_new_weights: as in `experiments.running.runner.Resources`.
    """

    def __init__(
        self, out: Path, say: Callable[[str], None], *, allow_new_weights: bool = False
    ) -> None:
        self._out, self._say, self._allow_new_weights = out, say, allow_new_weights
        self._times: dict[tuple[object, ...], StepTimes] = {}
        self._lengths: dict[tuple[object, ...], TextLengths] = {}

    def seconds(self, run: PlannedRun) -> float:
        """Return about how long a run takes, all that it learns from and is measured on read.

        Counted is what `MixKDTrainer` makes the networks read: the student originals and draws,
        the teacher draws (its outputs on originals are stored once for all students).
        """
        spec, training = run.spec, run.spec.training
        own = self._times_of(run, spec)
        lengths = self._lengths_of(run)
        copies = 0 if training.augmentation is None else training.augmentation.copies
        examples = run.examples * (1 + copies)
        seconds = own.start + self._measured(run) * lengths.mean * own.reading
        if not training.epochs:
            return seconds
        steps = steps_of(training, examples)
        originals, drawn, asked = _tokens(run, lengths)
        batch = min(training.batch_size, examples)
        seconds += steps * (own.update + batch * (originals + drawn) * own.learning)
        if asked:
            seconds += steps * batch * asked * self._times_of(run, spec.teacher_spec).reading
        return seconds

    def _times_of(self, run: PlannedRun, spec: RunSpec) -> StepTimes:
        student = spec.student
        network = None if student is None else (student.layers, student.checkpoint)
        key = (spec.encoder.digest, network, spec.training.precision)
        if key not in self._times:
            self._times[key] = timed = time_network(spec, self._resources(run))
            length, texts = self._lengths_of(run).mean, spec.training.batch_size
            self._say(
                f"timed here: {_network_name(spec)}, {spec.training.precision}: a step on {texts} "
                f"texts of {length:.0f} tokens takes "
                f"{texts * length * timed.learning + timed.update:.2g} s"
            )
        return self._times[key]

    def _lengths_of(self, run: PlannedRun) -> TextLengths:
        spec = run.spec
        key = (spec.encoder.digest, spec.data, spec.training.max_length)
        if key not in self._lengths:
            data = load_source(run.material.source)
            tokenizer = load_tokenizer(run.material.encoder)
            self._lengths[key] = text_lengths(data, tokenizer, spec.training.max_length)
        return self._lengths[key]

    def _resources(self, run: PlannedRun) -> Resources:
        return Resources(
            load_source(run.material.source),
            run.material.encoder,
            self._out,
            student_checkpoint=run.student_checkpoint,
            allow_new_weights=self._allow_new_weights,
        )

    def _measured(self, run: PlannedRun) -> int:
        """Count the texts that a run is measured on."""
        data, evaluation = load_source(run.material.source), run.spec.evaluation
        if evaluation.validation is not None:
            return round(run.examples / (1 - evaluation.validation))
        sets = [run.examples, min(evaluation.remainder_size, len(data.train) - run.examples)]
        sets += map(len, data.evaluation.values())
        sets += [len(data.test)] if data.test is not None else []
        sets += [evaluation.fresh_size] if data.fresh is not None else []
        return sum(sets)


def timed_here(
    runs: Sequence[PlannedRun],
    out: Path,
    say: Callable[[str], None],
    *,
    allow_new_weights: bool = False,
) -> dict[str, tuple[float, str]]:
    """Return by id the seconds that runs will take, and what tells them."""
    calibration = Calibration(out, say, allow_new_weights=allow_new_weights)
    return {run.spec.id: (calibration.seconds(run), TIMED) for run in runs}


def _network_name(spec: RunSpec) -> str:
    if spec.student is None:
        return f"the teacher from {spec.encoder.name}"
    if spec.student.checkpoint is not None:
        return f"a student from {spec.student.checkpoint.name}"
    return f"a student of {spec.student.layers} of its layers"


def _tokens(run: PlannedRun, lengths: TextLengths) -> tuple[float, float, float]:
    """Return tokens per original: of originals and draws that are learnt from, of draws asked.

    Draws that are mixed at a hidden layer are read as two texts.
    """
    spec, objective = run.spec, run.spec.objective
    if spec.student is not None:
        ratio, apart = spec.student.mixup_ratio, spec.student.mix_layer != 0
    else:
        ratio = 0.0 if spec.teacher_mixup is None else spec.teacher_mixup.ratio
        apart = False
    originals = lengths.mean if objective.uses_originals else 0.0
    of_draw = lengths.mean if objective.transfers else lengths.longer
    drawn = ratio * of_draw * (1 + apart) if objective.draws else 0.0
    asked = drawn if objective.terms & {"tmkd", "transfer"} else 0.0
    return originals, drawn, asked
