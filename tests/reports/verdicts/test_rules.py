"""The rules on made-up differences, and every promise of their docstring by simulation.

A simulated promise fails when the exact lower limit of the observed rate exceeds it; at this level
the simulations of this file raise a false alarm with probability below one in a million together.
"""

from collections.abc import Callable, Sequence

import numpy as np
import pytest

from mixkd_core.errors import InputError
from reports.verdicts.further_pairs import further_pairs
from reports.verdicts.rules import (
    ALPHA,
    FEWEST_PAIRS,
    MARGIN,
    Differences,
    Judgement,
    Verdict,
    dissent,
    headline,
    judge,
    judge_sweep,
)
from theory.bounds.binomial import clopper_pearson_limit

FALSE_ALARM = 2e-8
Draw = Callable[[np.random.Generator, int], np.ndarray]

GAIN = [0.02, 0.03, 0.01, 0.025, 0.015, 0.02, 0.022, 0.027, 0.018, 0.024]


def exceeds(count: int, trials: int, promise: float) -> bool:
    return float(clopper_pearson_limit(count, trials, FALSE_ALARM, lower=True)) > promise


def on(values: Sequence[float], margin: float | None = None, collapsed: int = 0) -> Differences:
    return Differences({"sst2": list(values)}, margin, collapsed)


def verdict(values: Sequence[float], margin: float | None = None, collapsed: int = 0) -> Verdict:
    return judge([on(values, margin, collapsed)])[0].verdict


# ── the rules by hand ──


def test_clear_differences_are_called_by_their_sign() -> None:
    assert verdict(GAIN) == "supported"
    assert verdict([-value for value in GAIN]) == "contradicted"
    assert verdict([0.02, -0.03, 0.01, -0.01, 0.02, -0.02, 0.01, -0.02]) == "inconclusive"
    assert judge([Differences({})])[0].verdict == "not tested"


def test_tasks_weigh_the_same_and_share_a_verdict() -> None:
    both = Differences({"rte": GAIN[:5], "mrpc": [2 * value for value in GAIN[5:]]})
    (judgement,) = judge([both])
    assert judgement.verdict == "supported"
    assert judgement.estimate == pytest.approx((np.mean(GAIN[:5]) + 2 * np.mean(GAIN[5:])) / 2)


def test_a_small_p_value_is_not_enough() -> None:
    """Nine tiny gains and a huge one: all signs agree, and the mean is known to nothing."""
    (judgement,) = judge([on([0.001] * 9 + [1.0])])
    assert judgement.p_holm == pytest.approx(2 / 1024)
    assert judgement.verdict == "inconclusive"
    assert "the test finds a difference, but the interval holds 0" in judgement.notes
    assert any("skewed" in note for note in judgement.notes)


def test_too_few_pairs_decide_nothing_however_large_the_difference() -> None:
    rng = np.random.default_rng(0)
    for pairs in range(1, FEWEST_PAIRS):
        values = 0.5 + 0.001 * rng.normal(size=pairs)
        assert verdict(values) == "inconclusive"
        assert verdict(values - 0.5, margin=0.1) == "inconclusive"
    assert verdict(0.5 + 0.001 * rng.normal(size=FEWEST_PAIRS)) == "supported"
    single = Differences({str(task): [0.5] for task in range(FEWEST_PAIRS)})
    assert judge([single])[0].verdict == "inconclusive", "one seed a task gives no interval"


@pytest.mark.parametrize("pairs", [2, 6, 10, 40])
@pytest.mark.parametrize("value", [0.0036, 0.0, -0.0036])
def test_pairs_without_spread_decide_nothing(pairs: int, value: float) -> None:
    """Six pairs of +.0036 are one number, not six; two seeds without a difference are no spread."""
    rounding = 1e-17 * np.arange(pairs)
    (judgement,) = judge([on(value + rounding, margin=0.01)])
    assert judgement.verdict == "inconclusive"
    assert judgement.interval is None
    assert "the pairs of sst2 show no spread" in judgement.notes


def test_runs_at_the_majority_class_decide_nothing() -> None:
    for values in (GAIN, [-value for value in GAIN], np.array(GAIN) / 100):
        assert verdict(values, margin=0.01) != "inconclusive"
        assert verdict(values, margin=0.01, collapsed=1) == "inconclusive"
    (judgement,) = judge([on(GAIN, collapsed=3)])
    assert judgement.notes == ("3 of the runs are no better than the majority class",)


def test_equivalence_needs_both_sides_and_a_declared_margin() -> None:
    near = 0.002 * np.array([1, -1, 0.5, -0.5, 1.2, -1.1, 0.3, -0.2, 0.9, -1.0])
    assert verdict(near, margin=0.01) == "equivalent"
    assert verdict(near) == "inconclusive", "no margin is declared"
    assert verdict(near + 0.009, margin=0.01) != "equivalent"
    assert verdict(near - 0.009, margin=0.01) != "equivalent"
    assert verdict(10 * near, margin=0.01) == "inconclusive"
    assert verdict(near + 0.005, margin=0.01) == "supported", "a difference comes first"
    (far,) = judge([on(near + 0.0095, 0.01)])
    assert (far.p_equivalence or 0) > 0.1, "the harder side gives the p-value"
    several = judge([on(near, 0.01)] * 3)
    assert several[0].p_equivalence_holm == 3 * (several[0].p_equivalence or 0)
    inside = np.array([*np.linspace(0.0004, 0.0006, 9), 0.02])
    assert judge_sweep([on(0.01 - inside, 0.01)])[0].verdict == "inconclusive", "one side stands"


@pytest.mark.parametrize("margin", [0.0, -0.01, float("nan"), float("inf")])
def test_a_margin_must_be_positive(margin: float) -> None:
    with pytest.raises(InputError, match="margin of equivalence is"):
        on(GAIN, margin)


def test_asking_more_makes_every_answer_harder() -> None:
    nine_of_ten = [*GAIN[:9], -0.002]
    (alone,) = judge([on(nine_of_ten)])
    assert alone.verdict == "supported"
    together = judge([on(nine_of_ten)] * 20)
    assert {judgement.verdict for judgement in together} == {"inconclusive"}
    assert together[0].p_holm == 20 * (together[0].p_value or 0)
    with_untested = judge([on(nine_of_ten), Differences({}), on([0.5])])
    assert with_untested[0] == alone, "what cannot be tested costs nothing"


def test_a_headline_needs_every_fraction_and_is_contradicted_by_one() -> None:
    assert headline(["supported", "supported", "not tested"]) == "supported"
    assert headline(["supported", "contradicted"]) == "contradicted"
    assert headline(["supported", "equivalent"]) == "inconclusive"
    assert headline(["supported", "inconclusive"]) == "inconclusive"
    assert headline(["equivalent", "equivalent"]) == "equivalent"
    assert headline(["not tested"]) == headline([]) == "not tested"


def test_controls_are_heard_one_by_one() -> None:
    controls = {"agrees": on(GAIN), "does not": on(np.array(GAIN) - 0.02), "no runs": on([])}
    controls["no runs"] = Differences({})
    assert list(dissent("supported", controls)) == ["does not"]
    assert list(dissent("contradicted", controls)) == ["agrees", "does not"]


def test_insensitivity_asks_every_setting() -> None:
    near = 0.002 * np.array([1, -1, 0.5, -0.5, 1.2, -1.1, 0.3, -0.2, 0.9, -1.0])
    judged = judge_sweep([on(near, 0.01), on(near + 0.05, 0.01), on(5 * near, 0.01)])
    assert [one.verdict for one in judged] == ["equivalent", "contradicted", "inconclusive"]
    assert judge_sweep([on(near - 0.05, 0.01)])[0].verdict == "contradicted"
    assert judge_sweep([on(near + 0.006, 0.01)])[0].verdict == "equivalent", "within the margin"
    assert judge_sweep([on(near + 0.006, 0.01)])[0].notes == (), "a difference is not asked"
    assert judge_sweep([Differences({})])[0].verdict == "not tested"
    assert judge_sweep([]) == []


# ── how many more pairs ──


def further(values: Sequence[float], margin: float | None = None, tests: int = 1) -> str:
    one = on(values, margin)
    return further_pairs(one, judge([one])[0], tests)


def count(told: str) -> int:
    return int("".join(letter for letter in told.split(",")[0] if letter.isdigit()))


def test_an_undecided_entry_says_how_many_more_pairs_would_decide_it() -> None:
    rng = np.random.default_rng(4)
    noise = rng.normal(size=10)
    noise = (noise - noise.mean()) / noise.std(ddof=1)
    told = further(0.7 + noise)
    assert told.endswith("for a difference")
    assert count(further(0.4 + noise)) > count(told)
    assert count(further(0.7 + noise, tests=20)) > count(told)
    assert further(0.05 + noise, margin=2.0).endswith("for equivalence")
    assert further(1e-9 + noise) == "more than 10000"
    assert further([0.3]) == "at least 7: the spread is not known"
    assert further([0.3] * 10) == "at least 1: the spread is not known"
    assert "majority class" in further_pairs(on(GAIN, collapsed=1), judge([on(GAIN)])[0], 1)


@pytest.mark.slow
def test_so_many_pairs_decide_it_more_often_than_not() -> None:
    """At the mean and spread seen, normal differences: planned for a power of .8 of each check."""
    rng = np.random.default_rng(5)
    noise = rng.normal(size=10)
    noise = (noise - noise.mean()) / noise.std(ddof=1)
    for mean, margin, wanted in ((1.0, None, "supported"), (0.1, 1.2, "equivalent")):
        pairs = 10 + count(further(mean + noise, margin))
        found = [verdict(rng.normal(mean, 1, pairs), margin) for _ in range(60)]
        assert found.count(wanted) > 24, (mean, pairs)
        assert pairs < 40


# ── what is promised ──


def wrongly_decided(draw: Draw, trials: int) -> int:
    """In how many ledgers of nine such entries, of ten pairs each, any is decided."""
    rng = np.random.default_rng(21)
    ledgers = ([on(draw(rng, 10)) for _ in range(9)] for _ in range(trials))
    return sum(any(one.verdict != "inconclusive" for one in judge(each)) for each in ledgers)


def runs_that_collapse(rng: np.random.Generator, pairs: int) -> np.ndarray:
    """Two identical methods, one run in ten of either collapsing."""
    runs = rng.normal(0.8, 0.005, (2, pairs)) - 0.2 * (rng.random((2, pairs)) < 0.1)
    return np.asarray(runs[0] - runs[1])


def skewed_runs(rng: np.random.Generator, pairs: int) -> np.ndarray:
    runs = rng.lognormal(0, 1, (2, pairs))
    return np.asarray(runs[0] - runs[1])


EXCHANGEABLE: dict[str, Draw] = {
    "normal": lambda rng, pairs: rng.normal(size=pairs),
    "heavy tails": lambda rng, pairs: rng.standard_cauchy(pairs),
    "skewed": skewed_runs,
    "collapsing": runs_that_collapse,
    "coarse": lambda rng, pairs: rng.integers(-2, 3, pairs) / 277,
}


@pytest.mark.slow
@pytest.mark.parametrize("law", EXCHANGEABLE)
def test_a_ledger_of_exchangeable_methods_is_rarely_decided(law: str) -> None:
    """Promise 1, for entries that are independent of each other."""
    assert not exceeds(wrongly_decided(EXCHANGEABLE[law], 250), 250, ALPHA)


@pytest.mark.slow
def test_the_correction_holds_it_there_without_the_checks(monkeypatch: pytest.MonkeyPatch) -> None:
    """The checks are a bonus: the sign-flip test with Holm's correction keeps promise 1 alone."""
    monkeypatch.setattr("reports.verdicts.rules.failing_check", lambda strata, level: None)
    wrong = wrongly_decided(EXCHANGEABLE["normal"], 1000)
    assert not exceeds(wrong, 1000, ALPHA)
    assert wrong > 10, "and gives little of it away"


@pytest.mark.slow
@pytest.mark.parametrize("correlation", [-0.5, 0.5, 0.8])
def test_correlated_empirical_and_held_out_risks_select_nothing(correlation: float) -> None:
    """Promise 1 for dependent entries: two identical methods' gaps and risks, three losses."""
    rng = np.random.default_rng(23)
    trials, pairs = 300, 14
    wrong = 0
    for _ in range(trials):
        entries = []
        for _ in range(3):
            empirical, other = rng.normal(size=(2, 2, pairs))
            held_out = correlation * empirical + (1 - correlation**2) ** 0.5 * other
            risk = held_out[1] - held_out[0]
            entries += [on(risk), on(risk - (empirical[1] - empirical[0]))]
        wrong += any(one.verdict != "inconclusive" for one in judge(entries))
    assert not exceeds(wrong, trials, ALPHA)


@pytest.mark.slow
def test_a_gap_that_shrinks_lends_the_risk_nothing() -> None:
    """Promise 1 where one entry is true: the training risk rises, the held-out risk does not."""
    rng = np.random.default_rng(24)
    trials, pairs = 300, 10
    wrong = shrinks = 0
    for _ in range(trials):
        held_out = rng.normal(0, 0.01, pairs)
        gap, risk = judge([on(-held_out + 0.06 + rng.normal(0, 0.01, pairs)), on(-held_out)])
        shrinks += gap.verdict == "supported"
        wrong += risk.verdict != "inconclusive"
    assert shrinks > 0.9 * trials
    assert not exceeds(wrong, trials, ALPHA)


FAIR_COINS: dict[str, Draw] = {
    "rare and large": lambda rng, pairs: (
        np.where(rng.random(pairs) < 0.5, 0.01, -0.01 - (rng.random(pairs) < 0.2))
        + rng.normal(0, 0.001, pairs)
    ),
    "lognormal about its median": lambda rng, pairs: rng.lognormal(0, 1, pairs) - 1,
}


@pytest.mark.slow
@pytest.mark.parametrize("law", FAIR_COINS)
@pytest.mark.parametrize("pairs", [9, 16])
def test_where_half_of_the_pairs_favour_a_claim_few_support_it(law: str, pairs: int) -> None:
    """Promise 2: whatever the distribution, and each direction by itself."""
    rng = np.random.default_rng(25)
    trials = 500 if pairs < 12 else 150
    found = [verdict(FAIR_COINS[law](rng, pairs)) for _ in range(trials)]
    for direction in ("supported", "contradicted"):
        assert not exceeds(found.count(direction), trials, ALPHA / 2)  # type: ignore[arg-type]


@pytest.mark.slow
@pytest.mark.parametrize("pairs", [FEWEST_PAIRS, 10, 16])
@pytest.mark.parametrize("law", ["exponential", "lognormal"])
def test_a_skewed_difference_of_mean_zero_is_rarely_decided(law: str, pairs: int) -> None:
    """The sign-flip test by itself decides .09 and .16 of these at ten pairs."""
    rng = np.random.default_rng(26)
    trials = 1500 if pairs < 12 else 400
    draws = {
        "exponential": rng.exponential(size=(trials, pairs)) - 1,
        "lognormal": rng.lognormal(size=(trials, pairs)) - np.exp(0.5),
    }[law]
    wrong = sum(verdict(values) != "inconclusive" for values in draws)
    promise = ALPHA if law == "exponential" else 2 * ALPHA
    assert not exceeds(wrong, trials, promise)
    assert wrong < 1.5 * ALPHA * trials


@pytest.mark.slow
@pytest.mark.parametrize("pairs", [6, 10, 20])
def test_one_run_in_ten_that_collapses_leaves_a_mean_of_zero_undecided(pairs: int) -> None:
    """+.01 nine times and −.09 once: where no run collapsed, the pairs show no spread."""
    rng = np.random.default_rng(27)
    for _ in range(40):
        values = np.where(rng.random(pairs) < 0.1, -0.09, 0.01)
        assert verdict(values, margin=0.01) == "inconclusive"


@pytest.mark.slow
def test_what_differs_by_its_margin_is_rarely_equivalent() -> None:
    """Promise 3, over a family, at either side of the margin."""
    rng = np.random.default_rng(28)
    trials = 300
    wrong = 0
    for _ in range(trials):
        entries = [on(side * MARGIN + rng.normal(0, 0.003, 10), MARGIN) for side in (1, -1, 1, -1)]
        wrong += any(one.verdict == "equivalent" for one in judge(entries))
    assert not exceeds(wrong, trials, ALPHA)


@pytest.mark.slow
def test_insensitivity_is_rarely_claimed_of_what_matters() -> None:
    rng = np.random.default_rng(29)
    trials = 300
    wrong = 0
    for _ in range(trials):
        settings = [on(rng.normal(0, 0.002, 10), MARGIN), on(rng.normal(MARGIN, 0.002, 10), MARGIN)]
        wrong += {one.verdict for one in judge_sweep(settings)} == {"equivalent"}
    assert not exceeds(wrong, trials, ALPHA)


@pytest.mark.parametrize("pairs", [2, 3, 10])
def test_methods_that_mostly_collapse_are_never_called_alike(pairs: int) -> None:
    """A true mean difference of .02, hidden by runs at the majority class (probability .8)."""
    rng = np.random.default_rng(30)
    for _ in range(100):
        collapsed = rng.random((2, pairs)) < 0.8
        runs = np.where(collapsed, 0.5, np.array([[0.6], [0.5]]))
        one = on(runs[0] - runs[1], MARGIN, int(collapsed.sum()))
        assert judge([one])[0].verdict == "inconclusive"
        assert judge_sweep([one])[0].verdict == "inconclusive"


def test_true_differences_are_found() -> None:
    rng = np.random.default_rng(31)
    found: list[Judgement] = [
        judge([Differences({task: list(rng.normal(1.5, 1, 8)) for task in ("a", "b")})])[0]
        for _ in range(40)
    ]
    assert [one.verdict for one in found].count("supported") > 34
