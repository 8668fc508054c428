"""The tasks: which columns hold the text and the label, what the labels mean, what is measured.

The nine tasks of GLUE (Wang et al., ICLR 2019) are registered in :data:`GLUE`, with the column
names and the label order of the hub's ``nyu-mll/glue`` and, apart from them, the official TSV
layout (:class:`TsvLayout`). :data:`RESPLIT` holds those that are official rows in splits of our
own, under names that say so. The tasks of the embedded law, whose risk is known exactly, are in
:data:`EMBEDDED`; their law is stated in :mod:`mixkd_core.data.embedded.law`. A task of one's own
is a few lines::

    Task("tickets", text_columns=("message",), label_column="queue", label_names=("sales", "help"))
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from mixkd_core.errors import InputError

CLASSIFICATION_METRICS = ("accuracy", "f1", "matthews_correlation")
REGRESSION_METRICS = ("pearson", "spearman")

GLUE_HUB_PATH = "nyu-mll/glue"

MOST_CHARACTERS_OF_A_NAME = 40


def check_task_name(name: str) -> None:
    """Check that a name can name a task, and with it the folders of its runs.

    Raises:
        InputError: a name that is empty or too long, or holds more than letters, digits, dots,
            hyphens and underscores; it proposes one that will do.
    """
    if re.fullmatch(r"\w[\w.-]*", name) and len(name) <= MOST_CHARACTERS_OF_A_NAME:
        return
    near = re.sub(r"[^\w.]+", "-", name)[:MOST_CHARACTERS_OF_A_NAME].strip("-.") or "my-task"
    raise InputError(
        f"The task name {name!r} cannot name a folder of runs; give up to "
        f"{MOST_CHARACTERS_OF_A_NAME} letters, digits, dots, hyphens and underscores, beginning "
        f"with a letter or digit, such as {near!r}."
    )


@dataclass(frozen=True)
class TsvLayout:
    """Places of a GLUE task's examples in the official TSV files.

    All files are UTF-8, one example a line, split on tabs, never quoted (MRPC and QQP hold
    unescaped quotes), and their first line names the columns; the exception is CoLA, whose
    training and development files have no header and whose test file has one.

    Attributes:
        folder: the task's folder inside the GLUE folder.
        text_columns: names of the text columns, in the order of the task's.
        label_column: name of the label column.
        columns: names of the columns in labelled files without a header line; None where the
            files have one.
        skips_broken_rows: whether a row with the wrong number of fields is left out with a
            warning instead of refused. Only QQP's official files hold such rows.
    """

    folder: str
    text_columns: tuple[str, ...]
    label_column: str
    columns: tuple[str, ...] | None = None
    skips_broken_rows: bool = False


@dataclass(frozen=True)
class Task:
    """A prediction task: the label to predict, and the texts to predict it from.

    Attributes:
        name: the name it is asked for by.
        text_columns: source columns holding the text: one, or two for a sentence pair.
        label_column: source column holding the label.
        label_names: the classes, in the order of their indices; None for a real-valued label.
        metrics: names among accuracy, f1 (of class 1, two classes only), matthews_correlation
            (classification) or pearson, spearman (regression). By default accuracy, or both
            correlations.
        primary_metric: the one that models are compared by; by default the first.
        id_column: source column that names an example; by default its row number does.
        hub_path: data set on the Hugging Face hub, if it is there.
        hub_config: configuration of that data set.
        evaluation_splits: evaluation set's name here → split's name on the hub.
        test_splits: the same for the unlabelled test sets.
        tsv: the official TSV layout, for GLUE's tasks.
        phrases: whether examples are phrases that were cut from longer ones.
        sizes: examples of each labelled split, where they are known.

    Raises:
        InputError: a name that cannot name a folder; contradictory columns, labels or metrics.
    """

    name: str
    text_columns: tuple[str, ...]
    label_column: str
    label_names: tuple[str, ...] | None = None
    metrics: tuple[str, ...] = ()
    primary_metric: str = ""
    id_column: str | None = None
    hub_path: str | None = None
    hub_config: str | None = None
    evaluation_splits: Mapping[str, str] = field(
        default_factory=lambda: {"dev": "validation"}, hash=False
    )
    test_splits: Mapping[str, str] = field(default_factory=lambda: {"test": "test"}, hash=False)
    tsv: TsvLayout | None = None
    phrases: bool = False
    sizes: Mapping[str, int] = field(default_factory=dict, hash=False)

    def __post_init__(self) -> None:
        check_task_name(self.name)
        if not self.metrics:
            default = REGRESSION_METRICS if self.is_regression else ("accuracy",)
            object.__setattr__(self, "metrics", default)
        if not self.primary_metric:
            object.__setattr__(self, "primary_metric", self.metrics[0])
        self._check_columns()
        self._check_metrics()

    def _check_columns(self) -> None:
        if len(self.text_columns) not in (1, 2):
            raise InputError(
                f"Task {self.name!r} has {len(self.text_columns)} text columns; give one, or two "
                "for a sentence pair."
            )
        columns = [*self.text_columns, self.label_column]
        if len(set(columns)) < len(columns):
            raise InputError(
                f"Task {self.name!r} uses a column twice among {columns}; the text and label "
                "columns must differ."
            )
        names = self.label_names
        if names is None:
            return
        if len(names) < 2 or len(set(names)) < len(names):
            raise InputError(
                f"Task {self.name!r} has the label names {list(names)}; give at least two, all "
                "different, or None for a real-valued label."
            )
        for name in names:
            if not name.strip() or name != name.strip():
                raise InputError(
                    f"Task {self.name!r} has the label name {name!r} among {list(names)}; a name "
                    "is a text without white space around it."
                )

    def _check_metrics(self) -> None:
        allowed = REGRESSION_METRICS if self.is_regression else CLASSIFICATION_METRICS
        for metric in (*self.metrics, self.primary_metric):
            if metric not in allowed:
                raise InputError(
                    f"Task {self.name!r} asks for the metric {metric!r}; its label allows "
                    f"{', '.join(allowed)}."
                )
        if self.primary_metric not in self.metrics:
            raise InputError(
                f"The primary metric {self.primary_metric!r} of task {self.name!r} is not among "
                f"its metrics {', '.join(self.metrics)}; add it there."
            )
        if "f1" in self.metrics and self.num_labels != 2:
            raise InputError(
                f"Task {self.name!r} asks for f1 with {self.num_labels} classes; f1 is that of "
                "class 1 of two, so use accuracy or matthews_correlation."
            )

    @property
    def is_regression(self) -> bool:
        """Return True if the label is a real number."""
        return self.label_names is None

    @property
    def is_pair(self) -> bool:
        """Return True if an example is a sentence pair."""
        return len(self.text_columns) == 2

    @property
    def num_labels(self) -> int:
        """Width of the model's output: the number of classes, or 1 for a real-valued label."""
        return 1 if self.label_names is None else len(self.label_names)


def _glue(
    name: str,
    text_columns: tuple[str, ...],
    label_names: tuple[str, ...] | None,
    tsv: TsvLayout,
    sizes: tuple[int, ...],
    *,
    metrics: tuple[str, ...] = ("accuracy",),
    primary_metric: str = "",
    evaluation_splits: Mapping[str, str] | None = None,
    test_splits: Mapping[str, str] | None = None,
    phrases: bool = False,
) -> Task:
    evaluation_splits = evaluation_splits or {"dev": "validation"}
    return Task(
        name=name,
        text_columns=text_columns,
        label_column="label",
        label_names=label_names,
        metrics=metrics,
        primary_metric=primary_metric,
        id_column="idx",
        hub_path=GLUE_HUB_PATH,
        hub_config=name,
        evaluation_splits=evaluation_splits,
        test_splits=test_splits or {"test": "test"},
        tsv=tsv,
        phrases=phrases,
        sizes=dict(zip(("train", *evaluation_splits), sizes, strict=True)),
    )


_PAIR = ("sentence1", "sentence2")

# Primary metrics are those of the BERT paper's table of GLUE (Devlin et al., 2019): F1 for MRPC
# and QQP, Spearman for STS-B, Matthews for CoLA, accuracy elsewhere.
_GLUE_TASKS = (
    _glue(
        "cola",
        ("sentence",),
        ("unacceptable", "acceptable"),
        TsvLayout("CoLA", ("sentence",), "label", columns=("source", "label", "star", "sentence")),
        (8551, 1043),
        metrics=("matthews_correlation", "accuracy"),
    ),
    _glue(
        "sst2",
        ("sentence",),
        ("negative", "positive"),
        TsvLayout("SST-2", ("sentence",), "label"),
        (67349, 872),
        phrases=True,
    ),
    _glue(
        "mrpc",
        _PAIR,
        ("not_equivalent", "equivalent"),
        TsvLayout("MRPC", ("#1 String", "#2 String"), "Quality"),
        (3668, 408),
        metrics=("accuracy", "f1"),
        primary_metric="f1",
    ),
    _glue(
        "qqp",
        ("question1", "question2"),
        ("not_duplicate", "duplicate"),
        TsvLayout("QQP", ("question1", "question2"), "is_duplicate", skips_broken_rows=True),
        (363846, 40430),
        metrics=("accuracy", "f1"),
        primary_metric="f1",
    ),
    _glue(
        "stsb",
        _PAIR,
        None,
        TsvLayout("STS-B", _PAIR, "score"),
        (5749, 1500),
        metrics=("pearson", "spearman"),
        primary_metric="spearman",
    ),
    _glue(
        "mnli",
        ("premise", "hypothesis"),
        ("entailment", "neutral", "contradiction"),
        TsvLayout("MNLI", _PAIR, "gold_label"),
        (392702, 9815, 9832),
        evaluation_splits={
            "dev_matched": "validation_matched",
            "dev_mismatched": "validation_mismatched",
        },
        test_splits={"test_matched": "test_matched", "test_mismatched": "test_mismatched"},
    ),
    _glue(
        "qnli",
        ("question", "sentence"),
        ("entailment", "not_entailment"),
        TsvLayout("QNLI", ("question", "sentence"), "label"),
        (104743, 5463),
    ),
    _glue(
        "rte",
        _PAIR,
        ("entailment", "not_entailment"),
        TsvLayout("RTE", _PAIR, "label"),
        (2490, 277),
    ),
    _glue(
        "wnli",
        _PAIR,
        ("not_entailment", "entailment"),
        TsvLayout("WNLI", _PAIR, "label"),
        (635, 71),
    ),
)

GLUE: Mapping[str, Task] = {task.name: task for task in _GLUE_TASKS}


def _resplit(name: str, sizes: tuple[int, ...]) -> Task:
    task = GLUE[name]
    splits = ("train", *task.evaluation_splits)
    return replace(
        task,
        name=f"{name}-resplit",
        hub_path=None,
        hub_config=None,
        sizes=dict(zip(splits, sizes, strict=True)),
    )


# Official rows of the tasks whose full training files are large, split anew: their training rows
# are some official training rows and a part of the official development set, whose rest is `dev`.
# The name says so wherever a number stands: it is not comparable with a published one.
RESPLIT: Mapping[str, Task] = {
    task.name: task
    for task in (
        _resplit("mnli", (7815, 5000, 1000)),
        _resplit("qqp", (6600, 3000)),
        _resplit("qnli", (3463, 2000)),
    )
}

EMBEDDED: Mapping[str, Task] = {
    task.name: task
    for task in (
        Task("embedded-sentiment", ("text",), "label", ("negative", "positive")),
        Task("embedded-paraphrase", ("text", "text_pair"), "label", ("different", "paraphrase")),
        Task(
            "embedded-inference",
            ("text", "text_pair"),
            "label",
            ("entailment", "neutral", "contradiction"),
        ),
    )
}


# Every task that has a name of its own, which no data of a user's may take.
KNOWN: Mapping[str, Task] = {**GLUE, **RESPLIT, **EMBEDDED}


def find_task(name: str) -> Task:
    """Return the registered task of this name.

    Raises:
        InputError: no such task; names the nearest one and lists them all.
    """
    if name in KNOWN:
        return KNOWN[name]
    simplified = {task.replace("-", ""): task for task in KNOWN}
    asked = name.lower().replace("-", "").replace("_", "")
    near = difflib.get_close_matches(asked, simplified, n=1)
    suggestion = f"did you mean {simplified[near[0]]!r}? " if near else ""
    raise InputError(f"Unknown task {name!r}: {suggestion}The tasks are {', '.join(KNOWN)}.")
