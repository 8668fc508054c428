"""Intervals over seeds and examples: coverage by simulation, special cases by hand."""

import numpy as np
import pytest

from reports.statistics.crossed import PairedExamples, crossed_interval
from reports.statistics.seeds import LEVEL, stratified_summary
from theory.bounds.binomial import clopper_pearson_limit

# Each of the four coverage tests raises a false alarm with probability below 1e-7.
FALSE_ALARM = 1e-7


def simulated(
    rng: np.random.Generator, seeds: int, sources: int, size: int, scale: tuple[float, float, float]
) -> list[PairedExamples]:
    """Crossed random effects of mean 0: seed, source (groups of `size` examples), and rest."""
    names = np.repeat(np.arange(sources), size)
    source = scale[1] * rng.normal(size=sources)[names]
    pairs = []
    for _ in range(seeds):
        noise = scale[2] * rng.normal(size=len(names))
        differences = scale[0] * rng.normal() + source + noise
        pairs.append(PairedExamples(differences, names, float(differences.mean())))
    return pairs


def misses(seeds: int, size: int, scale: tuple[float, float, float], trials: int = 1500) -> int:
    rng = np.random.default_rng(8)
    missed = 0
    for _ in range(trials):
        interval = crossed_interval({"a": simulated(rng, seeds, 60, size, scale)})
        assert interval is not None
        missed += not interval[0] <= 0 <= interval[1]
    return missed


@pytest.mark.slow
@pytest.mark.parametrize(
    ("size", "scale"),
    [(1, (0.0, 1.0, 1.0)), (1, (0.15, 1.0, 1.0)), (4, (0.1, 1.0, 0.5)), (1, (0.3, 0.1, 1.0))],
    ids=["examples rule", "both", "grouped", "seeds rule"],
)
def test_other_seeds_and_other_examples_are_covered(
    size: int, scale: tuple[float, float, float]
) -> None:
    missed = misses(8, size, scale)
    assert float(clopper_pearson_limit(missed, 1500, FALSE_ALARM, lower=True)) <= 1 - LEVEL
    assert missed > 15, "and not by intervals of any width"


def test_the_interval_over_seeds_alone_misses_other_examples() -> None:
    """The reason for this one: where examples are shared, seeds do not show their luck."""
    rng = np.random.default_rng(9)
    missed = 0
    for _ in range(400):
        pairs = simulated(rng, 8, 60, 1, (0.02, 1.0, 0.1))
        low, high = stratified_summary([[pair.value for pair in pairs]]).interval or (0.0, 0.0)
        missed += not low <= 0 <= high
    assert missed > 200


def test_examples_that_no_seeds_share_add_nothing() -> None:
    rng = np.random.default_rng(10)
    pairs = [
        PairedExamples(values, np.arange(50) + 50 * seed, float(values.mean()))
        for seed, values in enumerate(rng.normal(size=(5, 50)))
    ]
    expected = stratified_summary([[pair.value for pair in pairs]]).interval
    assert crossed_interval({"a": pairs}) == pytest.approx(expected)


def test_the_variance_is_the_sum_of_its_components() -> None:
    """Two seeds, the same differences in both: seeds add nothing, examples the usual error."""
    values = np.array([0.0, 1.0, 2.0, 5.0])
    pairs = [PairedExamples(values, np.arange(4), 2.0)] * 2
    low, high = crossed_interval({"a": pairs}) or (0.0, 0.0)
    variance = values.var() / 4  # its factor n / (n − 1) is left out where sources are many
    assert (low + high) / 2 == pytest.approx(2.0)
    assert (high - low) / 2 == pytest.approx(3.182446 * variance**0.5, rel=1e-5)


def test_sources_that_vary_together_widen_it() -> None:
    rng = np.random.default_rng(11)
    names = np.repeat(np.arange(30), 5)
    pairs = simulated(rng, 6, 30, 5, (0.05, 1.0, 0.2))
    alone = [PairedExamples(p.differences, np.arange(150), p.value) for p in pairs]
    grouped, single = crossed_interval({"a": pairs}), crossed_interval({"a": alone})
    assert grouped is not None
    assert single is not None
    assert grouped[1] - grouped[0] > 1.5 * (single[1] - single[0])
    assert len(names) == len(pairs[0].differences)


def test_one_pair_has_no_interval() -> None:
    pair = PairedExamples(np.ones(3), np.arange(3), 1.0)
    assert crossed_interval({}) is None
    assert crossed_interval({"a": [pair, pair], "b": [pair]}) is None
    assert crossed_interval({"a": [pair, pair]}) == (1.0, 1.0)
