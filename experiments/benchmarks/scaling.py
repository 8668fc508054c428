"""The growth of cost and memory with length, batch size, mixup ratio, depth and a second process.

Time is measured here, all sizes in turn. Memory is measured in a process of its own for every size,
because a process's peak never falls again.
"""

import json
import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any, Literal

import numpy as np

from experiments.benchmarks.alternation import Clock, Spread, Stretch, alternate
from experiments.benchmarks.child_environment import child_environment
from experiments.benchmarks.operations import shape_of, step_operations
from experiments.benchmarks.ours import Ours
from experiments.benchmarks.workload import Workload, of_lengths
from mixkd_core.errors import MixKDError
from mixkd_core.networks.layers import encoder_layers
from mixkd_core.objectives.objective import objective

Row = dict[str, Any]

METHOD = "sm+tmkd"
STEPS = 6  # that a child trains before its peak is read

Loop = Literal["ours", "plain Trainer"]


@dataclass(frozen=True)
class ScalingPoint:
    """One point of a curve.

    Attributes:
        length: tokens of every text.
        batch_size: originals in a global batch.
        mixup_ratio: mixed samples per original.
        layers: of the student.
    """

    length: int
    batch_size: int
    mixup_ratio: float
    layers: int


@dataclass(frozen=True)
class Job:
    """The measurement that a child process makes (`experiments.benchmarks.child`).

    Attributes:
        task, data_dir, teacher, most_examples: of `load_workload`.
        scratch: its folder, in which the small encoder of embedded tasks lies already: several
            processes would write it at once.
        loop: who trains.
        method: of ours.
        setting: texts of one length; None trains on the task's.
        precision: `"fp32"` or `"bf16"`.
        threads: of torch.
        batch_size: originals in a global batch, where there is no setting.
        pad_to_maximum: of the plain `Trainer`.
    """

    task: str
    data_dir: str | None
    teacher: str | None
    most_examples: int
    scratch: str
    loop: Loop = "ours"
    method: str = METHOD
    setting: ScalingPoint | None = None
    precision: str = "fp32"
    threads: int = 1
    batch_size: int = 32
    pad_to_maximum: bool = False


class ChildError(MixKDError):
    """A measuring process that ended without a result."""


def curves(workload: Workload, points: int) -> dict[str, list[ScalingPoint]]:
    """Settings by what they vary, at most so many each, the usual one among them."""
    depth = len(encoder_layers(workload.teacher))
    longest = workload.max_length
    usual = ScalingPoint(longest // 2, 32, 1.0, max(1, depth // 2))
    sizes: dict[str, Sequence[float]] = {
        "length": [longest // 8, longest // 4, longest // 2, longest],
        "batch_size": [8, 16, 32, 64],
        "mixup_ratio": [0.5, 1.0, 2.0, 3.0],
        "layers": sorted({1, usual.layers, depth - 1, depth}),
    }
    return {
        name: [
            ScalingPoint(**asdict(usual) | {name: size})
            for size in _with_usual(values, usual, name, points)
        ]
        for name, values in sizes.items()
    }


def _with_usual(
    values: Sequence[float], usual: ScalingPoint, name: str, points: int
) -> Sequence[float]:
    """The last `points` of the values that still hold the usual one."""
    place = list(values).index(getattr(usual, name))
    start = min(max(0, len(values) - points), place)
    return values[start : start + points]


def measure_scaling(
    workload: Workload,
    job: Job,
    *,
    points: int,
    repetitions: int,
    seconds: float,
    clock: Clock,
    progress: Callable[[], object] = lambda: None,
) -> list[Row]:
    """Seconds a step, operations a step and peak memory of every setting of every curve."""
    wanted = curves(workload, points)
    settings = list(dict.fromkeys(setting for curve in wanted.values() for setting in curve))
    stretches = alternate(
        {str(setting): _contestant(workload, setting, job.precision) for setting in settings},
        repetitions,
        seconds,
        progress,
    )
    memory = {}
    for setting in settings:
        memory[setting] = run_child(replace(job, setting=setting))["peak_bytes"]
        progress()
    rows = []
    for name, curve in wanted.items():
        for setting in curve:
            rounds = stretches[str(setting)]
            per_step = [stretch.seconds(clock) / stretch.steps for stretch in rounds]
            rows.append(
                {
                    "varied": name,
                    "size": getattr(setting, name),
                    **asdict(setting),
                    **Spread.of(per_step).named("seconds_per_step"),
                    "gigaoperations_per_step": _operations(workload, setting) / 1e9,
                    "peak_bytes": memory[setting],
                }
            )
    return rows


def measured_ours(
    workload: Workload, setting: ScalingPoint, precision: str, steps: int | None
) -> Ours:
    """`sm+tmkd` on random texts of the setting's length."""
    examples = 40 * setting.batch_size
    lengths = np.full(examples, setting.length)
    texts = of_lengths(workload.with_layers(setting.layers), f"{setting.length} tokens", lengths)
    return Ours(
        texts,
        METHOD,
        precision=precision,
        batch_size=setting.batch_size,
        mixup_ratio=setting.mixup_ratio,
        steps=steps,
    )


def _contestant(
    workload: Workload, setting: ScalingPoint, precision: str
) -> Callable[[float], Stretch]:
    """Made anew for every stretch: a dozen students with their optimisers would not fit."""
    steps: list[int] = []

    def run(seconds: float) -> Stretch:
        ours = measured_ours(workload, setting, precision, steps[0] if steps else None)
        stretch = ours(seconds)
        if not steps:
            steps.append(ours.pace.asked(seconds))
        return stretch

    return run


def _operations(workload: Workload, setting: ScalingPoint) -> float:
    """Of one step of `sm+tmkd` at the setting, mean over a few."""
    steps = 4
    ours = measured_ours(workload, setting, "fp32", steps)
    student, teacher = shape_of(ours.workload.source), shape_of(workload.teacher)
    each = [
        step_operations(objective(METHOD), student, teacher, batch) for batch in ours.lengths(steps)
    ]
    return sum(each) / len(each)


def measure_memory(job: Job, teacher_bytes: int) -> list[Row]:
    """Peak memory of our methods and of plain fine-tuning, with the teacher's weights added.

    Args:
        teacher_bytes: what the teacher's weights take, which fine-tuning alone does not hold.
    """
    wanted = {
        "sm+tmkd": job,
        "ft": replace(job, method="ft"),
        "plain Trainer, padded to the longest": replace(job, loop="plain Trainer"),
        "plain Trainer, padded to the maximum": replace(
            job, loop="plain Trainer", pad_to_maximum=True
        ),
    }
    rows: list[Row] = []
    for name, one in wanted.items():
        result = run_child(one)
        added = 0 if one.method == METHOD and one.loop == "ours" else teacher_bytes
        rows.append(
            {
                "task": job.task,
                "contestant": name,
                "peak_bytes": result["peak_bytes"],
                "before_training_bytes": result["before_bytes"],
                "with_teacher_bytes": result["peak_bytes"] + added,
            }
        )
    for row in rows:
        row["ratio"] = rows[0]["peak_bytes"] / row["with_teacher_bytes"]
    return rows


def measure_processes(job: Job, repetitions: int) -> list[Row]:
    """Seconds a step of one process and of two with half of the batch each, in turn."""
    times: dict[int, list[float]] = {1: [], 2: []}
    for _ in range(repetitions):
        for processes, found in times.items():
            found.append(run_child(job, processes)["seconds_per_step"])
    return [
        {"processes": processes, **Spread.of(found).named("seconds_per_step")}
        for processes, found in times.items()
    ]


def run_child(job: Job, processes: int = 1) -> dict[str, float]:
    """Return what a child process (or so many, under torchrun) measured.

    Raises:
        ChildError: if it did not come to its end, with its last words.
    """
    module = ["-m", "experiments.benchmarks.child", json.dumps(asdict(job), allow_nan=False)]
    torchrun = ["-m", "torch.distributed.run", "--standalone", f"--nproc-per-node={processes}"]
    return child_answer(
        [sys.executable, *(torchrun if processes > 1 else []), *module], job.threads
    )


def child_answer(command: Sequence[str], threads: int) -> dict[str, float]:
    """Return the JSON that a command prints last.

    Raises:
        ChildError: if it did not come to its end, with its last words.
    """
    done = subprocess.run(
        command,
        capture_output=True,
        text=True,
        check=False,
        env={**child_environment(), "OMP_NUM_THREADS": str(threads)},
    )
    answers = [line for line in done.stdout.splitlines() if line.startswith("{")]
    if done.returncode or not answers:
        said = done.stderr.strip().splitlines() or ["it said nothing"]
        # torchrun adds a page on who failed first, below what that one said.
        errors = [line for line in said if "Error: " in line]
        last = (errors or said)[-1]
        raise ChildError(f"a measuring process ended with status {done.returncode}: {last}")
    result: dict[str, float] = json.loads(answers[-1])
    return result
