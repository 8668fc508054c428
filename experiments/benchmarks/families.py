"""Encoders of other families: ours against the obvious loop that groups texts by length.

The networks are random and of the sizes of the workload's teacher: how long a step takes does not
depend on what a network has learnt, and differences between families are then those of their
attention, positions and heads.
"""

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import torch
from transformers import AutoConfig, AutoModelForSequenceClassification

from experiments.benchmarks.alternation import Clock, Contestant, alternate, ratios
from experiments.benchmarks.ours import Ours
from experiments.benchmarks.peers import ObviousMixKD
from experiments.benchmarks.workload import SEED, Workload, workload_of
from mixkd_core.networks.reading import accepted

Row = dict[str, Any]

FAMILIES = ("bert", "roberta", "xlm-roberta", "distilbert", "electra", "mpnet")


def of_family(workload: Workload, family: str, *, layers: int, width: int) -> Workload:
    """The same texts, without the columns that it does not take, and random networks of a family.

    Args:
        family: a `model_type` of transformers.
        layers: of the teacher; the student has half as many.
        width: of the hidden states; heads are of size 32, or 64 from width 512 on.
    """
    old = workload.teacher.config
    sizes = {
        "hidden_size": width,
        "num_hidden_layers": layers,
        "num_attention_heads": width // (64 if width >= 512 else 32),
        "intermediate_size": 4 * width,
        "hidden_dim": 4 * width,  # DistilBERT's word for it
        "embedding_size": width,
    }
    config = AutoConfig.for_model(family)
    config.update({name: value for name, value in sizes.items() if hasattr(config, name)})
    config.update({"vocab_size": old.vocab_size, "num_labels": old.num_labels, "pad_token_id": 0})
    if hasattr(config, "type_vocab_size"):
        config.type_vocab_size = 2
    torch.manual_seed(SEED)
    network = AutoModelForSequenceClassification.from_config(config, trust_remote_code=False)
    columns = {name: torch.zeros(1) for name in workload.table.columns}
    foreign = [name for name in columns if name not in accepted(network, columns)]
    dataset = workload.dataset.remove_columns(foreign)
    made = workload_of(workload.name, dataset, workload.tokenizer, network, workload.max_length)
    return replace(made, device=workload.device)


def measure_families(
    workload: Workload,
    *,
    precision: str,
    repetitions: int,
    seconds: float,
    clock: Clock,
    families: Sequence[str] = FAMILIES,
    sizes: tuple[int, int] | None = None,
    progress: Callable[[], object] = lambda: None,
) -> list[Row]:
    """Tabulate how many times as fast `sm+tmkd` is as the grouped loop, a row a family.

    Args:
        sizes: layers and width of the teacher; None for those of the workload's.
    """
    config = workload.teacher.config
    layers, width = sizes or (config.num_hidden_layers, config.hidden_size)
    rows = []
    for family in families:
        one = of_family(workload, family, layers=layers, width=width)
        contestants: dict[str, Contestant] = {
            "ours": Ours(one, "sm+tmkd", precision=precision),
            "grouped": ObviousMixKD(one, pad_to_maximum=False, grouped=True, precision=precision),
        }
        rounds = alternate(contestants, repetitions, seconds, progress)
        speeds = {
            name: [stretch.examples_per_second(clock) for stretch in stretches]
            for name, stretches in rounds.items()
        }
        rows.append(
            {
                "task": workload.name,
                "family": family,
                "layers": layers,
                "width": width,
                "precision": precision,
                "rounds": repetitions,
                **ratios(speeds["ours"], speeds["grouped"]).named("ratio"),
            }
        )
    return rows
