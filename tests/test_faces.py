"""The names that a package shows are there, are the same for a type checker, and cost nothing."""

import ast
import importlib
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
FACES = ("mixkd_core", "reports")


@pytest.mark.parametrize("package", FACES)
def test_every_name_shown_is_there_and_no_other(package: str) -> None:
    face = importlib.import_module(package)
    assert sorted(face.__all__) == face.__dir__()
    for name in face.__all__:
        assert getattr(face, name).__name__ == name
    with pytest.raises(AttributeError, match="no attribute 'nonsense'"):
        _ = face.nonsense


@pytest.mark.parametrize("package", FACES)
def test_a_type_checker_sees_the_names_at_the_same_homes(package: str) -> None:
    face = importlib.import_module(package)
    tree = ast.parse((ROOT / package / "__init__.py").read_text(encoding="utf-8"))
    checked = {
        alias.asname: f"{node.module}"
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom) and node.module != "typing"
        for alias in node.names
    }
    assert checked == {name: f"{package}.{home}" for name, home in face._HOMES.items()}


@pytest.mark.parametrize("package", FACES)
def test_showing_a_face_loads_no_library(package: str) -> None:
    code = (
        f"import sys; before = set(sys.modules); import {package}; "
        "print({name.split('.')[0] for name in set(sys.modules) - before})"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    loaded = ast.literal_eval(done.stdout) - {package}
    assert loaded <= set(sys.stdlib_module_names), loaded
