"""Finite distributions and classes with rational losses, and named examples of the theory.

The examples are those of THEORY.md (Case 1 and Case 2); each constructor says what it is for.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

from theory.errors import TheoryInputError
from theory.laws.exact import Rational, exact
from theory.laws.mixing_coefficient import BetaMixing, FiniteMixing
from theory.laws.piecewise import PiecewisePolynomial

FloatArray = NDArray[np.float64]
Loss = Callable[[Fraction], Fraction]
LossRows = tuple[tuple[Fraction, ...], ...]
ExactMixing = FiniteMixing | BetaMixing


@dataclass(frozen=True)
class FiniteLaw:
    """K distinct points on the line with rational probabilities.

    Raises TheoryInputError for repeated points, probabilities <= 0 or a sum other than 1.
    """

    points: tuple[Fraction, ...]
    probabilities: tuple[Fraction, ...]

    def __post_init__(self) -> None:
        if len(self.points) != len(self.probabilities) or not self.points:
            raise TheoryInputError(
                f"the law has {len(self.points)} points and {len(self.probabilities)} "
                "probabilities; give one probability for each point, and at least one point."
            )
        if len(set(self.points)) != len(self.points):
            raise TheoryInputError("the law lists a point twice; add up its probabilities.")
        for point, probability in zip(self.points, self.probabilities, strict=True):
            if probability <= 0:
                raise TheoryInputError(
                    f"point {point} of the law has probability {probability}; leave out points "
                    "that never occur."
                )
        if sum(self.probabilities) != 1:
            raise TheoryInputError(
                f"the probabilities of the law sum to {sum(self.probabilities)}, not to 1."
            )

    @classmethod
    def of(cls, masses: Mapping[Rational, Rational]) -> "FiniteLaw":
        """The distribution that gives each key its value as probability."""
        return cls(
            tuple(exact(point, "point") for point in masses),
            tuple(exact(mass, "probability") for mass in masses.values()),
        )

    @classmethod
    def uniform_on(cls, *points: Rational) -> "FiniteLaw":
        """Equal mass on the given points."""
        return cls.of({point: Fraction(1, len(points)) for point in points})

    def expectation(self, function: Loss) -> Fraction:
        """E function(x)."""
        pairs = zip(self.points, self.probabilities, strict=True)
        return sum((p * function(x) for x, p in pairs), Fraction(0))

    def mean(self) -> Fraction:
        return self.expectation(lambda x: x)

    def variance(self) -> Fraction:
        centre = self.mean()
        return self.expectation(lambda x: (x - centre) ** 2)

    def mean_pair_distance(self) -> Fraction:
        """E|x - x~| for two independent points of the law."""
        return self.expectation(lambda x: self.expectation(lambda y: abs(x - y)))


@dataclass(frozen=True)
class FiniteClass:
    """A finite class of losses g_f, each in [0, loss_bound] on the points of a finite law.

    `losses` map a point to the exact loss of one hypothesis. Values off the distribution's points
    are needed only for mixup with a finite mixing distribution; under Beta(alpha, alpha) mixing the
    losses must be PiecewisePolynomial, whose means along a segment are rational.

    Raises TheoryInputError for an empty class or a loss outside [0, loss_bound] at a point.
    """

    law: FiniteLaw
    losses: tuple[Loss, ...]
    loss_bound: Fraction

    def __post_init__(self) -> None:
        if not self.losses:
            raise TheoryInputError("the class is empty; give at least one loss function.")
        if self.loss_bound <= 0:
            raise TheoryInputError(f"loss_bound is {self.loss_bound}, but it must be positive.")
        for f, loss in enumerate(self.losses):
            for point in self.law.points:
                self._checked(f, point, loss(point))

    def _checked(self, f: int, point: Fraction, value: Fraction) -> Fraction:
        if not 0 <= value <= self.loss_bound:
            raise TheoryInputError(
                f"loss function {f} is {value} at point {point}, outside [0, {self.loss_bound}]; "
                "clip the loss or raise loss_bound."
            )
        return value

    @property
    def size(self) -> int:
        """|H|."""
        return len(self.losses)

    def loss_table(self) -> LossRows:
        """g_f(x_k), of shape (|H|, K)."""
        return tuple(tuple(loss(x) for x in self.law.points) for loss in self.losses)

    def risks(self) -> tuple[Fraction, ...]:
        """R(f) = E g_f(x), of shape (|H|,)."""
        return tuple(self.law.expectation(loss) for loss in self.losses)

    def segment_losses(self, mixing: FiniteMixing) -> tuple[tuple[LossRows, ...], ...]:
        """g_f(lambda x_k + (1-lambda) x_l), of shape (atoms of lambda, |H|, K, K)."""
        points = self.law.points
        return tuple(
            tuple(
                tuple(
                    tuple(
                        self._checked(f, mixed := value * x + (1 - value) * y, loss(mixed))
                        for y in points
                    )
                    for x in points
                )
                for f, loss in enumerate(self.losses)
            )
            for value in mixing.values
        )

    def kernels(self, mixing: ExactMixing) -> tuple[LossRows, ...]:
        """h_f(x_k, x_l) = E_lambda g_f(lambda x_k + (1-lambda) x_l), of shape (|H|, K, K).

        Raises TheoryInputError when the mean is not rational (see PiecewisePolynomial.beta_mean).
        """
        points = self.law.points
        if isinstance(mixing, FiniteMixing):
            segments = self.segment_losses(mixing)
            return tuple(
                tuple(
                    tuple(
                        sum(
                            (
                                p * segment[f][k][j]
                                for segment, p in zip(segments, mixing.probabilities, strict=True)
                            ),
                            Fraction(0),
                        )
                        for j in range(len(points))
                    )
                    for k in range(len(points))
                )
                for f in range(self.size)
            )
        kernels = []
        for f, loss in enumerate(self.losses):
            if not isinstance(loss, PiecewisePolynomial):
                raise TheoryInputError(
                    f"loss function {f} is no PiecewisePolynomial, so its mean under "
                    "Beta(alpha, alpha) mixing is not known exactly; use a finite mixing law, or "
                    "theory.laws.simulation for a Monte Carlo interval."
                )
            kernels.append(
                tuple(tuple(loss.beta_mean(x, y, mixing) for y in points) for x in points)
            )
        return tuple(kernels)

    def mixed_risks(self, mixing: ExactMixing) -> tuple[Fraction, ...]:
        """R_mix(f) = E h_f(x, x~), of shape (|H|,)."""
        p = self.law.probabilities
        return tuple(
            sum(
                (p[k] * p[j] * h[k][j] for k in range(len(p)) for j in range(len(p))),
                Fraction(0),
            )
            for h in self.kernels(mixing)
        )

    def biases(self, mixing: ExactMixing) -> tuple[Fraction, ...]:
        """b_f = R(f) - R_mix(f), of shape (|H|,)."""
        return tuple(r - m for r, m in zip(self.risks(), self.mixed_risks(mixing), strict=True))


@dataclass(frozen=True)
class TableLoss:
    """A loss known only at listed points, for distributions whose points carry no geometry.

    Called at any other point it raises TheoryInputError.
    """

    points: tuple[Fraction, ...]
    losses: tuple[Fraction, ...]

    @classmethod
    def of(cls, values: Mapping[Rational, Rational]) -> "TableLoss":
        """The loss that gives each key its value; the points are put in order."""
        table = sorted((exact(x, "point"), exact(value, "loss")) for x, value in values.items())
        return cls(tuple(x for x, _ in table), tuple(value for _, value in table))

    def __call__(self, x: Fraction) -> Fraction:
        if x not in self.points:
            raise TheoryInputError(f"the loss is not tabulated at {x}; list it, or do not mix.")
        return self.losses[self.points.index(x)]

    def values(self, points: FloatArray) -> FloatArray:
        """The loss at float points of any shape: the same shape."""
        listed = np.array([float(x) for x in self.points])
        place = np.minimum(np.searchsorted(listed, points), len(listed) - 1)
        off = listed[place] != points
        if off.any():
            raise TheoryInputError(
                f"the loss is not tabulated at {np.asarray(points)[off][0]}; list it, or do not "
                "mix."
            )
        result: FloatArray = np.array([float(value) for value in self.losses])[place]
        return result


def bernoulli_class(p: Rational) -> FiniteClass:
    """One hypothesis with 0-1 loss and risk p: the class of L2, where the quantile has teeth."""
    success = exact(p, "p")
    law = FiniteLaw.of({0: 1 - success, 1: success})
    return FiniteClass(law, (PiecewisePolynomial.polynomial(0, 1),), Fraction(1))


def three_point_class() -> FiniteClass:
    """L1 and T1's example: P=(1/2, 3/10, 1/5), losses (0,1,1/2), (1,0,1/4), (1/2,1/2,1)."""
    law = FiniteLaw.of({0: "1/2", 1: "3/10", 2: "1/5"})
    losses = (
        TableLoss.of({0: 0, 1: 1, 2: "1/2"}),
        TableLoss.of({0: 1, 1: 0, 2: "1/4"}),
        TableLoss.of({0: "1/2", 1: "1/2", 2: 1}),
    )
    return FiniteClass(law, losses, Fraction(1))


def certificate_class() -> FiniteClass:
    """C1's example: X={0,1} uniform, F=0, f1=1/4, f2(x)=x, absolute loss."""
    losses = (PiecewisePolynomial.polynomial("1/4"), PiecewisePolynomial.polynomial(0, 1))
    return FiniteClass(FiniteLaw.uniform_on(0, 1), losses, Fraction(1))


TENT = PiecewisePolynomial.of(["-1/2", 0, "1/2"], [[0], [1, 2], [1, -2], [0]])
"""max(0, 1-2|x|), the loss of M+."""


def three_point_line() -> FiniteLaw:
    """{-1, 0, 1} with probabilities (2/5, 1/5, 2/5), the distribution of the Case 2 examples."""
    return FiniteLaw.of({-1: "2/5", 0: "1/5", 1: "2/5"})


def tent_class() -> FiniteClass:
    """M+: mixup shrinks the minimal gap (b=0 at alpha=1)."""
    return FiniteClass(three_point_line(), (TENT,), Fraction(1))


def teacher_tent_square_class() -> FiniteClass:
    """Class: {F, tent, x^2/4} on the three-point line, so F is in H; b=(0, 0, 1/15) at alpha=1."""
    losses = (
        PiecewisePolynomial.polynomial(0),
        TENT,
        PiecewisePolynomial.polynomial(0, 0, "1/4"),
    )
    return FiniteClass(three_point_line(), losses, Fraction(1))


def square_class() -> FiniteClass:
    """x^2 on the three-point line: a linear student whose gap mixup makes worse (b=4/15)."""
    return FiniteClass(three_point_line(), (PiecewisePolynomial.polynomial(0, 0, 1),), Fraction(1))


def sign_square_class() -> FiniteClass:
    """M-: x^2 on the uniform distribution of {-1, 1}, where eps_p=0 and mixup always adds a gap."""
    law = FiniteLaw.uniform_on(-1, 1)
    return FiniteClass(law, (PiecewisePolynomial.polynomial(0, 0, 1),), Fraction(1))


UNIFORM_MIXING = BetaMixing(1)
"""alpha=1, the mixing law of the Case 2 examples."""

EIGHTHS_MIXING = FiniteMixing.uniform_on("1/8", "3/8", "5/8", "7/8")
"""A finite mixing law under which the tent has the same kernel as under alpha=1."""

FLOOR_MIXING = FiniteMixing.uniform_on("1/4", "3/4")
"""Floor: under it the tent's kernel vanishes on (-1, 1), so b=2/25."""
