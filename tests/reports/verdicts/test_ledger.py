"""The ledger on stores where the truth is known: which runs speak to a claim, and what is said."""

import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from mixkd_core.errors import InputError
from mixkd_core.records.specs import StudentSpec, TrainingSpec
from reports.evidence.evidence import load_evidence
from reports.verdicts.ledger import JudgedClaim, JudgedEntry, ledger
from reports.verdicts.measures import values
from reports.verdicts.pairs import Comparison, Pair, compare
from reports.verdicts.paper_claims import CLAIMS, Claim, Part, Published, parts
from reports.verdicts.rules import MARGIN, judge
from reports.verdicts.sentences import gap_and_risk
from reports.verdicts.tables import entry_table, headline_table, overview_table, published_text
from theory.bounds.binomial import clopper_pearson_limit

Run = Any
Plan = Any


def claim_of(claims: list[JudgedClaim], name: str) -> JudgedClaim:
    return next(one for one in claims if one.id == name)


def stated(name: str) -> Claim:
    return next(claim for claim in CLAIMS if claim.id == name)


def headline_of(claims: list[JudgedClaim], name: str) -> JudgedEntry:
    (entry,) = [entry for entry in claim_of(claims, name).entries if entry.headline]
    return entry


def strata(evidence: Any, name: str, fraction: float = 0.01) -> dict[str, list[float]]:
    """The differences of a claim's headline entry."""
    part = next(parts(stated(name)))
    return compare(evidence, stated(name), part)[fraction][0].by_task("value")


def sets(train: float, held_out: float, dev: float) -> dict[str, tuple[int, float]]:
    return {"train": (200, train), "remainder": (500, held_out), "dev": (500, dev)}


def test_a_set_that_some_runs_lack_is_in_no_mean(tmp_path: Path, write_run: Run) -> None:
    """A test set given to some runs only: until all have it, means are over the others."""
    both = {"dev": (500, 0.8), "test": (500, 0.6)}
    part = next(parts(stated("limited")))

    def measured(**last: Any) -> dict[str, float]:
        for method in ("kd", "sm+tmkd"):
            for seed in (0, 1):
                held_out = last if (method, seed) == ("sm+tmkd", 1) else both
                write_run(method=method, seed=seed, sets={"train": (200, 0.9), **held_out})
        frame = values(load_evidence(tmp_path), stated("limited"), part)
        assert frame["sets"].nunique() == 1
        return dict(zip(frame["sets"], frame["value"], strict=True))

    assert measured(dev=(500, 0.8)) == {"dev": pytest.approx(0.8)}
    shutil.rmtree(tmp_path)
    assert measured(**both) == {"dev, test": pytest.approx(0.7)}


@pytest.mark.slow
def test_planted_results_get_the_right_verdicts(tmp_path: Path, write_run: Run) -> None:
    rng = np.random.default_rng(0)
    for task in ("sst2", "rte"):
        for seed in range(6):

            def run(method: str, held_out: float, dev: float) -> None:
                write_run(
                    task=task,  # noqa: B023
                    seed=seed,  # noqa: B023
                    method=method,
                    sets=sets(0.95, held_out + 0.006 * rng.normal(), dev + 0.006 * rng.normal()),
                )

            run("kd", 0.80, 0.80)
            run("sm+tmkd", 0.85, 0.85)
            run("ft", 0.80, 0.90)
    claims = ledger(load_evidence(tmp_path))
    limited = claim_of(claims, "limited")
    assert limited.verdict == "supported"
    entry = headline_of(claims, "limited")
    assert entry.judgement.estimate == pytest.approx(0.05, abs=0.008)
    assert (entry.pairs, len(entry.runs)) == (12, 24)
    assert (entry.fraction, entry.sets, entry.measure) == (0.01, "dev", "accuracy")
    assert (entry.depth, entry.tasks) == ("3 layers", ("rte", "sst2"))
    assert claim_of(claims, "limited-ft").verdict == "contradicted"
    law = next(one for one in claim_of(claims, "limited-ft").entries if not one.headline)
    assert (law.sets, law.verdict) == ("remainder", "supported"), "an entry of its own"
    for claim in ("gap", "generalization"):
        by_loss = {entry.loss: entry for entry in claim_of(claims, claim).entries}
        assert set(by_loss) == {"zero_one_error", "cross_entropy", "distillation_distance"}
        assert by_loss["zero_one_error"].verdict == "supported"
        assert by_loss["zero_one_error"].judgement.estimate == pytest.approx(0.05, abs=0.008)
        assert by_loss["distillation_distance"].headline
    for claim in ("glue", "glue-ft", "ablation-sm", "ablation-tmkd", "latent-space"):
        assert claim_of(claims, claim).verdict == "not tested", claim
        assert claim_of(claims, claim).entries == ()
    assert claim_of(claims, "sensitivity").verdict == "not tested"
    headlines = headline_table(claims).to_markdown()
    assert "| contradicted | limited-ft | With 1 % and 10 %" in headlines
    assert "mixkd run limited-data" in headlines
    table = entry_table(claims).to_markdown()
    assert "headlines (6 tests)" in table
    assert "other entries of gap (2 tests)" in table


def test_no_pair_is_chosen_by_its_result(tmp_path: Path, write_run: Run) -> None:
    """Pairs whose training risk rose count like the others, in the gap and in the risk."""
    for seed in range(4):
        write_run(method="kd", seed=seed, sets=sets(0.95, 0.8, 0.8))
        train = 0.96 if seed < 2 else 0.90
        write_run(method="sm+tmkd", seed=seed, sets=sets(train, 0.82 if seed < 2 else 0.78, 0.8))
    evidence = load_evidence(tmp_path)
    for claim in ("gap", "generalization"):
        for part in parts(stated(claim)):
            comparison, _ = compare(evidence, stated(claim), part)[0.01]
            assert [len(found) for found in comparison.by_task("value").values()] == [4]
            if part.loss == "zero_one_error":
                assert comparison.mean("empirical") == pytest.approx(0.02)
                assert comparison.mean("generalization") == pytest.approx(0.0)
                expected = 0.02 if claim == "gap" else 0.0
                assert comparison.mean("value") == pytest.approx(expected)


@pytest.mark.slow
@pytest.mark.parametrize("correlation", [-0.5, 0.5, 0.8])
def test_two_identical_methods_are_told_apart_by_no_correlation_of_their_risks(
    correlation: float,
) -> None:
    """The pairs in which a method trains better are not those in which it is judged."""
    rng = np.random.default_rng(6)
    trials, seeds = 250, 14
    wrong = 0
    for _ in range(trials):
        empirical, other = 0.01 * rng.normal(size=(2, 2, seeds))
        held_out = correlation * empirical + (1 - correlation**2) ** 0.5 * other
        rows = [
            [
                {
                    "task": "sst2", "seed": seed, "run": f"{method}{seed}", "collapsed": False,
                    "empirical": empirical[method, seed], "value": -held_out[method, seed],
                }
                for seed in range(seeds)
            ]
            for method in range(2)
        ]  # fmt: skip
        pairs = tuple(Pair(first, second) for first, second in zip(*rows, strict=True))
        wrong += judge([Comparison(pairs, None).differences])[0].verdict != "inconclusive"
    assert float(clopper_pearson_limit(wrong, trials, 1e-7, lower=True)) <= 0.05


@pytest.mark.slow
def test_gap_and_risk_that_disagree_are_told_in_one_sentence(
    tmp_path: Path, write_run: Run
) -> None:
    """The training error rises by .06, the held-out error by .03: a smaller gap and a loss."""
    rng = np.random.default_rng(7)
    for seed in range(10):
        write_run(method="kd", seed=seed, sets=sets(0.95, 0.80, 0.8))
        write_run(
            method="sm+tmkd", seed=seed,
            sets=sets(0.89, 0.77 + 0.004 * rng.normal(), 0.8),
        )  # fmt: skip
    claims = ledger(load_evidence(tmp_path))
    (told,) = [one for one in gap_and_risk(claims) if "0-1 error" in one]
    assert told.startswith("At 1 % of sst2 (3 layers, remainder), in 0-1 error, the gap is smaller")
    assert "than that of kd by 0.029" in told
    assert "but the risk is larger by 0.031" in told
    assert "the training risk rose by 0.060, the held-out risk rose by 0.031" in told
    assert told.endswith("The theorem's conclusion is observed and its last clause fails.")


@pytest.mark.slow
def test_embedded_tasks_say_nothing_of_glue(tmp_path: Path, write_run: Run) -> None:
    for seed in range(3):
        for method in ("kd", "sm+tmkd", "ft"):
            write_run(
                task="embedded-sentiment", seed=seed, method=method, fraction=1.0,
                sets={"train": (100, 0.9), "dev": (100, 0.8), "fresh": (200, 0.8)},
            )  # fmt: skip
    claims = ledger(load_evidence(tmp_path))
    assert claim_of(claims, "glue").verdict == "not tested"
    assert "GLUE tasks" in claim_of(claims, "glue").note
    assert headline_of(claims, "gap").pairs == 3
    assert headline_of(claims, "gap").sets == "fresh"


@pytest.mark.slow
def test_depths_of_a_seed_are_one_pair_and_fractions_are_entries(
    tmp_path: Path, write_run: Run
) -> None:
    for fraction, layers, gain in ((0.01, 3, 0.02), (0.01, 6, 0.06), (0.1, 3, 0.1)):
        for method, dev in (("kd", 0.8), ("sm+tmkd", 0.8 + gain)):
            write_run(fraction=fraction, method=method, layers=layers, sets=sets(0.9, 0.8, dev))
    evidence = load_evidence(tmp_path)
    assert strata(evidence, "limited") == {"sst2": [pytest.approx(0.04)]}
    assert strata(evidence, "limited", 0.1) == {"sst2": [pytest.approx(0.1)]}
    entries = [one for one in claim_of(ledger(evidence), "limited").entries if one.headline]
    assert [(one.fraction, one.depth) for one in entries] == [
        (0.01, "3 and 6 layers"), (0.1, "3 layers"),
    ]  # fmt: skip
    assert len(entries[0].runs) == 4


def test_the_variant_is_chosen_without_looking_at_results(tmp_path: Path, write_run: Run) -> None:
    """More seeds first, then the nearer to the defaults; never the better one."""
    for seed in range(2):
        write_run(method="kd", seed=seed, sets=sets(0.9, 0.8, 0.8))
        write_run(method="sm+tmkd", seed=seed, sets=sets(0.9, 0.8, 0.7))
        write_run(method="sm+tmkd", seed=seed, mixup_alpha=1.0, sets=sets(0.9, 0.8, 0.99))
    assert strata(load_evidence(tmp_path), "limited")["sst2"] == pytest.approx([-0.1, -0.1])
    write_run(method="kd", seed=2, sets=sets(0.9, 0.8, 0.8))
    write_run(method="sm+tmkd", seed=2, mixup_alpha=1.0, sets=sets(0.9, 0.8, 0.99))
    assert strata(load_evidence(tmp_path), "limited")["sst2"] == pytest.approx([0.19] * 3)


@pytest.mark.parametrize("length", [32, 64, 96, 128, 160])
def test_controls_that_train_otherwise_do_not_stand_for_their_method(
    tmp_path: Path, write_run: Run, length: int
) -> None:
    """Distillation as tuned, for longer, and at another rate: the claim is about the first.

    At several lengths, so that the order of the runs' ids cannot be what decides.
    """
    for seed in range(2):
        write_run(method="sm+tmkd", seed=seed, sets=sets(0.9, 0.8, 0.9))
        for rate, epochs, dev in ((3e-4, 3.0, 0.85), (3e-4, 6.0, 0.7), (1e-4, 3.0, 0.6)):
            training = TrainingSpec(learning_rate=rate, epochs=epochs, max_length=length)
            write_run(method="kd", seed=seed, training=training, sets=sets(0.9, 0.8, dev))
    assert strata(load_evidence(tmp_path), "limited")["sst2"] == pytest.approx([0.05, 0.05])


@pytest.mark.parametrize("first", [True, False])
@pytest.mark.parametrize(
    ("one", "other"),
    [
        ({"training": TrainingSpec(learning_rate=1e-4)}, {"training": TrainingSpec()}),
        ({}, {"distance": "kl"}),
    ],
)
def test_what_a_study_calls_by_the_method_stands_for_it(
    tmp_path: Path, write_run: Run, write_plan: Plan, one: Any, other: Any, first: bool
) -> None:
    """Two ways of distilling, with nothing in them to tell which is the control."""
    chosen, control = (one, other) if first else (other, one)
    labels = {}
    for seed in range(2):
        write_run(method="sm+tmkd", seed=seed, sets=sets(0.9, 0.8, 0.9))
        for label, settings, dev in (("kd", chosen, 0.85), ("kd otherwise", control, 0.7)):
            run = write_run(method="kd", seed=seed, sets=sets(0.9, 0.8, dev), **settings)
            labels[run.folder.name] = label
    write_plan("one", labels)
    evidence = load_evidence(tmp_path)
    claim = stated("limited")
    comparison, controls = compare(evidence, claim, next(parts(claim)))[0.01]
    assert comparison.by_task("value")["sst2"] == pytest.approx([0.05, 0.05])
    told = sorted(set(evidence.runs["label"]) - {"sm+tmkd"})
    assert told[0] == "kd"
    assert len(told) == 2
    rate = "training" in one
    assert list(controls) == (told[1:] if rate else []), "only other training is"
    write_plan("another", dict.fromkeys(labels, "kd, 3 layers"))
    assert not load_evidence(tmp_path).variants, "some study calls each by its method"


@pytest.mark.slow
@pytest.mark.parametrize(("ours", "expected"), [(0.85, "supported"), (0.75, "contradicted")])
def test_a_verdict_must_hold_against_the_controls_of_the_baseline(
    tmp_path: Path, write_run: Run, ours: float, expected: str
) -> None:
    """Distillation for longer does as MixKD does: what MixKD gains (loses) is not by mixing."""
    longer, faster = TrainingSpec(epochs=6.0), TrainingSpec(learning_rate=1e-4)
    rng = np.random.default_rng(4)
    for seed in range(10):
        luck = 0.005 * rng.normal()
        write_run(method="kd", seed=seed, sets=sets(0.9, 0.8, 0.8))
        write_run(method="kd", seed=seed, training=faster, sets=sets(0.9, 0.8, 0.8))
        write_run(method="kd", seed=seed, distance="kl", sets=sets(0.9, 0.8, ours))
        write_run(method="sm+tmkd", seed=seed, sets=sets(0.9, 0.8, ours + luck))
    found = headline_of(ledger(load_evidence(tmp_path)), "limited")
    assert (found.verdict, found.note) == (expected, ""), "of its variants only controls are asked"
    for seed in range(10):
        write_run(method="kd", seed=seed, training=longer, sets=sets(0.9, 0.8, ours))
    claims = ledger(load_evidence(tmp_path))
    again = headline_of(claims, "limited")
    assert again.verdict == claim_of(claims, "limited").verdict == "inconclusive"
    assert again.judgement == found.judgement
    assert again.note.startswith(f"{expected} against kd, but not against kd [epochs=6] (")
    assert "learning_rate" not in again.note
    assert again.further == "no number: controls of the baseline disagree"
    assert len(again.runs) == 4 * 10, "MixKD's, those of distillation and of its two controls"


@pytest.mark.slow
def test_a_sweep_is_judged_by_its_own_settings_only(tmp_path: Path, write_run: Run) -> None:
    rng = np.random.default_rng(3)
    for seed in range(10):
        for change in ({}, {"mixup_ratio": 2.0}, {"weights": {"sm": 0.5}}, {"mixup_alpha": 1.0}):
            accuracy = 0.5 if "mixup_alpha" in change else 0.8 + 0.002 * rng.integers(-1, 2)
            write_run(method="sm+tmkd", seed=seed, sets=sets(0.9, accuracy, accuracy), **change)
    found = claim_of(ledger(load_evidence(tmp_path)), "sensitivity")
    assert sorted(one.against for one in found.entries if one.headline) == [
        "mixup ratio 2", "weight of SM 0.5",
    ]  # fmt: skip
    assert found.verdict == "supported", "every setting is equivalent"
    assert len(found.entries) == 4, "on the training law too"
    strict = claim_of(ledger(load_evidence(tmp_path), margin=0.0005), "sensitivity")
    assert strict.verdict == "inconclusive"


# ── what cannot be known ──


@pytest.mark.slow
def test_runs_no_better_than_the_majority_class_support_nothing(
    tmp_path: Path, write_run: Run
) -> None:
    """Fine-tuning collapses in one seed: what MixKD gains is not told from that."""
    rng = np.random.default_rng(8)
    for seed in range(10):
        for method, dev in (("ft", 0.5 if seed == 3 else 0.75), ("sm+tmkd", 0.8)):
            accuracy = dev + (0.004 * rng.normal() if dev > 0.5 else 0.0)
            write_run(method=method, seed=seed, sets=sets(0.9, 0.8 + 0.004 * seed, accuracy))
    entry = headline_of(ledger(load_evidence(tmp_path)), "limited-ft")
    assert entry.verdict == "inconclusive"
    assert "1 of the runs are no better than the majority class" in entry.note
    assert "majority class" in entry.further


@pytest.mark.slow
def test_one_seed_says_how_little_it_says(tmp_path: Path, write_run: Run) -> None:
    write_run(method="kd")
    write_run(method="sm+tmkd")
    entry = headline_of(ledger(load_evidence(tmp_path)), "limited")
    assert entry.verdict == "inconclusive"
    assert "one seed of sst2 shows no spread" in entry.note
    assert entry.further == "at least 7: the spread is not known"
    assert entry.judgement.p_value is None


@pytest.fixture
def from_several_stores(monkeypatch: pytest.MonkeyPatch) -> None:
    """Runs are taken as they are, as exports brought together from several stores would be.

    In one store, a run on other examples than its like is damaged, and no claim ever sees it.
    """
    for reader in ("mixkd_core.records.survey", "reports.evidence.measurements"):
        monkeypatch.setattr(f"{reader}.contradictions", lambda *_: {})


@pytest.mark.slow
@pytest.mark.usefixtures("from_several_stores")
def test_two_sides_measured_on_different_examples_are_refused(
    tmp_path: Path, write_run: Run
) -> None:
    ours = write_run(method="sm+tmkd", sets=sets(0.9, 0.8, 0.8))
    theirs = write_run(
        method="kd", sets={"train": (200, 0.9), "remainder": (500, 0.8), "dev": (400, 0.8)}
    )
    claims = ledger(load_evidence(tmp_path))
    refused = headline_of(claims, "limited")
    assert refused.verdict == claim_of(claims, "limited").verdict == "not tested"
    assert refused.runs == ()
    for name in ("sm+tmkd", "kd", ours.spec.id, theirs.spec.id, "500 examples of dev",
                 "were measured on different examples"):  # fmt: skip
        assert name in refused.note
    assert headline_of(claims, "gap").verdict == "inconclusive", "on the remainder they agree"


@pytest.mark.slow
@pytest.mark.usefixtures("from_several_stores")
def test_as_many_but_other_examples_are_refused_too(
    tmp_path: Path, write_run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    from experiments.benchmarks import synthetic_store

    for seed in range(2):
        write_run(method="kd", seed=seed)
        with monkeypatch.context() as context:
            usual = synthetic_store.per_example

            def renamed(task: Any, ids: list[str], *rest: Any) -> Any:
                return usual(task, [f"other-{name}" for name in ids], *rest)  # noqa: B023

            context.setattr(synthetic_store, "per_example", renamed)
            write_run(method="sm+tmkd", seed=seed)
    claims = ledger(load_evidence(tmp_path))
    for claim in ("limited", "gap", "generalization"):
        for entry in claim_of(claims, claim).entries:
            assert entry.verdict == "not tested"
            assert "were measured on different examples" in entry.note


def test_a_loss_without_a_declared_bound_is_refused(tmp_path: Path, write_run: Run) -> None:
    write_run(method="kd")
    write_run(method="sm+tmkd")
    part = Part("gap", "training law", "squared_error", headline=True)
    with pytest.raises(InputError, match="'squared_error' has no declared bound"):
        values(load_evidence(tmp_path), stated("gap"), part)


@pytest.mark.parametrize("margin", [0.0, -1.0, float("nan")])
def test_a_margin_must_be_positive(tmp_path: Path, write_run: Run, margin: float) -> None:
    write_run(method="kd")
    with pytest.raises(InputError, match="margin of equivalence"):
        ledger(load_evidence(tmp_path), margin)


# ── other examples ──


@pytest.mark.slow
def test_the_interval_over_examples_is_wider_and_needs_their_losses(
    tmp_path: Path, write_run: Run
) -> None:
    rng = np.random.default_rng(9)
    for seed in range(10):
        write_run(method="kd", seed=seed, sets=sets(0.95, 0.80, 0.8))
        gain = 0.02 + 0.002 * rng.normal()
        write_run(method="sm+tmkd", seed=seed, sets=sets(0.95, 0.80 + gain, 0.8 + gain))
    evidence = load_evidence(tmp_path)
    entries = {
        (one.question, one.loss, one.law): one
        for name in ("limited", "gap", "generalization")
        for one in claim_of(ledger(evidence), name).entries
    }
    assert {one.over_examples is None for one in entries.values()} == {False}
    accuracy = entries["accuracy", None, "development"]
    low, high = accuracy.over_examples or (0.0, 0.0)
    seeds_low, seeds_high = accuracy.judgement.interval or (0.0, 0.0)
    assert (low + high) / 2 == pytest.approx(accuracy.judgement.estimate)
    assert high - low > 2 * (seeds_high - seeds_low), "ten examples in 500 make the difference"
    risk = entries["risk", "zero_one_error", "training law"]
    gap = entries["gap", "zero_one_error", "training law"]
    assert gap.over_examples == pytest.approx(risk.over_examples), "training risks are the same"


@pytest.mark.slow
def test_an_interval_over_examples_that_holds_zero_is_named(tmp_path: Path, write_run: Run) -> None:
    """Two examples more in each of ten seeds, always the same two: other examples may differ."""
    rng = np.random.default_rng(10)
    for seed in range(10):
        write_run(method="kd", seed=seed, sets=sets(0.95, 0.8, 0.8))
        gain = 0.004 + 0.002 * (rng.random() < 0.3)
        write_run(method="sm+tmkd", seed=seed, sets=sets(0.95, 0.8, 0.8 + gain))
    entry = headline_of(ledger(load_evidence(tmp_path)), "limited")
    assert entry.verdict == "supported"
    assert entry.note == "on other examples too, the interval holds 0"


# ── tables ──


@pytest.mark.slow
def test_the_overview_holds_every_measure_at_every_fraction(tmp_path: Path, write_run: Run) -> None:
    for fraction in (0.01, 0.1):
        for seed in range(3):
            for method, held_out in (("ft", 0.75), ("kd", 0.8), ("sm+tmkd", 0.82 + 0.01 * seed)):
                write_run(
                    method=method, seed=seed, fraction=fraction,
                    sets=sets(0.9, held_out, held_out),
                )  # fmt: skip
    table = overview_table(load_evidence(tmp_path))
    assert list(dict.fromkeys(cells[1] for cells in table.cells())) == ["1 %", "10 %"]
    shown = dict(zip(("kd", "ft"), table.columns[3:5], strict=True))
    by_measure = {
        row["measure"]: {name: column.show(row) for name, column in shown.items()}
        for row in table.rows
        if row["fraction"] == 0.1
    }
    assert len(table.rows) == 2 * len(by_measure)
    assert list(by_measure)[:2] == ["accuracy, dev", "accuracy, remainder"]
    for measure in ("calibration error, dev", "calibration error, remainder",
                    "risk (cross-entropy), remainder", "gap (distance), remainder"):  # fmt: skip
        assert measure in by_measure
    assert by_measure["accuracy, dev"]["kd"].startswith("+0.030 ± 0.025")
    assert by_measure["accuracy, dev"]["ft"].startswith("+0.080 ± 0.025")
    assert by_measure["risk (0-1), remainder"]["kd"] == "-0.030 ± 0.025"
    assert by_measure["gap (0-1), remainder"]["kd"] == "-0.030 ± 0.025"
    assert {(row["pairs"], row["depth"]) for row in table.rows} == {("3 / 3", "3 layers")}


@pytest.mark.slow
def test_the_papers_numbers_stand_beside_ours_and_enter_no_test(
    tmp_path: Path, write_run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    for seed in range(2):
        write_run(method="kd", seed=seed)
        write_run(method="sm+tmkd", seed=seed)
    plain = ledger(load_evidence(tmp_path))
    from dataclasses import replace

    number = Published("99.9", "a network", "a task", "a split", "Table 0")
    monkeypatch.setattr(
        "reports.verdicts.ledger.CLAIMS",
        tuple(replace(claim, published=(number,)) for claim in CLAIMS),
    )
    shown = ledger(load_evidence(tmp_path))
    assert published_text(shown[0]) == "99.9 (a network, a task, a split; Table 0)"
    assert [claim.entries for claim in shown] == [claim.entries for claim in plain]
    assert all(claim.published == () for claim in plain)


def test_every_claim_compares_methods_that_exist() -> None:
    for claim in CLAIMS:
        for method in (claim.method, claim.baseline):
            assert StudentSpec(method=method).objective.formula
        # Consistency is two things, of which a constant answer has one.
        headlines = 2 if claim.question == "consistency" else 1
        assert sum(part.headline for part in parts(claim)) == headlines
    assert len({claim.id for claim in CLAIMS}) == len(CLAIMS)
    assert MARGIN > 0
