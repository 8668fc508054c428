"""Records turned into tables, figures and verdicts.

The names below are the ones that most users need; they are imported when first asked for, so that
`import reports` costs nothing of pandas or Matplotlib.

    from pathlib import Path
    from reports import gap_table, ledger, load_evidence

    evidence = load_evidence(Path("runs"))
    print(gap_table(evidence).to_markdown())
    for claim in ledger(evidence):
        print(claim.verdict, claim.statement)
"""

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from reports.evidence.evidence import Evidence as Evidence
    from reports.evidence.evidence import evidence_of as evidence_of
    from reports.evidence.evidence import load_evidence as load_evidence
    from reports.evidence.export import write_export as write_export
    from reports.pages.report import write_report as write_report
    from reports.statistics.seeds import paired_difference as paired_difference
    from reports.statistics.seeds import summarise_seeds as summarise_seeds
    from reports.tables.gaps import gap_summaries as gap_summaries
    from reports.tables.gaps import gap_table as gap_table
    from reports.tables.table import Table as Table
    from reports.verdicts.ledger import JudgedClaim as JudgedClaim
    from reports.verdicts.ledger import ledger as ledger
    from reports.verdicts.tables import entry_table as entry_table
    from reports.verdicts.tables import headline_table as headline_table
    from reports.verdicts.tables import overview_table as overview_table

_HOMES = {
    "Evidence": "evidence.evidence",
    "JudgedClaim": "verdicts.ledger",
    "Table": "tables.table",
    "entry_table": "verdicts.tables",
    "evidence_of": "evidence.evidence",
    "gap_summaries": "tables.gaps",
    "gap_table": "tables.gaps",
    "headline_table": "verdicts.tables",
    "ledger": "verdicts.ledger",
    "load_evidence": "evidence.evidence",
    "overview_table": "verdicts.tables",
    "paired_difference": "statistics.seeds",
    "summarise_seeds": "statistics.seeds",
    "write_export": "evidence.export",
    "write_report": "pages.report",
}

__all__ = sorted(_HOMES)


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"{__name__}.{_HOMES[name]}"), name)


def __dir__() -> list[str]:
    return sorted(_HOMES)
