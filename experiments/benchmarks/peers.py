"""The peers of `MixKDTrainer`: three ways in which people train such students.

* **a plain `Trainer`** (`PlainTrainer`): fine-tuning with every text padded to the maximum
  length, as the public GLUE example of `transformers` does.
* **the obvious MixKD** (`ObviousMixKD`): written straight from the paper's equations. Random
  batches, partners by permuting the batch, one pass of the student over the originals, one over
  the mixed samples, one of the teacher over them. *Grouped*, its batches are of like length, as
  `transformers` cuts them for one argument: pairs are then of like with like.
* **TextBrewer** (`TextBrewerKD`): its `GeneralDistiller`, for distillation on the originals.

They are not slowed down: all have the optimiser, schedule and gradient clipping of ours, their
texts are tokenised beforehand, their batches are cut from our token table (faster than the usual
collators), and TextBrewer is kept from writing checkpoints.
"""

import importlib
import tempfile
import warnings
from abc import ABC, abstractmethod
from collections.abc import Iterator
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from transformers import (
    PrinterCallback,
    Trainer,
    TrainingArguments,
    default_data_collator,
    get_linear_schedule_with_warmup,
)
from transformers.trainer_pt_utils import get_length_grouped_indices

from experiments.benchmarks.alternation import Pace, Stopwatch, Stretch
from experiments.benchmarks.ours import StepClock, evenly_spread, loop_arguments
from experiments.benchmarks.workload import SEED, Workload, autocast
from mixkd_core.data.token_table import Padded
from mixkd_core.records.specs import StudentSpec

LEAST_STEPS, MOST_STEPS = 2, 64
MIXUP_ALPHA = StudentSpec.model_fields["mixup_alpha"].default
MAX_GRAD_NORM = 1.0


class RandomBatches:
    """Batches of a random order of the texts, padded to the longest or to the maximum; timed.

    Iterating yields one batch to warm up and `steps` more, evenly spread over the lengths that
    such batches have; the stopwatch starts when the second is asked for.

    Args:
        pad_to_maximum: pad to the workload's longest text, not to the batch's.
        grouped: order the texts as `Trainer` does with `train_sampling_strategy="group_by_length"`.
    """

    def __init__(
        self, workload: Workload, batch_size: int, *, pad_to_maximum: bool, grouped: bool = False
    ) -> None:
        self.table = workload.table
        self.device = workload.device
        self.maximum = workload.max_length if pad_to_maximum else None
        self.stopwatch = Stopwatch(workload.device)
        order = np.random.default_rng(SEED).permutation(len(self.table))
        if grouped:
            generator = torch.Generator().manual_seed(SEED)
            lengths = self.table.lengths.tolist()
            order = np.array(get_length_grouped_indices(lengths, batch_size, generator=generator))
        count = len(order) // batch_size
        self.batches = order[: count * batch_size].reshape(count, batch_size)
        self.longest = self.table.lengths[self.batches].max(axis=1)
        self.steps = LEAST_STEPS

    def chosen(self) -> NDArray[np.int64]:
        """Rows of the timed batches, of shape `(steps, batch_size)`."""
        return self.batches[evenly_spread(self.longest, min(self.steps, len(self.batches)))]

    def __iter__(self) -> Iterator[Padded]:
        warm_up = self.batches[self.longest.argmax()]
        for number, rows in enumerate((warm_up, *self.chosen())):
            if number == 1:
                self.stopwatch.start()
            yield self.padded(rows)

    def padded(self, rows: NDArray[np.int64]) -> Padded:
        """The texts of `rows` and their labels, on the device."""
        length = self.maximum or int(self.table.lengths[rows].max())
        batch = {
            **self.table.pad(rows, length),
            "labels": torch.from_numpy(self.table.labels[rows]),
        }
        return {name: tensor.to(self.device) for name, tensor in batch.items()}

    def stretch(self, mixed: bool) -> Stretch:
        """Return what was timed, now that the last step is done."""
        wall, cpu = self.stopwatch.elapsed()
        chosen = self.chosen()
        lengths = self.table.lengths[chosen]
        tokens = int(lengths.sum())
        if mixed:  # of a text and a random one of its batch the longer counts: the mean over pairs
            longer = np.maximum(lengths[:, :, None], lengths[:, None, :])
            tokens += round(longer.mean(axis=(1, 2)).sum() * lengths.shape[1])
        return Stretch(len(chosen), chosen.size, tokens, wall, cpu)


class PeerLoop(ABC):
    """A peer with a loop of its own; called with seconds it trains for about as long."""

    mixes = False

    def __init__(
        self,
        workload: Workload,
        *,
        pad_to_maximum: bool,
        grouped: bool = False,
        precision: str = "fp32",
        batch_size: int = 32,
    ) -> None:
        self.workload = workload
        self.precision = precision
        self.batches = RandomBatches(
            workload, batch_size, pad_to_maximum=pad_to_maximum, grouped=grouped
        )
        self.student = workload.student()
        self.optimizer = trainers_optimizer(self.student, loop_arguments(workload, precision, 1))
        self.pace = Pace(LEAST_STEPS, MOST_STEPS)

    def __call__(self, seconds: float) -> Stretch:
        self.batches.steps = self.pace.asked(seconds)
        # Loops written by hand take their backward passes under it too, which changes nothing.
        with autocast(self.workload.device, self.precision):
            self.run()
        return self.pace.note(self.batches.stretch(self.mixes))

    @abstractmethod
    def run(self) -> None:
        """Train on the batches once through."""


class ObviousMixKD(PeerLoop):
    """`sm+tmkd` as one writes it down: three passes, partners from the batch."""

    mixes = True

    def run(self) -> None:
        schedule = get_linear_schedule_with_warmup(self.optimizer, 0, self.batches.steps + 1)
        generator = np.random.default_rng(SEED)
        for batch in self.batches:
            size = len(batch["labels"])
            partner = torch.from_numpy(generator.permutation(size)).to(self.workload.device)
            second = {name: tensor[partner] for name, tensor in batch.items()}
            drawn = generator.beta(MIXUP_ALPHA, MIXUP_ALPHA, size).astype(np.float32)
            coefficients = torch.from_numpy(drawn).to(self.workload.device)
            loss = obvious_loss(
                self.student, self.workload.teacher, batch, batch, second, coefficients
            )
            torch.autograd.backward(loss)
            nn.utils.clip_grad_norm_(self.student.parameters(), MAX_GRAD_NORM)
            self.optimizer.step()
            schedule.step()
            self.optimizer.zero_grad()


def obvious_loss(
    student: Any,
    teacher: Any,
    originals: Padded,
    first: Padded,
    second: Padded,
    coefficients: Tensor,
) -> Tensor:
    """L_mle + L_sm + L_tmkd from their definitions, a scalar; d is the mean squared error.

    Args:
        originals, first, second: padded texts and `labels`; the members of the pairs to one length.
        coefficients: λ of the first members, of shape `(m,)`.
    """
    loss: Tensor = student(**originals).loss
    mask = (first["attention_mask"] | second["attention_mask"]).float()

    def mixed_logits(network: Any) -> Tensor:
        weight = coefficients[:, None, None]
        mixed = weight * _embeddings(network, first) + (1 - weight) * _embeddings(network, second)
        logits: Tensor = network(inputs_embeds=mixed, attention_mask=mask).logits
        return logits

    with torch.no_grad():
        taught = mixed_logits(teacher)
    logits = mixed_logits(student)
    for member, weight in ((first, coefficients), (second, 1 - coefficients)):
        losses = nn.functional.cross_entropy(logits, member["labels"], reduction="none")
        loss = loss + (weight * losses).mean()
    return loss + nn.functional.mse_loss(logits, taught)


def _embeddings(network: Any, texts: Padded) -> Tensor:
    """Word and token-type embeddings, less those of type 0, which the network adds by itself."""
    embeddings: Tensor = network.get_input_embeddings()(texts["input_ids"])
    if "token_type_ids" in texts:
        types = network.base_model.embeddings.token_type_embeddings
        embeddings = embeddings + types(texts["token_type_ids"]) - types.weight[0]
    return embeddings


class PlainTrainer:
    """`transformers.Trainer` fine-tuning the student on texts padded to the maximum length.

    With `pad_to_maximum=False` they are padded to the longest of their batch.
    """

    def __init__(
        self,
        workload: Workload,
        *,
        pad_to_maximum: bool = True,
        precision: str = "fp32",
        batch_size: int = 32,
        steps: int | None = None,
    ) -> None:
        self.workload = workload
        self.batch_size = batch_size
        self.pace = Pace(LEAST_STEPS, MOST_STEPS, steps)
        self.trainer = Trainer(
            workload.student(),
            TrainingArguments(**loop_arguments(workload, precision, batch_size)),
            train_dataset=padded_dataset(workload) if pad_to_maximum else workload.dataset,
            processing_class=workload.tokenizer,
            data_collator=default_data_collator if pad_to_maximum else None,
        )
        self.trainer.remove_callback(PrinterCallback)
        self.clock = StepClock(Stopwatch(workload.device))
        self.trainer.add_callback(self.clock)

    def __call__(self, seconds: float) -> Stretch:
        most = max(1, len(self.workload.dataset) // self.batch_size - 1)
        steps = min(self.pace.asked(seconds), most)
        self.trainer.args.max_steps = self.clock.last = steps + 1
        self.trainer.train()
        examples = steps * self.batch_size
        # Its batches are random: their texts have the mean length of all.
        tokens = round(examples * float(self.workload.table.lengths.mean()))
        return self.pace.note(Stretch(steps, examples, tokens, *self.clock.stretch))


def padded_dataset(workload: Workload) -> Any:
    """The data set with every text padded to the maximum length."""
    from datasets import Dataset

    table = workload.table
    columns = table.pad(np.arange(len(table)), workload.max_length)
    lists = {name: tensor.tolist() for name, tensor in columns.items()}
    return Dataset.from_dict({**lists, "labels": table.labels.tolist()})


def trainers_optimizer(student: Any, arguments: dict[str, Any]) -> torch.optim.Optimizer:
    """The optimiser that `transformers.Trainer` makes for the student with these arguments."""
    trainer = Trainer(student, TrainingArguments(**arguments))
    optimizer: torch.optim.Optimizer = trainer.create_optimizer()
    return optimizer


class TextBrewerKD(PeerLoop):
    """TextBrewer's `GeneralDistiller`: cross-entropy on labels plus squared error of logits.

    Raises:
        PeerAbsentError: if TextBrewer is not installed or does not work here.
    """

    def __init__(self, workload: Workload, **settings: Any) -> None:
        textbrewer = import_textbrewer()
        super().__init__(workload, **settings)

        class Distiller(textbrewer.GeneralDistiller):  # type: ignore[misc,name-defined]
            def save_and_callback(self, *_: Any) -> None:
                """Writes no checkpoint at the end, which the others do not either."""

        def adaptor(_batch: Any, outputs: Any) -> dict[str, Any]:
            return {"logits": outputs.logits, "losses": outputs.loss}

        self.distiller = Distiller(
            textbrewer.TrainingConfig(
                device=workload.device,
                output_dir=tempfile.gettempdir(),
                ckpt_steps=10**9,
            ),
            textbrewer.DistillationConfig(
                temperature=1, kd_loss_type="mse", kd_loss_weight=1, hard_label_weight=1
            ),
            workload.teacher,
            self.student,
            adaptor,
            adaptor,
        )

    def run(self) -> None:
        steps = len(self.batches.chosen()) + 1
        with self.distiller:
            self.distiller.train(
                self.optimizer,
                self.batches,
                num_steps=steps,
                scheduler_class=get_linear_schedule_with_warmup,
                scheduler_args={"num_warmup_steps": 0, "num_training_steps": steps},
                max_grad_norm=MAX_GRAD_NORM,
            )


class PeerAbsentError(Exception):
    """A peer that cannot be compared with here; the message says why."""


def import_textbrewer() -> Any:
    """The module.

    Raises:
        PeerAbsentError: if it is not installed or does not import with what is.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # its sources compare strings with `is`
        try:
            return importlib.import_module("textbrewer")
        except ModuleNotFoundError as error:
            raise PeerAbsentError(
                f"TextBrewer is not installed ({error.name} is missing): `make peers` installs it"
            ) from None
        except Exception as error:
            # Old code under new libraries: whatever it stumbles over, the others can be measured.
            raise PeerAbsentError(f"TextBrewer does not import: {error}") from error
