"""`mixkd predict`: a file of texts in, the same file with predictions out."""

from pathlib import Path
from typing import Annotated

import typer

from experiments.cli.options import TrustRemoteCode


def predict(
    network: Annotated[
        str,
        typer.Argument(
            help="A finished run's folder, or a fine-tuned classifier: a folder or a hub name.",
            metavar="NETWORK",
        ),
    ],
    file: Annotated[
        Path, typer.Argument(help="Texts: CSV, TSV, JSON, JSONL, parquet or Arrow.", metavar="FILE")
    ],
    out: Annotated[
        Path,
        typer.Option(
            "--out", "-o", help="File to write; its ending (.csv, .tsv, .jsonl, .parquet) decides."
        ),
    ],
    text_column: Annotated[
        str | None,
        typer.Option(help="Column with the text; by default its GLUE task's, or 'text'."),
    ] = None,
    text_pair_column: Annotated[
        str | None, typer.Option(help="Column with the second text of a pair.")
    ] = None,
    windows: Annotated[
        bool,
        typer.Option(
            "--windows",
            help="Read long texts in overlapping windows and average, instead of cutting them as "
            "in training.",
        ),
    ] = False,
    batch_size: Annotated[int, typer.Option(min=1, help="Texts at a time.")] = 64,
    trust_remote_code: TrustRemoteCode = False,
) -> None:
    """Predict a file: every row with its class and the probability of each, or with its score.

    Texts longer than what the network was trained on are cut as in training, and counted.
    """
    from tqdm.auto import tqdm

    from experiments.deployment.network import open_network
    from experiments.deployment.prediction import check_suffix, read_rows, write_rows
    from experiments.deployment.prediction import predict as predicted
    from experiments.running.quiet import quiet_libraries
    from mixkd_core.data.tasks import find_task
    from mixkd_core.errors import InputError

    quiet_libraries()
    check_suffix(out)
    if text_column is None and text_pair_column is not None:
        raise InputError("--text-pair-column names a second text: give --text-column too.")
    rows = read_rows(file)
    opened = open_network(network)
    if text_column is not None:
        columns = tuple(name for name in (text_column, text_pair_column) if name is not None)
    else:
        columns = ("text",) if opened.task is None else find_task(opened.task).text_columns
    with tqdm(total=len(rows), unit="text", leave=False, disable=None) as bar:
        found = predicted(
            opened,
            rows,
            columns,
            long_texts="windows" if windows else "cut",
            batch_size=batch_size,
            progress=bar.update,
        )
    defused = write_rows(found.rows, out)
    typer.echo(f"{len(rows)} predictions were written to {out}")
    if defused:
        typer.echo(
            f"{defused} cells begin like a formula, which a spreadsheet would run: they have got "
            "an apostrophe before them; .jsonl and .parquet keep them as they are"
        )
    if found.long:
        how = "read in windows" if windows else "cut as in training"
        typer.echo(
            f"{found.long} of {len(rows)} texts are longer than {opened.max_length} tokens: {how}"
        )
