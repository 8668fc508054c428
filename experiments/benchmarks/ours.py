"""`MixKDTrainer` as a contestant: its own loop, timed from the end of one step to another's."""

import tempfile
from collections.abc import Iterator
from itertools import islice
from typing import Any

import numpy as np
from numpy.typing import NDArray
from transformers import PrinterCallback, TrainerCallback

from experiments.benchmarks.alternation import Pace, Stopwatch, Stretch
from experiments.benchmarks.operations import BatchLengths, batch_lengths
from experiments.benchmarks.workload import SEED, Workload
from mixkd_core.mixing.batching import Unit, UnitSampler
from mixkd_core.training.arguments import MixKDArguments
from mixkd_core.training.trainer import MixKDTrainer

LEAST_STEPS, MOST_STEPS = 4, 64


class Ours:
    """A method of ours on a workload; called with a number of seconds it trains for about as long.

    A stretch is made of the first epoch's batches, taken at equal distances from the shortest to
    the longest: a sample of a few dozen length-grouped batches would otherwise be as uneven as
    their lengths. One more step, the first, is not timed.

    Args:
        method: a name of `mixkd_core.objectives.objective.METHODS`.
        precision: `"fp32"` or `"bf16"`.
        batch_size: originals in a global batch.
        mixup_ratio: mixed samples per original.
        steps: of every stretch; None takes as many as fill the time, found by the first call.
    """

    def __init__(
        self,
        workload: Workload,
        method: str,
        *,
        precision: str = "fp32",
        batch_size: int = 32,
        mixup_ratio: float = 1.0,
        steps: int | None = None,
    ) -> None:
        arguments = MixKDArguments(
            method=method,
            mixup_ratio=mixup_ratio,
            **loop_arguments(workload, precision, batch_size),
        )
        self.workload = workload
        self.pace = Pace(LEAST_STEPS, MOST_STEPS, steps)
        self.trainer = MixKDTrainer(
            workload.student(),
            arguments,
            train_dataset=workload.dataset,
            teacher=workload.teacher,
            processing_class=workload.tokenizer,
        )
        self.trainer.remove_callback(PrinterCallback)
        self.clock = StepClock(Stopwatch(workload.device))
        self.trainer.add_callback(self.clock)
        self.spread = EvenlySpread(self.trainer.sampler)
        self.trainer.sampler = self.spread  # type: ignore[assignment]
        self._lengths: dict[int, list[BatchLengths]] = {}

    def __call__(self, seconds: float) -> Stretch:
        # One epoch holds them all, with the one that warms up.
        steps = max(1, min(self.pace.asked(seconds), self.spread.batches - 1))
        lengths = self.lengths(steps)
        self.trainer.args.max_steps = self.clock.last = steps + 1
        self.trainer.train()
        wall, cpu = self.clock.stretch
        examples = sum(len(batch.originals) for batch in lengths)
        tokens = sum(batch.real for batch in lengths)
        return self.pace.note(Stretch(steps, examples, tokens, wall, cpu))

    def lengths(self, steps: int) -> list[BatchLengths]:
        """Of the batches that a stretch of so many steps times."""
        self.spread.steps = steps
        if steps not in self._lengths:
            loader = self.trainer.get_train_dataloader()
            self._lengths[steps] = [batch_lengths(batch) for batch in islice(loader, 1, steps + 1)]
        return self._lengths[steps]


def loop_arguments(workload: Workload, precision: str, batch_size: int) -> dict[str, Any]:
    """Arguments of `transformers.Trainer` that every contestant that uses it has."""
    return {
        "output_dir": tempfile.gettempdir(),
        "per_device_train_batch_size": batch_size,
        "bf16": precision == "bf16",
        "use_cpu": workload.device.type == "cpu",
        "seed": SEED,
        "save_strategy": "no",
        "logging_strategy": "no",
        "report_to": "none",
        "disable_tqdm": True,
    }


class StepClock(TrainerCallback):  # type: ignore[misc]
    """Times a `Trainer` from the end of its first step to the end of its last."""

    def __init__(self, stopwatch: Stopwatch) -> None:
        self.stopwatch = stopwatch
        self.last = 0
        self.stretch = (0.0, 0.0)

    def on_step_end(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        if state.global_step == 1:
            self.stopwatch.start()
        elif state.global_step == self.last:
            self.stretch = self.stopwatch.elapsed()


class EvenlySpread:
    """A sampler of units that yields some of its batches, evenly spread over their lengths.

    Before them comes the longest batch of all, to warm up: no later one needs more memory.
    """

    def __init__(self, sampler: UnitSampler) -> None:
        self.sampler = sampler
        self.steps = 1

    def __getattr__(self, name: str) -> Any:
        return getattr(self.sampler, name)

    def __len__(self) -> int:
        return len(self.sampler)

    @property
    def batches(self) -> int:
        return len(self.sampler) // self.sampler.batch_size

    def __iter__(self) -> Iterator[Unit]:
        units = list(self.sampler)
        size = self.sampler.batch_size
        groups = [units[start : start + size] for start in range(0, size * self.batches, size)]
        longest = np.array([max(map(self._length, group)) for group in groups])
        chosen = evenly_spread(longest, self.steps)
        for number in (int(longest.argmax()), *chosen):
            yield from groups[number]

    def _length(self, unit: Unit) -> int:
        rows = np.concatenate([[unit.original], unit.pairs.first, unit.pairs.second])
        return int(self.sampler.lengths[rows].max())


def evenly_spread(costs: NDArray[np.int64], count: int) -> list[int]:
    """`count` places at equal distances in the order of the costs, in their own order."""
    order = np.argsort(costs, kind="stable")
    middles = (np.arange(count) + 0.5) * len(costs) / count
    return sorted(order[middles.astype(np.int64)].tolist())
