"""T3 and T4 as objects: how far p_mix is from p, and the complexity of a linear class.

A reconstruction throughout.
"""

from math import sqrt

from theory.laws.mixup_law import (
    covariance_factor,
    lipschitz_bias_bound,
    mixing_moments,
    smooth_bias_bound,
    wasserstein_bound,
)
from theory.statements.hypotheses import MIXING_LAW, QUERIED, SOME_DRAWS
from theory.statements.numbers import Numbers
from theory.statements.theorem import (
    Provenance,
    Quantity,
    Route,
    Theorem,
    beta_mixing,
    declared,
    flag,
    given,
)

T3 = Theorem(
    id="T3",
    title="Distance between the data and the mixed law",
    provenance=Provenance.RECONSTRUCTION,
    statement=(
        "W1(p, p_mix) <= m(α) E||x - x~||, m(α) = E min(λ, 1-λ) = ½[1 - Γ(α+½)/(√π Γ(α+1))]. For "
        "an L-Lipschitz g_f, |b_f| <= L m(α) E||x - x~||; if ∇²g_f <= βI on the hull, "
        "b_f <= βα tr Cov(x)/(2(2α+1)), with equality for quadratics."
    ),
    latex=(
        r"W_1(p,p_{mix})\le m(\alpha)\,\mathbb E\|x-\tilde x\|,\quad m(\alpha)=\tfrac12\Big[1-"
        r"\tfrac{\Gamma(\alpha+1/2)}{\sqrt\pi\,\Gamma(\alpha+1)}\Big],\quad "
        r"b_f\le\tfrac{\beta\alpha}{2(2\alpha+1)}\mathrm{tr}\,\mathrm{Cov}(x)"
    ),
    hypotheses=(MIXING_LAW, QUERIED),
    routes=(
        Route(
            "Lipschitz",
            (
                declared("Lipschitz loss", "g_f is L-Lipschitz", "lipschitz"),
                declared("first moment", "E||x - x~|| is known", "pair_distance"),
            ),
            "|b_f| is at most the Lipschitz bias bound",
        ),
        Route(
            "smooth",
            (
                declared("smooth loss", "∇²g_f <= βI on the convex hull", "smoothness"),
                declared("second moment", "tr Cov(x) is known", "covariance_trace"),
            ),
            "b_f is at most the smooth bias bound",
        ),
    ),
    quantities=(
        Quantity("m(α)", "E min(λ, 1-λ)", ("alpha",),
                 lambda e: float(mixing_moments(beta_mixing(e)).minimum)),
        Quantity("W1 bound", "m(α) E||x-x~||", ("alpha", "pair_distance"),
                 lambda e: float(wasserstein_bound(beta_mixing(e), given(e, "pair_distance")))),
        Quantity("bias bound (Lipschitz)", "L m(α) E||x-x~||",
                 ("alpha", "lipschitz", "pair_distance"),
                 lambda e: float(lipschitz_bias_bound(
                     beta_mixing(e), given(e, "lipschitz"), given(e, "pair_distance")))),
        Quantity("bias bound (smooth)", "βα tr Cov/(2(2α+1))",
                 ("alpha", "smoothness", "covariance_trace"),
                 lambda e: float(smooth_bias_bound(
                     beta_mixing(e), given(e, "smoothness"), given(e, "covariance_trace")))),
    ),
    non_claims=(
        "a lower bound on the bias, unless the loss is convex (then b_f >= 0)",
        "that the bias vanishes with more draws: it does not depend on a",
    ),
    derivations=("m", "m near 0", "m at infinity", "product", "s distinct"),
)  # fmt: skip


def _rms_complexity(e: Numbers) -> float | None:
    if given(e, "a") < 1:
        return None
    s = float(covariance_factor(beta_mixing(e), None, "self"))
    return given(e, "radius") * sqrt(s * given(e, "covariance_trace") / given(e, "a"))


T4 = Theorem(
    id="T4",
    title="Rademacher complexity of a linear class under mixup",
    provenance=Provenance.RECONSTRUCTION,
    statement=(
        "For {x -> <θ, x>: ||θ|| <= B} on centred data: the root-mean-square complexity of a mixed "
        "points is exactly √s B√(tr Σ̂/a), so its Jensen bound contracts by exactly √s; "
        "Rad_N(p_mix) <= Rad_N(p) for i.i.d. pairs; for a = n, E Rad(Z'|S) <= √2 √s Rad(S)."
    ),
    latex=(
        r"\tfrac Ba\big(\mathbb E\|\textstyle\sum\sigma_kz_k'\|^2\big)^{1/2}="
        r"\sqrt s\,B\sqrt{\mathrm{tr}\,\hat\Sigma/a}"
    ),
    hypotheses=(MIXING_LAW,),
    routes=(
        Route(
            "linear class",
            (
                flag("linear", "the class is linear", "linear"),
                flag("centred", "the sample has mean zero", "centred"),
                SOME_DRAWS,
                declared("radius", "||θ|| <= B", "radius"),
                declared("second moment", "tr Σ̂ of the centred sample", "covariance_trace"),
            ),
            "E Rad(Z'|S) <= √s B√(tr Σ̂/a)",
        ),
    ),
    quantities=(
        Quantity("contraction", "√s", ("alpha",),
                 lambda e: sqrt(float(covariance_factor(beta_mixing(e), None, "self")))),
        Quantity("complexity bound", "√s B√(tr Σ̂/a)",
                 ("alpha", "radius", "covariance_trace", "a"), _rms_complexity),
    ),
    non_claims=(
        "that the complexity itself contracts by √s, or contracts at all given S: it can grow "
        "(10/9)",
        "any contraction of the uncentred part of the data",
    ),
    counterexamples=("rademacher_ratio_above_one",),
    derivations=("s",),
)  # fmt: skip

STATEMENTS = (T3, T4)
