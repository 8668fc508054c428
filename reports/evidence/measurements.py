"""The numbers from per-example tables: risks, calibration, clipping, certificates.

Each finished run is read once. Beside the stored losses it gets three that say how much of a gap
in cross-entropy is calibration: the calibration error, the Brier score, and the cross-entropy after
one temperature per run. The temperature is fitted on examples that are in neither of the sets
compared: a fifth of a held-out set, chosen by example id, is set aside for it, and the risk after
temperature is measured on what is left of that set, and on the whole of the others.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from mixkd_core.data.subsets import hash_rank
from mixkd_core.errors import InputError
from mixkd_core.evaluation.calibration import (
    brier_score,
    cross_entropy,
    expected_calibration_error,
    fit_temperature,
)
from mixkd_core.records.cross_checks import contradictions
from mixkd_core.records.run_folder import read_examples, read_history
from mixkd_core.records.tables import Examples, SetTrace
from mixkd_core.records.validation import check_groups
from reports.evidence.encodings import latent_numbers, read_latent
from reports.evidence.entries import Entry, held_out_sets
from reports.evidence.frames import conditions
from reports.evidence.handed_on import (
    MIXTURES,
    Answers,
    agreement_frame,
    agreement_with_teachers,
    of_mixtures,
)
from reports.evidence.membership import Attacked, attacked, membership_frame, membership_rows
from reports.statistics.agreement import agreement_of
from reports.statistics.grouped_errors import SHARED_SOURCE_COLUMNS, shared_source_rows
from theory.bounds.betting import betting
from theory.bounds.binomial import clopper_pearson
from theory.bounds.bound import Bound
from theory.bounds.concentration import empirical_bernstein
from theory.bounds.losses import clip_losses

DELTA = 0.05

LossBound = Callable[[NDArray[np.float64], float, float], Bound]

# M, declared before looking at any loss. The 0-1 error has its own; cross-entropy in nats and
# squared distance of logits have none, and are clipped here: a probability of the true class below
# e^-5 costs no more than one of e^-5.
LOSS_BOUNDS: Mapping[str, float] = {
    "zero_one_error": 1.0,
    "cross_entropy": 5.0,
    "distillation_distance": 5.0,
}

# By loss the kinds of bound it is certified by, chosen before looking at any loss.
CERTIFIED_BY: Mapping[str, Mapping[str, LossBound]] = {
    "zero_one_error": {"exact binomial": lambda losses, delta, _: clopper_pearson(losses, delta)},
    "cross_entropy": {"betting": betting, "empirical Bernstein": empirical_bernstein},
    "distillation_distance": {"betting": betting, "empirical Bernstein": empirical_bernstein},
}

FITTING_SHARE = 0.2

# Sets in the order of preference for fitting the temperature.
_FITTING_SETS = ("remainder", "fresh")
_FEWEST_FITTING = 20

# Sets whose examples an attack tells apart.
_ATTACKED = ("train", "remainder", "fresh")


@dataclass(frozen=True)
class Measurements:
    """Everything read from the per-example tables.

    Attributes:
        risks: a row per run × set × loss: `run, set, loss, risk`.
        temperatures: a row per run with calibration: `run, temperature, fitted_on,
            fitted_examples`.
        clipping: a row per run × set × bounded loss: `run, set, loss, loss_bound, examples,
            clipped, largest, risk, clipped_risk`.
        certificates: a row per run × loss × kind of bound: `run, set, loss, loss_bound, examples,
            networks, statements, kind, observed, bound, vacuous`.
        faults: by run, why its tables could not be read; such a run is in none of the others.
        latent: a row per run that stores encodings × number: `run, measure, value`
            (`reports.evidence.encodings.LATENT_MEASURES`).
        sources: a row per run × held-out set with groups × loss
            (`reports.statistics.grouped_errors.shared_source_rows`).
        membership: a row per run with a set that it did not learn from, of the training
            distribution (`reports.evidence.membership.COLUMNS`).
        agreement: a row per student of a classification × set, mixtures and altered texts among
            these: `run, set` and the numbers of `reports.statistics.agreement.Agreement`.
    """

    risks: pd.DataFrame
    temperatures: pd.DataFrame
    clipping: pd.DataFrame
    certificates: pd.DataFrame
    faults: Mapping[str, str]
    latent: pd.DataFrame = field(default_factory=lambda: _latent_frame([]))
    sources: pd.DataFrame = field(default_factory=lambda: _source_frame([]))
    membership: pd.DataFrame = field(default_factory=lambda: membership_frame([]))
    agreement: pd.DataFrame = field(default_factory=lambda: agreement_frame([]))


def no_measurements() -> Measurements:
    """Return what is read from no run at all."""
    kinds = ("risks", "temperatures", "clipping", "certificates")
    empty = {kind: pd.DataFrame(columns=["run", "set", "loss"]) for kind in kinds}
    return Measurements(**empty, faults={})


def read_measurements(entries: Sequence[Entry]) -> Measurements:
    """Read the tables of finished runs."""
    networks = pd.Series([_family(entry) for entry in entries]).value_counts()
    # One after the other: in threads, tables of hundreds of rows wait for the interpreter's lock
    # and take twice the processor's time, and tables of tens of thousands are no sooner done.
    measured = [_measured(entry, int(networks[_family(entry)])) for entry in entries]
    faults = {run.id: run.fault for run in measured if run.fault}
    records = {entry.id: entry.finished for entry in entries}
    faults |= contradictions(records, {run.id: run.traces for run in measured})
    measured = [run for run in measured if run.id not in faults]
    seen = {run.id: run.attacked for run in measured if run.attacked is not None}
    mixed = {(run.id, MIXTURES): run.mixed for run in measured if run.mixed is not None}
    return Measurements(
        risks=pd.DataFrame([row for run in measured for row in run.risks]),
        temperatures=pd.DataFrame([row for run in measured for row in run.temperatures]),
        clipping=pd.DataFrame([row for run in measured for row in run.clipping]),
        certificates=pd.DataFrame([row for run in measured for row in run.certificates]),
        faults=faults,
        latent=_latent_frame([row for run in measured for row in run.latent]),
        sources=_source_frame([row for run in measured for row in run.sources]),
        membership=membership_frame(membership_rows(seen, conditions(entries).key)),
        agreement=agreement_frame(
            [row for run in measured for row in run.agreement]
            + agreement_with_teachers(entries, mixed)
        ),
    )


def certified_set(entry: Entry) -> str:
    """The held-out set that certificates are taken on.

    The remainder where there is one: it follows the law of the training data. Else a development
    set, which on an embedded task leaves the fresh draws for checking the promise.
    """
    names = held_out_sets(entry.finished)
    if "remainder" in names:
        return "remainder"
    return next((name for name in names if name != "fresh"), names[0])


@dataclass
class _Run:
    id: str
    fault: str
    risks: list[dict[str, Any]]
    temperatures: list[dict[str, Any]]
    clipping: list[dict[str, Any]]
    certificates: list[dict[str, Any]]
    latent: list[dict[str, Any]]
    sources: list[dict[str, Any]]
    traces: Mapping[str, SetTrace] = field(default_factory=dict)
    attacked: Attacked | None = None
    agreement: list[dict[str, Any]] = field(default_factory=list)
    mixed: Answers | None = None


def _latent_frame(rows: Sequence[Mapping[str, Any]]) -> pd.DataFrame:
    return pd.DataFrame(rows, columns=["run", "measure", "value"])


def _source_frame(rows: Sequence[Mapping[str, Any]]) -> pd.DataFrame:
    return pd.DataFrame(rows, columns=["run", *SHARED_SOURCE_COLUMNS])


def _family(entry: Entry) -> tuple[str, str]:
    """Certificates of one task's networks hold together."""
    spec = entry.finished.spec
    return spec.task, spec.data


def _measured(entry: Entry, networks: int) -> _Run:
    run = _Run(entry.id, "", [], [], [], [], [], [])
    try:
        read_history(entry.finished)  # nothing is measured on it, but damage is damage
        tables = {name: read_examples(entry.finished, name) for name in entry.finished.sets}
        run.traces = {name: table.trace for name, table in tables.items()}
        check_groups(run.traces)
        for name, table in tables.items():
            # The mean losses are the record's own, which were compared with the table's.
            risks = entry.finished.summary["results"][name]["risk"]
            for loss, values in table.losses.items():
                row = {"run": run.id, "set": name, "loss": loss, "risk": risks[loss]}
                run.risks.append(row)
                if loss in LOSS_BOUNDS:
                    run.clipping.append(row | _clipping(loss, values))
        run.attacked = attacked(
            tables,
            {name: _ranks(tables[name]) for name in tables if name in _ATTACKED},
            LOSS_BOUNDS,
        )
        run.agreement = _agreement(run.id, tables)
        groups = {name: table.groups for name, table in tables.items() if table.groups is not None}
        if groups:
            losses = {name: table.losses for name, table in tables.items()}
            rows = shared_source_rows(losses, groups)
            run.sources = [{"run": run.id} | row for row in rows]
        held_out = held_out_sets(entry.finished)
        if held_out:
            chosen = certified_set(entry)
            source = next((name for name in _FITTING_SETS if name in held_out), held_out[0])
            ranks = {name: _ranks(tables[name]) for name in {chosen, source}}
            if "cross_entropy" in tables["train"].losses:
                _calibrate(run, tables, source, ranks[source])
            # A betting bound depends on the order, which may not depend on label or loss: a file
            # may be sorted by either.
            order = np.argsort(ranks[chosen], kind="stable")
            for loss, bound in LOSS_BOUNDS.items():
                if loss in tables[chosen].losses:
                    rows = _certify(tables[chosen].losses[loss][order], loss, bound, networks)
                    run.certificates += [{"run": run.id, "set": chosen} | row for row in rows]
        space = read_latent(entry.finished)
        if space is not None:
            run.latent = [
                {"run": run.id, "measure": name, "value": value}
                for name, value in latent_numbers(space).items()
            ]
            if space.has_classes:
                run.mixed = of_mixtures(space.mixed_logits, space.digest)
    except InputError as error:
        return _Run(entry.id, str(error), [], [], [], [], [], [])
    return run


def _clipping(loss: str, values: NDArray[np.float64]) -> dict[str, Any]:
    bound = LOSS_BOUNDS[loss]
    _, report = clip_losses(values, bound)
    return {
        "loss_bound": bound,
        "examples": report.n,
        "clipped": report.clipped,
        "largest": report.largest,
        "clipped_risk": report.mean_after,
    }


def _calibrate(
    run: _Run, tables: Mapping[str, Examples], source: str, ranks: NDArray[np.uint64]
) -> None:
    """Calibration of every set, the temperature fitted on a part of `source`."""
    aside = ranks < FITTING_SHARE * 2**64
    temperature = None
    if _FEWEST_FITTING <= aside.sum() < len(aside):
        temperature = fit_temperature(tables[source].logits[aside], tables[source].labels[aside])
        run.temperatures.append(
            {
                "run": run.id,
                "temperature": temperature,
                "fitted_on": source,
                "fitted_examples": int(aside.sum()),
            }
        )
    for name, table in tables.items():
        kept = ~aside if name == source else slice(None)
        values = {
            "brier_score": brier_score(table.logits, table.labels),
            "calibration_error": expected_calibration_error(table.logits, table.labels),
        }
        if temperature is not None:
            tempered = cross_entropy(table.logits[kept], table.labels[kept], temperature)
            values["tempered_cross_entropy"] = float(tempered.mean())
        run.risks += [
            {"run": run.id, "set": name, "loss": loss, "risk": value}
            for loss, value in values.items()
        ]


def _agreement(run: str, tables: Mapping[str, Examples]) -> list[dict[str, Any]]:
    return [
        {
            "run": run,
            "set": name,
            **agreement_of(table.logits, table.teacher_logits, table.labels).row(),
        }
        for name, table in tables.items()
        if table.teacher_logits is not None and "zero_one_error" in table.losses
    ]


def _ranks(table: Examples) -> NDArray[np.uint64]:
    """As good as random, and fixed by the example ids alone, of shape `(n,)`."""
    if table.digest not in _RANKS:  # the methods of one seed hold out the same examples
        ids = table.ids.to_pylist()
        ranks = np.fromiter(map(_rank, ids), dtype=np.uint64, count=len(ids))
        ranks.setflags(write=False)
        _RANKS[table.digest] = ranks
    return _RANKS[table.digest]


_RANKS: dict[str, NDArray[np.uint64]] = {}


@cache
def _rank(example_id: str) -> int:
    return hash_rank(example_id, 0, "report")


def _certify(
    values: NDArray[np.float64], loss: str, loss_bound: float, networks: int
) -> list[dict[str, Any]]:
    """Return upper bounds on the (clipped) risk, each at DELTA over the statements of its kind.

    A kind makes one statement for every network and every loss that it is issued for.
    """
    clipped, report = clip_losses(values, loss_bound)
    kinds = CERTIFIED_BY[loss]
    statements = {
        kind: networks * sum(kind in other for other in CERTIFIED_BY.values()) for kind in kinds
    }
    bounds = {kind: kinds[kind](clipped, DELTA / statements[kind], loss_bound) for kind in kinds}
    return [
        {
            "loss": loss,
            "loss_bound": loss_bound,
            "examples": report.n,
            "networks": networks,
            "statements": statements[kind],
            "kind": kind,
            "observed": report.mean_after,
            "bound": bound.value,
            "vacuous": bound.vacuous,
        }
        for kind, bound in bounds.items()
    ]
