"""The look of every figure, and the rules that keep its file the same from day to day.

Colours are Okabe and Ito's, readable to colour-blind eyes.
"""

from collections.abc import Mapping
from typing import Any

GREY = "#767676"
STYLE: dict[Any, Any] = {
    "svg.hashsalt": "mixkd",
    "font.size": 9.5,
    "axes.titlesize": 10,
    "axes.titlelocation": "left",
    "axes.titleweight": "bold",
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.edgecolor": GREY,
    "axes.grid": True,
    "axes.axisbelow": True,
    "grid.color": "#E4E4E4",
    "grid.linewidth": 0.8,
    "legend.frameon": False,
    "lines.linewidth": 1.6,
    "lines.markersize": 6,
    "pdf.fonttype": 42,
}
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#56B4E9", "#8C6D00", "#222222", "#767676")

DPI = 160

# By format: metadata without the date and the program, which would change the file on every run.
UNDATED: Mapping[str, Mapping[str, str | None]] = {
    "svg": {"Date": None},
    "pdf": {"CreationDate": None, "Creator": None, "Producer": None},
    "png": {"Software": None},
}
