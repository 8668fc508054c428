"""What every bound must obey, whatever the data (Hypothesis)."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from theory.bounds.betting import betting
from theory.bounds.binomial import clopper_pearson, clopper_pearson_limit
from theory.bounds.bound import spent
from theory.bounds.certificates import certify_table
from theory.bounds.complexity import finite_class_term
from theory.bounds.concentration import empirical_bernstein, hoeffding
from theory.bounds.mean_bound import MeanBound, paired
from theory.bounds.mixup import case2_bernstein, case2_hoeffding, case2_mcdiarmid

PROPERTY = settings(deadline=None, derandomize=True, max_examples=60)
LOSSES = st.lists(st.floats(0, 1), min_size=2, max_size=40).map(np.array)
DELTAS = st.floats(1e-9, 1 - 1e-9)
DELTA_PAIRS = st.tuples(DELTAS, DELTAS).map(sorted)
ALL = pytest.mark.parametrize("bound", [hoeffding, empirical_bernstein, betting])
# The betting bound depends on the order of the data and on bets that depend on delta, so that it
# need not share the properties of the bounds that see only mean and variance.
MOMENTS = pytest.mark.parametrize("bound", [hoeffding, empirical_bernstein])


@ALL
@PROPERTY
@given(losses=LOSSES, delta=DELTAS, scale=st.floats(0.01, 100), offset=st.floats(-0.9, 50))
def test_scale_and_shift_equivariance(
    bound: MeanBound, losses: np.ndarray, delta: float, scale: float, offset: float
) -> None:
    shift = offset * scale
    moved = np.clip(shift + scale * losses, shift, shift + scale)
    value = bound(moved, delta, shift + scale, lowest=shift).value
    assert (value - shift) / scale == pytest.approx(bound(losses, delta).value, abs=1e-7)


@ALL
@PROPERTY
@given(losses=LOSSES, delta=DELTAS)
def test_lower_bounds_are_mirrored_upper_bounds(
    bound: MeanBound, losses: np.ndarray, delta: float
) -> None:
    lower = bound(losses, delta, lower=True).value
    assert lower == pytest.approx(1 - bound(1 - losses, delta).value, abs=1e-9)


@MOMENTS
@PROPERTY
@given(losses=LOSSES, delta=DELTAS)
def test_a_bound_from_above_is_at_least_the_empirical_risk(
    bound: MeanBound, losses: np.ndarray, delta: float
) -> None:
    assert bound(losses, delta).value >= losses.mean()
    assert bound(losses, delta, lower=True).value <= losses.mean()


@MOMENTS
@PROPERTY
@given(losses=LOSSES, deltas=DELTA_PAIRS)
def test_less_risk_of_failure_costs_more(
    bound: MeanBound, losses: np.ndarray, deltas: list[float]
) -> None:
    assert bound(losses, deltas[0]).value >= bound(losses, deltas[1]).value


@MOMENTS
@PROPERTY
@given(losses=LOSSES, delta=DELTAS, times=st.integers(2, 5))
def test_the_same_losses_seen_more_often_bound_better(
    bound: MeanBound, losses: np.ndarray, delta: float, times: int
) -> None:
    assert bound(np.tile(losses, times), delta).value <= bound(losses, delta).value + 1e-12


@MOMENTS
@PROPERTY
@given(losses=LOSSES, delta=DELTAS, loss_bound=st.floats(1, 10))
def test_a_wider_range_costs_more(
    bound: MeanBound, losses: np.ndarray, delta: float, loss_bound: float
) -> None:
    assert bound(losses, delta, loss_bound).value >= bound(losses, delta).value - 1e-12


@MOMENTS
@PROPERTY
@given(losses=LOSSES, delta=DELTAS, data=st.data())
def test_the_order_of_the_examples_does_not_matter(
    bound: MeanBound, losses: np.ndarray, delta: float, data: st.DataObject
) -> None:
    shuffled = np.array(data.draw(st.permutations(losses.tolist())))
    assert bound(shuffled, delta).value == pytest.approx(bound(losses, delta).value, abs=1e-12)


@PROPERTY
@given(losses=LOSSES, delta=DELTAS, data=st.data())
def test_hoeffding_grows_with_every_loss(
    losses: np.ndarray, delta: float, data: st.DataObject
) -> None:
    index = data.draw(st.integers(0, losses.size - 1))
    raised = losses.copy()
    raised[index] = data.draw(st.floats(float(losses[index]), 1))
    assert hoeffding(raised, delta).value >= hoeffding(losses, delta).value - 1e-15


def test_empirical_bernstein_does_not_grow_with_every_loss() -> None:
    """Raising the one small loss removes the variance: not a property of this bound."""
    losses = np.ones(100)
    losses[0] = 0.0
    assert empirical_bernstein(np.ones(100), 0.05).value < empirical_bernstein(losses, 0.05).value


@PROPERTY
@given(n=st.integers(1, 400), deltas=DELTA_PAIRS, data=st.data())
def test_clopper_pearson_is_monotone_and_encloses_the_frequency(
    n: int, deltas: list[float], data: st.DataObject
) -> None:
    errors = data.draw(st.integers(0, n))
    upper = float(clopper_pearson_limit(errors, n, deltas[1]))
    assert float(clopper_pearson_limit(errors, n, deltas[0])) >= upper - 1e-15
    if deltas[1] <= 0.5:
        lower = float(clopper_pearson_limit(errors, n, deltas[1], lower=True))
        assert lower <= errors / n <= upper
    if errors < n:
        assert float(clopper_pearson_limit(errors + 1, n, deltas[1])) > upper
    assert float(clopper_pearson_limit(errors, n + 1, deltas[1])) < upper or upper == 1.0
    mirrored = float(clopper_pearson_limit(n - errors, n, deltas[1], lower=True))
    assert mirrored == pytest.approx(1 - upper, abs=1e-11)


@PROPERTY
@given(
    losses=st.lists(st.sampled_from([0.0, 1.0]), min_size=2, max_size=60).map(np.array),
    delta=DELTAS,
)
def test_no_moment_bound_beats_the_exact_one(losses: np.ndarray, delta: float) -> None:
    exact = clopper_pearson(losses, delta).value
    assert min(1.0, hoeffding(losses, delta).value) >= exact
    assert min(1.0, empirical_bernstein(losses, delta).value) >= exact


@ALL
@PROPERTY
@given(pairs=st.lists(st.tuples(st.floats(0, 1), st.floats(0, 1)), min_size=2, max_size=30))
def test_swapping_the_methods_mirrors_the_paired_bound(
    bound: MeanBound, pairs: list[tuple[float, float]]
) -> None:
    first, second = np.array(pairs).T
    upper = paired(bound, first, second, 0.1).value
    assert upper == pytest.approx(-paired(bound, second, first, 0.1, lower=True).value, abs=1e-9)


@PROPERTY
@given(methods=st.integers(1, 6), n=st.integers(1, 20), delta=st.floats(1e-6, 0.9))
def test_the_union_over_the_columns_adds_up(methods: int, n: int, delta: float) -> None:
    generator = np.random.default_rng(methods * 100 + n)
    table = {str(k): generator.random(n) for k in range(methods)}
    certificate = certify_table(table, delta)
    bounds = [method.bounds["hoeffding"] for method in certificate.methods]
    assert spent(bounds) == pytest.approx(delta, rel=1e-12)
    for bound, column in zip(bounds, table.values(), strict=True):
        assert bound.value == pytest.approx(
            column.mean() + finite_class_term(methods, n, delta), abs=1e-12
        )


@PROPERTY
@given(
    n=st.integers(2, 500),
    draws=st.integers(1, 1000),
    w=st.floats(0, 1),
    deltas=DELTA_PAIRS,
    more=st.integers(1, 50),
)
def test_case_2_bounds_are_monotone(
    n: int, draws: int, w: float, deltas: list[float], more: int
) -> None:
    def values(n: int, draws: float, delta: float, size: int, scale: float) -> list[float]:
        return [
            case2_hoeffding(size, delta, n, draws, w, scale).value,
            case2_bernstein(size, delta, n, draws, w, 0.2, scale).value,
            case2_mcdiarmid(delta, n, draws, w, 0.0, scale).value,
        ]

    here = values(n, draws, deltas[1], 2, 1.0)
    for worse in (
        values(n, draws, deltas[0], 2, 1.0),
        values(n, draws, deltas[1], 2 + more, 1.0),
        values(n, draws, deltas[1], 2, 1.0 + more),
    ):
        assert all(there >= value for there, value in zip(worse, here, strict=True))
    for better in (
        values(n + 2 * more, draws, deltas[1], 2, 1.0),
        values(n, draws + more, deltas[1], 2, 1.0),
        values(n, float("inf"), deltas[1], 2, 1.0),
    ):
        assert all(there <= value for there, value in zip(better, here, strict=True))
