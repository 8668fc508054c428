"""Rational input and overflow-safe integer arrays, shared by every exact computation.

Exactness matters here beyond rounding: a minimal gap is a quantile of a discrete distribution, and
one ulp in delta moves it by a whole atom. Hence probabilities and levels enter as rationals only.
"""

import math
from collections.abc import Iterable
from fractions import Fraction
from typing import Any

import numpy as np
from numpy.typing import NDArray

from theory.errors import TheoryInputError

Rational = int | str | Fraction
IntArray = NDArray[Any]
"""Integers of dtype int64 where they provably fit, of dtype object (Python integers) otherwise."""

INT64_LIMIT = 2**62


def exact(value: Rational, name: str) -> Fraction:
    """`value` as a Fraction; floats are refused because 0.1 is not 1/10.

    Raises TheoryInputError for a float, a NaN or text that is no rational number.
    """
    if isinstance(value, int | str | Fraction) and not isinstance(value, bool):
        try:
            return Fraction(value)
        except (ValueError, ZeroDivisionError):
            pass
    raise TheoryInputError(
        f"{name} is {value!r}, but exact enumeration needs a rational number: "
        "give a Fraction, an integer, or text such as '1/10' or '0.05'."
    )


def exact_level(value: Rational, name: str = "delta") -> Fraction:
    """A probability level strictly between 0 and 1. Raises TheoryInputError otherwise."""
    level = exact(value, name)
    if not 0 < level < 1:
        raise TheoryInputError(f"{name} is {value}, but it must lie strictly between 0 and 1.")
    return level


def exact_weight(value: Rational, name: str = "weight") -> Fraction:
    """A weight in [0, 1]. Raises TheoryInputError otherwise."""
    weight = exact(value, name)
    if not 0 <= weight <= 1:
        raise TheoryInputError(f"{name} is {value}, but it must lie in [0, 1].")
    return weight


def common_denominator(values: Iterable[Fraction]) -> int:
    """The least common multiple of the denominators."""
    return math.lcm(*(value.denominator for value in values))


def numerators(values: Iterable[Fraction], denominator: int) -> list[int]:
    """The integers value * denominator; `denominator` must be a common one."""
    return [value.numerator * (denominator // value.denominator) for value in values]


def int_array(values: Any, largest: int) -> IntArray:
    """An integer array whose arithmetic cannot overflow.

    `largest` bounds the absolute value of every intermediate result the caller will form. Below
    2^62 the array is int64; above, it holds Python integers: slower, never wrong.
    """
    return np.asarray(values, dtype=np.int64 if largest < INT64_LIMIT else object)
