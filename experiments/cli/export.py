"""`mixkd export`: results small enough to commit, the README that shows them; ONNX of a network."""

import shutil
from pathlib import Path
from typing import Annotated

import typer

from experiments.cli.options import TrustRemoteCode

# Enough to meet short and long texts; each is run alone and all of them together.
TEXTS_COMPARED = 32


def export(
    runs: Annotated[
        Path,
        typer.Argument(
            help="Folder that runs were written to, or exported results; with --onnx a run's "
            "folder or a fine-tuned classifier.",
            metavar="RUNS",
        ),
    ],
    out: Annotated[
        Path | None, typer.Option("--out", "-o", help="Folder that the results are written to.")
    ] = None,
    study: Annotated[
        list[Path] | None, typer.Option(help="A study file to keep with them; repeatable.")
    ] = None,
    readme: Annotated[
        Path | None, typer.Option(help="README whose section on these results is rewritten.")
    ] = None,
    onnx: Annotated[
        Path | None,
        typer.Option(help="Write the network as this ONNX file instead, checked against torch."),
    ] = None,
    texts: Annotated[
        Path | None,
        typer.Option(
            help="A table of texts to check the ONNX file on; by default an embedded task's."
        ),
    ] = None,
    text_column: Annotated[str, typer.Option(help="Its column with the text.")] = "text",
    text_pair_column: Annotated[
        str | None, typer.Option(help="Its column with the second text of a pair.")
    ] = None,
    trust_remote_code: TrustRemoteCode = False,
) -> None:
    """Write every number that a report needs as a few text files, without examples and networks.

    'mixkd report', 'gaps' and 'claims' read the result like a folder of runs.
    With --readme alone the section is made again from results exported before.
    With --onnx a network is written in that form instead.
    """
    import datetime as dt

    from experiments.cli.tables import unfinished_note
    from mixkd_core.errors import InputError
    from reports.evidence.costs import COSTS
    from reports.evidence.evidence import load_evidence
    from reports.evidence.export import is_export, write_export
    from reports.pages.readme import update_readme

    if onnx is not None:
        if out is not None or study or readme is not None:
            raise InputError("--onnx writes one network: leave out --out, --study and --readme.")
        columns = tuple(name for name in (text_column, text_pair_column) if name is not None)
        _write_onnx(str(runs), onnx, texts, columns)
        return
    if texts is not None:
        raise InputError("--texts are what an ONNX file is checked on: give --onnx, too.")
    if is_export(runs):
        if out is not None or study:
            raise InputError(
                f"{runs} holds exported results already: leave out --out and --study, or give the "
                "folder of runs."
            )
        if readme is None:
            raise InputError(f"{runs} holds exported results: give --readme to show them in.")
        folder = runs
    elif out is None:
        raise InputError(f"{runs} holds runs: give the folder to write their results to with -o.")
    else:
        folder = out
        evidence = load_evidence(runs)
        if evidence.damaged_plans:
            # Whoever reads the results could not know of the runs that are missing.
            raise InputError(evidence.damaged_plans[0])
        write_export(
            evidence.entries,
            evidence.measurements,
            folder,
            dt.date.today(),
            study or (),
            evidence.tuning_runs,
            evidence.consistency.numbers,
        )
        if (runs / COSTS).is_file():
            shutil.copyfile(runs / COSTS, folder / COSTS)
        finished = int((evidence.runs["state"] == "finished").sum())
        typer.echo(f"the results of {finished} finished runs were written to {folder}")
        note = unfinished_note(evidence)
        if note:
            typer.echo(note)
    if readme is not None:
        update_readme(readme, folder)
        typer.echo(f"{readme} shows the results of {folder}")


def _write_onnx(network: str, path: Path, file: Path | None, columns: tuple[str, ...]) -> None:
    from experiments.deployment.network import open_network
    from experiments.deployment.onnx_form import check_libraries, write_onnx
    from experiments.deployment.texts import texts_of_file, texts_of_task
    from experiments.running.quiet import quiet_libraries

    quiet_libraries()
    check_libraries()
    opened = open_network(network)
    if file is None:
        sample = texts_of_task(opened, TEXTS_COMPARED, options=("--texts",))
    else:
        sample = texts_of_file(file, columns, TEXTS_COMPARED)
    form = write_onnx(opened, path, sample)
    typer.echo(
        f"{form.path}: inputs {', '.join(form.inputs)} of shape (texts, tokens), output logits; on "
        f"{form.texts} texts no logit differs from torch's by more than {form.deviation:.1g}"
    )
