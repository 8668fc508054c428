"""Relations: what is refused, what is left out and told, and which texts are looked at."""

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mixkd_core.data.relations.relation import (
    MOST_OF_A_GROUP,
    RelatedText,
    Relation,
    relation,
    thinned,
)
from mixkd_core.errors import InputError


def row(number: int, **changed: Any) -> RelatedText:
    usual = RelatedText(
        f"id-{number}", f"group-{number}", "same label", "typo", (f"text {number}",),
        (f"txet {number}",), 0, 0,
    )  # fmt: skip
    return replace(usual, **changed)


def test_an_id_that_is_there_twice_is_refused() -> None:
    with pytest.raises(InputError, match="the id 'id-0' is there more than once"):
        relation("mine", [row(0), row(1), row(0, group="other")])


def test_a_group_of_two_originals_is_refused() -> None:
    with pytest.raises(InputError, match="group 'group-0' have different originals"):
        relation("mine", [row(0), row(1, group="group-0")])


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"kind": "changed label"}, "both texts have the same label"),
        ({"altered_label": 1}, "give it the kind 'changed label'"),
        ({"kind": "paraphrase"}, "is none of same label, changed label"),
    ],
)
def test_labels_that_contradict_the_kind_are_refused(changed: Any, message: str) -> None:
    with pytest.raises(InputError, match=message):
        relation("mine", [row(0, **changed)])


def test_texts_that_equal_their_original_are_left_out_counted_and_named() -> None:
    same = [row(number, altered=(f"text {number}",)) for number in range(7)]
    found = relation("mine", [row(7), *same], ["said before."])
    assert [one.id for one in found.rows] == ["id-7"]
    assert found.remarks[0] == "said before."
    assert found.remarks[1].startswith("mine: left out 7 altered texts that equal their original")
    assert "typo 7" in found.remarks[1]
    assert "'id-0'" in found.remarks[1]
    assert "and 2 more" in found.remarks[1]
    with pytest.raises(InputError, match="all 7 altered texts equal their original"):
        relation("mine", same)


def test_a_labelled_text_needs_no_partner() -> None:
    alone = row(0, kind="labelled", altered=("text 0",))
    assert relation("mine", [alone]).rows == (alone,)


def test_the_digest_tells_other_texts_and_labels() -> None:
    plain = relation("mine", [row(0), row(1)]).digest
    assert plain == relation("another name", [row(0), row(1)]).digest
    assert plain != relation("mine", [row(0)]).digest
    assert plain != relation("mine", [row(0, label=1, altered_label=1), row(1)]).digest


@given(
    groups=st.lists(st.integers(1, 5), min_size=1, max_size=12),
    most=st.integers(1, 12),
    order=st.randoms(use_true_random=False),
)
def test_thinning_keeps_so_many_originals_whatever_the_order(
    groups: list[int], most: int, order: Any
) -> None:
    rows = [
        row(10 * group + member, group=f"g{group}", original=(f"g{group}",))
        for group, size in enumerate(groups)
        for member in range(size)
    ]
    found = thinned(Relation("mine", tuple(rows)), most)
    kept = {one.group for one in found.rows}
    assert len(kept) == min(most, len(groups))
    for group in kept:
        size = groups[int(group[1:])]
        count = sum(one.group == group for one in found.rows)
        assert count == min(size, MOST_OF_A_GROUP)
    assert bool(found.remarks) == (len(found.rows) < len(rows))
    order.shuffle(rows)
    again = thinned(Relation("mine", tuple(rows)), most)
    assert {one.id for one in again.rows} == {one.id for one in found.rows}
