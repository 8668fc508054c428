"""Laws of the mixing coefficient lambda, symmetric about 1/2.

Every distribution answers the same four questions: mixed moments E[lambda^j (1-lambda)^k], the
integrated distribution function t -> E(t-lambda)_+, E min(lambda, 1-lambda), and samples. Finite
distributions and Beta(alpha, alpha) with rational alpha answer exactly wherever the answer is
rational.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache
from typing import Protocol

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import special

from theory.errors import TheoryInputError
from theory.laws.exact import Rational, exact

FloatArray = NDArray[np.float64]
Number = Fraction | float


class MixingLaw(Protocol):
    """A distribution of lambda as the theory asks for it: on [0, 1], symmetric about 1/2."""

    def moment(self, j: int, k: int) -> Number:
        """E[lambda^j (1-lambda)^k]."""
        ...

    def expected_minimum(self) -> Number:
        """m = E min(lambda, 1-lambda)."""
        ...

    def integrated_cdf(self, t: FloatArray) -> FloatArray:
        """E(t-lambda)_+, the integral of the distribution function from 0 to t in [0, 1]."""
        ...

    def cdf(self, t: FloatArray) -> FloatArray:
        """P(lambda <= t)."""
        ...

    def sample(self, rng: np.random.Generator, size: int | tuple[int, ...]) -> FloatArray:
        """Independent draws of shape `size`."""
        ...

    def quadrature(self, nodes: int) -> tuple[FloatArray, FloatArray]:
        """Nodes in [0, 1] and weights, of equal shape, that integrate against the law."""
        ...


@dataclass(frozen=True)
class FiniteMixing:
    """A finite distribution of lambda with rational atoms, symmetric about 1/2.

    Raises TheoryInputError when an atom lies outside [0, 1], the probabilities are not a
    probability vector, or the distribution is not symmetric about 1/2.
    """

    values: tuple[Fraction, ...]
    probabilities: tuple[Fraction, ...]

    def __post_init__(self) -> None:
        masses: dict[Fraction, Fraction] = {}
        if len(self.values) != len(self.probabilities) or not self.values:
            raise TheoryInputError(
                f"the mixing law has {len(self.values)} atoms and {len(self.probabilities)} "
                "probabilities; give one probability for each atom."
            )
        for value, probability in zip(self.values, self.probabilities, strict=True):
            if not 0 <= value <= 1 or probability <= 0:
                raise TheoryInputError(
                    f"the mixing law has atom {value} with probability {probability}; atoms must "
                    "lie in [0, 1] and probabilities must be positive."
                )
            masses[value] = masses.get(value, Fraction(0)) + probability
        if sum(masses.values()) != 1:
            raise TheoryInputError(
                f"the probabilities of the mixing law sum to {sum(masses.values())}, not to 1."
            )
        for value, mass in masses.items():
            mirrored = masses.get(1 - value, Fraction(0))
            if mirrored != mass:
                raise TheoryInputError(
                    f"the mixing law is not symmetric about 1/2: P(lambda={value})={mass} but "
                    f"P(lambda={1 - value})={mirrored}; average the law with its mirror image."
                )

    @classmethod
    def uniform_on(cls, *values: Rational) -> "FiniteMixing":
        """Equal mass on the given atoms."""
        atoms = tuple(exact(value, "mixing coefficient") for value in values)
        return cls(atoms, (Fraction(1, max(len(atoms), 1)),) * len(atoms))

    def moment(self, j: int, k: int) -> Fraction:
        terms = (
            p * v**j * (1 - v) ** k for v, p in zip(self.values, self.probabilities, strict=True)
        )
        return sum(terms, Fraction(0))

    def expected_minimum(self) -> Fraction:
        pairs = zip(self.values, self.probabilities, strict=True)
        return sum((p * min(v, 1 - v) for v, p in pairs), Fraction(0))

    def _floats(self) -> tuple[FloatArray, FloatArray]:
        return (
            np.array([float(v) for v in self.values]),
            np.array([float(p) for p in self.probabilities]),
        )

    def integrated_cdf(self, t: FloatArray) -> FloatArray:
        values, probabilities = self._floats()
        result: FloatArray = np.maximum(np.asarray(t)[..., None] - values, 0.0) @ probabilities
        return result

    def cdf(self, t: FloatArray) -> FloatArray:
        values, probabilities = self._floats()
        result: FloatArray = (np.asarray(t)[..., None] >= values) @ probabilities
        return result

    def sample(self, rng: np.random.Generator, size: int | tuple[int, ...]) -> FloatArray:
        values, probabilities = self._floats()
        # Inverse distribution function: one uniform a draw, whatever the shape asked for.
        cumulative = np.cumsum(probabilities)[:-1]
        result: FloatArray = values[np.searchsorted(cumulative, rng.random(size), side="right")]
        return result

    def quadrature(self, nodes: int) -> tuple[FloatArray, FloatArray]:
        return self._floats()


# Beyond it a rational has thousands of digits, and no float tells it from its neighbour.
LARGEST_EXACT_ALPHA = 10_000


@dataclass(frozen=True)
class BetaMixing:
    """lambda ~ Beta(alpha, alpha), the method's default law.

    Moments are exact rationals: E[lambda^j (1-lambda)^k] = (alpha)_j (alpha)_k / (2 alpha)_{j+k}
    in rising factorials. A float alpha stands for the binary number it is.

    Raises TheoryInputError unless alpha is a finite number > 0.
    """

    alpha: Fraction

    def __init__(self, alpha: Rational | float) -> None:
        if isinstance(alpha, float):
            if not math.isfinite(alpha):
                raise TheoryInputError(f"alpha is {alpha}, but Beta(alpha, alpha) needs alpha > 0.")
            rational = Fraction(alpha)
        else:
            rational = exact(alpha, "alpha")
        if rational <= 0:
            raise TheoryInputError(f"alpha is {alpha}, but Beta(alpha, alpha) needs alpha > 0.")
        object.__setattr__(self, "alpha", rational)

    def moment(self, j: int, k: int) -> Fraction:
        return _beta_moment(self.alpha, j, k)

    def partial_moment(self, power: int, lower: Fraction, upper: Fraction) -> Fraction:
        """E[lambda^power; lower < lambda < upper], exactly.

        Rational for the whole interval [0, 1], and on a part of it for integer alpha, where the
        density is a polynomial. Raises TheoryInputError otherwise.
        """
        if lower == 0 and upper == 1:
            return self.moment(power, 0)
        if self.alpha.denominator != 1:
            raise TheoryInputError(
                f"alpha is {self.alpha}: a piecewise loss has a rational mean under "
                "Beta(alpha, alpha) only for integer alpha; use a finite mixing law, or "
                "theory.laws.simulation for a Monte Carlo interval."
            )
        alpha = int(self.alpha)
        normaliser = Fraction(math.factorial(2 * alpha - 1), math.factorial(alpha - 1) ** 2)
        total = Fraction(0)
        for i in range(alpha):
            exponent = power + alpha + i
            term = Fraction((-1) ** i * math.comb(alpha - 1, i), exponent)
            total += term * (upper**exponent - lower**exponent)
        return normaliser * total

    def expected_minimum(self) -> Number:
        """Return m(alpha) = [1 - Gamma(alpha+1/2)/(sqrt(pi) Gamma(alpha+1))]/2.

        It is exact for integer alpha up to `LARGEST_EXACT_ALPHA`. For other alpha it is the
        regularised incomplete beta I_{1/2}(alpha+1, alpha), which equals it and does not cancel as
        alpha -> 0.
        """
        if self.alpha.denominator == 1 and self.alpha <= LARGEST_EXACT_ALPHA:
            alpha = int(self.alpha)
            return (1 - Fraction(math.comb(2 * alpha, alpha), 4**alpha)) / 2
        alpha_float = float(self.alpha)
        return float(special.betainc(alpha_float + 1, alpha_float, 0.5))

    def cdf(self, t: FloatArray) -> FloatArray:
        alpha = float(self.alpha)
        result: FloatArray = special.betainc(alpha, alpha, np.clip(t, 0.0, 1.0))
        return result

    def integrated_cdf(self, t: FloatArray) -> FloatArray:
        # E(t-lambda)_+ = t P(lambda<=t) - E[lambda; lambda<=t], and lambda's density times
        # lambda is half the density of Beta(alpha+1, alpha).
        alpha = float(self.alpha)
        t = np.clip(t, 0.0, 1.0)
        result: FloatArray = (
            t * special.betainc(alpha, alpha, t) - special.betainc(alpha + 1, alpha, t) / 2
        )
        return result

    def sample(self, rng: np.random.Generator, size: int | tuple[int, ...]) -> FloatArray:
        return rng.beta(float(self.alpha), float(self.alpha), size)

    def quadrature(self, nodes: int) -> tuple[FloatArray, FloatArray]:
        """Gauss-Jacobi: exact for polynomials of degree < 2 * nodes, approximate at kinks."""
        exponent = float(self.alpha) - 1
        roots, weights = special.roots_jacobi(nodes, exponent, exponent)
        return (roots + 1) / 2, weights / weights.sum()


class SampledMixing:
    """A distribution of lambda known through a sampler only, checked and then symmetrised.

    `sampler(rng, count)` returns `count` draws in [0, 1]. Symmetry is tested on `draws` of them:
    the distance between the empirical distribution functions of lambda and of 1-lambda is at
    most 2*sqrt(log(2/error)/(2*draws)) with probability >= 1-error for a symmetric law
    (Dvoretzky-Kiefer-Wolfowitz with Massart's constant). Moments are means over the stored draws
    and their mirror images, hence exactly symmetric, with an error of order 1/sqrt(draws).

    Raises TheoryInputError for draws outside [0, 1], NaN, a wrong shape, or an asymmetric law.
    """

    def __init__(
        self,
        sampler: Callable[[np.random.Generator, int], ArrayLike],
        *,
        seed: int = 0,
        draws: int = 100_000,
        error: float = 1e-9,
    ) -> None:
        values = np.asarray(sampler(np.random.default_rng(seed), draws), dtype=np.float64)
        if values.shape != (draws,):
            raise TheoryInputError(
                f"the mixing sampler returned shape {values.shape} when asked for {draws} draws; "
                f"it must return shape ({draws},)."
            )
        bad = ~((values >= 0) & (values <= 1))
        if bad.any():
            raise TheoryInputError(
                f"the mixing sampler returned {values[bad][0]}; mixing coefficients lie in [0, 1]."
            )
        ordered = np.sort(values)
        mirrored = np.sort(1 - values)
        # A tolerance of a few ulps keeps 1-(1-x) != x from splitting an atom of the law in two.
        grid = np.unique(np.concatenate([ordered, mirrored])) + 1e-12
        left = np.searchsorted(ordered, grid, side="right") / draws
        right = np.searchsorted(mirrored, grid, side="right") / draws
        distance = float(np.max(np.abs(left - right)))
        allowed = 2 * math.sqrt(math.log(2 / error) / (2 * draws))
        if distance > allowed:
            raise TheoryInputError(
                f"the mixing law is not symmetric about 1/2: over {draws} draws the distribution "
                f"functions of lambda and 1-lambda differ by {distance:.4f}, above the "
                f"{allowed:.4f} that chance allows; return lambda or 1-lambda at even odds."
            )
        self._sampler = sampler
        self._values = np.sort(np.concatenate([values, 1 - values]))
        self._prefix = np.concatenate([[0.0], np.cumsum(self._values)])

    def moment(self, j: int, k: int) -> float:
        return float(np.mean(self._values**j * (1 - self._values) ** k))

    def expected_minimum(self) -> float:
        return float(np.mean(np.minimum(self._values, 1 - self._values)))

    def cdf(self, t: FloatArray) -> FloatArray:
        result: FloatArray = np.searchsorted(self._values, t, side="right") / self._values.size
        return result

    def integrated_cdf(self, t: FloatArray) -> FloatArray:
        below = np.searchsorted(self._values, t, side="right")
        result: FloatArray = (np.asarray(t) * below - self._prefix[below]) / self._values.size
        return result

    def sample(self, rng: np.random.Generator, size: int | tuple[int, ...]) -> FloatArray:
        count = int(np.prod(size))
        return np.asarray(self._sampler(rng, count), dtype=np.float64).reshape(size)

    def quadrature(self, nodes: int) -> tuple[FloatArray, FloatArray]:
        """The medians of `nodes` equally likely slices of the stored draws."""
        levels = (np.arange(nodes) + 0.5) / nodes
        return np.quantile(self._values, levels), np.full(nodes, 1 / nodes)


@lru_cache(maxsize=256)  # a float's exact fractions are long, and few alphas are asked for often
def _beta_moment(alpha: Fraction, j: int, k: int) -> Fraction:
    return _rising(alpha, j) * _rising(alpha, k) / _rising(2 * alpha, j + k)


def _rising(base: Fraction, count: int) -> Fraction:
    result = Fraction(1)
    for i in range(count):
        result *= base + i
    return result
