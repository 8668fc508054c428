"""Closed forms of the distribution of λ ~ Beta(α, α) and of the expansion T6, derived with SymPy.

A `Derivation` carries two expressions that come from different places: `derived` is what SymPy
obtains from a definition (an integral, an equation to solve, an expectation), and `stated` is the
closed form that the rest of the package and THEORY.md use. `Derivation.residual()` is their
simplified difference, which must vanish.

Moments of a Beta distribution come from integration by parts, not from a table: the derivative of
``u^(p+k) (1-u)^q`` integrates to zero over [0, 1], which links two consecutive moments.
"""

from dataclasses import dataclass
from functools import cache

import sympy as sp

ALPHA = sp.Symbol("alpha", positive=True)
U = sp.Symbol("u", positive=True)
NUMBER_OF_POINTS = sp.Symbol("n", positive=True)
HALF = sp.Rational(1, 2)


@dataclass(frozen=True)
class Derivation:
    """One closed form: what was derived, what is stated, and how one reached the other."""

    id: str
    theorem: str
    quantity: str
    method: str
    derived: sp.Expr
    stated: sp.Expr

    def residual(self) -> sp.Expr:
        """`derived - stated`, simplified: zero exactly when the closed form is right."""
        return sp.simplify(sp.gammasimp(sp.expand_log(self.derived - self.stated, force=True)))

    def holds(self) -> bool:
        return bool(self.residual() == 0)


@cache
def beta_moment(order: int, first: sp.Expr = ALPHA, second: sp.Expr = ALPHA) -> sp.Expr:
    """E[λ^order] for λ ~ Beta(first, second), by the recursion that integration by parts gives."""
    moment = sp.Integer(1)
    for k in range(order):
        # (u^(p+k) (1-u)^q)' = u^(p+k-1) (1-u)^(q-1) × bracket, and bracket, which is u(1-u) times
        # the logarithmic derivative, is c0 + c1 u; the integral over [0, 1] is zero.
        logarithm = (first + k) * sp.log(U) + second * sp.log(1 - U)
        bracket = sp.Poly(sp.expand(sp.cancel(U * (1 - U) * sp.diff(logarithm, U))), U)
        c0, c1 = bracket.coeff_monomial(1), bracket.coeff_monomial(U)
        moment = sp.factor(moment * (-c0 / c1))
    return moment


def beta_expectation(polynomial: sp.Expr) -> sp.Expr:
    """E[polynomial(λ)] for λ ~ Beta(α, α); the polynomial is written in the symbol `U`."""
    terms = sp.Poly(sp.expand(polynomial), U).terms()
    return sp.factor(sum(coefficient * beta_moment(power[0]) for power, coefficient in terms))


@cache
def mean_smaller_weight() -> sp.Expr:
    """m(α) = E min(λ, 1-λ) from ½(1 - E|2λ-1|).

    On [0, ½] put v = u(1-u), dv = (1-2u)du: E|2λ-1| is twice the integral of v^(α-1) over
    [0, ¼], divided by the Beta function. Legendre's duplication formula does the rest.
    """
    v = sp.Symbol("v", positive=True)
    area = sp.integrate(v ** (ALPHA - 1), (v, 0, sp.Rational(1, 4)))
    beta_function = sp.gamma(ALPHA) ** 2 / sp.gamma(2 * ALPHA)
    mean_absolute = 2 * area / beta_function
    return sp.powsimp(sp.gammasimp(HALF * (1 - mean_absolute)), force=True)


def peano_kernel_moment(power: int) -> sp.Expr:
    """∫(u-½)^power K(u) du for the kernel K with Eφ(λ) - (φ(0)+φ(1))/2 = -∫φ''K.

    K needs no formula: put in the φ whose second derivative is (u-½)^power.
    """
    shifted = U - HALF
    phi = shifted ** (power + 2) / ((power + 1) * (power + 2))
    ends = (phi.subs(U, 0) + phi.subs(U, 1)) / 2
    return sp.factor(ends - beta_expectation(phi))


def covariance_factor_distinct() -> sp.Expr:
    """Cov(x'|S) / Σ̂ when the pairs are i≠j: sample points with Σz = 0 and Σzz' = nΣ̂."""
    n = NUMBER_OF_POINTS
    own = beta_expectation(U**2 + (1 - U) ** 2)
    cross = 2 * beta_expectation(U * (1 - U))
    # Sum over i≠j of z_i z_j' = (Σz)(Σz)' - Σzz' = -nΣ̂, divided by the n(n-1) ordered pairs.
    mean_cross_product = -n / (n * (n - 1))
    return sp.factor(own + cross * mean_cross_product)


def beta_law_derivations() -> tuple[Derivation, ...]:
    """Moments and limits of the Beta distribution, and the covariance of mixed points."""
    a = ALPHA
    product = a / (2 * (2 * a + 1))
    effective = (a + 1) / (2 * a + 1)
    smaller = HALF * (1 - sp.gamma(a + HALF) / (sp.sqrt(sp.pi) * sp.gamma(a + 1)))
    fourth = sp.Rational(3, 16) / ((2 * a + 1) * (2 * a + 3))
    parts = "integration by parts"
    return (
        Derivation(
            "s", "L0", "s = E[λ²+(1-λ)²]", parts, beta_expectation(U**2 + (1 - U) ** 2), effective
        ),
        Derivation(
            "product", "T3", "E[λ(1-λ)]", parts, beta_expectation(U * (1 - U)), product
        ),
        Derivation(
            "s at 0", "L0", "limit of s as α→0", "limit", sp.limit(effective, a, 0), sp.Integer(1)
        ),
        Derivation(
            "s at infinity", "L0", "limit of s as α→∞", "limit", sp.limit(effective, a, sp.oo), HALF
        ),
        Derivation(
            "m", "T3", "m(α) = E min(λ, 1-λ)", "primitive and duplication formula",
            mean_smaller_weight(), smaller,
        ),
        Derivation(
            "m at infinity", "T3", "limit of m as α→∞", "limit",
            sp.limit(smaller, a, sp.oo), HALF,
        ),
        Derivation(
            "m near 0", "T3", "m(α)/α as α→0", "derivative at 0",
            sp.simplify(sp.diff(smaller, a).subs(a, 0)), sp.log(2),
        ),
        Derivation(
            "fourth central", "T6", "E(λ-½)⁴", parts, beta_expectation((U - HALF) ** 4), fourth
        ),
        Derivation(
            "s distinct", "T3", "Cov(x'|S) over Σ̂ for i≠j", "sum over ordered pairs",
            covariance_factor_distinct(),
            effective - a / ((2 * a + 1) * (NUMBER_OF_POINTS - 1)),
        ),
        Derivation(
            "label mixing", "T6", "E[λ²(1-λ)²]/2, the loss of F = x² per mean Δ⁴", parts,
            beta_expectation(U**2 * (1 - U) ** 2) / 2,
            a * (a + 1) / (8 * (2 * a + 1) * (2 * a + 3)),
        ),
    )  # fmt: skip


def expansion_derivations() -> tuple[Derivation, ...]:
    """Weights and remainder constants of the two second-order forms of T6."""
    a = ALPHA
    one_sided = [beta_moment(k, a, a + 1) for k in range(5)]  # powers of 1-λ̃, λ̃ ~ Beta(α+1, α)
    mu3 = a * (a + 2) / (2 * (2 * a + 1) * (2 * a + 3))
    mu4 = a * (a + 3) / (4 * (2 * a + 1) * (2 * a + 3))
    kernel = "second derivative put into the Peano kernel"
    density_ratio = sp.gamma(2 * a) / (a * sp.gamma(a) ** 2)
    return (
        Derivation(
            "midpoint weight", "T6", "∫K, the weight of Δ'∇²g(m)Δ", kernel,
            peano_kernel_moment(0), a / (4 * (2 * a + 1)),
        ),
        Derivation(
            "midpoint remainder", "T6", "½∫(u-½)²K, the weight of K₄‖Δ‖⁴", kernel,
            peano_kernel_moment(2) / 2,
            a * (a + 2) / (96 * (2 * a + 1) * (2 * a + 3)),
        ),
        Derivation(
            "mu1", "T6", "μ₁ = E[1-λ̃]", "integration by parts", one_sided[1], a / (2 * a + 1)
        ),
        Derivation(
            "mu2", "T6", "μ₂ = E[(1-λ̃)²] = μ₁/2", "integration by parts", one_sided[2],
            one_sided[1] / 2,
        ),
        Derivation("mu3", "T6", "μ₃ = E[(1-λ̃)³]", "integration by parts", one_sided[3], mu3),
        Derivation("mu4", "T6", "μ₄ = E[(1-λ̃)⁴]", "integration by parts", one_sided[4], mu4),
        Derivation(
            "one-sided remainder", "T6", "weight of K₄‖Δ‖⁴: third order by symmetry, then fourth",
            # Swapping i and j turns Δ into -Δ, so only half the difference of D³g at the two
            # ends survives; that is at most ½K₄‖Δ‖⁴.
            "Taylor terms",
            one_sided[3] / sp.factorial(3) * HALF + one_sided[4] / sp.factorial(4),
            mu3 / 12 + mu4 / 24,
        ),
        Derivation(
            "vanishing alpha", "T6", "u(1-u) × density / α as α→0", "limit",
            sp.gammasimp(density_ratio).rewrite(sp.gamma).series(a, 0, 1).removeO(), HALF,
        ),
    )  # fmt: skip
