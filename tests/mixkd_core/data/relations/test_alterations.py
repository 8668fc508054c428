"""Slight alterations: what each may change and what not, and the same on every machine."""

from collections import Counter
from difflib import SequenceMatcher

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mixkd_core.data.embedded.law import clean_label
from mixkd_core.data.relations.alterations import (
    ALTERATIONS,
    DROPPABLE,
    altered_texts,
    contraction,
    doubled_word,
    dropped_word,
    punctuation,
    seeded,
    swapped_texts,
)
from mixkd_core.data.relations.labelled_texts import LabelledText
from mixkd_core.data.relations.lawful import lawful_texts
from mixkd_core.data.relations.sources import alter
from mixkd_core.data.sources import load_task_data
from mixkd_core.data.tasks import EMBEDDED, find_task
from mixkd_core.errors import InputError

WORDS = st.sampled_from(["the", "film", "is", "not", "n't", "good", ",", "of", "it", "Never", "a"])
TEXTS = st.lists(WORDS, min_size=1, max_size=9).map(" ".join)
RNG = np.random.default_rng(0)


@given(text=st.text(max_size=40), seed=st.integers(0, 99))
@pytest.mark.parametrize("name", ALTERATIONS)
def test_an_alteration_is_decided_by_its_generator(name: str, text: str, seed: int) -> None:
    once, again = (ALTERATIONS[name](text, np.random.default_rng(seed)) for _ in range(2))
    assert once == again


@given(text=TEXTS, seed=st.integers(0, 99))
def test_a_typo_moves_two_letters_and_no_more(text: str, seed: int) -> None:
    found = ALTERATIONS["typo"](text, np.random.default_rng(seed))
    assert Counter(found) == Counter(text)
    different = [place for place in range(len(text)) if found[place] != text[place]]
    assert different == [] or different == [different[0], different[0] + 1]
    # The first letter of a word stays.
    assert [word[0] for word in found.split()] == [word[0] for word in text.split()]


@given(text=TEXTS, seed=st.integers(0, 99))
def test_a_dropped_word_carries_no_polarity(text: str, seed: int) -> None:
    found = dropped_word(text, np.random.default_rng(seed)).split()
    gone = Counter(text.split()) - Counter(found)
    assert not Counter(found) - Counter(text.split())
    assert sum(gone.values()) <= 1
    assert {word.lower() for word in gone} <= DROPPABLE
    assert not DROPPABLE & {"not", "no", "never", "n't"}


@given(text=TEXTS, seed=st.integers(0, 99))
def test_a_doubled_word_is_no_negation(text: str, seed: int) -> None:
    more = Counter(doubled_word(text, np.random.default_rng(seed)).split()) - Counter(text.split())
    assert sum(more.values()) <= 1
    assert not {word.lower() for word in more} & {"not", "n't", "never"}


@given(text=TEXTS)
def test_case_is_all_that_case_changes(text: str) -> None:
    assert ALTERATIONS["case"](text, RNG).casefold() == text.casefold()


@pytest.mark.parametrize(
    ("text", "altered"),
    [
        ("it is not bad", "it's not bad"),
        ("this is not bad", "this isn't bad"),
        ("it isn't bad", "it is not bad"),
        ("it is n't bad", "it is not bad"),
        ("he ca n't act", "he can not act"),
        ("they wo n't", "they will not"),
        ("It 's good", "It is good"),
        ("It is good", "It's good"),
        ("Cannot be", "Can't be"),
        ("this is good", "this is good"),
        ("the film 's plot", "the film 's plot"),
        ("visit is not", "visit isn't"),
        ("wait it is", "wait it's"),
    ],
)
def test_contractions_go_both_ways(text: str, altered: str) -> None:
    found = contraction(text, RNG)
    assert found.replace("cannot", "can not") == altered


@pytest.mark.parametrize(
    ("text", "altered"),
    [
        ("a good film .", "a good film"),
        ("A good film.", "A good film"),
        ("A good film", "A good film."),
        ("good , really", "good , really ."),
        ("really ?", "really ?"),
        (" . ", " . "),
    ],
)
def test_the_full_stop_comes_or_goes(text: str, altered: str) -> None:
    assert punctuation(text, RNG) == altered


def test_what_is_drawn_depends_on_the_id_and_the_alteration_alone() -> None:
    texts = [LabelledText(f"dev-{n}", ("a charming and affecting journey",), 1) for n in range(9)]
    whole = {one.id: one for one in altered_texts(texts)}
    assert all(whole[one.id] == one for one in altered_texts(texts[4:]))
    assert len({one.altered for one in whole.values() if one.alteration == "typo"}) > 3
    draws = [seeded(name, "typo").integers(2**60) for name in ("a", "b")]
    assert draws[0] != draws[1] != seeded("b", "case").integers(2**60)


def test_of_a_pair_one_text_is_altered() -> None:
    pair = ("the first text is here", "another text was there")
    rows = altered_texts([LabelledText(f"dev-{n}", pair, 0) for n in range(20)])
    changed = [
        [one != other for one, other in zip(row.original, row.altered, strict=True)] for row in rows
    ]
    assert {tuple(one) for one in changed} >= {(True, False), (False, True)}
    assert all(sum(one) <= 1 for one in changed)


@pytest.mark.parametrize("name", EMBEDDED)
def test_lawful_alterations_have_the_labels_that_the_grammar_gives(name: str) -> None:
    data = load_task_data(find_task(name)).evaluation["dev"].select(range(25))
    columns = [data[column] for column in ("text", "text_pair") if column in data.column_names]
    texts = [
        LabelledText(f"dev-{number}", content, 0)
        for number, content in enumerate(zip(*columns, strict=True))
    ]
    rows = lawful_texts(name, texts)
    kinds = Counter(row.kind for row in rows)
    assert kinds["same label"] > 20
    assert kinds["changed label"] > 15
    for row in rows:
        assert row.label == clean_label(name, *row.original)
        assert row.altered_label == clean_label(name, *row.altered)
        assert (row.label == row.altered_label) == (row.kind == "same label")
        moved = [
            SequenceMatcher(None, one.split(), other.split(), autojunk=False).get_opcodes()
            for one, other in zip(row.original, row.altered, strict=True)
        ]
        edits = [code for codes in moved for code in codes if code[0] != "equal"]
        assert len(edits) == 1
        assert max(edits[0][2] - edits[0][1], edits[0][4] - edits[0][3]) == 1


def test_order_is_swapped_where_the_task_does_not_mind() -> None:
    texts = [LabelledText("dev-0", ("one text", "the other text"), 1)]
    (swapped,) = swapped_texts(texts)
    assert swapped.altered == ("the other text", "one text")
    kinds = {
        name: {row.kind for row in alter("dev", texts, find_task(name)).rows}
        for name in ("mrpc", "rte")
    }
    assert kinds == {"mrpc": {"same label", "swapped order"}, "rte": {"same label"}}


def test_a_regression_has_no_predictions_that_flip() -> None:
    texts = [LabelledText("dev-0", ("one text", "another"), 1)]
    with pytest.raises(InputError, match="'stsb' has real-valued labels"):
        alter("dev", texts, find_task("stsb"))
