"""The growth of what comes before and after training with the number of texts.

    python -m experiments.benchmarks.data_scaling '{"data_dir": ...}'

Pairs of random words are read, chosen from, tokenised and evaluated by a network so small that it
hardly counts, each size in processes of its own. The first finds no stored tokens (cold), the
second finds those of the first (warm). The argument is a `DataJob`.
"""

import json
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from experiments.benchmarks.alternation import Clock
from experiments.benchmarks.child import host_peak_bytes
from experiments.benchmarks.scaling import METHOD, child_answer
from mixkd_core.data.encoding import encode, encode_table
from mixkd_core.networks.checkpoints import load_tokenizer

Row = dict[str, Any]

MOST_ROWS = 400_000
TASK = "qqp"
MAX_LENGTH = 128
WORDS_OF_TEXT = (4, 18)  # about as many as QQP's questions have

READING = ("load", "subset")
COLD = (*READING, "tokenise")
WARM = (*READING, "tokenise_warm", "first_step", "evaluate")
# What a user waits for before the second step of a training on texts that were tokenised before.
START = (*READING, "tokenise_warm", "first_step")
STAGES = (*COLD, *WARM[len(READING) :])


@dataclass(frozen=True)
class DataJob:
    """The measurement that a child process makes.

    Attributes:
        data_dir: GLUE folder with the pairs.
        encoder: whose tokenizer is taken.
        store: where tokens are kept.
        clock: that seconds are of.
        warm: whether tokens are there, and a step and an evaluation follow.
    """

    data_dir: str
    encoder: str
    store: str
    clock: Clock
    warm: bool


def measure_data(
    encoder: str,
    sizes: Sequence[int],
    threads: int,
    clock: Clock,
    progress: Callable[[], object] = lambda: None,
) -> list[Row]:
    """Seconds of every stage and peak memory, a row for each number of training pairs."""
    rows = []
    for size in sizes:
        with tempfile.TemporaryDirectory() as scratch:
            write_pairs(Path(scratch), size, words_of(load_tokenizer(encoder)))
            found = {}
            for warm in (False, True):
                job = DataJob(scratch, encoder, str(Path(scratch) / "store"), clock, warm)
                words = [sys.executable, "-m", "experiments.benchmarks.data_scaling"]
                given = json.dumps(asdict(job), allow_nan=False)
                found[warm] = child_answer([*words, given], threads)
                progress()
        seconds = {f"{stage}_seconds": found[False][stage] for stage in COLD}
        seconds |= {f"{stage}_seconds": found[True][stage] for stage in WARM[len(READING) :]}
        rows.append(
            {
                "rows": size,
                **seconds,
                "start_seconds": sum(found[True][stage] for stage in START),
                "cold_peak_gigabytes": found[False]["peak_bytes"] / 1e9,
                "warm_peak_gigabytes": found[True]["peak_bytes"] / 1e9,
                "peak_gigabytes": max(each["peak_bytes"] for each in found.values()) / 1e9,
            }
        )
    return rows


def growth_rows(rows: Sequence[Row]) -> list[Row]:
    """The exponent of each stage's seconds in the number of pairs: 1 is in proportion."""
    if len(rows) < 2:
        return []
    sizes = np.log([row["rows"] for row in rows])
    return [
        {
            "stage": stage.replace("_", " "),
            "exponent": float(
                np.polyfit(sizes, np.log([row[f"{stage}_seconds"] for row in rows]), 1)[0]
            ),
        }
        for stage in STAGES
    ]


def words_of(tokenizer: Any) -> list[str]:
    """Words that the tokenizer knows, in a fixed order."""
    return sorted(word for word in tokenizer.get_vocab() if word.isascii() and word.isalpha())


def write_pairs(folder: Path, size: int, words: Sequence[str]) -> None:
    """Write a training set of so many random pairs, and a tenth as many more, in QQP's layout."""
    generator = np.random.default_rng(0)
    vocabulary = np.array(words, dtype=object)
    (folder / "QQP").mkdir()
    for split, count in (("train", size), ("dev", max(1, size // 10))):
        lengths = generator.integers(*WORDS_OF_TEXT, size=2 * count)
        drawn = vocabulary[generator.integers(len(vocabulary), size=lengths.sum())]
        ends = np.cumsum(lengths)
        texts = [
            " ".join(drawn[end - length : end]) for end, length in zip(ends, lengths, strict=True)
        ]
        with (folder / "QQP" / f"{split}.tsv").open("w", encoding="utf-8") as file:
            file.write("id\tqid1\tqid2\tquestion1\tquestion2\tis_duplicate\n")
            for row in range(count):
                file.write(f"{row}\t0\t0\t{texts[2 * row]}\t{texts[2 * row + 1]}\t{row % 2}\n")


def stage_seconds(job: DataJob) -> dict[str, float]:
    """Seconds of each stage, and the peak of this process."""
    from experiments.running.evaluation_sets import evaluation_sets
    from mixkd_core.data.sources import load_task_data
    from mixkd_core.data.tasks import find_task
    from mixkd_core.records.specs import CheckpointRef, RunSpec

    seconds: dict[str, float] = {}
    clock = {"wall": time.perf_counter, "cpu": time.process_time}[job.clock]

    @contextmanager
    def stage(name: str) -> Iterator[None]:
        started = clock()
        yield
        seconds[name] = clock() - started

    store = Path(job.store)
    tokenizer = load_tokenizer(job.encoder)
    with stage("load"):
        data = load_task_data(find_task(TASK), data_dir=job.data_dir)
    with stage("subset"):
        spec = RunSpec(
            task=TASK,
            data=data.fingerprint,
            fraction=1.0,
            encoder=CheckpointRef(name="random", digest="0" * 16),
        )
        train = evaluation_sets(spec, data)["train"]
    with stage("tokenise_warm" if job.warm else "tokenise"):
        tokens = encode(train, tokenizer, MAX_LENGTH, store)
    if job.warm:
        network = small_network(len(tokenizer))
        with stage("first_step"):
            _take_a_step(network, tokens, store)
        del tokens
        with stage("evaluate"):
            _evaluate(data.task, network, train, tokenizer, store)
    return {**seconds, "peak_bytes": host_peak_bytes()}


def small_network(words: int) -> Any:
    """A classifier of one layer of width 8."""
    from transformers import BertConfig, BertForSequenceClassification

    return BertForSequenceClassification(
        BertConfig(
            vocab_size=words,
            hidden_size=8,
            num_hidden_layers=1,
            num_attention_heads=1,
            intermediate_size=16,
            max_position_embeddings=MAX_LENGTH,
            pad_token_id=0,
        )
    )


def _take_a_step(network: Any, tokens: Any, folder: Path) -> None:
    from mixkd_core.training.arguments import MixKDArguments
    from mixkd_core.training.trainer import MixKDTrainer

    arguments = MixKDArguments(
        output_dir=str(folder / "trainer"),
        method=METHOD,
        max_steps=1,
        per_device_train_batch_size=32,
        report_to="none",
        disable_tqdm=True,
        save_strategy="no",
        use_cpu=True,
    )
    teacher = small_network(network.config.vocab_size)
    MixKDTrainer(network, arguments, train_dataset=tokens, teacher=teacher).train()


def _evaluate(task: Any, network: Any, examples: Any, tokenizer: Any, folder: Path) -> None:
    from mixkd_core.data.columns import column_values
    from mixkd_core.evaluation.per_example import per_example, summarise
    from mixkd_core.networks.inference import run_inference
    from mixkd_core.records.run_folder import write_examples

    ids, labels, groups = (
        column_values(examples, name) for name in ("example_id", "label", "group")
    )
    logits = run_inference(network, encode_table(examples, tokenizer, MAX_LENGTH, folder)).logits
    table = per_example(task, ids, labels, logits, groups=groups)
    summarise(task, table, labels)
    write_examples(folder, "train", table)


def main() -> None:
    from experiments.running.quiet import quiet_libraries

    quiet_libraries()
    print(
        json.dumps(stage_seconds(DataJob(**json.loads(sys.argv[1]))), allow_nan=False), flush=True
    )


if __name__ == "__main__":
    main()
