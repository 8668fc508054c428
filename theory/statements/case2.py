"""Case 2 as objects: L0, T2.0 to T2.3 (mixup draws from the sample). A reconstruction throughout.

Given S the a draws are i.i.d.: a pair i ≠ j uniformly, λ fresh; the weight w of the original
sample is fixed. See `theory.statements.case2_rates` for T2.4 to T2.7.
"""

from math import sqrt

from theory.bounds.mixup import case2_hoeffding
from theory.statements import thresholds
from theory.statements.case1 import impossible_gap
from theory.statements.hypotheses import (
    CASE2,
    EVERY_DRAW,
    FINITE_CLASS,
    FIXED_WEIGHT,
    MIXING_LAW,
    PAIRS_EXIST,
    QUERIED,
    SOME_DRAWS,
    SOME_MIXUP,
)
from theory.statements.numbers import Numbers
from theory.statements.theorem import (
    Hypothesis,
    Provenance,
    Quantity,
    Route,
    Theorem,
    flag,
    given,
    show,
)

BIAS_NOT_NEGATIVE = Hypothesis(
    "bias not negative", "sup_f b_f >= 0 (true when the teacher is in the class)", ("bias",),
    lambda e: (given(e, "bias") >= 0, f"b = {show(given(e, 'bias'))}"),
)  # fmt: skip
_CLASS = ("n", "weight", "class_size", "loss_bound", "delta")


def range_radius(e: Numbers) -> float | None:
    """Return T2.1's deviation term, bias left out."""
    n, a = int(given(e, "n")), given(e, "a")
    if n < 2 or a < 1:
        return None
    return case2_hoeffding(
        int(given(e, "class_size")), given(e, "delta"), n, a, given(e, "weight"),
        given(e, "loss_bound"),
    ).value  # fmt: skip


def case1_radius(e: Numbers) -> float:
    """Return M√(L/(2n)): the bound without augmentation, and an upper bound on eps_p."""
    return thresholds.largest_possible_gap(
        int(given(e, "n")), given(e, "class_size"), given(e, "loss_bound"), given(e, "delta")
    )


_CONVEX = flag("convex loss", "g_f is convex in the input", "convex")

L0 = Theorem(
    id="L0",
    title="Mixing contracts in convex order",
    provenance=Provenance.RECONSTRUCTION,
    statement=(
        "p_mix precedes p in the convex order. Hence E x' = E x and Cov(x') = s Cov(x); for "
        "convex g_f also R_mix <= R, and U_n <= R_S for every sample S."
    ),
    latex=(
        r"p_{mix}\preceq_{cx}p;\quad \mathbb E x'=\mathbb E x,\ "
        r"\mathrm{Cov}(x')=s\,\mathrm{Cov}(x),\ s=\tfrac{\alpha+1}{2\alpha+1}"
    ),
    hypotheses=(MIXING_LAW, QUERIED),
    routes=(
        Route(
            "population",
            (_CONVEX,),
            "R_mix <= R",
        ),
        Route(
            "sample",
            (_CONVEX, PAIRS_EXIST, EVERY_DRAW),
            "U_n <= R_S for every S: a lower empirical risk with mixup is automatic and is no "
            "evidence of better generalization",
        ),
    ),
    quantities=(
        Quantity("s", "(α+1)/(2α+1)", ("alpha",),
                 lambda e: (given(e, "alpha") + 1) / (2 * given(e, "alpha") + 1)),
    ),
    non_claims=(
        "any order between R and R_mix for a loss that is not convex",
        "that the mean over finitely many draws is at most R_S",
    ),
    derivations=("s", "s at 0", "s at infinity"),
)  # fmt: skip

T20 = Theorem(
    id="T2.0",
    title="Decomposition of the augmented gap",
    provenance=Provenance.RECONSTRUCTION,
    statement=(
        "R - R̂ = w(R - R_S) + (1-w) b_f + (1-w)(R_mix - U_n) + (1-w)(U_n - R̂_mix): sampling, "
        "bias, pairing and Monte Carlo error. An identity."
    ),
    latex=(
        r"R-\hat R=w(R-R_S)+(1-w)b_f+(1-w)(R_{mix}-U_n)+(1-w)(U_n-\hat R_{mix})"
    ),
    routes=(
        Route("identity", (FIXED_WEIGHT, QUERIED, PAIRS_EXIST),
              "the gap splits into sampling, bias, pairing and Monte Carlo terms"),
    ),
    non_claims=("that the four terms are independent, or that any of them is small",),
)  # fmt: skip

T21 = Theorem(
    id="T2.1",
    title="Range-based bound for mixup draws, one event",
    provenance=Provenance.RECONSTRUCTION,
    statement=(
        "With probability at least 1 - δ, for all f: R <= R̂ + (1-w) b_f + M√((L/2)[(w/√n + "
        "(1-w)/√⌊n/2⌋)² + (1-w)²/a]), L = log(|H|/δ)."
    ),
    latex=(
        r"R\le\hat R+(1-w)b_f+M\sqrt{\tfrac L2\Big[\big(\tfrac w{\sqrt n}+"
        r"\tfrac{1-w}{\sqrt{\lfloor n/2\rfloor}}\big)^2+\tfrac{(1-w)^2}a\Big]}"
    ),
    hypotheses=CASE2,
    routes=(
        Route(
            "finite class",
            (FINITE_CLASS, SOME_DRAWS),
            "R <= R̂ + (1-w) b_f + radius for every f at once, with probability at least 1 - δ",
        ),
    ),
    quantities=(
        Quantity("radius", "M√((L/2)[(w/√n+(1-w)/√⌊n/2⌋)²+(1-w)²/a])", ("a", *_CLASS),
                 range_radius),
        Quantity("radius without mixup", "M√(L/(2n))",
                 ("n", "class_size", "loss_bound", "delta"), case1_radius),
    ),
    non_claims=(
        "that mixup makes the gap smaller: this bound is always above the one without it (T2.2)",
        "that the draws are i.i.d. from p_mix: they are so only given S",
    ),
    counterexamples=("permutation_pairs",),
)  # fmt: skip

T22 = Theorem(
    id="T2.2",
    title="Range-based bounds can never show that mixup helps",
    provenance=Provenance.RECONSTRUCTION,
    statement=(
        "If sup_f b_f >= 0 and w < 1, the gap on the right of T2.1 is strictly above "
        "M√(L/(2n)) >= eps_p for every a, because w/√n + (1-w)/√⌊n/2⌋ > 1/√n."
    ),
    latex=(
        r"\bar b\ge0,\ w<1\ \Rightarrow\ \tfrac w{\sqrt n}+\tfrac{1-w}{\sqrt{\lfloor n/2\rfloor}}"
        r">\tfrac1{\sqrt n}"
    ),
    hypotheses=(BIAS_NOT_NEGATIVE, SOME_MIXUP, PAIRS_EXIST),
    routes=(
        Route(
            "vacuity",
            (),
            "with Hoeffding terms κ > 0 never holds, so T2.1 cannot establish eps* <= eps_p; "
            "use T2.3 or T2.4",
        ),
    ),
    quantities=(
        Quantity("factor over the i.i.d. term", "w + (1-w)√(n/⌊n/2⌋)", ("n", "weight"),
                 lambda e: (given(e, "weight")
                            + (1 - given(e, "weight"))
                            * sqrt(given(e, "n") / (given(e, "n") // 2))
                            if given(e, "n") >= 2 else None)),
    ),
    non_claims=("that mixup never helps: only that this kind of bound cannot show it",),
)  # fmt: skip


def _kappa(e: Numbers) -> float:
    return given(e, "gap") - given(e, "eps_infinity")


def _draws(e: Numbers) -> float | None:
    if _kappa(e) <= 0:
        return None
    return thresholds.mixup_draws_needed(
        _kappa(e), given(e, "weight"), given(e, "class_size"), given(e, "loss_bound"),
        given(e, "delta"),
    )  # fmt: skip


def _enough_draws(e: Numbers) -> tuple[bool, str]:
    size = _draws(e)
    if size is None:
        return False, f"κ = {show(_kappa(e))} <= 0, so there is no threshold"
    sign = ">=" if given(e, "a") >= size else "<"
    return given(e, "a") >= size, f"a = {e.a} {sign} {thresholds.least_count(size)}"


def _floor_size(e: Numbers) -> float | None:
    if given(e, "eps_infinity_floor") <= given(e, "gap"):
        return None
    return thresholds.floor_draws(
        given(e, "gap"), given(e, "eps_infinity_floor"), given(e, "weight"),
        given(e, "class_size"), given(e, "loss_bound"), given(e, "eta"),
    )  # fmt: skip


def _beyond_floor(e: Numbers) -> tuple[bool, str]:
    size = _floor_size(e)
    if size is None:
        return False, "ε_∞(δ+η) does not exceed eps_p, so there is no floor"
    sign = ">" if given(e, "a") > size else "<="
    return given(e, "a") > size, f"a = {e.a} {sign} {show(size)}"


def split_budget(e: Numbers) -> tuple[bool, str]:
    """Judge δ + η < 1, as the floor and the obstruction need it."""
    total = given(e, "delta") + given(e, "eta")
    return total < 1, f"δ + η = {show(total)}"


BUDGET = Hypothesis("budget", "δ + η < 1", ("delta", "eta"), split_budget)
_DRAW_FIELDS = ("gap", "eps_infinity", "weight", "class_size", "loss_bound", "delta")
_FLOOR_FIELDS = ("gap", "eps_infinity_floor", "weight", "class_size", "loss_bound", "eta")

T23 = Theorem(
    id="T2.3",
    title="Threshold and floor for mixup draws",
    provenance=Provenance.RECONSTRUCTION,
    statement=(
        "Put κ = eps_p - ε_∞(δ/2). If κ > 0 and a >= M² log(2|H|/δ)/c₂ with c₂ = 2κ²/(1-w)², then "
        "eps*(a, δ) <= eps_p. Floor: if ε_∞(δ+η) > eps_p, then eps*(a, δ) > eps_p for every "
        "a > (1-w)² M² log(|H|/η) / (2(ε_∞(δ+η) - eps_p)²)."
    ),
    latex=(
        r"\kappa=\varepsilon_p-\varepsilon_\infty(\delta/2)>0,\ a\ge\tfrac{M^2\log(2|H|/\delta)}"
        r"{c_2},\ c_2=\tfrac{2\kappa^2}{(1-w)^2}\ \Rightarrow\ "
        r"\varepsilon^*(a,\delta)\le\varepsilon_p"
    ),
    hypotheses=CASE2,
    routes=(
        Route(
            "threshold",
            (
                Hypothesis("κ positive", "eps_p > ε_∞(δ/2)", ("gap", "eps_infinity"),
                           lambda e: (_kappa(e) > 0, f"κ = {show(_kappa(e))}"), "case2_floor"),
                FINITE_CLASS,
                Hypothesis("enough draws", "a >= M² log(2|H|/δ)/c₂", ("a", *_DRAW_FIELDS),
                           _enough_draws),
            ),
            "eps*(a, δ) <= eps_p",
        ),
        Route(
            "floor",
            (
                FINITE_CLASS,
                BUDGET,
                Hypothesis(
                    "limit above the gap", "ε_∞(δ+η) > eps_p", ("gap", "eps_infinity_floor"),
                    lambda e: (given(e, "eps_infinity_floor") > given(e, "gap"),
                               f"ε_∞(δ+η) = {show(given(e, 'eps_infinity_floor'))}, "
                               f"eps_p = {show(given(e, 'gap'))}"),
                ),
                Hypothesis("beyond the floor's size", "a > (1-w)²M² log(|H|/η)/(2 excess²)",
                           ("a", *_FLOOR_FIELDS), _beyond_floor),
            ),
            "eps*(a, δ) > eps_p: at this and every larger a mixup worsens the minimal gap",
        ),
    ),
    threshold="a >= M² log(2|H|/δ)/c₂, c₂ = 2κ²/(1-w)², κ = eps_p - ε_∞(δ/2)",
    quantities=(
        Quantity("κ", "eps_p - ε_∞(δ/2)", ("gap", "eps_infinity"), _kappa),
        Quantity("c₂", "2κ²/(1-w)²", ("gap", "eps_infinity", "weight"),
                 lambda e: thresholds.mixup_constant(_kappa(e), given(e, "weight"))
                 if _kappa(e) > 0 and given(e, "weight") < 1 else None),
        Quantity("a", "M² log(2|H|/δ)/c₂", _DRAW_FIELDS, _draws),
        Quantity("a (floor)", "(1-w)²M² log(|H|/η)/(2(ε_∞(δ+η)-eps_p)²)", _FLOOR_FIELDS,
                 _floor_size),
    ),
    non_claims=(
        "that more draws always help: eps*(a, δ) is not monotone in a, and may have a floor",
        "anything for a weight w = n/(n+a) that moves with a",
    ),
    counterexamples=("case2_floor",),
    derivations=("T2.3", "T2.3 c2"),
    notes=impossible_gap,
)  # fmt: skip

STATEMENTS = (L0, T20, T21, T22, T23)
