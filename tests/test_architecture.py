"""The arrows of import run one way, and starting is cheap."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]

MAY_IMPORT = {
    "mixkd_core": {"mixkd_core"},
    "theory": {"theory"},
    "reports": {"reports", "mixkd_core", "theory"},
    "experiments": {"experiments", "reports", "mixkd_core", "theory"},
}
THEORY_LIBRARIES = {"numpy", "scipy", "sympy"}


def imported(path: Path) -> set[str]:
    """Top-level names of every absolute import in a file, inside functions too."""
    names = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative import"
            names.add(str(node.module).split(".")[0])
    return names


@pytest.mark.parametrize("package", MAY_IMPORT)
def test_a_package_imports_only_what_stands_below_it(package: str) -> None:
    files = sorted((ROOT / package).rglob("*.py"))
    assert files
    for path in files:
        ours = imported(path) & set(MAY_IMPORT)
        assert ours <= MAY_IMPORT[package], path


def test_theory_needs_numpy_scipy_and_sympy_only() -> None:
    for path in sorted((ROOT / "theory").rglob("*.py")):
        foreign = imported(path) - set(sys.stdlib_module_names) - {"theory"}
        assert foreign <= THEORY_LIBRARIES, path


@pytest.mark.parametrize(
    ("statement", "unwanted"),
    [
        ("import mixkd_core", ("torch", "transformers", "datasets")),
        ("import theory", ("torch", "transformers", "mixkd_core")),
        ("import reports.pages.report", ("torch", "transformers", "sklearn")),
        ("import experiments.cli", ("torch", "transformers", "datasets", "scipy", "pandas")),
    ],
)
def test_starting_loads_nothing_heavy(statement: str, unwanted: tuple[str, ...]) -> None:
    code = f"import sys; {statement}; print([m for m in {unwanted!r} if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
