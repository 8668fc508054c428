"""Case 2 as objects, continued: T2.4 to T2.7. A reconstruction throughout."""

from theory.bounds.mixup import case2_bernstein, case2_mcdiarmid
from theory.statements import thresholds
from theory.statements.case2 import BUDGET, case1_radius
from theory.statements.hypotheses import (
    BOUNDED,
    CASE2,
    CLASS_FIXED,
    FINITE_CLASS,
    FIXED_WEIGHT,
    PAIRS_EXIST,
    QUERIED,
    SAMPLE,
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

_CLASS = ("n", "weight", "class_size", "loss_bound", "delta")


def _possible_variance(e: Numbers) -> tuple[bool, str]:
    variance, largest = given(e, "kernel_variance"), given(e, "loss_bound") ** 2 / 4
    sign = "<=" if variance <= largest else ">"
    return variance <= largest, f"v = {show(variance)} {sign} M²/4 = {show(largest)}"


def _bernstein_radius(e: Numbers) -> float | None:
    n, a = int(given(e, "n")), given(e, "a")
    if n < 2 or a < 1 or not _possible_variance(e)[0]:
        return None
    return case2_bernstein(
        int(given(e, "class_size")), given(e, "delta"), n, a, given(e, "weight"),
        given(e, "kernel_variance"), given(e, "loss_bound"),
    ).value  # fmt: skip


def _variance_gain(e: Numbers) -> tuple[bool, str]:
    n = int(given(e, "n"))
    if n < 2:
        return False, f"n = {n}, so there is no pair"
    mixed, plain = n / (n // 2) * given(e, "kernel_variance"), given(e, "loss_variance")
    sign = "<" if mixed < plain else ">="
    return mixed < plain, f"nv/m = {show(mixed)} {sign} Var g = {show(plain)}"


T24 = Theorem(
    id="T2.4",
    title="Bernstein bound for mixup draws: where mixup can win",
    provenance=Provenance.RECONSTRUCTION,
    statement=(
        "With k_f = w(g_f(x)+g_f(x~))/2 + (1-w)h_f(x, x~), v_f = Var k_f, m = ⌊n/2⌋, "
        "L = log(2|H|/δ): with probability at least 1 - δ, for all f, R <= R̂ + (1-w) b_f + "
        "√(2 v_f L/m) + ML/(3m) + (1-w)M√(L/(2a)). For even n the leading term gains iff "
        "2 v_f < Var g_f."
    ),
    latex=(
        r"R\le\hat R+(1-w)b_f+\sqrt{\tfrac{2v_fL}{m}}+\tfrac{ML}{3m}+(1-w)M\sqrt{\tfrac L{2a}},"
        r"\quad m=\lfloor n/2\rfloor,\ L=\log\tfrac{2|H|}\delta"
    ),
    hypotheses=CASE2,
    routes=(
        Route(
            "bound",
            (
                FINITE_CLASS,
                SOME_DRAWS,
                Hypothesis(
                    "variance known",
                    "v_f is the largest variance of k_f over the class or an upper bound, not "
                    "estimated from S; none exceeds M²/4",
                    ("kernel_variance", "loss_bound"), _possible_variance,
                ),
            ),
            "R <= R̂ + (1-w) b_f + radius for every f at once, with probability at least 1 - δ",
        ),
        Route(
            "gain",
            (
                Hypothesis("variance falls", "n v_f/m < Var g_f (2 v_f for even n)",
                           ("n", "kernel_variance", "loss_variance"), _variance_gain,
                           "variance_can_grow"),
            ),
            "the leading term is smaller than without mixup",
        ),
    ),
    quantities=(
        Quantity("radius", "√(2vL/m)+ML/(3m)+(1-w)M√(L/(2a))",
                 ("a", *_CLASS, "kernel_variance"), _bernstein_radius),
    ),
    non_claims=(
        "that mixing reduces the variance: it can increase it",
        "a bound with the variance estimated: use the empirical Bernstein bound on ⌊n/2⌋ disjoint "
        "pairs",
    ),
    counterexamples=("variance_can_grow",),
    derivations=("T2.4",),
)  # fmt: skip


def _margin(e: Numbers) -> float | None:
    if given(e, "delta") + given(e, "eta") >= 1 or given(e, "n") < 2:
        return None
    return thresholds.obstruction_margin(
        int(given(e, "n")), given(e, "bias"), given(e, "weight"), given(e, "class_size"),
        given(e, "loss_bound"), given(e, "delta"), given(e, "eta"),
    )  # fmt: skip


def _obstructed(e: Numbers) -> tuple[bool, str]:
    margin = _margin(e)
    if margin is None:
        return False, "δ + η >= 1 or n < 2"
    return margin > 0, f"left side minus right side = {show(margin)}"


def _obstruction_size(e: Numbers) -> float | None:
    if given(e, "bias") <= 0 or given(e, "weight") >= 1 or given(e, "delta") + given(e, "eta") >= 1:
        return None
    return float(thresholds.obstruction_sample_size(
        given(e, "bias"), given(e, "weight"), given(e, "class_size"), given(e, "loss_bound"),
        given(e, "delta"), given(e, "eta"),
    ))  # fmt: skip


T25 = Theorem(
    id="T2.5",
    title="Obstruction at large n: a biased mixture worsens the gap",
    provenance=Provenance.RECONSTRUCTION,
    statement=(
        "For a finite class, b = sup_f b_f > 0, w < 1 and δ + η < 1: if (1-w) b > M√(L/(2n)) + "
        "σ_D √(2 log(1/(1-δ-η))), L = log(|H|/δ), then the floor of T2.3 applies at this and every "
        "larger n: for all large a augmentation strictly worsens the minimal gap."
    ),
    latex=(
        r"(1-w)\bar b>M\sqrt{\tfrac{L}{2n}}+\sigma_D\sqrt{2\log\tfrac1{1-\delta-\eta}}\ "
        r"\Rightarrow\ \varepsilon^*(a,\delta)>\varepsilon_p\ \text{for all large }a"
    ),
    hypotheses=(*CASE2, SOME_MIXUP),
    routes=(
        Route(
            "obstruction",
            (
                FINITE_CLASS,
                Hypothesis("bias positive", "sup_f b_f > 0", ("bias",),
                           lambda e: (given(e, "bias") > 0, f"b = {show(given(e, 'bias'))}")),
                BUDGET,
                Hypothesis(
                    "bias dominates", "(1-w) b > M√(L/(2n)) + σ_D √(2 log(1/(1-δ-η)))",
                    (*_CLASS, "bias", "eta"), _obstructed,
                ),
            ),
            "eps*(a, δ) > eps_p for all large a, at this and every larger n",
        ),
    ),
    threshold="n >= n0, the least n at which the bias dominates",
    quantities=(
        Quantity("n0", "least n at which the bias dominates",
                 ("bias", "weight", "class_size", "loss_bound", "delta", "eta"),
                 _obstruction_size),
        Quantity("σ_D", "(M/2)(w/√n+(1-w)/√⌊n/2⌋)", ("n", "weight", "loss_bound"),
                 lambda e: thresholds.limit_deviation(
                     int(given(e, "n")), given(e, "weight"), given(e, "loss_bound"))
                 if given(e, "n") >= 2 else None),
        Quantity("bound on eps_p", "M√(L/(2n))", ("n", "class_size", "loss_bound", "delta"),
                 case1_radius),
    ),
    non_claims=(
        "that the trained model gets worse: only its guaranteed gap at fixed w does",
        "anything when b <= 0, or below n0",
        "anything for an infinite class: both log |H| terms are then infinite, and a complexity "
        "bound on eps_p would have to take their place",
    ),
    counterexamples=("square_loss_obstruction",),
    derivations=("T2.5",),
)  # fmt: skip


def _self_pair_weight(e: Numbers) -> float:
    w = given(e, "weight")
    return w + (1 - w) / given(e, "n")


def _batch_weight(e: Numbers) -> float:
    w = given(e, "weight")
    return w + (1 - w) / given(e, "batch_size")


T26 = Theorem(
    id="T2.6",
    title="What the pairing scheme changes",
    provenance=Provenance.RECONSTRUCTION,
    statement=(
        "Self-pairs allowed: V_n = ((n-1)/n) U_n + (1/n) R_S exactly, so w becomes w + (1-w)/n. "
        "Permutations within batches of m: w becomes w + (1-w)/m. Full-data permutations with "
        "fresh λ: (1-w)²/a becomes 4(1-w)²/a. One λ a batch, or batches independent given S: the "
        "number of batches takes the place of a."
    ),
    latex=r"V_n=\tfrac{n-1}nU_n+\tfrac1nR_S,\quad w\mapsto w+\tfrac{1-w}{m}",
    hypotheses=(BOUNDED, SAMPLE, CLASS_FIXED, QUERIED, FIXED_WEIGHT, PAIRS_EXIST, FINITE_CLASS),
    routes=(
        Route(
            "self-pairs",
            (
                flag("pairs", "given S the draws are i.i.d. over all n² pairs, λ fresh",
                     "self_pairs", "permutation_pairs"),
                SOME_DRAWS,
            ),
            "T2.1 holds with w + (1-w)/n inside the round bracket and (1-w)²/a unchanged",
        ),
        Route(
            "permutation in batches",
            (
                flag("batches", "given S the batches are independent, each a uniform permutation",
                     "independent_batches"),
                Hypothesis(
                    "batch fits", "1 <= m <= n", ("batch_size", "n"),
                    lambda e: (given(e, "batch_size") <= given(e, "n"),
                               f"m = {e.batch_size}, n = {e.n}"),
                ),
            ),
            "T2.1 holds with w + (1-w)/m and a replaced by the number of independent batches",
        ),
    ),
    quantities=(
        Quantity("weight with self-pairs", "w + (1-w)/n", ("weight", "n"), _self_pair_weight),
        Quantity("weight with batch permutations", "w + (1-w)/m", ("weight", "batch_size"),
                 _batch_weight),
    ),
    non_claims=("that permutation pairs behave like i.i.d. draws: their variance can double",),
    counterexamples=("permutation_pairs",),
    derivations=("T2.6",),
)  # fmt: skip


def _any_class_radius(e: Numbers) -> float | None:
    n, a = int(given(e, "n")), given(e, "a")
    if n < 2 or a < 1:
        return None
    return case2_mcdiarmid(
        given(e, "delta"), n, a, given(e, "weight"), 0.0, given(e, "loss_bound")
    ).value


T27 = Theorem(
    id="T2.7",
    title="Deviation of the gap for any class",
    provenance=Provenance.RECONSTRUCTION,
    statement=(
        "P(Δ_a - EΔ_a >= t) <= exp(-2t² / (M²[(2-w)²/n + (1-w)²/a])), whatever the class."
    ),
    latex=(
        r"P(\Delta_a-\mathbb E\Delta_a\ge t)\le\exp\Big(-\tfrac{2t^2}"
        r"{M^2[(2-w)^2/n+(1-w)^2/a]}\Big)"
    ),
    hypotheses=CASE2,
    routes=(
        Route("any class", (SOME_DRAWS,),
              "Δ_a exceeds its mean by the radius with probability at most δ"),
    ),
    quantities=(
        Quantity("radius", "M√(((2-w)²/n+(1-w)²/a) log(1/δ)/2)",
                 ("n", "a", "weight", "loss_bound", "delta"), _any_class_radius),
    ),
    non_claims=("anything about EΔ_a itself, which a complexity bound must supply",),
    derivations=("T2.7",),
)  # fmt: skip

STATEMENTS = (T24, T25, T26, T27)
