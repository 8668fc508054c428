"""Places of the real tokens of padded texts, to lay them out one after another and back.

It is found out on the host, where batches are made, and sent to the device with them: found out
there, the host would have to wait for the number of tokens.

The row of tokens is filled up with zeros to a multiple of 64: for half precision, libraries compile
a matrix product anew for each number of rows, and keep it.
"""

import weakref
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn.functional import pad

MULTIPLE = 64


@dataclass(frozen=True, eq=False)
class TokenLayout:
    """The real tokens of n texts padded to one length, t in all; with fillers r, a multiple of 64.

    Attributes:
        attention_mask: which tokens are real, boolean, of shape `(n, 1, 1, length)`: what attention
            takes, and transformers hands through as it is. It carries the layout (`carried_by`),
            as long as that lives.
        positions: where in the flattened `(n · length,)` each token is, of shape `(t,)`.
        slots: which token is at each place of the flattened texts, 0 where there is none, of shape
            `(n · length,)`.
        gaps: where in the flattened texts there is none, of shape `(n · length − t,)`.
        starts: where among the tokens each text starts, and the fillers if there are any, and last
            r, of shape `(n + 1,)` or `(n + 2,)`, in 32 bits: what kernels for texts of unequal
            length ask for.
    """

    attention_mask: Tensor
    positions: Tensor
    slots: Tensor
    gaps: Tensor
    starts: Tensor

    def __post_init__(self) -> None:
        # Weakly: a tensor in a circle of references would wait for the garbage collector.
        self.attention_mask.token_layout = weakref.ref(self)  # type: ignore[attr-defined]

    @staticmethod
    def carried_by(mask: Any) -> "TokenLayout | None":
        """Return the layout whose attention mask this is, None for anything else."""
        carried = getattr(mask, "token_layout", None)
        return None if carried is None else carried()

    @classmethod
    def of(cls, attention_mask: Tensor) -> "TokenLayout":
        """The layout of an attention mask of shape `(n, length)`; every text has a first token.

        A mask that is on an accelerator has to be waited for.
        """
        tensors = layout_tensors(attention_mask.cpu().numpy() != 0)
        return cls(**{name: tensor.to(attention_mask.device) for name, tensor in tensors.items()})

    @property
    def texts(self) -> int:
        """n."""
        return len(self.attention_mask)

    @property
    def length(self) -> int:
        """Of the padded texts."""
        return self.attention_mask.shape[-1]

    @property
    def longest(self) -> int:
        """No text is longer than this, nor are the fillers: known without asking the device."""
        return max(self.length, MULTIPLE)

    @property
    def first_tokens(self) -> Tensor:
        """Return the index of each text's first token, of shape `(n,)`."""
        return self.slots[:: self.length]

    @property
    def position_ids(self) -> Tensor:
        """Place of each token in its text, 0 for fillers, of shape `(1, r)`."""
        places = self.positions % self.length
        return pad(places, (0, _rows(len(places)) - len(places)))[None]

    def unpad(self, padded: Tensor) -> Tensor:
        """`(n · length, width)` → the real tokens and fillers, `(r, width)`."""
        tokens: Tensor = _Unpad.apply(padded, self)  # type: ignore[no-untyped-call]
        return tokens

    def pad(self, tokens: Tensor) -> Tensor:
        """`(r, width)` → `(n · length, width)`, zeros where there is no token."""
        padded: Tensor = _Pad.apply(tokens, self)  # type: ignore[no-untyped-call]
        return padded


def layout_tensors(present: NDArray[np.bool_]) -> dict[str, Tensor]:
    """Return what a `TokenLayout` is made of, by name, on the host: it travels with a batch.

    Args:
        present: where the texts have tokens, of shape `(n, length)`.
    """
    flat = present.ravel()
    slots = np.where(flat, np.cumsum(flat) - 1, 0)
    ends = np.cumsum(present.sum(axis=1))
    fillers = [_rows(ends[-1])] if ends[-1] % MULTIPLE else []
    found = {
        "positions": flat.nonzero()[0],
        "slots": slots,
        "gaps": (~flat).nonzero()[0],
        "starts": np.concatenate([[0], ends, fillers]).astype(np.int32),
    }
    return {
        "attention_mask": torch.from_numpy(present)[:, None, None],
        **{name: torch.from_numpy(array) for name, array in found.items()},
    }


def _unpadded(padded: Tensor, layout: TokenLayout) -> Tensor:
    count = len(layout.positions)
    tokens = padded.new_empty(_rows(count), padded.shape[1])
    torch.index_select(padded, 0, layout.positions, out=tokens[:count])
    tokens[count:].zero_()
    return tokens


def _padded(tokens: Tensor, layout: TokenLayout) -> Tensor:
    return tokens.index_select(0, layout.slots).index_fill_(0, layout.gaps, 0.0)


def _rows(tokens: int) -> int:
    return -(-tokens // MULTIPLE) * MULTIPLE


# Each is the other's transpose. Said here because autograd would add up rows one by one, not
# knowing that no token is taken twice.


class _Unpad(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, padded: Tensor, layout: TokenLayout) -> Tensor:
        ctx.layout = layout
        return _unpadded(padded, layout)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None]:
        return _padded(gradient, ctx.layout), None


class _Pad(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, tokens: Tensor, layout: TokenLayout) -> Tensor:
        ctx.layout = layout
        return _padded(tokens, layout)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None]:
        return _unpadded(gradient, ctx.layout), None
