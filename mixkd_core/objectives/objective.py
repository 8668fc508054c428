"""The objective as a weighted sum of named terms, and the methods that are such sums.

    L = Σ_term α_term · L_term

| term       | on               | compares                                                |
| ---------- | ---------------- | ------------------------------------------------------- |
| `mle`      | originals        | student with labels (cross-entropy; squared error)      |
| `kd`       | originals        | student with teacher, distance d (Hinton et al., 2015)  |
| `pkd`      | originals        | hidden states of student and teacher (Sun et al., 2019) |
| `sm`       | mixed samples    | student with mixed labels (MixKD, equation 3)           |
| `tmkd`     | mixed samples    | student with teacher on the mixture (MixKD, equation 4) |
| `transfer` | unlabelled texts | student with teacher (Hinton et al.'s transfer set)     |

Method `transfer` is what `tmkd` is compared with: it asks the teacher as often, about real texts
without labels in place of mixtures.

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

TERMS = ("mle", "kd", "pkd", "sm", "tmkd", "transfer")
MIXED_TERMS = frozenset({"sm", "tmkd"})
TEACHER_TERMS = frozenset({"kd", "pkd", "tmkd", "transfer"})

# Terms on samples that are drawn beside the originals, `mixup_ratio` of them for each.
DRAWN_TERMS = MIXED_TERMS | {"transfer"}

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
        "transfer": ("mle", "transfer"),
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
        """True if any term is taken on mixed samples."""
        return bool(self.terms & MIXED_TERMS)

    @property
    def transfers(self) -> bool:
        """True if the teacher is asked about texts of an unlabelled transfer set."""
        return "transfer" in self.terms

    @property
    def draws(self) -> bool:
        """True if samples are drawn beside the originals: mixed ones, or unlabelled texts."""
        return self.mixes or self.transfers

    @property
    def uses_originals(self) -> bool:
        """True if any term is taken on the original examples."""
        return bool(self.terms - DRAWN_TERMS)

    @property
    def needs_teacher(self) -> bool:
        return self.replaces_modules or bool(self.terms & TEACHER_TERMS)

    @property
    def formula(self) -> str:
        """The sum in force, as printed and stored: `L = 1 mle + 0.5 sm + 2 tmkd`."""
        terms = " + ".join(f"{weight:g} {term}" for term, weight in self.weights)
        return f"L = {terms}" + (", replacing modules" if self.replaces_modules else "")

    def total(self, terms: Mapping[str, Tensor]) -> Tensor:
        """Return Σ α_term · L_term over the terms in force, a scalar.

        Args:
            terms: the mean of each term over its examples, a scalar each.
        """
        first, *others = (weight * terms[term] for term, weight in self.weights)
        return sum(others, start=first)


def objective(method: str, overrides: Mapping[str, float | None] | None = None) -> Objective:
    """Return the objective of a named method, its weights 1 unless overridden.

    References: `ft` fine-tunes; `kd` Hinton et al., 2015 (https://arxiv.org/abs/1503.02531); `pkd`
    Sun et al., 2019 (https://arxiv.org/abs/1908.09355); `sm` and `tmkd` MixKD, equations 3 and 4
    (https://arxiv.org/abs/2011.00593); `theseus` Xu et al., 2020
    (https://arxiv.org/abs/2002.02925); `transfer` the transfer set of Hinton et al.

    Args:
        method: a key of `METHODS`.
        overrides: weights by term; they may switch a term of the method off (0) or add one that
            the method does not have, which is how a custom objective is made. `None` keeps the
            method's own weight.

    Raises:
        InputError: for an unknown method or term, a weight that is negative or not finite, when
            nothing is left to minimise, or for terms on mixtures and on unlabelled texts at once.

    Example:
        >>> mixkd = objective("sm+tmkd", {"sm": 0.5, "tmkd": 2.0})
        >>> mixkd.formula
        'L = 1 mle + 0.5 sm + 2 tmkd'
        >>> mixkd.mixes, mixkd.needs_teacher
        (True, True)
        >>> import torch
        >>> terms = {"mle": 0.25, "sm": 0.5, "tmkd": 0.125}  # the mean of each over a batch
        >>> mixkd.total({term: torch.tensor(value) for term, value in terms.items()})
        tensor(0.7500)
        >>> objective("kd", {"mle": 0}).formula  # distillation without labels
        'L = 1 kd'
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
    made = Objective(kept, replaces_modules=method == "theseus")
    if made.mixes and made.transfers:
        raise InputError(
            f"the objective {made.formula} draws mixtures and unlabelled texts: the latter take "
            "the place of the former, so drop the weight of 'transfer', or those of 'sm' and "
            "'tmkd'."
        )
    return made


def check_mixup_ratio(given: Objective, ratio: float) -> None:
    """Check that samples are drawn for the terms that are taken on them.

    Raises:
        InputError: if the ratio is negative or not finite, or 0 where the objective draws.
    """
    if not 0 <= ratio < math.inf:
        raise InputError(f"mixup ratio is {ratio}; it must be 0 or positive.")
    if given.draws and ratio == 0:
        drawn = "mixed samples" if given.mixes else "unlabelled texts"
        raise InputError(
            f"mixup ratio is 0, but the objective has terms on {drawn} ({given.formula}): "
            "raise the ratio or choose 'ft', 'kd' or 'pkd'."
        )


def patient_layers(student_layers: int, teacher_layers: int) -> tuple[tuple[int, int], ...]:
    """Return the pairs (student layer, teacher layer), counted from 1, that `pkd` matches.

    Every student layer but the last learns from the teacher layer at the same relative depth
    ("PKD-skip", Sun et al., 2019).

    Raises:
        InputError: if the student has a single layer (nothing to match) or more than the teacher.

    Example:
        >>> patient_layers(3, 6)
        ((1, 2), (2, 4))
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
