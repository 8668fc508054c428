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
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    size = len(columns[0])
    rows = np.arange(size)
    first_row: dict[str, int] = {}
    # An edge from every row to the first that has one of its texts.
    earlier = np.concatenate(
        [
            np.fromiter(
                (
                    first_row.setdefault(" ".join(text.lower().split()), row)
                    for row, text in enumerate(column)
                ),
                np.int64,
                size,
            )
            for column in columns
        ]
    )
    later = np.tile(rows, len(columns))
    edges = coo_array((np.ones(len(later), np.int8), (earlier, later)), shape=(size, size))
    _, component = connected_components(edges, directed=False)
    _, first = np.unique(component, return_index=True)
    groups: NDArray[np.int64] = first[component].astype(np.int64)
    return groups


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
