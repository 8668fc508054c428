"""Readers of altered texts: BECEL, CheckList, TextFooler and files of one's own."""

import gzip
import json
from collections import Counter
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from mixkd_core.data.relations.labelled_texts import read_labelled
from mixkd_core.data.relations.sources import read_relation
from mixkd_core.data.tasks import Task, find_task
from mixkd_core.errors import InputError

SST2, MRPC, RTE, QQP = (find_task(name) for name in ("sst2", "mrpc", "rte", "qqp"))
CONSISTENCY = Path(__file__).resolve().parents[5] / "shared" / "data" / "consistency"


@pytest.fixture(scope="module")
def real() -> Path:
    if not CONSISTENCY.is_dir():
        pytest.skip("the altered texts are not there: no folder ../shared/data/consistency")
    return CONSISTENCY


def becel(folder: Path) -> Path:
    """Two rows of each kind in BECEL's layout, with a quoted field that holds a quote."""
    folder.mkdir()
    quoted = '"She said ""no"" ."'
    (folder / "semantic.tsv").write_text(
        "index\tsentence1\tsentence2\tsentence2_paraphrase\tlabel\n"
        f"0\t{quoted}\tShe refused .\tShe declined .\t1\n"
        "1\tA man ran .\tA dog ran .\tA dog was running .\t0\n"
    )
    (folder / "negational.tsv").write_text(
        "index\tsentence1\tsentence2\tlabel\tsentence2_neg\tneg_label\ttag\n"
        f"0\t{quoted}\tShe refused .\t1\tShe did not refuse .\t0\tnegation\n"
    )
    (folder / "symmetric.tsv").write_text(
        f"index\tindex\tlabel\tsentence1\tsentence2\n0\t0\t1\tShe refused .\t{quoted}\n"
    )
    return folder


def test_becel_is_read_with_its_quotes_kinds_and_labels(tmp_path: Path) -> None:
    found = read_relation(becel(tmp_path / "mine"), MRPC)
    assert found.name == "becel-mine"
    paraphrase, other, negation, swapped = found.rows
    original = ('She said "no" .', "She refused .")
    assert paraphrase.original == negation.original == swapped.original == original
    assert paraphrase.altered == ('She said "no" .', "She declined .")
    assert paraphrase.group == negation.group != other.group
    assert (negation.kind, negation.alteration) == ("changed label", "negation")
    assert (negation.label, negation.altered_label) == (1, 0)
    assert (swapped.kind, swapped.altered) == ("swapped order", original[::-1])
    assert "1 pairs in swapped order are of the training split" in found.remarks[0]


def test_becel_of_another_task_is_refused(tmp_path: Path) -> None:
    folder = becel(tmp_path / "mine")
    with pytest.raises(InputError, match="no column 'sentence'"):
        read_relation(folder, SST2)
    three = Task("moods", ("one", "other"), "label", ("calm", "glad"))
    (folder / "negational.tsv").write_text(
        "index\tsentence1\tsentence2\tlabel\tsentence2_neg\tneg_label\ttag\n"
        "0\tone\ttwo\t7\tthree\t0\tnegation\n"
    )
    with pytest.raises(InputError, match=r"negational\.tsv, line 2: label: unknown label '7'"):
        read_relation(folder, three)


def suite(path: Path, tests: list[dict[str, Any]]) -> Path:
    lines = "".join(
        json.dumps({"capability": "Robustness", "labels": None, "n": 1, **test}) + "\n"
        for test in tests
    )
    path.write_bytes(gzip.compress(lines.encode()) if path.suffix == ".gz" else lines.encode())
    return path


SENTIMENT = [
    {"test": "typos", "type": "INV", "data": [["good", "goood", "god"], ["alone"]]},
    {"test": "words", "type": "MFT", "labels": [2, 1, 0], "data": ["fine", "plain", "poor"]},
    {"test": "not bad", "type": "MFT", "labels": None, "data": ["not bad"]},
    {"test": "stronger", "type": "DIR", "data": [["good", "very good"]]},
]


@pytest.mark.parametrize("name", ["sentiment_suite.jsonl", "sentiment_suite.jsonl.gz"])
def test_a_suite_is_read_and_what_is_left_out_is_told(tmp_path: Path, name: str) -> None:
    found = read_relation(suite(tmp_path / name, SENTIMENT), SST2)
    assert found.name == "checklist-sentiment"
    assert [(row.kind, row.original, row.altered) for row in found.rows] == [
        ("same label", ("good",), ("goood",)),
        ("same label", ("good",), ("god",)),
        ("labelled", ("fine",), ("fine",)),
        ("labelled", ("poor",), ("poor",)),
    ]
    assert [row.altered_label for row in found.rows] == [None, None, 1, 0]
    assert found.rows[0].group == found.rows[1].group
    told = "\n".join(found.remarks)
    assert "left out 1 groups of a single text, which has no partner" in told
    assert "left out 1 texts with a label that the task does not have" in told
    assert "left out 1 tests that allow several labels" in told
    assert "left out 1 directional tests" in told


def test_a_suite_of_pairs_is_read_for_a_task_of_its_labels(tmp_path: Path) -> None:
    pairs = [
        {"test": "typos", "type": "INV", "data": [[["a b", "c"], ["b a", "c"]]]},
        {"test": "same", "type": "MFT", "labels": 1, "data": [["one", "two"]]},
        {"test": "several", "type": "MFT", "labels": 0, "data": [[["p", "q"], ["r", "s"]]]},
    ]
    path = suite(tmp_path / "qqp_suite.jsonl", pairs)
    found = read_relation(path, QQP)
    assert [row.altered for row in found.rows] == [
        ("b a", "c"), ("one", "two"), ("p", "q"), ("r", "s"),
    ]  # fmt: skip
    with pytest.raises(InputError, match="speaks of not_duplicate, duplicate, and task 'mrpc'"):
        read_relation(path, MRPC)
    with pytest.raises(InputError, match="holds pairs, and task 'sst2' is about single texts"):
        read_relation(path, SST2)
    path.write_text("no json\n")
    with pytest.raises(InputError, match="cannot be read as a suite of CheckList"):
        read_relation(path, QQP)


def test_textfoolers_lines_are_labelled_texts(tmp_path: Path) -> None:
    single, pairs = tmp_path / "mr", tmp_path / "mnli"
    single.write_text("0 dull , not funny\n1 a joy\n")
    pairs.write_text("neutral\tImpossible .\tImpossible , unless .\n")
    found = read_labelled(single, SST2)
    assert [(one.content, one.label) for one in found] == [
        (("dull , not funny",), 0), (("a joy",), 1),
    ]  # fmt: skip
    (pair,) = read_labelled(pairs, find_task("mnli"))
    assert (pair.content, pair.label) == (("Impossible .", "Impossible , unless ."), 1)
    with pytest.raises(InputError, match="mr, line 1: not a label and two texts, tabs between"):
        read_labelled(single, MRPC)
    single.write_text("2 neither\n")
    with pytest.raises(InputError, match="mr, line 1: unknown label '2'"):
        read_labelled(single, SST2)
    with pytest.raises(InputError, match="give it to --alter"):
        read_relation(single, SST2)


OWN = {
    "id": ["a", "b", "c"],
    "text": ["a fine film", "a fine film", "so dull"],
    "altered": ["a fien film", "no fine film", "so not dull"],
    "kind": ["same label", "changed label", "changed label"],
    "label": ["positive", 1, "negative"],
    "altered_label": ["", "negative", ""],
}


def own(path: Path, **changed: Any) -> Path:
    pd.DataFrame({**OWN, **changed}).to_csv(path, index=False)
    return path


def test_a_file_of_ones_own_is_read(tmp_path: Path) -> None:
    found = read_relation(own(tmp_path / "mine.csv", alteration=["typo", "", None]), SST2)
    assert found.name == "mine"
    assert [(row.label, row.altered_label) for row in found.rows] == [(1, 1), (1, 0), (0, None)]
    assert [row.alteration for row in found.rows] == ["typo", "changed label", "changed label"]
    first, second, third = (row.group for row in found.rows)
    assert first == second != third


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"id": ["a", "b", "a"]}, "the id 'a' is there more than once"),
        ({"altered": ["x", " ", "y"]}, "line 3: altered is empty, so the row has no partner"),
        ({"text": ["", "x", "y"]}, "line 2: text is empty, so the row has no partner"),
        ({"label": ["good", 1, 0]}, "line 2: label: unknown label 'good'"),
        ({"altered_label": ["", "3", ""]}, "line 3: altered_label: unknown label '3'"),
        ({"kind": ["same", "x", "y"]}, "line 2: the kind 'same' is none of same label"),
        ({"id": ["a", "", "c"]}, "line 3: the id is empty"),
        ({"group": ["g", "g", "g"]}, "the rows of group 'g' have different originals"),
        ({"altered": OWN["text"]}, "all 3 altered texts equal their original"),
    ],
)
def test_bad_rows_are_refused_in_a_sentence(tmp_path: Path, changed: Any, message: str) -> None:
    with pytest.raises(InputError, match=message):
        read_relation(own(tmp_path / "mine.csv", **changed), SST2)


def test_pairs_of_ones_own_need_both_texts(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no column 'text_pair'"):
        read_relation(own(tmp_path / "mine.csv"), MRPC)


def test_the_real_sets_have_the_sizes_that_were_published(real: Path) -> None:
    kinds = {
        task.name: Counter(row.kind for row in read_relation(real / "becel" / task.name, task).rows)
        for task in (SST2, MRPC, RTE)
    }
    assert kinds == {
        "sst2": {"same label": 187},
        "mrpc": {"same label": 202, "changed label": 290, "swapped order": 3668},
        "rte": {"same label": 248, "changed label": 153, "swapped order": 1241},
    }
    assert len(read_labelled(real / "textfooler" / "mr", SST2)) == 1000


@pytest.mark.slow
def test_the_real_suites_are_read(real: Path) -> None:
    sentiment = read_relation(real / "checklist" / "sentiment_suite.jsonl.gz", SST2)
    assert {row.kind for row in sentiment.rows} == {"same label", "labelled"}
    assert len({row.alteration for row in sentiment.rows}) > 20
    assert len(read_relation(real / "checklist" / "qqp_suite.jsonl.gz", QQP).rows) > 50_000
