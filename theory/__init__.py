"""Gaps, bounds and theorems for mixup distillation, for any model's losses (NumPy/SciPy/SymPy).

The names below are the ones that most users need; they are imported when first asked for, so that
`import theory` costs nothing of SciPy or SymPy.

    >>> from theory import Numbers, betting, theorem
    >>> round(betting([0.0, 1.0, 0.0, 0.0] * 50, delta=0.05).value, 3)
    0.333
    >>> verdict = theorem("T1").check(Numbers(n=67, a=67, delta=0.05, gap=0.12, class_size=4))
    >>> verdict.answer.value
    'not assessable'
"""

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from theory.bounds.betting import betting as betting
    from theory.bounds.binomial import clopper_pearson as clopper_pearson
    from theory.bounds.binomial import exact_paired_difference as exact_paired_difference
    from theory.bounds.bound import Bound as Bound
    from theory.bounds.bound import Interval as Interval
    from theory.bounds.certificates import certify_table as certify_table
    from theory.bounds.concentration import empirical_bernstein as empirical_bernstein
    from theory.bounds.concentration import hoeffding as hoeffding
    from theory.bounds.gaps import generalization_gap as generalization_gap
    from theory.bounds.gaps import paired_gap_difference as paired_gap_difference
    from theory.bounds.losses import clip_losses as clip_losses
    from theory.bounds.risk import generalization_risk as generalization_risk
    from theory.bounds.risk import zero_one_risk as zero_one_risk
    from theory.checks.catalogue import run_checks as run_checks
    from theory.counterexamples.catalogue import run_counterexample as run_counterexample
    from theory.errors import TheoryInputError as TheoryInputError
    from theory.laws.mixing_coefficient import BetaMixing as BetaMixing
    from theory.statements.catalogue import THEOREMS as THEOREMS
    from theory.statements.catalogue import theorem as theorem
    from theory.statements.numbers import Numbers as Numbers
    from theory.statements.theorem import Answer as Answer
    from theory.statements.theorem import Theorem as Theorem
    from theory.statements.theorem import TheoremVerdict as TheoremVerdict

_HOMES = {
    "Answer": "statements.theorem",
    "BetaMixing": "laws.mixing_coefficient",
    "Bound": "bounds.bound",
    "Interval": "bounds.bound",
    "Numbers": "statements.numbers",
    "THEOREMS": "statements.catalogue",
    "Theorem": "statements.theorem",
    "TheoremVerdict": "statements.theorem",
    "TheoryInputError": "errors",
    "betting": "bounds.betting",
    "certify_table": "bounds.certificates",
    "clip_losses": "bounds.losses",
    "clopper_pearson": "bounds.binomial",
    "empirical_bernstein": "bounds.concentration",
    "exact_paired_difference": "bounds.binomial",
    "generalization_gap": "bounds.gaps",
    "generalization_risk": "bounds.risk",
    "hoeffding": "bounds.concentration",
    "paired_gap_difference": "bounds.gaps",
    "run_checks": "checks.catalogue",
    "run_counterexample": "counterexamples.catalogue",
    "theorem": "statements.catalogue",
    "zero_one_risk": "bounds.risk",
}

__all__ = sorted(_HOMES)


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"{__name__}.{_HOMES[name]}"), name)


def __dir__() -> list[str]:
    return sorted(_HOMES)
