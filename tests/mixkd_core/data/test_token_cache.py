"""Tokens that are made in parts, or found on disk, are the tokenizer's own, and no others."""

import errno
import logging
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tokenizers import Tokenizer, pre_tokenizers
from tokenizers.models import WordLevel
from tokenizers.processors import TemplateProcessing
from transformers import PreTrainedTokenizerFast

from mixkd_core.data import token_cache
from mixkd_core.data.token_cache import tokenised

WORDS = [f"word{number}" for number in range(12)]
TEXT = st.lists(st.sampled_from([*WORDS, "unheard"]), max_size=9).map(" ".join)


@pytest.fixture(autouse=True)
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Few texts are many, and have several parts."""
    monkeypatch.setattr(token_cache, "FEWEST_TEXTS", 4)
    monkeypatch.setattr(token_cache, "ROWS_OF_PART", 3)


def tokenizer_of(words: list[str] = WORDS, *, types: bool = True, **settings: Any) -> Any:
    ids = {word: number for number, word in enumerate(["<pad>", "<s>", "</s>", "<unk>", *words])}
    backend = Tokenizer(WordLevel(ids, unk_token="<unk>"))
    backend.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    backend.post_processor = TemplateProcessing(
        single="<s> $A </s>",
        pair="<s> $A </s> $B:1 </s>:1",
        special_tokens=[("<s>", 1), ("</s>", 2)],
    )
    names = ["input_ids", *(["token_type_ids"] if types else []), "attention_mask"]
    return PreTrainedTokenizerFast(
        tokenizer_object=backend,
        pad_token="<pad>",
        unk_token="<unk>",
        model_input_names=names,
        **settings,
    )


TOKENIZERS = {types: tokenizer_of(types=types) for types in (True, False)}


def table_of(rows: list[tuple[str, ...]]) -> pa.Table:
    columns = dict(zip(("text", "text_pair"), map(list, zip(*rows, strict=True)), strict=False))
    return pa.table(columns)


def own(tokenizer: Any, rows: list[tuple[str, ...]], max_length: int) -> dict[str, Any]:
    """Return what the tokenizer makes of all texts at once."""
    tokens = tokenizer(*map(list, zip(*rows, strict=True)), truncation=True, max_length=max_length)
    return {name: tokens[name] for name in tokens if name != "attention_mask"}


@settings(
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(
    rows=st.one_of(
        st.lists(st.tuples(TEXT), min_size=1, max_size=14),
        st.lists(st.tuples(TEXT, TEXT), min_size=1, max_size=14),
    ),
    types=st.booleans(),
    max_length=st.integers(3, 24),
)
def test_tokens_are_the_tokenizers_own(
    tmp_path: Path, rows: list[tuple[str, ...]], types: bool, max_length: int
) -> None:
    """In memory, newly written and found again; pairs cut, texts empty, with and without types."""
    tokenizer = TOKENIZERS[types]
    expected = own(tokenizer, rows, max_length)
    assert set(expected) == ({"input_ids", "token_type_ids"} if types else {"input_ids"})
    for folder in (None, tmp_path, tmp_path):
        found = tokenised(table_of(rows), tokenizer, max_length, folder)
        assert found.to_pydict() == expected


ROWS = [(f"word{number} word3", f"word{number % 4}") for number in range(11)]


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How many texts the tokenizer was asked for, call by call of the cache."""
    seen: list[int] = []
    real = token_cache._parts

    def counting(texts: pa.Table, *rest: Any) -> Iterator[pa.RecordBatch]:
        seen.append(texts.num_rows)
        return real(texts, *rest)

    monkeypatch.setattr(token_cache, "_parts", counting)
    return seen


def test_the_same_texts_in_any_order_are_found(
    tmp_path: Path, asked: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(token_cache, "COMPARED", 2)
    tokenizer = tokenizer_of()
    tokenised(table_of(ROWS), tokenizer, 8, tmp_path / "tokens")
    for seed in range(3):
        rows = [ROWS[row] for row in np.random.default_rng(seed).permutation(len(ROWS))]
        found = tokenised(table_of(rows), tokenizer_of(), 8, tmp_path / "tokens")
        assert found.to_pydict() == own(tokenizer, rows, 8)
    assert asked == [11, 2, 2, 2]
    assert len(list((tmp_path / "tokens").iterdir())) == 1


def test_what_the_tokenizer_was_asked_before_does_not_matter(
    tmp_path: Path, asked: list[int]
) -> None:
    tokenizer = tokenizer_of()
    tokenised(table_of(ROWS), tokenizer, 8, tmp_path)
    tokenizer(["word1"], padding="max_length", truncation=True, max_length=3)
    tokenised(table_of(ROWS), tokenizer, 8, tmp_path)
    assert len(list(tmp_path.iterdir())) == 1


@pytest.mark.parametrize(
    ("tokenizer", "rows", "max_length"),
    [
        (tokenizer_of(WORDS[::-1]), ROWS, 8),
        (tokenizer_of(truncation_side="left"), ROWS, 8),
        (tokenizer_of(types=False), ROWS, 8),
        (tokenizer_of(), ROWS, 7),
        (tokenizer_of(), [*ROWS[:-1], ("word9", "word9")], 8),
        (tokenizer_of(), ROWS[:-1], 8),
        (tokenizer_of(), [row[::-1] for row in ROWS], 8),
        (tokenizer_of(), [(" ".join(row),) for row in ROWS], 8),
        (tokenizer_of(), [(f"{one} word3", two[6:]) for one, two in ROWS], 8),
    ],
    ids=["words", "side", "types", "length", "text", "fewer", "swapped", "joined", "border"],
)
def test_whatever_changes_the_tokens_changes_the_name(
    tokenizer: Any, rows: list[tuple[str, ...]], max_length: int, tmp_path: Path
) -> None:
    tokenised(table_of(ROWS), tokenizer_of(), 8, tmp_path)
    found = tokenised(table_of(rows), tokenizer, max_length, tmp_path)
    assert found.to_pydict() == own(tokenizer, rows, max_length)
    assert len(list(tmp_path.iterdir())) == 2


def cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-200])


def emptied(path: Path) -> None:
    path.write_bytes(b"")


def without_last_part(path: Path) -> None:
    rewritten(path, lambda parts: parts[:-1])


def in_another_order(path: Path) -> None:
    rewritten(path, lambda parts: [parts[1], parts[0], *parts[2:]])


def rewritten(path: Path, change: Callable[[list[Any]], list[Any]]) -> None:
    """Store the parts, changed, with what was stored about each."""
    with pa.ipc.open_stream(path.read_bytes()) as reader:
        parts = list(reader.iter_batches_with_custom_metadata())
    with pa.ipc.new_stream(str(path), parts[0].batch.schema) as writer:
        for part in change(parts):
            writer.write_batch(part.batch, custom_metadata=part.custom_metadata)


def every_byte(path: Path) -> Iterator[Callable[[Path], None]]:
    """Each flips a bit of one byte, all over the file."""
    content = path.read_bytes()
    for place in range(0, len(content), 61):

        def flip(harmed: Path, place: int = place) -> None:
            content_now = bytearray(content)
            content_now[place] ^= 4
            harmed.write_bytes(content_now)

        yield flip


def others_tokens(path: Path) -> None:
    """Under this name and key, with right checksums, the tokens of other texts."""
    texts = table_of([("word1", "word2")] * len(ROWS))
    token_cache._write(path, path.stem, token_cache._parts(texts, tokenizer_of(), 8))


def under_anothers_name(path: Path) -> None:
    texts = table_of(ROWS)
    token_cache._write(path, "another key", token_cache._parts(texts, tokenizer_of(), 8))


@pytest.mark.parametrize(
    ("harm", "reason"),
    [
        (cut, ""),
        (emptied, ""),
        (without_last_part, "9 texts instead of 11"),
        (in_another_order, "checksum"),
        (others_tokens, "the tokenizer gives other tokens"),
        (under_anothers_name, "another key"),
    ],
)
def test_a_file_that_is_not_to_be_believed_is_made_anew(
    harm: Callable[[Path], None], reason: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    tokenizer = tokenizer_of()
    tokenised(table_of(ROWS), tokenizer, 8, tmp_path)
    (path,) = tmp_path.iterdir()
    whole = path.read_bytes()
    harm(path)
    with caplog.at_level(logging.WARNING):
        found = tokenised(table_of(ROWS), tokenizer, 8, tmp_path)
    assert found.to_pydict() == own(tokenizer, ROWS, 8)
    (record,) = caplog.records
    assert reason in record.message
    assert record.message.endswith("they are made anew.")
    assert path.read_bytes() == whole
    caplog.clear()
    tokenised(table_of(ROWS), tokenizer, 8, tmp_path)
    assert not caplog.records


def test_a_harmed_byte_is_noticed_or_harms_nothing(tmp_path: Path) -> None:
    tokenizer = tokenizer_of()
    tokenised(table_of(ROWS), tokenizer, 8, tmp_path)
    (path,) = tmp_path.iterdir()
    for harm in list(every_byte(path)):
        harm(path)
        found = tokenised(table_of(ROWS), tokenizer, 8, tmp_path)
        assert found.to_pydict() == own(tokenizer, ROWS, 8)


def test_a_folder_that_cannot_be_is_done_without(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "tokens").write_text("a file in the folder's place")
    found = tokenised(table_of(ROWS), tokenizer_of(), 8, tmp_path / "tokens")
    assert found.to_pydict() == own(tokenizer_of(), ROWS, 8)
    (record,) = caplog.records
    assert record.message.startswith(f"cannot keep tokens in {tmp_path / 'tokens'} (")


def test_a_disk_that_is_full_is_done_without(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fill(path: Path, key: str, parts: Iterator[Any]) -> None:
        path.write_bytes(b"half of it")
        next(parts)
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(token_cache, "_write", fill)
    found = tokenised(table_of(ROWS), tokenizer_of(), 8, tmp_path)
    assert found.to_pydict() == own(tokenizer_of(), ROWS, 8)
    (record,) = caplog.records
    assert "No space left on device" in record.message
    assert not list(tmp_path.iterdir())


def test_few_texts_and_tokenizers_that_cannot_be_written_down_leave_no_file(tmp_path: Path) -> None:
    tokenised(table_of(ROWS[:3]), tokenizer_of(), 8, tmp_path)
    own_words = tokenizer_of()
    own_words.backend_tokenizer.pre_tokenizer = pre_tokenizers.PreTokenizer.custom(Untouched())
    found = tokenised(table_of(ROWS), own_words, 8, tmp_path)
    assert found.to_pydict() == own(own_words, ROWS, 8)
    assert not list(tmp_path.iterdir())


class Untouched:
    """A rule for words that is written in Python, as some Japanese tokenizers have one."""

    def pre_tokenize(self, text: Any) -> None:
        text.split(lambda _, part: [part])
