"""Groups of examples that share a source, and so are not independent of each other.

SST-2's training split holds the phrases of parsed sentences, and pairs tasks reuse sentences: such
examples vary together, and an interval that takes them for independent is too narrow. The official
files do not say which belong together; the texts do.
"""

from collections import defaultdict
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray


def shared_text_groups(*columns: Sequence[str]) -> NDArray[np.int64]:
    """Groups of examples that have a text in common, through others too (connected components).

    Args:
        columns: the texts, each column of length n; case and white space do not count.

    Returns:
        Of shape `(n,)`: the first row of each example's group.
    """
    parents = np.arange(len(columns[0]))
    first_row: dict[str, int] = {}
    for column in columns:
        for row, text in enumerate(column):
            earlier = first_row.setdefault(" ".join(text.lower().split()), row)
            _join(parents, earlier, row)
    return np.array([_root(parents, row) for row in range(len(parents))], dtype=np.int64)


def phrase_groups(texts: Sequence[str]) -> NDArray[np.int64]:
    """Groups of phrases that were cut from one sentence.

    A phrase belongs to the longest text that contains it as a run of whole words; where several do,
    as with `the film`, to the first of those in the file's order. The sentence that it was really
    cut from may be another, which only the parse trees would tell; joining all candidates would
    put nearly everything into one group.

    Args:
        texts: of length n; case and white space do not count.

    Returns:
        Of shape `(n,)`: the row of the containing text that stands for each phrase's group.
    """
    words = [text.lower().split() for text in texts]
    groups = np.arange(len(words), dtype=np.int64)
    with_word: defaultdict[str, list[int]] = defaultdict(list)  # sentences, the longest first
    padded: dict[int, str] = {}
    for row in sorted(range(len(words)), key=lambda row: (-len(words[row]), row)):
        phrase = f" {' '.join(words[row])} "
        rarest = min((with_word[word] for word in words[row]), key=len, default=[])
        sentence = next((other for other in rarest if phrase in padded[other]), None)
        if sentence is not None:
            groups[row] = sentence
            continue
        padded[row] = phrase
        for word in set(words[row]):
            with_word[word].append(row)
    return groups


def _join(parents: NDArray[np.int64], one: int, other: int) -> None:
    first, second = sorted((_root(parents, one), _root(parents, other)))
    parents[second] = first


def _root(parents: NDArray[np.int64], row: int) -> int:
    while parents[row] != row:
        parents[row] = parents[parents[row]]
        row = int(parents[row])
    return row
