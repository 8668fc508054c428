"""Timing in turn: the order, ratios, the length of stretches, targets beside measurements."""

from typing import Any

import numpy as np
import pytest

from experiments.benchmarks.alternation import Pace, Spread, Stretch, alternate, ratios
from experiments.benchmarks.ours import evenly_spread
from experiments.benchmarks.targets import NOT_MEASURED, TARGETS, target_rows
from mixkd_core.errors import InputError


def stretch(wall: float, cpu: float = 1.0, steps: int = 2) -> Stretch:
    return Stretch(steps, examples=64, tokens=640, wall=wall, cpu=cpu)


@pytest.mark.slow
def test_contestants_warm_up_and_then_take_turns_in_an_order_that_turns_around() -> None:
    calls: list[tuple[str, float]] = []

    def contestant(name: str) -> Any:
        def run(seconds: float) -> Stretch:
            calls.append((name, seconds))
            return stretch(float(len(calls)))

        return run

    ticks: list[None] = []
    found = alternate(
        {"a": contestant("a"), "b": contestant("b")}, 3, 0.5, lambda: ticks.append(None)
    )
    assert [name for name, _ in calls] == ["a", "b", "a", "b", "b", "a", "a", "b"]
    assert [seconds for _, seconds in calls] == [0.0] * 2 + [0.5] * 6
    # The warm-up is in no result, and each contestant has its own stretches.
    assert [one.wall for one in found["a"]] == [3.0, 6.0, 7.0]
    assert [one.wall for one in found["b"]] == [4.0, 5.0, 8.0]
    assert len(ticks) == 8


def test_a_ratio_is_taken_within_a_round() -> None:
    # A machine twice as slow in the second round slows down both: the ratio does not move.
    spread = ratios([100.0, 50.0, 120.0], [10.0, 5.0, 10.0])
    assert spread == Spread(10.0, 10.0, 12.0)
    assert spread.named("r") == {"r": 10.0, "r_low": 10.0, "r_high": 12.0}
    with pytest.raises(ValueError, match="argument"):
        ratios([1.0, 2.0], [1.0])


def test_speeds_are_of_the_clock_asked_for() -> None:
    one = stretch(wall=4.0, cpu=2.0)
    assert one.examples_per_second("wall") == 16.0
    assert one.examples_per_second("cpu") == 32.0
    assert one.tokens_per_second("cpu") == 320.0


def test_a_stretch_fills_its_time_once_a_first_one_told_how_long_a_step_takes() -> None:
    pace = Pace(4, 64)
    assert pace.asked(0.0) == 4
    pace.note(stretch(wall=1.0, steps=4))
    assert pace.asked(5.0) == 20
    pace.note(stretch(wall=100.0, steps=20))
    assert pace.asked(5.0) == 20, "every round times the same steps"
    bounded = Pace(4, 64)
    bounded.note(stretch(wall=1.0, steps=1000))
    assert bounded.asked(5.0) == 64
    assert Pace(4, 64, steps=3).asked(100.0) == 3


@pytest.mark.parametrize("repetitions", [0, -1])
def test_no_rounds_are_refused(repetitions: int) -> None:
    with pytest.raises(InputError, match=f"{repetitions} repetitions"):
        alternate({}, repetitions, 1.0)


def test_batches_are_sampled_evenly_over_their_lengths() -> None:
    rng = np.random.default_rng(0)
    costs = rng.lognormal(3.0, 0.6, 200).astype(np.int64)
    chosen = evenly_spread(costs, 20)
    assert chosen == sorted(set(chosen))
    # A random sample of 20 is off by 0.6 / sqrt(20), some 13 per cent.
    assert costs[chosen].mean() == pytest.approx(costs.mean(), rel=0.03)
    assert evenly_spread(costs, 200) == list(range(200))


def test_targets_are_met_missed_or_not_measured() -> None:
    tables = {
        "ratios": [
            {"task": "sst2", "ours": "sm+tmkd", "peer": peer, "ratio": ratio}
            for peer, ratio in (
                ("obvious MixKD, padded to the maximum", 10.9),
                ("obvious MixKD, padded to the longest", 3.2),
            )
        ],
        "waits": [{"what": "mixkd --help", "wall_seconds": 0.5}],
    }
    rows = {row["target"]: row for row in target_rows(tables)}
    assert len(rows) == len(TARGETS)
    missed = rows["MixKD over the obvious one padded to 128, SST-2"]
    assert (missed["aim"], missed["measured"], missed["verdict"]) == ("at least 11", 10.9, "missed")
    assert rows["MixKD over the obvious one, dynamic padding, SST-2"]["verdict"] == "met"
    assert rows["mixkd --help, seconds"]["verdict"] == "met"
    others = [row for row in rows.values() if row["verdict"] == NOT_MEASURED]
    assert len(others) == len(rows) - 3
    assert all(row["measured"] is None for row in others)
