"""The statements as objects: hypotheses hold, fail or are not assessable, each with a reason."""

from dataclasses import fields, replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from theory.counterexamples.catalogue import COUNTEREXAMPLES
from theory.errors import TheoryInputError
from theory.statements.catalogue import THEOREMS, theorem
from theory.statements.numbers import Numbers, describe
from theory.statements.theorem import Answer, Provenance
from theory.statements.theorem import given as given_number
from theory.symbolic.catalogue import derivation

IDS = [
    "L0", "L1", "L2", "T1", "C1", "T2.0", "T2.1", "T2.2", "T2.3", "T2.4", "T2.5", "T2.6", "T2.7",
    "T3", "T4", "T5", "T6", "T7",
]  # fmt: skip
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
    enough = replace(USER, a=86, independent=True)
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
    base = replace(USER, a=200, independent=True, class_size=None)
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
        loss_bound=1, independent=True, augmented_gap=0.3, gap=0.5, augmented_risk=0.2,
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
    eps_infinity=89 / 1320, independent_draws=True,
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
        n=n, a=a, weight=weight, class_size=size, delta=delta, loss_bound=1,
        independent_draws=True,
    )  # fmt: skip
    values = theorem("T2.1").check(evidence).quantities
    with_mixup, without = values.values()
    assert with_mixup > without


def test_t24_gain_is_a_matter_of_variance():
    evidence = Numbers(
        n=40, a=1000, delta=0.05, loss_bound=1, class_size=1, weight=0.0, independent_draws=True,
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
        n=31, delta=0.1, eta=0.05, loss_bound=1, class_size=1, weight=0.0, bias=4 / 15,
        independent_draws=True,
    )  # fmt: skip
    verdict = theorem("T2.5").check(evidence)
    assert verdict.answer is Answer.HOLDS
    assert verdict.quantities["n0 = least n at which the bias dominates"] == 31
    assert theorem("T2.5").check(replace(evidence, n=30)).answer is Answer.FAILS
    assert theorem("T2.5").check(replace(evidence, bias=-0.1)).answer is Answer.FAILS
    assert theorem("T2.5").check(replace(evidence, weight=1.0)).answer is Answer.FAILS


@pytest.mark.parametrize(
    ("identifier", "evidence", "name", "value"),
    [
        ("L0", Numbers(alpha=1.0, convex=True), "s = ", 2 / 3),
        ("T2.6", Numbers(n=10, weight=0.5, batch_size=5), "weight with batch", 0.6),
        ("T2.7", Numbers(n=100, a=400, weight=0.5, loss_bound=1, delta=0.05,
                          independent_draws=True), "radius", 0.186113),
        ("T3", Numbers(alpha=0.4, lipschitz=2.0, pair_distance=0.96), "bias bound (Lip",
         2 * 0.96 * 0.160242438313006),
        ("T4", Numbers(alpha=1.0, linear=True, radius=2.0, covariance_trace=6.0, a=4),
         "complexity bound", 2.0),
        ("T5", Numbers(linear=True, intercept=True, ridge=0.2, alpha=1.0), "equivalent", 0.3),
        ("T6", Numbers(alpha=1.0, fourth_derivative=24, pair_fourth_moment=102.5),
         "remainder", 5.125),
        ("T7", Numbers(held_out=872, errors=60, delta=0.05, unseen=True, candidates=1),
         "Clopper", 0.0845973515),
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
        ("T7", Numbers(unseen=False, candidates=1, delta=0.05)),
        ("T7", Numbers(unseen=True, candidates=1, delta=0.05, held_out=5, errors=6, mean_loss=2.0,
                        loss_bound=1.0)),
    ],
)  # fmt: skip
def test_a_false_hypothesis_fails(identifier, evidence):
    assert theorem(identifier).check(evidence).answer is Answer.FAILS


def test_choosing_among_candidates_divides_the_budget():
    one = Numbers(held_out=872, errors=60, delta=0.05, unseen=True, candidates=1)
    many = theorem("T7").check(replace(one, candidates=10)).quantities
    alone = theorem("T7").check(replace(one, delta=0.005)).quantities
    assert list(many.values()) == pytest.approx(list(alone.values()))


@pytest.mark.parametrize(
    ("name", "value"),
    [("delta", 0.0), ("delta", 1.0), ("n", 0), ("weight", 1.5), ("loss_bound", 0.0),
     ("gap", float("nan")), ("alpha", float("inf")), ("class_size", 0), ("mean_gap", -0.1)],
)  # fmt: skip
def test_bad_evidence_is_named(name, value):
    with pytest.raises(TheoryInputError) as caught:
        Numbers(**{name: value})
    assert describe(name) in str(caught.value)


def test_a_promised_number_that_is_missing_is_an_error():
    with pytest.raises(TheoryInputError, match="minimal gap"):
        given_number(Numbers(), "gap")
