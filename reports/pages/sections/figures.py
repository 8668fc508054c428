"""The figures, drawn into the page; their panels wrap where there is no room beside each other."""

from collections.abc import Iterator

from markupsafe import Markup

from reports.figures.panels import panel_svgs
from reports.pages.content import Report
from reports.pages.html import Section

WIDE = 6  # inches; a figure of more takes the whole width


def sections(report: Report) -> Iterator[Section]:
    """Yield the figures, if there are any."""
    figures = [
        {
            "name": drawing.name,
            "title": drawing.title,
            "caption": drawing.caption,
            "wide": drawing.figure.get_figwidth() > WIDE,
            # Their texts are escaped already, by Matplotlib and by `reports.figures.drawing`.
            "panels": [(Markup(svg), width) for svg, width in panel_svgs(drawing)],
        }
        for drawing in report.drawings
    ]
    if figures:
        yield Section("figures", "Figures", "figures.html", {"figures": figures})
