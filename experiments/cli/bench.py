"""`mixkd bench`: what training costs, against peers and against what the machine could do."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer


class ClockOption(StrEnum):
    """The clock that ratios are taken of."""

    WALL = "wall"
    CPU = "cpu"


def bench(
    out: Annotated[
        Path, typer.Option(help="Folder that bench.json, tables and figures are written to.")
    ] = Path("bench"),
    quick: Annotated[bool, typer.Option("--quick", help="A few minutes, and rough.")] = False,
    data_dir: Annotated[
        Path | None,
        typer.Option(help="GLUE folder with SST-2, MRPC and RTE; without it, embedded data."),
    ] = None,
    teacher: Annotated[
        str | None,
        typer.Option(help="BERT encoder for real data: folder or hub name.", metavar="CHECKPOINT"),
    ] = None,
    parts: Annotated[
        str, typer.Option(help="Only some of steps,families,base,scaling,memory,whole,padding.")
    ] = "steps,families,base,scaling,memory,whole,padding",
    repetitions: Annotated[
        int | None, typer.Option(help="Rounds in which every contestant is timed once.")
    ] = None,
    clock: Annotated[
        ClockOption,
        typer.Option(
            help="What ratios are taken of. Where other programs disturb, 'cpu' (processor time) "
            "is steadier; it does not see waiting, nor an accelerator."
        ),
    ] = ClockOption.WALL,
    threads: Annotated[int, typer.Option(help="Of torch, on a CPU.")] = 1,
) -> None:
    """Measure training steps, distance from the limit, scaling, memory, waiting times and padding.

    Checks first that all contestants compute the same losses and gradients. Give the folder to
    `mixkd report --bench` to have the tables and figures in the report.
    """
    from experiments.benchmarks.bench import effort_of, run_benchmark, setup
    from experiments.cli.console import wide_table
    from experiments.running.quiet import quiet_libraries
    from reports.benchmarks.figures import write_benchmarks
    from reports.benchmarks.tables import benchmark_tables, load_benchmarks

    quiet_libraries()
    effort = effort_of(quick, repetitions)
    wanted = [part.strip() for part in parts.split(",") if part.strip()]
    given = setup(data_dir, teacher, clock.value, threads, wanted)
    run_benchmark(given, effort, out, typer.echo)
    measured = load_benchmarks(out)
    write_benchmarks(measured, out)
    for table in benchmark_tables(measured):
        typer.secho(f"\n{table.title}", bold=True)
        wide_table([column.title for column in table.columns], table.cells())
    for what, why in measured.absent.items():
        typer.echo(f"not measured: {what} ({why})")
    typer.echo(f"\neverything was written to {out}")
