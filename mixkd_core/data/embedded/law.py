"""The embedded law: three text tasks drawn from stated grammars, so that true risk is known.

Each task has a grammar (:mod:`~mixkd_core.synthetic_sentiment`,
:mod:`~mixkd_core.synthetic_paraphrase`, :mod:`~mixkd_core.synthetic_inference`) that draws a text
or a pair of texts; the text alone decides its *clean label*, by rules that :func:`clean_label`
applies to any sentence of the grammar. The clean classes are equally frequent. The observed label
is then *noisy*: independently of everything else, with probability :data:`NOISE_RATE` it is
replaced by one of the other classes, each equally likely.

So P(label = clean label | text) = 1 - NOISE_RATE, every other class is less likely, the Bayes rule
answers the clean label, and the Bayes accuracy is exactly 1 - NOISE_RATE for two classes and for
three (:func:`bayes_accuracy`). The noise moves mass between classes symmetrically, so the observed
classes are equally frequent too.

Words are drawn with long-tailed frequencies (Zipf: the r-th word of a lexicon has probability
proportional to 1/r), so that a small training set misses many of the words that decide labels.

Examples are i.i.d. and counted: example k of a stream depends on (task, stream, k) alone, so
drawing more extends a sample, and different streams are independent. The random bits come from
NumPy's Philox generator, whose raw stream NumPy keeps the same across versions and machines.
"""

from __future__ import annotations

from collections.abc import Callable
from hashlib import blake2b
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from mixkd_core.data.embedded.entailment import InferenceGrammar
from mixkd_core.data.embedded.paraphrase import ParaphraseGrammar
from mixkd_core.data.embedded.sentiment import SentimentGrammar
from mixkd_core.data.tasks import EMBEDDED
from mixkd_core.errors import InputError

NOISE_RATE = 0.05


class Grammar(Protocol):
    """A task's grammar, as sampling needs it."""

    @property
    def draws(self) -> int:
        """Return the number of uniform numbers that decide one text (or pair)."""

    def generate(self, uniforms: NDArray[np.float64]) -> list[tuple[tuple[str, ...], int]]:
        """(texts, clean label) of each example, from uniforms of shape (count, draws)."""

    @property
    def label(self) -> Callable[..., int]:
        """From one text (or two) to the clean label; ``ValueError`` outside the grammar."""

    def vocabulary(self) -> list[str]:
        """Every word of the grammar."""


GRAMMARS: dict[str, Grammar] = {
    "embedded-sentiment": SentimentGrammar(),
    "embedded-paraphrase": ParaphraseGrammar(),
    "embedded-inference": InferenceGrammar(),
}


def bayes_accuracy(name: str) -> float:
    """The highest accuracy any classifier can reach on the task's law."""
    _grammar(name)
    return 1 - NOISE_RATE


def clean_label(name: str, text: str, text_pair: str | None = None) -> int:
    """The noiseless class index of a sentence (pair) of the task's grammar: the Bayes rule.

    Raises:
        InputError: not an embedded task, or a text outside its grammar.
    """
    texts = (text,) if text_pair is None else (text, text_pair)
    try:
        return _grammar(name).label(*texts)
    except InputError:
        raise
    except (ValueError, TypeError) as error:
        raise InputError(
            f"{' | '.join(texts)!r} is not in the grammar of {name!r}: {error}"
        ) from None


def draw_examples(name: str, stream: str, count: int) -> list[tuple[str | int, ...]]:
    """The first ``count`` i.i.d. examples of a stream: (text, label) or (text, text_pair, label).

    Raises:
        InputError: not an embedded task.
    """
    grammar = _grammar(name)
    classes = EMBEDDED[name].num_labels
    uniforms = _uniforms(f"{name}\x1f{stream}", count, grammar.draws + 1)
    noise = uniforms[:, -1]
    # Given that the noise uniform is below the rate, their ratio is uniform again.
    shifts = np.where(
        noise < NOISE_RATE, 1 + np.floor(noise / NOISE_RATE * (classes - 1)), 0
    ).astype(np.int64)
    generated = grammar.generate(uniforms[:, :-1])
    return [
        (*texts, (label + shift) % classes)
        for (texts, label), shift in zip(generated, shifts.tolist(), strict=True)
    ]


def vocabulary() -> list[str]:
    """Every word of the three grammars, sorted."""
    return sorted({word for grammar in GRAMMARS.values() for word in grammar.vocabulary()})


def _grammar(name: str) -> Grammar:
    if name not in GRAMMARS:
        raise InputError(
            f"Task {name!r} has no embedded law; the embedded tasks are {', '.join(GRAMMARS)}."
        )
    return GRAMMARS[name]


def _uniforms(key: str, count: int, width: int) -> NDArray[np.float64]:
    """Uniforms in [0, 1) of shape (count, width); row k depends on the key and k alone."""
    digest = blake2b(key.encode(), digest_size=16).digest()
    bits = np.random.Philox(key=int.from_bytes(digest, "big")).random_raw(count * width)
    uniforms = (bits >> np.uint64(11)).astype(np.float64) * 2.0**-53
    return uniforms.reshape(count, width)
