"""The benchmark: what is measured, in which order, and what it leaves.

`bench.json` holds the environment, the settings and every table as rows; `reports.benchmarks`
makes tables and figures of it, beside it or in a report.
"""

import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import torch
from tqdm.auto import tqdm

from experiments.benchmarks.agreement import check_agreement
from experiments.benchmarks.alternation import Clock
from experiments.benchmarks.base_size import measure_base
from experiments.benchmarks.data_scaling import MOST_ROWS, growth_rows, measure_data
from experiments.benchmarks.families import measure_families
from experiments.benchmarks.matrix_rate import measure_rate
from experiments.benchmarks.operations import shape_of
from experiments.benchmarks.padding import padding_rows
from experiments.benchmarks.scaling import (
    Job,
    measure_memory,
    measure_processes,
    measure_scaling,
)
from experiments.benchmarks.steps import agreement_rows, measure_steps, rate_rows
from experiments.benchmarks.targets import target_rows
from experiments.benchmarks.whole import (
    StudySize,
    measure_report,
    measure_starts,
    measure_study,
    measure_theory,
)
from experiments.benchmarks.workload import (
    EMBEDDED_TASKS,
    MOST_EXAMPLES,
    REAL_TASKS,
    Workload,
    load_workload,
    training_device,
)
from experiments.running.encoders import encoder_for
from mixkd_core.data.tasks import find_task
from mixkd_core.errors import InputError
from mixkd_core.records.environment import describe, hardware
from mixkd_core.records.places import this_command
from mixkd_core.records.run_folder import write_json
from reports.benchmarks.tables import FILE_NAME, SCHEMA_VERSION

Row = dict[str, Any]
Tables = dict[str, list[Row]]
Say = Callable[[str], None]

PARTS = ("steps", "families", "base", "scaling", "memory", "whole", "padding")


@dataclass(frozen=True)
class BenchEffort:
    """The time given to each measurement.

    Attributes:
        repetitions: rounds, in which every contestant has a stretch.
        seconds: of a stretch, about.
        examples: most of a task's training texts that are used.
        points: settings on each curve of the scaling.
        study: how much of `limited-data` is run.
        records: made-up runs that a report is built of.
        pairs: sizes of training sets that are read, tokenised and evaluated.
        base_on_processors: whether networks of BERT-base's size are trained without an accelerator.
    """

    repetitions: int
    seconds: float
    examples: int
    points: int
    study: StudySize
    records: int
    pairs: tuple[int, ...]
    base_on_processors: bool


# The largest is about as large as MNLI, the largest of GLUE.
PAIRS = (25_000, 50_000, 100_000, 200_000, MOST_ROWS)

FULL = BenchEffort(5, 4.0, MOST_EXAMPLES, 4, StudySize((0, 1), (0.1, 1.0), 4000), 1000, PAIRS, True)
QUICK = BenchEffort(3, 0.5, 1280, 2, StudySize((0,), (0.1,), 1000), 50, PAIRS[:2], False)


@dataclass(frozen=True)
class Setup:
    """The data and networks that are measured.

    Attributes:
        tasks: names; the first is that of memory, scaling and two processes.
        data_dir, teacher: of real tasks.
        clock: that ratios are taken of.
        threads: of torch on a CPU.
        parts: which of `PARTS`.
    """

    tasks: tuple[str, ...]
    data_dir: Path | None
    teacher: str | None
    clock: Clock
    threads: int
    parts: tuple[str, ...]


def setup(
    data_dir: Path | None, teacher: str | None, clock: Clock, threads: int, parts: Sequence[str]
) -> Setup:
    """Real tasks where there are data, embedded ones elsewhere.

    Raises:
        InputError: for a teacher without data, an unknown part, less than one thread, or processor
            time on an accelerator.
    """
    if teacher is not None and data_dir is None:
        raise InputError(
            "--teacher is for real tasks, and no --data-dir was given: give the GLUE folder too, "
            "or neither."
        )
    for part in parts:
        if part not in PARTS:
            raise InputError(f"there is no part {part!r} to measure: take {', '.join(PARTS)}.")
    if threads < 1:
        raise InputError(f"--threads is {threads}: give at least 1.")
    if clock == "cpu" and training_device().type != "cpu":
        raise InputError(
            "--clock cpu counts processor time, and training runs on an accelerator here: use "
            "--clock wall."
        )
    tasks = EMBEDDED_TASKS if data_dir is None else REAL_TASKS
    return Setup(tasks, data_dir, teacher, clock, threads, tuple(parts))


def run_benchmark(given: Setup, effort: BenchEffort, out: Path, say: Say) -> None:
    """Measure everything asked for; `bench.json` in `out` is written anew after each part.

    Raises:
        InputError: for data or an encoder that cannot be used, or an `out` that cannot be written.
        DisagreementError: if a peer does not compute what we do.
    """
    torch.set_num_threads(given.threads)
    _make(out)
    tables: Tables = {}
    absent: dict[str, str] = {}
    document = {
        "schema_version": SCHEMA_VERSION,
        "environment": describe(),
        "command": this_command(),
        "settings": asdict(effort)
        | {"clock": given.clock, "threads": given.threads, "tasks": list(given.tasks)},
        "absent": absent,
    }
    with tempfile.TemporaryDirectory() as scratch:
        for found, missing in _parts(given, effort, Path(scratch), say):
            for name, rows in found.items():
                tables[name] = tables.get(name, []) + rows
            absent |= missing
            write_json(
                out / FILE_NAME, document | {"tables": tables | {"targets": target_rows(tables)}}
            )


def _parts(
    given: Setup, effort: BenchEffort, scratch: Path, say: Say
) -> Iterator[tuple[Tables, dict[str, str]]]:
    """Rows by table, and what is absent and why, as they are measured."""
    workloads: dict[str, Workload] = {}
    for task in given.tasks:
        say(f"{task}: tokenising")
        workloads[task] = load_workload(
            task,
            data_dir=given.data_dir,
            teacher=given.teacher,
            scratch=scratch,
            most_examples=effort.examples,
        )
    first = workloads[given.tasks[0]]
    precision = "fp32" if first.device.type == "cpu" else "bf16"
    job = Job(
        task=given.tasks[0],
        data_dir=None if given.data_dir is None else str(given.data_dir.resolve()),
        teacher=given.teacher,
        most_examples=effort.examples,
        scratch=str(scratch),
        precision=precision,
        threads=given.threads,
    )
    if "padding" in given.parts:
        say("padding")
        yield {"padding": [row for one in workloads.values() for row in padding_rows(one)]}, {}
    if "steps" in given.parts:
        yield from _steps(given, effort, workloads, precision, say)
    if "families" in given.parts:
        for task, workload in workloads.items():
            say(f"{task}: other encoders")
            with tqdm(disable=None, leave=False, unit="stretch") as bar:
                rows = measure_families(
                    workload,
                    precision=precision,
                    repetitions=effort.repetitions,
                    seconds=effort.seconds / 2,
                    clock=given.clock,
                    progress=bar.update,
                )
            yield {"families": rows}, {}
    if "base" in given.parts:
        yield from _base(given, effort, list(workloads.values())[:2], say)
    if "scaling" in given.parts:
        say(f"{first.name}: scaling")
        with tqdm(disable=None, leave=False, unit="stretch") as bar:
            rows = measure_scaling(
                first,
                job,
                points=effort.points,
                repetitions=effort.repetitions,
                seconds=effort.seconds / 2,
                clock=given.clock,
                progress=bar.update,
            )
        yield {"scaling": rows}, {}
        if first.device.type == "cpu" and hardware().cores >= 2 * given.threads:
            yield {"processes": measure_processes(job, effort.repetitions)}, {}
        else:
            yield {}, {"two processes": "they need a core (on an accelerator, a device) each"}
        say("scaling with the number of texts")
        encoder = encoder_for(find_task(first.name), given.teacher, scratch)
        with tqdm(disable=None, leave=False, unit="process") as bar:
            rows = measure_data(encoder, effort.pairs, given.threads, given.clock, bar.update)
        yield {"data_scaling": rows, "data_growth": growth_rows(rows)}, {}
    if "memory" in given.parts:
        say(f"{first.name}: memory")
        weights = sum(w.numel() * w.element_size() for w in first.teacher.parameters())
        yield {"memory": measure_memory(job, weights)}, {}
    if "whole" in given.parts:
        say("start-up, a study, a report, the theory")
        yield {"waits": measure_starts(effort.repetitions)}, {}
        yield {"waits": [measure_study(effort.study, scratch / "study")]}, {}
        yield {"waits": [measure_report(effort.records, scratch)]}, {}
        yield {"theory": measure_theory(effort.repetitions)}, {}


def _steps(
    given: Setup,
    effort: BenchEffort,
    workloads: dict[str, Workload],
    precision: str,
    say: Say,
) -> Iterator[tuple[Tables, dict[str, str]]]:
    """Training steps of every task, after all contestants have shown that they compute the same."""
    first = next(iter(workloads.values()))
    wanted = [precision]
    if first.device.type == "cpu":
        if hardware().bf16:
            wanted.append("bf16")
        else:
            yield {}, {"bf16": "this processor does not compute in bfloat16"}
    for task, workload in workloads.items():
        say(f"{task}: do all contestants compute the same?")
        yield {"agreement": agreement_rows(check_agreement(workload))}, {}
    say("the matrix rate")
    rates = {
        each: measure_rate(
            shape_of(first.teacher),
            each,
            first.device,
            repetitions=effort.repetitions,
            seconds=effort.seconds / 4,
            clock=given.clock,
        )
        for each in wanted
    }
    yield {"rates": rate_rows(rates)}, {}
    for task, workload in workloads.items():
        say(f"{task}: training steps")
        with tqdm(disable=None, leave=False, unit="stretch") as bar:
            found = measure_steps(
                workload,
                rates,
                repetitions=effort.repetitions,
                seconds=effort.seconds,
                clock=given.clock,
                precision=precision,
                progress=bar.update,
            )
        yield {name: getattr(found, name) for name in ("steps", "ratios", "limits")}, found.absent


def _base(
    given: Setup, effort: BenchEffort, workloads: Sequence[Workload], say: Say
) -> Iterator[tuple[Tables, dict[str, str]]]:
    """Networks of BERT-base's size: in bf16, but for processors that do not compute in it."""
    from transformers import BertConfig

    processor = workloads[0].device.type == "cpu"
    if processor and not effort.base_on_processors:
        yield {}, {"networks of BERT-base's size": "a quick benchmark on a processor leaves it out"}
        return
    say("networks of BERT-base's size")
    with tqdm(disable=None, leave=False, unit="stretch") as bar:
        rows = measure_base(
            workloads,
            BertConfig(),
            precision="fp32" if processor and not hardware().bf16 else "bf16",
            batch_size=32 if processor else 128,
            repetitions=effort.repetitions,
            seconds=effort.seconds,
            clock=given.clock,
            progress=bar.update,
        )
    yield {"base": rows}, {}


def _make(out: Path) -> None:
    try:
        out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(f"cannot write to {out}: {error.strerror}; give another --out.") from error


def effort_of(quick: bool, repetitions: int | None) -> BenchEffort:
    """The full effort or the quick one, perhaps with another number of rounds.

    Raises:
        InputError: for less than one round.
    """
    effort = QUICK if quick else FULL
    if repetitions is None:
        return effort
    if repetitions < 1:
        raise InputError(f"--repetitions is {repetitions}: give at least 1.")
    return replace(effort, repetitions=repetitions)
