"""`mixkd consistency`: do predictions stay what they should be when texts are altered slightly?"""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from experiments.cli.options import Seeds

if TYPE_CHECKING:
    from mixkd_core.data.relations.relation import Relation
    from mixkd_core.data.tasks import Task

# Labelled texts that a task brings itself.
DEV = "dev"


def consistency(
    runs: Annotated[Path, typer.Argument(help="Folder that runs were written to.")],
    data: Annotated[
        list[Path] | None,
        typer.Option(
            help="Altered texts beside their originals: a folder of BECEL, a suite of CheckList, "
            "or a table of your own (experiments/README.md says its columns); repeatable."
        ),
    ] = None,
    alter: Annotated[
        list[str] | None,
        typer.Option(
            metavar="dev|FILE",
            help="Labelled texts to alter slightly (typos, case, punctuation, contractions, a "
            "dropped or doubled word): the task's development set, a table, or a file of "
            "TextFooler's; repeatable. An embedded task is altered within its grammar, where "
            "labels are known exactly.",
        ),
    ] = None,
    data_dir: Annotated[
        Path | None,
        typer.Option(help="GLUE folder in the official TSV layout, for --alter dev."),
    ] = None,
    task: Annotated[
        str | None, typer.Option(help="The task, where the folder holds runs of several.")
    ] = None,
    seeds: Seeds = None,
    most: Annotated[
        int, typer.Option(min=1, help="Originals of each alteration that are looked at, at most.")
    ] = 300,
    text_column: Annotated[
        str, typer.Option(help="A table's column with the text, for a task of your own.")
    ] = "text",
    text_pair_column: Annotated[
        str | None, typer.Option(help="Its column with the second text of a pair.")
    ] = None,
    label_column: Annotated[str, typer.Option(help="Its column with the label.")] = "label",
    batch_size: Annotated[int, typer.Option(min=1, help="Texts at a time.")] = 64,
) -> None:
    """Measure how consistent the predictions of finished runs are, teachers among them.

    Every network predicts the same texts and their altered forms. The predictions are stored
    beside the runs and found again; 'mixkd report' and 'claims' use them.
    """
    from tqdm.auto import tqdm

    from experiments.cli.options import listed
    from experiments.deployment.consistency import (
        measure_run,
        missing_relations,
        network_is_gone,
        what_remains,
    )
    from experiments.running.quiet import quiet_libraries
    from mixkd_core.errors import InputError
    from reports.evidence.entries import look_into
    from reports.evidence.export import is_export

    quiet_libraries()
    if is_export(runs):
        raise InputError(
            f"{runs} holds exported results, which keep no networks: give the folder of runs."
        )
    wanted = listed(seeds, int, "--seeds")
    stored = [
        run
        for run in look_into(runs).runs
        if not run.chooses_settings
        and (task is None or run.about.task == task)
        and (wanted is None or run.about.seed in wanted)
    ]
    gone = [run for run in stored if network_is_gone(run, runs)]
    for run in gone:
        typer.echo(what_remains(run, runs))
    records = [run.record for run in stored if run.record is not None and run not in gone]
    if not records:
        raise InputError(
            f"{runs} holds no finished run{f' of task {task!r}' if task else ''} whose network is "
            "there: give the folder of a study that was run."
        )
    names = sorted({record.spec.task for record in records})
    if len(names) > 1:
        raise InputError(
            f"{runs} holds runs of {', '.join(names)}: name the one that the texts are of with "
            "--task."
        )
    columns = tuple(name for name in (text_column, text_pair_column) if name is not None)
    described = _task(names[0], records[0].model_folder, columns, label_column)
    relations = _relations(described, data or (), alter or (), data_dir, most)
    for related in relations:
        for sentence in related.remarks:
            typer.echo(sentence)
        typer.echo(f"{related.name}: {related.counted}")
    missing = {record.spec.id: missing_relations(runs, record, relations) for record in records}
    texts = sum(
        len({one for row in related.rows for one in (row.original, row.altered)})
        for found in missing.values()
        for related in found
    )
    refused: list[str] = []
    with tqdm(total=texts, unit="text", leave=False, disable=None) as bar:
        for record in records:
            if not missing[record.spec.id]:
                continue
            try:
                measure_run(runs, record, relations, batch_size=batch_size, progress=bar.update)
            except InputError as error:  # the others are measured all the same
                refused.append(f"{record.folder.name}: {error}")
    _tell(runs)
    for sentence in refused:
        typer.echo(sentence)
    if refused:
        raise InputError(
            f"{len(refused)} of {len(records)} runs could not be measured (see above); what was "
            "measured of the others is stored."
        )


def _task(name: str, model_folder: Path, columns: tuple[str, ...], label_column: str) -> "Task":
    """The known task of this name, or one of the user's own, its classes read off a network."""
    from mixkd_core.data.tasks import KNOWN, Task
    from mixkd_core.networks.checkpoints import load_config

    if name in KNOWN:
        return KNOWN[name]
    config = load_config(model_folder)
    labels = tuple(str(config.id2label[index]) for index in range(config.num_labels))
    return Task(name, columns, label_column, labels if len(labels) > 1 else None)


def _relations(
    task: "Task",
    data: Sequence[Path],
    alter: Sequence[str],
    data_dir: Path | None,
    most: int,
) -> "list[Relation]":
    from mixkd_core.data.relations import sources
    from mixkd_core.data.relations.labelled_texts import of_split, read_labelled
    from mixkd_core.data.relations.relation import thinned
    from mixkd_core.data.sources import load_task_data
    from mixkd_core.data.tasks import KNOWN
    from mixkd_core.errors import InputError

    if not data and not alter:
        raise InputError(
            "no texts were given: give altered texts by --data, or labelled ones by --alter, such "
            "as --alter dev."
        )
    relations = [sources.read_relation(path, task) for path in data]
    for given in alter:
        if given == DEV:
            if task.name not in KNOWN:
                raise InputError(
                    f"the development set of {task.name!r}, a task of your own, is in a file that "
                    "its runs do not name: give that file to --alter."
                )
            sources.check_classes(task)
            loaded = load_task_data(task, data_dir=data_dir)
            relations += [
                sources.alter(name, of_split(examples), task)
                for name, examples in loaded.evaluation.items()
            ]
        else:
            path = Path(given)
            relations.append(sources.alter(path.stem, read_labelled(path, task), task))
    return [thinned(related, most) for related in relations]


def _tell(runs: Path) -> None:
    """Print what was found, in the columns that fit a screen."""
    from experiments.cli.tables import print_table
    from reports.evidence.evidence import load_evidence
    from reports.tables.consistency import consistency_table

    evidence = load_evidence(runs)
    print_table(
        consistency_table(evidence),
        ("fraction", "source", "kind", "method", "texts", "flips", "unchanged", "95 % interval",
         "flips, original right", "divergence", "accuracy before", "accuracy after", "seeds"),
    )  # fmt: skip
    for sentence in evidence.consistency.remarks:
        typer.echo(sentence)
