"""The statements as objects: hypotheses hold, fail or are not assessable, each with a reason."""

from dataclasses import fields, replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from theory.counterexamples.catalogue import COUNTEREXAMPLES
from theory.errors import TheoryInputError
from theory.statements.catalogue import THEOREMS, theorem
from theory.statements.numbers import Numbers, meaning
from theory.statements.theorem import Answer, Provenance
from theory.statements.theorem import given as given_number
from theory.symbolic.catalogue import derivation

IDS = [
    "L0", "L1", "L2", "T1", "C1", "T2.0", "T2.1", "T2.2", "T2.3", "T2.4", "T2.5", "T2.6", "T2.7",
    "T3", "T4", "T5", "T6", "T7", "T8",
]  # fmt: skip
CASE1 = {"sample_independent": True, "class_fixed": True, "independent": True}
CASE2 = {
    "sample_independent": True, "class_fixed": True, "independent_draws": True,
    "teacher_queried": True, "weight_fixed": True,
}  # fmt: skip
USER = Numbers(n=67, a=67, delta=0.05, loss_bound=1.0, gap=0.12, class_size=4)


def answers(verdict):
    findings = verdict.findings + tuple(f for route in verdict.routes for f in route.findings)
    return {finding.name: finding.answer for finding in findings}


def routes(verdict):
    return {route.name: route.answer for route in verdict.routes}


def test_every_statement_of_the_document_is_an_object():
    assert [item.id for item in THEOREMS] == IDS


def test_only_theorem_1_has_anything_from_the_paper():
    assert [item.id for item in THEOREMS if item.provenance is not Provenance.RECONSTRUCTION] == [
        "T1"
    ]
    assert "reconstruction" in theorem("T1").provenance


@pytest.mark.parametrize("item", THEOREMS, ids=lambda item: item.id)
def test_statements_are_complete_and_their_references_exist(item):
    assert item.statement
    assert item.latex
    assert item.non_claims
    assert item.routes
    hypotheses = [*item.hypotheses, *(h for route in item.routes for h in route.hypotheses)]
    assert hypotheses
    cited = set(item.counterexamples) | {h.counterexample for h in hypotheses if h.counterexample}
    assert cited <= set(COUNTEREXAMPLES)
    for identifier in item.derivations:
        assert derivation(identifier).holds()
    known = {entry.name for entry in fields(Numbers)}
    assert set(item.needs) <= known


@pytest.mark.parametrize("item", THEOREMS, ids=lambda item: item.id)
def test_without_evidence_nothing_is_claimed_and_what_is_missing_is_said(item):
    verdict = item.check(Numbers())
    assert verdict.answer is Answer.NOT_ASSESSABLE
    assert verdict.follows == ()
    assert set(item.non_claims) <= set(verdict.does_not_follow)
    for route in verdict.routes:
        for finding in verdict.findings + route.findings:
            assert finding.answer is Answer.NOT_ASSESSABLE
            assert finding.reason.startswith("not given: ")


def test_every_field_of_the_evidence_serves_a_statement():
    used = {name for item in THEOREMS for name in item.needs} | {"largest_loss"}
    assert used == {entry.name for entry in fields(Numbers)}


@pytest.mark.parametrize("holds", [True, False])
@pytest.mark.parametrize("item", THEOREMS, ids=lambda item: item.id)
def test_what_a_statement_does_not_need_does_not_change_its_verdict(item, holds):
    whole = replace(DRAWS, convex=holds, alpha=0.4, errors=1, held_out=20, unseen=holds, bias=0.0)
    whole = replace(whole, independent=holds, linear=holds, augmented_gap=0.1, candidates=2)
    whole = replace(whole, held_out_independent=holds, infinite_draws=holds, squared_loss=holds)
    others = {entry.name for entry in fields(Numbers)} - {*item.needs, "largest_loss"}
    alone = replace(whole, **dict.fromkeys(others))
    assert answers(item.check(whole)) == answers(item.check(alone))
    assert item.check(whole).follows == item.check(alone).follows


def test_ids_are_found_without_regard_to_case_and_the_nearest_is_suggested():
    assert theorem("t2.3").id == "T2.3"
    with pytest.raises(TheoryInputError, match=r"the nearest is T2\.\d"):
        theorem("T2.9")
    with pytest.raises(TheoryInputError, match="the nearest is"):
        theorem("theorem")


def test_t1_on_the_example_of_the_command_line():
    verdict = theorem("T1").check(USER)
    assert verdict.answer is Answer.NOT_ASSESSABLE
    assert routes(verdict)["(a) finite class"] is Answer.FAILS
    assert answers(verdict)["case 1"] is Answer.NOT_ASSESSABLE
    assert answers(verdict)["positive gap"] is Answer.HOLDS
    assert answers(verdict)["size (a)"] is Answer.FAILS
    assert verdict.quantities["N (a) = M² log(|H|/δ)/(2 eps_p²)"] == pytest.approx(152.1537026)
    (reason,) = [f.reason for r in verdict.routes for f in r.findings if f.name == "size (a)"]
    assert reason == "N = 134 < 153 (threshold 152.154)"


def test_t1_holds_with_enough_independent_points():
    enough = replace(USER, a=86, **CASE1)
    verdict = theorem("T1").check(enough)
    assert verdict.answer is Answer.HOLDS
    assert verdict.follows == ("eps* <= eps_p by form (a)",)
    assert theorem("T1").check(replace(enough, a=85)).follows == ()
    assert theorem("T1").check(replace(enough, independent=False)).answer is Answer.FAILS
    assert theorem("T1").check(replace(enough, gap=0.0)).answer is Answer.FAILS
    assert theorem("T1").check(replace(enough, gap=-0.1)).answer is Answer.FAILS
    larger = replace(enough, largest_loss=1.5)
    assert answers(theorem("T1").check(larger))["bounded loss"] is Answer.FAILS


def test_t1_form_b_needs_the_gap_above_its_mean():
    base = replace(USER, a=200, class_size=None, **CASE1)
    assert theorem("T1").check(replace(base, mean_gap=0.04)).follows == (
        "eps* <= eps_p by form (b)",
    )
    below = theorem("T1").check(replace(base, mean_gap=0.12))
    assert routes(below)["(b) gap above its mean"] is Answer.FAILS
    assert theorem("T1").check(replace(base, complexity=0.1, a=300)).follows == (
        "eps* <= eps_p by form (c)",
    )


def test_t1_remarks_on_a_gap_that_no_class_can_have():
    assert theorem("T1").check(USER).notes == ()
    (note,) = theorem("T1").check(replace(USER, gap=0.5)).notes
    assert "impossible" in note
    assert "0.180836" in note


def test_c1_orders_certificates_and_disclaims_true_risks():
    evidence = Numbers(
        loss_bound=1, **CASE1, augmented_gap=0.3, gap=0.5, augmented_risk=0.2,
        empirical_risk=0.25, delta=1 / 6,
    )  # fmt: skip
    verdict = theorem("C1").check(evidence)
    assert verdict.answer is Answer.HOLDS
    assert verdict.quantities["U* = R_aug(f*) + eps*"] == pytest.approx(0.5)
    assert verdict.quantities["U_p = R_S(f_p) + eps_p"] == pytest.approx(0.75)
    assert any("true risks" in claim for claim in verdict.does_not_follow)
    assert theorem("C1").check(replace(evidence, augmented_gap=0.6)).answer is Answer.FAILS


DRAWS = Numbers(
    n=12, a=618, delta=0.1, loss_bound=1, class_size=1, weight=0.0, gap=7 / 60,
    eps_infinity=89 / 1320, **CASE2,
)  # fmt: skip


def test_t23_threshold_at_the_value_of_the_document():
    assert routes(theorem("T2.3").check(DRAWS))["threshold"] is Answer.HOLDS
    assert routes(theorem("T2.3").check(replace(DRAWS, a=617)))["threshold"] is Answer.FAILS
    negative = theorem("T2.3").check(replace(DRAWS, eps_infinity=0.2))
    assert answers(negative)["κ positive"] is Answer.FAILS
    moved = theorem("T2.3").check(replace(DRAWS, independent_draws=False))
    assert moved.answer is Answer.FAILS


def test_t23_floor_says_that_mixup_worsens_the_gap():
    evidence = replace(DRAWS, a=900, eps_infinity=None, eps_infinity_floor=19 / 120, eta=0.05)
    verdict = theorem("T2.3").check(evidence)
    assert verdict.follows == (
        "eps*(a, δ) > eps_p: at this and every larger a mixup worsens the minimal gap",
    )
    assert routes(theorem("T2.3").check(replace(evidence, a=862)))["floor"] is Answer.FAILS
    assert routes(theorem("T2.3").check(replace(evidence, a=863)))["floor"] is Answer.HOLDS
    full = replace(evidence, eta=0.95)
    assert answers(theorem("T2.3").check(full))["budget"] is Answer.FAILS


def test_t22_a_range_based_bound_never_helps():
    verdict = theorem("T2.2").check(Numbers(n=9, weight=0.5, bias=0.0))
    assert verdict.answer is Answer.HOLDS
    assert theorem("T2.2").check(Numbers(n=9, weight=1.0, bias=0.0)).answer is Answer.FAILS
    assert theorem("T2.2").check(Numbers(n=9, weight=0.5, bias=-0.1)).answer is Answer.FAILS


@given(
    st.integers(2, 500), st.integers(1, 5000), st.floats(0, 0.99), st.integers(1, 50),
    st.floats(0.01, 0.5),
)  # fmt: skip
def test_t21_radius_is_above_the_one_without_mixup(n, a, weight, size, delta):
    evidence = Numbers(
        n=n, a=a, weight=weight, class_size=size, delta=delta, loss_bound=1, **CASE2
    )  # fmt: skip
    values = theorem("T2.1").check(evidence).quantities
    with_mixup, without = values.values()
    assert with_mixup > without


def test_t24_gain_is_a_matter_of_variance():
    evidence = Numbers(
        n=40, a=1000, delta=0.05, loss_bound=1, class_size=1, weight=0.0, **CASE2,
        kernel_variance=0.04, loss_variance=0.16,
    )  # fmt: skip
    assert set(routes(theorem("T2.4").check(evidence)).values()) == {Answer.HOLDS}
    worse = theorem("T2.4").check(replace(evidence, kernel_variance=0.09))
    assert routes(worse) == {"bound": Answer.HOLDS, "gain": Answer.FAILS}
    impossible = theorem("T2.4").check(replace(evidence, kernel_variance=0.3))
    assert routes(impossible)["bound"] is Answer.FAILS
    assert not any(name.startswith("radius") for name in impossible.quantities)


def test_t25_obstruction_at_the_value_of_the_document():
    evidence = Numbers(
        n=31, delta=0.1, eta=0.05, loss_bound=1, class_size=1, weight=0.0, bias=4 / 15, **CASE2
    )  # fmt: skip
    verdict = theorem("T2.5").check(evidence)
    assert verdict.answer is Answer.HOLDS
    assert verdict.quantities["n0 = least n at which the bias dominates"] == 31
    assert theorem("T2.5").check(replace(evidence, n=30)).answer is Answer.FAILS
    assert theorem("T2.5").check(replace(evidence, bias=-0.1)).answer is Answer.FAILS
    assert theorem("T2.5").check(replace(evidence, weight=1.0)).answer is Answer.FAILS


HOLDING = {
    "L0": Numbers(
        alpha=1.0, convex=True, teacher_queried=True, infinite_draws=True, n=4,
    ),
    "L1": Numbers(loss_bound=1, **CASE1),
    "L2": Numbers(loss_bound=1, gap=0.1, class_size=3, **CASE1),
    "T1": replace(
        USER, a=300, mean_gap=0.04, complexity=0.1, **CASE1,
    ),
    "C1": Numbers(
        loss_bound=1, augmented_gap=0.3, gap=0.5, augmented_risk=0.2, empirical_risk=0.25, **CASE1,
    ),
    "T2.0": Numbers(weight=0.5, weight_fixed=True, teacher_queried=True, n=4),
    "T2.1": replace(DRAWS),
    "T2.2": Numbers(n=9, weight=0.5, bias=0.0),
    "T2.3": replace(DRAWS, a=900, eps_infinity_floor=19 / 120, eta=0.05),
    "T2.4": replace(DRAWS, n=40, kernel_variance=0.04, loss_variance=0.16),
    "T2.5": replace(DRAWS, n=31, eta=0.05, bias=4 / 15),
    "T2.6": replace(
        DRAWS, n=10, weight=0.5, batch_size=5, self_pairs=True, independent_batches=True
    ),
    "T2.7": replace(DRAWS, n=100, a=400, weight=0.5, delta=0.05),
    "T3": Numbers(
        alpha=0.4, lipschitz=2.0, pair_distance=0.96, smoothness=1.0, covariance_trace=1.0,
        teacher_queried=True,
    ),
    "T4": Numbers(alpha=1.0, linear=True, centred=True, radius=2.0, covariance_trace=6.0, a=4),
    "T5": Numbers(
        n=4, alpha=1.0, linear=True, squared_loss=True, realizable=True, infinite_draws=True,
        independent_draws=True, intercept=True, full_rank=True, ridge=0.0, weight=0.5,
    ),
    "T6": Numbers(
        alpha=1.0, fourth_derivative=24, pair_fourth_moment=102.5, teacher_queried=True,
        infinite_draws=True,
    ),
    "T7": Numbers(
        held_out=872, errors=60, mean_loss=0.1, loss_bound=1, delta=0.05, unseen=True,
        held_out_independent=True, candidates=1,
    ),
}  # fmt: skip

HOLDING["T8"] = Numbers(loss_bound=2, realised_gap=-0.3, zero_one=True, loss_only=True)

# Premises a statement rests on that only the user can vouch for, and that no number can stand for.
PREMISES = {
    "L0": {"convex", "teacher_queried", "infinite_draws"},
    **{name: set(CASE1) for name in ("L1", "L2", "T1", "C1")},
    "T2.0": {"weight_fixed", "teacher_queried"},
    **{name: set(CASE2) for name in ("T2.1", "T2.3", "T2.4", "T2.5", "T2.7")},
    "T2.2": set(),
    "T2.6": {*CASE2, "self_pairs", "independent_batches"} - {"independent_draws"},
    "T3": {"teacher_queried"},
    "T4": {"linear", "centred"},
    "T5": {"linear", "squared_loss", "realizable", "infinite_draws", "independent_draws",
           "intercept", "full_rank"},
    "T6": {"teacher_queried", "infinite_draws"},
    "T7": {"unseen", "held_out_independent"},
    "T8": {"zero_one", "loss_only"},
}  # fmt: skip


@pytest.mark.parametrize("item", THEOREMS, ids=lambda item: item.id)
def test_every_premise_is_asked_for(item):
    """Nothing follows by a route while a premise of it is not vouched for, or is denied."""
    evidence = HOLDING[item.id]
    asked = {name for name in item.needs if isinstance(getattr(evidence, name), bool)}
    assert asked == PREMISES[item.id]
    full = routes(item.check(evidence))
    for name in asked:
        withheld = routes(item.check(replace(evidence, **{name: None})))
        denied = routes(item.check(replace(evidence, **{name: False})))
        assert withheld != full, name
        for route, answer in full.items():
            if answer is Answer.HOLDS and withheld[route] is not answer:
                assert withheld[route] is Answer.NOT_ASSESSABLE
                assert denied[route] is Answer.FAILS


def test_t5_needs_infinitely_many_draws_unless_the_teacher_is_a_student():
    item, evidence = theorem("T5"), replace(HOLDING["T5"], realizable=False)
    assert item.check(evidence).follows == (
        "the fitted student is the same with and without mixup",
    )
    finite = replace(evidence, infinite_draws=False, a=10**6)
    assert item.check(finite).answer is Answer.FAILS
    assert item.check(replace(evidence, infinite_draws=None)).answer is Answer.NOT_ASSESSABLE
    realizable = item.check(replace(finite, realizable=True))
    assert [route for route, answer in routes(realizable).items() if answer is Answer.HOLDS] == [
        "teacher in the class"
    ]
    assert item.check(replace(finite, realizable=True, weight=0.0)).answer is Answer.FAILS


def test_t5_as_students_that_are_fitted_have_it():
    """Finite draws move the slope of a misspecified student, and never that of one with F in H."""
    points = np.array([(0.0, 0.0), (1, 2), (3, 1), (2, 5)])
    targets = points @ [1.0, 2.0]
    generator = np.random.default_rng(3)
    distances = []
    for draws in (4, 400, 40_000):
        first = generator.integers(4, size=draws)
        second = (first + generator.integers(1, 4, size=draws)) % 4
        lam = generator.random(draws)
        mixed = lam[:, None] * points[first] + (1 - lam)[:, None] * points[second]
        mixed_targets = lam * targets[first] + (1 - lam) * targets[second]
        slope = np.polyfit(mixed[:, 0], mixed_targets, 1)[0]
        distances.append(abs(slope - 11 / 5))
        both = np.vstack([points, mixed]), np.concatenate([targets, mixed_targets])
        np.testing.assert_allclose(np.linalg.lstsq(*both)[0], [1, 2], atol=1e-9)
    assert distances[0] > 0.5
    assert distances[0] > distances[1] > distances[2] > 1e-4


@pytest.mark.parametrize(
    ("identifier", "evidence", "name", "value"),
    [
        ("L0", HOLDING["L0"], "s = ", 2 / 3),
        ("T2.6", HOLDING["T2.6"], "weight with batch", 0.6),
        ("T2.7", HOLDING["T2.7"], "radius", 0.186113),
        ("T3", HOLDING["T3"], "bias bound (Lip", 2 * 0.96 * 0.160242438313006),
        ("T4", HOLDING["T4"], "complexity bound", 2.0),
        # s_n = 2/3 - 1/(3 · 3) = 5/9 at n = 4.
        ("T5", replace(HOLDING["T5"], ridge=0.2, weight=0.0), "equivalent", 0.2 * 9 / 5),
        ("T5", replace(HOLDING["T5"], ridge=0.2, weight=0.5), "equivalent", 0.2 * 9 / 7),
        ("T6", HOLDING["T6"], "remainder", 5.125),
        ("T7", HOLDING["T7"], "Clopper", 0.0845973515),
        ("T8", HOLDING["T8"], "advantage", 0.15),
    ],
)  # fmt: skip
def test_the_numbers_of_the_other_statements(identifier, evidence, name, value):
    verdict = theorem(identifier).check(evidence)
    assert verdict.answer is Answer.HOLDS
    (measured,) = [v for label, v in verdict.quantities.items() if label.startswith(name)]
    assert measured == pytest.approx(value, rel=1e-4)


@pytest.mark.parametrize(
    ("identifier", "evidence"),
    [
        ("L0", Numbers(convex=False)),
        ("L1", Numbers(independent=False)),
        ("T2.6", Numbers(n=1, weight=0.5, batch_size=5)),
        ("T5", Numbers(linear=False, ridge=0.0, intercept=True)),
        ("T7", Numbers(held_out_independent=False, unseen=True, candidates=1, delta=0.05)),
        ("T7", Numbers(unseen=False, candidates=1, delta=0.05)),
        ("T7", Numbers(unseen=True, candidates=1, delta=0.05, held_out=5, errors=6, mean_loss=2.0,
                        loss_bound=1.0)),
    ],
)  # fmt: skip
def test_a_false_hypothesis_fails(identifier, evidence):
    assert theorem(identifier).check(evidence).answer is Answer.FAILS


def test_choosing_among_candidates_divides_the_budget():
    one = HOLDING["T7"]
    many = theorem("T7").check(replace(one, candidates=10)).quantities
    alone = theorem("T7").check(replace(one, delta=0.005)).quantities
    assert list(many.values()) == pytest.approx(list(alone.values()))


@pytest.mark.parametrize(
    ("name", "value"),
    [("delta", 0.0), ("delta", 1.0), ("n", 0), ("weight", 1.5), ("loss_bound", 0.0),
     ("gap", float("nan")), ("alpha", float("inf")), ("class_size", 0), ("mean_gap", -0.1),
     ("delta", 5e-324), ("delta", 1e-308), ("eta", 1e-301), ("n", 10**16), ("n", 10**4000),
     ("class_size", 10**201), ("loss_bound", 1e51), ("gap", -1e-60), ("a", -(10**400))],
)  # fmt: skip
def test_bad_evidence_is_named(name, value):
    with pytest.raises(TheoryInputError) as caught:
        Numbers(**{name: value})
    assert meaning(name) in str(caught.value)


def test_a_promised_number_that_is_missing_is_an_error():
    with pytest.raises(TheoryInputError, match="minimal gap"):
        given_number(Numbers(), "gap")
