"""BERT-base on an accelerator: how near it comes to the matrix rate, and what short texts lose.

The networks have BERT-base's shape and random weights, so no checkpoint is needed.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
import torch

from experiments.benchmarks.alternation import Spread, alternate, ratios
from experiments.benchmarks.matrix_rate import measure_rate
from experiments.benchmarks.operations import shape_of, step_operations
from experiments.benchmarks.ours import Ours
from experiments.benchmarks.workload import SEED, Workload, of_lengths, workload_of
from mixkd_core.objectives.objective import objective

Row = dict[str, Any]

METHOD = "sm+tmkd"
LENGTH = 128
EXAMPLES = 6400


def measure_base(
    workload: Workload,
    config: Any,
    *,
    precision: str,
    batch_size: int,
    repetitions: int,
    seconds: float,
    progress: Callable[[], object] = lambda: None,
) -> list[Row]:
    """Operations and tokens a second at one length and at the workload's, of `sm+tmkd`.

    Args:
        workload: its texts' lengths are taken, and its tokenizer.
        config: of the teacher; the student has the first half of its layers.
    """
    from transformers import BertForSequenceClassification

    torch.manual_seed(SEED)
    network = BertForSequenceClassification(config)
    length = min(LENGTH, config.max_position_embeddings)
    base = workload_of("base", workload.dataset, workload.tokenizer, network, length)
    own = np.minimum(workload.table.lengths, length)
    cases = {
        f"{length} tokens": np.full(min(EXAMPLES, len(own)), length),
        f"lengths of {workload.name}": own,
    }
    ours = {
        name: Ours(
            of_lengths(base, name, lengths), METHOD, precision=precision, batch_size=batch_size
        )
        for name, lengths in cases.items()
    }
    rate = measure_rate(
        shape_of(network),
        precision,
        base.device,
        repetitions=repetitions,
        seconds=seconds,
        clock="wall",
    )
    stretches = alternate(ours, repetitions, seconds, progress)
    long_tokens = [one.tokens_per_second("wall") for one in stretches[f"{length} tokens"]]
    rows = []
    for name, rounds in stretches.items():
        operations = sum(
            step_operations(objective(METHOD), shape_of(base.source), shape_of(base.teacher), batch)
            for batch in ours[name].lengths(rounds[0].steps)
        )
        tokens = [one.tokens_per_second("wall") for one in rounds]
        shares = [operations / one.wall / rate.square.median for one in rounds]
        rows.append(
            {
                "texts": name,
                "precision": precision,
                "batch_size": batch_size,
                **Spread.of(tokens).named("tokens_per_second"),
                **Spread.of(shares).named("share"),
                "share_of_shapes": Spread.of(shares).median
                * rate.square.median
                / rate.shapes.median,
                **ratios(tokens, long_tokens).named("tokens_ratio"),
            }
        )
    return rows
