"""The cost of using networks, side by side: size, operations, latency, memory, energy.

Measured is the plain `transformers` forward pass, as a user of the stored checkpoint would call it.
The networks take turns, a round each, so that a machine that slows down slows all of them alike;
every network runs once before a clock is looked at.
"""

import multiprocessing
import re
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch

from experiments.deployment.energy import joules
from experiments.deployment.network import FinishedNetwork, open_network
from mixkd_core.errors import InputError
from mixkd_core.networks.layers import depth
from mixkd_core.records.environment import hardware
from mixkd_core.records.run_folder import RunRecord

Precision = Literal["fp32", "bf16"]
TYPES: dict[Precision, torch.dtype] = {"fp32": torch.float32, "bf16": torch.bfloat16}

BATCH_SIZES = (8, 32, 128)
ROUNDS = 5


@dataclass(frozen=True)
class Cost:
    """The cost of one network in one precision.

    Attributes:
        network: its name.
        precision: type of the weights and activations.
        layers: of the encoder.
        parameters: numbers.
        megabytes: the weights on disk (10⁶ bytes), as they are stored.
        operations: floating-point operations of matrix products a text, mean over the texts at
            their own lengths; a multiplication and an addition are two.
        latency_ms, latency_p95_ms: of one text at a time, median and 95th percentile over the
            texts and rounds.
        texts_per_second: of the best batch size, median over the rounds.
        best_batch: that batch size.
        peak_megabytes: memory (10⁶ bytes) that loading it and predicting the texts takes in a
            process of its own beyond what that process has before; None where it cannot be told.
        joules_per_text: over the pass of the best batch size; None where the machine does not tell.
    """

    network: str
    precision: str
    layers: int
    parameters: int
    megabytes: float
    operations: float
    latency_ms: float
    latency_p95_ms: float
    texts_per_second: float
    best_batch: int
    peak_megabytes: float | None
    joules_per_text: float | None


def measure_costs(
    places: Sequence[str],
    texts: Sequence[tuple[str, ...]],
    *,
    precisions: Sequence[Precision] = ("fp32", "bf16"),
    rounds: int = ROUNDS,
    device: torch.device | None = None,
    progress: Callable[[], object] = lambda: None,
) -> list[Cost]:
    """Measure every network in every precision on the same texts.

    Args:
        places: run folders or classifiers, see `open_network`.
        texts: texts or pairs, at the task's own lengths.
        rounds: how often every network takes its turn.
        device: where to run; by default the accelerator, or the CPU.
        progress: called `rounds * len(places) * len(precisions)` times.

    Raises:
        InputError: if there is no text, or a network cannot be read.
    """
    if not texts:
        raise InputError("there is no text to measure on: give a file with at least one.")
    where = device or accelerator()
    subjects = [
        _Subject(open_network(place, TYPES[precision]).to(where), precision, texts, where)
        for place in places
        for precision in precisions
    ]
    for subject in subjects:
        subject.warm_up()
    for _ in range(rounds):
        for subject in subjects:
            subject.take_turn()
            progress()
    return [subject.cost() for subject in subjects]


def one_of_each(records: Sequence[RunRecord]) -> list[RunRecord]:
    """Choose a run for every shape of network, by name: what its weights are costs nothing."""
    chosen: dict[tuple[int, int], RunRecord] = {}
    for record in sorted(records, key=lambda record: record.spec.folder_name):
        shape = (record.summary["layers"], record.summary["parameters"])
        chosen.setdefault(shape, record)
    return [chosen[shape] for shape in sorted(chosen, reverse=True)]


def costs_document(costs: Sequence[Cost], texts: Sequence[tuple[str, ...]], rounds: int) -> Any:
    """Return what `reports.evidence.costs` reads: the rows, and what they were measured on."""
    machine = hardware()
    return {
        "about": {
            "device": machine.accelerator or machine.processor,
            "threads": machine.threads,
            "texts": len(texts),
            "rounds": rounds,
        },
        "rows": [asdict(cost) for cost in costs],
    }


def accelerator() -> torch.device:
    """Return the device that this machine computes on: its accelerator, or the CPU."""
    found = torch.accelerator.current_accelerator(check_available=True)
    return torch.device("cpu") if found is None else found


def operations_per_text(model: Any, texts: Sequence[Mapping[str, torch.Tensor]]) -> float:
    """Count the operations of matrix products in a forward pass, mean over texts.

    Attention is counted as the two products that it is, whatever kernel computes it.

    Args:
        model: a classifier; its attention implementation is left as it was found.
        texts: encoded one by one; texts of one length cost the same and are counted once.
    """
    from torch.utils.flop_counter import FlopCounterMode

    usual = model.config._attn_implementation
    model.set_attn_implementation("eager")  # the counter does not know every fused kernel
    of_length: dict[int, int] = {}
    try:
        for text in texts:
            length = text["input_ids"].shape[1]
            if length not in of_length:
                counter = FlopCounterMode(display=False)
                with counter, torch.inference_mode(False), torch.no_grad():
                    model(**text)
                of_length[length] = counter.get_total_flops()
    finally:
        model.set_attn_implementation(usual)
    return float(np.mean([of_length[text["input_ids"].shape[1]] for text in texts]))


class _Subject:
    """One network in one precision, its batches, and the times it took."""

    def __init__(
        self,
        network: FinishedNetwork,
        precision: Precision,
        texts: Sequence[tuple[str, ...]],
        device: torch.device,
    ) -> None:
        self._network, self._precision, self._device = network, precision, device
        self._texts = texts
        columns = [list(column) for column in zip(*texts, strict=True)]
        ids = network.tokenizer(*columns, truncation=True, max_length=network.max_length)
        order = np.argsort([len(one) for one in ids["input_ids"]], kind="stable")
        self._single = [self._encoded([row]) for row in range(len(texts))]
        # A server that cares for throughput sorts what waits by length.
        self._batches = {
            size: [
                self._encoded(list(order[start : start + size]))
                for start in range(0, len(order), size)
            ]
            for size in sorted({min(size, len(texts)) for size in BATCH_SIZES})
        }
        self._latencies: list[float] = []
        self._seconds: dict[int, list[float]] = {size: [] for size in self._batches}

    def warm_up(self) -> None:
        for batch in [*self._single[:3], *(some[-1] for some in self._batches.values())]:
            self._timed([batch])

    def take_turn(self) -> None:
        self._latencies += [self._timed([text]) for text in self._single]
        for size, batches in self._batches.items():
            self._seconds[size].append(self._timed(batches))

    def cost(self) -> Cost:
        model = self._network.model
        rates = {
            size: len(self._single) / float(np.median(seconds))
            for size, seconds in self._seconds.items()
        }
        best = max(rates, key=lambda size: rates[size])
        return Cost(
            network=self._network.name,
            precision=self._precision,
            layers=depth(model.config),
            parameters=sum(parameter.numel() for parameter in model.parameters()),
            megabytes=_stored_bytes(self._network.folder) / 1e6,
            operations=operations_per_text(model, self._single),
            latency_ms=1e3 * float(np.median(self._latencies)),
            latency_p95_ms=1e3 * float(np.quantile(self._latencies, 0.95)),
            texts_per_second=rates[best],
            best_batch=best,
            peak_megabytes=self._peak(best),
            joules_per_text=joules(
                lambda: self._timed(self._batches[best]), self._device, len(self._single)
            ),
        )

    def _encoded(self, rows: list[int]) -> dict[str, torch.Tensor]:
        columns = [[self._texts[row][side] for row in rows] for side in range(len(self._texts[0]))]
        batch = self._network.tokenizer(
            *columns,
            truncation=True,
            max_length=self._network.max_length,
            padding=True,
            return_tensors="pt",
        )
        return {name: tensor.to(self._device) for name, tensor in batch.items()}

    def _timed(self, batches: list[dict[str, torch.Tensor]]) -> float:
        """Return the seconds that the batches take, work queued on a device included."""
        self._finish()
        started = time.perf_counter()
        with torch.inference_mode():
            for batch in batches:
                self._network.model(**batch)
        self._finish()
        return time.perf_counter() - started

    def _finish(self) -> None:
        if self._device.type != "cpu":
            torch.accelerator.synchronize(self._device)

    def _peak(self, batch_size: int) -> float | None:
        if self._device.type == "cuda":
            torch.cuda.reset_peak_memory_stats(self._device)
            self._timed(self._batches[batch_size])
            return torch.cuda.max_memory_allocated(self._device) / 1e6
        if self._device.type != "cpu":
            return None
        context = multiprocessing.get_context("spawn")
        ours, theirs = context.Pipe(duplex=False)
        process = context.Process(
            target=_resident,
            args=(theirs, self._network.folder, self._precision, self._largest(batch_size)),
        )
        process.start()
        theirs.close()
        try:
            peak: float | None = ours.recv()
        except EOFError:  # it died, of memory perhaps: no figure is better than a wrong one
            peak = None
        process.join()
        return peak

    def _largest(self, batch_size: int) -> dict[str, Any]:
        return {name: tensor.numpy() for name, tensor in self._batches[batch_size][-1].items()}


def _resident(answer: Any, folder: str, precision: Precision, batch: dict[str, Any]) -> None:
    """Send the peak of resident memory, beyond that of imports, of loading and one pass."""
    torch.set_num_threads(1)
    from transformers import AutoModelForSequenceClassification, AutoTokenizer  # noqa: F401
    from transformers.utils.logging import disable_progress_bar

    disable_progress_bar()
    before = _peak_bytes()
    network = open_network(folder, TYPES[precision])
    with torch.inference_mode():
        network.model(**{name: torch.from_numpy(values) for name, values in batch.items()})
    after = _peak_bytes()
    answer.send(None if before is None or after is None else (after - before) / 1e6)
    answer.close()


def _peak_bytes() -> int | None:
    """Return the largest resident memory of this process so far, or None where none can tell.

    Not `resource.getrusage`, whose maximum a process inherits from the one that started it.
    """
    try:
        status = Path("/proc/self/status").read_text(encoding="ascii", errors="replace")
    except OSError:
        return None
    found = re.search(r"^VmHWM:\s+(\d+) kB", status, flags=re.MULTILINE)
    return None if found is None else int(found[1]) * 1024


def _stored_bytes(folder: str) -> int:
    from transformers.utils import cached_file

    if Path(folder).is_dir():
        return sum(path.stat().st_size for path in Path(folder).glob("*.safetensors"))
    found = cached_file(folder, "model.safetensors")
    return 0 if found is None else Path(found).stat().st_size
