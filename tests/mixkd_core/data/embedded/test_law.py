"""The embedded law: it is the law it says it is."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mixkd_core.data.embedded.entailment import QUANTIFIERS, WordRelation, relation_label
from mixkd_core.data.embedded.law import (
    GRAMMARS,
    NOISE_RATE,
    bayes_accuracy,
    clean_label,
    draw_examples,
    vocabulary,
)
from mixkd_core.data.embedded.sentiment import NEGATIVE, POSITIVE
from mixkd_core.data.embedded.words import drawn_indices, zipf_cumulative
from mixkd_core.data.tasks import EMBEDDED
from mixkd_core.errors import InputError

NAMES = tuple(EMBEDDED)
COUNT = 20_000
# Every frequency below is compared with its stated value to within six standard errors: a false
# alarm among all of them is rarer than one in a million.
ERRORS = 6

GOLDEN = {
    "embedded-sentiment": [
        ("the actress seems extremely brilliant", 1),
        ("the villain remains good and the hero was good", 1),
    ],
    "embedded-paraphrase": [
        (
            "the attorney was phoned by the doctor near the store",
            "the attorney called the doctor near the shop",
            0,
        ),
        (
            "the author commended the doctor near the harbor",
            "the author commended the doctor near the port",
            1,
        ),
    ],
    "embedded-inference": [
        ("all vehicles run", "all vans run", 0),
        ("all pianists run", "not all musicians run", 1),
    ],
}


def close(frequency: float, probability: float, count: int) -> bool:
    return abs(frequency - probability) < ERRORS * math.sqrt(
        probability * (1 - probability) / count
    )


def clean(name: str, examples: list[tuple[str | int, ...]]) -> np.ndarray:
    return np.array([clean_label(name, *map(str, example[:-1])) for example in examples])


@pytest.mark.parametrize("name", NAMES)
def test_the_parser_agrees_with_the_generator(name: str) -> None:
    grammar = GRAMMARS[name]
    uniforms = np.random.default_rng(0).random((5000, grammar.draws))
    for texts, label in grammar.generate(uniforms):
        assert clean_label(name, *texts) == label


@pytest.mark.parametrize("name", NAMES)
def test_classes_noise_and_bayes_accuracy_are_as_stated(name: str) -> None:
    examples = draw_examples(name, "law", COUNT)
    classes = EMBEDDED[name].num_labels
    true, observed = clean(name, examples), np.array([example[-1] for example in examples])
    for label in range(classes):
        assert close((true == label).mean(), 1 / classes, COUNT)
        assert close((observed == label).mean(), 1 / classes, COUNT)
    assert bayes_accuracy(name) == 1 - NOISE_RATE
    assert close((true == observed).mean(), bayes_accuracy(name), COUNT)
    for label, other in itertools.permutations(range(classes), 2):
        among = observed[true == label]
        assert close((among == other).mean(), NOISE_RATE / (classes - 1), len(among))


@pytest.mark.parametrize("name", NAMES)
def test_drawing_more_extends_and_streams_differ(name: str) -> None:
    long = draw_examples(name, "a", 300)
    assert draw_examples(name, "a", 40) == long[:40]
    assert draw_examples(name, "b", 300) != long


def test_golden_examples() -> None:
    # Other machines and versions must draw the same examples.
    assert {name: draw_examples(name, "golden", 2) for name in NAMES} == GOLDEN


@pytest.mark.parametrize("name", NAMES)
def test_texts_are_short(name: str) -> None:
    examples = draw_examples(name, "length", COUNT)
    assert max(len(" ".join(map(str, example[:-1])).split()) for example in examples) <= 20


@pytest.mark.parametrize("name", NAMES)
def test_the_vocabulary_is_exactly_what_is_written(name: str) -> None:
    words = {
        word
        for example in draw_examples(name, "words", COUNT)
        for text in example[:-1]
        for word in str(text).split()
    }
    assert words == set(GRAMMARS[name].vocabulary())
    assert words <= set(vocabulary())


def test_a_tenth_of_the_training_set_misses_words() -> None:
    def seen(count: int) -> set[str]:
        return {
            w for e in draw_examples("embedded-sentiment", "train", count) for w in e[0].split()
        }

    adjectives = {*POSITIVE, *NEGATIVE}
    assert len(adjectives - seen(400)) > 10
    assert not adjectives - seen(4000)


def test_no_adjective_has_two_polarities() -> None:
    assert len(POSITIVE) == len(NEGATIVE)
    assert len({*POSITIVE, *NEGATIVE}) == len(POSITIVE) + len(NEGATIVE)


@given(st.integers(1, 30))
def test_zipfs_law(size: int) -> None:
    masses = np.diff(zipf_cumulative(size), prepend=0.0)
    assert np.allclose(masses * np.arange(1, size + 1), masses[0])
    assert drawn_indices(np.array([0.0, 1 - 2**-53]), zipf_cumulative(size)) == [0, size - 1]


@pytest.mark.parametrize(
    ("text", "label"),
    [
        ("the film is good", 1),
        ("the film is not good", 0),
        ("the plot was never very bad", 1),
        ("the film is very good but the plot is slightly bad", 0),
        ("although the film is bad , the plot is good", 1),
        ("the film is very good and the plot is slightly bad", 1),
        ("the film is slightly good and the plot is bad", 0),
        ("the film is good and the plot is bad", 0),
        ("the film is good and the plot is not good", 0),
    ],
)
def test_sentiment_by_hand(text: str, label: int) -> None:
    assert clean_label("embedded-sentiment", text) == label


@pytest.mark.parametrize(
    ("text", "text_pair", "label"),
    [
        (
            "the doctor helped the kid near the shop",
            "the child was assisted by the physician near the store",
            1,
        ),
        ("the doctor helped the kid near the shop", "the kid helped the doctor near the shop", 0),
        ("the doctor helped the kid near the shop", "the doctor hired the kid near the shop", 0),
        (
            "the kid was helped by the doctor near the shop",
            "the physician helped the child near the garden",
            0,
        ),
    ],
)
def test_paraphrase_by_hand(text: str, text_pair: str, label: int) -> None:
    assert clean_label("embedded-paraphrase", text, text_pair) == label


@pytest.mark.parametrize(
    ("text", "text_pair", "label"),
    [
        ("all animals run", "all dogs move", 0),
        ("all animals run", "some dogs move", 0),
        ("all dogs run", "all animals run", 1),
        ("all dogs run", "not all dogs move", 2),
        ("no animals move", "some dogs run", 2),
        ("some dogs run", "no animals move", 2),
        ("some dogs run", "no cats run", 1),
        ("not all dogs move", "not all animals run", 0),
    ],
)
def test_inference_by_hand(text: str, text_pair: str, label: int) -> None:
    assert clean_label("embedded-inference", text, text_pair) == label


def test_inference_labels_are_those_of_set_theory() -> None:
    # Every interpretation over three individuals: nouns are non-empty sets, verbs any sets, and
    # the related words nested. A label must be what holds in all of the interpretations allowed.
    universe = range(8)

    def related(x: int, y: int, relation: WordRelation) -> bool:
        return {
            WordRelation.EQUAL: x == y,
            WordRelation.MORE_GENERAL: x & y == x,
            WordRelation.MORE_SPECIAL: x & y == y,
            WordRelation.UNRELATED: True,
        }[relation]

    def holds(quantifier: str, noun: int, verb: int) -> bool:
        return {
            "all": noun & ~verb == 0,
            "some": noun & verb != 0,
            "no": noun & verb == 0,
            "not all": noun & ~verb != 0,
        }[quantifier]

    for noun_relation, verb_relation in itertools.product(WordRelation, WordRelation):
        nouns = [
            (x, y)
            for x, y in itertools.product(universe, universe)
            if x and y and related(x, y, noun_relation)
        ]
        verbs = [
            (v, w) for v, w in itertools.product(universe, universe) if related(v, w, verb_relation)
        ]
        for premise, hypothesis in itertools.product(QUANTIFIERS, QUANTIFIERS):
            outcomes = {
                holds(hypothesis, y, w)
                for (x, y), (v, w) in itertools.product(nouns, verbs)
                if holds(premise, x, v)
            }
            expected = {(True,): 0, (False, True): 1, (False,): 2}[tuple(sorted(outcomes))]
            combination = (premise, hypothesis, noun_relation, verb_relation)
            assert relation_label(combination) == expected, combination


@pytest.mark.parametrize(
    ("name", "texts"),
    [
        ("embedded-sentiment", ("the film is green",)),
        ("embedded-sentiment", ("the film is good but",)),
        ("embedded-sentiment", ("the film is very not good",)),
        ("embedded-sentiment", ("good",)),
        ("embedded-sentiment", ("the film is good", "the film is good")),
        ("embedded-paraphrase", ("the shop helped the kid near the shop",) * 2),
        ("embedded-paraphrase", ("the doctor helped the kid",) * 2),
        ("embedded-inference", ("every dogs run", "all dogs run")),
        ("embedded-inference", ("all dogs run",)),
    ],
)
def test_a_text_outside_the_grammar_is_refused(name: str, texts: tuple[str, ...]) -> None:
    with pytest.raises(InputError, match="not in the grammar"):
        clean_label(name, *texts)


def test_a_task_without_a_law_is_refused() -> None:
    for ask in (
        lambda: draw_examples("rte", "train", 1),
        lambda: clean_label("rte", "a", "b"),
        lambda: bayes_accuracy("rte"),
    ):
        with pytest.raises(InputError, match="no embedded law"):
            ask()
