"""The contestants of the theory benchmark give equal answers, at small sizes."""

import json
import sys
from fractions import Fraction as Q

import pytest

from experiments.benchmarks import theory as benchmark
from theory.laws.finite_laws import EIGHTHS_MIXING, tent_class, three_point_class
from theory.laws.minimal_gap import gap_law, mixup_limit_gap_law
from theory.laws.simulation import simulate_finite_gaps, simulate_gaps


@pytest.mark.parametrize("n", [1, 7, 15])
def test_exact_loops_and_kernels_agree(n):
    three, tent = three_point_class(), tent_class()
    assert benchmark.looped_gap(three, n) == benchmark.kernel_values(gap_law(three, n))
    law = mixup_limit_gap_law(tent, n + 1, "1/2", EIGHTHS_MIXING)
    assert benchmark.looped_limit_gap(tent, n + 1, Q(1, 2)) == benchmark.kernel_values(law)


def test_simulated_loops_and_kernels_agree_in_every_replication():
    three, thresholds = three_point_class(), benchmark.threshold_class(8)
    assert benchmark.same_gaps(
        benchmark.looped_finite_simulation(three, 16, 50, seed=2),
        simulate_finite_gaps(three, 16, 50, benchmark.random_stream(2)),
    )
    assert benchmark.same_gaps(
        benchmark.looped_simulation(8, 16, 50, seed=2),
        simulate_gaps(thresholds, 16, 50, benchmark.random_stream(2)),
    )


def test_a_duel_reports_disagreement():
    row = benchmark.duel("one or two", lambda: 1, lambda: 2, repetitions=1)
    assert not row.equal
    assert row.speedup > 0


@pytest.mark.slow
def test_the_command_prints_tables_and_writes_json(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(benchmark, "growth", lambda repetitions: [])
    target = tmp_path / "numbers.json"
    monkeypatch.setattr(sys, "argv", ["theory", "--json", str(target), "--repetitions", "2"])
    benchmark.main()
    rows = json.loads(target.read_text())["duels"]
    assert [row["equal"] for row in rows] == [True] * 4
    # Far below the 50 that a quiet machine shows: a busy one must not fail the suite.
    assert all(row["speedup"] > 5 for row in rows[:3])
    assert "speedup" in capsys.readouterr().out
