"""The objective as a weighted sum of named terms, and the methods that are such sums.

    L = Σ_term α_term · L_term

| term   | on            | compares                                                  |
| ------ | ------------- | --------------------------------------------------------- |
| `mle`  | originals     | student with labels (cross-entropy; squared error)        |
| `kd`   | originals     | student with teacher, distance d (Hinton et al., 2015)    |
| `pkd`  | originals     | hidden states of student and teacher (Sun et al., 2019)   |
| `sm`   | mixed samples | student with mixed labels (MixKD, equation 3)             |
| `tmkd` | mixed samples | student with teacher on the mixture (MixKD, equation 4)   |

Method `theseus` has the loss of `ft` and takes it on a network in which the student's layers
replace the teacher's step by step (`mixkd_core.networks.theseus`).
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING

from mixkd_core.errors import InputError

if TYPE_CHECKING:
    from torch import Tensor  # a report reads objectives, and does without loading torch

TERMS = ("mle", "kd", "pkd", "sm", "tmkd")
MIXED_TERMS = frozenset({"sm", "tmkd"})
TEACHER_TERMS = frozenset({"kd", "pkd", "tmkd"})

METHODS: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "ft": ("mle",),
        "kd": ("mle", "kd"),
        "pkd": ("mle", "kd", "pkd"),
        "sm": ("mle", "sm"),
        "tmkd": ("mle", "tmkd"),
        "sm+tmkd": ("mle", "sm", "tmkd"),
        "kd+sm+tmkd": ("mle", "kd", "sm", "tmkd"),
        "theseus": ("mle",),
    }
)


@dataclass(frozen=True)
class Objective:
    """Weights of the terms in force; a term that is absent has weight 0 and is never computed.

    Attributes:
        weights: `(term, weight)` in the order of `TERMS`, every weight positive.
        replaces_modules: whether the student trains among the teacher's layers.
    """

    weights: tuple[tuple[str, float], ...]
    replaces_modules: bool = False

    @property
    def terms(self) -> frozenset[str]:
        return frozenset(term for term, _ in self.weights)

    @property
    def mixes(self) -> bool:
        """Whether any term is taken on mixed samples."""
        return bool(self.terms & MIXED_TERMS)

    @property
    def uses_originals(self) -> bool:
        """Whether any term is taken on the original examples."""
        return bool(self.terms - MIXED_TERMS)

    @property
    def needs_teacher(self) -> bool:
        return self.replaces_modules or bool(self.terms & TEACHER_TERMS)

    @property
    def formula(self) -> str:
        """The sum in force, as printed and stored: `L = 1 mle + 0.5 sm + 2 tmkd`."""
        terms = " + ".join(f"{weight:g} {term}" for term, weight in self.weights)
        return f"L = {terms}" + (", replacing modules" if self.replaces_modules else "")

    def total(self, terms: Mapping[str, Tensor]) -> Tensor:
        """Σ α_term · L_term over the terms in force, a scalar."""
        first, *others = (weight * terms[term] for term, weight in self.weights)
        return sum(others, start=first)


def objective(method: str, overrides: Mapping[str, float | None] | None = None) -> Objective:
    """The objective of a named method, its weights 1 unless overridden.

    Args:
        method: a key of `METHODS`.
        overrides: weights by term; they may switch a term of the method off (0) or add one that
            the method does not have, which is how a custom objective is made. `None` keeps the
            method's own weight.

    Raises:
        InputError: for an unknown method or term, a weight that is negative or not finite, or
            when nothing is left to minimise.
    """
    if method not in METHODS:
        raise InputError(f"unknown method {method!r}: choose one of {', '.join(METHODS)}.")
    weights = dict.fromkeys(METHODS[method], 1.0)
    for term, weight in (overrides or {}).items():
        if term not in TERMS:
            raise InputError(f"unknown term {term!r} among the weights: use {', '.join(TERMS)}.")
        if weight is None:
            continue
        if not (weight >= 0 and math.isfinite(weight)):
            raise InputError(f"the weight of {term!r} is {weight}; it must be 0 or positive.")
        weights[term] = weight
    kept = tuple((term, float(weights[term])) for term in TERMS if weights.get(term))
    if not kept:
        raise InputError(f"every weight of method {method!r} is 0: nothing is left to minimise.")
    return Objective(kept, replaces_modules=method == "theseus")


def check_mixup_ratio(given: Objective, ratio: float) -> None:
    """That there are mixed samples for the terms that are taken on them.

    Raises:
        InputError: if the objective mixes and the ratio is 0.
    """
    if given.mixes and ratio == 0:
        raise InputError(
            f"mixup ratio is 0, but the objective has terms on mixed samples ({given.formula}): "
            "raise the ratio or choose 'ft', 'kd' or 'pkd'."
        )


def patient_layers(student_layers: int, teacher_layers: int) -> tuple[tuple[int, int], ...]:
    """Pairs (student layer, teacher layer), counted from 1, that `pkd` matches.

    Every student layer but the last learns from the teacher layer at the same relative depth
    ("PKD-skip"): 3 of 6 gives (1, 2), (2, 4); 6 of 12 gives (1, 2), …, (5, 10).

    Raises:
        InputError: if the student has a single layer (nothing to match) or more than the teacher.
    """
    if not 2 <= student_layers <= teacher_layers:
        raise InputError(
            f"the term 'pkd' matches intermediate layers, and a student of {student_layers} "
            f"layer(s) has none to match with a teacher of {teacher_layers}: use 2 layers or "
            "more, at most as many as the teacher has, or a method without 'pkd'."
        )
    return tuple(
        (layer, layer * teacher_layers // student_layers) for layer in range(1, student_layers)
    )
