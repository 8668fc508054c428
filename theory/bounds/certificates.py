"""Certificates for a table of held-out losses: one column a method, one row an example.

For each kind of bound there are two families, and each family holds as a whole with probability at
least 1 - delta: the upper bounds of all K methods, each at delta/K, and the bounds from both sides
of all D paired differences, each side at delta/(2D). The differences are those of all K(K-1)/2
pairs or, with a reference or more than `MOST_PAIRED` methods, the K-1 of the reference and every
other method. Reading the smallest bound of
several kinds, or both families together, spends the budget again: choose before looking.

Recognising 0-1 losses by their values does not spoil the exact bounds. Round every loss X in [0, 1]
to 1 with probability X: the count is binomial with the right mean, and it equals the count of ones
whenever all losses happen to be 0 or 1, so the exact bound misses there no oftener than delta.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from itertools import combinations
from math import isfinite
from typing import Any

import numpy.typing as npt

from theory.bounds.betting import betting
from theory.bounds.binomial import clopper_pearson, exact_paired_difference
from theory.bounds.bound import Bound, Interval, assert_union, checked_delta
from theory.bounds.concentration import empirical_bernstein, hoeffding
from theory.bounds.losses import FloatArray, checked_table, is_zero_one
from theory.bounds.mean_bound import MeanBound, paired
from theory.errors import TheoryInputError

BOUNDED_KINDS: Mapping[str, MeanBound] = {
    "betting": betting,
    "empirical_bernstein": empirical_bernstein,
    "hoeffding": hoeffding,
}
EXACT_KIND = "exact"

# Up to this many methods every pair is compared; 190 intervals of each kind are still readable.
MOST_PAIRED = 20

# Returns the same steps, and may show how many are done.
Track = Callable[[Sequence[Any]], Iterable[Any]]


@dataclass(frozen=True, slots=True)
class MethodCertificate:
    """The upper bounds of one method's risk, by kind, each at delta/K."""

    method: str
    n: int
    mean: float
    zero_one: bool
    bounds: Mapping[str, Bound]


@dataclass(frozen=True, slots=True)
class DifferenceCertificate:
    """The intervals for R(first) - R(second), by kind, each side at its share of delta."""

    first: str
    second: str
    n: int
    mean: float
    intervals: Mapping[str, Interval]

    def conclusion(self, kind: str) -> str:
        """Return the method that the interval of this kind shows to have the lower risk, if any."""
        interval = self.intervals[kind]
        if interval.upper.value < 0.0:
            return self.first
        if interval.lower.value > 0.0:
            return self.second
        return "undecided"


@dataclass(frozen=True, slots=True)
class TableCertificate:
    """Everything that is certified of a table of losses at delta, by kind of bound.

    reference: the method that every other one is compared with; None where all pairs are.
    """

    delta: float
    loss_bound: float
    n: int
    reference: str | None
    methods: tuple[MethodCertificate, ...]
    differences: tuple[DifferenceCertificate, ...]


def certify_table(
    columns: Mapping[str, npt.ArrayLike],
    delta: float,
    loss_bound: float = 1.0,
    *,
    reference: str | None = None,
    track: Track = iter,
) -> TableCertificate:
    """Certify every method and the paired differences of {method: losses of shape (n,)}.

    The exact kind is there for methods (and pairs of methods) whose losses are all 0 or 1, with
    loss_bound 1. The rows must be in an order fixed before looking at the losses (betting).

    reference: the method to compare every other one with; without it all pairs of at most
    `MOST_PAIRED` methods, and the first method with every other one where there are more.

    Raises:
        TheoryInputError: delta outside [1e-300, 1), no column, columns of different length, NaN, a
            loss outside [0, loss_bound], or a reference that is no column.

    >>> losses = {"kd": [0, 1, 0, 0, 1, 0, 0, 0], "mixkd": [0, 1, 0, 0, 0, 0, 0, 0]}
    >>> certificate = certify_table(losses, 0.05)
    >>> [round(method.bounds["exact"].value, 3) for method in certificate.methods]
    [0.651, 0.527]
    >>> certificate.differences[0].conclusion("exact")
    'undecided'
    """
    checked_delta(delta)
    table = checked_table(columns, loss_bound)
    if reference is not None and reference not in table:
        raise TheoryInputError(
            f"the reference is {reference!r}, but there is no such column; "
            f"the nearest of {len(table)} is "
            f"{get_close_matches(reference, list(table), n=1, cutoff=0.0)[0]!r}"
        )
    if reference is None and len(table) > MOST_PAIRED:
        reference = next(iter(table))
    zero_one = {
        method: loss_bound == 1.0 and is_zero_one(losses) for method, losses in table.items()
    }
    share = checked_delta(delta / len(table), f"each of {len(table)} methods' share of delta")
    methods = tuple(
        _certify_method(method, table[method], zero_one[method], share, loss_bound)
        for method in track(list(table))
    )
    pairs = _pairs(list(table), reference)
    differences = tuple(
        _certify_difference(
            (first, table[first]),
            (second, table[second]),
            zero_one[first] and zero_one[second],
            delta / (2 * len(pairs)),
            loss_bound,
        )
        for first, second in track(pairs)
    )
    for kind in BOUNDED_KINDS:
        assert_union([method.bounds[kind] for method in methods], delta)
        if differences:
            assert_union(_both_sides(differences, kind), delta)
    return TableCertificate(
        delta=delta,
        loss_bound=loss_bound,
        n=methods[0].n,
        reference=reference,
        methods=methods,
        differences=differences,
    )


def as_document(certificate: TableCertificate) -> dict[str, Any]:
    """Return the certificate as nested dicts, lists, numbers and strings, ready for strict JSON.

    A bound without a finite value (empirical Bernstein on one observation) becomes null.
    """
    return {
        "delta": certificate.delta,
        "loss_bound": certificate.loss_bound,
        "n": certificate.n,
        "reference": certificate.reference,
        "methods": [
            {
                "method": method.method,
                "mean": method.mean,
                "zero_one": method.zero_one,
                "bounds": {kind: _bound_document(bound) for kind, bound in method.bounds.items()},
            }
            for method in certificate.methods
        ],
        "differences": [
            {
                "first": difference.first,
                "second": difference.second,
                "mean": difference.mean,
                "intervals": {
                    kind: {
                        "lower": _bound_document(interval.lower),
                        "upper": _bound_document(interval.upper),
                        "lower_risk": difference.conclusion(kind),
                    }
                    for kind, interval in difference.intervals.items()
                },
            }
            for difference in certificate.differences
        ],
    }


def _pairs(methods: list[str], reference: str | None) -> list[tuple[str, str]]:
    """Return all pairs of methods, or those of the reference and every other method."""
    if reference is None:
        return list(combinations(methods, 2))
    return [(reference, method) for method in methods if method != reference]


def _bound_document(bound: Bound) -> dict[str, Any]:
    return {
        "value": bound.value if isfinite(bound.value) else None,
        "delta": bound.delta,
        "n": bound.n,
        "loss_bound": bound.loss_bound,
        "name": bound.name,
        "vacuous": bound.vacuous,
        "assumptions": list(bound.assumptions),
        "source": bound.source,
    }


def _certify_method(
    method: str, losses: FloatArray, zero_one: bool, share: float, loss_bound: float
) -> MethodCertificate:
    bounds = {kind: bound(losses, share, loss_bound) for kind, bound in BOUNDED_KINDS.items()}
    if zero_one:
        bounds = {EXACT_KIND: clopper_pearson(losses, share), **bounds}
    return MethodCertificate(
        method=method,
        n=losses.size,
        mean=float(losses.mean()),
        zero_one=zero_one,
        bounds=bounds,
    )


def _certify_difference(
    first: tuple[str, FloatArray],
    second: tuple[str, FloatArray],
    zero_one: bool,
    side_share: float,
    loss_bound: float,
) -> DifferenceCertificate:
    intervals = {
        kind: Interval(
            lower=paired(bound, first[1], second[1], side_share, loss_bound, lower=True),
            upper=paired(bound, first[1], second[1], side_share, loss_bound),
        )
        for kind, bound in BOUNDED_KINDS.items()
    }
    if zero_one:
        exact = Interval(
            lower=exact_paired_difference(first[1], second[1], side_share, lower=True),
            upper=exact_paired_difference(first[1], second[1], side_share),
        )
        intervals = {EXACT_KIND: exact, **intervals}
    return DifferenceCertificate(
        first=first[0],
        second=second[0],
        n=first[1].size,
        mean=float((first[1] - second[1]).mean()),
        intervals=intervals,
    )


def _both_sides(differences: Sequence[DifferenceCertificate], kind: str) -> list[Bound]:
    intervals = [difference.intervals[kind] for difference in differences]
    return [side for interval in intervals for side in (interval.lower, interval.upper)]
