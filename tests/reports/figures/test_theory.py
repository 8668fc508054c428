"""The figures of THEORY.md: deterministic, labelled, legible in greyscale, and in step."""

import colorsys
import re
from pathlib import Path

import matplotlib as mpl
import pytest
from matplotlib.colors import to_rgb

from reports.figures.theory import FIGURES, LINES, STYLE, save_figures

COMMITTED = Path(__file__).resolve().parents[3] / "theory" / "figures"


def without_glyphs(svg):
    """The drawing's own paths: fonts and ids differ between machines, curves must not."""
    return re.findall(r'<path d="([^"]+)" clip-path', svg)


@pytest.mark.slow
def test_the_files_do_not_change_from_run_to_run(tmp_path):
    first = save_figures(tmp_path / "a", ("svg",))
    second = save_figures(tmp_path / "b", ("svg",))
    assert [path.read_bytes() for path in first] == [path.read_bytes() for path in second]
    assert {path.stem for path in first} == set(FIGURES)


@pytest.mark.slow
def test_the_committed_figures_are_those_of_the_code(tmp_path):
    for path in save_figures(tmp_path, ("svg",)):
        committed = (COMMITTED / path.name).read_text(encoding="utf-8")
        drawn = without_glyphs(path.read_text(encoding="utf-8"))
        assert drawn
        assert drawn == without_glyphs(committed), path.name
        assert "<dc:date>" not in committed
        assert len(committed) < 150_000


@pytest.mark.parametrize("name", list(FIGURES))
def test_every_axis_is_labelled(name):
    with mpl.rc_context(STYLE):
        figure = FIGURES[name]()
    axes = figure.get_axes()
    assert axes[0].get_ylabel()
    for panel in axes:
        assert panel.get_xlabel()
        assert panel.get_title(loc="left")


def test_lines_differ_by_more_than_colour():
    assert len({(str(dash), marker) for _, dash, marker in LINES.values()}) == len(LINES)
    lightness = sorted(colorsys.rgb_to_hls(*to_rgb(colour))[1] for colour, _, _ in LINES.values())
    assert lightness[0] < 0.2 < lightness[1]


def test_the_teeth_are_drawn_where_the_theory_puts_them():
    with mpl.rc_context(STYLE):
        (axes,) = FIGURES["quantile_teeth"]().get_axes()
    above = next(line for line in axes.get_lines() if line.get_marker() == "^")
    assert list(above.get_xdata()) == [4, 5, 7, 8, 10, 13]


def test_the_floor_is_above_the_gap_only_on_the_right():
    with mpl.rc_context(STYLE):
        left, right = FIGURES["case2_gap"]().get_axes()
    ends = []
    for panel in (left, right):
        curve = next(line for line in panel.get_lines() if line.get_marker() == "o")
        level = next(line for line in panel.get_lines() if "without mixup" in line.get_label())
        ends.append(float(curve.get_ydata()[-1]) - float(level.get_ydata()[0]))
    assert ends[0] < 0 < ends[1]
