"""The betting bound: reference values, exact coverage on short samples, edges, and its order."""

import itertools
import math

import numpy as np
import pytest

from theory.bounds.betting import betting, betting_limit, log_capital, plug_in_bets
from theory.errors import TheoryInputError

REFERENCE = ((37 * np.arange(1, 501)) % 101) / 200


def _capital(sample: list[float], mean: float, delta: float) -> float:
    """max_t K_t(mean), written straight from the definition."""
    m = len(sample)
    wealth = best = 1.0
    best = 0.0
    for t in range(m):
        past = sample[:t]
        means = [(0.5 + sum(past[: i + 1])) / (i + 2) for i in range(t)]
        deviations = sum((x - mu) ** 2 for x, mu in zip(past, means, strict=True))
        variance = (0.25 + deviations) / (t + 1)
        bet = math.sqrt(2 * math.log(1 / delta) / (m * variance))
        if mean < 1:
            bet = min(bet, 0.75 / (1 - mean))
        wealth *= 1 - bet * (sample[t] - mean)
        best = max(best, wealth)
    return best


def test_reference_value() -> None:
    assert betting(REFERENCE, 0.05).value == pytest.approx(0.2661597118, abs=5e-11)


def test_the_capital_is_that_of_the_definition() -> None:
    generator = np.random.default_rng(1)
    for _ in range(20):
        sample = generator.random(12)
        delta = float(generator.uniform(0.01, 0.5))
        bets = plug_in_bets(sample, delta)
        for mean in (0.0, 0.2, 0.7, 1.0):
            expected = math.log(_capital(sample.tolist(), mean, delta))
            assert float(log_capital(sample, bets, mean)) == pytest.approx(expected, abs=1e-12)


def test_what_is_returned_was_refuted_and_what_is_just_inside_was_not() -> None:
    generator = np.random.default_rng(2)
    samples = generator.random((200, 40)) ** 3
    limits = betting_limit(samples, 0.05)
    bets = plug_in_bets(samples, 0.05)
    threshold = math.log(1 / 0.05)
    assert np.all(limits < 1.0)
    assert np.all(log_capital(samples, bets, limits) >= threshold)
    assert np.all(log_capital(samples, bets, limits - 1e-12) < threshold)


def test_the_capital_grows_with_the_mean_it_bets_against() -> None:
    generator = np.random.default_rng(3)
    sample = generator.beta(0.3, 0.3, size=60)
    bets = plug_in_bets(sample, 0.1)
    capital = [float(log_capital(sample, bets, mean)) for mean in np.linspace(0, 1, 201)]
    assert np.all(np.diff(capital) >= -1e-12)


@pytest.mark.parametrize("delta", [0.05, 0.3])
@pytest.mark.parametrize("n", [1, 2, 5, 10])
def test_coverage_on_bernoulli_laws_by_exact_count(n: int, delta: float) -> None:
    """All 2^n sequences, weighted exactly: the true mean is missed no oftener than delta."""
    samples = np.array(list(itertools.product([0.0, 1.0], repeat=n)))
    upper = betting_limit(samples, delta)
    lower = betting_limit(samples, delta, lower=True)
    ones = samples.sum(axis=1)
    for p in (0.01, 0.1, 0.3, 0.5, 0.7, 0.9, 0.99):
        weights = p**ones * (1 - p) ** (n - ones)
        assert weights[upper < p].sum() <= delta
        assert weights[lower > p].sum() <= delta


def test_edges() -> None:
    assert betting([0.0], 0.05).value == 1.0  # one observation cannot multiply a stake by 20
    assert betting([0.0], 0.05).vacuous
    assert betting(np.ones(100), 0.05).value == 1.0
    assert betting(np.zeros(100), 0.05, lower=True).value == 0.0
    zeros = betting(np.zeros(100), 0.05)
    assert 0.0 < zeros.value < 0.05
    assert betting(np.ones(100), 0.05, lower=True).value == pytest.approx(1 - zeros.value)
    assert 0.0 < betting(np.zeros(10**5), 1e-300).value < 0.05
    assert betting(np.full(50, 2.0), 0.05, 2.0).value == 2.0


def test_the_range_rescales() -> None:
    low, high = -3.0, 5.0
    expected = low + (high - low) * betting(REFERENCE, 0.05).value
    scaled = betting(low + (high - low) * REFERENCE, 0.05, high, lowest=low)
    assert scaled.value == pytest.approx(expected, abs=1e-12)


def test_the_rows_of_a_batch_do_not_meet(monkeypatch: pytest.MonkeyPatch) -> None:
    samples = np.random.default_rng(4).random((7, 30))
    single = [betting(row, 0.05).value for row in samples]
    assert betting_limit(samples, 0.05).tolist() == single
    assert betting_limit(samples.reshape(7, 1, 30), 0.05).shape == (7, 1)
    monkeypatch.setattr("theory.bounds.betting._CHUNK", 60)  # two rows at a time
    assert betting_limit(samples, 0.05).tolist() == single


def test_the_order_of_the_data_matters_and_may_even_carry_the_bound_below_the_mean() -> None:
    sorted_sample = np.repeat([0.0, 1.0], 1000)
    assert betting(sorted_sample, 0.05).value < sorted_sample.mean()
    assert betting(sorted_sample[::-1], 0.05).value > sorted_sample.mean()


def test_bad_input_is_refused() -> None:
    for losses, delta in (([], 0.05), ([0.5], 0.0), ([0.5], 1.0), ([2.0], 0.05), ([math.nan], 0.1)):
        with pytest.raises(TheoryInputError):
            betting(losses, delta)
