"""The exact distribution of a gap, held as integers: its quantile is a minimal gap."""

import math
from collections.abc import Iterable
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property

import numpy as np

from theory.laws.exact import INT64_LIMIT, IntArray, Rational, exact, exact_level


@dataclass(frozen=True, eq=False)
class GapLaw:
    """A finite distribution with atoms `numerators / denominator` and masses `weights / total`.

    The atoms increase strictly and the weights, positive integers, add up to `total`; nothing is
    rounded. Two distributions are equal when their atoms and masses are.
    """

    numerators: IntArray
    denominator: int
    weights: IntArray
    total: int

    @classmethod
    def collect(
        cls, numerators: IntArray, denominator: int, weights: IntArray, total: int
    ) -> "GapLaw":
        """The distribution with repeated and unsorted atoms put in order, equal atoms merged."""
        order = np.argsort(numerators, kind="stable")
        ordered = numerators[order]
        first = np.ones(ordered.size, dtype=bool)
        first[1:] = ordered[1:] != ordered[:-1]
        starts = np.flatnonzero(first)
        merged = np.add.reduceat(weights[order], starts)
        return cls(ordered[starts], denominator, merged, total)

    @classmethod
    def mixture(cls, parts: Iterable[tuple["GapLaw", int]]) -> "GapLaw":
        """The mixture of distributions of one denominator, in proportion to the integer weights."""
        laws = list(parts)
        common = math.lcm(*(law.total for law, _ in laws))
        overall = common * sum(weight for _, weight in laws)
        kind = np.int64 if overall < INT64_LIMIT else object
        return cls.collect(
            np.concatenate([law.numerators for law, _ in laws]),
            laws[0][0].denominator,
            np.concatenate(
                [law.weights.astype(kind) * (common // law.total * weight) for law, weight in laws]
            ),
            overall,
        )

    @cached_property
    def _cumulative(self) -> IntArray:
        return np.cumsum(self.weights)

    @property
    def values(self) -> tuple[Fraction, ...]:
        """The atoms, increasing."""
        return tuple(Fraction(int(v), self.denominator) for v in self.numerators)

    @property
    def probabilities(self) -> tuple[Fraction, ...]:
        """The masses of the atoms."""
        return tuple(Fraction(int(w), self.total) for w in self.weights)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, GapLaw):
            return NotImplemented
        return self.values == other.values and self.probabilities == other.probabilities

    __hash__ = None  # type: ignore[assignment]

    def exceedance(self, gap: Rational) -> Fraction:
        """P(Delta > gap)."""
        threshold = exact(gap, "gap") * self.denominator
        # An atom is an integer, so it exceeds the threshold iff it exceeds the threshold's floor.
        below = int(np.searchsorted(self.numerators, int(threshold // 1), side="right"))
        held = int(self._cumulative[below - 1]) if below else 0
        return Fraction(self.total - held, self.total)

    def quantile(self, delta: Rational) -> Fraction:
        """The minimal gap: min{e: P(Delta <= e) >= 1-delta}, for delta in (0, 1)."""
        return Fraction(int(self.numerators[self._quantile_index(delta)]), self.denominator)

    def cvar(self, delta: Rational) -> Fraction:
        """CVaR_delta = min_t {t + E(Delta-t)_+ / delta}, the mean of the upper delta-tail."""
        level = exact_level(delta)
        index = self._quantile_index(level)
        at_quantile = int(self.numerators[index])
        tail = int(
            np.sum((self.numerators[index:] - at_quantile) * self.weights[index:].astype(object))
        )
        return (at_quantile + Fraction(tail, self.total) / level) / self.denominator

    def mean(self) -> Fraction:
        """E Delta."""
        weighted = int(np.sum(self.numerators * self.weights.astype(object)))
        return Fraction(weighted, self.total * self.denominator)

    def variance(self) -> Fraction:
        """Var Delta."""
        squares = int(np.sum(self.numerators.astype(object) ** 2 * self.weights))
        return Fraction(squares, self.total * self.denominator**2) - self.mean() ** 2

    def log_moment_generating(self, s: float) -> float:
        """log E exp(s Delta), in floating point."""
        atoms = self.numerators.astype(np.float64) / self.denominator
        masses = np.array([int(w) / self.total for w in self.weights])
        exponents = s * atoms
        peak = float(exponents.max())
        return peak + float(np.log(np.sum(masses * np.exp(exponents - peak))))

    def _quantile_index(self, delta: Rational) -> int:
        level = exact_level(delta)
        # The least integer c with c/total >= 1-delta; comparing integers keeps ties exact.
        needed = -(-(1 - level).numerator * self.total // (1 - level).denominator)
        return int(np.searchsorted(self._cumulative, needed, side="left"))
