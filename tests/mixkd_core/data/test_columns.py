"""Columns and rows that are read whole are those that `datasets` hands out one by one."""

import hashlib

import pyarrow as pa
from datasets import Dataset

from mixkd_core.data.columns import add_texts, column_values, take_rows

DATA = Dataset.from_dict({"text": ["c", "", "a", "ö"], "label": [0.5, 1.0, 2.0, -1.0]})


def test_a_column_is_read_as_it_stands() -> None:
    for data in (DATA, DATA.select([2, 0]), DATA.select(range(1, 3)), DATA.select([])):
        for name in ("text", "label"):
            assert column_values(data, name) == list(data[name])


def test_rows_are_taken_in_the_order_asked_for() -> None:
    for rows in ([3, 0, 0], [], range(4)):
        taken = take_rows(DATA, list(rows))
        assert list(taken) == list(DATA.select(list(rows)))
        assert taken.features == DATA.features
    assert list(take_rows(DATA.select([3, 1]), [1])) == [DATA[1]]


def test_a_digest_tells_texts_apart_and_not_where_they_lie() -> None:
    def digest(texts: pa.Array) -> str:
        found = hashlib.sha256()
        add_texts(found, texts)
        return found.hexdigest()

    texts = pa.array(["a", "bö", "", "c"])
    assert digest(texts[1:3]) == digest(pa.array(["bö", ""]))
    others = (["ab", "ö", "", "c"], ["a", "bö", "c", ""], ["a", "bö", "", "d"], ["a", "bö", ""])
    assert len({digest(pa.array(other)) for other in (texts, *others)}) == 5
