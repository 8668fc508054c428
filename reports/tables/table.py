"""A table and its forms: Markdown, LaTeX (booktabs), CSV and parquet; the same content, same bytes.

CSV and parquet hold every number in full; Markdown, LaTeX and the page show it rounded.
"""

import io
import math
import re
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import pandas as pd
import pyarrow as pa  # type: ignore[import-untyped]
import pyarrow.parquet as pq  # type: ignore[import-untyped]

from reports.files import csv_text, write_file
from reports.statistics.seeds import Summary

ColumnKind = Literal[
    "text", "share", "count", "number", "signed", "estimate", "level", "interval", "range", "p"
]

# A key says what a row is about and stays in view; a detail is shown when it is asked for.
Role = Literal["", "key", "detail"]

ABSENT = "—"

# Characters on a line of a landscape A4 page in LaTeX's \\scriptsize.
LATEX_LINE = 185


def interval_cells(name: str, interval: tuple[float, float] | None) -> dict[str, float | None]:
    """Return the two cells of an interval, as a `Column` of this name reads them."""
    low, high = interval or (None, None)
    return {f"{name}_low": low, f"{name}_high": high}


def estimate_cells(name: str, summary: Summary) -> dict[str, float | None]:
    """Return the two cells of a mean with half of its interval, as an `estimate` reads them."""
    interval = summary.interval
    half = None if interval is None else (interval[1] - interval[0]) / 2
    return {name: summary.mean, f"{name}_half": half}


@dataclass(frozen=True)
class Column:
    """The way a column of the frame is shown.

    Attributes:
        name: of the frame's column; an interval is in `<name>_low` and `<name>_high`.
        title: its heading.
        kind: text; a share of the training data, in per cent; a whole number; a number; a number
            with its sign; the same with half of its interval (`estimate`, in `<name>_half`), if it
            has one; a level, which has no sign, may have marks (in `<name>_marks`), and in place of
            half of an interval a range (in `<name>_low` and `<name>_high`); an interval of numbers
            with their sign, or (`range`) without; a p-value.
        digits: behind the point.
        role: what the column is for where there is little room.
    """

    name: str
    title: str
    kind: ColumnKind = "text"
    digits: int = 3
    role: Role = ""

    def show(self, row: dict[str, Any]) -> str:
        """The cell of a row; `ABSENT` where there is no value."""
        if self.kind in ("interval", "range"):
            low, high = row.get(f"{self.name}_low"), row.get(f"{self.name}_high")
            if _missing(low) or _missing(high):
                return ABSENT
            sign = "+" if self.kind == "interval" else ""
            return f"{low:{sign}.{self.digits}f} to {high:{sign}.{self.digits}f}"
        value: Any = row.get(self.name)
        if _missing(value):
            return ABSENT
        if self.kind == "share":
            return percent(value)
        if self.kind == "count":
            return f"{value:.0f}"
        if self.kind == "number":
            return f"{value:.{self.digits}f}"
        if self.kind == "signed":
            return f"{value:+.{self.digits}f}"
        if self.kind in ("estimate", "level"):
            half, marks = row.get(f"{self.name}_half"), row.get(f"{self.name}_marks")
            low, high = row.get(f"{self.name}_low"), row.get(f"{self.name}_high")
            told = "" if _missing(half) else f" ± {half:.{self.digits}f}"
            if not _missing(low) and not _missing(high):
                told = f" ({low:.{self.digits}f}–{high:.{self.digits}f})"
            sign = "+" if self.kind == "estimate" else ""
            return f"{value:{sign}.{self.digits}f}{told}{'' if _missing(marks) else f' {marks}'}"
        if self.kind == "p":
            return f"{value:.{self.digits}f}" if value >= 10**-self.digits else f"{value:.1e}"
        return f"{value:g}" if isinstance(value, float) else str(value)

    def sort_value(self, row: dict[str, Any]) -> float | str:
        """Return what the column is sorted by: an interval by its lower end, absent values last."""
        value: Any = row.get(
            f"{self.name}_low" if self.kind in ("interval", "range") else self.name
        )
        if self.kind == "text":
            return "" if _missing(value) else self.show(row)
        return math.inf if _missing(value) else float(value)

    @property
    def is_text(self) -> bool:
        return self.kind == "text"

    @property
    def tells_apart(self) -> bool:
        """Return True if it says what a row is about, not what came out."""
        return self.kind in ("text", "share")


@dataclass(frozen=True)
class Table:
    """A titled table.

    Attributes:
        name: of its files.
        title: above it.
        caption: what every number is; under it.
        columns: those shown.
        frame: the rows; `runs`, where present, holds the ids behind a row, separated by spaces.
            What is infinite is none: no file of a table holds it.
        empty: what is said in place of rows where there are none.
    """

    name: str
    title: str
    caption: str
    columns: tuple[Column, ...]
    frame: pd.DataFrame
    empty: str = "There is nothing to show."
    rows: list[dict[str, Any]] = field(init=False)

    def __post_init__(self) -> None:
        frame = self.frame.replace([math.inf, -math.inf], math.nan)
        object.__setattr__(self, "frame", frame)
        object.__setattr__(self, "rows", self.frame.to_dict("records"))

    def cells(self) -> list[list[str]]:
        """Every cell as shown."""
        return [[column.show(row) for column in self.columns] for row in self.rows]

    def to_markdown(self) -> str:
        """A pipe table under its title, with the caption; ends with a line break."""
        lines = [f"### {_markdown(self.title)}", ""]
        if not self.rows:
            return "\n".join([*lines, _markdown(self.empty), ""])
        marks = ["---" if column.tells_apart else "---:" for column in self.columns]
        table = [[column.title for column in self.columns], *self.cells()]
        rows = [[_markdown(cell) for cell in row] for row in table]
        lines += ["| " + " | ".join(row) + " |" for row in [rows[0], marks, *rows[1:]]]
        if self.caption:
            lines += ["", _markdown(self.caption)]
        return "\n".join([*lines, ""])

    def to_latex(self) -> str:
        """A `longtable` with booktabs rules, no wider than a line of a landscape page.

        To be `\\input` where the packages array, booktabs and longtable are loaded.
        """
        if not self.rows:
            return f"% {self.title}\n{_latex(self.empty)}\n"
        head = " & ".join(_latex(column.title) for column in self.columns) + r" \\"
        cells = self.cells()
        body = [" & ".join(map(_latex, row)) + r" \\" for row in cells]
        return "\n".join(
            [
                r"\begingroup\setlength{\tabcolsep}{2.5pt}\setlength{\LTcapwidth}{\linewidth}",
                rf"\begin{{longtable}}{{{self._latex_columns(cells)}}}",
                rf"\caption{{{_latex(self.title)}. {_latex(self.caption)}}}",
                rf"\label{{tab:{self.name}}}\\",
                r"\toprule",
                head,
                r"\midrule",
                r"\endfirsthead",
                r"\toprule",
                head,
                r"\midrule",
                r"\endhead",
                *body,
                r"\bottomrule",
                r"\end{longtable}",
                r"\endgroup",
                "",
            ]
        )

    def _latex_columns(self, rows: list[list[str]]) -> str:
        """As wide as their cells where these have room, else sharing the line's width."""
        texts = zip([column.title for column in self.columns], *rows, strict=True)
        columns = [list(column) for column in texts]
        whole = [max(map(_width, cells)) for cells in columns]
        word = [
            max(_width(part) for cell in cells for part in _breakable(cell)) for cells in columns
        ]
        room = LATEX_LINE - len(columns)
        sides = ["l" if column.tells_apart else "r" for column in self.columns]
        if sum(whole) <= room:
            return "".join(sides)
        # The longest texts are broken first, and none within a word.
        low, high = 0, max(whole)
        while high - low > 1:
            middle = (low + high) // 2
            low, high = (
                (middle, high)
                if sum(_between(middle, *ends) for ends in zip(word, whole, strict=True)) <= room
                else (low, middle)
            )
        widths = [_between(low, *ends) for ends in zip(word, whole, strict=True)]
        ragged = {"l": r">{\raggedright\arraybackslash}", "r": r">{\raggedleft\arraybackslash}"}
        return "".join(
            rf"{ragged[side]}p{{\dimexpr {(width + 1) / (sum(widths) + len(widths)):.4f}\linewidth"
            r"-2\tabcolsep\relax}"
            for side, width in zip(sides, widths, strict=True)
        )

    def to_csv(self) -> str:
        """Every column of the frame, numbers in full, and no formula (`reports.files.csv_text`)."""
        return csv_text(self.frame)

    def to_parquet(self) -> bytes:
        """The same as parquet, without the metadata that name the writing libraries."""
        content = pa.Table.from_pandas(self.frame, preserve_index=False)
        sink = io.BytesIO()
        pq.write_table(content.replace_schema_metadata(None), sink)
        return sink.getvalue()


def write_tables(tables: Sequence[Table], folder: Path) -> list[Path]:
    """Every form of every table: `<name>.md`, `.tex`, `.csv`, `.parquet`, and `tables.tex`.

    Raises:
        InputError: if the folder cannot be written.
    """
    written = []
    for table in tables:
        for suffix, content in {
            "md": table.to_markdown().encode(),
            "tex": table.to_latex().encode(),
            "csv": table.to_csv().encode(),
            "parquet": table.to_parquet(),
        }.items():
            written.append(write_file(folder / f"{table.name}.{suffix}", content))
    written.append(write_file(folder / "tables.tex", _document(tables).encode()))
    return written


def percent(share: float) -> str:
    """Return a share of the training data as every table and text says it: `1 %`."""
    return f"{100 * share:g} %"


def seeds_text(seeds: Sequence[int]) -> str:
    """`0–4, 7`."""
    ranges: list[list[int]] = []
    for seed in sorted(set(seeds)):
        if ranges and seed == ranges[-1][1] + 1:
            ranges[-1][1] = seed
        else:
            ranges.append([seed, seed])
    return ", ".join(
        f"{low}" if low == high else f"{low}{'–' if high > low + 1 else ', '}{high}"
        for low, high in ranges
    )


def _document(tables: Sequence[Table]) -> str:
    inputs = [rf"\input{{{table.name}}}" for table in tables]
    return "\n".join(
        [
            r"\documentclass{article}",
            r"\usepackage[T1]{fontenc}",
            r"\usepackage[utf8]{inputenc}",
            r"\usepackage[a4paper,landscape,margin=15mm]{geometry}",
            r"\IfFileExists{lmodern.sty}{\usepackage{lmodern}}{}",
            r"\usepackage{amsmath,array,booktabs,longtable}",
            r"\begin{document}",
            r"\scriptsize",
            *inputs,
            r"\end{document}",
            "",
        ]
    )


_BREAK = re.compile(r"(?<=-)|\s")


def _breakable(text: str) -> list[str]:
    """The parts of a text between which TeX may break a line."""
    return _BREAK.split(text)


def _width(text: str) -> int:
    """In characters of usual width."""
    return len(text) + (sum(map(text.count, "mwMW+")) + 1) // 2


def _between(width: int, least: int, most: int) -> int:
    return max(least, min(width, most))


def _missing(value: Any) -> bool:
    return (
        value is None or (isinstance(value, float) and not math.isfinite(value)) or (value is pd.NA)
    )


def _markdown(text: str) -> str:
    escaped = re.sub(r"([\\`*_\[\]<>|])", r"\\\1", text)
    return " ".join(escaped.split())


# Below U+0180, where LaTeX's usual fonts end, what is printable stands for itself, but for those
# that they lack.
_PLAIN = {
    code: chr(code)
    for code in range(0x180)
    if chr(code).isprintable() and chr(code) not in "ĦħĸĿŀŉŦŧſ"
}

_SPECIAL = {
    "\\": r"\textbackslash{}",
    "{": r"\{",
    "}": r"\}",
    "#": r"\#",
    "$": r"\$",
    "%": r"\%",
    "&": r"\&",
    "_": r"\_",
    "^": r"\textasciicircum{}",
    "~": r"\textasciitilde{}",
    "<": r"\textless{}",
    ">": r"\textgreater{}",
    "|": r"\textbar{}",
    "—": r"\textemdash{}",
    "–": r"\textendash{}",
    "−": "$-$",
    "…": r"\dots{}",
    "≤": r"$\leq$",
    "≥": r"$\geq$",
    "≠": r"$\neq$",
    "≈": r"$\approx$",
    "∞": r"$\infty$",
    "√": r"$\surd$",
    "‖": r"$\Vert$",
    "→": r"$\to$",
    "∇": r"$\nabla$",
    "◆": r"$\diamond$",
    "†": r"\dag{}",
    "‡": r"\ddag{}",
    "×": r"$\times$",
    "∪": r"$\cup$",
    "’": "'",
    "\n": " ",
    "\xa0": "~",
    "\xad": "",
}

_GREEK_NAMES = {
    "α": "alpha", "β": "beta", "γ": "gamma", "δ": "delta", "ε": "varepsilon", "η": "eta",
    "θ": "theta", "κ": "kappa", "λ": "lambda", "μ": "mu", "ν": "nu", "ξ": "xi", "π": "pi",
    "ρ": "rho", "σ": "sigma", "τ": "tau", "φ": "varphi", "χ": "chi", "ψ": "psi", "ω": "omega",
    "Γ": "Gamma", "Δ": "Delta", "Θ": "Theta", "Λ": "Lambda", "Ξ": "Xi", "Π": "Pi", "Σ": "Sigma",
    "Φ": "Phi", "Ψ": "Psi", "Ω": "Omega",
}  # fmt: skip
_GREEK = {letter: rf"$\{name}$" for letter, name in _GREEK_NAMES.items()}
_RAISED = {sign: rf"\textsuperscript{{{digit}}}" for digit, sign in enumerate("⁰¹²³⁴⁵⁶⁷⁸⁹")}
_LOWERED = {sign: rf"\textsubscript{{{digit}}}" for digit, sign in enumerate("₀₁₂₃₄₅₆₇₈₉")}

_LATEX = defaultdict(lambda: "?", _PLAIN | str.maketrans(_SPECIAL | _GREEK | _RAISED | _LOWERED))


def _latex(text: str) -> str:
    """Escaped; a character that LaTeX's usual fonts lack becomes a question mark."""
    return text.translate(_LATEX).replace("--", "-{}-")  # which would be set as a dash
