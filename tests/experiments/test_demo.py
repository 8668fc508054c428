"""The demonstration learns, as the README says, and shows every number with its set."""

from dataclasses import replace

import pytest

from experiments.demo import FRACTIONS, METHODS, demo_runs
from mixkd_core.synthetic import bayes_accuracy
from reports.gap_rows import GapRow, gap_rows, mean_over_seeds


@pytest.fixture(scope="module")
def rows(tmp_path_factory: pytest.TempPathFactory) -> list[GapRow]:
    out = tmp_path_factory.mktemp("demo")
    records = demo_runs("embedded-sentiment", out, [0], lambda _: None)
    return [row for row in gap_rows(records) if row.held_out == "fresh"]


def test_every_method_is_there_in_both_regimes(rows: list[GapRow]) -> None:
    shown = {(row.fraction, row.method) for row in rows}
    assert shown == {
        (fraction, method) for fraction in FRACTIONS for method in ("teacher", *METHODS)
    }


def test_the_networks_learn_what_the_readme_promises(rows: list[GapRow]) -> None:
    for row in rows:
        assert row.majority == pytest.approx(0.5, abs=0.03)
        if row.fraction == 1:
            assert 0.91 < row.metric < bayes_accuracy(row.task)
        else:
            assert 0.70 < row.metric < 0.82


def test_a_gap_is_the_difference_of_its_risks_and_inside_its_interval(rows: list[GapRow]) -> None:
    for row in rows:
        assert row.gap == pytest.approx(row.generalization_risk - row.empirical_risk)
        assert row.metric == pytest.approx(1 - row.generalization_risk)
        assert row.interval is not None
        assert row.interval[0] < row.gap < row.interval[1]
        assert row.interval[1] - row.interval[0] < 0.03
    assert min(row.gap for row in rows if row.fraction < 1) > 0.1


def test_one_seed_is_its_own_mean(rows: list[GapRow]) -> None:
    assert mean_over_seeds(rows) == rows


def test_the_mean_over_seeds_keeps_networks_apart(rows: list[GapRow]) -> None:
    others = [replace(row, seeds=(1,), gap=row.gap + 0.1) for row in rows]
    means = mean_over_seeds([*rows, *others])
    assert len(means) == len(rows)
    for mean, row in zip(means, rows, strict=True):
        assert (mean.method, mean.seeds, mean.interval) == (row.method, (0, 1), None)
        assert mean.gap == pytest.approx(row.gap + 0.05)
        assert mean.spread == pytest.approx((row.gap, row.gap + 0.1))
