"""Check two networks on a handful of short texts before hours go into training them.

On texts of unequal length four passes must agree, for each network and up to rounding:

    the plain pass over one text alone, without padding
    = the pass over all, padded and aligned as training does it
    = the mixture with λ = 1, and the partner's with λ = 0, mixed where the run mixes.

Beside that, every token, token type and position must be inside its table. What fails is refused
in one sentence that names the network, the property and the size of the deviation. The command
line, the studies and `MixKDTrainer` ask here, so they agree on every architecture
(ARCHITECTURES.md has the table).
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from mixkd_core.data.token_table import Padded, TokenTable
from mixkd_core.errors import InputError
from mixkd_core.networks.limits import check_tokens, padding_token
from mixkd_core.networks.mix_layer import POOLED, MixLayer
from mixkd_core.networks.mixed_forward import MixedPairs, forward
from mixkd_core.networks.reading import accepted, reads_last
from mixkd_core.networks.speed.shortcuts import only_what_is_read

# Tokens kept of a text: passes over whole texts would take seconds.
MOST_TOKENS = 24

# Share of the largest logit by which two passes may differ. In float32 they agree to three
# millionths, in networks of twelve layers too. One whose weights are still small, as random ones
# are, may deviate by a few ten-thousandths only, and by all the more once it has learnt.
TOLERANCE = 1e-4
TOLERANCE_OF_HALF = 0.1
# Logits of a head that is nearly zero differ by less.
LEAST = 1e-7
HALF = (torch.bfloat16, torch.float16)

ANOTHER = "take another architecture"


@dataclass(frozen=True)
class Request:
    """The demands that training is going to make of a network.

    Attributes:
        role: `"teacher"`, `"student"` or `"network"`, for messages.
        mix_layer: where pairs are mixed; None where this network sees no mixture.
        state_layers: layers, counted from 1, whose states are compared.
    """

    role: str
    mix_layer: MixLayer | None
    state_layers: tuple[int, ...] = ()


@dataclass(frozen=True)
class Sample:
    """Texts to look at, padded to one length, and how a message speaks of them."""

    texts: Padded
    about: str
    remedy: str

    @property
    def lengths(self) -> list[int]:
        lengths: list[int] = self.texts["attention_mask"].sum(1).tolist()
        return lengths


def check_network(model: Any, table: TokenTable, request: Request) -> None:
    """Check that padding and mixing leave the network's answer to a text alone as it is.

    The network's training mode and the random state are left as they were found, and hooks that
    watch the network see nothing: its `forward` is called directly.

    Args:
        table: the texts that it will be trained on; two or three are looked at, cut short.

    Raises:
        InputError: naming the network, what is wrong with it, and by how much.
    """
    who = f"the {request.role} ({type(model).__name__})"
    _check_can_pad(model, who)
    check_tokens(model, table, request.role)
    was_training = model.training
    model.eval()
    try:
        with (
            torch.no_grad(),
            torch.random.fork_rng(devices=[]),
            only_what_is_read(model),
            _precision(model),
        ):
            for sample in _samples(table):
                _check_sample(model, sample, who, request)
    finally:
        model.train(was_training)


def _check_can_pad(model: Any, who: str) -> None:
    if reads_last(model) and padding_token(model) is None:
        raise InputError(
            f"{who} has no padding token and so takes one text at a time: set pad_token_id in its "
            "configuration, and pad_token in its tokenizer, to a token that no text contains "
            "(the end-of-text token is usual)."
        )


def _check_reads_all(
    model: Any, texts: Padded, plain: Tensor, lengths: list[int], who: str
) -> None:
    """Check that a network's answer needs nothing beside the tokens that texts come with.

    RoCBert reads the shape and sound of characters; left out, each is taken for its first one. Any
    others in their place show how much of the answer that is.
    """
    config, ids = model.config, texts["input_ids"]
    beside = {
        f"input_{kind}_ids": ids % getattr(config, f"{kind}_vocab_size")
        for kind in ("shape", "pronunciation")
        if getattr(config, f"enable_{kind}", False)
    }
    if not beside:
        return
    taken = {**accepted(model, texts), **beside}
    told = _attempted(
        _by_themselves, model, taken, lengths, failing=f"{who} cannot read {', '.join(beside)}"
    )
    off = _deviation(told, plain)
    if off is not None:
        raise InputError(
            f"{who} reads the shape and sound of characters beside the tokens (enable_shape, "
            f"enable_pronunciation), which change its logits by {off} and which texts do not come "
            f"with here: {ANOTHER}."
        )


def _precision(model: Any) -> torch.autocast:
    """Return the autocast under which a network with frozen weights in half precision runs."""
    half = {weight.dtype for weight in model.parameters()} & set(HALF)
    device = next(model.parameters()).device.type
    return torch.autocast(device, dtype=min(half, key=str, default=HALF[0]), enabled=bool(half))


def _check_sample(model: Any, sample: Sample, who: str, request: Request) -> None:
    device = next(model.parameters()).device
    texts = {name: tensor.to(device) for name, tensor in sample.texts.items()}
    plain = _attempted(_alone, model, texts, sample.lengths, failing=f"{who} cannot read a text")
    if not plain.isfinite().all():
        raise InputError(
            f"{who} answers a text by logits that are NaN or infinite{_broken_weight(model)}: give "
            "a checkpoint whose training did not diverge."
        )
    padded = _attempted(
        _padded, model, texts, request, failing=f"{who} cannot read {sample.about} together"
    )
    _check_reads_all(model, texts, plain, sample.lengths, who)
    off = _deviation(padded, plain)
    if off is not None:
        raise InputError(
            f"padding changes the logits of {who} by {off} on {sample.about}: its answer to a "
            f"text depends on the texts beside it; {sample.remedy}."
        )
    if request.mix_layer is None:
        return
    place = _place(request.mix_layer)
    try:
        mixed = _attempted(_ends, model, texts, request, failing=f"{who} cannot mix {place}")
    except InputError as error:
        if isinstance(error.__cause__, NotImplementedError) and model.config.is_encoder_decoder:
            raise InputError(
                f"{who} cannot be mixed: its decoder reads the tokens once more, and a mixture has "
                "none; take an encoder or a decoder alone, or a method without mixed samples "
                "(ft, kd)."
            ) from error
        raise
    off = _deviation(mixed, torch.cat([plain, plain]))
    if off is not None:
        raise InputError(
            f"mixing {place} changes the logits of {who} by {off} where one text has all the "
            f"weight, on {sample.about}: {sample.remedy}."
        )


def _broken_weight(model: Any) -> str:
    broken = [name for name, weight in model.named_parameters() if not weight.isfinite().all()]
    more = f" and of {len(broken) - 1} more" if len(broken) > 1 else ""
    return f" (so are values of {broken[0]!r}{more})" if broken else ""


def _alone(model: Any, texts: Padded, lengths: list[int]) -> Tensor:
    """Return the network's own logits on each text by itself, neither padded nor aligned."""
    return _by_themselves(model, accepted(model, texts), lengths)


def _by_themselves(model: Any, taken: Padded, lengths: list[int]) -> Tensor:
    return torch.cat(
        [
            model.forward(
                **{name: tensor[row : row + 1, :length] for name, tensor in taken.items()}
            ).logits
            for row, length in enumerate(lengths)
        ]
    )


def _padded(model: Any, texts: Padded, request: Request) -> Tensor:
    outputs = forward(model.forward, texts, None, state_layers=request.state_layers, core=model)
    logits = outputs.logits
    assert logits is not None
    return logits


def _ends(model: Any, texts: Padded, request: Request) -> Tensor:
    """Return logits of each text mixed with the next at λ = 1, then as its partner at λ = 0."""
    assert request.mix_layer is not None
    following = {name: tensor.roll(1, 0) for name, tensor in texts.items()}
    both = {name: torch.cat([texts[name], following[name]]) for name in texts}
    swapped = {name: torch.cat([following[name], texts[name]]) for name in texts}
    size = len(texts["input_ids"])
    coefficients = (torch.arange(2 * size, device=texts["input_ids"].device) < size).float()
    pairs = MixedPairs(both, swapped, coefficients)
    outputs = forward(model.forward, None, pairs, mix_layer=request.mix_layer, core=model)
    logits = outputs.mixed_logits
    assert logits is not None
    return logits


def _attempted(attempt: Any, *arguments: Any, failing: str) -> Tensor:
    try:
        logits: Tensor = attempt(*arguments)
    except InputError:
        raise
    except Exception as error:  # whatever an architecture raises is the reason
        reason = next((line for line in str(error).splitlines() if line.strip()), "no reason given")
        raise InputError(
            f"{failing}: {type(error).__name__}: {reason.rstrip('.')}; {ANOTHER}."
        ) from error
    return logits


def _deviation(logits: Tensor, expected: Tensor) -> str | None:
    """Return the largest difference where it is more than rounding."""
    share = TOLERANCE_OF_HALF if expected.dtype in HALF else TOLERANCE
    off = float((logits.float() - expected.float()).abs().max())
    # Not the other way round: NaN is a deviation.
    if off <= share * float(expected.float().abs().max()) + LEAST:
        return None
    return f"{off:.2g}"


def _place(mix_layer: MixLayer) -> str:
    if mix_layer == POOLED:
        return "what the classifier reads"
    return f"after layer {mix_layer}" if mix_layer else "the embeddings"


def _samples(table: TokenTable) -> Iterator[Sample]:
    """Give texts to look at: of unequal length; with token types; with padding inside a text."""
    paddings = np.flatnonzero(table.columns["input_ids"] == table.pad_token_id)
    short, long = (_slots(table, row) for row in _extremes(table, paddings))
    if len(short) == len(long) > 1:
        short = _shortened(short, len(short) // 2)
    # Of either parity: some networks halve their texts (Funnel).
    chosen = [short, long, _shortened(long, len(long) - 1)] if len(long) > 1 else [short, long]
    about = f"texts of {', '.join(str(length) for length in sorted({*map(len, chosen)}))} tokens"
    texts = _texts(table, chosen)
    types = table.columns.get("token_type_ids")
    if types is None:
        yield Sample(texts, about, ANOTHER)
    else:
        untyped = {**texts, "token_type_ids": torch.zeros_like(texts["token_type_ids"])}
        yield Sample(untyped, about, ANOTHER)
        if types.any():
            typed = _row_of(table, int(np.argmax(types != 0)))
            yield Sample(
                _texts(table, [_slots(table, typed), short]),
                "texts with token types",
                "leave the column token_type_ids out, or take another architecture",
            )
    if len(paddings):
        row = _row_of(table, int(paddings[0]))
        slots = np.union1d(_slots(table, row), paddings[:1])
        yield Sample(
            _texts(table, [slots, long]),
            f"row {row}, whose text contains the padding token (id {table.pad_token_id})",
            "take it out of the texts",
        )


def _extremes(table: TokenTable, paddings: NDArray[np.int64]) -> tuple[int, int]:
    """Return the rows of the shortest and the longest text without padding inside, if any."""
    inside = np.unique(np.searchsorted(table.offsets, paddings, side="right") - 1)
    rows = np.setdiff1d(np.arange(len(table)), inside)
    rows = rows if len(rows) else np.arange(len(table))
    lengths = table.lengths[rows]
    return int(rows[np.argmin(lengths)]), int(rows[np.argmax(lengths)])


def _shortened(slots: NDArray[np.int64], length: int) -> NDArray[np.int64]:
    """Return the first slots, and the last one, which some classifiers look for."""
    return np.append(slots[: length - 1], slots[-1])


def _row_of(table: TokenTable, slot: int) -> int:
    return int(np.searchsorted(table.offsets, slot, side="right")) - 1


def _slots(table: TokenTable, row: int) -> NDArray[np.int64]:
    """Return where a text's tokens are in the columns, those in the middle left out."""
    slots = np.arange(table.offsets[row], table.offsets[row + 1])
    half = MOST_TOKENS // 2
    return slots if len(slots) <= MOST_TOKENS else np.append(slots[:half], slots[-half:])


def _texts(table: TokenTable, chosen: list[NDArray[np.int64]]) -> Padded:
    cut = TokenTable(
        columns={name: values[np.concatenate(chosen)] for name, values in table.columns.items()},
        offsets=np.cumsum([0, *map(len, chosen)]),
        labels=np.zeros(len(chosen)),
        pad_token_id=table.pad_token_id,
    )
    return cut.pad(np.arange(len(chosen)), int(cut.lengths.max()))
