"""The zip file that the GLUE server takes: a table of predictions for every task.

Each table is `<task>.tsv` with the header `index<TAB>prediction` and a row for every example of the
official test set, in its order. A prediction is the class's name (MNLI, QNLI, RTE, AX), its index
(CoLA, SST-2, MRPC, QQP, WNLI) or a score from 0 to 5 (STS-B). The server refuses a zip that leaves
a table out, so a task without a run gets one constant prediction throughout: its score on the
server is that of the constant.
"""

import zipfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from tqdm.auto import tqdm

from mixkd_core.atomic import replacing
from mixkd_core.data.encoding import encode_table
from mixkd_core.data.sources import load_glue_test, load_hub_test
from mixkd_core.data.tasks import GLUE, GLUE_HUB_PATH, Task, TsvLayout
from mixkd_core.errors import InputError
from mixkd_core.networks.checkpoints import load_stored_classifier, load_tokenizer
from mixkd_core.networks.inference import run_inference
from mixkd_core.networks.limits import text_limit
from mixkd_core.records.run_folder import RunRecord

# The diagnostic set, predicted by MNLI's network; its file is `diagnostic/diagnostic.tsv`.
DIAGNOSTIC = Task(
    "ax",
    ("premise", "hypothesis"),
    "label",
    GLUE["mnli"].label_names,
    id_column="idx",
    hub_path=GLUE_HUB_PATH,
    hub_config="ax",
    test_splits={"diagnostic": "test"},
    tsv=TsvLayout("diagnostic", ("sentence1", "sentence2"), "label"),
)

# The earliest that the format can store: the same predictions give the same bytes.
ZIP_TIME = (1980, 1, 1, 0, 0, 0)


@dataclass(frozen=True)
class TableOfPredictions:
    """One file of the zip.

    Attributes:
        name: of the file, without its suffix.
        task: whose run predicts.
        examples: of the official test set.
        prediction: how one is written.
        constant: prediction for a task without a run: the training set's largest class, the first
            of equals; for STS-B the middle of the scale.
        test_set: which of the task's.
        data: the task that the examples are read as.
    """

    name: str
    task: str
    examples: int
    prediction: Literal["index", "name", "score"]
    constant: str
    test_set: str = "test"
    data: Task | None = None


TABLES = (
    TableOfPredictions("CoLA", "cola", 1063, "index", "1"),
    TableOfPredictions("SST-2", "sst2", 1821, "index", "1"),
    TableOfPredictions("MRPC", "mrpc", 1725, "index", "1"),
    TableOfPredictions("STS-B", "stsb", 1379, "score", "2.500"),
    TableOfPredictions("MNLI-m", "mnli", 9796, "name", "entailment", "test_matched"),
    TableOfPredictions("MNLI-mm", "mnli", 9847, "name", "entailment", "test_mismatched"),
    TableOfPredictions("QNLI", "qnli", 5463, "name", "entailment"),
    TableOfPredictions("QQP", "qqp", 390965, "index", "0"),
    TableOfPredictions("RTE", "rte", 3000, "name", "entailment"),
    TableOfPredictions("WNLI", "wnli", 146, "index", "0"),
    TableOfPredictions("AX", "mnli", 1104, "name", "entailment", "diagnostic", DIAGNOSTIC),
)


def write_submission(
    records: Sequence[RunRecord], out: Path, data_dir: Path | None = None
) -> dict[str, str]:
    """Predict every test set that there is a run for and write the zip.

    Args:
        records: finished runs on GLUE's tasks, one a task.
        out: the zip file; replaced if it is there.
        data_dir: a GLUE folder in the official TSV layout; None is the hub.

    Returns:
        Name of the table → where its predictions come from, in words.

    Raises:
        InputError: for two runs of one task, a run of no GLUE task, no run, a test set that is not
            there or not of the official size, or a file that cannot be written.
    """
    runs = _by_task(records)
    contents, origins = {}, {}
    for table in TABLES:
        run = runs.get(table.task)
        if run is None:
            predictions = [table.constant] * table.examples
            origins[table.name] = f"{table.constant!r} throughout: no run of {table.task}"
        elif table.data is not None and not _has_file(table.data, data_dir):
            predictions = [table.constant] * table.examples
            origins[table.name] = (
                f"{table.constant!r} throughout: no diagnostic/diagnostic.tsv in {data_dir}"
            )
        else:
            predictions = _predictions(table, run, data_dir)
            origins[table.name] = run.folder.name
        rows = (f"{index}\t{prediction}" for index, prediction in enumerate(predictions))
        contents[f"{table.name}.tsv"] = "\n".join(["index\tprediction", *rows]) + "\n"
    _write_zip(out, contents)
    return origins


def spelled(table: TableOfPredictions, logits: NDArray[np.float32], task: Task) -> list[str]:
    """Predictions as the server reads them.

    Args:
        logits: of shape `(n, num_labels)`.
    """
    if table.prediction == "score":
        return [f"{score:.3f}" for score in np.clip(logits[:, 0], 0.0, 5.0)]
    classes = logits.argmax(axis=1)
    if table.prediction == "index" or task.label_names is None:
        return [str(index) for index in classes]
    return [task.label_names[index] for index in classes]


def _by_task(records: Sequence[RunRecord]) -> dict[str, RunRecord]:
    runs: dict[str, RunRecord] = {}
    for record in records:
        task = record.spec.task
        if task not in GLUE:
            raise InputError(
                f"run {record.folder} is of task {task!r}, which is none of GLUE's: the server "
                f"takes {', '.join(GLUE)}."
            )
        if task in runs:
            raise InputError(
                f"runs {runs[task].folder} and {record.folder} are both of task {task!r}: give one "
                "run a task."
            )
        runs[task] = record
    if not runs:
        raise InputError("no run was given: give at least one finished run of a GLUE task.")
    return runs


def _has_file(task: Task, data_dir: Path | None) -> bool:
    if data_dir is None or task.tsv is None:
        return True
    return all(
        (data_dir / task.tsv.folder / f"{split}.tsv").is_file() for split in task.test_splits
    )


def _predictions(table: TableOfPredictions, record: RunRecord, data_dir: Path | None) -> list[str]:
    task = table.data or GLUE[table.task]
    tests = load_hub_test(task) if data_dir is None else load_glue_test(task, data_dir)
    examples = tests[table.test_set]
    if len(examples) != table.examples:
        raise InputError(
            f"the test set of {table.name} has {len(examples)} examples, and the official one "
            f"{table.examples}: the server would refuse it; give the official files."
        )
    model = load_stored_classifier(record.model_folder)
    tokenizer = load_tokenizer(record.model_folder)
    # A table of tokens has labels: any will do.
    unlabelled = examples.add_column("label", [0] * len(examples))
    longest = text_limit(record.spec.training.max_length, model)
    tokens = encode_table(unlabelled, tokenizer, longest)
    with tqdm(total=len(tokens), desc=table.name, unit="text", leave=False, disable=None) as bar:
        logits = run_inference(_on_accelerator(model), tokens, progress=bar.update).logits
    return spelled(table, logits, task)


def _on_accelerator(model: Any) -> Any:
    from mixkd_core.networks.device import best_device

    return model.to(best_device())


def _write_zip(out: Path, contents: dict[str, str]) -> None:
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        with replacing(out) as beside, zipfile.ZipFile(beside, "w") as archive:
            for name, content in contents.items():
                entry = zipfile.ZipInfo(name, ZIP_TIME)
                entry.compress_type = zipfile.ZIP_DEFLATED
                entry.external_attr = 0o644 << 16
                archive.writestr(entry, content)
    except OSError as error:
        raise InputError(f"cannot write {out}: {error.strerror}; give another -o.") from error
