"""The grammar of ``embedded-paraphrase``: do two sentences report the same event?

::

    sentence = "the" agent verb "the" patient "near" "the" place               (active, 0.85)
             | "the" patient "was" verb "by" "the" agent "near" "the" place    (passive, 0.15)

An event is (agent, verb, patient, place): persons, verbs and places each follow Zipf's law over
their concepts, the patient being drawn until it differs from the agent. Every concept has two
synonymous words, equally likely each time it is written; each sentence's voice is drawn on its own.

The second sentence reports the same event with probability one half (class 1, paraphrase). Else
(class 0, different) it reports the event with agent and patient exchanged (0.3), or with another
verb (0.4), or with another place (0.3), drawn uniformly among the rest. An exchange leaves the bag
of concepts as it is, so order and voice must be read.

Clean label: 1 if and only if both sentences parse to the same event.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from mixkd_core.data.embedded.words import cumulative, drawn_indices, zipf_cumulative

PERSONS = (
    ("doctor", "physician"),
    ("lawyer", "attorney"),
    ("teacher", "instructor"),
    ("child", "kid"),
    ("singer", "vocalist"),
    ("writer", "author"),
    ("thief", "robber"),
    ("soldier", "trooper"),
)
VERBS = (
    ("helped", "assisted"),
    ("called", "phoned"),
    ("praised", "commended"),
    ("blamed", "accused"),
    ("followed", "trailed"),
    ("hired", "employed"),
)
PLACES = (
    ("garden", "yard"),
    ("shop", "store"),
    ("woods", "forest"),
    ("road", "street"),
    ("harbor", "port"),
)

_CONCEPTS = {
    word: concept for lexicon in (PERSONS, VERBS, PLACES) for concept in lexicon for word in concept
}
_PASSIVE_RATE = 0.15
_KINDS = cumulative([0.5, 0.15, 0.2, 0.15])
_SAME, _EXCHANGED, _OTHER_VERB, _OTHER_PLACE = range(4)
_SENTENCE_DRAWS = 5

Event = tuple[tuple[str, str], tuple[str, str], tuple[str, str], tuple[str, str]]


class ParaphraseGrammar:
    """Pairs of reports of an event; class 1 is paraphrase."""

    draws = 6 + 2 * _SENTENCE_DRAWS

    def generate(self, uniforms: NDArray[np.float64]) -> list[tuple[tuple[str, ...], int]]:
        """(texts, clean label) of each example, from uniforms of shape (count, draws)."""
        people = zipf_cumulative(len(PERSONS))
        agents = drawn_indices(uniforms[:, 0], people)
        verbs = drawn_indices(uniforms[:, 1], zipf_cumulative(len(VERBS)))
        patients = _choose_other(uniforms[:, 2], np.asarray(agents), people)
        places = drawn_indices(uniforms[:, 3], zipf_cumulative(len(PLACES)))
        kinds = drawn_indices(uniforms[:, 4], _KINDS)
        others = uniforms[:, 5].tolist()
        written = uniforms[:, 6:].tolist()
        examples: list[tuple[tuple[str, ...], int]] = []
        for agent, verb, patient, place, kind, other, draws in zip(
            agents, verbs, patients, places, kinds, others, written, strict=True
        ):
            event = (PERSONS[agent], VERBS[verb], PERSONS[patient], PLACES[place])
            second = event
            if kind == _EXCHANGED:
                second = (event[2], event[1], event[0], event[3])
            elif kind == _OTHER_VERB:
                second = (event[0], _another(VERBS, verb, other), event[2], event[3])
            elif kind == _OTHER_PLACE:
                second = (*event[:3], _another(PLACES, place, other))
            texts = _write(event, draws[:_SENTENCE_DRAWS]), _write(second, draws[_SENTENCE_DRAWS:])
            examples.append((texts, int(kind == _SAME)))
        return examples

    def label(self, text: str, text_pair: str) -> int:
        """The clean label, read off the texts; ``ValueError`` outside the grammar."""
        return int(_parse(text) == _parse(text_pair))

    def vocabulary(self) -> list[str]:
        """Every word of the grammar."""
        return ["the", "was", "by", "near", *_CONCEPTS]


def _choose_other(
    uniforms: NDArray[np.float64], taken: NDArray[np.int64], distribution: NDArray[np.float64]
) -> list[int]:
    """Draws from the distribution given that the result differs from ``taken``, by inversion."""
    masses = np.diff(distribution, prepend=0.0)
    before = distribution[taken] - masses[taken]
    # Invert on the line with the taken interval cut out.
    points = uniforms * (1 - masses[taken])
    chosen = np.searchsorted(
        distribution, np.where(points < before, points, points + masses[taken]), side="right"
    )
    # Rounding can put a point on the edge of the interval cut out; its neighbour is as good.
    chosen = np.where(chosen == taken, (taken + 1) % len(distribution), chosen)
    indices: list[int] = np.minimum(chosen, len(distribution) - 1).tolist()
    return indices


def _another(lexicon: tuple[tuple[str, str], ...], index: int, uniform: float) -> tuple[str, str]:
    """A concept other than the one at ``index``, uniformly."""
    other = int(uniform * (len(lexicon) - 1))
    return lexicon[other + (other >= index)]


def _write(event: Event, draws: list[float]) -> str:
    """The event as a sentence; the draws decide the words of the four concepts and the voice."""
    agent, verb, patient, place = (
        concept[int(draw * 2)] for concept, draw in zip(event, draws, strict=False)
    )
    if draws[4] < _PASSIVE_RATE:
        return f"the {patient} was {verb} by the {agent} near the {place}"
    return f"the {agent} {verb} the {patient} near the {place}"


def _parse(sentence: str) -> Event:
    words = sentence.split()
    concepts = [_CONCEPTS[word] for word in words if word in _CONCEPTS]
    skeleton = ["_" if word in _CONCEPTS else word for word in words]
    if skeleton == ["the", "_", "_", "the", "_", "near", "the", "_"]:
        agent, verb, patient, place = concepts
    elif skeleton == ["the", "_", "was", "_", "by", "the", "_", "near", "the", "_"]:
        patient, verb, agent, place = concepts
    else:
        raise ValueError(f"{sentence!r} is neither an active nor a passive report.")
    if agent not in PERSONS or verb not in VERBS or patient not in PERSONS or place not in PLACES:
        raise ValueError(f"{sentence!r} has a word in the wrong place.")
    return agent, verb, patient, place
