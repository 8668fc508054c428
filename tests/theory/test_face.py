"""The names of `theory` itself: all there, and nothing heavy imported before one is asked for."""

import subprocess
import sys

import pytest

import theory


@pytest.mark.parametrize("name", theory.__all__)
def test_every_name_is_there(name):
    assert getattr(theory, name) is not None
    assert name in dir(theory)


def test_an_unknown_name_is_an_attribute_error():
    with pytest.raises(AttributeError, match="no attribute 'theorems'"):
        theory.theorems  # noqa: B018


def test_importing_theory_imports_nothing_heavy():
    code = "import sys, theory; print({'numpy', 'scipy', 'sympy'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"
