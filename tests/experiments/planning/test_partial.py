"""Settings given in part: what is left out is unset, and parts laid together make a whole."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError, create_model

from experiments.planning.partial import PartialSettings, leaves, merge, nested, partial
from experiments.planning.settings import (
    AlterationSettings,
    MethodSettings,
    StudentSettings,
    TaskSettings,
    TrainingSettings,
)
from mixkd_core.records.specs import Alteration, StudentSpec, TrainingSpec

TRAINING: dict[str, Any] = {
    "epochs": 5.0,
    "learning_rate": 1e-4,
    "batch_size": 8,
    "warmup": 0.0,
    "weight_decay": 0.0,
    "max_length": 64,
    "precision": "bf16",
    "augmentation": None,
}


def test_a_setting_that_is_left_out_is_unset_and_not_at_its_default() -> None:
    training = TrainingSettings(learning_rate=1e-4)
    assert training.learning_rate == 1e-4
    for name in set(TrainingSpec.model_fields) - {"learning_rate"}:
        assert getattr(training, name) is None, name
    assert training.given == {"learning_rate": 1e-4}
    method = MethodSettings.model_validate("kd")
    for name in set(StudentSpec.model_fields) - {"method", "training"}:
        assert getattr(method, name) is None, name
    assert (method.given, method.training.given) == ({"method": "kd"}, {})
    assert AlterationSettings(kind="swap").copies is None
    assert TaskSettings().student.epochs is None


def test_parts_are_no_specifications() -> None:
    """So that none is taken for a whole."""
    assert not issubclass(TrainingSettings, TrainingSpec)
    assert not issubclass(MethodSettings, StudentSpec)
    assert not issubclass(StudentSettings, StudentSpec)


@pytest.mark.parametrize(
    ("kind", "values", "place"),
    [
        (TrainingSettings, {"epochs": -1}, ("epochs",)),
        (TrainingSettings, {"epochs": None}, ("epochs",)),
        (TrainingSettings, {"max_length": 4}, ("max_length",)),
        (TrainingSettings, {"precision": "fp16"}, ("precision",)),
        (TrainingSettings, {"epoch": 3}, ("epoch",)),
        (TrainingSettings, {"augmentation": {"rate": 0.5}}, ("augmentation", "kind")),
        (StudentSettings, {"mix_layer": -1}, ("mix_layer",)),
        (StudentSettings, {"mixup_alpha": None}, ("mixup_alpha",)),
        (StudentSettings, {"training": {"warmup": 2}}, ("training", "warmup")),
    ],
)
def test_what_is_given_is_checked_as_in_the_specification(
    kind: type[PartialSettings], values: dict[str, Any], place: tuple[str, ...]
) -> None:
    with pytest.raises(ValidationError) as raised:
        kind.model_validate(values)
    assert raised.value.errors()[0]["loc"] == place


def test_a_setting_may_be_given_as_none_where_the_specification_has_none() -> None:
    assert StudentSettings(layers=None).given == {"layers": None}
    assert TrainingSettings(augmentation=None).given == {"augmentation": None}


@given(
    st.lists(st.sets(st.sampled_from(sorted(TRAINING))), max_size=4),
    st.sampled_from(["epochs", "batch_size"]),
)
def test_parts_laid_together_make_the_whole(parts: list[set[str]], last: str) -> None:
    """Whatever the split: what a part leaves out never hides what another one gives."""
    given_parts = [TrainingSettings(**{name: TRAINING[name] for name in part}) for part in parts]
    given_parts.append(TrainingSettings(**{last: 16}))
    told = {name: TRAINING[name] for part in parts for name in part} | {last: 16}
    whole = TrainingSpec(**merge(*(part.given for part in given_parts)))
    assert whole == TrainingSpec(**told)


def test_a_field_that_a_specification_gains_can_be_given_in_part() -> None:
    larger = create_model("Larger", __base__=Alteration, grown=(int, 7))
    part = partial(larger)
    assert part(kind="swap").given == {"kind": "swap"}
    assert part(kind="swap", grown=3).given == {"kind": "swap", "grown": 3}
    assert part(kind="swap").grown is None


def test_mappings_are_merged_taken_apart_and_built() -> None:
    content = merge(nested("a.b", 1), nested("a.c", {"d": 2}), nested("a.b", 3))
    assert content == {"a": {"b": 3, "c": {"d": 2}}}
    assert dict(leaves(content)) == {"a.b": 3, "a.c.d": 2}
