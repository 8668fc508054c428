"""The mixup of two examples: coefficients, states, masks and labels. No model in here.

x' = λ x_i + (1−λ) x_j with λ ~ Beta(α, α) (Zhang et al., 2018; MixKD equations 1 and 2).

The rules for texts of unequal length, which the paper leaves open:

* Both texts are padded with `[PAD]` to one length, and the `[PAD]` embedding takes part in the
  mixture like any other (it is not zero): past the end of the shorter text the mixture is
  λ · token + (1−λ) · `[PAD]`.
* A position is attended to if *either* text has a token there (union of masks). A text whose
  coefficient is exactly 0 has no say, so λ = 1 is the first text alone and λ = 0 the second.
* Positions are not mixed: slot t of the mixture is slot t of both texts, and its position
  embedding is the common one.
* Texts share the slot that the classifier reads: encoders read the first, so texts begin together;
  decoders read the last, so they end together and the shorter is padded in front
  (`mixkd_core.networks.reading`).
"""

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn.functional import one_hot

from mixkd_core.errors import InputError


def check_mixup_alpha(alpha: float) -> None:
    """Check that Beta(α, α) is a distribution.

    Raises:
        InputError: if α is not positive and finite.
    """
    if not 0 < alpha < float("inf"):
        raise InputError(
            f"mixup alpha is {alpha}; Beta(alpha, alpha) needs a positive, finite alpha "
            "(0.4 is usual; small values rarely mix, 1 is uniform)."
        )


def sample_mixing_coefficients(
    alpha: float, size: int, generator: np.random.Generator
) -> NDArray[np.float64]:
    """`size` independent draws of λ ~ Beta(α, α), of shape `(size,)`.

    Raises:
        InputError: if α is not positive and finite.
    """
    check_mixup_alpha(alpha)
    return generator.beta(alpha, alpha, size)


def mix(first: Tensor, second: Tensor, mixing_coefficients: Tensor) -> Tensor:
    """λ · first + (1−λ) · second along the leading dimension.

    Args:
        first, second: of shape `(n, ...)`.
        mixing_coefficients: λ, of shape `(n,)`.
    """
    shape = (-1, *([1] * (first.dim() - 1)))
    weight = mixing_coefficients.to(first.dtype).view(shape)
    return weight * first + (1 - weight) * second


def mix_masks(first: Tensor, second: Tensor, mixing_coefficients: Tensor) -> Tensor:
    """The union of two attention masks of shape `(n, length)`, a text of weight 0 left out."""
    weight = mixing_coefficients.view(-1, 1)
    attended = (first.bool() & (weight > 0)) | (second.bool() & (weight < 1))
    return attended.to(first.dtype)


def mixed_presence(
    first: NDArray[np.bool_], second: NDArray[np.bool_], mixing_coefficients: NDArray[np.float32]
) -> NDArray[np.bool_]:
    """Return `mix_masks` on the host: where mixtures have tokens, of shape `(n, length)`."""
    weight = mixing_coefficients[:, None]
    present: NDArray[np.bool_] = (first & (weight > 0)) | (second & (weight < 1))
    return present


def label_targets(labels: Tensor, num_labels: int) -> Tensor:
    """Labels as something that can be mixed.

    Class indices of shape `(n,)` become one-hot rows `(n, num_labels)`; rows that are already
    distributions, and real values (regression, `num_labels == 1`) as `(n, 1)`, are kept.
    """
    if num_labels == 1:
        return labels.to(torch.float32).view(-1, 1)
    if labels.is_floating_point():
        return labels
    return one_hot(labels, num_labels).to(torch.float32)
