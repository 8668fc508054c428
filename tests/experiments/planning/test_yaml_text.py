"""YAML within limits: every bomb is refused soon, in one sentence, and plain texts are read."""

from itertools import pairwise
from typing import Any

import pytest
import yaml

from experiments.planning import yaml_text
from experiments.planning.study_file import load_study, shipped_studies
from experiments.planning.yaml_text import MOST_CHARACTERS, MOST_DEPTH, MOST_VALUES, read_yaml
from mixkd_core.errors import InputError

LETTERS = "abcdefgh"
BILLIONS = "a: &a [x]\n" + "".join(
    f"{b}: &{b} [{','.join([f'*{a}'] * 9)}]\n" for a, b in pairwise(LETTERS)
)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (BILLIONS, f"more than {MOST_VALUES} values, aliases written out"),
        ("a: &a\n  b: *a\n", "line 1: an alias stands inside what it names"),
        ("[" * 3000, f"nested more than {MOST_DEPTH} deep"),
        ("? " * 3000, f"nested more than {MOST_DEPTH} deep"),
        ("x: " + "9" * 20_000, "a value of 20000 characters"),
        ("x: " + "9" * 5000, "holds a value that is none"),
        ("x: 2020-13-45", "holds a value that is none"),
        ("x" * (MOST_CHARACTERS + 1), f"at most {MOST_CHARACTERS} are read"),
        ("[" + "1," * 30_000, f"more than {MOST_VALUES} values"),
        ("a: [1", "line 1 is not YAML"),
        ("!!python/object/apply:os.system [true]", "line 1 is not YAML"),
    ],
)
def test_what_is_beyond_a_limit_is_refused(text: str, said: str) -> None:
    with pytest.raises(InputError, match=f"^a text.*{said}"):
        read_yaml(text, "a text")


@pytest.mark.parametrize(
    "text", ["", "a: 1", "[1, x, null]", "a: &a {b: 1}\nc: *a\nd: {<<: *a}", "3e-5", "x: 1.5"]
)
def test_plain_texts_are_read_as_ever(text: str) -> None:
    assert read_yaml(text, "a text")[0] == yaml.safe_load(text)


def test_every_shipped_study_is_far_from_the_limits(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("MOST_CHARACTERS", "MOST_VALUES", "MOST_SCALAR"):
        monkeypatch.setattr(yaml_text, name, getattr(yaml_text, name) // 4)
    assert [load_study(study).name for study in shipped_studies()] == list(shipped_studies())


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ("seeds=" + str(list(range(1001))), "1001 values, and at most 1000"),
        ("seeds=[4294967296]", "less than or equal to 4294967295"),
        ("defaults.student.epochs=1e+30", "less than or equal to 1000000"),
        ("defaults.train_size=100000000000", "less than or equal to 10000000"),
        ("methods=[{method: ft, training: {augmentation: {kind: swap, copies: 1000000}}}]",
         "less than or equal to 100"),
    ],
)  # fmt: skip
def test_numbers_that_no_study_has_are_refused(change: str, said: Any) -> None:
    with pytest.raises(InputError, match=said):
        load_study("smoke", [change])


def test_a_plan_of_too_many_runs_is_refused() -> None:
    changes = [f"seeds={list(range(900))}", "students=[{layers: 1}, {layers: 2}]"]
    with pytest.raises(InputError, match=r"it asks for \d+ runs .* at most 10000 are planned"):
        load_study("smoke", changes)
