"""The demonstration learns, as the README says, and shows every number with its set."""

import pytest

from experiments.demo import FRACTIONS, METHODS, demo_runs
from mixkd_core.data.embedded.law import bayes_accuracy
from reports.evidence.evidence import evidence_of
from reports.tables.gaps import GapSummary, gap_summaries

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def rows(tmp_path_factory: pytest.TempPathFactory) -> list[GapSummary]:
    out = tmp_path_factory.mktemp("demo")
    records = demo_runs("embedded-sentiment", out, [0], lambda _: None)
    return [
        row
        for row in gap_summaries(evidence_of(records))
        if (row.held_out, row.loss) == ("fresh", "zero_one_error")
    ]


@pytest.mark.slow
def test_every_method_is_there_in_both_regimes(rows: list[GapSummary]) -> None:
    shown = {(row.fraction, row.label) for row in rows}
    assert shown == {
        (fraction, method) for fraction in FRACTIONS for method in ("teacher", *METHODS)
    }


def test_the_networks_learn_what_the_readme_promises(rows: list[GapSummary]) -> None:
    for row in rows:
        assert row.majority == pytest.approx(0.5, abs=0.03)
        if row.fraction == 1:
            assert 0.91 < row.metric_value < bayes_accuracy(row.task)
        else:
            assert 0.70 < row.metric_value < 0.82


def test_a_gap_is_the_difference_of_its_risks_and_inside_its_interval(
    rows: list[GapSummary],
) -> None:
    for row in rows:
        assert row.gap.mean == pytest.approx(row.generalization - row.empirical)
        assert row.metric_value == pytest.approx(1 - row.generalization)
        assert row.interval_over_examples is not None
        low, high = row.interval_over_examples
        assert low < row.gap.mean < high
        assert high - low < 0.03
    assert min(row.gap.mean for row in rows if row.fraction < 1) > 0.1
