"""The paper's claims, a line each, opened on demand: what was compared, and every entry."""

from collections.abc import Iterator

from reports.pages.content import Report
from reports.pages.html import Section
from reports.pages.table_view import table_view
from reports.verdicts.sentences import gap_and_risk
from reports.verdicts.tables import entry_table, headline_table, published_text

RULES = (
    "What is supported or contradicted is so against every control of the baseline (trained "
    "longer, or at another rate). The rules are fixed in the program and tested where the right "
    "verdict is known."
)


def sections(report: Report) -> Iterator[Section]:
    """Yield the claims with their verdicts; those that no run tests are named in one sentence."""
    claims = report.claims
    if not claims:
        return
    asked = [
        (claim, table_view(entry_table([claim]), leave_out=["claim"]))
        for claim in claims
        if claim.entries
    ]
    values = {
        "asked": asked,
        "untested": [claim for claim in claims if not claim.entries],
        "findings": gap_and_risk(claims),
        "published": published_text,
        "rules": f"{headline_table(claims).caption} {entry_table(claims).caption} {RULES}",
    }
    yield Section("claims", "The paper's claims", "claims.html", values)
