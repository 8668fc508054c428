"""A process of its own that trains a few steps and prints its peak memory and its speed as JSON.

    python -m experiments.benchmarks.child '{"task": ...}'

The argument is an `experiments.benchmarks.scaling.Job`. Under torchrun every process takes its
share of the global batch, and the first of them prints.
"""

import json
import os
import resource
import sys
from pathlib import Path
from typing import Any

import torch

from experiments.benchmarks.ours import Ours
from experiments.benchmarks.peers import PlainTrainer
from experiments.benchmarks.scaling import STEPS, Job, ScalingPoint, measured_ours
from experiments.benchmarks.workload import load_workload
from mixkd_core.objectives.objective import objective


def measure(job: Job) -> dict[str, float]:
    """Train; bytes at the peak and before training, and seconds a step."""
    torch.set_num_threads(job.threads)
    workload = load_workload(
        job.task,
        data_dir=None if job.data_dir is None else Path(job.data_dir),
        teacher=job.teacher,
        scratch=Path(job.scratch),
        most_examples=job.most_examples,
    )
    share = job.batch_size // int(os.environ.get("WORLD_SIZE", "1"))
    contestant: Any
    if job.loop == "plain Trainer" or not objective(job.method).needs_teacher:
        workload.teacher.to("meta")  # fine-tuning holds no teacher
    if job.loop == "plain Trainer":
        contestant = PlainTrainer(
            workload,
            pad_to_maximum=job.pad_to_maximum,
            precision=job.precision,
            batch_size=share,
            steps=STEPS,
        )
    elif job.setting is not None:
        contestant = measured_ours(workload, job.setting, job.precision, STEPS)
    else:
        contestant = Ours(
            workload, job.method, precision=job.precision, batch_size=share, steps=STEPS
        )
    before = peak_bytes()
    stretch = contestant(0.0)
    return {
        "before_bytes": before,
        "peak_bytes": peak_bytes(),
        "seconds_per_step": stretch.wall / stretch.steps,
    }


def peak_bytes() -> int:
    """The most memory that this process has held: of the accelerator where there is one."""
    if torch.cuda.is_available():
        return torch.cuda.max_memory_allocated()
    return host_peak_bytes()


def host_peak_bytes() -> int:
    """The most main memory that this process has held.

    Linux hands the peak of the process that started it on to a child's `ru_maxrss`; its own is in
    /proc.
    """
    status = Path("/proc/self/status")
    if status.exists():
        line = next(line for line in status.read_text().splitlines() if line.startswith("VmHWM"))
        return int(line.split()[1]) * 1024
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024


def main() -> None:
    content = json.loads(sys.argv[1])
    if content["setting"] is not None:
        content["setting"] = ScalingPoint(**content["setting"])
    result = measure(Job(**content))
    if int(os.environ.get("RANK", "0")) == 0:
        print(json.dumps(result, allow_nan=False), flush=True)
    if torch.distributed.is_initialized():
        torch.distributed.destroy_process_group()


if __name__ == "__main__":
    main()
