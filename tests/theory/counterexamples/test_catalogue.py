"""Every counterexample is enumerated anew and gives the stated values, exactly."""

import itertools
from dataclasses import replace
from fractions import Fraction as Q

import pytest

from theory.counterexamples.case1 import bernoulli_gap_restored
from theory.counterexamples.catalogue import COUNTEREXAMPLES, run_counterexample
from theory.errors import TheoryInputError
from theory.laws.finite_laws import bernoulli_class
from theory.laws.minimal_gap import gap_law
from theory.laws.mixing_coefficient import BetaMixing


@pytest.mark.parametrize("identifier", sorted(COUNTEREXAMPLES))
def test_stated_values_come_out_exactly(identifier):
    result = run_counterexample(identifier)
    assert result.disagreements == {}
    assert result.agrees


def test_each_of_the_false_statements_about_laws_and_samples_is_refuted():
    refuted = {number for example in COUNTEREXAMPLES.values() for number in example.refutes}
    assert refuted == {f"F{k}" for k in range(1, 19)} - {"F5"}  # F5 is T2.2, an inequality


def test_a_wrong_expectation_is_reported_with_both_values():
    example = COUNTEREXAMPLES["nonmonotone_quantile"]
    wrong = replace(example, expected={**example.expected, "size of T1(a)": 39, "extra": 1})
    result = wrong.run()
    assert not result.agrees
    assert result.disagreements == {"size of T1(a)": (38, 39), "extra": (None, 1)}


def test_unknown_identifiers_are_refused():
    with pytest.raises(TheoryInputError, match="no counterexample 'L9'"):
        run_counterexample("L9")


@pytest.mark.parametrize(
    ("p", "delta", "n"), [("1/2", "1/8", 3), ("3/5", "4/25", 2), ("3/5", "1/5", 4)]
)
def test_restoration_scan_against_exact_enumeration_of_every_size(p, delta, n):
    first, last, enough = bernoulli_gap_restored(p, delta, n)
    gap = gap_law(bernoulli_class(p), n).quantile(delta)
    kept = {
        N: gap_law(bernoulli_class(p), N).quantile(delta) <= gap for N in range(n + 1, enough + 20)
    }
    assert first == min(N for N, ok in kept.items() if ok)
    assert last == max((N for N, ok in kept.items() if not ok), default=n)
    assert all(ok for N, ok in kept.items() if last < N)


def test_restoration_scan_decides_exact_ties_exactly():
    """p=4/7, delta=513/2401=P(Bin(4, p) <= 1): rounding alone would put the first size at 12."""
    problem = bernoulli_class("4/7")
    gap = gap_law(problem, 2).quantile("513/2401")
    first, last, enough = bernoulli_gap_restored("4/7", "513/2401", 2)
    exact = [gap_law(problem, N).quantile("513/2401") <= gap for N in range(3, enough)]
    assert first == 3 + exact.index(True) == 4
    assert last == max(N for N, ok in enumerate(exact, start=3) if not ok) == 29


def test_a_gap_that_is_not_positive_has_no_restoring_size():
    with pytest.raises(TheoryInputError, match="gap is"):
        bernoulli_gap_restored("7/10", "3/10", 1)


def test_rademacher_ratio_of_the_population_is_one_minus_epsilon_m():
    """T4: one point, p = +-1 with probability epsilon/2 each: E|x'| / E|x| = 1 - epsilon m."""
    for epsilon, alpha in itertools.product((Q(1, 5), Q(3, 4)), (1, 3)):
        values = {Q(-1): epsilon / 2, Q(0): 1 - epsilon, Q(1): epsilon / 2}
        m = BetaMixing(alpha).expected_minimum()
        opposite = 1 - 2 * m  # E|2 lambda - 1|
        mixed = Q(0)
        for (x, p), (y, q) in itertools.product(values.items(), repeat=2):
            size = abs(x) if x == y else opposite if x == -y else Q(1, 2)
            mixed += p * q * size
        assert mixed / epsilon == 1 - epsilon * m
