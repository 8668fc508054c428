"""How much of what the networks are given is padding, over an epoch of each task."""

from typing import Any

from experiments.benchmarks.operations import batch_lengths, efficiency
from experiments.benchmarks.ours import loop_arguments
from experiments.benchmarks.workload import Workload
from mixkd_core.arguments import MixKDArguments
from mixkd_core.trainer import MixKDTrainer

Row = dict[str, Any]

METHODS = {"originals alone": "ft", "originals and mixed samples": "sm+tmkd"}


def padding_rows(workload: Workload, batch_size: int = 32) -> list[Row]:
    """Real over padded tokens in the first epoch's batches, without and with mixed samples."""
    rows: list[Row] = []
    for what, method in METHODS.items():
        arguments = MixKDArguments(method=method, **loop_arguments(workload, "fp32", batch_size))
        trainer = MixKDTrainer(
            workload.student(),
            arguments,
            workload.dataset,
            teacher=workload.teacher,
            processing_class=workload.tokenizer,
        )
        share = efficiency(batch_lengths(batch) for batch in trainer.get_train_dataloader())
        rows.append({"task": workload.name, "what": what, "efficiency": share})
    table = workload.table
    padded = workload.max_length * len(table)
    share = float(table.lengths.sum()) / padded
    rows.append({"task": workload.name, "what": "padded to the maximum", "efficiency": share})
    return rows
