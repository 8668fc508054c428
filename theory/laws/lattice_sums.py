"""The exact distribution of a sum of i.i.d. integer vectors, by one big-integer power.

A distribution of integer vectors is a polynomial with integer coefficients. Packing its exponents
into one variable and its coefficients into one long integer (Kronecker's substitution) turns the
a-fold convolution into `integer ** a`, which the interpreter does at machine speed and without
rounding.
"""

import math
from collections.abc import Mapping

import numpy as np

from theory.errors import TheoryInputError
from theory.laws.exact import INT64_LIMIT, IntArray, int_array

DEFAULT_BIT_LIMIT = 40_000_000


def lattice_sum_law(
    masses: Mapping[tuple[int, ...], int], count: int, limit: int = DEFAULT_BIT_LIMIT
) -> tuple[IntArray, IntArray, int]:
    """The distribution of v_1 + ... + v_count, the v_t i.i.d. with P(v) proportional to masses[v].

    Parameters: `masses` maps integer vectors of one length H to positive integers; `limit` bounds
    the length in bits of the packed power.

    Returns the distinct sums of shape (T, H), their weights of shape (T,) and the total weight,
    P(sum) = weight / total. The total is the `count`-th power of the masses' sum, up to a common
    factor that is cancelled.

    Raises TheoryInputError, with the cost and the alternative, when the power would be too long.
    """
    vectors = np.array(list(masses), dtype=object)
    low = vectors.min(axis=0)
    # Steps common to all vectors, and a factor common to all masses, would only lengthen the power.
    steps = [max(math.gcd(*(int(v) for v in column)), 1) for column in (vectors - low).T]
    cells_moved = (vectors - low) // np.array(steps, dtype=object)
    factor = math.gcd(*masses.values())
    spans = [int(s) * count + 1 for s in cells_moved.max(axis=0)]
    total = (sum(masses.values()) // factor) ** count
    width = (total.bit_length() + 7) // 8
    cells = 1
    strides = []
    for span in spans:
        strides.append(cells)
        cells *= span
    if 8 * width * cells > limit:
        raise TheoryInputError(
            f"the exact law of the sum of {count} mixup draws needs integers of {8 * width * cells}"
            f" bits ({cells} types of sums), above the limit of {limit}: raise the limit, use fewer"
            " draws or hypotheses, or use theory.laws.simulation, which gives a Monte Carlo"
            " interval."
        )
    packed = 0
    for moved, mass in zip(cells_moved, masses.values(), strict=True):
        cell = sum(int(v) * stride for v, stride in zip(moved, strides, strict=True))
        packed += mass // factor << (8 * width * cell)
    raw = np.frombuffer((packed**count).to_bytes(width * cells, "little"), dtype=np.uint8)
    table = raw.reshape(cells, width)
    occupied = np.flatnonzero(table.any(axis=1))
    kind: type = np.int64 if total < INT64_LIMIT else object
    weights: IntArray = np.array(
        [int.from_bytes(table[cell].tobytes(), "little") for cell in occupied], dtype=kind
    )
    largest = 2 * count * max(abs(int(v)) for v in vectors.flat)
    sums = [
        int_array(occupied // stride % span, largest) * step + int(lo) * count
        for stride, span, step, lo in zip(strides, spans, steps, low, strict=True)
    ]
    return np.stack(sums, axis=1), weights, total
