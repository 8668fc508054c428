"""A finished network with what it needs to read a text."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from mixkd_core.data.tasks import find_task
from mixkd_core.errors import InputError
from mixkd_core.networks.checkpoints import load_config, load_stored_classifier, load_tokenizer
from mixkd_core.networks.limits import longest_text, padding_token, settle_padding
from mixkd_core.networks.reading import reads_last
from mixkd_core.records.run_folder import RunRecord, read_record

# Positions of an encoder that does not say how many it has.
USUAL_POSITIONS = 512


@dataclass(frozen=True)
class FinishedNetwork:
    """A sequence classifier in evaluation mode.

    Attributes:
        name: of the run's folder, or the folder or hub name that was given.
        folder: where the checkpoint lies, or its hub name.
        model, tokenizer: as `transformers` loads them.
        labels: names of the classes by index; one name, of the score, for a regression.
        max_length: tokens beyond which a text is cut, those of the tokenizer's frame included.
        task: that a run was trained on, where it is one of GLUE's or embedded, else None.
    """

    name: str
    folder: str
    model: Any
    tokenizer: Any
    labels: tuple[str, ...]
    max_length: int
    task: str | None = None

    @property
    def is_regression(self) -> bool:
        return len(self.labels) == 1

    def to(self, device: torch.device) -> "FinishedNetwork":
        """Move the network to a device."""
        self.model.to(device)
        return self


def open_network(place: str, dtype: torch.dtype = torch.float32) -> FinishedNetwork:
    """Load the network of a finished run, of a `save_pretrained` folder, or of a hub's name.

    Args:
        place: the folder or name.
        dtype: of the weights in memory, whatever type they are stored in.

    Raises:
        InputError: if there is none, it is no sequence classifier, it has no tokenizer, or texts
            of different lengths cannot be given to it.
    """
    record = read_record(Path(place)) if (Path(place) / "model").is_dir() else None
    folder = place if record is None else str(record.model_folder)
    config = load_config(folder)
    if not any("ForSequenceClassification" in name for name in config.architectures or ()):
        raise InputError(
            f"{place!r} is no sequence classifier but {', '.join(config.architectures or ['?'])}: "
            "give a run folder, or the folder of a fine-tuned classifier."
        )
    tokenizer = load_tokenizer(folder)
    model = load_stored_classifier(folder).to(dtype).eval()
    _settle_padding(model, tokenizer, place)
    return FinishedNetwork(
        name=Path(place).name if Path(place).exists() else place,
        folder=folder,
        model=model,
        tokenizer=tokenizer,
        labels=tuple(str(config.id2label[index]) for index in range(config.num_labels)),
        max_length=_max_length(record, tokenizer, model),
        task=_known_task(record),
    )


def _settle_padding(model: Any, tokenizer: Any, place: str) -> None:
    """Give both one padding token, as training does, unless texts end in it."""
    bare = padding_token(model) is None
    settle_padding(model, tokenizer)
    if bare and reads_last(model) and tokenizer("a")["input_ids"][-1] == tokenizer.pad_token_id:
        raise InputError(
            f"{place!r} has no padding token of its own, and its texts end in the one that would "
            f"pad ({tokenizer.pad_token!r}), so that the token before would be read: set "
            "pad_token in its tokenizer and pad_token_id in its configuration to another."
        )


def _max_length(record: RunRecord | None, tokenizer: Any, model: Any) -> int:
    """The length a run trained at; else what tokenizer and positions allow."""
    positions = longest_text(model) or USUAL_POSITIONS
    longest = tokenizer.model_max_length if record is None else record.spec.training.max_length
    return int(min(longest, positions))


def _known_task(record: RunRecord | None) -> str | None:
    if record is None:
        return None
    try:
        return find_task(record.spec.task).name
    except InputError:  # a task of one's own: only its file knows its texts
        return None
