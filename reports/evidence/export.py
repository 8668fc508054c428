"""Results as a small folder of text files to commit: what a report needs, without the examples.

    about.json           the specifications, versions, hardware and commands of the runs, each once
    runs.csv             a row per run, finished or not, referring to those
    metrics.csv          a row per run × set × metric, beside the majority class
    losses.csv           a row per run × set × loss: risk, calibration, what clipping changes
    certificates.csv     a row per run × loss × kind of bound
    latent.csv           a row per run that stores encodings × number
    sources.csv          a row per run × set whose examples share sources × loss
    membership.csv       a row per run that an attack on its losses says anything of
    agreement.csv        a row per student × set
    consistency.csv      a row per run × altered texts × measure, where that was measured
    studies/             the study files that made them

Numbers are written in full, so every table and verdict computed from this folder is that of the
store, but for intervals that count other examples: per-example losses, encodings, networks and
training curves are not kept. The same store gives the same bytes; the date is that of the last
change.
"""

import datetime as dt
import hashlib
import io
import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import fields
from math import nan
from pathlib import Path
from typing import Annotated, Any

import pandas as pd
from pydantic import BaseModel, Field, ValidationError

from mixkd_core.errors import InputError
from mixkd_core.records.reading import complaint, cut, file_bytes, parsed
from mixkd_core.records.run_folder import RunRecord
from mixkd_core.records.schema import LOSSES
from mixkd_core.records.specs import RunSpec
from reports.evidence import membership
from reports.evidence.entries import Entry
from reports.evidence.measurements import Measurements
from reports.files import as_written, csv_text, write_file
from reports.statistics.agreement import Agreement

EXPORT_VERSION = 2
ABOUT = "about.json"

AGREEMENT = tuple(field.name for field in fields(Agreement))
CONSISTENCY = "consistency.csv"

_TABLES = ("runs", "metrics", "losses", "certificates", "latent", "sources")

# Tables that earlier versions did not write, and the columns that they have when empty.
_LATER_TABLES = {"membership": membership.COLUMNS, "agreement": ("run", "set", *AGREEMENT)}

# Of a run's summary: what a report reads of each run, and what many runs share.
_OWN = ("origin", "train_examples", "primary_metric", "parameters")
_SHARED = ("versions", "hardware", "command")

# What results of earlier versions do not have: the network's layers, the seconds that training and
# evaluation took together, and the day on which the run was finished.
_LATER = ("layers", "seconds", "date")

_IN_RUNS = ["run", "folder", "state", "reason", "task", "fraction", "seed", "method",
            "variant", "specification", "environment", *_OWN,
            "temperature", "fitted_on", "fitted_examples"]  # fmt: skip

_COUNTS = ("seed", "layers", "train_examples", "parameters", "fitted_examples", "examples",
           "clipped", "networks", "statements", "groups", "seen_examples", "members", "others",
           "references", "calibrated_members", "calibrated_others", "teacher_right",
           "teacher_wrong", "texts")  # fmt: skip
_NUMBERS = frozenset((*_COUNTS, "fraction", "seconds", "temperature", "value", "majority", "risk",
            "loss_bound", "largest", "clipped_risk", "observed", "bound", "error", "grouped_error",
            "seen_risk", "unseen_risk", "least_advantage", *membership.ATTACKS,
            *AGREEMENT))  # fmt: skip


def write_export(
    entries: Sequence[Entry],
    measurements: Measurements,
    folder: Path,
    date: dt.date,
    studies: Sequence[Path] = (),
    tuning_runs: int = 0,
    consistency: pd.DataFrame | None = None,
) -> None:
    """Write results to `folder`; where nothing changed, the date that is there stays.

    Args:
        entries: every run; those without a record have no numbers.
        measurements: of those with one.
        folder: made if need be.
        date: today.
        studies: study files, which are copied; those that are there stay where none is given.
        tuning_runs: how many runs that chose settings are not among the entries.
        consistency: numbers of the runs on altered texts (`reports.evidence.consistency`); None or
            no row where that was not measured.

    Raises:
        InputError: if the folder cannot be written, or a study file not be read.
    """
    specifications: dict[str, Any] = {}
    environments: dict[str, Any] = {}
    temperatures = {
        row["run"]: {str(name): value for name, value in row.items()}
        for row in measurements.temperatures.to_dict("records")
    }
    runs = []
    for entry in sorted(entries, key=lambda entry: entry.name):
        row: dict[str, Any] = {
            "run": entry.id,
            "folder": entry.name,
            "state": entry.state,
            "reason": entry.reason,
            "task": entry.task,
            "fraction": entry.fraction,
            "seed": entry.seed,
            "method": entry.method,
            "variant": entry.variant,
        }
        if entry.record is not None:
            spec, summary = entry.record.spec.model_dump(mode="json"), entry.record.summary
            del spec["seed"]
            row["specification"] = _filed(specifications, spec)
            shared = {name: summary[name] for name in _SHARED}
            row["environment"] = _filed(environments, shared)
            row |= {name: summary.get(name) for name in _OWN} | temperatures.get(entry.id, {})
            row |= {name: summary.get(name) for name in _LATER}
            row["seconds"] = sum(summary.get("seconds", {}).values()) or None
        runs.append(row)
    later = [name for name in _LATER if any(row.get(name) is not None for row in runs)]
    contents = {
        "runs.csv": _csv(pd.DataFrame(runs).reindex(columns=[*_IN_RUNS, *later])),
        "metrics.csv": _csv(pd.DataFrame(_metrics(entries))),
        "losses.csv": _csv(_losses(measurements)),
        "certificates.csv": _csv(measurements.certificates),
        "latent.csv": _csv(measurements.latent),
        "sources.csv": _csv(measurements.sources),
        "membership.csv": _csv(measurements.membership),
        "agreement.csv": _csv(measurements.agreement),
    }
    if consistency is not None and len(consistency):
        contents[CONSISTENCY] = _csv(consistency)
    for path in studies or sorted((folder / "studies").glob("*.yaml")):
        try:
            contents[f"studies/{path.name}"] = path.read_bytes()
        except OSError as error:
            raise InputError(f"cannot read the study file {path}: {error.strerror}.") from None
    about = {
        "export_version": EXPORT_VERSION,
        "date": date.isoformat(),
        "tuning_runs": tuning_runs,
        "sha256": {name: hashlib.sha256(content).hexdigest() for name, content in contents.items()},
        "specifications": specifications,
        "environments": environments,
    }
    with suppress(InputError):  # nothing there yet, or nothing that this version can keep
        before = _about(folder)
        if before | {"date": ""} == about | {"date": ""}:
            about["date"] = before["date"]
    for name, content in contents.items():
        write_file(folder / name, content)
    write_file(folder / ABOUT, (json.dumps(about, indent=1, allow_nan=False) + "\n").encode())


def is_export(folder: Path) -> bool:
    """Return True if a folder holds exported results, not run folders."""
    return (folder / ABOUT).is_file()


def export_date(folder: Path) -> dt.date:
    """Return the date on which exported results last changed.

    Raises:
        InputError: if they cannot be read.
    """
    return dt.date.fromisoformat(_about(folder)["date"])


def read_export(folder: Path) -> tuple[list[Entry], Measurements, int]:
    """The runs of exported results, what was measured on them, and how many chose settings.

    Raises:
        InputError: if a file is missing, was changed, or was written by an incompatible version.
    """
    about = _about(folder)
    tables = {name: pd.DataFrame(columns=list(columns)) for name, columns in _LATER_TABLES.items()}
    later = [name for name in _LATER_TABLES if f"{name}.csv" in about["sha256"]]
    tables |= {name: _table(folder, about, f"{name}.csv") for name in (*_TABLES, *later)}
    try:
        return _contents(folder, about, tables)
    except InputError:
        raise
    except (KeyError, ValueError, TypeError) as error:
        raise InputError(
            f"the results in {folder} do not fit together ({type(error).__name__}): write them "
            "again with 'mixkd export'."
        ) from error


def read_numbers(folder: Path) -> pd.DataFrame | None:
    """Return the numbers of exported results on altered texts, None if they hold none.

    Raises:
        InputError: if they are missing, were changed, or were written by an incompatible version.
    """
    about = _about(folder)
    return _counted(_table(folder, about, CONSISTENCY)) if CONSISTENCY in about["sha256"] else None


def _table(folder: Path, about: Mapping[str, Any], name: str) -> pd.DataFrame:
    try:
        content = (folder / name).read_bytes()
    except OSError:
        raise InputError(f"{folder} lacks {name}: write it again with 'mixkd export'.") from None
    if hashlib.sha256(content).hexdigest() != about["sha256"].get(name):
        raise InputError(f"{folder / name} is not what 'mixkd export' wrote: write it again.")
    return _frame(content)


def exports_in(folder: Path) -> list[Path]:
    """Return the folders of exported results that lie in a folder, by name."""
    return sorted(path.parent for path in folder.glob(f"*/{ABOUT}"))


def read_exports(folders: Sequence[Path]) -> tuple[list[Entry], Measurements, int]:
    """Read several folders of exported results as one; a run that is in two counts once.

    Raises:
        InputError: if one cannot be read.
    """
    entries: dict[str, Entry] = {}
    frames: dict[str, list[pd.DataFrame]] = {}
    left_out = 0
    for folder in folders:
        found, measurements, number = read_export(folder)
        new = {entry.id for entry in found} - set(entries)
        entries |= {entry.id: entry for entry in found if entry.id in new}
        left_out += number
        for one in fields(measurements):
            frame = getattr(measurements, one.name)
            if isinstance(frame, pd.DataFrame):
                frames.setdefault(one.name, []).append(frame[frame["run"].isin(new)])
    joined = {name: pd.concat(parts, ignore_index=True) for name, parts in frames.items()}
    return list(entries.values()), Measurements(**joined, faults={}), left_out


def _contents(
    folder: Path, about: Mapping[str, Any], tables: Mapping[str, pd.DataFrame]
) -> tuple[list[Entry], Measurements, int]:
    results: dict[str, dict[str, Any]] = {}
    for row in tables["metrics"].to_dict("records"):
        sets = results.setdefault(row["run"], {})
        numbers = sets.setdefault(
            row["set"],
            {"examples": row["examples"], "metrics": {}, "majority_baseline": {}, "risk": {}},
        )
        numbers["metrics"][row["metric"]] = row["value"]
        numbers["majority_baseline"][row["metric"]] = row["majority"]
    losses = tables["losses"]
    for row in losses[losses["loss"].isin(LOSSES)].to_dict("records"):
        results[row["run"]][row["set"]]["risk"][row["loss"]] = row["risk"]
    entries = []
    for row in tables["runs"].to_dict("records"):
        record = None
        if row["state"] == "finished":
            record = _record(folder, about, row, results[row["run"]])
        entries.append(
            Entry(
                row["folder"], row["state"], row["reason"], row["task"],
                float(row["fraction"]), int(row["seed"]), row["method"], record,
                row["variant"] == "True",
            )
        )  # fmt: skip
    return entries, _measurements(tables), about["tuning_runs"]


def _measurements(tables: Mapping[str, pd.DataFrame]) -> Measurements:
    losses, runs = tables["losses"], tables["runs"]
    clipped, fitted = losses["loss_bound"].notna(), runs["temperature"].notna()
    return Measurements(
        risks=losses[["run", "set", "loss", "risk"]],
        temperatures=_counted(
            runs.loc[fitted, ["run", "temperature", "fitted_on", "fitted_examples"]]
        ),
        clipping=_counted(losses[clipped]),
        certificates=_counted(tables["certificates"]),
        faults={},
        latent=tables["latent"],
        sources=tables["sources"],
        membership=_counted(tables["membership"]),
        agreement=_counted(tables["agreement"]),
    )


def _counted(frame: pd.DataFrame) -> pd.DataFrame:
    """With whole numbers where every row has one."""
    whole = {name: int for name in _COUNTS if name in frame}
    return frame.astype(whole).reset_index(drop=True)


def _record(
    folder: Path, about: Mapping[str, Any], row: Mapping[Any, Any], results: dict[str, Any]
) -> RunRecord:
    try:
        content = about["specifications"][row["specification"]] | {"seed": int(row["seed"])}
        spec = RunSpec.model_validate(content)
        environment = about["environments"][row["environment"]]
    except (ValidationError, KeyError) as error:
        raise InputError(
            f"run {row['run']} of the results in {folder} does not fit this version of mixkd: "
            "export them again from the runs."
        ) from error
    own = {name: row[name] for name in _OWN if not pd.isna(row[name])}
    own["train_examples"] = int(own["train_examples"])
    later = {name: row[name] for name in _LATER if name in row and row[name] not in ("", None)}
    if not pd.isna(later.get("layers", nan)):
        own["layers"] = int(later["layers"])
    if not pd.isna(later.get("seconds", nan)):
        own["seconds"] = {"both": later["seconds"]}
    if "date" in later:
        own["date"] = later["date"]
    summary = {"results": results, **own, **environment}
    return RunRecord(folder / row["folder"], spec, summary)


def _metrics(entries: Sequence[Entry]) -> Iterator[dict[str, Any]]:
    for entry in entries:
        if entry.record is not None:
            for name, result in entry.record.summary["results"].items():
                for metric, value in result["metrics"].items():
                    yield {
                        "run": entry.id,
                        "set": name,
                        "examples": result["examples"],
                        "metric": metric,
                        "value": value,
                        "majority": result["majority_baseline"][metric],
                    }


def _losses(measurements: Measurements) -> pd.DataFrame:
    """Risks, and beside those of bounded losses what clipping changes."""
    keys = ["run", "set", "loss"]
    bounded = ["loss_bound", "examples", "clipped", "largest", "clipped_risk"]
    clipping = measurements.clipping.reindex(columns=[*keys, *bounded])
    losses: pd.DataFrame = measurements.risks.merge(clipping, on=keys, how="left")
    return losses


def _filed(known: dict[str, Any], content: Mapping[str, Any]) -> str:
    """The key under which a shared content is stored, once."""
    text = json.dumps(content, sort_keys=True, allow_nan=False)
    key = hashlib.sha256(text.encode()).hexdigest()[:8]
    known[key] = content
    return key


class _About(BaseModel):
    """Content of `about.json`."""

    date: dt.date
    tuning_runs: Annotated[int, Field(ge=0)]
    sha256: dict[str, str]
    specifications: dict[str, dict[str, Any]]
    environments: dict[str, dict[str, Any]]


def _about(folder: Path) -> dict[str, Any]:
    again = "write it again with 'mixkd export'"
    try:
        about: dict[str, Any] = parsed(ABOUT, file_bytes(folder, ABOUT))
        version = about["export_version"]
    except (InputError, KeyError, TypeError):
        raise InputError(f"{folder / ABOUT} cannot be read: {again}.") from None
    if version != EXPORT_VERSION:
        raise InputError(
            f"the results in {folder} were exported in version {cut(repr(version))} of their form, "
            f"and this program reads version {EXPORT_VERSION}: export them again from the runs."
        )
    try:
        _About.model_validate(about)
    except ValidationError as error:
        raise InputError(f"{folder / ABOUT}: {complaint(error)}; {again}.") from None
    return about


def _csv(frame: pd.DataFrame) -> bytes:
    whole = {name: "Int64" for name in _COUNTS if name in frame}
    return csv_text(frame.astype(whole)).encode()


def _frame(content: bytes) -> pd.DataFrame:
    """Floats exactly as written; identifiers stay text even where they look like numbers."""
    frame = pd.read_csv(io.BytesIO(content), dtype=str, keep_default_na=False)
    frame = frame.map(as_written)
    for name in _NUMBERS:
        if name in frame:
            frame[name] = [float(text) if text else nan for text in frame[name]]
    if "vacuous" in frame:
        frame["vacuous"] = frame["vacuous"] == "True"
    return frame
