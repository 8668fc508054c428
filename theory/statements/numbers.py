"""The numbers a user can bring to a theorem; every one may be missing."""

from dataclasses import dataclass, field, fields
from math import isfinite
from typing import Any

from theory.errors import TheoryInputError


def _known(what: str, low: float | None = None, high: float | None = None, open_: str = "") -> Any:
    """A field that is None unless given; `open_` names the ends ("low", "high") left out."""
    return field(default=None, metadata={"what": what, "low": low, "high": high, "open": open_})


@dataclass(frozen=True)
class Numbers:
    """Optional numbers about a sample, a class and a loss. None means "not known".

    Raises TheoryInputError when a given number is not finite or outside its range.
    """

    n: int | None = _known("number n of original points", 1)
    a: int | None = _known("number a of added points", 0)
    delta: float | None = _known("failure probability delta", 0, 1, "low high")
    loss_bound: float | None = _known("bound M of the loss", 0, None, "low")
    largest_loss: float | None = _known("largest loss observed", 0)
    class_size: int | None = _known("number |H| of hypotheses", 1)
    gap: float | None = _known("minimal gap eps_p at n points")
    mean_gap: float | None = _known("mean gap mu_n = E Delta_n", 0)
    complexity: float | None = _known("B with 2 Rad_N <= B/sqrt(N)", 0)
    independent: bool | None = _known("whether the added points are i.i.d. from p, apart from S")
    independent_draws: bool | None = _known("whether the mixup draws are i.i.d. given S, i != j")
    weight: float | None = _known("fixed weight w of the original sample", 0, 1)
    bias: float | None = _known("largest bias b = sup_f (R - R_mix)")
    eps_infinity: float | None = _known("eps_infinity(delta/2)")
    eps_infinity_floor: float | None = _known("eps_infinity(delta+eta)")
    eta: float | None = _known("extra probability eta of the floor", 0, 1, "low high")
    augmented_gap: float | None = _known("minimal gap eps* of the augmented sample")
    empirical_risk: float | None = _known("empirical risk R_S(f_p) without augmentation", 0)
    augmented_risk: float | None = _known("empirical risk of f* on the augmented sample", 0)
    loss_variance: float | None = _known("variance of the loss g_f", 0)
    kernel_variance: float | None = _known("variance v_f of the kernel k_f", 0)
    convex: bool | None = _known("whether the loss is convex in the input")
    alpha: float | None = _known("alpha of lambda ~ Beta(alpha, alpha)", 0, None, "low")
    lipschitz: float | None = _known("Lipschitz constant of the loss in the input", 0)
    smoothness: float | None = _known("bound beta on the Hessian of the loss", 0)
    pair_distance: float | None = _known("mean distance E||x - x~||", 0)
    covariance_trace: float | None = _known("trace of Cov(x)", 0)
    radius: float | None = _known("bound on ||theta|| of a linear class", 0)
    linear: bool | None = _known("whether teacher and student are linear")
    intercept: bool | None = _known("whether the student has an unpenalised intercept")
    ridge: float | None = _known("ridge penalty r on the slopes", 0)
    fourth_derivative: float | None = _known("bound K4 on the fourth derivative of the loss", 0)
    pair_fourth_moment: float | None = _known("mean of ||x_i - x_j||^4 over the pairs", 0)
    batch_size: int | None = _known("batch size m of permutation pairing", 1)
    held_out: int | None = _known("number m of held-out points", 1)
    errors: int | None = _known("number k of errors on the held-out points", 0)
    mean_loss: float | None = _known("mean held-out loss", 0)
    unseen: bool | None = _known("whether the held-out points took no part in training or choice")
    candidates: int | None = _known("number of candidates the choice was made from", 1)

    def __post_init__(self) -> None:
        for item in fields(self):
            value = getattr(self, item.name)
            if value is None or isinstance(value, bool):
                continue
            what, low, high = (item.metadata[key] for key in ("what", "low", "high"))
            open_ends = item.metadata["open"].split()
            if not isfinite(value):
                raise TheoryInputError(
                    f"the {what} is {value}, not a finite number; leave it out if it is not known."
                )
            below = low is not None and (value < low or ("low" in open_ends and value == low))
            above = high is not None and (value > high or ("high" in open_ends and value == high))
            if below or above:
                raise TheoryInputError(
                    f"the {what} is {value}, outside {_range(low, high, open_ends)}."
                )

    def missing(self, names: tuple[str, ...]) -> tuple[str, ...]:
        """Those of the fields that were not given."""
        return tuple(name for name in names if getattr(self, name) is None)


def describe(name: str) -> str:
    """What the field means, in words: "minimal gap eps_p at n points"."""
    return _DESCRIPTIONS[name]


def _range(low: float | None, high: float | None, open_ends: list[str]) -> str:
    left = "(-inf" if low is None else ("(" if "low" in open_ends else "[") + f"{low}"
    right = "inf)" if high is None else f"{high}" + (")" if "high" in open_ends else "]")
    return f"{left}, {right}"


_DESCRIPTIONS: dict[str, str] = {item.name: item.metadata["what"] for item in fields(Numbers)}
