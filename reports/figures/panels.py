"""A figure's panels as pictures of their own, which a page can put beside or under each other."""

import re
from xml.etree import ElementTree

from matplotlib.artist import Artist
from matplotlib.backends.backend_agg import RendererAgg

from reports.figures.drawing import Drawing, render

SVG = "http://www.w3.org/2000/svg"
LINK = "http://www.w3.org/1999/xlink"

# Points around a panel: a browser's letters may be a little wider than those that were measured.
ROOM = 7.0

_POINTS = 72  # an inch


def panel_svgs(drawing: Drawing) -> list[tuple[str, float]]:
    """Return each panel's SVG and its width in points, then the legend's, if there is one.

    Ids are made the figure's own, since one page holds several. Clip paths, which panels share, are
    in the first.
    """
    for prefix, space in (("", SVG), ("xlink", LINK)):
        ElementTree.register_namespace(prefix, space)
    text = render(drawing, "svg").decode()
    root = ElementTree.fromstring(text[text.index("<svg") :])
    figure = next(one for one in root.iter(f"{{{SVG}}}g") if one.get("id") == "figure_1")
    groups = {str(one.get("id")): one for one in figure}
    shared = [one for one in root if one.tag == f"{{{SVG}}}defs"]
    artists: list[tuple[str, Artist]] = [
        (f"axes_{number}", axes) for number, axes in enumerate(drawing.figure.axes, 1)
    ]
    artists += [(f"legend_{number}", own) for number, own in enumerate(drawing.figure.legends, 1)]
    found = []
    for place, (name, artist) in enumerate(artists):
        x, y, width, height = _box(drawing, artist)
        svg = ElementTree.Element(
            f"{{{SVG}}}svg",
            {
                "viewBox": f"{x:.1f} {y:.1f} {width:.1f} {height:.1f}",
                "width": f"{width:.0f}pt",
                "height": f"{height:.0f}pt",
            },
        )
        svg.extend(shared if place == 0 else [])
        svg.append(groups[name])
        found.append((_own_ids(ElementTree.tostring(svg, encoding="unicode"), drawing.name), width))
    return found


def _box(drawing: Drawing, artist: Artist) -> tuple[float, float, float, float]:
    """Return left, top, width and height of all that belongs to an artist, in points."""
    figure = drawing.figure
    width, height = figure.get_size_inches() * figure.dpi
    box = artist.get_tightbbox(RendererAgg(width, height, figure.dpi))  # type: ignore[no-untyped-call]
    assert box is not None
    scale = _POINTS / figure.dpi
    return (
        box.x0 * scale - ROOM,
        (height - box.y1) * scale - ROOM,
        box.width * scale + 2 * ROOM,
        box.height * scale + 2 * ROOM,
    )


def _own_ids(svg: str, own: str) -> str:
    svg = re.sub(rf'\bid="(?!{own}-point)([^"]+)"', rf'id="{own}-\1"', svg)
    svg = re.sub(r'href="#([^"]+)"', rf'href="#{own}-\1"', svg)
    return re.sub(r"url\(#([^)]+)\)", rf"url(#{own}-\1)", svg)
