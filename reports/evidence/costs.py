"""The costs of a store's networks, as `mixkd cost` measured and left them there."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

COSTS = "cost.json"

COLUMNS = (
    "network", "precision", "layers", "parameters", "megabytes", "operations", "latency_ms",
    "latency_p95_ms", "texts_per_second", "best_batch", "peak_megabytes", "joules_per_text",
)  # fmt: skip


@dataclass(frozen=True, eq=False)
class Costs:
    """Measured costs.

    Attributes:
        rows: a row per network × precision, columns `COLUMNS`.
        about: device, threads, number of texts and rounds.
    """

    rows: pd.DataFrame
    about: dict[str, Any]

    @classmethod
    def of(cls, content: dict[str, Any]) -> "Costs":
        """Take the content of the file, `{"about": {…}, "rows": [{…}, …]}`."""
        return cls(pd.DataFrame(content["rows"])[list(COLUMNS)], dict(content["about"]))


NOT_MEASURED = "Not measured: run mixkd cost on this folder."


def read_costs(folder: Path) -> Costs | str:
    """Read what `mixkd cost` left in a folder of runs, or say why there are no costs.

    A damaged file takes no report away: its sentence stands where the table would.
    """
    path = folder / COSTS
    if not path.is_file():
        return NOT_MEASURED
    try:
        return Costs.of(json.loads(path.read_text(encoding="utf-8")))
    except (OSError, ValueError, KeyError, TypeError) as error:
        reason = f"{type(error).__name__}: {error}"
        return f"{path.name} is damaged ({reason}): run mixkd cost on this folder again."
