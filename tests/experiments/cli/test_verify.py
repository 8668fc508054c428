"""`mixkd verify` through the command line."""

import json
from dataclasses import fields

import pytest
from typer.testing import CliRunner

from experiments.cli import app
from experiments.cli.verify import WIDTH
from mixkd_core.errors import InputError
from theory.checks import catalogue as checks
from theory.checks.check import Check, Outcome
from theory.errors import TheoryInputError
from theory.statements.numbers import Numbers

RUNNER = CliRunner()
EXAMPLE = [
    "verify", "T1", "--n", "67", "--a", "67", "--delta", "0.05", "--loss-bound", "1",
    "--gap", "0.12", "--class-size", "4",
]  # fmt: skip


def quick(name, measured="1", expected="1"):
    return Check(name, f"statement of {name}", "exact", lambda effort: Outcome(
        measured, expected, measured == expected))  # fmt: skip


@pytest.fixture
def three_checks(monkeypatch):
    monkeypatch.setattr(checks, "CHECKS", (quick("A.one"), quick("A.two"), quick("B")))


@pytest.mark.usefixtures("three_checks")
def test_all_checks_make_a_table_and_a_json_file(tmp_path):
    target = tmp_path / "verify.json"
    result = RUNNER.invoke(app, ["verify", "--json", str(target)])
    assert result.exit_code == 0, result.output
    assert "3 of 3 checks pass" in result.output
    assert "Only the shape of T1 is the paper's" in result.output
    document = json.loads(target.read_text(encoding="utf-8"))
    assert document["passed"] is True
    assert [row["id"] for row in document["checks"]] == ["A.one", "A.two", "B"]
    assert set(document["checks"][0]) == {
        "id", "statement", "checked", "measured", "expected", "passed", "seconds", "verdict",
    }  # fmt: skip


def test_a_failing_check_sets_the_exit_status(monkeypatch):
    monkeypatch.setattr(checks, "CHECKS", (quick("A"), quick("B", measured="2")))
    result = RUNNER.invoke(app, ["verify"])
    assert result.exit_code == 1
    assert "FAIL    B" in result.output
    assert "Failing: B." in result.output


def test_the_table_fits_the_screen():
    result = RUNNER.invoke(app, ["verify", "L2"])
    assert result.exit_code == 0, result.output
    assert "PASS    L2.iv" in result.output
    assert max(map(len, result.output.splitlines())) <= WIDTH <= 120


def test_thorough_reaches_the_checks(monkeypatch):
    seen = []

    def record(effort):
        seen.append(effort.thorough)
        return Outcome("1", "1", passed=True)

    monkeypatch.setattr(checks, "CHECKS", (Check("A", "a", "exact", record),))
    RUNNER.invoke(app, ["verify"])
    RUNNER.invoke(app, ["verify", "--thorough"])
    assert seen == [False, True]


def test_a_statement_is_judged_on_the_users_numbers():
    result = RUNNER.invoke(app, EXAMPLE)
    assert result.exit_code == 0, result.output
    for text in (
        "shape from the paper",
        "N = 134 < 153 (threshold 152.154)",
        "not assessable",
        "nothing from these numbers",
        "sufficient, not",
    ):
        assert text in result.output


def test_a_statement_that_applies_says_what_follows(tmp_path):
    target = tmp_path / "verdict.json"
    arguments = [*EXAMPLE, "--independent", "--json", str(target)]
    arguments += ["--sample-independent", "--class-fixed"]
    arguments[arguments.index("--a") + 1] = "100"
    result = RUNNER.invoke(app, arguments)
    assert result.exit_code == 0, result.output
    verdict = json.loads(target.read_text(encoding="utf-8"))
    assert verdict["answer"] == "holds"
    assert verdict["follows"] == ["eps* <= eps_p by form (a)"]
    assert verdict["evidence"]["a"] == 100


@pytest.mark.slow
def test_every_field_of_the_evidence_has_an_option_that_arrives(tmp_path):
    """Each knob is connected: what is given is what the verdict reports as its evidence."""
    hints = {"bool | None": None, "int | None": "3", "float | None": "0.5"}
    for item in fields(Numbers):
        flag, value = f"--{item.name.replace('_', '-')}", hints[str(item.type)]
        target = tmp_path / f"{item.name}.json"
        arguments = ["verify", "T1", flag, *([] if value is None else [value])]
        result = RUNNER.invoke(app, [*arguments, "--json", str(target)])
        assert result.exit_code == 0, (flag, result.output)
        expected = True if value is None else float(value)
        assert json.loads(target.read_text(encoding="utf-8"))["evidence"] == {item.name: expected}


def test_a_failing_hypothesis_names_its_counterexample():
    result = RUNNER.invoke(app, [*EXAMPLE, "--no-independent"])
    assert "what can go wrong: counterexample case2_floor" in result.output


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["verify", "T9"], "nearest"),
        (["verify", "T1", "--delta", "1.5"], "failure probability"),
        (["verify", "--delta", "0.1"], "without a statement"),
    ],
)
def test_bad_input_is_one_sentence(arguments, words):
    result = RUNNER.invoke(app, arguments)
    assert result.exit_code == 1
    assert isinstance(result.exception, ValueError)
    assert words in str(result.exception)
    assert not result.output


def test_a_json_file_that_cannot_be_written_is_named(tmp_path):
    result = RUNNER.invoke(app, [*EXAMPLE, "--json", str(tmp_path / "absent" / "x.json")])
    assert "folder that is not there" in str(result.exception)
    assert not result.output, "said before anything is run"
    result = RUNNER.invoke(app, [*EXAMPLE, "--json", str(tmp_path)])
    assert "cannot be written" in str(result.exception)
    assert not isinstance(result.exception, TheoryInputError)


def test_a_folder_of_plots_that_cannot_be_made_is_named(tmp_path):
    (tmp_path / "file").touch()
    result = RUNNER.invoke(app, [*EXAMPLE, "--plots", str(tmp_path / "file")])
    assert isinstance(result.exception, InputError)
    assert "cannot be made a folder" in str(result.exception)
    assert not result.output, "said before anything is run"


@pytest.mark.slow
@pytest.mark.usefixtures("three_checks")
def test_plots_are_written(tmp_path):
    result = RUNNER.invoke(app, ["verify", "--plots", str(tmp_path)])
    assert result.exit_code == 0, result.output
    names = {path.name for path in tmp_path.iterdir()}
    assert {"quantile_teeth.svg", "quantile_teeth.png", "case2_gap.svg"} <= names
    assert f"wrote {tmp_path / 'bias_bound.svg'}" in result.output
