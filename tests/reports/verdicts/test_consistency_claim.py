"""The claim that MixKD is more consistent: planted truths, and how often a false verdict falls."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from mixkd_core.data.relations.relation import RelatedText, relation
from mixkd_core.records.consistency import predictions_folder, write_predictions
from reports.evidence.consistency import COLUMNS, Consistency
from reports.evidence.evidence import load_evidence
from reports.evidence.export import write_export
from reports.statistics.crossed import PairedExamples, crossed_interval
from reports.tables.consistency import consistency_comparison_table, consistency_table
from reports.verdicts.ledger import ledger
from reports.verdicts.pairs import compare
from reports.verdicts.paper_claims import CLAIMS, CONSISTENT, parts
from reports.verdicts.rules import headline, judge
from theory.bounds.binomial import clopper_pearson_limit

CLAIM = next(claim for claim in CLAIMS if claim.id == "consistent")
SEEDS = 10  # as the study robustness has
ORIGINALS = 60
METHODS = ("kd", "sm+tmkd")


def texts(kinds: tuple[str, ...] = ("same label", "changed label")) -> Any:
    """Two altered forms of each original: one keeps its label, the other does not."""
    rows = [
        RelatedText(
            f"{number}-{kind}", str(number), kind, "word", (f"text {number}",),  # type: ignore[arg-type]
            (f"{kind} {number}",), number % 2, (number + (kind == "changed label")) % 2,
        )
        for number in range(ORIGINALS)
        for kind in kinds
    ]  # fmt: skip
    return relation("planted", rows)


def plant(out: Path, run: Any, related: Any, rates: dict[str, float], seed: int) -> None:
    """Store predictions of which these shares flip, by kind; every original is right."""
    rng = np.random.default_rng([seed, len(run.spec.method)])
    before = np.array([row.label for row in related.rows])
    flips = np.array([rng.random() < rates[row.kind] for row in related.rows])
    logits = [4 * np.eye(2, dtype=np.float32)[of] for of in (before, before ^ flips)]
    about = {
        "run": run.spec.id, "precision": "fp32", "read_alike": {}, "seconds": 1.0, "versions": {},
        "hardware": {"processor": "p", "accelerator": None},
    }  # fmt: skip
    write_predictions(predictions_folder(out, run.spec.id, related), related, *logits, about)


def verdicts(out: Path) -> dict[str, Any]:
    return {claim.id: claim for claim in ledger(load_evidence(out))}


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory, writing_runs: Any) -> tuple[Path, list[Any]]:
    out = tmp_path_factory.mktemp("runs")
    return out, [
        writing_runs(out, seed=seed, method=method) for seed in range(SEEDS) for method in METHODS
    ]


@pytest.fixture
def store(runs: tuple[Path, list[Any]], tmp_path: Path) -> tuple[Path, list[Any]]:
    """The runs, their consistency not measured yet."""
    out = tmp_path / "store"
    out.mkdir()
    for folder in runs[0].iterdir():
        if folder.name != "consistency":
            (out / folder.name).symlink_to(folder)
    return out, runs[1]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("ours", "verdict"),
    [
        ({"same label": 0.1, "changed label": 0.9}, "supported"),
        ({"same label": 0.9, "changed label": 0.9}, "contradicted"),  # but follows changes
        ({"same label": 0.1, "changed label": 0.1}, "contradicted"),  # answers the same to all
        ({"same label": 0.1, "changed label": 0.5}, "inconclusive"),
    ],
)
def test_planted_flips_get_the_right_verdict(
    store: tuple[Path, list[Any]], ours: dict[str, float], verdict: str
) -> None:
    out, runs = store
    for run in runs:
        rates = ours if run.spec.method == "sm+tmkd" else dict.fromkeys(ours, 0.5)
        plant(out, run, texts(), rates, run.spec.seed)
    claim = verdicts(out)["consistent"]
    assert claim.verdict == verdict
    entries = {entry.measure: entry for entry in claim.entries}
    flips = entries["predictions that flip"]
    assert flips.headline
    assert flips.pairs == SEEDS
    assert flips.judgement.estimate == pytest.approx(0.5 - ours["same label"], abs=0.1)
    assert flips.over_examples is not None
    assert flips.over_examples[0] < flips.judgement.estimate < flips.over_examples[1]
    assert entries["unchanged where the label changed"].headline
    assert not entries["divergence (bits)"].headline


@pytest.mark.slow
def test_without_changed_labels_the_flips_decide_and_exports_say_the_same(
    store: tuple[Path, list[Any]], tmp_path: Path
) -> None:
    import datetime as dt

    out, runs = store
    related = texts(("same label",))
    for run in runs:
        rate = 0.1 if run.spec.method == "sm+tmkd" else 0.5
        plant(out, run, related, {"same label": rate}, run.spec.seed)
    evidence = load_evidence(out)
    assert verdicts(out)["consistent"].verdict == "supported"
    assert verdicts(out)["consistent-ft"].verdict == "not tested"
    tables = consistency_table(evidence), consistency_comparison_table(evidence)
    assert [row["method"] for row in tables[0].rows] == ["kd", "sm+tmkd"]
    flips = next(row for row in tables[1].rows if row["measure_name"] == "flip")
    assert flips["difference"] == pytest.approx(-0.4, abs=0.1)
    assert flips["originals_low"] <= flips["difference_low"] < flips["difference_high"] < 0
    exported = tmp_path / "exported"
    write_export(
        evidence.entries, evidence.measurements, exported, dt.date(2026, 1, 1),
        consistency=evidence.consistency.numbers,
    )  # fmt: skip
    again = load_evidence(exported)
    pd.testing.assert_frame_equal(
        again.consistency.numbers[list(COLUMNS)].reset_index(drop=True),
        evidence.consistency.numbers.reset_index(drop=True),
        check_dtype=False,
    )
    assert verdicts(exported)["consistent"].verdict == "supported"
    assert consistency_table(again).to_csv() == tables[0].to_csv()


def test_runs_measured_on_other_texts_are_left_out_and_told(
    store: tuple[Path, list[Any]],
) -> None:
    out, runs = store
    rates = {"same label": 0.2, "changed label": 0.8}
    for run in runs:
        plant(out, run, texts(), rates, run.spec.seed)
    plant(out, runs[0], texts(("same label",)), rates, 0)
    found = load_evidence(out).consistency
    assert set(found.numbers["digest"]) == {texts().digest}
    assert "predictions of 1 runs on other texts" in found.remarks[0]


def simulated(evidence: Any, rng: np.random.Generator, shift: float) -> Any:
    """Evidence whose flips and unchanged predictions are drawn: of the seed, then of the run."""
    rows = []
    for entry in evidence.entries:
        base = np.random.default_rng([entry.seed, rng.bit_generator.seed_seq.entropy])  # type: ignore[attr-defined]
        for measure, kind in zip(CONSISTENT, ("same label", "changed label"), strict=True):
            level = 0.2 + 0.05 * base.exponential()
            ours = shift * (entry.method == "sm+tmkd")
            value = level + 0.03 * rng.exponential() - ours
            rows.append((entry.id, "drawn", "d", kind, "all", measure, value, 100, 100))
    numbers = pd.DataFrame(rows, columns=list(COLUMNS))
    return replace(evidence, consistency=Consistency(numbers))


def drawn_verdicts(evidence: Any, times: int, shift: float) -> list[str]:
    found = []
    for number in range(times):
        drawn = simulated(evidence, np.random.default_rng(number), shift)
        asked = [
            compare(drawn, CLAIM, part)[0.01][0].differences
            for part in parts(CLAIM)
            if part.headline
        ]
        found.append(headline([one.verdict for one in judge(asked)]))
    return found


@pytest.mark.slow
def test_exchangeable_methods_are_seldom_called_more_or_less_consistent(
    runs: tuple[Path, list[Any]],
) -> None:
    """Fails by chance with probability 1e-6: the promise is at most 5 % of false verdicts."""
    found = drawn_verdicts(load_evidence(runs[0]), 300, 0.0)
    false = sum(verdict in ("supported", "contradicted") for verdict in found)
    assert clopper_pearson_limit(false, len(found), 1e-6, lower=True) <= 0.05


@pytest.mark.slow
def test_a_large_difference_is_found(runs: tuple[Path, list[Any]]) -> None:
    """Seen of 40: 39 at ten seeds, and 23 at eight, where one more pair against it undoes many."""
    found = drawn_verdicts(load_evidence(runs[0]), 40, 0.15)
    assert found.count("supported") >= 38


@pytest.mark.slow
def test_the_interval_over_originals_too_covers_the_truth() -> None:
    """Flips with an effect of the seed and of the original: true difference 0.

    Fails by chance with probability 1e-6 if at least 90 % of the intervals cover (the nominal level
    is 95 %, and ten seeds are few).
    """
    rng = np.random.default_rng(0)
    times, missed = 400, 0
    names = np.arange(ORIGINALS)
    for _ in range(times):
        original = 0.3 * rng.normal(size=ORIGINALS)
        pairs = []
        for _ in range(SEEDS):
            d = original + 0.1 * rng.normal() + 0.5 * rng.normal(size=ORIGINALS)
            pairs.append(PairedExamples(d, names, float(d.mean())))
        low, high = crossed_interval({"": pairs}) or (0.0, 0.0)
        missed += not low <= 0 <= high
    assert clopper_pearson_limit(missed, times, 1e-6, lower=True) <= 0.1
