"""The lists of planted mistakes still fit the code (running them is `python tests/mutants.py`)."""

import ast
import importlib.util
import sys
from pathlib import Path
from types import ModuleType

import pytest

SCRIPT = Path(__file__).with_name("mutants.py")


def _load_script() -> ModuleType:
    spec = importlib.util.spec_from_file_location("mutants_script", SCRIPT)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # dataclasses look their module up there
    spec.loader.exec_module(module)
    return module


mutants = _load_script()


@pytest.mark.slow
@pytest.mark.parametrize("area", mutants.areas())
def test_every_mutant_fits_its_file_once_and_names_tests_that_exist(area: str) -> None:
    listed = mutants.load(area)
    assert listed
    assert len({mutant.name for mutant in listed}) == len(listed)
    for mutant in listed:
        mutated = ast.parse(mutant.apply(mutants.ROOT))
        original = ast.parse((mutants.ROOT / mutant.file).read_text(encoding="utf-8"))
        assert ast.dump(mutated) != ast.dump(original), mutant.name
        assert mutant.tests, mutant.name
        for test in mutant.tests:
            assert (mutants.ROOT / test.partition("::")[0]).is_file(), (mutant.name, test)
