"""The kernels against the definition: all sequences, all pairs, all lambdas, one by one.

And properties that hold for every law, on random rational ones.
"""

import itertools
from fractions import Fraction as Q

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from theory.laws.finite_laws import (
    EIGHTHS_MIXING,
    FLOOR_MIXING,
    FiniteClass,
    FiniteLaw,
    TableLoss,
    teacher_tent_square_class,
    tent_class,
    three_point_class,
)
from theory.laws.minimal_gap import (
    expected_rademacher,
    gap_law,
    mixup_gap_law,
    mixup_limit_gap_law,
)
from theory.laws.mixing_coefficient import FiniteMixing
from theory.laws.piecewise import PiecewisePolynomial

UNEVEN_MIXING = FiniteMixing((Q(0), Q(1, 3), Q(2, 3), Q(1)), (Q(1, 10), Q(2, 5), Q(2, 5), Q(1, 10)))


def samples(problem, n):
    letters = range(len(problem.law.points))
    for sample in itertools.product(letters, repeat=n):
        probability = Q(1)
        for k in sample:
            probability *= problem.law.probabilities[k]
        yield sample, probability


def collect(pairs):
    law = {}
    for value, probability in pairs:
        law[value] = law.get(value, Q(0)) + probability
    return law


def as_dict(law):
    return dict(zip(law.values, law.probabilities, strict=True))


def brute_quantile(law, delta):
    return min(e for e in law if sum(p for v, p in law.items() if v <= e) >= 1 - delta)


def brute_cvar(law, delta):
    """The definition: min over t of t + E(Z-t)_+/delta, attained at an atom."""
    return min(t + sum(p * max(v - t, 0) for v, p in law.items()) / delta for t in law)


def brute_gap(problem, n):
    table, risks = problem.loss_table(), problem.risks()
    return collect(
        (max(r - sum(row[k] for k in s) / n for r, row in zip(risks, table, strict=True)), p)
        for s, p in samples(problem, n)
    )


def draws_of(problem, sample, mixing, pairing):
    """(loss vector, probability) of one mixup draw given the sample."""
    points, n = problem.law.points, len(sample)
    pairs = [(i, j) for i in range(n) for j in range(n) if pairing == "self" or i != j]
    for i, j in pairs:
        for value, mass in zip(mixing.values, mixing.probabilities, strict=True):
            mixed = value * points[sample[i]] + (1 - value) * points[sample[j]]
            yield tuple(loss(mixed) for loss in problem.losses), mass / len(pairs)


def brute_mixup(problem, n, a, w, mixing, pairing):
    table, risks = problem.loss_table(), problem.risks()

    def gap(sample, drawn):
        return max(
            r - w * sum(row[k] for k in sample) / n - (1 - w) * mean
            for r, row, mean in zip(risks, table, drawn, strict=True)
        )

    def terms():
        for sample, probability in samples(problem, n):
            draws = collect(draws_of(problem, sample, mixing, pairing))
            if a is None:
                mean = [sum(p * v[f] for v, p in draws.items()) for f in range(problem.size)]
                yield gap(sample, mean), probability
                continue
            for chosen in itertools.product(draws.items(), repeat=a):
                mass = probability
                for _, p in chosen:
                    mass *= p
                mean = [sum(v[f] for v, _ in chosen) / a for f in range(problem.size)]
                yield gap(sample, mean), mass

    return collect(terms())


@pytest.mark.parametrize("n", [1, 2, 5])
def test_gap_law_against_all_sequences(n):
    problem = three_point_class()
    brute = brute_gap(problem, n)
    law = gap_law(problem, n)
    assert as_dict(law) == brute
    for delta in (Q(1, 20), Q(1, 4), Q(2, 3)):
        assert law.quantile(delta) == brute_quantile(brute, delta)
        assert law.cvar(delta) == brute_cvar(brute, delta)
    for gap in (Q(-1), Q(0), Q(1, 7), *brute):
        assert law.exceedance(gap) == sum(p for v, p in brute.items() if v > gap)


@pytest.mark.parametrize("pairing", ["distinct", "self"])
@pytest.mark.parametrize("w", [Q(0), Q(2, 7), Q(1)])
@pytest.mark.parametrize("mixing", [FLOOR_MIXING, UNEVEN_MIXING])
def test_limit_law_against_all_sequences(pairing, w, mixing):
    problem = teacher_tent_square_class()
    law = mixup_limit_gap_law(problem, 4, w, mixing, pairing=pairing)
    assert as_dict(law) == brute_mixup(problem, 4, None, w, mixing, pairing)


@pytest.mark.parametrize("pairing", ["distinct", "self"])
@pytest.mark.parametrize(("n", "a"), [(2, 1), (3, 2), (2, 4)])
def test_finite_draws_against_all_sequences_and_draws(pairing, n, a):
    problem = teacher_tent_square_class()
    law = mixup_gap_law(problem, n, a, "1/4", UNEVEN_MIXING, pairing=pairing)
    assert as_dict(law) == brute_mixup(problem, n, a, Q(1, 4), UNEVEN_MIXING, pairing)


def test_rademacher_against_all_sequences_and_signs():
    problem = three_point_class()
    for n in (1, 2, 3):
        total = Q(0)
        for sample, probability in samples(problem, n):
            for signs in itertools.product((-1, 1), repeat=n):
                best = max(
                    sum(s * row[k] for s, k in zip(signs, sample, strict=True))
                    for row in problem.loss_table()
                )
                total += probability * best / (n * 2**n)
        assert expected_rademacher(problem, n) == total


@st.composite
def finite_classes(draw, max_points=3, max_losses=3):
    size = draw(st.integers(2, max_points))
    masses = draw(st.lists(st.integers(1, 9), min_size=size, max_size=size))
    law = FiniteLaw.of({k: Q(mass, sum(masses)) for k, mass in enumerate(masses)})
    grid = st.integers(0, 6).map(lambda g: Q(g, 6))
    rows = draw(st.lists(st.tuples(*[grid] * size), min_size=1, max_size=max_losses))
    return FiniteClass(law, tuple(TableLoss.of(dict(enumerate(row))) for row in rows), Q(1))


levels = st.integers(1, 19).map(lambda k: Q(k, 20))
profile = settings(deadline=None, derandomize=True, max_examples=40)


@profile
@given(finite_classes(), st.integers(1, 7), levels)
def test_mean_and_cvar_never_rise_with_the_sample(problem, n, delta):
    now, later = gap_law(problem, n), gap_law(problem, n + 1)
    assert later.mean() <= now.mean()
    assert later.cvar(delta) <= now.cvar(delta)
    assert later.quantile(delta) <= now.cvar(delta)


@profile
@given(finite_classes(), st.integers(1, 7), levels)
def test_quantile_cvar_and_tail_fit_together(problem, n, delta):
    law = gap_law(problem, n)
    quantile, cvar = law.quantile(delta), law.cvar(delta)
    assert quantile <= cvar <= law.values[-1]
    assert law.mean() <= cvar
    assert law.exceedance(quantile) <= delta
    below = [v for v in law.values if v < quantile]
    if below:
        assert law.exceedance(below[-1]) > delta
    assert sum(law.probabilities) == 1
    assert law.quantile(delta / 2) >= quantile


@profile
@given(finite_classes(), st.integers(1, 6), st.randoms(use_true_random=False))
def test_order_of_hypotheses_and_points_does_not_matter(problem, n, random):
    losses = list(problem.losses)
    random.shuffle(losses)
    points = list(zip(problem.law.points, problem.law.probabilities, strict=True))
    random.shuffle(points)
    shuffled = FiniteClass(
        FiniteLaw(tuple(x for x, _ in points), tuple(p for _, p in points)),
        (*losses, losses[0]),
        problem.loss_bound,
    )
    assert gap_law(shuffled, n) == gap_law(problem, n)
    assert expected_rademacher(shuffled, 2) == expected_rademacher(problem, 2)


@profile
@given(finite_classes(), st.integers(1, 6), levels, st.integers(1, 7), st.integers(0, 5))
def test_scaling_losses_scales_the_gap_and_shifting_them_leaves_it(problem, n, delta, up, shift):
    factor = Q(up, 3)
    moved = tuple(
        TableLoss(loss.points, tuple(factor * v + shift for v in loss.losses))
        for loss in problem.losses
    )
    other = FiniteClass(problem.law, moved, factor + shift)
    assert gap_law(other, n).quantile(delta) == factor * gap_law(problem, n).quantile(delta)
    assert gap_law(other, n).cvar(delta) == factor * gap_law(problem, n).cvar(delta)
    assert expected_rademacher(other, 2) == factor * expected_rademacher(problem, 2)


@profile
@given(finite_classes(), st.integers(1, 6), levels)
def test_a_larger_class_has_a_larger_gap(problem, n, delta):
    smaller = FiniteClass(problem.law, problem.losses[:1], problem.loss_bound)
    assert gap_law(smaller, n).quantile(delta) <= gap_law(problem, n).quantile(delta)


@st.composite
def line_laws(draw):
    points = draw(st.lists(st.integers(-4, 4), min_size=2, max_size=3, unique=True))
    masses = draw(st.lists(st.integers(1, 5), min_size=len(points), max_size=len(points)))
    return FiniteLaw.of({x: Q(m, sum(masses)) for x, m in zip(points, masses, strict=True)})


@st.composite
def mixings(draw):
    value, mass = draw(st.integers(0, 6)), draw(st.integers(1, 5))
    atoms = {Q(value, 12): Q(mass, 12), 1 - Q(value, 12): Q(mass, 12)}
    atoms[Q(1, 2)] = 1 - sum(atoms.values()) if value < 6 else Q(1)
    return FiniteMixing(tuple(atoms), tuple(atoms.values()))


@profile
@given(line_laws(), mixings(), st.integers(2, 6), levels)
def test_convex_losses_make_mixup_optimistic(law, mixing, n, delta):
    """L0: convex g has R_mix <= R and U_n <= R_S for every S, hence a larger gap at w=0."""
    convex = PiecewisePolynomial.of([0], [[0, "-1/4"], [0, 0, "1/16"]])
    problem = FiniteClass(law, (convex,), Q(1))
    assert problem.mixed_risks(mixing)[0] <= problem.risks()[0]
    mixed, plain = mixup_limit_gap_law(problem, n, 0, mixing), gap_law(problem, n)
    assert mixed.quantile(delta) >= plain.quantile(delta)
    (kernel,), (row,) = problem.kernels(mixing), problem.loss_table()
    for sample in itertools.combinations_with_replacement(range(len(row)), n):
        pairs = sum(kernel[k][j] for k, j in itertools.permutations(sample, 2))
        assert pairs / (n * (n - 1)) <= sum(row[k] for k in sample) / n


@profile
@given(line_laws(), mixings(), st.integers(2, 4), st.integers(1, 4), levels)
def test_cvar_never_rises_with_the_draws_nor_falls_below_the_limit(law, mixing, n, a, delta):
    hat = PiecewisePolynomial.of([0, 1], [["1/4"], ["1/4", "1/2"], ["3/4", 0]])
    problem = FiniteClass(law, (hat,), Q(1))
    now = mixup_gap_law(problem, n, a, "1/5", mixing)
    later = mixup_gap_law(problem, n, a + 1, "1/5", mixing)
    limit = mixup_limit_gap_law(problem, n, "1/5", mixing)
    assert limit.cvar(delta) <= later.cvar(delta) <= now.cvar(delta)
    assert limit.mean() == later.mean() == now.mean()  # one hypothesis: all are E[R-Rhat]


def test_tent_under_eighths_has_the_kernel_of_the_uniform_law_by_enumeration():
    law = brute_mixup(tent_class(), 3, None, Q(0), EIGHTHS_MIXING, "distinct")
    assert as_dict(mixup_limit_gap_law(tent_class(), 3, 0, EIGHTHS_MIXING)) == law
