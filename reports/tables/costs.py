"""The cost of using a store's networks: size, operations, latency, throughput, memory, energy."""

from typing import Any

import pandas as pd

from reports.evidence.costs import Costs
from reports.evidence.evidence import Evidence
from reports.tables.table import ABSENT, Column, Table

COLUMNS = (
    Column("network", "network", role="key"),
    Column("precision", "precision"),
    Column("layers", "layers", "count"),
    Column("millions", "parameters (millions)", "number", 1),
    Column("megabytes", "on disk (MB)", "number", 1),
    Column("giga_operations", "operations a text (10⁹)", "number", role="detail"),
    Column("latency_ms", "latency (ms), median", "number", 2),
    Column("latency_p95_ms", "latency (ms), 95th percentile", "number", 2, role="detail"),
    Column("speedup", "as fast as the deepest", "number", 2),
    Column("texts_per_second", "texts a second, best batch", "number", 0),
    Column("best_batch", "that batch", "count", role="detail"),
    Column("peak_megabytes", "peak memory (MB)", "number", 0),
    Column("joules_per_text", "energy a text (J)", "number"),
)


def cost_table(evidence: Evidence) -> Table:
    """Tabulate what `mixkd cost` left in the store; without rows where it was not run."""
    return table_of(evidence.costs)


def table_of(costs: Costs | str) -> Table:
    """Tabulate costs; without rows where there are none, for a reason in words."""
    return Table(
        name="costs",
        title="Cost of use",
        caption="" if isinstance(costs, str) else caption(costs.about),
        columns=COLUMNS,
        frame=pd.DataFrame() if isinstance(costs, str) else _derived(costs.rows),
        empty=costs if isinstance(costs, str) else "",
    )


def caption(about: dict[str, Any]) -> str:
    """Say what the numbers were measured on."""
    return (
        f"One network of each shape, all in one run on {about['device']} with "
        f"{about['threads']} thread{'s' if about['threads'] != 1 else ''}: the plain forward pass "
        f"on {about['texts']} texts at their own lengths, {about['rounds']} rounds after warm-up, "
        "the networks taking turns. Latency is that of one text at a time; throughput that of the "
        "best of several batch sizes. Operations are those of matrix products. Memory is the peak "
        "of a process of its own, loading included, on a processor; that of tensors on a GPU. "
        f"{ABSENT}: not measured, since this machine cannot tell."
    )


def _derived(rows: pd.DataFrame) -> pd.DataFrame:
    """Add millions, 10⁹ operations, and how many times as fast as the deepest network."""
    frame = rows.copy()
    frame["millions"] = frame["parameters"] / 1e6
    frame["giga_operations"] = frame["operations"] / 1e9
    deepest = frame[frame["layers"] == frame["layers"].max()]
    reference = deepest.drop_duplicates("precision").set_index("precision")["latency_ms"]
    frame["speedup"] = frame["precision"].map(reference) / frame["latency_ms"]
    return frame
