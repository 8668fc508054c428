"""Floating-point operations that a training step has to do, counted from the networks' shapes.

Counted are matrix products (a multiplication and an addition are two operations) on real tokens:
no padding, and of the last layer only what the classifier's one position needs. Left out are
normalisation, activations, dropout, the softmax, embedding look-ups and the optimiser, which are
no matrix products and bound by memory, not by arithmetic. What is measured against these counts
therefore never reaches the rate of pure multiplication.

One text of t tokens, width d, h heads, feed-forward width f, in one pass:

    a layer:        2 t (4 d² + 2 d f)  +  4 t² d
    the last one:   2 (4 d² + 2 d f + d)  +  4 t h d     (one position, without keys and values)
    pooler, head:   2 (d² + d c)                         (c outputs)

A backward pass multiplies twice for every product of the forward pass, once for the inputs'
gradient and once for the other factor's; the gradient goes down to the embeddings, which are
trained too.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mixkd_core.data.token_layout import MULTIPLE
from mixkd_core.errors import InputError
from mixkd_core.mixing.mixup import mix_masks
from mixkd_core.objectives.objective import Objective

Lengths = NDArray[np.int64]

FORWARD, BACKWARD = 1, 2


@dataclass(frozen=True)
class Shape:
    """The sizes that a BERT classifier's operations depend on."""

    layers: int
    width: int
    heads: int
    feed_forward: int
    outputs: int


def shape_of(network: Any) -> Shape:
    """The shape of a BERT classifier.

    Raises:
        InputError: for another architecture, whose operations are not known here.
    """
    config = network.config
    if config.model_type != "bert":
        raise InputError(
            f"the benchmark counts the operations of BERT, and the encoder is a "
            f"{config.model_type}: give --teacher a BERT checkpoint."
        )
    return Shape(
        layers=config.num_hidden_layers,
        width=config.hidden_size,
        heads=config.num_attention_heads,
        feed_forward=config.intermediate_size,
        outputs=config.num_labels,
    )


def forward_operations(shape: Shape, lengths: Lengths) -> int:
    """Of one pass forward over texts of these lengths, each on its own."""
    d, f = shape.width, shape.feed_forward
    lengths = np.asarray(lengths, dtype=np.int64)
    tokens, squares, texts = int(lengths.sum()), int((lengths**2).sum()), len(lengths)
    layer = 2 * tokens * (4 * d * d + 2 * d * f) + 4 * squares * d
    last = 2 * texts * (4 * d * d + 2 * d * f + d) + 4 * tokens * shape.heads * d
    head = 2 * texts * (d * d + d * shape.outputs)
    return (shape.layers - 1) * layer + last + head


@dataclass(frozen=True)
class BatchLengths:
    """Real tokens of a batch: of its originals, and of its mixed samples (the longer of the two).

    Attributes:
        originals, mixed: tokens per text.
        padded: tokens that the collator hands over for all of them together.
    """

    originals: Lengths
    mixed: Lengths
    padded: int

    @property
    def real(self) -> int:
        return int(self.originals.sum() + self.mixed.sum())

    @property
    def multiplied(self) -> int:
        """Rows of the products with weights in BERT's layers: `token_layout` fills them up."""
        return -(-self.real // MULTIPLE) * MULTIPLE


def step_operations(
    objective: Objective, student: Shape, teacher: Shape, batch: BatchLengths
) -> int:
    """Of one training step, the teacher's outputs on originals stored.

    The student reads originals where a term is taken on them, and mixed samples likewise, and
    learns from both; the teacher reads the mixed samples of `tmkd`.
    """
    operations = 0
    if objective.uses_originals:
        operations += (FORWARD + BACKWARD) * forward_operations(student, batch.originals)
    if objective.mixes:
        operations += (FORWARD + BACKWARD) * forward_operations(student, batch.mixed)
    if "tmkd" in objective.terms:
        operations += FORWARD * forward_operations(teacher, batch.mixed)
    return operations


def batch_lengths(batch: dict[str, Any]) -> BatchLengths:
    """Of a batch of `mixkd_core.mixing.batching.UnitCollator`."""
    masks = [batch["attention_mask"]]
    if "first" in batch:
        first, second = (batch[member]["attention_mask"] for member in ("first", "second"))
        masks.append(mix_masks(first, second, batch["mixing_coefficients"]))
    counts = [mask.sum(dim=1).cpu().numpy() for mask in masks]
    mixed = counts[1] if len(counts) > 1 else np.empty(0, dtype=np.int64)
    return BatchLengths(counts[0], mixed, sum(mask.numel() for mask in masks))
