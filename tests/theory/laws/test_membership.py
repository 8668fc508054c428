"""Attacks on a bounded loss: their advantage against the gap, exactly and in simulation."""

from fractions import Fraction as Q

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from theory.errors import TheoryInputError
from theory.laws.membership import (
    advantage,
    best_advantage,
    membership_gap,
    proportional_advantage,
    threshold_advantage,
)

BOUND = 4


@st.composite
def losses(draw):
    """A distribution of a loss in {0, ..., BOUND}."""
    counts = draw(st.lists(st.integers(0, 9), min_size=BOUND + 1, max_size=BOUND + 1))
    counts[draw(st.integers(0, BOUND))] += 1
    return {Q(value): Q(count, sum(counts)) for value, count in enumerate(counts)}


@given(losses(), losses())
def test_the_proportional_attack_has_the_gap_over_m_and_a_threshold_at_least_that(members, fresh):
    least = membership_gap(members, fresh) / BOUND
    assert proportional_advantage(members, fresh, BOUND) == least
    thresholds = max(threshold_advantage(members, fresh), threshold_advantage(fresh, members))
    assert abs(least) <= thresholds <= best_advantage(members, fresh)


@given(losses(), losses(), st.lists(st.fractions(0, 1), min_size=5, max_size=5))
def test_no_attack_is_better_than_the_total_variation(members, fresh, answers):
    attack = advantage(members, fresh, lambda loss: answers[int(loss)])
    masses = [(members[Q(k)], fresh[Q(k)]) for k in range(BOUND + 1)]
    assert abs(attack) <= best_advantage(members, fresh) == sum(abs(a - b) for a, b in masses) / 2


@given(st.fractions(0, 1), st.fractions(0, 1))
def test_a_zero_one_loss_leaks_the_gap_and_no_more(training, fresh):
    one, two = ({Q(0): 1 - error, Q(1): error} for error in (training, fresh))
    assert best_advantage(one, two) == abs(membership_gap(one, two)) == abs(training - fresh)


def test_the_attack_played_out_has_the_advantage_of_the_formula():
    """20,000 members and as many fresh points; four standard errors."""
    generator = np.random.default_rng(18)
    members, fresh = generator.beta(1, 5, 20_000), generator.beta(2, 4, 20_000)
    says = generator.random(20_000)
    found = np.mean(says < 1 - members) - np.mean(says < 1 - fresh)
    assert found == pytest.approx(2 / 6 - 1 / 6, abs=4 * np.sqrt(2 * 0.25 / 20_000))


def test_distributions_that_are_none_are_refused():
    whole = {Q(0): Q(1)}
    with pytest.raises(TheoryInputError, match="add up to 1"):
        membership_gap({Q(0): Q(1, 2)}, whole)
    with pytest.raises(TheoryInputError, match="not be negative"):
        membership_gap({Q(0): Q(2), Q(1): Q(-1)}, whole)
    with pytest.raises(TheoryInputError, match=r"a loss is 3, outside \[0, 2\]"):
        proportional_advantage({Q(3): Q(1)}, whole, 2)
