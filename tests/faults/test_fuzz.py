"""Odd input of every kind: no traceback, no hang, and no number that changed without a word.

`make stress` tries thousands of each, and kills runs besides (`python -m tests.faults --help`).
"""

import sys
import time
from pathlib import Path

import pytest

from mixkd_core.records.survey import Survey

# The kinds of input are modules of their own, which the stress test starts without pytest.
sys.path.insert(0, str(Path(__file__).resolve().parents[2]))
from tests.faults import stores
from tests.faults.fuzz import KINDS, fuzz
from tests.faults.outcomes import (
    ChangedError,
    HangError,
    TracebackError,
    command,
    outcome,
)

SERIES = range(3)
INPUTS = 25


@pytest.mark.slow
@pytest.mark.parametrize("number", SERIES)
@pytest.mark.parametrize("kind", KINDS)
def test_odd_input_ends_well(kind: str, number: int, tmp_path: Path) -> None:
    tally = fuzz(kind, tmp_path, INPUTS, number)
    assert sum(tally.ends.values()) >= INPUTS


@pytest.mark.stress
@pytest.mark.slow
@pytest.mark.parametrize("kind", KINDS)
def test_much_odd_input_ends_well(kind: str, tmp_path: Path) -> None:
    tally = fuzz(kind, tmp_path, 1000, 10_000)
    assert sum(tally.ends.values()) >= 1000


# ---- the harness notices what it is there for ----


def test_a_traceback_is_a_fault() -> None:
    with pytest.raises(TracebackError, match="ZeroDivisionError"):
        outcome(lambda: 1 / 0)
    with pytest.raises(TracebackError, match="SystemExit"):
        outcome(lambda: sys.exit(0))


def test_a_hang_is_a_fault() -> None:
    def never() -> None:
        while True:
            try:
                while True:
                    pass
            except Exception:  # what would swallow an ordinary one
                continue

    with pytest.raises(HangError):
        outcome(never, 0.2)
    with pytest.raises(HangError):  # which takes no processor's time
        outcome(lambda: time.sleep(600), 0.01)


def test_a_command_that_ends_in_neither_way_is_a_fault(monkeypatch: pytest.MonkeyPatch) -> None:
    assert command(["verify", "no such statement"])[0] == "refused"
    monkeypatch.setattr("experiments.cli.app", lambda: 1 / 0)
    with pytest.raises(TracebackError, match="ZeroDivisionError"):
        command(["status", "x"])
    monkeypatch.setattr("experiments.cli.app", lambda: sys.exit(2))
    with pytest.raises(TracebackError, match="without a word"):
        command(["status", "x"])


@pytest.mark.slow
def test_a_changed_number_is_a_fault(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where a harmed store's numbers are others than the whole one's, the harness says so."""
    numbers_of, shifts = stores.numbers_of, iter([0.0])  # the whole store is read first

    def shifted(found: Survey) -> dict[stores.Key, float]:
        shift = next(shifts, 1.0)
        return {key: number + shift for key, number in numbers_of(found).items()}

    monkeypatch.setattr(stores, "numbers_of", shifted)
    with pytest.raises(ChangedError):
        fuzz("stores", tmp_path, 20)
