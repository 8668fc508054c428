"""Examples that share a source are found, and nothing else is joined."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from mixkd_core.data.source_groups import phrase_groups, shared_text_groups

WORD = st.sampled_from(["a", "b", "c", "d", "e"])


def test_phrases_belong_to_the_sentence_that_they_were_cut_from() -> None:
    texts = [
        "a fine film",
        "The plot  is thin , but it is a fine film .",
        "thin",
        "is thin , but",
        "quite another sentence",
        "fine films",  # no whole-word run of the sentence
        "sentence",
    ]
    assert phrase_groups(texts).tolist() == [1, 1, 1, 1, 4, 5, 4]


def test_a_phrase_of_several_sentences_belongs_to_the_longest_and_joins_none() -> None:
    texts = ["the film is good indeed", "the film", "i saw the film"]
    assert phrase_groups(texts).tolist() == [0, 0, 2]


def test_equal_texts_are_one_group_and_an_empty_one_is_its_own() -> None:
    assert phrase_groups(["good film", "", "Good  film", "bad"]).tolist() == [0, 1, 0, 3]


@settings(deadline=None, derandomize=True)
@given(st.lists(st.lists(WORD, min_size=1, max_size=6).map(" ".join), min_size=1, max_size=12))
def test_groups_agree_with_the_definition(texts: list[str]) -> None:
    """Each phrase contained in another text is joined to a longest that contains it."""
    groups = phrase_groups(texts)
    for row, text in enumerate(texts):
        holders = [other for other in texts if f" {text} " in f" {other} "]
        stands = texts[groups[row]]
        assert stands in holders
        assert len(stands.split()) == max(len(other.split()) for other in holders)
        assert groups[groups[row]] == groups[row]


def test_pairs_are_joined_by_any_shared_text_and_through_others() -> None:
    first = ["p", "p", "q", "r", "s"]
    second = ["x", "y", "Y ", "z", "w"]
    assert shared_text_groups(first, second).tolist() == [0, 0, 0, 3, 4]


@settings(deadline=None, derandomize=True)
@given(st.lists(st.tuples(WORD, WORD), min_size=1, max_size=15))
def test_pair_groups_are_the_connected_components(pairs: list[tuple[str, str]]) -> None:
    from scipy.sparse import coo_matrix
    from scipy.sparse.csgraph import connected_components

    share = [[bool(set(one) & set(other)) for other in pairs] for one in pairs]
    _, expected = connected_components(coo_matrix(np.array(share)))
    found = shared_text_groups(*zip(*pairs, strict=True))
    assert np.array_equal(found[:, None] == found[None], expected[:, None] == expected[None])
    assert all(found[row] <= row for row in range(len(pairs)))
