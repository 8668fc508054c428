"""The grammar of ``embedded-sentiment``: one or two clauses on a film, positive or negative.

::

    sentence = clause                          (0.5)
             | clause "but" clause             (0.1)
             | "although" clause "," clause    (0.1)
             | clause "and" clause             (0.3)
    clause   = "the" noun verb ["not" | "never"] [intensifier | downtoner] adjective

Every clause has a sign. The first clause's is positive or negative with equal probability; with
probability 0.85 the second has the same sign after "and", the opposite sign after "but" and
"although". A clause is negated with probability 0.1 ("not" 0.07, "never" 0.03) and then has an
adjective of the opposite polarity; its adjective is intensified with probability 0.2, toned down
with probability 0.2. Which adjective of its polarity follows Zipf's law, which noun too; verbs,
intensifiers and downtoners are equally likely. Beyond this, all choices are independent.

Clean label. A clause has the polarity of its adjective, turned by a negation, and the strength 3
if intensified, 1 if toned down, else 2. "A but B" and "although A, B" have the sign of B; "A and
B" has the sign of the sum of the signed strengths, or B's if the sum is zero. Exchanging the
polarities exchanges the labels, so each has probability one half.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from mixkd_core.data.embedded.words import cumulative, drawn_indices, words, zipf_cumulative

POSITIVE = words("""
good great excellent wonderful charming brilliant delightful superb funny moving clever fresh
warm engaging elegant gripping lively witty honest tender graceful bright rich smart sweet
stunning amazing touching thoughtful inventive vivid joyful magical sincere masterful exciting
captivating dazzling refreshing subtle powerful poetic heartfelt uplifting enchanting luminous
playful radiant sharp stylish triumphant unforgettable satisfying sublime splendid spirited
soulful sparkling polished perceptive
""")
NEGATIVE = words("""
bad dull awful terrible boring weak stupid tedious bland clumsy shallow messy stale lifeless
flat annoying dreary pointless tired silly crude hollow sloppy predictable pretentious
forgettable mediocre lame horrible painful ugly cheap noisy empty cold slow dumb ridiculous
incoherent unfunny contrived generic trite ponderous muddled murky grating forced flawed feeble
disappointing dismal disjointed derivative depressing dated cynical corny confusing clueless
""")
NOUNS = words("""
film plot acting story movie script cast music ending dialogue director hero villain humor
romance camera pacing premise sequel tone drama comedy actor actress editing scenery theme
soundtrack narration costume title trailer finale score mood setting chase stunt lighting makeup
""")
VERBS = ("is", "was", "seems", "feels", "looks", "remains")
INTENSIFIERS = ("very", "truly", "deeply", "extremely")
DOWNTONERS = ("slightly", "fairly", "somewhat", "rather")
NEGATIONS = ("not", "never")

_POLARITY = {**dict.fromkeys(POSITIVE, 1), **dict.fromkeys(NEGATIVE, -1)}
_FORMS = cumulative([0.5, 0.1, 0.1, 0.3])
_NEGATION = cumulative([0.9, 0.07, 0.03])
_DEGREE = cumulative([0.6, *[0.05] * 8])
_NEGATION_WORDS = ("", *(f"{word} " for word in NEGATIONS))
_DEGREE_WORDS = ("", *(f"{word} " for word in (*INTENSIFIERS, *DOWNTONERS)))
_DEGREE_STRENGTH = (2, *(3 for _ in INTENSIFIERS), *(1 for _ in DOWNTONERS))
_CLAUSE_DRAWS = 5
_COHERENCE = 0.85
_SINGLE, _BUT, _ALTHOUGH, _AND = range(4)


class SentimentGrammar:
    """Sentences about films; class 1 is positive."""

    draws = 3 + 2 * _CLAUSE_DRAWS

    def generate(self, uniforms: NDArray[np.float64]) -> list[tuple[tuple[str, ...], int]]:
        """(texts, clean label) of each example, from uniforms of shape (count, draws)."""
        forms = np.asarray(drawn_indices(uniforms[:, 0], _FORMS))
        signs = np.where(uniforms[:, 1] < 0.5, 1, -1)
        coherent = uniforms[:, 2] < _COHERENCE
        second_signs = signs * np.where(coherent, 1, -1) * np.where(forms == _AND, 1, -1)
        first = _clauses(signs, uniforms[:, 3 : 3 + _CLAUSE_DRAWS])
        second = _clauses(second_signs, uniforms[:, 3 + _CLAUSE_DRAWS :])
        return [
            _compose(form, a, b) for form, a, b in zip(forms.tolist(), first, second, strict=True)
        ]

    def label(self, text: str) -> int:
        """The clean label, read off the text; ``ValueError`` outside the grammar."""
        if text.startswith("although "):
            _, value = map(_clause_value, text.removeprefix("although ").split(" , "))
        elif " but " in text:
            _, value = map(_clause_value, text.split(" but "))
        elif " and " in text:
            first, second = map(_clause_value, text.split(" and "))
            value = first + second or second
        else:
            value = _clause_value(text)
        return int(value > 0)

    def vocabulary(self) -> list[str]:
        """Every word of the grammar."""
        connectives = ["the", "but", "although", ",", "and"]
        modifiers = [*INTENSIFIERS, *DOWNTONERS, *NEGATIONS]
        return [*connectives, *POSITIVE, *NEGATIVE, *NOUNS, *VERBS, *modifiers]


def _clauses(signs: NDArray[np.int64], uniforms: NDArray[np.float64]) -> list[tuple[str, int]]:
    """(text, signed strength) of each clause, from its sign and uniforms of shape (count, 5)."""
    nouns = drawn_indices(uniforms[:, 0], zipf_cumulative(len(NOUNS)))
    verbs = drawn_indices(uniforms[:, 1], cumulative(np.ones(len(VERBS))))
    negations = drawn_indices(uniforms[:, 2], _NEGATION)
    degrees = drawn_indices(uniforms[:, 3], _DEGREE)
    ranks = drawn_indices(uniforms[:, 4], zipf_cumulative(len(POSITIVE)))
    clauses = []
    for noun, verb, negation, degree, sign, rank in zip(
        nouns, verbs, negations, degrees, signs.tolist(), ranks, strict=True
    ):
        # The clause's sign is what it says; a negation says it with the opposite adjective.
        adjective = (POSITIVE if (sign > 0) != (negation > 0) else NEGATIVE)[rank]
        modifiers = f"{_NEGATION_WORDS[negation]}{_DEGREE_WORDS[degree]}"
        value = sign * _DEGREE_STRENGTH[degree]
        clauses.append((f"the {NOUNS[noun]} {VERBS[verb]} {modifiers}{adjective}", value))
    return clauses


def _compose(form: int, a: tuple[str, int], b: tuple[str, int]) -> tuple[tuple[str, ...], int]:
    if form == _SINGLE:
        text, value = a
    elif form == _BUT:
        text, value = f"{a[0]} but {b[0]}", b[1]
    elif form == _ALTHOUGH:
        text, value = f"although {a[0]} , {b[0]}", b[1]
    else:
        text, value = f"{a[0]} and {b[0]}", a[1] + b[1] or b[1]
    return (text,), int(value > 0)


def _clause_value(clause: str) -> int:
    """Signed strength of a clause, read off its words."""
    the, noun, verb, *modifiers, adjective = clause.split()
    if the != "the" or noun not in NOUNS or verb not in VERBS:
        raise ValueError(f"{clause!r} does not begin with the, a noun and a verb.")
    if adjective not in _POLARITY:
        raise ValueError(f"{adjective!r} is not an adjective of the grammar.")
    value = 2 * _POLARITY[adjective]
    if modifiers and modifiers[0] in NEGATIONS:
        value = -value
        modifiers = modifiers[1:]
    if modifiers and modifiers[0] in INTENSIFIERS:
        value = value // 2 * 3
        modifiers = modifiers[1:]
    elif modifiers and modifiers[0] in DOWNTONERS:
        value //= 2
        modifiers = modifiers[1:]
    if modifiers:
        raise ValueError(f"{' '.join(modifiers)!r} has no place before the adjective.")
    return value
