"""One home for a setting: a specification's field, from which everything else is made."""

import ast
import dataclasses
import inspect
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import get_args

import pytest
import typer
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, create_model
from pydantic.fields import FieldInfo

from experiments.cli import app
from experiments.cli.train import train as train_command
from experiments.planning.settings import (
    AlterationSettings,
    MethodSettings,
    TaskSettings,
    TrainingSettings,
)
from experiments.planning.study import Study
from mixkd_core.records.settings import MIXUP, OBJECTIVE, TRAINING, setting, settings_of
from mixkd_core.records.specs import (
    MIXUP_SETTINGS,
    Alteration,
    EvaluationSpec,
    MixupSpec,
    RunSpec,
    StudentSpec,
    TrainingSpec,
)
from mixkd_core.records.usual import ENOUGH_STEPS, RATE_OF_RANDOM_WEIGHTS, RATE_OF_STUDENTS
from mixkd_core.training.arguments import MixKDArguments

ROOT = Path(__file__).resolve().parents[1]
HOME = "mixkd_core/records/specs.py"
OF_STUDENT = settings_of(StudentSpec, OBJECTIVE, MIXUP)
OF_TRAINING = settings_of(TrainingSpec, TRAINING)
PARTS = (TrainingSpec, StudentSpec, MixupSpec, EvaluationSpec, Alteration, RunSpec)
# What says which data and checkpoints, and weights, whose defaults are the method's.
NO_SETTINGS = ("task", "data", "weights")
# Options that are called otherwise than their field.
RENAMED = {
    "augmentation": "kind", "augmentation_copies": "copies", "student_layers": "layers",
    "layers": "layer_choice", "student": "init",
}  # fmt: skip
# Arguments that are called as a setting is and mean something else, or have no default but the
# neutral one of a formula.
OF_ANOTHER_MEANING = {
    ("mixkd_core/networks/inference.py", "batch_size"),  # texts at a time
    ("mixkd_core/networks/inference.py", "precision"),  # the context of a pass
    ("mixkd_core/networks/inference.py", "mix_layer"),  # of a pass
    ("mixkd_core/networks/mixed_forward.py", "mix_layer"),
    ("mixkd_core/networks/tiny_networks.py", "seed"),  # of weights
    ("mixkd_core/evaluation/calibration.py", "temperature"),  # of the formula
    ("mixkd_core/objectives/distances.py", "temperature"),
    *((f"experiments/cli/{name}.py", "batch_size") for name in ("predict", "consistency")),
    *(
        (f"experiments/deployment/{name}.py", "batch_size")
        for name in ("prediction", "consistency")
    ),
    ("experiments/tuning/search.py", "seed"),  # of the sampler
    ("experiments/tuning/search.py", "validation"),  # of a tuning; a run has none
    ("experiments/cli/tune.py", "validation"),
    # Made from the field, as the test of the trainer's arguments holds.
    *(("mixkd_core/training/arguments.py", name) for name in ("learning_rate", "weight_decay")),
}
# Beside its home a setting may stand where it acts, is refused and is told of: five files at most.
MOST_FILES = 5


def product_files() -> list[Path]:
    found = [path for room in ("mixkd_core", "experiments") for path in (ROOT / room).rglob("*.py")]
    return [path for path in sorted(found) if "benchmarks" not in path.parts]


def owned(path: Path) -> set[str]:
    """Names that a file gives a default of its own, as fields or as arguments."""
    relative, names = path.relative_to(ROOT).as_posix(), set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ClassDef):
            pairs = [
                (its.target.id, its.value)
                for its in node.body
                if isinstance(its, ast.AnnAssign) and isinstance(its.target, ast.Name)
            ]
        elif isinstance(node, ast.arguments):
            positional = [*node.posonlyargs, *node.args]
            pairs = [
                *zip(
                    (its.arg for its in positional[len(positional) - len(node.defaults) :]),
                    node.defaults,
                    strict=True,
                ),
                *zip((its.arg for its in node.kwonlyargs), node.kw_defaults, strict=True),
            ]
        else:
            continue
        for name, value in pairs:
            absent = value is None or (isinstance(value, ast.Constant) and value.value is None)
            if not absent and (relative, name) not in OF_ANOTHER_MEANING:
                names.add(name)
    return names


@cache
def homes() -> dict[str, list[str]]:
    """By name the files that give it a default of their own."""
    found: dict[str, list[str]] = {}
    for path in product_files():
        for name in owned(path):
            found.setdefault(name, []).append(path.relative_to(ROOT).as_posix())
    return found


def settings() -> Iterator[tuple[type[BaseModel], str, FieldInfo]]:
    """Every field of the specifications that is a value of its own, and no part or checkpoint."""
    for part in PARTS:
        for name, field in part.model_fields.items():
            kinds = (field.annotation, *get_args(field.annotation))
            if not any(isinstance(its, type) and issubclass(its, BaseModel) for its in kinds):
                yield part, name, field


SETTINGS = [
    pytest.param(part, name, field, id=f"{part.__name__}.{name}")
    for part, name, field in settings()
    if name not in NO_SETTINGS
]


@pytest.mark.parametrize(("part", "name", "field"), SETTINGS)
def test_default_range_and_help_stand_in_the_field(
    part: type[BaseModel], name: str, field: FieldInfo
) -> None:
    assert field.description, "its help"
    assert isinstance(field.json_schema_extra, dict), "made by mixkd_core.records.settings.setting"
    assert homes().get(name) == [HOME]


def test_what_no_option_may_repeat() -> None:
    """Every option of `mixkd train` that is a setting's is made from it."""
    by_hand = set(inspect.signature(inspect.unwrap(train_command)).parameters)
    own = {
        argument.arg
        for node in ast.walk(ast.parse((ROOT / "experiments/cli/train.py").read_text()))
        if isinstance(node, ast.FunctionDef) and node.name == "train"
        for argument in node.args.args
    }
    assert own < by_hand
    assert not own & ({name for _, name, _ in settings()} - {*NO_SETTINGS}), "an option by hand"
    assert not own & RENAMED.keys()


def test_a_study_has_the_ranges_of_the_specification() -> None:
    compared = 0
    for part, name, field in settings():
        theirs = [
            model.model_fields[name]
            for model, of in ((MethodSettings, StudentSpec), (TrainingSettings, TrainingSpec),
                              (AlterationSettings, Alteration), (Study, RunSpec))
            if of is part and name in model.model_fields
        ]  # fmt: skip
        for other in theirs:
            compared += 1
            assert other.metadata == field.metadata, name
    assert compared > 20
    for fractions in (Study.model_fields["fractions"], TaskSettings.model_fields["fractions"]):
        assert "Gt(gt=0)" in repr(fractions)
        assert "Le(le=1)" in repr(fractions)


def test_what_is_left_open_tells_its_default() -> None:
    command = typer.main.get_command(app).commands["train"]  # type: ignore[attr-defined]
    told = {parameter.name: parameter.help for parameter in command.params}
    assert f"by default {TrainingSpec().epochs:g}, or on small data" in told["epochs"]
    assert f"as many as {ENOUGH_STEPS} steps take" in told["epochs"]
    usual = {"": RATE_OF_STUDENTS, "teacher_": TrainingSpec().learning_rate}
    for network, rate in usual.items():
        option = f"{network}learning_rate"
        assert f"{rate:g}, or" in told[option]
        assert f"{RATE_OF_RANDOM_WEIGHTS:g} for the embedded encoder" in told[option]


def test_a_teachers_mixup_is_the_students_by_default() -> None:
    assert MixupSpec().alpha == StudentSpec().mixup_alpha
    assert MixupSpec().ratio == StudentSpec().mixup_ratio


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


@pytest.mark.parametrize(
    ("argument", "name"),
    [
        ("per_device_train_batch_size", "batch_size"),
        ("learning_rate", "learning_rate"),
        ("warmup_steps", "warmup"),
        ("weight_decay", "weight_decay"),
    ],
)
def test_the_trainers_argument_is_the_trainings_setting(argument: str, name: str) -> None:
    field = {its.name: its for its in dataclasses.fields(MixKDArguments)}[argument]
    home = TrainingSpec.model_fields[name]
    assert field.default == (RATE_OF_STUDENTS if name == "learning_rate" else home.default)
    assert field.metadata["help"].startswith(str(home.description).rstrip("."))


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
