"""The answer first: a paragraph, the results by method, and what exactly was measured."""

from collections.abc import Iterator, Mapping
from typing import Any

from mixkd_core.records.survey import STATES
from reports.evidence.evidence import Evidence
from reports.evidence.frames import encoder_name
from reports.pages.content import Report
from reports.pages.html import Section
from reports.pages.table_view import table_view
from reports.tables.table import percent, seeds_text
from reports.verdicts.answer import MOST_NAMED, answer

# The settings of a training that are told; what is left at its default by every run is not.
TOLD = ("epochs", "learning_rate", "batch_size", "max_length")


def sections(report: Report) -> Iterator[Section]:
    """Yield the answer, with the table of results if there is one."""
    results = next((table for table in report.tables if table.name == "results"), None)
    values = {
        "answer": answer(report.evidence, report.claims),
        "asked": bool(report.claims),
        "most": MOST_NAMED,
        "results": table_view(results) if results is not None and results.rows else None,
        "facts": facts(report.evidence),
        "states": _states(report.evidence),
    }
    yield Section("answer", "The answer", "answer.html", values)


def facts(evidence: Evidence) -> list[tuple[str, str]]:
    """Return what was measured: `(what, in words)`."""
    records = list(evidence.records.values())
    if not records:
        return []
    students = [record for record in records if record.spec.student is not None]
    teachers = [record for record in records if record.spec.student is None]
    found: list[tuple[str, list[str]]] = [
        ("encoder", [encoder_name(record.spec.encoder.name) for record in records]),
        *(
            (f"{who}, network", [_network(record.summary, record.spec.student) for record in own])
            for who, own in (("student", students), ("teacher", teachers))
        ),
        *(
            (f"{who}, training", [_training(record.spec.training) for record in own])
            for who, own in (("student", students), ("teacher", teachers))
        ),
        (
            "data",
            [
                f"{record.spec.task}, {percent(record.spec.fraction)}: "
                f"{record.summary['train_examples']} training examples"
                for record in records
            ],
        ),
        ("seeds", [seeds_text([record.spec.seed for record in records])]),
        (
            "machine",
            [
                str(record.summary["hardware"]["accelerator"])
                if record.summary["hardware"]["accelerator"]
                else str(record.summary["hardware"]["processor"])
                for record in records
            ],
        ),
        ("date", [record.summary.get("date", "") for record in records] + [evidence.date]),
    ]
    seconds = {
        who: [
            sum(record.summary["seconds"].values()) for record in own if "seconds" in record.summary
        ]
        for who, own in (("students", students), ("teachers", teachers))
    }
    told = [f"{who} {_range(taken)} s a run" for who, taken in seconds.items() if taken]
    found.append(("time", told))
    return [(what, _few(values)) for what, values in found if any(values)]


def _states(evidence: Evidence) -> list[tuple[str, int]]:
    """Return how many runs are in each state but the finished."""
    counts = evidence.runs["state"].value_counts()
    return [(state, int(counts[state])) for state in STATES[1:] if state in counts]


def _network(summary: Mapping[str, Any], student: Any) -> str:
    layers = summary.get("layers") or (None if student is None else student.layers)
    parameters = summary.get("parameters")
    told = [f"{layers} layers"] if layers else []
    if parameters is not None:
        told.append(f"{float(parameters) / 1e6:.1f} million parameters")
    return ", ".join(told)


def _training(training: Any) -> str:
    values = training.model_dump()
    return ", ".join(
        f"{name.replace('_', ' ')} {values[name]:g}" for name in TOLD if values.get(name)
    )


def _few(values: list[str]) -> str:
    """Different values, those of most runs first; many are counted."""
    found = [value for value in dict.fromkeys(values) if value]
    if len(found) <= MOST_NAMED:
        return "; ".join(found)
    return f"{'; '.join(found[:MOST_NAMED])}; and {len(found) - MOST_NAMED} others"


def _range(seconds: list[float]) -> str:
    low, high = min(seconds), max(seconds)
    return f"{low:.0f}" if f"{low:.0f}" == f"{high:.0f}" else f"{low:.0f} to {high:.0f}"
