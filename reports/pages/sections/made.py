"""Versions, hardware, data and commands of the runs, and what the page has nothing to show of."""

from collections.abc import Iterator

from reports.pages.content import Report
from reports.pages.html import Section
from reports.pages.table_view import MOST_CHOICES


def sections(report: Report) -> Iterator[Section]:
    """Yield how the finished runs were made, each fact with how many runs share it."""
    counts: dict[str, dict[str, int]] = {}
    for entry in report.evidence.entries:
        if entry.record is None:
            continue
        summary, spec = entry.record.summary, entry.record.spec
        hardware = summary["hardware"]
        versions = ", ".join(f"{name} {value}" for name, value in summary["versions"].items())
        for what, value in {
            "versions": versions,
            "hardware": str(hardware["accelerator"] or hardware["processor"]),
            "data": f"{spec.task}: {summary['origin']} ({spec.data[:12]})",
            "encoder": f"{spec.encoder.name} ({spec.encoder.digest})",
            "command": summary["command"],
        }.items():
            counted = counts.setdefault(what, {})
            counted[value] = counted.get(value, 0) + 1
    values = {
        "counts": {what: sorted(found.items())[:MOST_CHOICES] for what, found in counts.items()},
        "empty": [(table.title, table.empty) for table in report.tables if not table.rows],
    }
    if any(values.values()):
        yield Section("made", "How the runs were made", "made.html", values)
