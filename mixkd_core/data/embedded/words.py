"""Long-tailed choice of words, shared by the grammars."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray


def words(block: str) -> tuple[str, ...]:
    """The words of a block of text, in order: most frequent first."""
    return tuple(block.split())


def zipf_cumulative(size: int) -> NDArray[np.float64]:
    """Cumulative Zipf probabilities of ``size`` ranks: P(r) proportional to 1/r, r = 1, 2, …"""
    return cumulative(1.0 / np.arange(1, size + 1))


def cumulative(weights: ArrayLike) -> NDArray[np.float64]:
    """Cumulative probabilities proportional to the weights, the last exactly 1."""
    sums = np.cumsum(np.asarray(weights, dtype=np.float64))
    return np.asarray(sums / sums[-1], dtype=np.float64)


def drawn_indices(uniforms: NDArray[np.float64], distribution: NDArray[np.float64]) -> list[int]:
    """Indices with the given cumulative distribution, by inversion of uniforms in [0, 1)."""
    indices: list[int] = np.searchsorted(distribution, uniforms, side="right").tolist()
    return indices
