"""Plain tables in the terminal, whose text is taken as it is."""

import sys
import textwrap
from collections.abc import Collection, Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table

# Where output goes to a file there is no width to fit: wide enough that no cell is cut.
FILE_WIDTH = 250
# Of titles over numbers, so that these leave room for names.
TITLE_WIDTH = 14


def plain_console(file_width: int = FILE_WIDTH) -> "Console":
    """Return a console as wide as the terminal, or of this width where output goes to a file."""
    from rich.console import Console

    width = None if sys.stdout.isatty() else file_width
    return Console(width=width, markup=False, highlight=False)


def plain_grid(
    titles: Sequence[str], numbers: Collection[str] = (), *, gap: int = 2, heading: str = "bold"
) -> "Table":
    """Return a table without lines, whose long cells are folded on a narrow terminal.

    Args:
        titles: of the columns, in their order.
        numbers: those of them that are flush right and never folded; their titles are, at spaces.
        gap: spaces between columns.
        heading: style of the titles.
    """
    from rich.table import Table

    grid = Table(box=None, header_style=heading, pad_edge=False, padding=(0, gap, 0, 0))
    for title in titles:
        if title in numbers:
            lines = (
                textwrap.wrap(line, TITLE_WIDTH, break_long_words=False)
                for line in title.split("\n")
            )
            words = "\n".join(word for line in lines for word in line)
            grid.add_column(words, justify="right", no_wrap=True)
        else:
            grid.add_column(title, overflow="fold")
    return grid
