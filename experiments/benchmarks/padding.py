"""The share of padding in an epoch's batches, and the share of it that the networks multiply."""

from typing import Any

from experiments.benchmarks.operations import batch_lengths
from experiments.benchmarks.ours import loop_arguments
from experiments.benchmarks.workload import Workload
from mixkd_core.training.arguments import MixKDArguments
from mixkd_core.training.trainer import MixKDTrainer

Row = dict[str, Any]

METHODS = {"originals alone": "ft", "originals and mixed samples": "sm+tmkd"}


def padding_rows(workload: Workload, batch_size: int = 32) -> list[Row]:
    """Of the first epoch's batches, without and with mixed samples.

    Columns: `handed_over`, real tokens over those of the collator's padded texts; `multiplied`,
    real tokens over the rows of the products with weights. Attention alone, a small part of the
    work on short texts, sees the padded texts.
    """
    rows: list[Row] = []
    for what, method in METHODS.items():
        arguments = MixKDArguments(method=method, **loop_arguments(workload, "fp32", batch_size))
        trainer = MixKDTrainer(
            workload.student(),
            arguments,
            train_dataset=workload.dataset,
            teacher=workload.teacher,
            processing_class=workload.tokenizer,
        )
        batches = [batch_lengths(batch) for batch in trainer.get_train_dataloader()]
        real = sum(batch.real for batch in batches)
        rows.append(
            {
                "task": workload.name,
                "what": what,
                "handed_over": real / sum(batch.padded for batch in batches),
                "multiplied": real / sum(batch.multiplied for batch in batches),
            }
        )
    share = float(workload.table.lengths.mean()) / workload.max_length
    rows.append(
        {
            "task": workload.name,
            "what": "padded to the maximum",
            "handed_over": share,
            "multiplied": share,
        }
    )
    return rows
