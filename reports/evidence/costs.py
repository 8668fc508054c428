"""The costs of a store's networks, as `mixkd cost` measured and left them there."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from mixkd_core.errors import InputError

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


def read_costs(folder: Path) -> Costs | None:
    """Read what `mixkd cost` left in a folder of runs; None where it was not run.

    Raises:
        InputError: if its file is damaged.
    """
    path = folder / COSTS
    if not path.is_file():
        return None
    try:
        return Costs.of(json.loads(path.read_text(encoding="utf-8")))
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise InputError(
            f"{path} is damaged ({error}): run mixkd cost {folder} again, or remove it."
        ) from None
