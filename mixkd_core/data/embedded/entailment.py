"""The grammar of ``embedded-inference``: what does one quantified sentence say of another?

::

    sentence   = quantifier noun verb
    quantifier = "all" | "some" | "no" | "not" "all"

Nouns and verbs come in families: a general word ("animals", "move") and the special words under it
("dogs", "run"). A special word's extension lies in its general word's; beyond that, words carry no
relation (dogs may be cats, for all the grammar says), and every noun has at least one member. These
are the syllogistic quantifiers with existential import.

Clean label. With r the relation of the hypothesis' noun to the premise's, and likewise of the
verbs (equal, more general, more special, unrelated), a premise entails exactly these hypotheses:

* "all" entails "all" if the noun is as special and the verb as general, and "some" if the nouns
  are related and the verb as general;
* "no" entails "no" if noun and verb are as special, and "not all" if the nouns are related and the
  verb as special;
* "some" entails "some" if noun and verb are as general;
* "not all" entails "not all" if the noun is as general and the verb as special

("as special" includes equal). The label is entailment (0) if the premise entails the hypothesis,
contradiction (2) if it entails its denial (all / not all, some / no), else neutral (1).

Law. The class is drawn uniformly; then, among the combinations (quantifiers and relations) with
that clean label, one with probability proportional to 0.35 for each "unrelated" in it. Families
follow Zipf's law, and so do special words within their family. Equal words are special with
probability 0.75; unrelated words are special words of the same or another family.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import IntEnum
from itertools import product

import numpy as np
from numpy.typing import NDArray

from mixkd_core.data.embedded.words import cumulative, drawn_indices, zipf_cumulative

NOUNS = {
    "animals": ("dogs", "cats", "horses", "wolves", "rabbits", "goats"),
    "workers": ("miners", "bakers", "nurses", "clerks", "farmers", "masons"),
    "vehicles": ("cars", "trucks", "buses", "tractors", "vans", "taxis"),
    "machines": ("robots", "pumps", "drills", "printers", "engines", "cranes"),
    "relatives": ("uncles", "cousins", "aunts", "nephews", "brothers", "sisters"),
    "musicians": ("pianists", "drummers", "violinists", "harpists", "flutists", "cellists"),
}
VERBS = {
    "move": ("run", "walk", "swim", "jump", "roll"),
    "sound": ("sing", "whistle", "hum", "shout", "squeak"),
    "change": ("grow", "shrink", "melt", "rust", "fade"),
    "rest": ("sleep", "nap", "doze", "pause", "idle"),
    "shine": ("glow", "sparkle", "glitter", "flash", "blaze"),
}
QUANTIFIERS = ("all", "some", "no", "not all")
ENTAILMENT, NEUTRAL, CONTRADICTION = range(3)


class WordRelation(IntEnum):
    """Of the hypothesis' word to the premise's."""

    EQUAL = 0
    MORE_GENERAL = 1
    MORE_SPECIAL = 2
    UNRELATED = 3


_AS_GENERAL = (WordRelation.EQUAL, WordRelation.MORE_GENERAL)
_AS_SPECIAL = (WordRelation.EQUAL, WordRelation.MORE_SPECIAL)
_DENIAL = {"all": "not all", "not all": "all", "some": "no", "no": "some"}
_UNRELATED_WEIGHT = 0.35
_SPECIAL_RATE = 0.75

Combination = tuple[str, str, WordRelation, WordRelation]


def entails(premise: str, hypothesis: str, noun: WordRelation, verb: WordRelation) -> bool:
    """Return True if a sentence with the premise's quantifier entails one with the hypothesis'."""
    related = noun is not WordRelation.UNRELATED
    rules = {
        ("all", "all"): noun in _AS_SPECIAL and verb in _AS_GENERAL,
        ("all", "some"): related and verb in _AS_GENERAL,
        ("no", "no"): noun in _AS_SPECIAL and verb in _AS_SPECIAL,
        ("no", "not all"): related and verb in _AS_SPECIAL,
        ("some", "some"): noun in _AS_GENERAL and verb in _AS_GENERAL,
        ("not all", "not all"): noun in _AS_GENERAL and verb in _AS_SPECIAL,
    }
    return rules.get((premise, hypothesis), False)


def relation_label(combination: Combination) -> int:
    """The clean label of a combination of quantifiers and relations."""
    premise, hypothesis, noun, verb = combination
    if entails(premise, hypothesis, noun, verb):
        return ENTAILMENT
    if entails(premise, _DENIAL[hypothesis], noun, verb):
        return CONTRADICTION
    return NEUTRAL


class _Lexicon:
    """Words of one kind, their families and the choice of a pair in a given relation."""

    draws = 4

    def __init__(self, families: Mapping[str, tuple[str, ...]]) -> None:
        self.families = list(families.items())
        self.general_of = {word: general for general, words in self.families for word in words}
        self.words = [*families, *self.general_of]
        self._family = zipf_cumulative(len(self.families))
        self._special = zipf_cumulative(len(self.families[0][1]))

    def pair(self, relation: WordRelation, draws: tuple[int, int, float, float]) -> tuple[str, str]:
        """(premise's word, hypothesis' word), from a family, a special word and two uniforms."""
        family, member, first, second = draws
        general, specials = self.families[family]
        special = specials[member]
        if relation is WordRelation.EQUAL:
            word = special if first < _SPECIAL_RATE else general
            return word, word
        if relation is WordRelation.MORE_GENERAL:
            return special, general
        if relation is WordRelation.MORE_SPECIAL:
            return general, special
        others = [word for word in self.general_of if word != special]
        return special, others[int(second * len(others))]

    def choices(self, uniforms: NDArray[np.float64]) -> list[tuple[int, int, float, float]]:
        """The draws of :meth:`pair`, from uniforms of shape (count, 4)."""
        families = drawn_indices(uniforms[:, 0], self._family)
        members = drawn_indices(uniforms[:, 1], self._special)
        rest = uniforms[:, 2:].tolist()
        return [(f, m, a, b) for f, m, (a, b) in zip(families, members, rest, strict=True)]

    def relation(self, premise: str, hypothesis: str) -> WordRelation:
        """The relation of the hypothesis' word to the premise's."""
        if premise == hypothesis:
            return WordRelation.EQUAL
        if self.general_of.get(premise) == hypothesis:
            return WordRelation.MORE_GENERAL
        if self.general_of.get(hypothesis) == premise:
            return WordRelation.MORE_SPECIAL
        return WordRelation.UNRELATED


_NOUNS = _Lexicon(NOUNS)
_VERBS = _Lexicon(VERBS)


class InferenceGrammar:
    """Premise and hypothesis; classes entailment, neutral, contradiction."""

    draws = 2 + 2 * _Lexicon.draws

    def __init__(self) -> None:
        combinations = list(product(QUANTIFIERS, QUANTIFIERS, WordRelation, WordRelation))
        self._combinations = [
            [combination for combination in combinations if relation_label(combination) == label]
            for label in range(3)
        ]
        self._distributions = [
            cumulative([_UNRELATED_WEIGHT ** c[2:].count(WordRelation.UNRELATED) for c in group])
            for group in self._combinations
        ]

    def generate(self, uniforms: NDArray[np.float64]) -> list[tuple[tuple[str, ...], int]]:
        """(texts, clean label) of each example, from uniforms of shape (count, draws)."""
        labels = np.floor(uniforms[:, 0] * 3).astype(int).tolist()
        within = [
            drawn_indices(uniforms[:, 1], distribution) for distribution in self._distributions
        ]
        nouns = _NOUNS.choices(uniforms[:, 2 : 2 + _Lexicon.draws])
        verbs = _VERBS.choices(uniforms[:, 2 + _Lexicon.draws :])
        examples: list[tuple[tuple[str, ...], int]] = []
        for row, (label, noun_draws, verb_draws) in enumerate(
            zip(labels, nouns, verbs, strict=True)
        ):
            premise, hypothesis, noun, verb = self._combinations[label][within[label][row]]
            noun1, noun2 = _NOUNS.pair(noun, noun_draws)
            verb1, verb2 = _VERBS.pair(verb, verb_draws)
            texts = f"{premise} {noun1} {verb1}", f"{hypothesis} {noun2} {verb2}"
            examples.append((texts, label))
        return examples

    def label(self, text: str, text_pair: str) -> int:
        """The clean label, read off the texts; ``ValueError`` outside the grammar."""
        premise, noun1, verb1 = _parse(text)
        hypothesis, noun2, verb2 = _parse(text_pair)
        relations = _NOUNS.relation(noun1, noun2), _VERBS.relation(verb1, verb2)
        return relation_label((premise, hypothesis, *relations))

    def vocabulary(self) -> list[str]:
        """Every word of the grammar."""
        return ["all", "some", "no", "not", *_NOUNS.words, *_VERBS.words]


def _parse(sentence: str) -> tuple[str, str, str]:
    """(quantifier, noun, verb)."""
    *quantifier, noun, verb = sentence.split()
    if (
        " ".join(quantifier) not in QUANTIFIERS
        or noun not in _NOUNS.words
        or verb not in _VERBS.words
    ):
        raise ValueError(f"{sentence!r} is not a quantifier, a noun and a verb.")
    return " ".join(quantifier), noun, verb
