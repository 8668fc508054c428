"""One home for a setting: a specification's field, from which everything else is made."""

import ast
import dataclasses
import inspect
from collections.abc import Iterator
from pathlib import Path

import pytest
import typer
from hypothesis import given
from hypothesis import strategies as st
from pydantic import create_model

from experiments.cli import app
from experiments.planning.settings import MethodSettings, TrainingSettings
from mixkd_core.records.settings import MIXUP, OBJECTIVE, TRAINING, setting, settings_of
from mixkd_core.records.specs import MIXUP_SETTINGS, StudentSpec, TrainingSpec
from mixkd_core.training.arguments import MixKDArguments

ROOT = Path(__file__).resolve().parents[1]
HOME = "mixkd_core/records/specs.py"
OF_STUDENT = settings_of(StudentSpec, OBJECTIVE, MIXUP)
OF_TRAINING = settings_of(TrainingSpec, TRAINING)
# Beside its home a setting may stand where it acts, is refused and is told of: five files at most.
MOST_FILES = 5


def product_files() -> list[Path]:
    found = [path for room in ("mixkd_core", "experiments") for path in (ROOT / room).rglob("*.py")]
    return [path for path in sorted(found) if "benchmarks" not in path.parts]


def declared(path: Path) -> Iterator[str]:
    """Names that a file gives a default: as fields, or as options of `mixkd train`."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ClassDef):
            fields = [its for its in node.body if isinstance(its, ast.AnnAssign) and its.value]
            yield from (its.target.id for its in fields if isinstance(its.target, ast.Name))
        elif isinstance(node, ast.arguments) and path.name == "train.py":
            yield from (argument.arg for argument in [*node.args, *node.kwonlyargs])


@pytest.mark.parametrize("name", MIXUP_SETTINGS)
def test_a_default_stands_in_one_file(name: str) -> None:
    homes = [
        path.relative_to(ROOT).as_posix() for path in product_files() if name in declared(path)
    ]
    assert homes == [HOME]


def test_fixed_draws_stand_in_five_files_at_most() -> None:
    files = [path for path in product_files() if "fixed_draws" in path.read_text(encoding="utf-8")]
    files += [
        path
        for path in sorted((ROOT / "reports").rglob("*.py"))
        if "fixed_draws" in path.read_text(encoding="utf-8")
    ]
    assert len(files) <= MOST_FILES, files


@pytest.mark.parametrize("name", OF_STUDENT)
def test_the_trainers_argument_is_the_students_setting(name: str) -> None:
    argument = {field.name: field for field in dataclasses.fields(MixKDArguments)}[name]
    home = StudentSpec.model_fields[name]
    assert argument.default in (home.default, str(home.default))
    assert argument.metadata["help"].startswith(str(home.description).rstrip("."))


@pytest.mark.parametrize("name", [*OF_STUDENT, *OF_TRAINING])
def test_the_command_line_has_an_option_for_each_setting(name: str) -> None:
    part = StudentSpec if name in OF_STUDENT else TrainingSpec
    home = part.model_fields[name]
    command = typer.main.get_command(app).commands["train"]  # type: ignore[attr-defined]
    option = {parameter.name: parameter for parameter in command.params}[name]
    assert f"--{name.replace('_', '-')}" in option.opts
    assert option.default in (home.default, str(home.default))
    assert option.help.startswith(str(home.description).rstrip("."))


@pytest.mark.parametrize("name", [*OF_STUDENT, *OF_TRAINING])
def test_a_study_has_a_key_for_each_setting(name: str) -> None:
    assert name in (MethodSettings if name in OF_STUDENT else TrainingSettings).model_fields


def test_the_first_argument_of_the_trainer_stays_the_folder() -> None:
    """As in `TrainingArguments`: what is made from the student comes after."""
    assert next(iter(inspect.signature(MixKDArguments).parameters)) == "output_dir"


@given(st.sampled_from([(bool, False), (int, 3), (float, 0.5), (str, "a"), (int | str, 4)]))
def test_a_setting_that_is_added_is_known_to_all_who_ask(kind: tuple[type, object]) -> None:
    annotation, default = kind
    larger = create_model(
        "Larger",
        __base__=StudentSpec,
        grown=(annotation, setting(default, MIXUP, "It grew.")),
    )
    found = settings_of(larger, MIXUP)
    assert set(found) == {*MIXUP_SETTINGS, "grown"}
    assert found["grown"].kind is (annotation if isinstance(annotation, type) else str)
    assert found["grown"].default == (default if isinstance(annotation, type) else str(default))
    assert found["grown"].help == "It grew."
