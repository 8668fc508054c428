"""Certificates of a table: which bounds, at which share of delta, and their JSON."""

import json
import math
from collections.abc import Iterable, Sequence

import numpy as np
import pytest

from theory.bounds.betting import betting
from theory.bounds.binomial import clopper_pearson, exact_paired_difference
from theory.bounds.certificates import MOST_PAIRED, TableCertificate, as_document, certify_table
from theory.bounds.concentration import empirical_bernstein, hoeffding
from theory.bounds.mean_bound import paired
from theory.errors import TheoryInputError

GENERATOR = np.random.default_rng(11)
COLUMNS = {
    "kd": (GENERATOR.random(300) < 0.2).astype(float),
    "mixkd": (GENERATOR.random(300) < 0.1).astype(float),
    "soft": GENERATOR.beta(1, 5, 300),
}


@pytest.fixture(scope="module")
def certificate() -> TableCertificate:
    return certify_table(COLUMNS, 0.06)


def test_every_method_gets_every_bound_at_its_share(certificate: TableCertificate) -> None:
    assert [method.method for method in certificate.methods] == list(COLUMNS)
    for method in certificate.methods:
        losses = COLUMNS[method.method]
        assert method.mean == losses.mean()
        expected = {
            "betting": betting(losses, 0.02),
            "empirical_bernstein": empirical_bernstein(losses, 0.02),
            "hoeffding": hoeffding(losses, 0.02),
        }
        if method.method != "soft":
            expected["exact"] = clopper_pearson(losses, 0.02)
        assert method.bounds == expected
        assert method.zero_one == (method.method != "soft")


def test_every_pair_gets_intervals_whose_sides_share_delta(certificate: TableCertificate) -> None:
    named = [(d.first, d.second) for d in certificate.differences]
    assert named == [("kd", "mixkd"), ("kd", "soft"), ("mixkd", "soft")]
    exact, mixed, _ = certificate.differences
    side = 0.06 / 6
    assert exact.intervals["exact"].upper == exact_paired_difference(
        COLUMNS["kd"], COLUMNS["mixkd"], side
    )
    assert exact.intervals["exact"].lower == exact_paired_difference(
        COLUMNS["kd"], COLUMNS["mixkd"], side, lower=True
    )
    assert "exact" not in mixed.intervals
    for kind, bound in (("betting", betting), ("hoeffding", hoeffding)):
        for lower in (True, False):
            expected = paired(bound, COLUMNS["kd"], COLUMNS["soft"], side, lower=lower)
            interval = mixed.intervals[kind]
            assert (interval.lower if lower else interval.upper) == expected
    assert exact.mean == pytest.approx(COLUMNS["kd"].mean() - COLUMNS["mixkd"].mean())


def test_each_family_spends_delta(certificate: TableCertificate) -> None:
    for kind in ("betting", "empirical_bernstein", "hoeffding"):
        methods = sum(method.bounds[kind].delta for method in certificate.methods)
        pairs = sum(difference.intervals[kind].delta for difference in certificate.differences)
        assert methods == pytest.approx(0.06, rel=1e-12)
        assert pairs == pytest.approx(0.06, rel=1e-12)


def test_with_a_reference_the_differences_are_linear_in_the_methods_and_spend_delta() -> None:
    compared = certify_table(COLUMNS, 0.06, reference="soft")
    assert [(d.first, d.second) for d in compared.differences] == [
        ("soft", "kd"),
        ("soft", "mixkd"),
    ]
    for difference in compared.differences:
        assert difference.intervals["hoeffding"].upper.delta == pytest.approx(0.06 / 4)
    many = {f"m{number}": GENERATOR.random(5) for number in range(MOST_PAIRED + 1)}
    certificate = certify_table(many, 0.06)
    assert certificate.reference == "m0"
    assert len(certificate.differences) == MOST_PAIRED
    spent = sum(d.intervals["hoeffding"].delta for d in certificate.differences)
    assert spent == pytest.approx(0.06)
    del many["m0"]
    assert certify_table(many, 0.06).reference is None
    with pytest.raises(TheoryInputError, match="no such column"):
        certify_table(COLUMNS, 0.06, reference="x")


def test_every_step_is_tracked() -> None:
    seen: list[int] = []

    def track(steps: Sequence[object]) -> Iterable[object]:
        seen.append(len(steps))
        return steps

    assert certify_table(COLUMNS, 0.06, track=track) == certify_table(COLUMNS, 0.06)
    assert seen == [3, 3]


def test_the_conclusion_names_the_method_of_lower_risk() -> None:
    better, worse = np.zeros(400), np.concatenate([np.zeros(200), np.ones(200)])
    difference = certify_table({"better": better, "worse": worse}, 0.05).differences[0]
    assert difference.conclusion("exact") == "better"
    difference = certify_table({"worse": worse, "better": better}, 0.05).differences[0]
    assert difference.conclusion("hoeffding") == "better"
    same = certify_table({"a": worse, "b": worse}, 0.05).differences[0]
    assert same.conclusion("betting") == "undecided"


def test_one_method_alone_keeps_the_whole_budget() -> None:
    certificate = certify_table({"only": [0.0, 1.0, 0.0]}, 0.05)
    assert certificate.differences == ()
    assert certificate.methods[0].bounds["exact"].delta == 0.05


def test_zero_one_losses_under_another_range_are_bounded_losses() -> None:
    certificate = certify_table({"only": [0.0, 1.0, 0.0]}, 0.05, 2.0)
    assert "exact" not in certificate.methods[0].bounds


def test_the_document_is_strict_json_with_full_precision() -> None:
    certificate = certify_table(COLUMNS, 0.06)
    document = json.loads(json.dumps(as_document(certificate), allow_nan=False))
    assert document["n"] == 300
    bound = document["methods"][2]["bounds"]["betting"]
    assert bound["value"] == certificate.methods[2].bounds["betting"].value
    assert bound["delta"] == 0.02
    assert bound["vacuous"] is False
    interval = document["differences"][0]["intervals"]["exact"]
    assert interval["upper"]["value"] == certificate.differences[0].intervals["exact"].upper.value
    assert interval["lower_risk"] in {"kd", "mixkd", "undecided"}


def test_a_bound_without_a_value_is_null() -> None:
    document = as_document(certify_table({"only": [0.3]}, 0.05))
    bound = document["methods"][0]["bounds"]["empirical_bernstein"]
    assert bound["value"] is None
    assert bound["vacuous"]
    json.dumps(document, allow_nan=False)


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        ({}, "no column"),
        ({"a": []}, "column 'a' is empty"),
        ({"a": [0.0, 1.0], "b": [0.0]}, "different lengths"),
        ({"a": [0.0], "b": [1.5]}, r"column 'b': row 0 .* is 1\.5"),
        ({"a": [math.nan]}, "NaN"),
    ],
)
def test_bad_tables_are_refused(columns: dict[str, list[float]], message: str) -> None:
    with pytest.raises(TheoryInputError, match=message):
        certify_table(columns, 0.05)


def test_a_bad_delta_is_refused() -> None:
    with pytest.raises(TheoryInputError, match="delta"):
        certify_table({"a": [0.5]}, 1.0)
