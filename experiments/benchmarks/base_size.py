"""Networks of BERT-base's size: how near a step comes to the matrix rate, and to the grouped loop.

The networks have BERT-base's shape and random weights, so no checkpoint is needed.
"""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import torch

from experiments.benchmarks.alternation import Clock, Contestant, Spread, alternate, ratios
from experiments.benchmarks.matrix_rate import measure_rate
from experiments.benchmarks.operations import shape_of, step_operations
from experiments.benchmarks.ours import Ours
from experiments.benchmarks.peers import ObviousMixKD
from experiments.benchmarks.workload import SEED, Workload, of_lengths, workload_of
from mixkd_core.objectives.objective import objective

Row = dict[str, Any]

METHOD = "sm+tmkd"
LENGTH = 128
EXAMPLES = 6400


def measure_base(
    workloads: Sequence[Workload],
    config: Any,
    *,
    precision: str,
    batch_size: int,
    repetitions: int,
    seconds: float,
    clock: Clock,
    progress: Callable[[], object] = lambda: None,
) -> list[Row]:
    """Operations and tokens a second at one length and at each workload's, of `sm+tmkd`.

    Args:
        workloads: whose texts' lengths are taken, and the first one's tokenizer.
        config: of the teacher; the student has the first half of its layers.
    """
    from transformers import BertForSequenceClassification

    first = workloads[0]
    torch.manual_seed(SEED)
    network = BertForSequenceClassification(config)
    length = min(LENGTH, config.max_position_embeddings)
    base = workload_of("base", first.dataset, first.tokenizer, network, length)
    even = f"{length} tokens"
    cases = {even: np.full(min(EXAMPLES, len(first.table)), length)} | {
        f"lengths of {one.name}": np.minimum(one.table.lengths, length) for one in workloads
    }
    ours: dict[str, Ours] = {}
    contestants: dict[str, Contestant] = {}
    for name, lengths in cases.items():
        texts = of_lengths(base, name, lengths)
        ours[name] = Ours(texts, METHOD, precision=precision, batch_size=batch_size)
        contestants |= {
            name: ours[name],
            f"{name}, grouped": ObviousMixKD(
                texts, pad_to_maximum=False, grouped=True, precision=precision,
                batch_size=batch_size,
            ),
        }  # fmt: skip
    rate = measure_rate(
        shape_of(network),
        precision,
        base.device,
        repetitions=repetitions,
        seconds=seconds,
        clock=clock,
    )
    stretches = alternate(contestants, repetitions, seconds, progress)
    long_tokens = [one.tokens_per_second(clock) for one in stretches[even]]
    rows = []
    for name, contestant in ours.items():
        rounds, peers = stretches[name], stretches[f"{name}, grouped"]
        operations = sum(
            step_operations(objective(METHOD), shape_of(base.source), shape_of(base.teacher), batch)
            for batch in contestant.lengths(rounds[0].steps)
        )
        tokens = [one.tokens_per_second(clock) for one in rounds]
        shares = [operations / one.seconds(clock) / rate.square.median for one in rounds]
        speeds = [[one.examples_per_second(clock) for one in each] for each in (rounds, peers)]
        rows.append(
            {
                "texts": name,
                "device": "processor" if base.device.type == "cpu" else "accelerator",
                "precision": precision,
                "batch_size": batch_size,
                **Spread.of(tokens).named("tokens_per_second"),
                **Spread.of(shares).named("share"),
                "share_of_shapes": Spread.of(shares).median
                * rate.square.median
                / rate.shapes.median,
                **ratios(tokens, long_tokens).named("tokens_ratio"),
                **ratios(*speeds).named("over_grouped"),
            }
        )
    return rows
