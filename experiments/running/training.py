"""Training one network as a run asks for it: arguments, progress and checkpoints on the way."""

import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tqdm.auto import tqdm
from transformers import PrinterCallback, TrainerCallback, TrainerState

from experiments.running.checkpoints import KEPT, TimedCheckpoints, newest_checkpoint
from experiments.running.durations import duration
from experiments.running.processes import count, in_every_process, share_of_batch
from mixkd_core.records.environment import hardware
from mixkd_core.records.specs import RunSpec, TrainingSpec
from mixkd_core.records.usual import ENOUGH_STEPS
from mixkd_core.training.arguments import METHOD_SETTINGS, MixKDArguments
from mixkd_core.training.trainer import MixKDTrainer

SECONDS_BETWEEN_CHECKPOINTS = 120
SECONDS_BETWEEN_LINES = 60
LOGGING_STEPS_IN_A_RUN = 40

# Their names end in no run's id, so they are not taken for run folders.
TEACHER_OUTPUTS = ".teacher-outputs"
TOKENS = ".tokens"


def train(
    network: Any,
    dataset: Any,
    spec: RunSpec,
    *,
    folder: Path,
    label: str,
    teacher: Any = None,
    transfer: Any = None,
    say: Callable[[str], None] = print,
) -> list[dict[str, Any]]:
    """Train `network` in place; a repeated call goes on from the last whole checkpoint in `folder`.

    Where several processes were launched (`experiments.running.processes`), all take part.

    Args:
        dataset: tokenised examples, as for `MixKDTrainer`.
        spec: the run that the network is trained for.
        folder: where checkpoints go, a folder inside the run's own.
        label: what the progress bar says.
        teacher: the fine-tuned teacher, where the method has one.
        transfer: tokenised texts of the transfer set, where the method has one.
        say: told of checkpoints that were set aside (`experiments.running.checkpoints`), and once
            a minute how far the training is, where no terminal shows it.

    Returns:
        The training curve, one entry per logging step.

    Raises:
        InputError: if several processes cannot share a batch evenly.
    """
    return in_every_process(
        _train,
        network,
        dataset,
        spec,
        folder=folder,
        label=label,
        teacher=teacher,
        transfer=transfer,
        checkpoint=newest_checkpoint(folder, spec.id, say),
        say=print if count() > 1 else say,  # what goes to other processes is found by its name
    )


def _train(
    network: Any,
    dataset: Any,
    spec: RunSpec,
    *,
    folder: Path,
    label: str,
    teacher: Any,
    transfer: Any,
    checkpoint: str | None,
    say: Callable[[str], None],
) -> list[dict[str, Any]]:
    """Do the part of a training that each process does."""
    arguments = training_arguments(spec, len(dataset), folder)
    trainer = MixKDTrainer(
        network,
        arguments,
        train_dataset=dataset,
        teacher=teacher,
        transfer_dataset=transfer,
        callbacks=[
            TimedCheckpoints(SECONDS_BETWEEN_CHECKPOINTS, spec.id),
            ProgressBar(label) if sys.stderr.isatty() else ProgressLines(say),
        ],
    )
    trainer.remove_callback(PrinterCallback)
    trainer.train(resume_from_checkpoint=checkpoint)
    without_autocast(network)
    history: list[dict[str, Any]] = trainer.state.log_history
    return history


def without_autocast(network: Any) -> None:
    """Take off what accelerate put around the network's `forward` to train it in bfloat16.

    Left on, it would go on computing in bfloat16, where evaluation is to be in float32; and its
    bound methods would tie the network to itself, so that it stayed in memory until Python next
    looked for cycles, which can be several runs later. `Accelerator.unwrap_model` is no
    help: it leaves a bound method behind, and takes off decorators of the class's own `forward`.
    """
    for name in ("forward", "_original_forward"):
        vars(network).pop(name, None)


def steps_of(training: TrainingSpec, examples: int) -> int:
    """Count the optimiser's steps of a training on so many examples."""
    return max(1, round(training.epochs * -(-examples // training.batch_size)))


def in_words(training: TrainingSpec, examples: int) -> str:
    """Say how long a training is: on small data steps decide, and epochs hide them.

    What may make it useless, or too slow to wait for, is said as well.
    """
    steps = steps_of(training, examples)
    told = (
        f"{steps} steps: {training.epochs:g} epochs of {examples} examples in batches of "
        f"{training.batch_size}"
    )
    if steps < ENOUGH_STEPS:
        told += (
            "; so few may teach nothing: give more epochs or smaller batches if the result is no "
            "better than the majority class"
        )
    if training.precision == "bf16" and not hardware().bf16:
        told += (
            "; bfloat16 is not computed natively here and can take fifty times as long as float32: "
            "give precision fp32"
        )
    return told


def training_arguments(spec: RunSpec, examples: int, folder: Path) -> MixKDArguments:
    """The arguments of the trainer that a specification stands for."""
    import torch

    training = spec.training
    steps = steps_of(training, examples)
    arguments = MixKDArguments(
        output_dir=str(folder),
        num_train_epochs=training.epochs,
        learning_rate=training.learning_rate,
        per_device_train_batch_size=share_of_batch(training.batch_size),
        warmup_steps=training.warmup,
        weight_decay=training.weight_decay,
        bf16=training.precision == "bf16",
        use_cpu=not torch.accelerator.is_available(),
        seed=spec.seed,
        logging_steps=max(1, steps // LOGGING_STEPS_IN_A_RUN),
        save_strategy="no",
        save_total_limit=KEPT,
        report_to="none",
        disable_tqdm=True,
        # In the store, beside the run folder that the checkpoints are in.
        teacher_cache_dir=str(folder.parents[1] / TEACHER_OUTPUTS),
        **_method_arguments(spec),
    )
    # A process takes one GPU. Where it sees several, `Trainer` would split each batch among them,
    # and make the batches as many times larger.
    arguments._n_gpu = min(arguments.n_gpu, 1)
    return arguments


def _method_arguments(spec: RunSpec) -> dict[str, Any]:
    """Return what the arguments say of the method, by name."""
    student, mixup = spec.student, spec.teacher_mixup
    if student is not None:
        weights = {f"alpha_{term}": weight for term, weight in student.weights.items()}
        return weights | {name: getattr(student, name) for name in METHOD_SETTINGS}
    if mixup is not None:
        return {"method": "sm", "mixup_alpha": mixup.alpha, "mixup_ratio": mixup.ratio}
    return {"method": "ft"}


class ProgressBar(TrainerCallback):  # type: ignore[misc]
    """One line that counts optimisation steps and shows the latest loss; gone at the end."""

    def __init__(self, label: str) -> None:
        self.label = label
        self.bar: Any = None

    def on_train_begin(self, args: Any, state: TrainerState, *_: Any, **kwargs: Any) -> None:
        self.bar = tqdm(
            total=state.max_steps,
            initial=state.global_step,
            desc=self.label,
            unit="step",
            leave=False,
            # Silent where nobody watches, and in all processes of a launch but one.
            disable=None if state.is_world_process_zero else True,
        )

    def on_step_end(self, args: Any, state: TrainerState, *_: Any, **kwargs: Any) -> None:
        self.bar.update(state.global_step - self.bar.n)

    def on_log(
        self, args: Any, state: TrainerState, control: Any, logs: Any = None, **kwargs: Any
    ) -> None:
        if logs and "loss" in logs:
            self.bar.set_postfix_str(f"loss {logs['loss']:.3f}")

    def on_train_end(self, args: Any, state: TrainerState, *_: Any, **kwargs: Any) -> None:
        self.bar.close()


class ProgressLines(TrainerCallback):  # type: ignore[misc]
    """A line a minute: the step, the latest loss, and the time that is left."""

    def __init__(
        self, say: Callable[[str], None], clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._say, self._clock = say, clock
        self._loss = ""

    def on_train_begin(self, args: Any, state: TrainerState, *_: Any, **kwargs: Any) -> None:
        self._began = self._told = self._clock()
        self._first = state.global_step

    def on_step_end(self, args: Any, state: TrainerState, *_: Any, **kwargs: Any) -> None:
        now = self._clock()
        if not state.is_world_process_zero or now - self._told < SECONDS_BETWEEN_LINES:
            return
        self._told = now
        of_one = (now - self._began) / (state.global_step - self._first)
        left = duration(of_one * (state.max_steps - state.global_step))
        self._say(f"step {state.global_step} of {state.max_steps}{self._loss}, about {left} left")

    def on_log(
        self, args: Any, state: TrainerState, control: Any, logs: Any = None, **kwargs: Any
    ) -> None:
        if logs and "loss" in logs:
            self._loss = f", loss {logs['loss']:.3f}"
