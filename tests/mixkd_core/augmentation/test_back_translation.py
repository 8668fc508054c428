"""Back-translation by a tiny random Marian pair, and the file that remembers it."""

import json
from pathlib import Path
from typing import Any

import pytest
import transformers

from mixkd_core.augmentation import back_translation
from mixkd_core.augmentation.back_translation import BackTranslation, Translator, load_translator
from mixkd_core.errors import InputError
from mixkd_core.records.specs import checkpoint_ref

LINES = [
    "a warm and funny film about very little",
    "the plot goes nowhere and takes its time",
    "nobody laughed at the long joke",
    "an actor of great charm in a dull story",
    "slow at first but worth the wait",
]


@pytest.fixture(scope="module")
def checkpoints(tmp_path_factory: pytest.TempPathFactory, write_marian: Any) -> tuple[Path, Path]:
    folder = tmp_path_factory.mktemp("marian")
    return write_marian(folder / "there", LINES, 0), write_marian(folder / "back", LINES, 1)


@pytest.fixture(autouse=True)
def short(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(back_translation, "MAXIMUM_TOKENS", 12)
    monkeypatch.setattr(back_translation, "BATCH_SIZE", 2)


def translator(folder: Path, cache: Path) -> Translator:
    return Translator(str(folder), checkpoint_ref(folder), cache)


@pytest.mark.slow
def test_a_text_goes_there_and_back(checkpoints: tuple[Path, Path], tmp_path: Path) -> None:
    there, back = (translator(folder, tmp_path) for folder in checkpoints)
    assert there.file != back.file
    result = BackTranslation(there, back)(LINES)
    assert result == [text or line for line, text in zip(LINES, back(there(LINES)), strict=True)]
    assert len(set(there(LINES))) > 1

    # A second route: one text alone, straight through the network.
    tokenizer = transformers.AutoTokenizer.from_pretrained(checkpoints[0])
    model = transformers.AutoModelForSeq2SeqLM.from_pretrained(checkpoints[0]).eval()
    for line, translation in zip(LINES, there(LINES), strict=True):
        tokens = tokenizer(line, return_tensors="pt", truncation=True, max_length=12)
        output = model.generate(**tokens, num_beams=4, max_new_tokens=12, do_sample=False)
        assert tokenizer.decode(output[0], skip_special_tokens=True).strip() == translation


class KilledError(Exception):
    """Stands for the end of the process."""


def test_what_was_translated_is_not_translated_again(
    checkpoints: tuple[Path, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    expected = translator(checkpoints[0], tmp_path / "elsewhere")(LINES)
    seen: list[list[str]] = []
    original = Translator._translated

    def dying(self: Translator, texts: list[str]) -> Any:
        for batch, translations in original(self, texts):
            if len(seen) == 1:
                raise KilledError
            seen.append(batch)
            yield batch, translations

    there = translator(checkpoints[0], tmp_path / "cache")
    with monkeypatch.context() as patch:
        patch.setattr(Translator, "_translated", dying)
        with pytest.raises(KilledError):
            there(LINES)
    assert len(there.file.read_text().splitlines()) == len(seen[0]) == 2
    with there.file.open("a") as file:
        file.write('{"text": "nobody lau')  # killed while writing

    asked: list[str] = []

    def noting(self: Translator, texts: list[str]) -> Any:
        asked.extend(texts)
        return original(self, texts)

    monkeypatch.setattr(Translator, "_translated", noting)
    assert there([*LINES, *LINES]) == [*expected, *expected]
    assert sorted(asked) == sorted(set(LINES) - set(seen[0]))
    assert there(LINES) == expected
    assert len(asked) == 3
    assert there([]) == []


def test_a_text_of_which_nothing_is_left_comes_back_as_it_was(tmp_path: Path) -> None:
    def silent(texts: Any) -> list[str]:
        return ["" if text == "b" else text.upper() for text in texts]

    assert BackTranslation(silent, silent)(["a", "b"]) == ["A", "b"]  # type: ignore[arg-type]


def test_a_checkpoint_that_does_not_translate_is_refused(
    tmp_path: Path, tiny_classifier: Any
) -> None:
    tiny_classifier("bert").save_pretrained(tmp_path)
    with pytest.raises(InputError, match="does not translate"):
        load_translator(str(tmp_path))
    with pytest.raises(InputError, match="is not a folder"):
        load_translator(str(tmp_path / "nowhere"))


def test_what_another_translator_wrote_or_somebody_swapped_is_not_believed(
    checkpoints: tuple[Path, Path], tmp_path: Path
) -> None:
    there = translator(checkpoints[0], tmp_path / "cache")
    expected = there(LINES)
    lines = [json.loads(line) for line in there.file.read_text().splitlines()]
    one, another = lines[0], lines[-1]
    one["translation"], another["translation"] = "wrong", one["translation"]
    stranger = {"text": LINES[1], "translation": "wrong", "key": "0" * 16}
    unkeyed = {"text": LINES[2], "translation": "wrong"}
    content = "".join(json.dumps(line) + "\n" for line in [*lines, stranger, unkeyed, 7, None])
    there.file.write_text(content)
    assert there(LINES) == expected


def test_the_file_of_translations_is_shared_as_its_store_is(
    checkpoints: tuple[Path, Path], tmp_path: Path
) -> None:
    store = tmp_path / "store"
    store.mkdir()
    store.chmod(0o770)
    there = translator(checkpoints[0], store / "translations")
    there(LINES[:1])
    assert there.file.stat().st_mode & 0o777 == 0o660
    assert there.cache.stat().st_mode & 0o777 == 0o770
