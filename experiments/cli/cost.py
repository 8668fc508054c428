"""`mixkd cost`: what a teacher and its students cost to use, side by side."""

import json
from pathlib import Path
from typing import Annotated

import typer

from experiments.cli.options import TrustRemoteCode


def cost(
    networks: Annotated[
        list[str],
        typer.Argument(
            help="A folder of runs, of which one network of each shape is measured; or run "
            "folders, fine-tuned classifiers or hub names.",
            metavar="RUNS|NETWORK...",
        ),
    ],
    file: Annotated[
        Path | None,
        typer.Option(help="A table of texts to measure on; by default the task's."),
    ] = None,
    data_dir: Annotated[
        Path | None, typer.Option(help="GLUE folder in the official TSV layout, for a GLUE task.")
    ] = None,
    text_column: Annotated[str, typer.Option(help="The file's column with the text.")] = "text",
    text_pair_column: Annotated[
        str | None, typer.Option(help="Its column with the second text of a pair.")
    ] = None,
    texts: Annotated[int, typer.Option(min=1, help="Texts to measure on.")] = 200,
    rounds: Annotated[int, typer.Option(min=1, help="Turns that every network takes.")] = 5,
    trust_remote_code: TrustRemoteCode = False,
) -> None:
    """Measure size, operations, latency, throughput, memory and energy, all in one run.

    Every network is measured in fp32 and in bf16 on the device at hand, after warm-up, at the
    task's own lengths. For a folder of runs the numbers stay there, and its report shows them.
    """
    from tqdm.auto import tqdm

    from experiments.cli.tables import print_table
    from experiments.deployment.cost import TYPES, costs_document, measure_costs, one_of_each
    from experiments.deployment.network import open_network
    from experiments.deployment.texts import texts_of_file, texts_of_task
    from experiments.running.quiet import quiet_libraries
    from reports.evidence.costs import COSTS, Costs
    from reports.evidence.entries import finished_entries, read_store
    from reports.files import write_file
    from reports.tables.costs import table_of

    quiet_libraries()
    store = _store(networks)
    if store is not None:
        entries = finished_entries(read_store(store), store)
        networks = [str(record.folder) for record in one_of_each([e.finished for e in entries])]
    if file is not None:
        columns = tuple(name for name in (text_column, text_pair_column) if name is not None)
        sample = texts_of_file(file, columns, texts)
    else:
        sample = texts_of_task(
            open_network(networks[0]), texts, data_dir=data_dir, options=("--file", "--data-dir")
        )
    turns = rounds * len(networks) * len(TYPES)
    with tqdm(total=turns, unit="turn", leave=False, disable=None) as bar:
        measured = measure_costs(networks, sample, rounds=rounds, progress=bar.update)
    content = costs_document(measured, sample, rounds)
    table = table_of(Costs.of(content))
    print_table(table, [column.title for column in table.columns])
    typer.echo(table.caption)
    if store is not None:
        path = write_file(
            store / COSTS, (json.dumps(content, indent=1, allow_nan=False) + "\n").encode()
        )
        typer.echo(f"the numbers were written to {path}; mixkd report shows them")


def _store(networks: list[str]) -> Path | None:
    """Return the one folder that was given where it holds runs and is not a network itself."""
    folder = Path(networks[0])
    if len(networks) > 1 or not folder.is_dir():
        return None
    itself = (folder / "config.json").is_file() or (folder / "spec.json").is_file()
    return None if itself else folder
