"""THEORY.md says what the objects say, cites what exists, and quotes the numbers the code gives."""

import re
from pathlib import Path

import pytest

from theory.checks.catalogue import CHECKS, checks_of, run_checks
from theory.counterexamples.catalogue import COUNTEREXAMPLES
from theory.statements.catalogue import THEOREMS, theorem

ROOT = Path(__file__).resolve().parents[2]
DOCUMENT = ROOT / "theory" / "THEORY.md"


def words(text):
    """The text without line breaks, bullets' indents and non-breaking spaces."""
    return " ".join(text.replace("\u00a0", " ").split())


TEXT = DOCUMENT.read_text(encoding="utf-8")
SECTIONS = {
    heading: words(body)
    for heading, body in re.findall(
        r"^### (\S+): (.*?)(?=^#{2,3} )", TEXT, re.DOTALL | re.MULTILINE
    )
}
NUMBERS = re.findall(
    r"^\* Numbers \(`([^`]+)`\): (.*?)(?=^\* |^\s*$)", TEXT, re.DOTALL | re.MULTILINE
)


def test_each_statement_has_one_section_and_each_section_a_statement():
    assert list(SECTIONS) == [item.id for item in THEOREMS]


@pytest.mark.parametrize("identifier", [item.id for item in THEOREMS])
def test_a_section_agrees_with_its_object(identifier):
    item, section = theorem(identifier), SECTIONS[identifier]
    assert section.startswith(words(item.title))
    assert f"*Provenance*: {item.provenance.value}." in section
    assert words(item.statement) in section
    assert words(item.latex) in section
    for claim in item.non_claims:
        assert words(claim) in section
    assert "*Proof.*" in section
    assert re.findall(r"Checks\*: (.*?)\. \*Tests", section) == [
        ", ".join(f"`{check}`" for check in checks_of(identifier))
    ]


def listed(hypothesis):
    """The words of a hypothesis in the document."""
    if hypothesis.counterexample is None:
        return hypothesis.statement
    return f"{hypothesis.statement} (without it: `{hypothesis.counterexample}`)"


@pytest.mark.parametrize("identifier", [item.id for item in THEOREMS])
def test_the_assumptions_are_exactly_the_hypotheses_that_are_asked_for(identifier):
    item, section = theorem(identifier), SECTIONS[identifier]
    lines = [f"* {hypothesis.name}: {listed(hypothesis)}" for hypothesis in item.hypotheses]
    lines += [
        f"* for *{route.name}*: {'; '.join(map(listed, route.hypotheses))}"
        for route in item.routes
        if route.hypotheses
    ]
    (assumptions,) = re.findall(r"\*Assumptions\* (.*?) \*Does not claim\*", section)
    assert assumptions == words(" ".join(lines))


def test_the_files_tests_and_figures_that_it_cites_exist():
    files = re.findall(r"`((?:theory|tests|reports)/[\w/]+\.(?:py|md))`", TEXT)
    assert len(files) > 40
    for file in files:
        assert (ROOT / file).is_file(), file
    figures = re.findall(r"!\[[^\]]+\]\((figures/\w+\.svg)\)", TEXT)
    assert len(figures) == 4
    for figure in figures:
        assert (DOCUMENT.parent / figure).is_file(), figure


def test_the_names_in_backticks_are_known():
    known = {check.id for check in CHECKS} | set(COUNTEREXAMPLES)
    for name in re.findall(r"[Cc]hecks? ((?:`[^`]+`(?:, )?)+)", TEXT):
        assert set(re.findall(r"`([^`]+)`", name)) <= known, name
    table = re.findall(r"^\| F\d+ \|.*\| (.*) \|$", TEXT, re.MULTILINE)
    assert len(table) == 18
    for cell in table:
        assert set(re.findall(r"`([^`]+)`", cell)) <= known, cell


@pytest.mark.parametrize(("check", "quoted"), NUMBERS, ids=[check for check, _ in NUMBERS])
def test_the_numbers_it_quotes_are_those_of_the_code(check, quoted):
    (result,) = run_checks(only=[check])
    assert result.passed
    assert words(result.measured) == words(quoted)


def test_the_key_numbers_are_there():
    assert len(NUMBERS) >= 25
    for number in ("+1/68", "2231", "1169", "6.15", "2.804"):
        assert number in TEXT


def test_nothing_in_it_would_be_read_as_markup_by_accident():
    """An operator at the start of a line would make a quotation or a list item."""
    for line in TEXT.splitlines():
        assert not re.match(r"\s*(?:[-+>]|>=|=) ", line), line


def test_it_says_whose_the_statements_are():
    intro = words(TEXT.split("## Notation")[0])
    assert "shape* of Theorem 1 only" in intro
    assert "None of it should be cited as the paper's" in intro
