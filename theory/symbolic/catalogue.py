"""Every closed form of the package, derived with SymPy: `all_derivations()`.

`theory.symbolic.law` derives the distribution of λ, the covariance of mixed points and the
expansion T6; `theory.symbolic.thresholds` derives the thresholds and constants of T1, T2 and T5.
"""

from functools import cache

from theory.errors import TheoryInputError
from theory.symbolic.law import Derivation, beta_law_derivations, expansion_derivations
from theory.symbolic.thresholds import threshold_derivations


@cache
def all_derivations() -> tuple[Derivation, ...]:
    """All derivations, in the order of the document: distribution, expansion, thresholds."""
    return (*beta_law_derivations(), *expansion_derivations(), *threshold_derivations())


def derivation(identifier: str) -> Derivation:
    """The derivation with this id; raises `TheoryInputError` with the known ids otherwise."""
    for candidate in all_derivations():
        if candidate.id == identifier:
            return candidate
    known = ", ".join(item.id for item in all_derivations())
    raise TheoryInputError(f"no derivation is called {identifier!r}; the known ones are: {known}.")
