"""The results section of a README, generated from exported results and nothing else.

A README marks the place, naming the folder relative to itself:

    <!-- results:begin experiments/results/limited-data -->
    <!-- results:end -->

One or several folders are shown in two other ways: as one table of all methods by task (`table`),
or by what MixKD changes, a row a measure, with a sentence a finding (`overview`):

    <!-- results:table experiments/results/one experiments/results/two -->
    <!-- results:end -->

What stands between is replaced. `stale_sections` says which sections differ from their results.
"""

import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pandas as pd

from mixkd_core.errors import InputError
from reports.evidence.evidence import TRAINING_LAW, Evidence, load_evidence, load_exports
from reports.evidence.export import export_date, is_export
from reports.evidence.frames import grouped
from reports.files import write_file
from reports.statistics.majority import has_majority_class
from reports.statistics.seeds import Summary, summarise_seeds
from reports.tables.comparisons import comparison_table
from reports.tables.gaps import TASK_LOSSES, GapSummary, gap_summaries, majority_note
from reports.tables.latent_space import latent_space_table
from reports.tables.metric_comparisons import metric_comparison_table
from reports.tables.table import ABSENT, Column, Table, seeds_text
from reports.verdicts.ledger import ledger
from reports.verdicts.results import result_table
from reports.verdicts.sentences import gap_and_risk
from reports.verdicts.tables import entry_table, headline_table, overview_table

MEANING = (
    "Levels are means over seeds ± half of the 95 % interval (Student's t); the empirical risk is "
    "that of the training subset, in 0-1 error (squared error for a regression), and the gap is "
    "the risk on the set named minus the empirical risk. Differences are method minus baseline "
    "(distillation, fine-tuning, and for a variant its own method) over shared seeds, with the 95 "
    "% interval and the p-value of the sign-flip test after Holm's correction over all methods, "
    "tasks and fractions of these results with one baseline. The sets remainder and fresh follow "
    "the training law; dev is the task's own development set, which need not."
)

_SECTION = re.compile(
    r"<!-- results:(?P<kind>begin|table|overview) (?P<folders>\S+(?: \S+)*) -->\n(?P<content>.*?)"
    r"<!-- results:end -->",
    re.DOTALL,
)


def update_readme(readme: Path, folder: Path) -> None:
    """Replace the sections of a README that stand for a folder of exported results.

    Raises:
        InputError: if there is no README or no such section, or the results cannot be read.
    """
    text = _read(readme)
    wanted = os.path.relpath(folder.resolve(), readme.resolve().parent)
    sections = [match for match in _SECTION.finditer(text) if wanted in match["folders"].split()]
    if not sections:
        raise InputError(
            f"{readme} has no place for these results: add the lines "
            f"'<!-- results:begin {wanted} -->' and '<!-- results:end -->' where they shall stand."
        )
    for match in reversed(sections):
        content = _content(match, readme)
        text = text[: match.start("content")] + content + text[match.end("content") :]
    write_file(readme, text.encode())


def stale_sections(readme: Path) -> list[str]:
    """The folders whose section of a README is not what their results say.

    Raises:
        InputError: if the README or results that it names cannot be read.
    """
    return [
        match["folders"]
        for match in _SECTION.finditer(_read(readme))
        if match["content"] != _content(match, readme)
    ]


def _content(section: re.Match[str], readme: Path) -> str:
    folders = [readme.parent / name for name in section["folders"].split()]
    if section["kind"] == "begin":
        return results_section(*folders)
    return (table_section if section["kind"] == "table" else overview_section)(folders)


def table_section(folders: Sequence[Path]) -> str:
    """Return Markdown, without a heading: every method's metric by task, as the paper's Table 1.

    Args:
        folders: of exported results.

    Raises:
        InputError: if a folder holds no exported results.
    """
    for folder in folders:
        _check_export(folder)
    _, _, table = result_table(load_exports(folders)).to_markdown().split("\n", 2)
    return table


def overview_section(folders: Sequence[Path]) -> str:
    """Return Markdown: what MixKD changes, a row a measure, and what gap and risk say.

    Args:
        folders: of exported results.

    Raises:
        InputError: if a folder holds no exported results.
    """
    found = [_evidence(folder) for folder in folders]
    overviews = [overview_table(evidence) for evidence in found]
    frame = pd.concat([table.frame for table in overviews], ignore_index=True)
    table = replace(overviews[0], frame=frame)
    sentences = [sentence for evidence in found for sentence in gap_and_risk(ledger(evidence))]
    return "\n".join([table.to_markdown(), "".join(f"- {one}\n" for one in sentences)])


def _evidence(folder: Path) -> Evidence:
    _check_export(folder)
    return load_evidence(folder)


def _check_export(folder: Path) -> None:
    if not is_export(folder):
        raise InputError(f"{folder} holds no exported results: make them with 'mixkd export'.")


def results_section(folder: Path) -> str:
    """Markdown: how the results were made, levels and differences by task, and the verdicts.

    Raises:
        InputError: if the folder holds no exported results.
    """
    evidence = _evidence(folder)
    parts = [_provenance(evidence, export_date(folder).isoformat())]
    for key, summaries in _by_task(evidence).items():
        parts.append(_levels(evidence, key, summaries).to_markdown())
        differences = _differences(evidence, key)
        if differences is not None:
            parts.append(differences.to_markdown())
    latent = latent_space_table(evidence)
    if latent.rows:
        parts.append(latent.to_markdown())
    parts += _verdicts(evidence)
    return "\n".join(parts)


def _verdicts(evidence: Evidence) -> list[str]:
    """Return the overview, the headlines, what gap and risk say of each other, every entry."""
    claims = ledger(evidence)
    asked = [claim for claim in claims if claim.entries]
    headlines, entries = headline_table(asked), entry_table(asked)
    shown = ("verdict", "statement", "compared")
    # Exported results keep no losses to count other examples with.
    kept = tuple(column for column in entries.columns if column.name != "examples")
    found = [
        overview_table(evidence).to_markdown(),
        replace(
            headlines, columns=tuple(one for one in headlines.columns if one.name in shown)
        ).to_markdown(),
        "".join(f"- {sentence}\n" for sentence in gap_and_risk(claims)),
        replace(entries, columns=kept).to_markdown(),
    ]
    untested = [claim.statement for claim in claims if not claim.entries]
    if untested:
        found.append(f"Not tested by these runs: {' '.join(untested)}\n")
    return [part for part in found if part]


def _provenance(evidence: Evidence, date: str) -> str:
    finished = [entry.finished for entry in evidence.entries if entry.record is not None]
    kinds: dict[str, dict[str, None]] = {}
    for record in finished:
        hardware = record.summary["hardware"]
        versions = record.summary["versions"]
        for what, value in {
            "versions": ", ".join(f"{name} {number}" for name, number in versions.items()),
            "hardware": str(hardware["accelerator"] or hardware["processor"]),
            "encoder": record.spec.encoder.name,
        }.items():
            kinds.setdefault(what, {})[value] = None
    told = {what: "; ".join(sorted(values)) for what, values in kinds.items()}
    lines = [
        f"{len(finished)} finished runs, as of {date}. Encoder: {told['encoder']}. "
        f"Hardware: {told['hardware']}. Versions: {told['versions']}."
    ]
    others = evidence.runs[evidence.runs["state"] != "finished"]
    for state, count in others["state"].value_counts().sort_index().items():
        lines.append(f"In no mean: {count} {state} runs.")
    return " ".join(lines) + f"\n\n{MEANING}\n"


def _by_task(evidence: Evidence) -> dict[tuple[str, float], list[GapSummary]]:
    """The task's own loss, by task and fraction."""
    found: dict[tuple[str, float], list[GapSummary]] = {}
    for summary in gap_summaries(evidence):
        if summary.loss in TASK_LOSSES:
            found.setdefault((summary.task, summary.fraction), []).append(summary)
    return found


def _levels(evidence: Evidence, key: tuple[str, float], summaries: list[GapSummary]) -> Table:
    """A row per condition: the metric on every held-out set, empirical risk and gap."""
    sets = _in_order({summary.held_out for summary in summaries})
    metric = summaries[0].metric
    frame = evidence.metrics
    values = {
        (condition, name): summarise_seeds(group["metric_value"].to_numpy())
        for (condition, name), group in grouped(frame, ["condition", "set"])
    }
    conditions: dict[str, dict[str, GapSummary]] = {}
    for summary in summaries:
        conditions.setdefault(summary.condition, {})[summary.held_out] = summary
    rows = []
    for condition, on in conditions.items():
        first = next(iter(on.values()))
        row: dict[str, Any] = {
            "method": first.label,
            "seeds": f"{len(first.seeds)} ({seeds_text(first.seeds)})",
            "empirical": first.empirical,
        }
        for name, summary in on.items():
            row[name] = _plus_minus(values[condition, name])
            row[f"gap {name}"] = _plus_minus(summary.gap, sign="+")
        rows.append(row)
    here = _of(frame, key).groupby("set")
    majority, examples = here["majority"].mean(), here["examples"].mean()
    counted = {name: f"{name} ({float(examples[name]):.0f} examples)" for name in sets}
    if has_majority_class(metric):
        levels = (f"{float(majority[name]):.3f} on {counted[name]}" for name in sets)
        told = f"Majority class: {', '.join(levels)}"
    else:
        told = f"Measured on {', '.join(counted.values())}"
    return Table(
        name="levels",
        title=_heading(key),
        caption=f"{told}. {majority_note(summaries)}".rstrip(),
        columns=(
            Column("method", "method"),
            Column("seeds", "seeds"),
            *(Column(name, f"{metric}, {name}") for name in sets),
            Column("empirical", "empirical risk", "number"),
            Column(f"gap {sets[0]}", f"gap, {sets[0]}"),
        ),
        frame=pd.DataFrame(rows),
    )


def _differences(evidence: Evidence, key: tuple[str, float]) -> Table | None:
    """A row per method and baseline: paired differences of the metric and of the gap."""
    metrics = _of(metric_comparison_table(evidence).frame, key)
    gaps = _of(comparison_table(evidence).frame, key)
    if metrics.empty:
        return None
    gaps = gaps[gaps["loss_name"].isin(TASK_LOSSES)]
    sets = _in_order(set(metrics["set"]))
    found: dict[tuple[str, str], dict[str, Any]] = {}
    for frame, prefix in ((metrics, ""), (gaps, "gap ")):
        for row in frame.to_dict("records"):
            cells = found.setdefault(
                (row["method"], row["against"]), {"n": row["n"], "seeds": row["seeds"]}
            )
            cells[f"{prefix}{row['set']}"] = _difference(row)
    rows = [
        {"method": method, "against": against, **cells}
        for (method, against), cells in found.items()
    ]
    return Table(
        name="differences",
        title=f"{_heading(key)}: paired differences",
        caption="",
        columns=(
            Column("method", "method"),
            Column("against", "against"),
            Column("n", "seeds", "count"),
            *(Column(name, f"{metrics['metric'].iloc[0]}, {name}") for name in sets),
            Column(f"gap {sets[0]}", f"gap, {sets[0]}"),
        ),
        frame=pd.DataFrame(rows),
    )


def _of(frame: pd.DataFrame, key: tuple[str, float]) -> pd.DataFrame:
    if frame.empty:
        return frame
    return frame[(frame["task"] == key[0]) & (frame["fraction"] == key[1])]


def _in_order(sets: set[str]) -> list[str]:
    """Sets of the training law first."""
    law = [name for name in TRAINING_LAW if name in sets]
    return law + sorted(sets - set(law))


def _heading(key: tuple[str, float]) -> str:
    return f"{key[0]}, {100 * key[1]:g} % of the training data"


def _plus_minus(summary: Summary, sign: str = "") -> str:
    text = f"{summary.mean:{sign}.3f}"
    if summary.interval is None:
        return text
    return f"{text} ± {(summary.interval[1] - summary.interval[0]) / 2:.3f}"


def _difference(row: Mapping[Any, Any]) -> str:
    text = f"{row['difference']:+.4f}"
    interval = Column("difference", "", "interval", 4).show(dict(row))
    p_value = Column("p_holm", "", "p").show(dict(row))
    return text if ABSENT in (interval, p_value) else f"{text} ({interval}), p {p_value}"


def _read(readme: Path) -> str:
    try:
        return readme.read_text(encoding="utf-8")
    except OSError as error:
        raise InputError(f"cannot read {readme}: {error.strerror}.") from None
