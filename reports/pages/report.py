"""Everything a report consists of, from a store to a folder."""

from collections.abc import Callable, Sequence
from pathlib import Path

from reports.benchmarks.figures import draw_benchmarks
from reports.benchmarks.tables import Benchmarks, benchmark_tables
from reports.evidence.evidence import Evidence, load_evidence
from reports.figures.catalogue import draw_all
from reports.figures.drawing import render
from reports.files import write_file
from reports.pages.content import Report
from reports.pages.page import page
from reports.tables.behaviour import agreement_table, memorization_table
from reports.tables.bound_conditions import condition_table, theorem_table
from reports.tables.certificates import certificate_table
from reports.tables.comparisons import comparison_table
from reports.tables.consistency import consistency_comparison_table, consistency_table
from reports.tables.costs import cost_table
from reports.tables.gaps import gap_table, metric_table, run_table
from reports.tables.latent_space import latent_space_table
from reports.tables.metric_comparisons import metric_comparison_table
from reports.tables.shared_sources import shared_source_table
from reports.tables.table import Table, write_tables
from reports.tables.temperature_control import temperature_control_table
from reports.verdicts.answer import answer, in_text, title
from reports.verdicts.ledger import ledger
from reports.verdicts.results import result_table
from reports.verdicts.tables import entry_table, headline_table, overview_table

TABLES: Sequence[Callable[[Evidence], Table]] = (
    result_table,
    overview_table,
    gap_table,
    comparison_table,
    metric_table,
    metric_comparison_table,
    temperature_control_table,
    latent_space_table,
    consistency_table,
    consistency_comparison_table,
    memorization_table,
    agreement_table,
    condition_table,
    theorem_table,
    shared_source_table,
    certificate_table,
    cost_table,
    run_table,
)

PAGE = "index.html"


def build(evidence: Evidence, measured: Benchmarks | None = None) -> Report:
    """Compute everything, write nothing.

    Args:
        measured: what `mixkd bench` measured, to be shown after the runs.
    """
    if not evidence.records:  # there is nothing to compute from, and something to show
        return Report(evidence, (), (run_table(evidence),), ())
    claims = tuple(ledger(evidence))
    tables = [make(evidence) for make in TABLES]
    drawings = draw_all(evidence)
    if measured is not None:
        tables += benchmark_tables(measured)
        drawings += draw_benchmarks(measured)
    return Report(evidence, claims, tuple(tables), tuple(drawings))


def write(report: Report, folder: Path) -> Path:
    """Write `index.html`, `report.md`, `tables/` and `figures/`; returns the page's path.

    Raises:
        InputError: if the folder cannot be written.
    """
    claims = [headline_table(report.claims), entry_table(report.claims)]
    path = write_file(folder / PAGE, page(report).encode())
    write_tables([*claims, *report.tables], folder / "tables")
    told = in_text(answer(report.evidence, report.claims))
    text = "\n".join(table.to_markdown() for table in [*claims, *report.tables])
    write_file(
        folder / "report.md",
        f"# {title(report.evidence)}\n\n{told}\n\n{text}".encode(),
    )
    for drawing in report.drawings:
        for kind in ("svg", "pdf", "png"):
            write_file(folder / "figures" / f"{drawing.name}.{kind}", render(drawing, kind))
    return path


def write_report(runs: Path, folder: Path) -> Path:
    """Report on a store; returns the page's path.

    Raises:
        InputError: if there is no run, or the folder cannot be written.
    """
    return write(build(load_evidence(runs, unfinished=True)), folder)
