"""Altered texts of the embedded tasks, whose labels are known exactly.

A sentence is altered by one word: one goes, one is replaced, or one comes, so that it stays a
sentence of the grammar. The rule that labels every sentence of the grammar
(:func:`~mixkd_core.data.embedded.law.clean_label`) then says whether the label changed. So what is
measured on these can be checked against the truth, as it can on no real text.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from mixkd_core.data.embedded.law import GRAMMARS, clean_label
from mixkd_core.data.inspection import Content
from mixkd_core.data.relations.alterations import seeded
from mixkd_core.data.relations.labelled_texts import LabelledText
from mixkd_core.data.relations.relation import Kind, RelatedText
from mixkd_core.errors import InputError


def lawful_texts(task: str, texts: Iterable[LabelledText]) -> list[RelatedText]:
    """Return of each text one altered form with the same label, and one with another.

    The labels are the noiseless ones, of the originals too. A text without such a form is left out.

    Args:
        task: name of the embedded task.
        texts: of its grammar.
    """
    words = sorted(GRAMMARS[task].vocabulary())
    rows = []
    for text in texts:
        label = clean_label(task, *text.content)
        kinds: dict[Kind, tuple[Content, int]] = {}
        for altered in _neighbours(text, words):
            try:
                other = clean_label(task, *altered)
            except InputError:  # no sentence of the grammar
                continue
            kind: Kind = "same label" if other == label else "changed label"
            kinds.setdefault(kind, (altered, other))
            if len(kinds) == 2:
                break
        for kind, (altered, other) in sorted(kinds.items()):
            rows.append(
                RelatedText(
                    f"{text.id}, {kind}", text.id, kind, "one word", text.content, altered, label,
                    other,
                )
            )  # fmt: skip
    return rows


def _neighbours(text: LabelledText, words: Sequence[str]) -> Iterator[Content]:
    """Every text that differs from this one by a word, in an order drawn by its id."""
    sentences = [whole.split() for whole in text.content]
    slots = [
        (place, at, replaced)
        for place, sentence in enumerate(sentences)
        for replaced in (0, 1)
        for at in range(len(sentence) + 1 - replaced)
    ]
    # In each slot every word, and no word at all.
    order = seeded(text.id, "one word").permutation(len(slots) * (len(words) + 1))
    for slot, choice in zip(*divmod(order, len(words) + 1), strict=True):
        place, at, replaced = slots[slot]
        sentence = sentences[place]
        new = [*sentence[:at], *words[choice : choice + 1], *sentence[at + replaced :]]
        if new != sentence:
            yield (*text.content[:place], " ".join(new), *text.content[place + 1 :])
