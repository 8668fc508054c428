"""The numbers a user can bring to a theorem; every one may be missing."""

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from math import isfinite, log10
from typing import Any

from theory.bounds.bound import LARGEST_CLASS, LARGEST_COUNT, SMALLEST_DELTA
from theory.errors import TheoryInputError

# Numbers further from zero, or nearer to it, are refused: their squares and quotients leave what a
# double can hold.
LARGEST_NUMBER = 1e50
SMALLEST_NUMBER = 1e-50


def _known(what: str, low: float | None = None, high: float | None = None, open_: str = "") -> Any:
    """Return a field that is None unless given; `open_` names the ends left out."""
    return field(default=None, metadata={"what": what, "low": low, "high": high, "open": open_})


def _count(what: str, low: int, high: int = LARGEST_COUNT) -> Any:
    """Return a field for a whole number from low to high."""
    return _known(what, low, high)


def _level(what: str) -> Any:
    """Return a field for a probability in [1e-300, 1)."""
    return _known(what, SMALLEST_DELTA, 1, "high")


@dataclass(frozen=True)
class Numbers:
    """Optional numbers about a sample, a class and a loss. None means "not known".

    Raises TheoryInputError when a given number is not finite or outside its range.
    """

    n: int | None = _count("number n of original points", 1)
    a: int | None = _count("number a of added points", 0)
    delta: float | None = _level("failure probability delta")
    loss_bound: float | None = _known("bound M of the loss", 0, None, "low")
    largest_loss: float | None = _known("largest loss observed", 0)
    class_size: int | None = _count("number |H| of hypotheses", 1, LARGEST_CLASS)
    class_fixed: bool | None = _known("whether the class was fixed before the sample was drawn")
    gap: float | None = _known("minimal gap eps_p at n points (no run measures it)")
    mean_gap: float | None = _known("mean gap mu_n = E Delta_n", 0)
    complexity: float | None = _known("B with 2 Rad_N <= B/sqrt(N)", 0)
    sample_independent: bool | None = _known("whether the n original points are i.i.d. from p")
    independent: bool | None = _known("whether the added points are i.i.d. from p, apart from S")
    independent_draws: bool | None = _known("whether the mixup draws are i.i.d. given S, i != j")
    self_pairs: bool | None = _known("whether they are i.i.d. given S over all pairs, i = j too")
    independent_batches: bool | None = _known(
        "whether batches, each a uniform permutation, are independent given S"
    )
    infinite_draws: bool | None = _known("whether a is infinite: the mean over pairs and lambda")
    teacher_queried: bool | None = _known("whether the teacher is asked at the mixed points")
    weight: float | None = _known("weight w of the original sample", 0, 1)
    weight_fixed: bool | None = _known("whether w was fixed beforehand and does not move with a")
    bias: float | None = _known("largest bias b = sup_f (R - R_mix)")
    eps_infinity: float | None = _known("eps_infinity(delta/2)")
    eps_infinity_floor: float | None = _known("eps_infinity(delta+eta)")
    eta: float | None = _level("extra probability eta of the floor")
    augmented_gap: float | None = _known("minimal gap eps* of the augmented sample")
    empirical_risk: float | None = _known("empirical risk R_S(f_p) without augmentation", 0)
    augmented_risk: float | None = _known("empirical risk of f* on the augmented sample", 0)
    loss_variance: float | None = _known("variance of the loss g_f", 0)
    kernel_variance: float | None = _known("largest variance v_f of the kernel k_f, known", 0)
    convex: bool | None = _known("whether the loss is convex in the input")
    alpha: float | None = _known("alpha of lambda ~ Beta(alpha, alpha)", 0, None, "low")
    lipschitz: float | None = _known("Lipschitz constant of the loss in the input", 0)
    smoothness: float | None = _known("bound beta on the Hessian of the loss", 0)
    pair_distance: float | None = _known("mean distance E||x - x~||", 0)
    covariance_trace: float | None = _known("trace of Cov(x)", 0)
    radius: float | None = _known("bound on ||theta|| of a linear class", 0)
    centred: bool | None = _known("whether the sample has mean zero")
    linear: bool | None = _known("whether teacher and student are linear")
    squared_loss: bool | None = _known("whether the loss is the squared error")
    realizable: bool | None = _known("whether the teacher is one of the students")
    intercept: bool | None = _known("whether the student has an unpenalised intercept")
    full_rank: bool | None = _known("whether the covariance of the features has full rank")
    ridge: float | None = _known("ridge penalty r on the slopes", 0)
    fourth_derivative: float | None = _known("bound K4 on the fourth derivative of the loss", 0)
    pair_fourth_moment: float | None = _known("mean of ||x_i - x_j||^4 over the pairs", 0)
    batch_size: int | None = _count("batch size m of permutation pairing", 1)
    held_out: int | None = _count("number m of held-out points", 1)
    errors: int | None = _count("number k of errors on the held-out points", 0)
    mean_loss: float | None = _known("mean held-out loss", 0)
    held_out_independent: bool | None = _known("whether the held-out points are i.i.d. from p")
    unseen: bool | None = _known("whether the held-out points took no part in training")
    candidates: int | None = _count("number of candidates the choice was made from", 1)
    realised_gap: float | None = _known("gap R(f) - R_S(f) of the one trained function")
    zero_one: bool | None = _known("whether every loss is 0 or 1")
    loss_only: bool | None = _known("whether the attack sees the loss of the point and no more")

    def __post_init__(self) -> None:
        for item in fields(self):
            value = getattr(self, item.name)
            if value is not None and not isinstance(value, bool):
                _check(item.metadata, value)

    def missing(self, names: tuple[str, ...]) -> tuple[str, ...]:
        """Return the names of the fields that were not given."""
        return tuple(name for name in names if getattr(self, name) is None)


def meaning(name: str) -> str:
    """Return the meaning of the field in words: "minimal gap eps_p at n points"."""
    return _DESCRIPTIONS[name]


def _check(known: Mapping[str, Any], value: float) -> None:
    """Refuse a number that is not finite or outside the range of its field."""
    what, low, high = known["what"], known["low"], known["high"]
    open_ends = known["open"].split()
    if isinstance(value, float) and not isfinite(value):
        raise TheoryInputError(
            f"the {what} is {value}, not a finite number; leave it out if it is not known."
        )
    below = low is not None and (value < low or ("low" in open_ends and value == low))
    above = high is not None and (value > high or ("high" in open_ends and value == high))
    if below or above:
        raise TheoryInputError(
            f"the {what} is {_shown(value)}, outside {_range(low, high, open_ends)}; "
            "check the number."
        )
    if high is None and not (value == 0 or SMALLEST_NUMBER <= abs(value) <= LARGEST_NUMBER):
        raise TheoryInputError(
            f"the {what} is {value:g}, but numbers are zero or between {SMALLEST_NUMBER:g} and "
            f"{LARGEST_NUMBER:g} in size here; give it in another unit."
        )


def _range(low: float | None, high: float | None, open_ends: list[str]) -> str:
    left = "(-inf" if low is None else ("(" if "low" in open_ends else "[") + _shown(low)
    right = "inf)" if high is None else _shown(high) + (")" if "high" in open_ends else "]")
    return f"{left}, {right}"


def _shown(value: float) -> str:
    """Return the number as text, a whole number of many digits by its order of magnitude."""
    if isinstance(value, int) and abs(value) >= LARGEST_COUNT:
        return f"{'-' if value < 0 else ''}10^{log10(abs(value)):.6g}"
    return f"{value}"


_DESCRIPTIONS: dict[str, str] = {item.name: item.metadata["what"] for item in fields(Numbers)}
