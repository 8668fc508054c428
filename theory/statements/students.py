"""T5 to T8 as objects: linear students, the expansion, certificates, membership inference.

A reconstruction throughout; the inequalities behind T7 are published (see its statement).
"""

from theory.bounds.binomial import clopper_pearson_limit
from theory.bounds.concentration import hoeffding_radius
from theory.laws.mixup_law import covariance_factor, mixing_moments
from theory.statements.hypotheses import (
    BOUNDED,
    DRAWS,
    EVERY_DRAW,
    MIXING_LAW,
    QUERIED,
    SOME_ORIGINALS,
)
from theory.statements.numbers import Numbers
from theory.statements.theorem import (
    Hypothesis,
    Provenance,
    Quantity,
    Route,
    Theorem,
    beta_mixing,
    declared,
    flag,
    given,
    show,
)

_LINEAR = (
    flag("linear", "teacher and student are linear", "linear"),
    flag("squared loss", "the loss is the squared error", "squared_loss"),
)
_NO_RIDGE = Hypothesis(
    "no ridge", "r = 0", ("ridge",),
    lambda e: (given(e, "ridge") == 0, f"r = {show(given(e, 'ridge'))}"),
)  # fmt: skip
_INTERCEPT = flag(
    "intercept", "the student has an unpenalised intercept", "intercept", "no_intercept"
)


def _equivalent_ridge(e: Numbers) -> float | None:
    """Return r over the share of the covariance that w and pairs i ≠ j leave."""
    n, w = int(given(e, "n")), given(e, "weight")
    if n < 2:
        return None
    share = w + (1 - w) * float(covariance_factor(beta_mixing(e), n, "distinct"))
    return given(e, "ridge") / share if share > 0 else None


T5 = Theorem(
    id="T5",
    title="No free lunch for linear students",
    provenance=Provenance.RECONSTRUCTION,
    statement=(
        "For a linear teacher and student and the squared loss: where the teacher is one of the "
        "students, mixup changes neither the minimisers nor the minimum-norm solution, whatever a "
        "(w > 0). Else, at a = ∞ and with an unpenalised intercept, least squares has the same "
        "solution, and ridge r with mixup is ridge r/c without, c = w + (1-w)s_n the share of the "
        "covariance that is left (s in place of s_n with self-pairs, where r/s is in [r, 2r])."
    ),
    latex=(
        r"\arg\min\{wR_S+(1-w)\hat R_{mix}\}=\theta_0+\mathrm{span}(S)^\perp;\quad "
        r"\text{ridge }r\text{ with mixup}\equiv\text{ridge }r/(w+(1-w)s_n)"
    ),
    hypotheses=_LINEAR,
    routes=(
        Route(
            "teacher in the class",
            (
                flag("realizable", "the teacher is one of the students", "realizable"),
                SOME_ORIGINALS,
                _NO_RIDGE,
            ),
            "the minimisers, and the one of least norm, are the same with and without mixup, for "
            "any number of draws",
        ),
        Route(
            "least squares",
            (
                EVERY_DRAW,
                DRAWS,
                _INTERCEPT,
                _NO_RIDGE,
                flag("full rank", "the covariance of the student's features has full rank",
                     "full_rank"),
            ),
            "the fitted student is the same with and without mixup",
        ),
        Route(
            "ridge",
            (
                EVERY_DRAW,
                DRAWS,
                _INTERCEPT,
                Hypothesis("ridge", "r > 0", ("ridge",),
                           lambda e: (given(e, "ridge") > 0, f"r = {show(given(e, 'ridge'))}")),
            ),
            "mixup acts as a larger ridge and as nothing else",
        ),
    ),
    quantities=(
        Quantity("equivalent ridge", "r/(w+(1-w)s_n)", ("ridge", "alpha", "n", "weight"),
                 _equivalent_ridge),
    ),
    non_claims=(
        "anything for finitely many draws when the teacher is not one of the students: the fit "
        "moves with every draw",
        "anything for a student without intercept: its solution moves",
        "anything for a nonlinear teacher: there, mixed points do add information",
    ),
    counterexamples=("finite_draws", "no_intercept"),
    derivations=("T5 ridge",),
)  # fmt: skip


def _remainder(e: Numbers) -> float:
    weight = (1 / 16 - float(mixing_moments(beta_mixing(e)).fourth_central)) / 24
    return weight * given(e, "fourth_derivative") * given(e, "pair_fourth_moment")


T6 = Theorem(
    id="T6",
    title="Second-order expansion of the mixup loss",
    provenance=Provenance.RECONSTRUCTION,
    statement=(
        "For g = g_f in C⁴ with |D⁴g[v⁴]| <= K₄||v||⁴ on the hull: L_mix - L_S = -(α/(4(2α+1))) "
        "mean Δ'∇²g(midpoint)Δ + Rem, |Rem| <= K₄ α(α+2)/(96(2α+1)(2α+3)) mean||Δ||⁴."
    ),
    latex=(
        r"L_{mix}-L_S=-\tfrac{\alpha}{4(2\alpha+1)}\overline{\Delta^\top\nabla^2g(m)\Delta}+\rho,"
        r"\quad|\rho|\le K_4\tfrac{\alpha(\alpha+2)}{96(2\alpha+1)(2\alpha+3)}"
        r"\overline{\|\Delta\|^4}"
    ),
    hypotheses=(MIXING_LAW, QUERIED, EVERY_DRAW),
    routes=(
        Route(
            "smooth",
            (
                declared("fourth derivative", "|D⁴g[v⁴]| <= K₄||v||⁴", "fourth_derivative"),
                declared("spread", "mean ||Δ||⁴ over the pairs", "pair_fourth_moment"),
            ),
            "the second-order form is within the remainder bound of L_mix - L_S",
        ),
    ),
    quantities=(
        Quantity("remainder bound", "K₄ α(α+2)/(96(2α+1)(2α+3)) mean||Δ||⁴",
                 ("alpha", "fourth_derivative", "pair_fourth_moment"), _remainder),
        Quantity("weight", "α/(4(2α+1))", ("alpha",),
                 lambda e: float(mixing_moments(beta_mixing(e)).product) / 2),
    ),
    non_claims=(
        "that the form becomes exact as α → 0: only as the spread of the points vanishes",
        "that mixup adds a positive gradient penalty: for convex g the term is <= 0",
        "that label mixing gives the same loss as querying the teacher",
    ),
    counterexamples=("label_mixing", "vanishing_alpha"),
    derivations=("midpoint weight", "midpoint remainder", "mu1", "mu2", "mu3", "mu4",
                 "one-sided remainder", "fourth central", "vanishing alpha", "label mixing"),
)  # fmt: skip


def _budget(e: Numbers) -> float:
    return given(e, "delta") / given(e, "candidates")


def _exact_certificate(e: Numbers) -> float | None:
    if given(e, "errors") > given(e, "held_out"):
        return None
    return float(
        clopper_pearson_limit(int(given(e, "errors")), int(given(e, "held_out")), _budget(e))
    )


def _hoeffding_certificate(e: Numbers) -> float:
    radius = hoeffding_radius(given(e, "held_out"), _budget(e), given(e, "loss_bound"))
    return given(e, "mean_loss") + radius


_HELD_OUT = flag("held-out sample", "the held-out points are i.i.d. from p", "held_out_independent")
_UNSEEN = flag(
    "unseen", "they were not used for training, nor for any choice but that among the candidates",
    "unseen",
)  # fmt: skip
_CANDIDATES = Hypothesis(
    "choice paid for", "δ is divided by the number of candidates the choice was made from",
    ("candidates", "delta"),
    lambda e: (True, f"δ/{e.candidates} = {show(_budget(e))} each"),
)  # fmt: skip

T7 = Theorem(
    id="T7",
    title="Certificates from held-out losses",
    provenance=Provenance.RECONSTRUCTION,
    statement=(
        "From m held-out points i.i.d. from p and unused in training and choice: Clopper-Pearson "
        "for 0-1 losses, Hoeffding (1963), Maurer-Pontil (2009) and betting (Waudby-Smith and "
        "Ramdas 2024) for losses in [0, M]; with K candidates, δ/K each."
    ),
    latex=(
        r"P\big(R(f)\le U(k,m,\delta)\big)\ge1-\delta,\quad "
        r"U=\mathrm{BetaInv}(1-\delta;\,k+1,\,m-k)"
    ),
    hypotheses=(_HELD_OUT, _UNSEEN, _CANDIDATES),
    routes=(
        Route(
            "0-1 losses",
            (
                Hypothesis("errors counted", "0 <= k <= m", ("errors", "held_out"),
                           lambda e: (given(e, "errors") <= given(e, "held_out"),
                                      f"k = {e.errors}, m = {e.held_out}")),
            ),
            "R(f) is at most the Clopper-Pearson limit with probability at least 1 - δ",
        ),
        Route(
            "bounded losses",
            (
                BOUNDED,
                Hypothesis(
                    "mean in range", "0 <= mean loss <= M", ("mean_loss", "loss_bound"),
                    lambda e: (given(e, "mean_loss") <= given(e, "loss_bound"),
                               f"mean loss {show(given(e, 'mean_loss'))}, "
                               f"M = {show(given(e, 'loss_bound'))}"),
                ),
                Hypothesis("size", "m >= 1", ("held_out",),
                           lambda e: (True, f"m = {e.held_out}")),
            ),
            "R(f) is at most the Hoeffding limit with probability at least 1 - δ; the mean alone "
            "cannot give the sharper Maurer-Pontil and betting limits (mixkd certify can)",
        ),
    ),
    quantities=(
        Quantity("Clopper-Pearson", "BetaInv(1-δ/K; k+1, m-k)",
                 ("errors", "held_out", "delta", "candidates"), _exact_certificate),
        Quantity("Hoeffding", "mean + M√(log(K/δ)/(2m))",
                 ("mean_loss", "held_out", "delta", "candidates", "loss_bound"),
                 _hoeffding_certificate),
    ),
    non_claims=(
        "anything from points used to train or to choose the model without paying for the choice",
        "anything from examples that share a source, such as phrases of one sentence",
        "that the smaller of two certificates holds at δ: choosing after the fact spends both",
    ),
)  # fmt: skip

T8 = Theorem(
    id="T8",
    title="Membership inference against the gap",
    provenance=Provenance.RECONSTRUCTION,
    statement=(
        "A point is drawn with equal probability from S or afresh from p; an attack that sees its "
        "loss g_f in [0, M] says which. Its advantage is P(says member | member) - P(says member | "
        "fresh). Saying member with probability 1 - g_f/M has the advantage (R(f) - R_S(f))/M "
        "(Yeom et al. 2018), so some threshold on the loss has at least |R(f) - R_S(f)|/M. With a "
        "0-1 loss no attack on the loss has more."
    ),
    latex=(
        r"\max_A\mathrm{Adv}(A)=\mathrm{TV}\big(g_f(S),\,g_f(p)\big)\ge"
        r"\tfrac{|R(f)-R_S(f)|}{M},\quad\text{with equality for 0-1 losses}"
    ),
    hypotheses=(BOUNDED, declared("realised gap", "R(f) - R_S(f) is known", "realised_gap")),
    routes=(
        Route(
            "some attack",
            (),
            "some threshold on the loss tells members from fresh points with an advantage of at "
            "least |R(f) - R_S(f)|/M",
        ),
        Route(
            "no attack",
            (
                flag("0-1 loss", "every loss is 0 or 1", "zero_one", "leak_without_gap"),
                flag("loss only", "the attack sees the loss of the point and no more",
                     "loss_only"),
            ),
            "no attack has an advantage above |R(f) - R_S(f)|",
        ),
    ),
    quantities=(
        Quantity("advantage of a threshold, at least", "|R(f)-R_S(f)|/M",
                 ("realised_gap", "loss_bound"),
                 lambda e: min(1.0, abs(given(e, "realised_gap")) / given(e, "loss_bound"))),
    ),
    non_claims=(
        "that a small gap protects members: with a loss of more than two values the advantage can "
        "be 1 at a gap of 0",
        "anything about attacks that see more than the loss, such as the logits or other networks",
        "anything about the point that leaks most: the advantage is a mean over S",
        "that a gap measured on held-out points is the realised one: it is an estimate",
    ),
    counterexamples=("leak_without_gap",),
)  # fmt: skip

STATEMENTS = (T5, T6, T7, T8)
