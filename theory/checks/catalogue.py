"""Every check of the theory and how to run them.

Exact checks use rational arithmetic; the Monte Carlo ones share the error budget of
`theory.checks.check`, asserted here.
"""

from collections.abc import Callable, Iterable
from time import perf_counter

from theory.checks import case1, case2, certificates, students
from theory.checks.check import MOST_RANDOM_TESTS, Check, CheckResult, Effort, Outcome
from theory.errors import TheoryInputError

CHECKS: tuple[Check, ...] = (
    *case1.CHECKS,
    *case2.CHECKS,
    *students.CHECKS,
    *certificates.CHECKS,
)


def random_tests() -> int:
    """Return the number of Monte Carlo tests of a whole run, at most `MOST_RANDOM_TESTS`."""
    return sum(check.random_tests for check in CHECKS)


def checks_of(theorem: str) -> tuple[str, ...]:
    """The ids of the checks of one statement: "T1" has "T1.sizes", "T1.conclusion", …"""
    return tuple(
        check.id
        for check in CHECKS
        if check.id == theorem or check.id.startswith((f"{theorem}.", f"{theorem} "))
    )


def run_checks(
    thorough: bool = False,
    *,
    only: Iterable[str] | None = None,
    report: Callable[[CheckResult], None] | None = None,
) -> list[CheckResult]:
    """Run the checks in order; `only` keeps those whose ids are listed.

    `report` is called with each result as soon as it is there. A check that raises counts as
    failed, with the error as its measurement.

    Raises TheoryInputError for an id that does not exist.
    """
    wanted = CHECKS if only is None else _selected(only)
    results = []
    for check in wanted:
        results.append(_run(check, Effort(thorough)))
        if report is not None:
            report(results[-1])
    return results


def _selected(only: Iterable[str]) -> tuple[Check, ...]:
    ids = set(only)
    unknown = ids - {check.id for check in CHECKS}
    if unknown:
        raise TheoryInputError(
            f"there is no check {sorted(unknown)[0]!r}; the checks are "
            f"{', '.join(check.id for check in CHECKS)}."
        )
    return tuple(check for check in CHECKS if check.id in ids)


def _run(check: Check, effort: Effort) -> CheckResult:
    started = perf_counter()
    try:
        outcome = check.run(effort)
    except (ArithmeticError, ValueError, IndexError, KeyError) as error:
        outcome = Outcome(f"{type(error).__name__}: {error}", "no error", passed=False)
    return CheckResult(
        check.id, check.statement, check.checked, outcome.measured, outcome.expected,
        bool(outcome.passed), perf_counter() - started,
    )  # fmt: skip


if random_tests() > MOST_RANDOM_TESTS:
    raise AssertionError(
        f"{random_tests()} Monte Carlo tests exceed the budget of {MOST_RANDOM_TESTS}"
    )
