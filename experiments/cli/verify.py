"""`mixkd verify`: run every check of the theory, or judge one statement on given numbers."""

from collections.abc import Iterator
from pathlib import Path
from textwrap import wrap
from typing import TYPE_CHECKING, Annotated, Any

import typer

from theory.statements.numbers import meaning

if TYPE_CHECKING:
    from theory.checks.check import CheckResult
    from theory.statements.theorem import Finding, Theorem, TheoremVerdict

WIDTH = 110
PROVENANCE = (
    "Only the shape of T1 is the paper's; every other statement, condition, constant and proof "
    "is this suite's reconstruction (theory/THEORY.md)."
)


def _number(name: str) -> Any:
    """The option for one field of the evidence, described as the theory describes it."""
    return typer.Option(help=meaning(name), rich_help_panel="Numbers for one statement")


def verify(
    statement: Annotated[
        str | None,
        typer.Argument(help="A statement (T1, T2.3, …) to judge; all checks run without it."),
    ] = None,
    json: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Write the results as JSON.")
    ] = None,
    plots: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Write the figures as SVG and PNG.")
    ] = None,
    thorough: Annotated[bool, typer.Option("--thorough", help="Larger sizes.")] = False,
    n: Annotated[int | None, _number("n")] = None,
    a: Annotated[int | None, _number("a")] = None,
    delta: Annotated[float | None, _number("delta")] = None,
    loss_bound: Annotated[float | None, _number("loss_bound")] = None,
    largest_loss: Annotated[float | None, _number("largest_loss")] = None,
    class_size: Annotated[int | None, _number("class_size")] = None,
    class_fixed: Annotated[bool | None, _number("class_fixed")] = None,
    gap: Annotated[float | None, _number("gap")] = None,
    mean_gap: Annotated[float | None, _number("mean_gap")] = None,
    complexity: Annotated[float | None, _number("complexity")] = None,
    sample_independent: Annotated[bool | None, _number("sample_independent")] = None,
    independent: Annotated[bool | None, _number("independent")] = None,
    independent_draws: Annotated[bool | None, _number("independent_draws")] = None,
    self_pairs: Annotated[bool | None, _number("self_pairs")] = None,
    independent_batches: Annotated[bool | None, _number("independent_batches")] = None,
    infinite_draws: Annotated[bool | None, _number("infinite_draws")] = None,
    teacher_queried: Annotated[bool | None, _number("teacher_queried")] = None,
    weight: Annotated[float | None, _number("weight")] = None,
    weight_fixed: Annotated[bool | None, _number("weight_fixed")] = None,
    bias: Annotated[float | None, _number("bias")] = None,
    eps_infinity: Annotated[float | None, _number("eps_infinity")] = None,
    eps_infinity_floor: Annotated[float | None, _number("eps_infinity_floor")] = None,
    eta: Annotated[float | None, _number("eta")] = None,
    augmented_gap: Annotated[float | None, _number("augmented_gap")] = None,
    empirical_risk: Annotated[float | None, _number("empirical_risk")] = None,
    augmented_risk: Annotated[float | None, _number("augmented_risk")] = None,
    loss_variance: Annotated[float | None, _number("loss_variance")] = None,
    kernel_variance: Annotated[float | None, _number("kernel_variance")] = None,
    convex: Annotated[bool | None, _number("convex")] = None,
    alpha: Annotated[float | None, _number("alpha")] = None,
    lipschitz: Annotated[float | None, _number("lipschitz")] = None,
    smoothness: Annotated[float | None, _number("smoothness")] = None,
    pair_distance: Annotated[float | None, _number("pair_distance")] = None,
    covariance_trace: Annotated[float | None, _number("covariance_trace")] = None,
    radius: Annotated[float | None, _number("radius")] = None,
    centred: Annotated[bool | None, _number("centred")] = None,
    linear: Annotated[bool | None, _number("linear")] = None,
    squared_loss: Annotated[bool | None, _number("squared_loss")] = None,
    realizable: Annotated[bool | None, _number("realizable")] = None,
    intercept: Annotated[bool | None, _number("intercept")] = None,
    full_rank: Annotated[bool | None, _number("full_rank")] = None,
    ridge: Annotated[float | None, _number("ridge")] = None,
    fourth_derivative: Annotated[float | None, _number("fourth_derivative")] = None,
    pair_fourth_moment: Annotated[float | None, _number("pair_fourth_moment")] = None,
    batch_size: Annotated[int | None, _number("batch_size")] = None,
    held_out: Annotated[int | None, _number("held_out")] = None,
    errors: Annotated[int | None, _number("errors")] = None,
    mean_loss: Annotated[float | None, _number("mean_loss")] = None,
    held_out_independent: Annotated[bool | None, _number("held_out_independent")] = None,
    unseen: Annotated[bool | None, _number("unseen")] = None,
    candidates: Annotated[int | None, _number("candidates")] = None,
    realised_gap: Annotated[float | None, _number("realised_gap")] = None,
    zero_one: Annotated[bool | None, _number("zero_one")] = None,
    loss_only: Annotated[bool | None, _number("loss_only")] = None,
) -> None:
    """Verify the theory: run every check, or judge one statement on your own numbers.

    Without STATEMENT all checks run, exactly where possible; the exit status is 1 if any fails.
    With STATEMENT and numbers, each hypothesis is answered holds, fails or not assessable, and what
    follows and what does not is said; without numbers the statement is shown and its checks run.
    """
    supplied = dict(locals())
    from dataclasses import asdict, fields

    from mixkd_core.errors import InputError
    from theory.statements.numbers import Numbers

    numbers = {item.name: supplied[item.name] for item in fields(Numbers)}
    given = {name: value for name, value in numbers.items() if value is not None}
    if statement is None and given:
        first = next(iter(given))
        raise InputError(
            f"--{first.replace('_', '-')} is given without a statement to judge; "
            "name one first, for example: mixkd verify T1."
        )
    if json is not None and not json.absolute().parent.is_dir():
        raise InputError(f"--json {json} is in a folder that is not there; make it first.")
    if plots is not None:
        try:
            plots.mkdir(parents=True, exist_ok=True)
        except (OSError, ValueError) as error:
            raise InputError(f"--plots {plots} cannot be made a folder: {error}") from None
    if statement is None:
        failed = _run_all(None, thorough, json)
    else:
        from theory.checks.catalogue import checks_of
        from theory.statements.catalogue import theorem

        found = theorem(statement)
        verdict = found.check(Numbers(**given)) if given else None  # refused before printing
        _print_statement(found)
        if verdict is not None:
            _print_verdict(verdict)
            failed = False
            if json is not None:
                _write_json(json, {**asdict(verdict), "answer": verdict.answer, "evidence": given})
        else:
            options = ", ".join(f"--{name.replace('_', '-')}" for name in found.needs)
            _print_text("To judge it on your own numbers, give", f"{options}.")
            typer.echo()
            failed = _run_all(checks_of(found.id), thorough, json)
    if plots is not None:
        from reports.figures.theory import save_figures

        for path in save_figures(plots):
            typer.echo(f"wrote {path}")
    if failed:
        raise typer.Exit(1)


def _run_all(only: tuple[str, ...] | None, thorough: bool, json: Path | None) -> bool:
    """Run checks, printing each as it ends; True when any failed."""
    from dataclasses import asdict

    from theory.checks.catalogue import random_tests, run_checks

    typer.echo(_row("verdict", "check", "statement", "checked", "seconds"))
    typer.echo("-" * WIDTH)
    results = run_checks(thorough, only=only, report=_print_result)
    failures = [result.id for result in results if not result.passed]
    seconds = sum(result.seconds for result in results)
    typer.echo("-" * WIDTH)
    summary = f"{len(results) - len(failures)} of {len(results)} checks pass in {seconds:.1f} s."
    typer.echo(summary + ("" if not failures else f" Failing: {', '.join(failures)}."))
    if only is None:
        _print_text(
            "Error budget:",
            f"{random_tests()} Monte Carlo tests at 5e-8 each, so a whole run fails by chance with "
            f"probability below {random_tests() * 5e-8:.1e}.",
        )
    _print_text("Provenance:", PROVENANCE)
    if json is not None:
        rows = [{**asdict(result), "verdict": result.verdict} for result in results]
        document = {"passed": not failures, "failures": failures, "thorough": thorough,
                    "random_tests": random_tests(), "seconds": seconds,
                    "provenance": PROVENANCE, "versions": _versions(), "checks": rows}  # fmt: skip
        _write_json(json, document)
    return bool(failures)


def _versions() -> dict[str, str]:
    """The libraries whose random streams and algorithms the numbers depend on."""
    import numpy
    import scipy
    import sympy

    return {module.__name__: module.__version__ for module in (numpy, scipy, sympy)}


def _row(verdict: str, name: str, statement: str, checked: str, seconds: str) -> str:
    return f"{verdict:<8}{name:<20}{statement:<46}{checked:<28}{seconds:>8}".rstrip()


def _print_result(result: "CheckResult") -> None:
    cells = [wrap(text, width) or [""] for text, width in (
        (result.id, 19), (result.statement, 45), (result.checked, 27))]  # fmt: skip
    for line in range(max(map(len, cells))):
        name, statement, checked = (cell[line] if line < len(cell) else "" for cell in cells)
        verdict, seconds = (result.verdict, f"{result.seconds:.2f}") if line == 0 else ("", "")
        typer.echo(_row(verdict, name, statement, checked, seconds))
    values = [("measured", result.measured), ("expected", result.expected)]
    if result.measured == result.expected:
        values = [("measured = expected", result.measured)]
    for label, text in values:
        for part in _hanging(f"{label}  ", text, indent=8):
            typer.echo(part)


def _print_statement(theorem: "Theorem") -> None:
    typer.echo(f"{theorem.id}  {theorem.title}")
    _print_text("Provenance:", f"{theorem.provenance}.")
    _print_text("Statement:", theorem.statement)
    if theorem.threshold:
        _print_text("Threshold:", theorem.threshold)
    if theorem.counterexamples:
        _print_text("Counterexamples:", ", ".join(theorem.counterexamples))
    typer.echo()


def _print_verdict(verdict: "TheoremVerdict") -> None:
    typer.echo("Hypotheses")
    for finding in verdict.findings:
        _print_finding(finding)
    for route in verdict.routes:
        typer.echo(f"  route {route.name}: {route.answer.upper()}")
        for finding in route.findings:
            _print_finding(finding)
    if verdict.quantities:
        typer.echo("Numbers")
        for name, value in verdict.quantities.items():
            typer.echo(f"  {name} = {value:.8g}")
    _print_list("What follows", verdict.follows or ("nothing from these numbers",))
    _print_list("What does not follow", verdict.does_not_follow)
    _print_list("Note", verdict.notes)


def _print_finding(finding: "Finding") -> None:
    for line in _hanging(f"{finding.answer:<16}", f"{finding.statement}: {finding.reason}", 4):
        typer.echo(line)
    if finding.answer == "fails" and finding.counterexample is not None:
        typer.echo(f"{'':<20}what can go wrong: counterexample {finding.counterexample}")


def _print_list(title: str, lines: tuple[str, ...]) -> None:
    if lines:
        typer.echo(title)
    for text in lines:
        for line in _hanging("- ", text, indent=2):
            typer.echo(line)


def _print_text(label: str, text: str) -> None:
    for line in _hanging(f"{label} ", text, indent=0):
        typer.echo(line)


def _hanging(label: str, text: str, indent: int) -> Iterator[str]:
    """The text after its label, wrapped to the width with a hanging indent."""
    room = WIDTH - indent - len(label)
    for number, line in enumerate(wrap(text, room) or [""]):
        yield " " * indent + (label if number == 0 else " " * len(label)) + line


def _write_json(path: Path, document: dict[str, Any]) -> None:
    from json import dumps

    from mixkd_core.errors import InputError

    text = dumps(document, indent=2, ensure_ascii=False, allow_nan=False)
    try:
        path.write_text(text + "\n", encoding="utf-8")
    except (OSError, ValueError) as error:  # ValueError: a path with a null byte
        raise InputError(f"{path} cannot be written: {error}") from None
    typer.echo(f"wrote {path}")
