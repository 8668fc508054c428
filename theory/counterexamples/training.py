"""Counterexamples about what mixup distillation minimises: labels, intercepts, small alpha."""

import itertools
from collections.abc import Mapping
from fractions import Fraction

import numpy as np

from theory.counterexamples.counterexample import Counterexample, Value
from theory.laws.exact import IntArray, Rational
from theory.laws.membership import best_advantage, membership_gap
from theory.laws.minimal_gap import Pairing
from theory.laws.mixing_coefficient import BetaMixing
from theory.laws.mixup_law import covariance_factor
from theory.laws.piecewise import PiecewisePolynomial, segment_coefficients


def _label_mixing() -> Mapping[str, Value]:
    """Losses of f=F=x^2 on S=(-1, 0, 2), all n^2 pairs, as exact integrals of polynomials."""
    sample, mixing = [Fraction(x) for x in (-1, 0, 2)], BetaMixing(1)
    square = (Fraction(0), Fraction(0), Fraction(1))
    pair_mass = Fraction(1, len(sample) ** 2)

    def half_mean_square(residual: IntArray) -> Fraction:
        """E r(lambda)^2 / 2 for a polynomial r given by its coefficients."""
        squared = np.convolve(residual, residual)
        return sum((c * mixing.moment(k, 0) for k, c in enumerate(squared)), Fraction(0)) / 2

    queried = mixed = Fraction(0)
    for x, y in itertools.product(sample, repeat=2):
        student = np.array(segment_coefficients(square, y, x - y), dtype=object)
        teacher = student  # f=F, and the teacher is asked at the same point
        labels = np.array([y**2, x**2 - y**2, Fraction(0)], dtype=object)
        queried += pair_mass * half_mean_square(student - teacher)
        mixed += pair_mass * half_mean_square(student - labels)
    return {"loss of f=F, teacher queried at x'": queried, "loss of f=F, labels mixed": mixed}


def _slopes(alpha: Rational, pairing: Pairing) -> tuple[Fraction, Fraction]:
    """Least-squares slopes with and without intercept on infinitely many mixup points.

    Teacher F = x_1 + 2 x_2 on (0,0), (1,2), (3,1), (2,5); the student sees x_1 only. Mixup keeps
    the joint mean and scales the joint covariance of (x_1, F), for F is affine.
    """
    inputs = [Fraction(x) for x in (0, 1, 3, 2)]
    targets = [x + 2 * y for x, y in zip(inputs, (0, 2, 1, 5), strict=True)]
    n = len(inputs)
    factor = Fraction(covariance_factor(BetaMixing(alpha), n, pairing))
    x_mean, y_mean = sum(inputs, Fraction(0)) / n, sum(targets, Fraction(0)) / n
    covariance = variance = Fraction(0)
    for x, y in zip(inputs, targets, strict=True):
        covariance += factor * (x - x_mean) * (y - y_mean) / n
        variance += factor * (x - x_mean) ** 2 / n
    return covariance / variance, (covariance + x_mean * y_mean) / (variance + x_mean**2)


def _no_intercept() -> Mapping[str, Value]:
    pairings: tuple[Pairing, ...] = ("self", "distinct")
    mixed = [_slopes(1, pairing) for pairing in pairings]
    inputs, targets = (0, 1, 3, 2), (0, 5, 5, 12)
    products = sum(x * y for x, y in zip(inputs, targets, strict=True))
    return {
        "slope with intercept, self-pairs and i != j": tuple(slope for slope, _ in mixed),
        "slope without intercept, original sample": Fraction(products, sum(x * x for x in inputs)),
        "slope without intercept, self-pairs and i != j": tuple(slope for _, slope in mixed),
    }


def _finite_draws() -> Mapping[str, Value]:
    """Slopes with intercept on two mixup draws and on infinitely many, the student seeing x_1 only.

    The draws are λ = 1/2 on the pairs (first, second) and (third, fourth) of the points of
    `_slopes`: two points, which a line joins.
    """
    points = [(Fraction(x), Fraction(x + 2 * y)) for x, y in ((0, 0), (1, 2), (3, 1), (2, 5))]
    (left, low), (right, high) = (
        ((x + u) / 2, (y + v) / 2) for (x, y), (u, v) in (points[:2], points[2:])
    )
    return {
        "slope at a = infinity": _slopes(1, "distinct")[0],
        "slope on two draws": (high - low) / (right - left),
    }


def _vanishing_alpha() -> Mapping[str, Value]:
    quartic = PiecewisePolynomial.polynomial(0, 0, 0, 0, 1)
    ends = (Fraction(0), Fraction(1))
    curvature = 12 * Fraction(1, 4)  # of x^4 at the midpoint 1/2

    def change(alpha: Fraction) -> Fraction:
        """L_mix - L_S on S=(0, 1), all n^2 pairs."""
        mixing = BetaMixing(alpha)
        pairs = itertools.product(ends, repeat=2)
        mixed = sum((quartic.beta_mean(x, y, mixing) for x, y in pairs), Fraction(0)) / 4
        return mixed - (quartic(ends[0]) + quartic(ends[1])) / 2

    def midpoint(alpha: Fraction) -> Fraction:
        """The second-order form -alpha/(4(2 alpha+1)) mean D' g''(m) D."""
        return -alpha / (4 * (2 * alpha + 1)) * curvature / 2

    alphas = [Fraction(1, 10), Fraction(1, 100), Fraction(1, 1000)]
    return {
        "L_mix - L_S at alpha=1": change(Fraction(1)),
        "exact over second-order form, alpha = 1/10, 1/100, 1/1000": tuple(
            change(alpha) / midpoint(alpha) for alpha in alphas
        ),
    }


def _leak_without_gap() -> Mapping[str, Value]:
    """Members always lose 1/2, fresh points 0 or 1."""
    half = Fraction(1, 2)
    members, fresh = {half: Fraction(1)}, {Fraction(0): half, Fraction(1): half}
    return {"gap": membership_gap(members, fresh), "best advantage": best_advantage(members, fresh)}


TRAINING_COUNTEREXAMPLES = (
    Counterexample(
        "label_mixing",
        "Mixing the teacher's labels and querying the teacher at the mixed point agree.",
        "For F(x)=x^2 the student f=F has zero loss when the teacher is queried, 49/135 when "
        "labels are mixed.",
        ("F14",),
        "T6, label mixing",
        {
            "loss of f=F, teacher queried at x'": 0,
            "loss of f=F, labels mixed": Fraction(49, 135),
        },
        _label_mixing,
    ),
    Counterexample(
        "no_intercept",
        "Mixup leaves (or improves) every linear student.",
        "With an unpenalised intercept the solution is unchanged, so mixup helps nothing; without "
        "one it moves, for the mean keeps its weight and the covariance does not.",
        ("F15",),
        "T5(b) and its fixture",
        {
            "slope with intercept, self-pairs and i != j": (Fraction(11, 5), Fraction(11, 5)),
            "slope without intercept, original sample": Fraction(22, 7),
            "slope without intercept, self-pairs and i != j": (
                Fraction(121, 37),
                Fraction(176, 53),
            ),
        },
        _no_intercept,
    ),
    Counterexample(
        "finite_draws",
        "A linear student with an intercept is the same with mixup, however many points are drawn.",
        "Only the mean over all pairs and coefficients keeps the solution: where the student does "
        "not contain the teacher, two draws give the slope 3 and infinitely many 11/5.",
        ("F17",),
        "T5(b), its a = infinity",
        {"slope at a = infinity": Fraction(11, 5), "slope on two draws": 3},
        _finite_draws,
    ),
    Counterexample(
        "leak_without_gap",
        "Where the gap is zero, nothing tells members from fresh points.",
        "Members that always lose 1/2 and fresh points that lose 0 or 1 have the same mean loss "
        "and are told apart without error.",
        ("F18",),
        "T8",
        {"gap": 0, "best advantage": 1},
        _leak_without_gap,
    ),
    Counterexample(
        "vanishing_alpha",
        "The second-order form becomes exact as alpha -> 0, and mixup adds a positive penalty.",
        "For x^4 on S=(0, 1) exact over second-order is (7a+11)/(3(2a+3)), which tends to 11/9; "
        "and the change of the loss is negative.",
        ("F12", "F13"),
        "T6, corrections",
        {
            "L_mix - L_S at alpha=1": Fraction(-3, 20),
            "exact over second-order form, alpha = 1/10, 1/100, 1/1000": (
                Fraction(39, 32),
                Fraction(369, 302),
                Fraction(3669, 3002),
            ),
        },
        _vanishing_alpha,
    ),
)
