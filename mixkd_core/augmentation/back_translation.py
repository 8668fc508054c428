"""Back-translation: into another language and back, by two `transformers` translation checkpoints.

Translations are kept on disk as they come, one file a checkpoint, found again by the text itself:
stopping loses one batch at most, and no text is translated twice, whichever run asks for it.
"""

import json
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any

from pydantic_core import from_json

from mixkd_core.atomic import shared_file_mode, shared_folder
from mixkd_core.errors import InputError
from mixkd_core.networks.checkpoints import load_config, load_tokenizer
from mixkd_core.networks.device import best_device
from mixkd_core.networks.weights import read_network
from mixkd_core.records.specs import CheckpointRef

# Beam search is deterministic: one text has one translation, however often it is asked for.
BEAMS = 4
MAXIMUM_TOKENS = 128
BATCH_SIZE = 32


@dataclass(frozen=True)
class Translator:
    """A translation checkpoint and the file of what it has translated.

    Attributes:
        checkpoint: its folder or hub name.
        ref: the same by content.
        cache: folder of the files of translations.
    """

    checkpoint: str
    ref: CheckpointRef
    cache: Path

    @property
    def file(self) -> Path:
        """One JSON object a line: `{"text": ..., "translation": ..., "key": ...}`."""
        return self.cache / f"{sha256(self._made_by.encode()).hexdigest()[:16]}.jsonl"

    @property
    def _made_by(self) -> str:
        return f"{self.ref.digest} {BEAMS} {MAXIMUM_TOKENS}"

    def _key(self, text: str, translation: str) -> str:
        """Return the key that a line carries: of the translator, the text and its translation."""
        content = json.dumps([self._made_by, text, translation], allow_nan=False)
        return sha256(content.encode()).hexdigest()[:16]

    def __call__(self, texts: Sequence[str]) -> list[str]:
        """The translations, in order.

        Raises:
            InputError: if the checkpoint cannot be read, or does not translate.
        """
        known = self._known()
        missing = sorted({text for text in texts if text not in known}, key=lambda t: (len(t), t))
        if missing:
            shared_folder(self.cache, self.cache.parent)
            for batch, translations in self._translated(missing):
                pairs = dict(zip(batch, translations, strict=True))
                lines = "".join(
                    json.dumps(
                        {"text": text, "translation": its, "key": self._key(text, its)},
                        allow_nan=False,
                    )
                    + "\n"
                    for text, its in pairs.items()
                )
                # One write, so that processes sharing the file do not mix their lines; a line
                # that a killed process left unfinished is ended first.
                with self.file.open("a+b") as file:
                    if not file.seek(0, 2):  # its first writer's
                        with suppress(OSError):
                            self.file.chmod(shared_file_mode(self.cache))
                    file.seek(max(0, file.seek(0, 2) - 1))
                    ended = file.read(1) in (b"", b"\n")
                    file.write(("" if ended else "\n").encode() + lines.encode())
                known |= pairs
        return [known[text] for text in texts]

    def _known(self) -> dict[str, str]:
        known: dict[str, str] = {}
        if self.file.is_file():
            for line in self.file.read_text(encoding="utf-8", errors="replace").splitlines():
                try:
                    entry = from_json(line)
                    text, translation = entry["text"], entry["translation"]
                    if entry["key"] == self._key(text, translation):
                        known[text] = translation
                except (ValueError, KeyError, TypeError):
                    continue  # cut off when its process was killed, or no translation at all
        return known

    def _translated(self, texts: list[str]) -> Iterator[tuple[list[str], list[str]]]:
        """Batches of like length with their translations."""
        import torch
        from tqdm.auto import tqdm

        device = best_device()
        tokenizer, model = load_tokenizer(self.checkpoint), load_translator(self.checkpoint)
        model.to(device).eval()
        with tqdm(
            total=len(texts), desc=self.ref.name, unit="text", leave=False, disable=None
        ) as bar:
            for start in range(0, len(texts), BATCH_SIZE):
                batch = texts[start : start + BATCH_SIZE]
                tokens = tokenizer(
                    batch,
                    padding=True,
                    truncation=True,
                    max_length=MAXIMUM_TOKENS,
                    return_tensors="pt",
                    return_token_type_ids=False,
                )
                with torch.no_grad():
                    output = model.generate(
                        **tokens.to(device),
                        num_beams=BEAMS,
                        do_sample=False,
                        max_new_tokens=MAXIMUM_TOKENS,
                    )
                translations = tokenizer.batch_decode(output, skip_special_tokens=True)
                yield batch, [translation.strip() for translation in translations]
                bar.update(len(batch))


@dataclass(frozen=True)
class BackTranslation:
    """There and back; a text of which nothing is left comes back as it was."""

    forward: Translator
    backward: Translator

    def __call__(self, texts: Sequence[str]) -> list[str]:
        back = self.backward(self.forward(texts))
        return [translation or text for translation, text in zip(back, texts, strict=True)]


def load_translator(checkpoint: str) -> Any:
    """Return a sequence-to-sequence network in float32, of safetensors, from a folder or the hub.

    Raises:
        InputError: if it cannot be read, or is no such network.
    """
    from transformers import AutoModelForSeq2SeqLM

    if not load_config(checkpoint).is_encoder_decoder:
        raise InputError(
            f"checkpoint {checkpoint!r} does not translate: give a sequence-to-sequence one, such "
            "as Helsinki-NLP/opus-mt-en-de."
        )
    return read_network(AutoModelForSeq2SeqLM, checkpoint)
