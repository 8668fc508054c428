"""`mixkd submit`: the zip file that the GLUE server takes."""

from pathlib import Path
from typing import Annotated

import typer

from experiments.cli.options import TrustRemoteCode


def submit(
    runs: Annotated[
        list[Path], typer.Argument(help="Run folders of GLUE tasks, one a task.", metavar="RUNS...")
    ],
    out: Annotated[Path, typer.Option("--out", "-o", help="The zip file to write.")] = Path(
        "submission.zip"
    ),
    data_dir: Annotated[
        Path | None,
        typer.Option(help="GLUE folder in the official TSV layout; without it, the hub."),
    ] = None,
    trust_remote_code: TrustRemoteCode = False,
) -> None:
    """Predict GLUE's test sets and write the zip that its server takes, every task in it.

    Tasks without a run get a constant prediction, since the server wants them all.
    """
    from experiments.cli.console import wide_table
    from experiments.running.quiet import quiet_libraries
    from experiments.submission import write_submission
    from mixkd_core.records.run_folder import read_record

    quiet_libraries()
    origins = write_submission([read_record(run) for run in runs], out, data_dir)
    wide_table(
        ("file", "predictions"), [(f"{name}.tsv", origin) for name, origin in origins.items()]
    )
    typer.echo(f"{out} is ready for gluebenchmark.com/submit")
