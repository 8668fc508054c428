"""A search space as it is written: what it means, what fits a method, and what is refused."""

from collections.abc import Sequence
from typing import Any

import pytest

from experiments.planning.settings import MethodSettings
from experiments.tuning.search_space import (
    Dimension,
    check_setting,
    decides,
    grid_of,
    parsed_settings,
)
from mixkd_core.errors import InputError

MIXKD = MethodSettings(method="sm+tmkd")


class Lowest:
    """Stands for a trial that always suggests the lowest value, or the first."""

    def suggest_float(self, name: str, low: float, high: float, *, log: bool = False) -> float:
        return low

    def suggest_int(self, name: str, low: int, high: int, *, log: bool = False) -> int:
        return low

    def suggest_categorical(self, name: str, choices: Sequence[Any]) -> Any:
        return choices[0]


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ("weights.sm=0.1..4 log", Dimension("weights.sm", low=0.1, high=4.0, logarithmic=True)),
        ("mixup_ratio = 0.5 .. 2", Dimension("mixup_ratio", low=0.5, high=2.0)),
        (
            "training.batch_size=8..64 int log",
            Dimension("training.batch_size", low=8, high=64, logarithmic=True, whole=True),
        ),
        (
            "training.learning_rate=3e-5,1e-4",
            Dimension("training.learning_rate", values=(3e-5, 1e-4)),
        ),
        ("training.learning_rate=1e-5..1e-3 log", Dimension(
            "training.learning_rate", low=1e-5, high=1e-3, logarithmic=True
        )),
        ("self_pairs=true,false", Dimension("self_pairs", values=(True, False))),
        ("mix_layer=0,1,pooled", Dimension("mix_layer", values=(0, 1, "pooled"))),
    ],
)  # fmt: skip
def test_a_setting_means_what_is_written(written: str, expected: Dimension) -> None:
    (setting,) = parsed_settings([written])
    assert setting == expected
    check_setting(setting, MIXKD)


def test_a_suggestion_can_be_written_down() -> None:
    assert Dimension("a", low=0.123456789, high=1.0).suggest(Lowest()) == 0.1235
    whole = Dimension("a", low=8, high=64, whole=True).suggest(Lowest())
    assert (whole, type(whole)) == (8, int)
    assert Dimension("a", values=("kl", "mse")).suggest(Lowest()) == "kl"


@pytest.mark.parametrize(
    ("written", "said"),
    [
        ([], "nothing to search"),
        (["weights.sm"], "is not KEY=VALUES"),
        (["weights.=1,2"], "is not KEY=VALUES"),
        (["weights.tmk=1,2"], "no term 'tmk': did you mean 'tmkd'"),
        (["weights.sm=1,2", "weights.sm=3,4"], "names 'weights.sm' twice"),
        (["weights.sm=1,2,1"], "repeats 1: give each value once"),
        (["weights.sm=1,,2"], "'' is not a value"),
        (["weights.sm=4..1"], "a range goes up"),
        (["weights.sm=1..inf"], "a range goes up"),
        (["weights.sm=one..4"], "a range has two numbers"),
        (["weights.sm=0..4 log"], "a logarithmic range starts above 0"),
        (["weights.sm=1..4 lin"], "after a range comes 'log', 'int' or nothing, not 'lin'"),
        (["training.batch_size=1.5..4 int"], "has whole ends"),
    ],
)
def test_what_cannot_be_read_is_refused(written: list[str], said: str) -> None:
    with pytest.raises(InputError, match=said):
        parsed_settings(written)


@pytest.mark.parametrize(
    ("written", "said"),
    [
        ("weigths.sm=1,2", "did you mean 'weights.sm'"),
        ("training.learning_rat=1,2", "did you mean 'training.learning_rate'"),
        ("training.learning_rate=-1..1", "greater than 0"),
        ("training.batch_size=8..64", "or write 'int' after the range"),
        ("mixup_alpha=0.4,soft", "'soft' does not fit"),
        ("teacher.epoch=1,2", "did you mean 'teacher.epochs'"),
        ("teacher.epochs=-1,2", "teacher.epochs does not fit: .* greater than"),
    ],
)
def test_what_does_not_fit_a_method_is_refused(written: str, said: str) -> None:
    (setting,) = parsed_settings([written])
    with pytest.raises(InputError, match=said):
        check_setting(setting, MIXKD)


def test_a_setting_decides_something_where_its_term_is() -> None:
    deciding = {
        method: {
            key
            for key in ("weights.sm", "weights.kd", "mixup_ratio", "temperature", "training.epochs")
            if decides(key, MethodSettings(method=method))
        }
        for method in ("ft", "kd", "sm")
    }
    assert deciding == {
        "ft": {"training.epochs"},
        "kd": {"training.epochs", "weights.kd", "temperature"},
        "sm": {"training.epochs", "weights.sm", "mixup_ratio"},
    }
    without = MethodSettings(method="sm+tmkd", weights={"sm": 0})
    assert not decides("weights.sm", without)


def test_a_grid_has_lists_only() -> None:
    lists = parsed_settings(["weights.sm=1,2", "mixup_alpha=0.4,1"])
    assert grid_of(lists) == {"weights.sm": [1, 2], "mixup_alpha": [0.4, 1]}
    with pytest.raises(InputError, match=r"list them, such as weights.sm=0.1,4"):
        grid_of(parsed_settings(["weights.sm=0.1..4"]))
