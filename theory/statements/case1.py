"""Case 1 as objects: L1, L2, T1 and the certificate C1 (augmentation by i.i.d. points from p).

The paper gives the shape of Theorem 1 only: a bounded loss, "Case 1", a size condition with some
c > 0, the conclusion eps* <= eps_p, and that generalization is then no worse. Every condition,
constant and proof here is a reconstruction.
"""

from theory.statements import thresholds
from theory.statements.hypotheses import CASE1, FINITE_CLASS, POSITIVE_GAP
from theory.statements.numbers import Numbers
from theory.statements.theorem import (
    Hypothesis,
    Provenance,
    Quantity,
    Route,
    Theorem,
    declared,
    given,
    show,
)


def total(evidence: Numbers) -> int:
    """Return N = n + a."""
    return int(given(evidence, "n") + given(evidence, "a"))


def _size_a(e: Numbers) -> float | None:
    if given(e, "gap") <= 0:
        return None
    return thresholds.finite_class_sample_size(
        given(e, "gap"), given(e, "class_size"), given(e, "loss_bound"), given(e, "delta")
    )


def _size_b(e: Numbers) -> float | None:
    if given(e, "gap") <= max(0.0, given(e, "mean_gap")):
        return None
    return thresholds.mean_gap_sample_size(
        given(e, "gap"), given(e, "mean_gap"), given(e, "loss_bound"), given(e, "delta")
    )


def _size_c(e: Numbers) -> float | None:
    if given(e, "gap") <= 0:
        return None
    return thresholds.complexity_sample_size(
        given(e, "gap"), given(e, "complexity"), given(e, "loss_bound"), given(e, "delta")
    )


_COMMON = ("gap", "loss_bound", "delta")


def _enough(evidence: Numbers, size: float | None) -> tuple[bool, str]:
    if size is None:
        return False, "there is no threshold: the gap is not large enough for this form"
    count, needed = total(evidence), thresholds.least_count(size)
    sign = ">=" if count >= size else "<"
    return count >= size, f"N = {count} {sign} {needed} (threshold {show(size)})"


_ENOUGH_A = Hypothesis(
    "size (a)", "n + a >= M² log(|H|/δ) / (2 eps_p²)", ("n", "a", *_COMMON, "class_size"),
    lambda e: _enough(e, _size_a(e)), "nonmonotone_quantile",
)  # fmt: skip
_ENOUGH_B = Hypothesis(
    "size (b)", "n + a >= M² log(1/δ) / (2 (eps_p - μ_n)²)", ("n", "a", *_COMMON, "mean_gap"),
    lambda e: _enough(e, _size_b(e)), "nonmonotone_quantile",
)  # fmt: skip
_COMPLEXITY = declared("complexity", "2 Rad_N <= B/√N at this N", "complexity")
_ENOUGH_C = Hypothesis(
    "size (c)", "n + a >= (B + M√(log(1/δ)/2))² / eps_p²", ("n", "a", *_COMMON, "complexity"),
    lambda e: _enough(e, _size_c(e)), "nonmonotone_quantile",
)  # fmt: skip
_ABOVE_MEAN = Hypothesis(
    "gap above its mean", "eps_p > μ_n = EΔ_n", ("gap", "mean_gap"),
    lambda e: (given(e, "gap") > given(e, "mean_gap"),
               f"eps_p = {show(given(e, 'gap'))}, μ_n = {show(given(e, 'mean_gap'))}"),
)  # fmt: skip


def _constant_a(e: Numbers) -> float | None:
    gap = given(e, "gap")
    if gap <= 0:
        return None
    return thresholds.finite_class_constant(gap, given(e, "class_size"), given(e, "delta"))


def _constant_b(e: Numbers) -> float | None:
    gap, mean = given(e, "gap"), given(e, "mean_gap")
    return thresholds.mean_gap_constant(gap, mean) if gap > mean else None


def _constant_c(e: Numbers) -> float | None:
    gap = given(e, "gap")
    if gap <= 0:
        return None
    return thresholds.complexity_constant(
        gap, given(e, "complexity"), given(e, "loss_bound"), given(e, "delta")
    )


def impossible_gap(evidence: Numbers) -> tuple[str, ...]:
    """Return a remark when eps_p exceeds the largest possible for that size of class and n."""
    names = ("n", "gap", "class_size", "loss_bound", "delta")
    if evidence.missing(names):
        return ()
    largest = thresholds.largest_possible_gap(
        int(given(evidence, "n")), given(evidence, "class_size"), given(evidence, "loss_bound"),
        given(evidence, "delta"),
    )  # fmt: skip
    gap = given(evidence, "gap")
    if gap <= largest:
        return ()
    return (
        f"eps_p = {show(gap)} is impossible: no class of this size has a minimal gap above "
        f"M√(log(|H|/δ)/(2n)) = {show(largest)} at n = {evidence.n}; check the numbers.",
    )


T1 = Theorem(
    id="T1",
    title="Enough i.i.d. data restores the minimal gap",
    provenance=Provenance.PAPER_SHAPE,
    statement=(
        "Let the loss lie in [0, M], S and S' be i.i.d. from p, the class fixed beforehand, and "
        "eps_p > 0. If N = n + a is at least "
        "M² log(1/δ)/c, then the augmented minimal gap eps* = eps(N, δ) is at most eps_p. The "
        "reconstruction gives c: (a) finite class, 2 eps_p² log(1/δ)/log(|H|/δ); (b) any class "
        "with eps_p > μ_n, 2(eps_p - μ_n)²; (c) 2 Rad_N <= B/√N, from "
        "N >= (B + M√(log(1/δ)/2))²/eps_p²."
    ),
    latex=(
        r"\varepsilon_p>0,\; N=n+a\ge \tfrac{M^2\log(1/\delta)}{c}\;\Rightarrow\;"
        r"\varepsilon^*\le\varepsilon_p,\quad "
        r"c_a=\tfrac{2\varepsilon_p^2\log(1/\delta)}{\log(|H|/\delta)},\;"
        r"c_b=2(\varepsilon_p-\mu_n)^2,\;"
        r"N_c=\tfrac{(B+M\sqrt{\log(1/\delta)/2})^2}{\varepsilon_p^2}"
    ),
    hypotheses=(*CASE1, POSITIVE_GAP),
    routes=(
        Route("(a) finite class", (FINITE_CLASS, _ENOUGH_A), "eps* <= eps_p by form (a)"),
        Route("(b) gap above its mean", (_ABOVE_MEAN, _ENOUGH_B), "eps* <= eps_p by form (b)"),
        Route("(c) complexity", (_COMPLEXITY, _ENOUGH_C), "eps* <= eps_p by form (c)"),
    ),
    threshold="N >= M² log(1/δ)/c, with c of form (a), (b) or (c)",
    quantities=(
        Quantity("N (a)", "M² log(|H|/δ)/(2 eps_p²)", (*_COMMON, "class_size"), _size_a),
        Quantity(
            "c (a)", "2 eps_p² log(1/δ)/log(|H|/δ)", ("gap", "class_size", "delta"), _constant_a
        ),
        Quantity("N (b)", "M² log(1/δ)/(2 (eps_p-μ_n)²)", (*_COMMON, "mean_gap"), _size_b),
        Quantity("c (b)", "2 (eps_p-μ_n)²", ("gap", "mean_gap"), _constant_b),
        Quantity("N (c)", "(B+M√(log(1/δ)/2))²/eps_p²", (*_COMMON, "complexity"), _size_c),
        Quantity("c (c)", "M² log(1/δ)/N (c)", (*_COMMON, "complexity"), _constant_c),
    ),
    non_claims=(
        "that eps* > eps_p when N is below the threshold: the condition is sufficient, not "
        "necessary",
        "that the true risk falls, even when the empirical risk does (C1)",
        "anything about mixed points: they are not i.i.d. from p (T2.3 is for them)",
    ),
    counterexamples=("nonmonotone_quantile", "doubling_fails", "no_universal_ratio",
                     "never_restored"),
    derivations=("T1a", "T1a c", "T1b", "T1b c", "T1c", "T1 asymptotic"),
    notes=impossible_gap,
)  # fmt: skip

L1 = Theorem(
    id="L1",
    title="What is monotone: mean, MGF and CVaR of the gap",
    provenance=Provenance.RECONSTRUCTION,
    statement=(
        "Δ_N precedes Δ_{N-1} in the increasing convex order. Hence the mean, the moment "
        "generating function and CVaR_δ of Δ_N do not increase with N, and eps(N, δ) <= "
        "CVaR_δ(Δ_n) for all N >= n, without any size condition."
    ),
    latex=(
        r"\mathbb E\varphi(\Delta_N)\le\mathbb E\varphi(\Delta_{N-1})\ "
        r"(\varphi\text{ convex, nondecreasing});\quad"
        r"\varepsilon(N,\delta)\le\mathrm{CVaR}_\delta(\Delta_n)\ (N\ge n)"
    ),
    hypotheses=CASE1,
    routes=(
        Route(
            "i.i.d. points",
            (),
            "mean, MGF and CVaR of the gap do not increase when points are added; the "
            "augmented minimal gap is at most CVaR_δ(Δ_n)",
        ),
    ),
    non_claims=("that the quantile eps(N, δ) itself is monotone in N (L2)",),
    counterexamples=("nonmonotone_quantile",),
)

L2 = Theorem(
    id="L2",
    title="The quantile is not monotone",
    provenance=Provenance.RECONSTRUCTION,
    statement=(
        "eps(N, δ) can rise with N: after one more point, after doubling, and, over all problems, "
        "after any fixed multiple of n. With eps_p <= 0 it may never come back to eps_p."
    ),
    latex=(
        r"p=\tfrac12,\ \delta=\tfrac18:\ \varepsilon(3)=\tfrac16<\varepsilon(4)=\tfrac14"
        r"<\varepsilon(5)=\tfrac3{10}"
    ),
    hypotheses=(*CASE1, POSITIVE_GAP),
    routes=(
        Route(
            "finite class",
            (FINITE_CLASS,),
            "eps(N, δ) returns to eps_p for good once N is large enough (T1)",
        ),
    ),
    non_claims=(
        "that eps(N, δ) <= eps_p for every N > n",
        "that a universal ratio a/n suffices: c must depend on eps_p",
    ),
    counterexamples=("nonmonotone_quantile", "doubling_fails", "no_universal_ratio",
                     "never_restored"),
)  # fmt: skip


def _ordered_gaps(e: Numbers) -> tuple[bool, str]:
    new, old = given(e, "augmented_gap"), given(e, "gap")
    return new <= old, f"eps* = {show(new)}, eps_p = {show(old)}"


def _ordered_risks(e: Numbers) -> tuple[bool, str]:
    new, old = given(e, "augmented_risk"), given(e, "empirical_risk")
    return new <= old, f"R_aug(f*) = {show(new)}, R_S(f_p) = {show(old)}"


C1 = Theorem(
    id="C1",
    title="Ordered certificates: the honest final clause of Theorem 1",
    provenance=Provenance.RECONSTRUCTION,
    statement=(
        "If eps* <= eps_p and the augmented empirical risk of f* is at most R_S(f_p), then "
        "U* = R_aug(f*) + eps* <= U_p = R_S(f_p) + eps_p, and with probability at least 1 - 2δ "
        "both R(f*) <= U* and R(f_p) <= U_p."
    ),
    latex=(
        r"\varepsilon^*\le\varepsilon_p,\ R_{S\cup S'}(f^*)\le R_S(f_p)\ \Rightarrow\ "
        r"U^*\le U_p,\quad P(R(f^*)\le U^*,\ R(f_p)\le U_p)\ge 1-2\delta"
    ),
    hypotheses=CASE1,
    routes=(
        Route(
            "ordered certificates",
            (
                Hypothesis("gap no larger", "eps* <= eps_p", ("augmented_gap", "gap"),
                           _ordered_gaps, "nonmonotone_quantile"),
                Hypothesis("empirical risk no larger", "R_aug(f*) <= R_S(f_p)",
                           ("augmented_risk", "empirical_risk"), _ordered_risks),
            ),
            "the certificate U* is at most U_p, and both hold together with probability at "
            "least 1 - 2δ",
        ),
    ),
    quantities=(
        Quantity("U*", "R_aug(f*) + eps*", ("augmented_risk", "augmented_gap"),
                 lambda e: given(e, "augmented_risk") + given(e, "augmented_gap")),
        Quantity("U_p", "R_S(f_p) + eps_p", ("empirical_risk", "gap"),
                 lambda e: given(e, "empirical_risk") + given(e, "gap")),
        Quantity("confidence", "1 - 2δ", ("delta",), lambda e: 1 - 2 * given(e, "delta")),
    ),
    non_claims=(
        "that the true risks are ordered: R(f*) > R(f_p) is possible on that very event",
        "that augmentation helps on average given the premise: it can hurt by 1/68",
    ),
    counterexamples=("ordered_certificates",),
)  # fmt: skip

STATEMENTS = (L1, L2, T1, C1)
