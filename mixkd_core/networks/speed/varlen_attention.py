"""Attention over texts without padding, by PyTorch's own kernel for texts of unequal length.

On CUDA in half precision FlashAttention reads where each text starts and never sees a padded place
(`torch.nn.attention.varlen`). It draws no dropout, so it serves teachers, evaluation and students
whose attention drops nothing.
"""

import torch
from torch import Tensor, nn
from torch.nn.attention.varlen import varlen_attn

from mixkd_core.data.token_layout import TokenLayout

# FlashAttention's own; PyTorch pads other sizes where it calls the kernel by itself.
_MULTIPLE_OF_SIZES = 8


def fits(query: Tensor, key: Tensor, value: Tensor, dropout: nn.Dropout) -> bool:
    """Return True if the kernel takes these: `(1, heads, r, size)` each.

    `torch.nn.attention.sdpa_kernel` without FlashAttention turns it off here as elsewhere.
    """
    if query.device.type != "cuda" or query.shape[-1] % _MULTIPLE_OF_SIZES:
        return False
    if dropout.training and dropout.p:
        return False
    asked = torch.backends.cuda.SDPAParams(query, key, value, None, 0.0, False, False)
    return torch.backends.cuda.can_use_flash_attention(asked)


def attend_varlen(
    query: Tensor, key: Tensor, value: Tensor, layout: TokenLayout, *, scaling: float | None
) -> Tensor:
    """Attention of each text over itself: `(1, heads, r, size)` to `(1, r, heads, size)`.

    Args:
        scaling: what scores are multiplied by; None for `size ** -0.5`.
    """
    size = query.shape[-1]
    if scaling is not None and scaling != size**-0.5:
        query = query * (scaling * size**0.5)
    query, key, value = (projected[0].transpose(0, 1) for projected in (query, key, value))
    starts, longest = layout.starts, layout.longest
    context = varlen_attn(query, key, value, starts, starts, longest, longest)
    assert isinstance(context, Tensor)  # and not with what may be asked for beside it
    return context[None]
