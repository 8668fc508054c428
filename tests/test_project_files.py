"""The files around the code say the same: versions, limits on libraries, tiers of tests."""

import ast
import re
import tomllib
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[1]
PROJECT: dict[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))


def test_the_citation_names_this_version_and_the_paper() -> None:
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text(encoding="utf-8"))
    project = PROJECT["project"]
    assert citation["version"] == project["version"]
    assert citation["license"] == project["license"]
    assert citation["authors"] == project["authors"]
    (paper,) = citation["references"]
    assert paper["url"] == project["urls"]["Paper"]
    names = " and ".join(f"{a['given-names']} {a['family-names']}" for a in paper["authors"])
    bibtex = re.sub(r"\s+", " ", (ROOT / "README.md").read_text(encoding="utf-8"))
    assert f"title = {{{paper['title']}}}" in bibtex
    assert f"author = {{{names}}}" in bibtex


def test_the_changelog_has_a_section_of_this_version() -> None:
    changelog = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    assert f"\n## {PROJECT['project']['version']}\n" in changelog


@pytest.mark.parametrize("library", ["torch", "transformers", "accelerate"])
def test_a_library_whose_private_parts_are_used_has_an_upper_limit(library: str) -> None:
    (wanted,) = [
        one for one in PROJECT["project"]["dependencies"] if re.match(rf"{library}\W", one)
    ]
    assert re.search(r"<\d+$", wanted), wanted


def test_every_library_that_is_needed_is_pinned_within_its_limits() -> None:
    pinned = dict(
        line.split("==") for line in (ROOT / "constraints.txt").read_text("utf-8").splitlines()
    )
    for wanted in PROJECT["project"]["dependencies"]:
        name, limits = re.match(r"([\w.-]+)(.*)", wanted).groups()  # type: ignore[union-attr]
        major = int(pinned[name].split(".")[0])
        for limit in re.findall(r"<(\d+)", limits):
            assert major < int(limit), wanted


def test_the_mark_of_slow_tests_is_registered_and_used(pytestconfig: pytest.Config) -> None:
    marks = {line.split(":")[0] for line in pytestconfig.getini("markers")}
    assert "slow" in marks
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    assert "-m 'not slow'" in makefile


@pytest.mark.slow
def test_every_docstring_begins_with_a_command_or_a_noun() -> None:
    questions = {"What", "Whether", "Those", "Which", "That", "Who", "How", "Where", "When", "Why"}
    kinds = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)
    found = []
    for room in ("mixkd", "mixkd_core", "theory", "reports", "experiments"):
        for path in sorted((ROOT / room).rglob("*.py")):
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
                text = ast.get_docstring(node) if isinstance(node, kinds) else None
                if text and text.split()[0].rstrip(",:") in questions:
                    found.append(f"{path.relative_to(ROOT)}: {text.splitlines()[0]}")
    assert found == []
