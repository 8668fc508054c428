"""The store as one tidy frame: a row per run and set of examples, and nothing left out.

A run that failed, was interrupted, was damaged or was planned and never made has a row too, with
its state and the reason in place of numbers. What may be averaged over seeds is a *condition*:
everything in the specification but the seed, and the versions of the libraries. Records of other
data, another schema or other versions therefore never enter one mean.
"""

import hashlib
import json
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd

from reports.evidence.entries import Entry

# Of a student's fields, those that say what is trained; the others belong to the method.
STUDENT_SETTING = ("layers", "layer_choice", "init", "checkpoint")

# Equal to no value of a setting.
_NOTHING = object()


def on_common_sets(frame: pd.DataFrame) -> pd.DataFrame:
    """Return the rows of sets that all runs of a task, fraction and setting were measured on.

    A test set may have been given to some runs only; a mean over sets is to be over the same sets
    for all that are compared.

    Args:
        frame: with columns `run, task, fraction, setting, set`, a row per run × set at least.
    """
    setting = ["task", "fraction", "setting"]
    on_set = frame.groupby([*setting, "set"])["run"].transform("nunique")
    return frame[on_set == frame.groupby(setting)["run"].transform("nunique")]


@dataclass(frozen=True)
class Conditions:
    """The conditions within which seeds are averaged, by run id.

    Attributes:
        key: digest of everything but the seed.
        setting: digest of what two methods must share to be compared: task, data, fraction,
            encoder, teacher, sets, versions, and where the student's layers come from.
        label: the method, and in brackets what tells it from others of its name on the same task
            and fraction; of what a study calls by the method alone nothing is told, if it is one.
    """

    key: Mapping[str, str]
    setting: Mapping[str, str]
    label: Mapping[str, str]


def conditions(entries: Iterable[Entry]) -> Conditions:
    """The conditions of the finished among the entries."""
    entries = [entry for entry in entries if entry.record is not None]
    flat = {entry.id: _flat_condition(entry) for entry in entries}
    keys = {run: _digest(content) for run, content in flat.items()}
    variants = {entry.id for entry in entries if entry.variant}
    settings = {
        run: _digest({name: value for name, value in content.items() if _is_setting(name)})
        for run, content in flat.items()
    }
    groups: dict[tuple[Any, ...], list[str]] = {}
    for run, content in flat.items():
        group = (content["task"], content["fraction"], content["method"])
        groups.setdefault(group, []).append(run)
    labels = {}
    for (_, _, method), runs in groups.items():
        contents = {keys[run]: flat[run] for run in runs}
        plain = {keys[run] for run in runs if run not in variants}
        telling = _telling(list(contents.values()), [contents[key] for key in plain])
        for run in runs:
            departures = [
                _told(name, flat[run].get(name))
                for name, usual in telling.items()
                if flat[run].get(name) != usual
            ]
            labels[run] = f"{method} [{', '.join(departures)}]" if departures else str(method)
    return Conditions(keys, settings, labels)


def results_frame(entries: Sequence[Entry]) -> pd.DataFrame:
    """A row per run × set; one row, without numbers, for a run that has none.

    Columns: `run, task, fraction, seed, method, label, condition, setting, data, versions, state,
    reason, set, examples, metric, metric_value, majority`. Risks are among the measurements.
    """
    group = conditions(entries)
    rows: list[dict[str, Any]] = []
    for entry in entries:
        common = {
            "run": entry.id,
            "task": entry.task,
            "fraction": entry.fraction,
            "seed": entry.seed,
            "method": entry.method,
            "label": group.label.get(entry.id, entry.method),
            "condition": group.key.get(entry.id),
            "setting": group.setting.get(entry.id),
            "data": None if entry.record is None else entry.record.spec.data[:12],
            "versions": None if entry.record is None else entry.record.versions,
            "state": entry.state,
            "reason": entry.reason,
        }
        rows += [common | numbers for numbers in _numbers(entry)]
    return pd.DataFrame(rows)


def grouped(
    frame: pd.DataFrame, columns: Sequence[str]
) -> Iterator[tuple[tuple[Any, ...], pd.DataFrame]]:
    """The rows that agree in these columns, in the order of their first appearance."""
    for key, group in frame.groupby(list(columns), sort=False):
        yield tuple(key), group


def rows_by_seed(
    frame: pd.DataFrame, columns: Sequence[str]
) -> dict[tuple[Any, ...], dict[int, dict[str, Any]]]:
    """The same as plain rows, each under its seed: what is compared seed by seed."""
    found: dict[tuple[Any, ...], dict[int, dict[str, Any]]] = {}
    for row in frame.to_dict("records"):
        numbers = {str(name): value for name, value in row.items()}
        key = tuple(row[name] for name in columns)
        found.setdefault(key, {})[int(row["seed"])] = numbers
    return found


def _numbers(entry: Entry) -> list[dict[str, Any]]:
    if entry.record is None:
        return [{"set": None}]
    metric = entry.record.summary["primary_metric"]
    return [
        {
            "set": name,
            "examples": result["examples"],
            "metric": metric,
            "metric_value": result["metrics"][metric],
            "majority": result["majority_baseline"][metric],
        }
        for name, result in entry.record.summary["results"].items()
    ]


def _flat_condition(entry: Entry) -> dict[str, Any]:
    record = entry.finished
    content = record.spec.model_dump(mode="json")
    del content["seed"], content["encoder"]["name"]
    if record.spec.student is not None:
        content["student"]["weights"] = dict(record.spec.student.objective.weights)
    flat = dict(_flattened(content))
    flat["method"] = record.spec.method
    flat["versions"] = record.versions
    return flat


def _flattened(content: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    for name, value in content.items():
        if isinstance(value, dict):
            yield from _flattened(value, f"{prefix}{name}.")
        else:
            yield prefix + name, value


def _is_setting(name: str) -> bool:
    if name == "method":
        return False
    return not name.startswith("student.") or name.split(".")[1] in STUDENT_SETTING


def _telling(
    contents: Sequence[Mapping[str, Any]], plain: Sequence[Mapping[str, Any]]
) -> dict[str, Any]:
    """Return the fields that differ between conditions, each with the value that needs no mention.

    That is the one of the only condition that is no variant; if there are several, the one that
    most conditions have, or where none leads the absence of a setting. Data and versions are always
    told, and so is everything else of which no value is the most frequent.
    """
    telling: dict[str, Any] = {}
    for name in dict.fromkeys(name for content in contents for name in content):
        values = [content.get(name) for content in contents]
        counts = Counter(map(repr, values)).most_common(2)
        if len(counts) > 1:
            if not name.startswith(("student.", "teacher.", "teacher_mixup.")):
                telling[name] = _NOTHING
            elif len(plain) == 1:
                telling[name] = plain[0].get(name)
            elif counts[0][1] > counts[1][1]:
                telling[name] = next(value for value in values if repr(value) == counts[0][0])
            else:
                telling[name] = None if None in values else _NOTHING
    return telling


def _told(name: str, value: Any) -> str:
    """A setting in a label: `mixup_alpha=0.4`."""
    if name in ("data", "encoder.digest"):
        return f"{name.split('.')[0]} {str(value)[:7]}"
    if name == "versions":
        return str(value)
    short = name.removeprefix("student.").removeprefix("training.").removeprefix("weights.")
    short = short.replace(".", " ")
    if value is None:
        return f"no {short}"
    return f"{short}={value:g}" if isinstance(value, float) else f"{short}={value}"


def _digest(content: Mapping[str, Any]) -> str:
    text = json.dumps(content, sort_keys=True, allow_nan=False)
    return hashlib.sha256(text.encode()).hexdigest()[:12]


def encoder_name(name: str) -> str:
    """Return a checkpoint's name without its folders, and without a last one called `model`."""
    parts = [part for part in name.split("/") if part and part != "model"]
    return parts[-1] if parts else name
