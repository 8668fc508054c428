"""Verdicts: the rules on made-up differences, and the ledger on stores where the truth is known."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from mixkd_core.records.specs import StudentSpec, TrainingSpec
from reports.evidence.evidence import load_evidence
from reports.verdicts.ledger import JudgedClaim, controls, gather, ledger, ledger_table
from reports.verdicts.paper_claims import CLAIMS
from reports.verdicts.rules import ALPHA, MARGIN, equivalence, judge
from theory.bounds.binomial import clopper_pearson_limit

Run = Any
Plan = Any
FALSE_ALARM = 1e-7


def verdicts(*claims: dict[str, list[float]]) -> list[str]:
    return [judgement.verdict for judgement in judge(claims)]


def test_clear_differences_are_called_by_their_sign() -> None:
    gain = {"rte": [0.02, 0.03, 0.01, 0.025, 0.015], "mrpc": [0.01, 0.012, 0.02, 0.015]}
    loss = {task: [-value for value in values] for task, values in gain.items()}
    assert verdicts(gain, loss) == ["supported", "contradicted"]
    assert verdicts({"rte": [0.02, -0.03, 0.01, -0.01]}, {}) == ["inconclusive", "not tested"]


def test_a_small_p_value_is_not_enough_where_the_interval_holds_zero() -> None:
    """Nine tiny gains and a huge one: all signs agree, and the mean is known to nothing."""
    lucky = {"rte": [0.001] * 9 + [1.0]}
    (judgement,) = judge([lucky])
    assert judgement.p_holm == pytest.approx(2 / 1024)
    assert judgement.interval is not None
    assert judgement.interval[0] < 0 < judgement.interval[1]
    assert judgement.verdict == "inconclusive"


def test_too_few_seeds_decide_nothing_however_large_the_difference() -> None:
    assert verdicts({"rte": [0.5]}) == ["inconclusive"]
    assert verdicts({"rte": [0.5, 0.51, 0.52, 0.5, 0.51]}) == ["inconclusive"], "p = 1/16"
    six = {str(task): [0.5] for task in range(6)}
    assert verdicts(six) == ["inconclusive"], "one seed a task gives no interval"


def test_asking_more_makes_every_answer_harder() -> None:
    claim = {"rte": [0.02, 0.03, 0.01, 0.025, 0.015, 0.02]}
    (alone,) = judge([claim])
    assert alone.verdict == "supported"
    together = judge([claim] * 2)
    assert {judgement.verdict for judgement in together} == {"inconclusive"}
    assert together[0].p_holm == 2 * (together[0].p_value or 0)
    with_untested = judge([claim, {}, {"rte": [0.5]}])
    assert with_untested[0] == alone, "what cannot be tested costs nothing"


@pytest.mark.slow
@pytest.mark.parametrize("law", ["normal", "heavy tails", "unequal tasks"])
def test_false_verdicts_are_as_rare_as_stated(law: str) -> None:
    rng = np.random.default_rng(21)
    trials = 2500
    wrong = 0
    for _ in range(trials):
        scale = {"a": 1.0, "b": 5.0 if law == "unequal tasks" else 1.0}
        claims = [
            {
                task: list(
                    rng.standard_cauchy(6) if law == "heavy tails" else rng.normal(0, size, 6)
                )
                for task, size in scale.items()
            }
            for _ in range(4)
        ]
        wrong += any(verdict != "inconclusive" for verdict in verdicts(*claims))
    assert float(clopper_pearson_limit(wrong, trials, FALSE_ALARM, lower=True)) <= ALPHA


def test_true_differences_are_found() -> None:
    rng = np.random.default_rng(22)
    claim = [
        {"a": list(rng.normal(1.5, 1, 8)), "b": list(rng.normal(1.5, 1, 8))} for _ in range(50)
    ]
    found = [judge([one])[0].verdict for one in claim]
    assert found.count("supported") > 45
    assert "contradicted" not in found


def test_insensitivity_needs_narrow_intervals() -> None:
    narrow, wide = [0.001, 0.0, 0.002, 0.001], [0.001, -0.03, 0.02, 0.009]
    far = [0.05, 0.051, 0.049, 0.05]
    assert equivalence([narrow, narrow])[2] == "supported"
    assert equivalence([narrow, wide])[2] == "inconclusive"
    assert equivalence([narrow, far])[2] == "contradicted"
    assert equivalence([])[2] == "not tested"


def test_insensitivity_to_many_settings_needs_intervals_that_hold_together() -> None:
    """Standard error .003 of five seeds: 2.8 of them stay within the margin of .01, 4.3 do not."""
    values = [0.003 * 5**0.5 * z for z in (-1.264911, -0.632456, 0.0, 0.632456, 1.264911)]
    assert equivalence([values])[2] == "supported"
    assert equivalence([values] * 4)[2] == "inconclusive"


def test_insensitivity_is_rarely_claimed_of_what_matters() -> None:
    rng = np.random.default_rng(23)
    trials = 2000
    wrong = 0
    for _ in range(trials):
        settings = [rng.normal(0, 0.004, 5), rng.normal(MARGIN, 0.004, 5)]
        wrong += equivalence([list(values) for values in settings])[2] != "inconclusive"
    assert float(clopper_pearson_limit(wrong, trials, FALSE_ALARM, lower=True)) <= ALPHA


def entry(entries: list[JudgedClaim], claim: str) -> JudgedClaim:
    return next(one for one in entries if one.id == claim)


def sets(train: float, held_out: float, dev: float) -> dict[str, tuple[int, float]]:
    return {"train": (200, train), "remainder": (500, held_out), "dev": (500, dev)}


def test_planted_results_get_the_right_verdicts(tmp_path: Path, write_run: Run) -> None:
    rng = np.random.default_rng(0)
    for task in ("sst2", "rte"):
        for seed in range(7):
            luck = 0.004 * rng.normal()

            def run(method: str, held_out: float, dev: float) -> None:
                write_run(
                    task=task,  # noqa: B023
                    seed=seed,  # noqa: B023
                    method=method,
                    sets=sets(0.95, held_out, dev + luck + 0.002 * rng.normal()),  # noqa: B023
                )

            run("kd", 0.80, 0.80)
            run("sm+tmkd", 0.85, 0.85)
            run("ft", 0.80, 0.90)
    entries = ledger(load_evidence(tmp_path))
    assert entry(entries, "limited").verdict == "supported"
    assert entry(entries, "limited").estimate == pytest.approx(0.05, abs=0.005)
    assert entry(entries, "limited").pairs == 14
    assert len(entry(entries, "limited").runs) == 28
    assert entry(entries, "limited-ft").verdict == "contradicted"
    assert entry(entries, "gap").verdict == "supported"
    assert entry(entries, "gap").estimate == pytest.approx(0.05)
    assert entry(entries, "generalization").verdict == "supported"
    for claim in ("glue", "glue-ft", "ablation-sm", "ablation-tmkd", "latent-space"):
        assert entry(entries, claim).verdict == "not tested", claim
    assert entry(entries, "sensitivity").verdict == "not tested"
    table = ledger_table(entries).to_markdown()
    assert "contradicted" in table
    assert "mixkd run limited-data" in table


def test_the_premise_selects_pairs(tmp_path: Path, write_run: Run) -> None:
    for seed in range(4):
        write_run(method="kd", seed=seed, sets=sets(0.95, 0.8, 0.8))
        train = 0.96 if seed < 3 else 0.90
        write_run(method="sm+tmkd", seed=seed, sets=sets(train, 0.82, 0.8))
    evidence = load_evidence(tmp_path)
    claim = next(claim for claim in CLAIMS if claim.id == "generalization")
    assert [len(stratum) for stratum in gather(evidence, claim)[0].values()] == [3]


def test_embedded_tasks_say_nothing_of_glue(tmp_path: Path, write_run: Run) -> None:
    for seed in range(3):
        for method in ("kd", "sm+tmkd", "ft"):
            write_run(
                task="embedded-sentiment", seed=seed, method=method, fraction=1.0,
                sets={"train": (100, 0.9), "dev": (100, 0.8), "fresh": (200, 0.8)},
            )  # fmt: skip
    entries = ledger(load_evidence(tmp_path))
    assert entry(entries, "glue").verdict == "not tested"
    assert "GLUE tasks" in entry(entries, "glue").note
    assert entry(entries, "gap").pairs == 3


def test_fractions_and_depths_of_a_seed_are_one_pair(tmp_path: Path, write_run: Run) -> None:
    for fraction, gain in ((0.01, 0.02), (0.1, 0.06)):
        for method, dev in (("kd", 0.8), ("sm+tmkd", 0.8 + gain)):
            write_run(fraction=fraction, method=method, sets=sets(0.9, 0.8, dev))
    claim = next(claim for claim in CLAIMS if claim.id == "limited")
    strata, runs = gather(load_evidence(tmp_path), claim)
    assert strata == {"sst2": [pytest.approx(0.04)]}
    assert len(runs) == 4


def test_the_variant_is_chosen_without_looking_at_results(tmp_path: Path, write_run: Run) -> None:
    """More seeds first, then the nearer to the defaults; never the better one."""
    for seed in range(2):
        write_run(method="kd", seed=seed, sets=sets(0.9, 0.8, 0.8))
        write_run(method="sm+tmkd", seed=seed, sets=sets(0.9, 0.8, 0.7))
        write_run(method="sm+tmkd", seed=seed, mixup_alpha=1.0, sets=sets(0.9, 0.8, 0.99))
    claim = next(claim for claim in CLAIMS if claim.id == "limited")
    strata, _ = gather(load_evidence(tmp_path), claim)
    assert strata["sst2"] == pytest.approx([-0.1, -0.1])
    write_run(method="kd", seed=2, sets=sets(0.9, 0.8, 0.8))
    write_run(method="sm+tmkd", seed=2, mixup_alpha=1.0, sets=sets(0.9, 0.8, 0.99))
    strata, _ = gather(load_evidence(tmp_path), claim)
    assert strata["sst2"] == pytest.approx([0.19] * 3)


def test_controls_that_train_otherwise_do_not_stand_for_their_method(
    tmp_path: Path, write_run: Run
) -> None:
    """Distillation as tuned, for longer, and at another rate: the claim is about the first."""
    for seed in range(2):
        write_run(method="sm+tmkd", seed=seed, sets=sets(0.9, 0.8, 0.9))
        for rate, epochs, dev in ((3e-4, 3.0, 0.85), (3e-4, 6.0, 0.7), (1e-4, 3.0, 0.6)):
            training = TrainingSpec(learning_rate=rate, epochs=epochs)
            write_run(method="kd", seed=seed, training=training, sets=sets(0.9, 0.8, dev))
    claim = next(claim for claim in CLAIMS if claim.id == "limited")
    strata, _ = gather(load_evidence(tmp_path), claim)
    assert strata["sst2"] == pytest.approx([0.05, 0.05])


@pytest.mark.parametrize("first", [True, False])
@pytest.mark.parametrize(
    ("one", "other"),
    [
        ({"training": TrainingSpec(learning_rate=1e-4)}, {"training": TrainingSpec()}),
        ({}, {"temperature": 2.0}),
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
    claim = next(claim for claim in CLAIMS if claim.id == "limited")
    strata, _ = gather(evidence, claim)
    assert strata["sst2"] == pytest.approx([0.05, 0.05])
    told = sorted(set(evidence.runs["label"]) - {"sm+tmkd"})
    assert told[0] == "kd"
    assert len(told) == 2
    rate = "training" in one
    assert list(controls(evidence, claim)) == (told[1:] if rate else []), "only other training is"
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
    for seed in range(8):
        luck = 0.01 * rng.normal()
        write_run(method="kd", seed=seed, sets=sets(0.9, 0.8, 0.8))
        write_run(method="kd", seed=seed, training=faster, sets=sets(0.9, 0.8, 0.8))
        write_run(method="kd", seed=seed, temperature=2.0, sets=sets(0.9, 0.8, ours))
        write_run(method="sm+tmkd", seed=seed, sets=sets(0.9, 0.8, ours + luck))
    found = entry(ledger(load_evidence(tmp_path)), "limited")
    assert (found.verdict, found.note) == (expected, ""), "of its variants only controls are asked"
    for seed in range(8):
        write_run(method="kd", seed=seed, training=longer, sets=sets(0.9, 0.8, ours))
    again = entry(ledger(load_evidence(tmp_path)), "limited")
    assert again.verdict == "inconclusive"
    assert (again.estimate, again.p_holm) == (found.estimate, found.p_holm)
    assert again.note.startswith(f"{expected} against kd, but not against kd [epochs=6] (")
    assert "learning_rate" not in again.note
    assert len(again.runs) == 4 * 8, "MixKD's, those of distillation and of its two controls"


def test_a_sweep_is_judged_by_its_own_settings_only(tmp_path: Path, write_run: Run) -> None:
    rng = np.random.default_rng(3)
    for seed in range(5):
        for change in ({}, {"mixup_ratio": 2.0}, {"weights": {"sm": 0.5}}, {"mixup_alpha": 1.0}):
            accuracy = 0.5 if "mixup_alpha" in change else 0.8 + 0.002 * rng.integers(-1, 2)
            write_run(method="sm+tmkd", seed=seed, sets=sets(0.9, 0.8, accuracy), **change)
    found = entry(ledger(load_evidence(tmp_path)), "sensitivity")
    assert found.pairs == 2
    assert found.verdict == "supported"


def test_every_claim_compares_methods_that_exist() -> None:
    for claim in CLAIMS:
        for method in (claim.method, claim.baseline):
            assert StudentSpec(method=method).objective.formula
    assert len({claim.id for claim in CLAIMS}) == len(CLAIMS)
