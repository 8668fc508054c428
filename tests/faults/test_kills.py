"""Runs killed at random moments end like undisturbed ones (`make stress` kills a thousand)."""

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))
from tests.faults.kills import Kills

KILLS = 10


@pytest.mark.slow
def test_killed_runs_end_like_undisturbed_ones(tmp_path: Path) -> None:
    done = Kills(tmp_path).until(KILLS)
    assert done.kills == KILLS
    assert done.records >= 2
