"""The tables, a section each; those without rows are left to the page's last section.

The results stand in the answer already.
"""

from collections.abc import Iterator

from reports.pages.content import Report
from reports.pages.html import Section
from reports.pages.table_view import table_view
from reports.tables.table import Table


def sections(report: Report) -> Iterator[Section]:
    """Yield the tables that have rows."""
    yield from map(
        _section, (table for table in report.tables if table.rows and table.name != "results")
    )


def _section(table: Table) -> Section:
    return Section(table.name, table.title, "table.html", {"view": table_view(table)})
