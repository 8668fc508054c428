"""Each method against KD and fine-tuning, each variant against its own method, seed by seed.

A comparison pairs two conditions of one *setting* (the same task, data, fraction, encoder, teacher,
student's layers, sets and versions) over the seeds that both have. A difference of gaps is split
into its two parts,

    gap(first) − gap(second) = [held-out risk of first − of second] − [training risk of first − …]

because a gap that shrinks by fitting worse is no gain.
"""

from collections.abc import Collection, Iterator, Mapping, Sequence
from functools import lru_cache
from math import inf
from typing import Any

import pandas as pd

from mixkd_core.objectives.objective import objective
from reports.evidence.evidence import LOSS_TITLES, Evidence, in_order
from reports.evidence.frames import grouped, rows_by_seed
from reports.statistics.limits import Limits, limited
from reports.statistics.seeds import PairedDifference, holm, paired_difference, summarise_seeds
from reports.tables.sweeps import representative
from reports.tables.table import Column, Table, interval_cells, seeds_text

BASELINES = ("kd", "ft")
OWN_METHOD = "own method"

# One condition on one set: its rows, by seed.
BySeed = Mapping[int, Mapping[str, Any]]


def condition_pairs(
    runs: pd.DataFrame, baseline: str
) -> Iterator[tuple[pd.DataFrame, pd.DataFrame]]:
    """Runs of each student's condition, with those of the baseline method that they compare to.

    Fine-tuning is compared to nothing: the comparison with it says the same the other way round.
    Where a setting holds several conditions of the baseline (as in a sweep), the one whose label
    says the same of shared settings is taken, or else the one with most seeds. A method that mixes
    is compared with the baseline's controls too: those that only train longer, or at another rate.

    Args:
        runs: finished runs, with their condition, setting, label and method.
        baseline: a method's name.
    """
    students = runs[runs["method"] != "teacher"]
    for _, setting in grouped(students, ["setting"]):
        candidates = [group for _, group in grouped(setting, ["condition"])]
        references = [group for group in candidates if group["method"].iloc[0] == baseline]
        if not references:
            continue
        for group in candidates:
            if group["method"].iloc[0] in (baseline, "ft"):
                continue
            chosen = max(references, key=lambda other: _likeness(group, other))
            yield group, chosen
            if objective(group["method"].iloc[0]).mixes and trained_otherwise(group):
                for other in references:
                    if other is not chosen and trained_otherwise(other):
                        yield group, other


def differences_from(
    baseline: str, frame: pd.DataFrame, keys: Sequence[str]
) -> dict[tuple[str, ...], dict[str, Any]]:
    """Return the cells of each condition's paired difference from a baseline over shared seeds.

    A condition that mixes is compared with the condition that stands for the baseline, not with
    the baseline's controls.

    Args:
        baseline: a method's name.
        frame: a row per run and `keys`: `run, seed, value` and what `condition_pairs` reads.
        keys: columns that say what a value measures, such as the measure and the set.

    Returns:
        by condition and the values of `keys`.
    """
    values = {
        key: dict(zip(group["seed"], group["value"], strict=True))
        for key, group in (grouped(frame, ["condition", *keys]) if len(frame) else ())
    }
    found: dict[tuple[str, ...], dict[str, Any]] = {}
    for first, second in condition_pairs(frame.drop_duplicates("run"), baseline):
        one, other = first["condition"].iloc[0], second["condition"].iloc[0]
        for condition, *measured in values:
            key, mate = (one, *measured), values.get((other, *measured))
            # Controls of the baseline come after it, and are not what stands here.
            if condition != one or mate is None or key in found:
                continue
            paired = paired_difference(values[key], mate)
            if paired is not None:
                found[key] = difference_cells(paired)
    return found


def variant_pairs(
    evidence: Evidence, runs: pd.DataFrame
) -> Iterator[tuple[pd.DataFrame, pd.DataFrame]]:
    """Runs of each condition that does not stand for its method, with those of the one that does.

    Args:
        evidence: where the runs are from; its studies say what stands for a method.
        runs: finished runs, with their condition, setting and method.
    """
    students = runs[runs["method"] != "teacher"]
    for _, group in grouped(students, ["setting", "method"]):
        own = representative(evidence, group)
        for (condition,), variant in grouped(group, ["condition"]):
            if condition != own["condition"].iloc[0]:
                yield variant, own


def compared_pairs(evidence: Evidence) -> Iterator[tuple[dict[str, Any], str, str]]:
    """All that tables of differences compare: the first cells of a row, and both conditions."""
    finished = evidence.runs[evidence.runs["state"] == "finished"]
    pairs = {baseline: condition_pairs(finished, baseline) for baseline in BASELINES}
    pairs[OWN_METHOD] = variant_pairs(evidence, finished)
    for baseline, group in pairs.items():
        for first, second in group:
            one, other = first.iloc[0], second.iloc[0]
            names = {
                "task": one["task"],
                "fraction": one["fraction"],
                "method": one["label"],
                "against": other["label"],
                "baseline": baseline,
            }
            yield names, one["condition"], other["condition"]


@lru_cache(maxsize=1)  # wanted by several parts of one report
def comparison_table(evidence: Evidence) -> Table:
    """Paired differences of gaps with their parts, tests and effect sizes."""
    gaps: dict[str, dict[tuple[str, str], BySeed]] = {}
    for key, group in rows_by_seed(evidence.gaps, ["condition", "set", "loss"]).items():
        condition, held_out, loss = key
        gaps.setdefault(condition, {})[held_out, loss] = group
    rows: list[dict[str, Any]] = []
    for names, one, other in compared_pairs(evidence):
        mates = gaps.get(other, {})
        for (held_out, loss), values in gaps.get(one, {}).items():
            mate = mates.get((held_out, loss))
            row = None if mate is None else _compared(values, mate)
            if row is not None:
                told = {"set": held_out, "loss": LOSS_TITLES[loss], "loss_name": loss}
                rows.append(names | told | row)
    frame = pd.DataFrame(rows)
    if rows:
        frame = in_order(corrected(frame, ["baseline", "set", "loss"]).sort_index())
    return Table(
        name="comparisons",
        title="Comparisons: paired differences of the gap",
        caption=(
            "Method minus baseline (KD, fine-tuning, and for a variant its own method) over the "
            "seeds that both have; below zero the method's gap is smaller. The difference is its "
            "held-out part plus its training part: where the training part carries it, the "
            "method only fits its training data worse. p: exact sign-flip test, two-sided; n "
            "seeds cannot give less than 2^(1-n). Holm: corrected for the family of all methods, "
            "tasks and fractions with one baseline (own methods are one), set and loss. "
            "Pairs: those seeds, one pair each; settings are never counted as pairs. "
            "d, g: mean over standard deviation of the differences, and with Hedges' correction."
        ),
        columns=(
            Column("task", "task"),
            Column("fraction", "fraction", "share"),
            Column("method", "method", role="key"),
            Column("against", "against"),
            Column("set", "set"),
            Column("loss", "loss"),
            Column("difference", "difference", "signed"),
            Column("difference", "95 % interval", "interval"),
            Column("held_out_part", "held-out part", "signed", role="detail"),
            Column("training_part", "training part", "signed", role="detail"),
            Column("n", "pairs", "count"),
            Column("p_value", "p", "p", role="detail"),
            Column("p_holm", "p (Holm)", "p"),
            Column("cohen_d", "d", "signed", 2, role="detail"),
            Column("hedges_g", "g", "signed", 2, role="detail"),
            Column("seeds", "seeds", role="detail"),
            Column("reading", "reading"),
        ),
        frame=frame,
        empty=(
            "No two methods of one setting share a seed: compare methods by running them from the "
            "same seeds."
        ),
    )


def trained_otherwise(group: pd.DataFrame) -> bool:
    """Return True if only the length or rate of training tells it from others of its method."""
    return all(item.split("=")[0] in ("epochs", "learning_rate") for item in _told(group))


def corrected(frame: pd.DataFrame, family: Sequence[str]) -> pd.DataFrame:
    """With Holm's correction among rows that agree in `family`; one-seed rows take no part."""
    parts = []
    for _, rows in grouped(frame, family):
        tested = rows["p_value"].notna()
        adjusted = rows.assign(p_holm=float("nan"), family_size=int(tested.sum()))
        adjusted.loc[tested, "p_holm"] = holm(rows.loc[tested, "p_value"].astype(float).tolist())
        parts.append(adjusted)
    return pd.concat(parts)


def values_of(rows: BySeed, name: str) -> dict[int, float]:
    """A column's values by seed."""
    return {seed: float(row[name]) for seed, row in rows.items()}


def runs_of(seeds: Collection[int], *sides: BySeed) -> str:
    """The ids of the runs that were compared, those of one side after those of the other."""
    return " ".join(row["run"] for rows in sides for seed, row in rows.items() if seed in seeds)


def difference_cells(
    paired: PairedDifference, limits: Limits = (-inf, inf)
) -> dict[str, float | None]:
    """Return the cells of a paired difference: mean, standard deviation, interval and p-value.

    Args:
        paired: the difference.
        limits: where its interval ends, if the seeds do not end it before.
    """
    return {
        "difference": paired.difference.mean,
        "difference_sd": paired.difference.sd,
        **interval_cells("difference", limited(paired.difference, limits).interval),
        "p_value": paired.p_value,
    }


def _compared(first: BySeed, second: BySeed) -> dict[str, Any] | None:
    paired = paired_difference(values_of(first, "gap"), values_of(second, "gap"))
    if paired is None:
        return None
    difference = paired.difference
    parts = {
        name: summarise_seeds([first[seed][name] - second[seed][name] for seed in paired.seeds])
        for name in ("generalization", "empirical")
    }
    return {
        "n": difference.n,
        **difference_cells(paired),
        "held_out_part": parts["generalization"].mean,
        **interval_cells("held_out_part", parts["generalization"].interval),
        "training_part": -parts["empirical"].mean,
        "smallest_p": paired.smallest_p,
        "cohen_d": paired.cohen_d,
        "hedges_g": paired.hedges_g,
        "seeds": seeds_text(paired.seeds),
        "reading": gap_reading(
            difference.mean, parts["generalization"].mean, parts["empirical"].mean
        ),
        "runs": runs_of(paired.seeds, first, second),
    }


def gap_reading(difference: float, held_out: float, training: float) -> str:
    """Return in words what moved, from the mean differences of the gap and of both risks."""
    if difference == 0:
        return "same gap"
    size = "smaller gap" if difference < 0 else "larger gap"
    told = {
        (True, True): "both risks lower",
        (True, False): "held-out risk lower, training risk not",
        (False, True): "training risk lower, held-out risk not",
        (False, False): "neither risk lower",
    }
    return f"{size}: {told[held_out < 0, training < 0]}"


def _likeness(group: pd.DataFrame, other: pd.DataFrame) -> tuple[int, int, list[int]]:
    """Return how well the baseline's condition `other` suits `group`: the greatest suits best.

    That is how much two labels say alike in brackets, how many seeds they share, and last the
    alphabet, so that no order of runs decides.
    """
    shared = _told(group) & _told(other)
    unlike = _told(other) - _told(group)
    seeds = set(group["seed"]) & set(other["seed"])
    alphabet = [-ord(letter) for letter in other["label"].iloc[0]]
    return len(shared) - len(unlike), len(seeds), alphabet


def _told(group: pd.DataFrame) -> set[str]:
    label: str = group["label"].iloc[0]
    return set(label.partition("[")[2].rstrip("]").split(", ")) - {""}
