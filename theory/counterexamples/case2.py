"""Counterexamples about mixup samples: the floor, the bias and the variance."""

from collections.abc import Mapping
from fractions import Fraction

from theory.counterexamples.counterexample import Counterexample, Value
from theory.laws.finite_laws import (
    EIGHTHS_MIXING,
    FLOOR_MIXING,
    UNIFORM_MIXING,
    FiniteClass,
    FiniteLaw,
    sign_square_class,
    square_class,
    tent_class,
)
from theory.laws.minimal_gap import gap_law, mixup_gap_law, mixup_limit_gap_law
from theory.laws.piecewise import PiecewisePolynomial
from theory.statements.thresholds import obstruction_sample_size

TENTH = Fraction(1, 10)


def _floor() -> Mapping[str, Value]:
    tent = tent_class()
    finite = {a: mixup_gap_law(tent, 12, a, 0, FLOOR_MIXING) for a in (24, 32)}
    return {
        "b": tent.biases(FLOOR_MIXING)[0],
        "eps_p": gap_law(tent, 12).quantile(TENTH),
        "eps_inf(3/20)": mixup_limit_gap_law(tent, 12, 0, FLOOR_MIXING).quantile("3/20"),
        "eps*(a) for a = 24, 32": tuple(law.quantile(TENTH) for law in finite.values()),
        "CVaR is lower at a = 32": finite[32].cvar(TENTH) <= finite[24].cvar(TENTH),
    }


def _sign_square() -> Mapping[str, Value]:
    problem = sign_square_class()
    limit = mixup_limit_gap_law(problem, 5, 0, UNIFORM_MIXING)
    finite = [mixup_gap_law(problem, 5, a, 0, EIGHTHS_MIXING).quantile(TENTH) for a in range(1, 41)]
    return {
        "R, R_mix": (problem.risks()[0], problem.mixed_risks(UNIFORM_MIXING)[0]),
        "eps_p at n=5": gap_law(problem, 5).quantile(TENTH),
        "P(Delta_inf > 0) at n=5": limit.exceedance(0),
        "eps_inf(1/10) at n=5": limit.quantile(TENTH),
        "eps*(a) > 0 for a = 1..40, lambda in eighths": min(finite) > 0,
    }


def _square() -> Mapping[str, Value]:
    problem = square_class()
    bias = problem.biases(UNIFORM_MIXING)[0]
    return {
        "b": bias,
        "eps_p at n=6": gap_law(problem, 6).quantile(TENTH),
        "eps_inf(3/20) at n=6": mixup_limit_gap_law(problem, 6, 0, UNIFORM_MIXING).quantile("3/20"),
        "T2.5's n0 for w = 0, 1/2, 9/10": tuple(
            obstruction_sample_size(float(bias), weight, 1, 1.0, 0.1, 0.05)
            for weight in (0.0, 0.5, 0.9)
        ),
    }


def _higher_variance() -> Mapping[str, Value]:
    step = PiecewisePolynomial.of([0], [[0], [1]])  # 0 up to zero, 1 beyond
    problem = FiniteClass(FiniteLaw.of({0: "3/4", 1: "1/4"}), (step,), Fraction(1))
    kernel, p = problem.kernels(UNIFORM_MIXING)[0], problem.law.probabilities
    rows = [sum((h * q for h, q in zip(row, p, strict=True)), Fraction(0)) for row in kernel]
    mean = sum((r * q for r, q in zip(rows, p, strict=True)), Fraction(0))
    zeta = sum(((r - mean) ** 2 * q for r, q in zip(rows, p, strict=True)), Fraction(0))
    variance = mixup_limit_gap_law(problem, 20, 0, UNIFORM_MIXING).variance()
    return {
        "4 zeta_1": 4 * zeta,
        "4 zeta_1 exceeds 1/4": 4 * zeta > Fraction(1, 4),
        "Var U_20 exceeds 1/80": variance > Fraction(1, 80),
        "Var U_20 in units of 1e-5, rounded": round(variance * 10**5),
    }


CASE2_COUNTEREXAMPLES = (
    Counterexample(
        "case2_floor",
        "Enough mixup draws bring the minimal gap down to eps_p, and more draws never hurt.",
        "eps_inf(3/20) exceeds eps_p, so T2.3's floor holds for all large a; and eps* rises from "
        "a=24 to a=32, where the CVaR falls.",
        ("F6", "F16"),
        "Case 2, example Floor",
        {
            "b": Fraction(2, 25),
            "eps_p": Fraction(7, 60),
            "eps_inf(3/20)": Fraction(19, 120),
            "eps*(a) for a = 24, 32": (Fraction(43, 240), Fraction(59, 320)),
            "CVaR is lower at a = 32": True,
        },
        _floor,
    ),
    Counterexample(
        "mixing_signs",
        "Mixup does no harm where the original sample is perfect.",
        "eps_p is 0, yet mixing points of opposite sign lowers the loss they report, at every a.",
        ("F6",),
        "Case 2, example M-",
        {
            "R, R_mix": (Fraction(1), Fraction(2, 3)),
            "eps_p at n=5": Fraction(0),
            "P(Delta_inf > 0) at n=5": Fraction(15, 16),
            "eps_inf(1/10) at n=5": Fraction(2, 5),
            "eps*(a) > 0 for a = 1..40, lambda in eighths": True,
        },
        _sign_square,
    ),
    Counterexample(
        "square_loss_obstruction",
        "Mixup shrinks the gap of a linear student.",
        "Its squared loss is convex, so R_mix < R; from n0 on the bias outweighs any fluctuation.",
        ("F6",),
        "Case 2, example x^2 and T2.5",
        {
            "b": Fraction(4, 15),
            "eps_p at n=6": Fraction(2, 15),
            "eps_inf(3/20) at n=6": Fraction(2, 5),
            "T2.5's n0 for w = 0, 1/2, 9/10": (31, 114, 2639),
        },
        _square,
    ),
    Counterexample(
        "variance_can_grow",
        "U_n concentrates at least as well as the mean of n points.",
        "Its variance exceeds 1/(4n), the largest that a mean of n losses in [0, 1] can have.",
        ("F7",),
        "False statements, F7",
        {
            "4 zeta_1": Fraction(27, 64),
            "4 zeta_1 exceeds 1/4": True,
            "Var U_20 exceeds 1/80": True,
            "Var U_20 in units of 1e-5, rounded": 2128,
        },
        _higher_variance,
    ),
)
