"""The shape of the paper's Table 1: a row per method and depth, a column per task and fraction.

A column holds the task's metric on its first development set. A store of one task at one fraction
has room for its other held-out sets too.
"""

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import pandas as pd

from mixkd_core.objectives.objective import METHODS
from reports.evidence.evidence import TRAINING_LAW, Evidence, in_order
from reports.evidence.frames import encoder_name, grouped
from reports.statistics.limits import limited, metric_limits
from reports.statistics.majority import has_majority_class
from reports.statistics.seeds import summarise_seeds
from reports.tables.sweeps import drawn_representatives
from reports.tables.table import Column, Table, estimate_cells, interval_cells, percent
from reports.verdicts.pairs import comparison, pairs_of
from reports.verdicts.rules import DIRECTED, MARGIN, Differences, judge

# The marks of a difference that the rules establish, by baseline.
MARKS = {"kd": "†", "ft": "‡"}
BEST = "*"

# Of fewer seeds Student's interval is many times wider than they lie apart: they are shown instead.
FEWEST_FOR_INTERVAL = 4

MAJORITY = "majority class"

# Everywhere the same: the teacher, then as the objectives are listed.
METHOD_ORDER = ("teacher", *METHODS)

_PRECISION = "fp32"


def result_table(evidence: Evidence) -> Table:
    """Tabulate every method's metric, with the size and speed of its network."""
    frame = _measured(evidence)
    columns = _columns(frame)
    rows: dict[Place, dict[str, Any]] = {}
    for name, (key, _) in columns.items():
        conditions = [group for _, group in grouped(_of(frame, key), ["condition"])]
        for group in sorted(conditions, key=len):  # of one place, the one with most seeds stays
            run = group["run"].iloc[0]
            row = rows.setdefault(_place(evidence, run), _network(evidence, run))
            row |= level_cells(name, group["metric_value"].tolist(), group["metric"].iloc[0])
            row["runs"] = " ".join(dict.fromkeys([*row.get("runs", "").split(), *group["run"]]))
    for name, marks in _marks(evidence, frame, columns).items():
        for place, mark in marks.items():
            rows[place][f"{name}_marks"] = mark
    encoders = list(dict.fromkeys(digest for *_, digest in rows))
    # As in the paper: the teacher, then a block for each depth. Old results do not tell its own.
    places = sorted(
        rows,
        key=lambda place: (
            encoders.index(place[2]),
            -rows[place]["layers"],
            METHOD_ORDER.index(place[0]),
        ),
    )
    ordered = [rows[place] for place in places]
    majority: dict[str, Any] = {"method": MAJORITY, "encoder": "", "depth": "", "runs": ""}
    for name, (key, _) in columns.items():
        here = _of(frame, key)
        shown = has_majority_class(here["metric"].iloc[0])
        majority[name] = here["majority"].mean() if shown else None
    timed = any(row["latency"] is not None for row in ordered)
    several = len({row["encoder"] for row in ordered}) > 1
    classes = any(majority[name] is not None for name in columns)
    table = pd.DataFrame([*ordered, *([majority] if classes else [])])
    return Table(
        name="results",
        title="Results: the tasks' metrics by method",
        caption=(
            "Means over seeds ± half of the 95 % interval (Student's t), or of fewer than four "
            "seeds from the lowest to the highest. "
            f"{BEST}: the highest student of its column. {MARKS['kd']}: differs from kd, "
            f"{MARKS['ft']}: differs from ft, established by the rules that judge the claims, "
            "corrected over this table. Of several variants of a method at one depth the one with "
            "most seeds is shown, then the one that its study calls by the method alone."
            + (" Latency is that of one text (fp32, median)." if timed else "")
        ),
        columns=(
            Column("method", "method", role="key"),
            *([Column("encoder", "encoder")] if several else []),
            Column("depth", "depth"),
            *(Column(name, title, "level") for name, (_, title) in columns.items()),
            Column("parameters", "parameters (millions)", "number", 1),
            *([Column("latency", "latency (ms)", "number", 1)] if timed else []),
        ),
        frame=table,
        empty="No finished run was measured on a held-out set.",
    )


def level_cells(name: str, values: Sequence[float], metric: str) -> dict[str, float | None]:
    """Return the cells of a mean: with half of its interval, or of few seeds with their range."""
    if 1 < len(values) < FEWEST_FOR_INTERVAL:
        mean = sum(values) / len(values)
        return {name: mean, **interval_cells(name, (min(values), max(values)))}
    return estimate_cells(name, limited(summarise_seeds(values), metric_limits(metric)))


# A column: task, fraction, set. A row: method, depth, encoder by content.
Key = tuple[str, float, str]
Place = tuple[str, str, str]


def _measured(evidence: Evidence) -> pd.DataFrame:
    metrics = evidence.metrics
    return in_order(drawn_representatives(evidence, metrics[metrics["set"] != "train"]))


def _columns(frame: pd.DataFrame) -> dict[str, tuple[Key, str]]:
    """By column its task, fraction and set, and its title."""
    found: dict[str, tuple[Key, str]] = {}
    cells = list(dict.fromkeys(zip(frame["task"], frame["fraction"], strict=True)))
    metrics = dict(zip(frame["task"], frame["metric"], strict=True))
    for task, fraction in cells:
        here = frame[(frame["task"] == task) & (frame["fraction"] == fraction)]
        sets = sorted(dict.fromkeys(here["set"]), key=lambda name: name in TRAINING_LAW)
        for name in sets if len(cells) == 1 else sets[:1]:
            title = f"{task}, {percent(fraction)}: {metrics[task]}, {name}"
            found[f"{task} {fraction:g} {name}"] = ((task, float(fraction), name), title)
    return found


def _of(frame: pd.DataFrame, key: Key) -> pd.DataFrame:
    task, fraction, name = key
    return frame[(frame["task"] == task) & (frame["fraction"] == fraction) & (frame["set"] == name)]


def _network(evidence: Evidence, run: str) -> dict[str, Any]:
    """Return the cells that describe a run's network, as far as they are known."""
    record = evidence.records[run]
    student, parameters = record.spec.student, record.summary.get("parameters")
    layers = record.summary.get("layers") or (None if student is None else student.layers)
    return {
        "method": record.spec.method,
        "encoder": encoder_name(record.spec.encoder.name),
        "layers": layers or math.inf,
        "depth": f"{layers} layers" if layers else "",
        "parameters": None if parameters is None else float(parameters) / 1e6,
        "latency": _latency(evidence, run),
    }


def _latency(evidence: Evidence, run: str) -> float | None:
    if isinstance(evidence.costs, str):
        return None
    summary = evidence.records[run].summary
    shape = (summary.get("layers"), summary.get("parameters"))
    for row in evidence.costs.rows.to_dict("records"):
        if row["precision"] == _PRECISION and (row["layers"], row["parameters"]) == shape:
            return float(row["latency_ms"])
    return None


def _marks(
    evidence: Evidence, frame: pd.DataFrame, columns: Mapping[str, tuple[Key, str]]
) -> dict[str, dict[Place, str]]:
    """By column the marks of methods: the best, and differences that the rules establish."""
    marks: dict[str, dict[Place, str]] = {name: {} for name in columns}
    for name, (key, _) in columns.items():
        own = _of(frame, key)
        students = own[own["method"] != "teacher"]
        means = students.groupby("condition")["metric_value"].mean()
        if len(means) > 1:
            for _, best in grouped(students, ["condition"]):
                if best["metric_value"].mean() >= means.max() - 1e-12:
                    marks[name][_place(evidence, best["run"].iloc[0])] = BEST
    asked = [
        (name, baseline, place, differences)
        for name, (key, _) in columns.items()
        for baseline, place, differences in _differences(evidence, _of(frame, key))
    ]
    for (name, baseline, place, _), judged in zip(
        asked, judge([differences for *_, differences in asked]), strict=True
    ):
        if judged.verdict in DIRECTED:
            marks[name][place] = marks[name].get(place, "") + MARKS[baseline]
    return marks


def _differences(
    evidence: Evidence, column: pd.DataFrame
) -> Iterator[tuple[str, Place, Differences]]:
    """Yield every student's differences from each baseline of its setting."""
    rows = column.assign(
        value=column["metric_value"],
        collapsed=column["metric_value"] <= column["majority"] + 1e-9,
        sets=column["set"],
        examples=[f"{count:.0f}" for count in column["examples"]],
    )
    for _, setting in grouped(rows[rows["method"] != "teacher"], ["setting"]):
        for baseline in MARKS:
            reference = setting[setting["method"] == baseline]
            for _, group in grouped(setting, ["condition"]):
                if group["method"].iloc[0] == baseline or reference.empty:
                    continue
                found = comparison(list(pairs_of(group, reference)), MARGIN)
                if found.pairs:
                    yield baseline, _place(evidence, group["run"].iloc[0]), found.differences


def _place(evidence: Evidence, run: str) -> Place:
    network = _network(evidence, run)
    return network["method"], str(network["depth"]), evidence.specs[run].encoder.digest
