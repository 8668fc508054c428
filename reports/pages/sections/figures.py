"""The figures, drawn into the page."""

import re
from collections.abc import Iterator

from markupsafe import Markup

from reports.figures.drawing import Drawing, render
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
            "svg": _inline(drawing),
        }
        for drawing in report.drawings
    ]
    if figures:
        yield Section("figures", "Figures", "figures.html", {"figures": figures})


def _inline(drawing: Drawing) -> Markup:
    """The SVG without its prologue, its ids made the figure's own: one page holds several.

    Its texts are escaped already, by Matplotlib and by `reports.figures.drawing`.
    """
    svg = render(drawing, "svg").decode()
    svg = svg[svg.index("<svg") :]
    own = drawing.name
    svg = re.sub(r"<metadata>.*?</metadata>", "", svg, flags=re.DOTALL)
    svg = re.sub(rf'\bid="(?!{own}-point)([^"]+)"', rf'id="{own}-\1"', svg)
    svg = re.sub(r'href="#([^"]+)"', rf'href="#{own}-\1"', svg)
    return Markup(re.sub(r"url\(#([^)]+)\)", rf"url(#{own}-\1)", svg))
