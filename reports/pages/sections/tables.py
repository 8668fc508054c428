"""The tables, a section each; those without rows are left to the page's last section."""

from collections.abc import Iterator

from reports.pages.content import Report
from reports.pages.html import Section
from reports.pages.table_view import table_view
from reports.tables.table import Table


def first_section(report: Report) -> Iterator[Section]:
    """Yield the first table, which stands before everything else."""
    yield from map(_section, (table for table in report.tables[:1] if table.rows))


def sections(report: Report) -> Iterator[Section]:
    """Yield the other tables that have rows."""
    yield from map(_section, (table for table in report.tables[1:] if table.rows))


def _section(table: Table) -> Section:
    return Section(table.name, table.title, "table.html", {"view": table_view(table)})
