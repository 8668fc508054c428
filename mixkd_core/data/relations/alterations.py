"""Slight alterations of a text that need no data, each a few lines.

Each takes a text and a generator and returns the altered text, or the text as it is where there is
nothing to alter. They are meant to keep the label, which nobody checked text by text:

* typo: two neighbouring letters inside a word of four letters or more change places;
* case: all letters become capitals, or small ones where most are capitals already. A tokenizer
  that ignores case reads the same;
* punctuation: the full stop at the end goes, or comes where there is none;
* contraction: the first "is not", "it is", … is contracted, or the first "isn't", "it's", …
  spelled out (also as GLUE's tokenised texts have them: "is n't", "it 's");
* dropped word: one of `DROPPABLE`, which carry no polarity, goes;
* doubled word: a word stands there twice, no negation.

What is drawn depends on the text's id and the alteration alone, not on a run's seed: every network
is asked the same.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from hashlib import sha256

import numpy as np

from mixkd_core.data.embedded.words import words
from mixkd_core.data.inspection import Content
from mixkd_core.data.relations.labelled_texts import LabelledText
from mixkd_core.data.relations.relation import RelatedText

Alter = Callable[[str, np.random.Generator], str]

DROPPABLE = frozenset(
    words("""
a an the of to that this these those and so as in on at by for with from it its is are was were be
been has have had very really quite just
""")
)

# Said twice, they would say something else.
_NEGATIONS = frozenset({"not", "n't", "no", "never", "nor", "without"})

_VERBS = ("is", "are", "was", "were", "does", "do", "did", "has", "have", "had", "would", "could",
          "should")  # fmt: skip
_SHORT: Mapping[str, str] = {
    **{f"{verb} not": f"{verb}n't" for verb in _VERBS},
    "can not": "can't", "cannot": "can't", "will not": "won't",
    **{f"{word} is": f"{word}'s" for word in ("it", "that", "there", "he", "she", "what", "who")},
    **{f"{word} are": f"{word}'re" for word in ("they", "we", "you")},
    **{f"{word} will": f"{word}'ll" for word in ("it", "they", "we", "you", "i", "he", "she")},
    **{f"{word} have": f"{word}'ve" for word in ("they", "we", "you", "i")},
    "i am": "i'm",
}  # fmt: skip
_WHOLE: Mapping[str, str] = {short: whole for whole, short in _SHORT.items()}


def _pattern(known: Mapping[str, str]) -> re.Pattern[str]:
    """Any of these, with any white space between their words, and before n't and '."""
    alternatives = (
        r"\s+".join(re.sub(r"n't|'", lambda found: rf"\s*{found[0]}", one).split(" "))
        for one in known
    )
    return re.compile(rf"(?<![\w'])(?:{'|'.join(alternatives)})(?!\w|\s*n't)", re.IGNORECASE)


_CONTRACTIONS = ((_pattern(_SHORT), _SHORT), (_pattern(_WHOLE), _WHOLE))


def typo(text: str, generator: np.random.Generator) -> str:
    """Exchange two different neighbouring letters inside a word."""
    places = [
        place
        for word in re.finditer(r"[^\W\d_]{4,}", text)
        for place in range(word.start() + 1, word.end() - 2)
        if text[place] != text[place + 1]
    ]
    if not places:
        return text
    place = places[generator.integers(len(places))]
    return text[:place] + text[place + 1] + text[place] + text[place + 2 :]


def case(text: str, generator: np.random.Generator) -> str:
    """Write all letters as capitals, or as small ones where most are capitals."""
    capitals = sum(letter.isupper() for letter in text)
    return text.lower() if 2 * capitals > sum(letter.isalpha() for letter in text) else text.upper()


def punctuation(text: str, generator: np.random.Generator) -> str:
    """Take the full stop at the end away, or put one there."""
    bare = text.rstrip(" .")
    if not bare or text.endswith(("!", "?")):
        return text
    if bare != text:
        return bare
    return f"{text} ." if " ," in text or " '" in text else f"{text}."


def contraction(text: str, generator: np.random.Generator) -> str:
    """Contract the first words that can be, or spell out the first contraction."""
    for pattern, known in _CONTRACTIONS:
        found = pattern.search(text)
        if found is not None:
            plain = re.sub(r" (?=n't|')", "", " ".join(found[0].lower().split()))
            wanted = known[plain]
            wanted = wanted.capitalize() if found[0][0].isupper() else wanted
            return text[: found.start()] + wanted + text[found.end() :]
    return text


def dropped_word(text: str, generator: np.random.Generator) -> str:
    """Leave out one of the words that carry no polarity."""
    split = text.split()
    places = [place for place, word in enumerate(split) if word.lower() in DROPPABLE]
    if not places or len(split) < 3:
        return text
    del split[places[generator.integers(len(places))]]
    return " ".join(split)


def doubled_word(text: str, generator: np.random.Generator) -> str:
    """Write a word twice."""
    split = text.split()
    places = [
        place
        for place, word in enumerate(split)
        if any(map(str.isalpha, word)) and word.lower() not in _NEGATIONS
    ]
    if not places:
        return text
    place = places[generator.integers(len(places))]
    return " ".join([*split[: place + 1], *split[place:]])


ALTERATIONS: Mapping[str, Alter] = {
    "typo": typo,
    "case": case,
    "punctuation": punctuation,
    "contraction": contraction,
    "dropped word": dropped_word,
    "doubled word": doubled_word,
}


def altered_texts(texts: Iterable[LabelledText]) -> list[RelatedText]:
    """Return each text altered in each way, the label kept.

    Of a pair one text is altered, which one is drawn; the other where there is nothing to alter.
    """
    return [
        RelatedText(
            id=f"{text.id}, {name}",
            group=text.id,
            kind="same label",
            alteration=name,
            original=text.content,
            altered=_altered(text.content, alter, seeded(text.id, name)),
            label=text.label,
            altered_label=text.label,
        )
        for text in texts
        for name, alter in ALTERATIONS.items()
    ]


def swapped_texts(texts: Iterable[LabelledText]) -> list[RelatedText]:
    """Return each pair in swapped order, for tasks whose label does not mind."""
    return [
        RelatedText(
            f"{text.id}, swapped", text.id, "swapped order", "swapped order", text.content,
            text.content[::-1], text.label, text.label,
        )
        for text in texts
    ]  # fmt: skip


def seeded(name: str, purpose: str) -> np.random.Generator:
    """Return the generator of a text and an alteration, the same on every machine."""
    digest = sha256(f"{purpose}\n{name}".encode()).digest()
    return np.random.default_rng(int.from_bytes(digest[:16], "big"))


def _altered(content: Content, alter: Alter, generator: np.random.Generator) -> Content:
    first = int(generator.integers(len(content)))
    for place in (first, *(other for other in range(len(content)) if other != first)):
        changed = alter(content[place], generator)
        if changed.split() != content[place].split():
            return (*content[:place], changed, *content[place + 1 :])
    return content
