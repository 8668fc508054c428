"""The spread over augmented samples, of teachers whose answer is known by construction."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mixkd_core.errors import InputError
from mixkd_core.mixing.pairing import pairs_over_dataset
from reports.statistics.teacher_spread import FEWEST_KINDS, rank_test, teacher_spread

EXAMPLES, DRAWS = 2000, 6


def linear_teacher(alpha: float | None) -> np.ndarray:
    """Probabilities of a teacher that is linear in its input, on mixtures or originals."""
    rng = np.random.default_rng(11)
    of_one = rng.beta(0.5, 0.5, size=EXAMPLES)
    drawn = []
    for _ in range(DRAWS):
        values = of_one
        if alpha is not None:
            pairs = pairs_over_dataset(EXAMPLES, 1.0, alpha, False, rng)
            share = pairs.mixing_coefficients
            mixed = share * of_one[pairs.first] + (1 - share) * of_one[pairs.second]
            values = mixed[np.argsort(pairs.first)]
        drawn.append(np.stack([values, 1 - values], axis=1))
    return np.stack(drawn, axis=1)


@pytest.mark.parametrize("alpha", [0.1, 0.4, 1.0, 4.0])
def test_mixing_under_a_linear_teacher_lowers_both_as_the_law_says(alpha: float) -> None:
    """Var = σ² E[λ² + (1−λ)²] = σ² (α+1)/(2α+1), and the covariance is σ²/4 whatever α is.

    The relative standard error of either is below 3 %; 15 % fail by chance in less than 1e-6.
    """
    original, mixed = teacher_spread(linear_teacher(None)), teacher_spread(linear_teacher(alpha))
    share = (alpha + 1) / (2 * alpha + 1)
    assert mixed.stddev**2 == pytest.approx(original.stddev**2 * share, rel=0.15)
    assert mixed.covariance == pytest.approx(original.stddev**2 / 4, rel=0.15)


def test_samples_that_are_their_originals_covary_as_much_as_they_vary() -> None:
    found = teacher_spread(linear_teacher(None))
    assert found.covariance == pytest.approx(found.stddev**2)
    assert found.stddev == pytest.approx(np.sqrt(1 / 8), rel=0.05), "of Beta(1/2, 1/2)"


@settings(max_examples=20)
@given(st.integers(0, 1000), st.integers(2, 9), st.integers(2, 5))
def test_noise_that_knows_nothing_of_the_example_has_no_covariance(
    seed: int, examples: int, draws: int
) -> None:
    """The estimate is unbiased: its mean is within six standard errors of zero."""
    rng = np.random.default_rng(seed)
    values = rng.random((200, examples, draws, 3))
    found = np.array([teacher_spread(one).covariance for one in values])
    assert abs(found.mean()) < 6 * found.std() / np.sqrt(len(found))
    shifted = teacher_spread(values[0] + 0.5)
    assert shifted.stddev == pytest.approx(teacher_spread(values[0]).stddev), (
        "only differences count"
    )


def test_five_kinds_in_perfect_order_are_one_in_120() -> None:
    spreads = [0.1, 0.2, 0.3, 0.4, 0.5]
    found = rank_test(spreads, [1.0, 2.0, 3.0, 4.0, 90.0])
    assert found is not None
    assert (found.correlation, found.kinds) == (pytest.approx(1.0), 5)
    assert found.p_value == pytest.approx(1 / 120)
    other = rank_test(spreads, [5.0, 4.0, 3.0, 2.0, 1.0])
    assert other is not None
    assert (other.correlation, other.p_value) == (pytest.approx(-1.0), 1.0)
    same = rank_test(spreads, [1.0] * 5)
    assert same is not None
    assert np.isnan(same.correlation)
    assert same.p_value == 1
    assert rank_test(spreads[: FEWEST_KINDS - 1], [1.0, 2.0, 3.0, 4.0]) is None


@pytest.mark.parametrize("shape", [(1, 4, 2), (4, 1, 2), (4, 4)])
def test_a_single_sample_has_no_spread(shape: tuple[int, ...]) -> None:
    with pytest.raises(InputError, match="two samples or more of each of two examples"):
        teacher_spread(np.zeros(shape))
