"""Piecewise polynomial losses on the line: the losses whose mixup means are rational."""

from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from theory.errors import TheoryInputError
from theory.laws.exact import Rational, exact
from theory.laws.mixing_coefficient import BetaMixing

FloatArray = NDArray[np.float64]


@dataclass(frozen=True)
class PiecewisePolynomial:
    """g(x) = sum_i c_i x^i with the coefficients of the piece (b_{k-1}, b_k] that holds x.

    `breaks` are the r increasing break points and `pieces` the r+1 coefficient tuples, lowest
    power first. A value at a break belongs to the piece on its left.

    Raises TheoryInputError when the counts do not match or the breaks do not increase.
    """

    breaks: tuple[Fraction, ...]
    pieces: tuple[tuple[Fraction, ...], ...]

    def __post_init__(self) -> None:
        if len(self.pieces) != len(self.breaks) + 1 or not all(self.pieces):
            raise TheoryInputError(
                f"a piecewise polynomial with {len(self.breaks)} break points needs "
                f"{len(self.breaks) + 1} non-empty pieces, but {len(self.pieces)} were given."
            )
        if any(a >= b for a, b in pairwise(self.breaks)):
            raise TheoryInputError(f"the break points {self.breaks} do not increase strictly.")

    @classmethod
    def polynomial(cls, *coefficients: Rational) -> "PiecewisePolynomial":
        """c_0 + c_1 x + ... on the whole line."""
        return cls((), (tuple(exact(c, "coefficient") for c in coefficients),))

    @classmethod
    def of(
        cls, breaks: Sequence[Rational], pieces: Sequence[Sequence[Rational]]
    ) -> "PiecewisePolynomial":
        """The same from integers, Fractions or text."""
        return cls(
            tuple(exact(b, "break point") for b in breaks),
            tuple(tuple(exact(c, "coefficient") for c in piece) for piece in pieces),
        )

    def __call__(self, x: Fraction) -> Fraction:
        return _evaluate(self.pieces[bisect_left(self.breaks, x)], x)

    def values(self, points: FloatArray) -> FloatArray:
        """The loss at float points of any shape: the same shape."""
        breaks = np.array([float(b) for b in self.breaks])
        piece = np.searchsorted(breaks, points, side="left")
        degree = max(len(c) for c in self.pieces)
        coefficients = np.array(
            [[float(c) for c in piece] + [0.0] * (degree - len(piece)) for piece in self.pieces]
        )
        result: FloatArray = coefficients[piece, degree - 1]
        for power in range(degree - 2, -1, -1):
            result = result * points + coefficients[piece, power]
        return result

    def beta_mean(self, x: Fraction, y: Fraction, mixing: BetaMixing) -> Fraction:
        """E g(lambda x + (1-lambda) y), exactly.

        Raises TheoryInputError when a break lies inside the segment and alpha is no integer.
        """
        if x == y:
            return self(x)
        # In the variable lambda the point is y + lambda (x - y); cut [0, 1] where it meets a break.
        cuts = sorted({(b - y) / (x - y) for b in self.breaks} | {Fraction(0), Fraction(1)})
        inside = [cut for cut in cuts if 0 <= cut <= 1]
        total = Fraction(0)
        for lower, upper in pairwise(inside):
            middle = y + (lower + upper) / 2 * (x - y)
            piece = self.pieces[bisect_left(self.breaks, middle)]
            for power, coefficient in enumerate(segment_coefficients(piece, y, x - y)):
                if coefficient:
                    total += coefficient * mixing.partial_moment(power, lower, upper)
        return total


def _evaluate(coefficients: Sequence[Fraction], x: Fraction) -> Fraction:
    result = Fraction(0)
    for coefficient in reversed(coefficients):
        result = result * x + coefficient
    return result


def segment_coefficients(
    coefficients: Sequence[Fraction], offset: Fraction, slope: Fraction
) -> list[Fraction]:
    """Coefficients in lambda of a polynomial at the point offset + slope * lambda (Horner)."""
    result: list[Fraction] = []
    for coefficient in reversed(coefficients):
        shifted = [Fraction(0), *(slope * c for c in result)]
        for power, c in enumerate(result):
            shifted[power] += offset * c
        shifted[0] += coefficient
        result = shifted
    return result
