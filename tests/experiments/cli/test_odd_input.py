"""`mixkd certify` and `mixkd verify` on odd input: one sentence, no traceback, no endless run.

Inputs are drawn by Hypothesis from numbers at and beyond the ends of what is computed with, and
from files that are nearly, or not at all, tables of losses.
"""

import json
import sys
import time
from dataclasses import fields
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from typer.testing import CliRunner

from experiments.cli import app
from mixkd_core.errors import MixKDError
from theory.errors import TheoryInputError
from theory.statements.catalogue import THEOREMS
from theory.statements.numbers import Numbers

SECONDS = 20
ODD = settings(
    deadline=None,
    derandomize=True,
    max_examples=60,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
WHOLE = [
    "0", "1", "2", "67", "-1", str(10**15), str(10**16), str(10**200), "9" * 400, "1e300", "nan", ""
]  # fmt: skip
REAL = [
    "0", "-0.0", "1", "0.05", "0.5", "0.999999999999", "-1", "2", "1e-17", "1e-50", "1e-60",
    "1e-300", "1e-308", "5e-324", "1e10", "1e50", "1e60", "1e300", "inf", "-inf", "nan", "x",
]  # fmt: skip
SANE = {"n": "67", "a": "1000", "delta": "0.05", "class_size": "4", "gap": "0.12", "eta": "0.05"}
CELLS = [
    "0", "1", "0.5", "1e308", "5e-324", "-1", "nan", "inf", "-inf", "", "x", "1_0", "\0", '"',
    "1e400", "-0.0", "\u0661", "0x1",
]  # fmt: skip
NAMES = ["a", "kd", "[red]x", "", "nan", "1", "=cmd()", "\u00e9", "\x1b[31m", "a b"]
TYPES = {item.name: str(item.type) for item in fields(Numbers)}


def refuse(constant: str) -> None:
    """Fail on a number that strict JSON does not have."""
    raise AssertionError(constant)


def ends_well(arguments: list[str]) -> str:
    """Return what the command printed, which must end soon and in no traceback."""
    started = time.monotonic()
    result = CliRunner().invoke(app, arguments)
    assert time.monotonic() - started < SECONDS
    error = result.exception
    assert error is None or isinstance(error, SystemExit | MixKDError | TheoryInputError), arguments
    if isinstance(error, MixKDError | TheoryInputError):
        assert len(str(error).splitlines()) == 1
    return result.stdout if result.exit_code == 0 else ""


@st.composite
def numbers_of_a_statement(draw: st.DrawFn) -> list[str]:
    """A statement and values for some of the numbers it asks for, sane or odd."""
    item = draw(st.sampled_from(THEOREMS))
    arguments = ["verify", item.id]
    for name in draw(st.lists(st.sampled_from(item.needs), unique=True, min_size=1)):
        flag = f"--{name.replace('_', '-')}"
        if "bool" in TYPES[name]:
            arguments.append(flag if draw(st.booleans()) else flag.replace("--", "--no-", 1))
        else:
            pool = WHOLE if "int" in TYPES[name] else REAL
            odd = st.sampled_from(pool)
            value = draw(st.one_of(st.just(SANE.get(name, "1")), odd))
            arguments.append(f"{flag}={value}")
    return arguments


@pytest.mark.slow
@ODD
@given(numbers_of_a_statement())
def test_verify_on_odd_numbers(tmp_path: Path, arguments: list[str]) -> None:
    target = tmp_path / "verdict.json"
    if ends_well([*arguments, "--json", str(target)]):
        json.loads(target.read_text(encoding="utf-8"), parse_constant=refuse)


@st.composite
def tables(draw: st.DrawFn) -> bytes:
    """A small table that is nearly one of losses, or bytes that are none."""
    width, height = draw(st.integers(1, 4)), draw(st.integers(0, 5))
    cells = st.sampled_from(draw(st.sampled_from([CELLS, ["0", "1"], ["0.5", "1e308"], ["inf"]])))
    names = draw(
        st.one_of(
            st.just([f"m{number}" for number in range(width)]),
            st.lists(st.sampled_from(NAMES), min_size=width, max_size=width),
        )
    )
    rows = [[draw(cells) for _ in range(width)] for _ in range(height)]
    text = "\n".join(",".join(row) for row in [names, *rows])
    return draw(st.one_of(st.just(text.encode()), st.binary(max_size=40)))


@pytest.mark.slow
@ODD
@given(
    tables(),
    st.sampled_from(["0.05", "1e-300", "5e-324", "1e-308", "0", "1", "nan", "inf", "x"]),
    st.sampled_from(["1", "2", "1e100", "1e-100", "1e308", "5e-324", "0", "-1", "nan", "inf"]),
    st.lists(st.sampled_from(["--clip", "--reference=m0", "--reference="]), unique=True),
)
def test_certify_on_odd_tables(
    tmp_path: Path, content: bytes, delta: str, loss_bound: str, options: list[str]
) -> None:
    path = tmp_path / "losses.csv"
    path.write_bytes(content)
    arguments = [f"--delta={delta}", f"--loss-bound={loss_bound}", *options]
    printed = ends_well(["certify", str(path), *arguments, "--json"])
    if printed:
        json.loads(printed, parse_constant=refuse)
    ends_well(["certify", str(path), *arguments])


@pytest.mark.parametrize(
    "arguments",
    [
        ["T3", "--teacher-queried", "--alpha=1e10"],  # an exact binomial of 10^10
        ["T3", "--teacher-queried", "--alpha=1e50"],
        ["T2.5", "--bias=1e-50", "--weight=0", "--class-size=1", "--loss-bound=1e50",
         "--delta=0.05", "--eta=0.05", "--n=2"],
        ["T1", f"--class-size={10**300}", "--gap=0.1", "--n=5"],
        [""],
        ["\0"],
    ],
)  # fmt: skip
def test_verify_ends(arguments: list[str]) -> None:
    ends_well(["verify", *arguments])


@pytest.mark.slow
def test_a_thousand_columns_are_certified(tmp_path: Path) -> None:
    path = tmp_path / "losses.csv"
    names = [f"m{number}" for number in range(1000)]
    rows = [[str((row * column) % 3 % 2) for column in range(1000)] for row in range(5)]
    path.write_text("\n".join(",".join(line) for line in [names, *rows]) + "\n")
    document: dict[str, Any] = json.loads(ends_well(["certify", str(path), "--json"]))
    assert len(document["methods"]) == 1000
    assert len(document["differences"]) == 999
    assert document["reference"] == "m0"


@pytest.mark.skipif(sys.platform != "linux", reason="/dev/full is Linux's")
def test_a_full_disk_is_named() -> None:
    ends_well(["verify", "T1", "--n", "5", "--json", "/dev/full"])
