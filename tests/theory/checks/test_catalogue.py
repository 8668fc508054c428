"""The registry of checks: every one passes, the error budget holds, and failures are seen."""

import pytest
from scipy.stats import binom

from theory.checks import catalogue as checks
from theory.checks.check import (
    FALSE_ALARM,
    MOST_RANDOM_TESTS,
    Check,
    Effort,
    Outcome,
    at_most,
    mean_tolerance,
    more_than,
    rejection_count,
)
from theory.counterexamples.catalogue import COUNTEREXAMPLES
from theory.errors import TheoryInputError
from theory.statements.catalogue import THEOREMS


@pytest.mark.slow
@pytest.mark.parametrize("check", checks.CHECKS, ids=lambda check: check.id)
def test_every_check_passes(check):
    outcome = check.run(Effort())
    assert outcome.passed, (outcome.measured, outcome.expected)
    assert outcome.measured
    assert outcome.expected


def test_the_error_budget_is_kept_and_counted():
    assert checks.random_tests() == 17 <= MOST_RANDOM_TESTS
    assert MOST_RANDOM_TESTS * FALSE_ALARM < 1e-6
    for check in checks.CHECKS:
        assert ("Monte Carlo" in check.checked) == (check.random_tests > 0), check.id


def test_every_statement_and_every_counterexample_is_checked():
    for item in THEOREMS:
        assert checks.checks_of(item.id), item.id
    run = {check.checked.removeprefix("exact, ") for check in checks.CHECKS}
    assert set(COUNTEREXAMPLES) <= run
    assert len({check.id for check in checks.CHECKS}) == len(checks.CHECKS)


@pytest.mark.parametrize(("delta", "count"), [(0.1, 2231), (0.05, 1169)])
def test_the_rejection_counts_of_the_document(delta, count):
    assert rejection_count(20_000, delta) == count
    assert binom.sf(count - 1, 20_000, delta) <= FALSE_ALARM < binom.sf(count - 2, 20_000, delta)


def test_the_monte_carlo_rules_at_their_edges():
    assert at_most(2230, 20_000, 0.1).passed
    assert not at_most(2231, 20_000, 0.1).passed
    assert more_than(3870, 20_000, 0.1).measured == "3870 of 20000, P >= 0.1789"
    assert not more_than(2100, 20_000, 0.1).passed
    assert mean_tolerance(1_000_000) == pytest.approx(0.0029584, abs=1e-7)
    assert mean_tolerance(1_000_000, 2.0) == 2 * mean_tolerance(1_000_000)


def test_a_failing_check_is_reported_and_so_is_one_that_raises(monkeypatch):
    def broken(effort):
        raise TheoryInputError("no such law")

    planted = (
        Check(
            "X.false", "one is two", "by looking", lambda effort: Outcome("1", "2", passed=False)
        ),
        Check("X.broken", "it runs", "by running", broken),
    )
    monkeypatch.setattr(checks, "CHECKS", planted)
    seen = []
    results = checks.run_checks(report=seen.append)
    assert seen == results
    assert [result.verdict for result in results] == ["FAIL", "FAIL"]
    assert results[1].measured == "TheoryInputError: no such law"


def test_a_selection_of_checks():
    assert checks.checks_of("C1") == ("C1",)
    assert "T7.coverage Bern(.1)" in checks.checks_of("T7")
    assert [result.id for result in checks.run_checks(only=["L1.means"])] == ["L1.means"]
    with pytest.raises(TheoryInputError, match=r"L1\.monotone"):
        checks.run_checks(only=["L1.mean"])
