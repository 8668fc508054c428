"""The results of a tuning: its trials as a table, and the chosen settings as keys of a study."""

import statistics
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd
import yaml

from experiments.tuning.search import Trial, winners
from mixkd_core.errors import InputError
from reports.files import csv_text

TRIALS, CHOSEN = "trials.csv", "chosen.yaml"


def trial_frame(trials: Sequence[Trial]) -> pd.DataFrame:
    """A row per trial.

    Columns: `method, trial, best`, one for each key that was set, `metric, metric_sd, majority,
    beats_majority, loss_name, loss, loss_sd, seeds, failure, runs`; means over the seeds'
    validation sets, and the standard deviations between them (none for one seed).
    """
    won = winners(trials)
    keys = list(dict.fromkeys(key for trial in trials for key in trial.chosen))
    return pd.DataFrame(
        [
            {
                "method": trial.method,
                "trial": trial.number,
                "best": won[trial.method] is trial,
                **{key: trial.chosen.get(key) for key in keys},
                "metric": _mean(trial.metric),
                "metric_sd": _deviation(trial.metric),
                "majority": _mean(trial.majority),
                "beats_majority": trial.beats_majority,
                "loss_name": trial.loss_name,
                "loss": _mean(trial.loss),
                "loss_sd": _deviation(trial.loss),
                "seeds": len(trial.metric),
                "failure": trial.failure,
                "runs": " ".join(trial.runs),
            }
            for trial in trials
        ]
    )


def write_results(
    folder: Path, trials: Sequence[Trial], chosen: Mapping[str, Any], heading: str
) -> None:
    """Write `trials.csv` and `chosen.yaml`.

    Args:
        chosen: keys of a study (`experiments.tuning.search.fragment`).
        heading: how they were chosen, for a comment above them.

    Raises:
        InputError: if the folder cannot be written.
    """
    comment = "".join(f"# {line}\n" for line in heading.splitlines())
    try:
        folder.mkdir(parents=True, exist_ok=True)
        (folder / TRIALS).write_text(csv_text(trial_frame(trials)), encoding="utf-8")
        (folder / CHOSEN).write_text(comment + fragment_text(chosen), encoding="utf-8")
    except OSError as error:
        raise InputError(f"cannot write to {folder}: {error.strerror or error}.") from error


def fragment_text(chosen: Mapping[str, Any]) -> str:
    """Keys of a study as YAML."""
    return yaml.safe_dump(dict(chosen), sort_keys=False, allow_unicode=True)


def change_text(methods: Any) -> str:
    """Chosen methods as the value of `--set methods=`, in one line."""
    text: str = yaml.safe_dump(
        methods, sort_keys=False, default_flow_style=True, width=float("inf")
    )
    return text.strip()


def _mean(values: Sequence[float]) -> float | None:
    return statistics.fmean(values) if values else None


def _deviation(values: Sequence[float]) -> float | None:
    return statistics.stdev(values) if len(values) > 1 else None
