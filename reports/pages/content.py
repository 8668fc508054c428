"""The content of a page, whoever asks for one."""

from dataclasses import dataclass

from reports.evidence.evidence import Evidence
from reports.figures.drawing import Drawing
from reports.tables.table import Table
from reports.verdicts.ledger import JudgedClaim


@dataclass(frozen=True)
class Report:
    """A store's tables, figures and verdicts."""

    evidence: Evidence
    claims: tuple[JudgedClaim, ...]
    tables: tuple[Table, ...]
    drawings: tuple[Drawing, ...]
