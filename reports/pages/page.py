"""The report as one self-contained HTML page: no network, no second file.

Everything that comes from a record (names, labels, reasons, commands) is escaped. Without scripts
the page is whole, only not sortable; the styles and the script are in `assets/`.
"""

import re
from collections.abc import Sequence
from html import escape
from importlib.resources import files
from typing import Any

from mixkd_core.records.survey import STATES
from reports.evidence.evidence import Evidence
from reports.figures.drawing import Drawing, render
from reports.tables.table import Column, Table
from reports.verdicts.ledger import JudgedClaim
from reports.verdicts.sentences import gap_and_risk
from reports.verdicts.tables import entry_table, headline_table, published_text

# A column with at most this many different texts can be chosen from.
MOST_CHOICES = 24

# A text of more characters is broken over lines.
LONG = 26

# What a long table shows at first.
FIRST_CHOICE = {"loss": "0-1 error"}


def page(
    evidence: Evidence,
    claims: Sequence[JudgedClaim],
    drawings: Sequence[Drawing],
    tables: Sequence[Table],
) -> str:
    """The page; the same evidence gives the same text. The first table opens it."""
    sections = [(table.name, table.title, _table(table)) for table in tables[:1]]
    sections.append(("claims", "The paper's claims", _claims(claims)))
    if drawings:
        sections.append(("figures", "Figures", _figures(drawings)))
    sections += [(table.name, table.title, _table(table)) for table in tables[1:]]
    sections.append(("made", "How the runs were made", _provenance(evidence)))
    contents = "".join(
        f'<li><a href="#{name}">{escape(_short(title))}</a></li>' for name, title, _ in sections
    )
    body = "".join(
        f'<section id="{name}" aria-labelledby="{name}-title">'
        f'<h2 id="{name}-title">{escape(title)}</h2>{content}</section>'
        for name, title, content in sections
    )
    return (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        "<title>MixKD report</title>\n"
        f"<style>\n{_asset('page.css')}</style>\n</head>\n<body>\n"
        '<a class="skip" href="#claims">Skip the contents</a>\n<div class="frame">\n'
        '<nav aria-label="Contents"><details open><summary>Contents</summary>'
        f"<ol>{contents}</ol></details></nav>\n<main>\n{_header(evidence)}{body}</main>\n</div>\n"
        '<div id="tip" role="status" hidden></div>\n'
        '<div id="behind" role="dialog" tabindex="-1" hidden></div>\n'
        f"<script>\n{_asset('page.js')}</script>\n</body>\n</html>\n"
    )


def _header(evidence: Evidence) -> str:
    runs = evidence.runs
    finished = runs[runs["state"] == "finished"]
    tiles = [
        ("finished runs", str(len(finished)), ""),
        ("tasks", str(finished["task"].nunique()), ""),
        ("methods", str(finished.loc[finished["method"] != "teacher", "label"].nunique()), ""),
        ("seeds", str(finished["seed"].nunique()), ""),
    ]
    for state in STATES[1:]:
        count = int((runs["state"] == state).sum())
        if count:
            tiles.append((state, str(count), ' class="alert"'))
    shown = "".join(
        f'<div{alert}><dt>{escape(name)}</dt><dd><a href="#runs">{escape(value)}</a></dd></div>'
        for name, value, alert in tiles
    )
    return (
        "<header><h1>MixKD: what these runs show</h1>"
        "<p>Gaps between empirical and generalization risk, bound conditions, certificates, and a "
        "verdict on each claim of the paper. Every number names the set it was measured on and "
        "leads to the runs behind it.</p></header>"
        f'<dl class="tiles">{shown}</dl>'
    )


def _claims(claims: Sequence[JudgedClaim]) -> str:
    """A block for each claim: its verdict, what was compared, losses and sets side by side."""
    items: dict[bool, list[str]] = {True: [], False: []}
    for claim in claims:
        kind = claim.verdict.replace(" ", "-")
        told = [f"In the paper: {escape(claim.where)}. Compared: {escape(claim.compared)}."]
        if claim.published:
            told.append(f"The paper's numbers: {escape(published_text(claim))}.")
        if claim.note:
            told.append(f"{escape(claim.note[0].upper() + claim.note[1:])}.")
        told.append(f"<code>{escape(claim.command)}</code>")
        items[bool(claim.entries)].append(
            f'<li><p><span class="verdict {kind}">{escape(claim.verdict)}</span></p>'
            f"<p>{escape(claim.statement)}</p>"
            f'<div class="detail">{" ".join(told)} {_runs(" ".join(claim.runs))}'
            f"{_entries(claim)}</div></li>"
        )
    untested = (
        f"<details><summary>{len(items[False])} claims that these runs do not test</summary>"
        f'<ul class="claims">{"".join(items[False])}</ul></details>'
        if items[False]
        else ""
    )
    sentences = "".join(f"<li>{escape(sentence)}</li>" for sentence in gap_and_risk(claims))
    return (
        f"{f'<ul>{sentences}</ul>' if sentences else ''}"
        f'<ul class="claims">{"".join(items[True])}</ul>{untested}'
        f'<p class="caption">{escape(headline_table(claims).caption)} '
        f"{escape(entry_table(claims).caption)} What is supported or contradicted is so against "
        "every control of the baseline (trained longer, or at another rate). The rules are fixed "
        "in the program and tested where the right verdict is known.</p>"
    )


def _entries(claim: JudgedClaim) -> str:
    if not claim.entries:
        return ""
    table = entry_table([claim])
    columns = [column for column in table.columns if column.name != "claim"]
    heads = "".join(f'<th scope="col">{escape(column.title)}</th>' for column in columns)
    rows = "".join(
        f"<tr>{''.join(_cell(column, row) for column in columns)}</tr>" for row in table.rows
    )
    return (
        f'<div class="scroll" tabindex="0" role="region" aria-label="Entries: {escape(claim.id)}">'
        f"<table><thead><tr>{heads}</tr></thead><tbody>{rows}</tbody></table></div>"
    )


def _figures(drawings: Sequence[Drawing]) -> str:
    figures = "".join(
        f'<figure id="figure-{drawing.name}"{_wide(drawing)}><h3>{escape(drawing.title)}</h3>'
        f'<div class="drawing" tabindex="0" role="group" '
        f'aria-label="{escape(drawing.title)}: arrow keys go from point to point, Enter shows its '
        f'runs">'
        f"{_inline(drawing)}</div>"
        f"<figcaption>{escape(drawing.caption)}</figcaption></figure>"
        for drawing in drawings
    )
    return f'<div class="figures">{figures}</div>'


def _wide(drawing: Drawing) -> str:
    return ' class="wide"' if drawing.figure.get_figwidth() > 6 else ""


def _inline(drawing: Drawing) -> str:
    """The SVG without its prologue, its ids made the figure's own: one page holds several."""
    svg = render(drawing, "svg").decode()
    svg = svg[svg.index("<svg") :]
    own = drawing.name
    svg = re.sub(r"<metadata>.*?</metadata>", "", svg, flags=re.DOTALL)
    svg = re.sub(rf'\bid="(?!{own}-point)([^"]+)"', rf'id="{own}-\1"', svg)
    svg = re.sub(r'href="#([^"]+)"', rf'href="#{own}-\1"', svg)
    return re.sub(r"url\(#([^)]+)\)", rf"url(#{own}-\1)", svg)


def _table(table: Table) -> str:
    caption = f'<p class="caption">{escape(table.caption)}</p>'
    if not table.rows:
        return f"<p>{escape(table.empty)}</p>"
    has_runs = "runs" in table.frame and table.name != "runs"
    heads = "".join(
        f'<th scope="col" data-kind="{"text" if column.is_text else "number"}"'
        f"{'' if column.is_text else ' class=number'}>"
        f'<button type="button">{escape(column.title)}</button></th>'
        for column in table.columns
    )
    if has_runs:
        heads += '<th scope="col">runs</th>'
    rows = []
    for row in table.rows:
        own = f' id="run-{escape(str(row["run"]))}"' if table.name == "runs" else ""
        cells = "".join(_cell(column, row) for column in table.columns)
        if has_runs:
            cells += f'<td data-sort="">{_runs(row["runs"])}</td>'
        rows.append(f"<tr{own}>{cells}</tr>")
    traced = ' class="traced"' if has_runs else ""
    downloads = ", ".join(
        f'<a href="tables/{table.name}.{kind}">{kind}</a>'
        for kind in ("csv", "parquet", "md", "tex")
    )
    return (
        f"{_filters(table)}"
        f'<div class="scroll" tabindex="0" role="region" aria-label="{escape(table.title)}">'
        f'<table id="{table.name}-table"{traced}><thead><tr>{heads}</tr></thead>'
        f"<tbody>{''.join(rows)}</tbody></table></div>{caption}"
        f'<p class="downloads">The same, beside this page: {downloads}</p>'
    )


def _cell(column: Column, row: dict[str, Any]) -> str:
    value = column.sort_value(row)
    key = "" if value == float("inf") else str(value)
    shown = escape(column.show(row))
    kind = (
        f' class="{"long" if len(shown) > LONG else "short"}"'
        if column.is_text
        else (' class="number"')
    )
    if column.name in ("verdict", "state"):
        shown = f'<span class="verdict {escape(key.replace(" ", "-"))}">{shown}</span>'
    return f'<td{kind} data-sort="{escape(key)}">{shown}</td>'


def _filters(table: Table) -> str:
    """A field for words, and a choice for each column with few texts."""
    choices = []
    for place, column in enumerate(table.columns):
        if not column.is_text:
            continue
        values = list(dict.fromkeys(str(column.sort_value(row)) for row in table.rows))
        if not 1 < len(values) <= MOST_CHOICES or max(map(len, values)) > 60:
            continue
        first = FIRST_CHOICE.get(column.name)
        options = "".join(
            f'<option value="{escape(value)}"{" selected" if value == first else ""}>'
            f"{escape(value)}</option>"
            for value in sorted(value for value in values if value)
        )
        choices.append(
            f'<label>{escape(column.title)}<select data-column="{place}">'
            f'<option value="">all</option>{options}</select></label>'
        )
    return (
        f'<div class="filters" data-table="{table.name}-table" hidden>'
        '<label>containing<input type="search" placeholder="words"></label>'
        f"{''.join(choices)}<output></output></div>"
    )


def _runs(ids: str) -> str:
    """Links to the runs behind a row; a number of the row, clicked, shows the same (page.js)."""
    names = ids.split()
    if not names:
        return ""
    links = " ".join(f'<a href="#run-{escape(name)}">{escape(name)}</a>' for name in names)
    word = "run" if len(names) == 1 else "runs"
    return f"<details><summary>{len(names)} {word}</summary>{links}</details>"


def _provenance(evidence: Evidence) -> str:
    """Versions, hardware, data and commands of the finished runs, with how many used each."""
    counts: dict[str, dict[str, int]] = {}
    for entry in evidence.entries:
        if entry.record is None:
            continue
        summary, spec = entry.record.summary, entry.record.spec
        hardware = summary["hardware"]
        versions = ", ".join(f"{name} {value}" for name, value in summary["versions"].items())
        for what, value in {
            "versions": versions,
            "hardware": str(hardware["accelerator"] or hardware["processor"]),
            "data": f"{spec.task}: {summary['origin']} ({spec.data[:12]})",
            "encoder": f"{spec.encoder.name} ({spec.encoder.digest})",
            "command": summary["command"],
        }.items():
            counted = counts.setdefault(what, {})
            counted[value] = counted.get(value, 0) + 1
    blocks = []
    for what, values in counts.items():
        lines = "".join(
            f"<li><code>{escape(value)}</code> ({count})</li>"
            for value, count in sorted(values.items())[:MOST_CHOICES]
        )
        blocks.append(f"<h3>{escape(what.capitalize())}</h3><ul>{lines}</ul>")
    return "".join(blocks)


def _short(title: str) -> str:
    """A heading for the contents list: what stands before a colon or a comma."""
    return re.split(r"[:,]", title)[0]


def _asset(name: str) -> str:
    return files("reports").joinpath("assets", name).read_text(encoding="utf-8")
