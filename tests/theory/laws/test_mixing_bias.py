"""The bias of the mixed law from disjoint pairs."""

import numpy as np
import pytest

from theory.bounds.betting import betting
from theory.bounds.concentration import hoeffding
from theory.errors import TheoryInputError
from theory.laws.mixing_bias import mixing_bias


def test_the_bias_is_bounded_by_the_mean_of_the_pair_differences() -> None:
    generator = np.random.default_rng(9)
    first, second, mixed = generator.random((3, 50))
    differences = (first + second) / 2 - mixed
    for method in (betting, hoeffding):
        for lower in (False, True):
            expected = method(differences, 0.05, 1.0, lowest=-1.0, lower=lower).value
            bound = mixing_bias(first, second, mixed, 0.05, lower=lower, method=method)
            assert bound.value == expected


def test_a_convex_loss_has_a_positive_bias_that_is_found() -> None:
    """g(x) = x² on uniform points of [-1, 1], lambda uniform: b = s.t. E λ(1-λ) E(x-x')² = 1/9."""
    generator = np.random.default_rng(10)
    x, other = generator.uniform(-1, 1, size=(2, 5000))
    mixing = generator.random(5000)
    parts = x**2, other**2, (mixing * x + (1 - mixing) * other) ** 2
    assert mixing_bias(*parts, 0.01, lower=True).value > 0.05
    assert mixing_bias(*parts, 0.01, lower=True).value < 1 / 9 < mixing_bias(*parts, 0.01).value


def test_every_pair_needs_all_three_losses() -> None:
    with pytest.raises(TheoryInputError, match="2, 2 and 1 losses"):
        mixing_bias([0.1, 0.2], [0.1, 0.2], [0.1], 0.05)
