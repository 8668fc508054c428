"""The command line has no ranges of its own: it refuses what a specification's field refuses."""

from collections.abc import Iterator
from pathlib import Path

import annotated_types
import pytest
from pydantic.fields import FieldInfo
from typer.testing import CliRunner

from experiments.cli import app
from mixkd_core.errors import InputError
from mixkd_core.records.settings import MIXUP, OBJECTIVE, TRAINING, settings_of
from mixkd_core.records.specs import (
    Alteration,
    EvaluationSpec,
    RunSpec,
    StudentSpec,
    TrainingSpec,
)

# By part and field the option of `mixkd train` that is made from it.
OPTIONS = {
    (RunSpec, "fraction"): "--fraction",
    (RunSpec, "seed"): "--seed",
    (EvaluationSpec, "remainder_size"): "--remainder-size",
    (Alteration, "copies"): "--augmentation-copies",
    (StudentSpec, "layers"): "--student-layers",
    (TrainingSpec, "epochs"): "--epochs",
    (TrainingSpec, "learning_rate"): "--learning-rate",
    **{
        (part, name): f"--{name.replace('_', '-')}"
        for part, panels in ((StudentSpec, (OBJECTIVE, MIXUP)), (TrainingSpec, (TRAINING,)))
        for name in settings_of(part, *panels)
    },
}


def values_outside(field: FieldInfo) -> Iterator[float]:
    """The values next to each end of a field's range that lie outside."""
    for limit in field.metadata:
        if isinstance(limit, annotated_types.Gt):
            yield limit.gt
        elif isinstance(limit, annotated_types.Ge):
            yield limit.ge - 1
        elif isinstance(limit, annotated_types.Lt):
            yield limit.lt
        elif isinstance(limit, annotated_types.Le):
            yield limit.le + 1


RANGED = [
    pytest.param(name, option, f"{value:.12g}", id=f"{option}={value:.12g}")
    for (part, name), option in OPTIONS.items()
    for value in values_outside(part.model_fields[name])
]


def test_there_are_ranges_to_try() -> None:
    assert len(RANGED) > 12


@pytest.mark.slow
@pytest.mark.parametrize(("name", "option", "value"), RANGED)
def test_the_complaint_is_the_fields(name: str, option: str, value: str, tmp_path: Path) -> None:
    given = ["train", "--task", "embedded-sentiment", "--out", str(tmp_path / "out")]
    extra = ["--augmentation", "deletion"] if name == "copies" else []
    result = CliRunner().invoke(app, [*given, *extra, option, value])
    assert isinstance(result.exception, InputError), result.output
    assert f"{name} is {value}" in str(result.exception)
