"""The report as one self-contained HTML page: no network, no second file.

Everything that comes from a record (names, labels, reasons, commands) is escaped by the templates.
Without scripts the page is whole, only not sortable; the styles and the script are in `assets/`.
"""

from collections.abc import Callable, Iterable, Sequence

from reports.pages.content import Report
from reports.pages.html import Section, asset, filled
from reports.pages.sections import answer, claims, figures, made, tables
from reports.verdicts.answer import title

# In their order on the page.
SECTIONS: Sequence[Callable[[Report], Iterable[Section]]] = (
    answer.sections,
    claims.sections,
    figures.sections,
    tables.sections,
    made.sections,
)


def page(report: Report) -> str:
    """Return the page; the same report gives the same text."""
    values = {
        "title": title(report.evidence),
        "style": asset("page.css"),
        "script": asset("page.js"),
        "sections": [section for make in SECTIONS for section in make(report)],
    }
    return str(filled("page.html", values))
