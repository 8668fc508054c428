"""The results of `mixkd bench`, read from their file, as tables.

The contract is one file, `bench.json`, in the folder given: `schema_version`, `environment`,
`command`, `settings`, `absent` (what could not be measured: why) and `tables`, each a list of rows.
Medians are in a column, the lowest and highest of the rounds in `<column>_low` and `<column>_high`.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from mixkd_core.errors import InputError
from reports.tables.table import Column, Table

FILE_NAME = "bench.json"
SCHEMA_VERSION = 1


@dataclass(frozen=True, eq=False)
class Benchmarks:
    """A file of measurements.

    Attributes:
        environment: versions and hardware.
        settings: how it was measured: rounds, seconds, clock, threads, tasks.
        command: that measured it.
        absent: what was not measured, and why.
        tables: rows by table.
    """

    environment: Mapping[str, Any]
    settings: Mapping[str, Any]
    command: str
    absent: Mapping[str, str]
    tables: Mapping[str, pd.DataFrame]

    @property
    def timing(self) -> str:
        """In words how ratios and rates were taken."""
        clock = "wall time" if self.settings["clock"] == "wall" else "processor time"
        return f"Ratios and shares are of {clock}, medians of {self.settings['repetitions']} rounds"

    @property
    def machine(self) -> str:
        """In words what it was measured on."""
        hardware, versions = self.environment["hardware"], self.environment["versions"]
        where = hardware["accelerator"] or (
            f"{hardware['processor']}, {self.settings['threads']} thread(s)"
        )
        return f"{where}, torch {versions['torch']}"


def load_benchmarks(folder: Path) -> Benchmarks:
    """Read the folder that `mixkd bench` wrote to.

    Raises:
        InputError: if it has no such file, or one that cannot be used.
    """
    path = folder / FILE_NAME
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise InputError(
            f"{path} cannot be read: {error.strerror}; give the folder that `mixkd bench --out` "
            "wrote to."
        ) from error
    except ValueError as error:
        raise InputError(f"{path} is not JSON: measure again with `mixkd bench`.") from error
    version = content.get("schema_version") if isinstance(content, dict) else None
    if version != SCHEMA_VERSION:
        raise InputError(
            f"{path} has version {version} of its schema, and this program reads version "
            f"{SCHEMA_VERSION}: measure again with `mixkd bench`."
        )
    try:
        tables = {name: pd.DataFrame(rows) for name, rows in content["tables"].items()}
        return Benchmarks(
            content["environment"],
            content["settings"],
            content["command"],
            content["absent"],
            tables,
        )
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise InputError(f"{path} is damaged: measure again with `mixkd bench`.") from error


@dataclass(frozen=True)
class Layout:
    """The way a table of the file is shown, and whether it holds ratios or shares of time."""

    title: str
    caption: str
    columns: tuple[Column, ...]
    timed: bool = True


def benchmark_tables(measured: Benchmarks) -> list[Table]:
    """Every table that was measured, in the order in which they are read."""
    found = []
    for name, layout in LAYOUTS.items():
        if name in measured.tables and len(measured.tables[name]):
            frame = in_units(name, measured.tables[name])
            timing = f" {measured.timing}, with the lowest and highest." if layout.timed else ""
            caption = f"{layout.caption}{timing} {measured.machine}."
            columns = tuple(
                column
                for column in layout.columns
                if {column.name, f"{column.name}_low"} & set(frame.columns)
            )
            found.append(Table(f"bench-{name}", layout.title, caption, columns, frame))
    return found


def in_units(name: str, frame: pd.DataFrame) -> pd.DataFrame:
    """The frame with its bytes in megabytes and the matrix rates in 10⁹ operations a second."""
    frame = frame.copy()
    for column in [str(column) for column in frame]:
        if column.endswith("_bytes"):
            frame[column.replace("_bytes", "_megabytes")] = frame.pop(column) / 1e6
        if name == "rates" and column.startswith(("square", "shapes")):
            frame[column] = frame[column] / 1e9
    return frame


def _spread(name: str, title: str, digits: int) -> tuple[Column, Column]:
    """A median and the range of its rounds."""
    return Column(name, title, "number", digits), Column(name, "from … to", "range", digits)


TASK = Column("task", "task")

LAYOUTS: Mapping[str, Layout] = {
    "targets": Layout(
        "Speed targets: what was hoped for and what was measured",
        "Ratios of examples per second unless said otherwise; targets of real tasks are not "
        "measured on embedded ones.",
        (
            Column("target", "target"),
            Column("aim", "aim"),
            Column("measured", "measured", "number", 2),
            Column("verdict", "verdict"),
        ),
    ),
    "ratios": Layout(
        "Speed against peers: how many times as fast",
        "Examples per second of ours over those of the peer, within a round. A whole training of "
        "kd is three epochs with one pass of the teacher.",
        (TASK, Column("ours", "ours"), Column("peer", "peer"), *_spread("ratio", "ratio", 2)),
    ),
    "families": Layout(
        "Other encoders: how many times as fast as the obvious loop grouped by length",
        "sm+tmkd; examples per second of ours over those of the loop, within a round. Networks are "
        "random, the student has half of the teacher's layers.",
        (
            TASK,
            Column("family", "family"),
            Column("layers", "layers", "count"),
            Column("width", "width", "count"),
            Column("precision", "precision"),
            *_spread("ratio", "ratio", 2),
        ),
    ),
    "steps": Layout(
        "Training steps: speeds of all contestants",
        "Examples are originals; tokens are real ones that the student read, mixed samples "
        "included. A batch is 32 originals.",
        (
            TASK,
            Column("contestant", "who"),
            Column("precision", "precision"),
            *_spread("wall_examples_per_second", "examples/s", 1),
            Column("cpu_examples_per_second", "examples/s of processor time", "number", 1),
            Column("wall_tokens_per_second", "tokens/s", "count"),
            Column("steps", "steps a round", "count"),
        ),
    ),
    "limits": Layout(
        "Distance from the limit: operations done against the matrix rate",
        "Operations: matrix products on real tokens that the step has to do. Share: of the rate of "
        "a large square product, and of products of the networks' own shapes. Cost: time per "
        "example over fine-tuning's, beside the operations' ratio.",
        (
            TASK,
            Column("contestant", "method"),
            Column("precision", "precision"),
            Column("gigaoperations_per_example", "10⁹ operations an example", "number", 4),
            *_spread("share", "share of matrix rate", 3),
            Column("share_of_shapes", "of own shapes'", "number", 3),
            *_spread("cost", "cost over ft", 2),
            Column("predicted_cost", "predicted", "number", 2),
            Column("cost_over_predicted", "measured over predicted", "number", 2),
        ),
    ),
    "rates": Layout(
        "Matrix rate",
        "10⁹ operations a second.",
        (
            Column("precision", "precision"),
            Column("edge", "edge of the square", "count"),
            *_spread("square", "large square product", 0),
            *_spread("shapes", "the networks' own shapes", 0),
        ),
    ),
    "base": Layout(
        "Networks of BERT-base's size: 12 layers to 6",
        "sm+tmkd; share of the rate of a large square product. Over the grouped loop: examples per "
        "second of ours over those of the obvious loop grouped by length, within a round.",
        (
            Column("texts", "texts"),
            Column("device", "device"),
            Column("precision", "precision"),
            Column("batch_size", "batch", "count"),
            *_spread("tokens_per_second", "tokens/s", 0),
            *_spread("tokens_ratio", "over 128 tokens", 2),
            *_spread("share", "share of matrix rate", 3),
            Column("share_of_shapes", "of own shapes'", "number", 3),
            *_spread("over_grouped", "over the grouped loop", 2),
        ),
    ),
    "scaling": Layout(
        "Scaling of time and memory",
        "sm+tmkd on texts of one length; one setting varied, the others as usual.",
        (
            Column("varied", "varied"),
            Column("length", "tokens", "count"),
            Column("batch_size", "batch", "count"),
            Column("mixup_ratio", "ratio", "number", 1),
            Column("layers", "layers", "count"),
            *_spread("seconds_per_step", "seconds a step", 4),
            Column("gigaoperations_per_step", "10⁹ operations a step", "number", 2),
            Column("peak_megabytes", "peak memory, MB", "count"),
        ),
    ),
    "data_scaling": Layout(
        "Scaling with the number of texts",
        "Seconds of reading, choosing, tokenising and evaluating pairs of random words, by a "
        "network of one layer of width 8; cold: no tokens are stored, warm: they are. To the first "
        "step: reading, choosing, stored tokens, one step.",
        (
            Column("rows", "pairs", "count"),
            Column("load_seconds", "read", "number", 2),
            Column("subset_seconds", "choose", "number", 2),
            Column("tokenise_seconds", "tokenise, cold", "number", 2),
            Column("tokenise_warm_seconds", "tokenise, warm", "number", 2),
            Column("first_step_seconds", "first step", "number", 2),
            Column("evaluate_seconds", "evaluate", "number", 2),
            Column("start_seconds", "to the first step", "number", 2),
            Column("cold_peak_gigabytes", "peak, cold, GB", "number", 2),
            Column("warm_peak_gigabytes", "peak, warm, GB", "number", 2),
        ),
    ),
    "data_growth": Layout(
        "Growth with the number of texts",
        "Exponents of the seconds above: 1 is in proportion, below 1 something is fixed.",
        (
            Column("stage", "stage"),
            Column("exponent", "exponent", "number", 2),
        ),
    ),
    "processes": Layout(
        "Two processes against one",
        "sm+tmkd on the first task, the global batch the same; wall time.",
        (
            Column("processes", "processes", "count"),
            *_spread("seconds_per_step", "seconds a step", 4),
        ),
        timed=False,
    ),
    "memory": Layout(
        "Peak memory: MixKD against fine-tuning",
        "Of a process that trains on the task, everything included; the teacher's weights are "
        "added to those that hold no teacher. Ratio: MixKD's peak over it.",
        (
            TASK,
            Column("contestant", "who"),
            Column("peak_megabytes", "peak, MB", "count"),
            Column("before_training_megabytes", "before training, MB", "count"),
            Column("with_teacher_megabytes", "with the teacher, MB", "count"),
            Column("ratio", "ratio", "number", 2),
        ),
        timed=False,
    ),
    "waits": Layout(
        "Waiting times",
        "Each in a process of its own.",
        (
            Column("what", "what"),
            *_spread("wall_seconds", "seconds", 2),
            Column("cpu_seconds", "of processor time", "number", 2),
        ),
        timed=False,
    ),
    "theory": Layout(
        "The theory's kernels against plain loops",
        "Medians of wall time; both must give equal answers.",
        (
            Column("question", "question"),
            Column("loop_seconds", "loop, s", "number", 4),
            Column("kernel_seconds", "kernel, s", "number", 5),
            Column("speedup", "times as fast", "number", 1),
            Column("loop_per_second", "loop, simulations/s", "count"),
            Column("kernel_per_second", "kernel, simulations/s", "count"),
        ),
        timed=False,
    ),
    "padding": Layout(
        "Padding",
        "Real tokens over the tokens of the collator's padded texts, and over the rows of the "
        "products with weights, in an epoch's batches. Attention alone sees the padded texts.",
        (
            TASK,
            Column("what", "batches"),
            Column("handed_over", "real over handed over", "number", 3),
            Column("multiplied", "real over multiplied", "number", 3),
        ),
        timed=False,
    ),
    "agreement": Layout(
        "Agreement of losses: what was checked before timing",
        "Differences of loss and gradient on one batch, relative, without dropout, in float32.",
        (
            TASK,
            Column("method", "method"),
            Column("peer", "peer"),
            Column("loss", "loss", "number", 5),
            Column("loss_difference", "loss differs by", "p"),
            Column("gradient_difference", "gradient differs by", "p"),
        ),
        timed=False,
    ),
}
