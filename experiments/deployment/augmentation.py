"""The teacher's probabilities on the samples that a kind of augmentation gives a student."""

from dataclasses import dataclass, fields
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import softmax

from experiments.deployment.network import FinishedNetwork
from mixkd_core.augmentation.copies import augmented
from mixkd_core.data.encoding import encode_table
from mixkd_core.mixing.batching import UnitSampler
from mixkd_core.mixing.pairing import Pairs
from mixkd_core.networks.inference import run_inference, run_mixed_inference
from mixkd_core.networks.layers import layer_count
from mixkd_core.networks.matching import at_relative_depth
from mixkd_core.networks.mix_layer import POOLED, MixLayer
from mixkd_core.records.specs import MIXUP_SETTINGS, AugmentationSpec, StudentSpec

BATCH_SIZE = 64

# Settings that make a kind of mixtures; how many there are makes none.
KIND_SETTINGS = tuple(name for name in MIXUP_SETTINGS if name != "mixup_ratio")

_USUAL = StudentSpec()


@dataclass(frozen=True)
class Mixtures:
    """Way in which a student's mixtures are drawn and made.

    Attributes:
        settings: names and values of `MIXUP_SETTINGS`, but for how many are drawn.
        depth: the student's layers, where it mixes at one; None else.
    """

    settings: tuple[tuple[str, Any], ...]
    depth: int | None

    @property
    def name(self) -> str:
        """Return the kind in words: alpha, and what is not usual."""
        told = [
            f"{name.removeprefix('mixup_')} {value}"
            for name, value in self.settings
            if name == "mixup_alpha" or value != getattr(_USUAL, name)
        ]
        return ", ".join(["mixup", *told])


@dataclass(frozen=True)
class Added:
    """The kind of samples that a distilled student has beside, or in place of, its originals.

    Attributes:
        mixtures: None where nothing is mixed.
        edit: of altered copies; None where there are none. With neither, the originals are all.
    """

    mixtures: Mixtures | None = None
    edit: AugmentationSpec | None = None

    @property
    def name(self) -> str:
        """The kind in words."""
        if self.edit is not None:
            return f"{self.edit.kind} of {self.edit.rate:g}"
        return "none" if self.mixtures is None else self.mixtures.name


def added_by(student: StudentSpec) -> Added | None:
    """Return what a student's teacher is asked about; None where that is no one kind.

    A student without a term that compares it with its teacher has none, nor has one with both
    mixtures and copies, with a transfer set, or with back-translations, which are made elsewhere.
    """
    terms = student.objective.terms
    edit = student.training.augmentation
    if not terms & {"kd", "tmkd"} or student.objective.transfers:
        return None
    if "tmkd" in terms:
        if edit is not None:
            return None
        depth = student.layers if student.mix_layer not in (0, POOLED) else None
        settings = {name: getattr(student, name) for name in KIND_SETTINGS}
        return Added(Mixtures(tuple(settings.items()), depth))
    if edit is not None and edit.kind == "back-translation":
        return None
    return Added(edit=edit)


def probabilities(
    network: FinishedNetwork, subset: Any, added: Added, *, seed: int, draws: int
) -> NDArray[np.float64]:
    """A teacher's probabilities on samples of every example of a training subset.

    Mixtures are drawn as training draws them: one for each example as the first of its pair, anew
    in every epoch. Copies are those that training would make.

    Args:
        network: the teacher, a classifier.
        subset: a data set in the canonical columns, n examples.
        added: which samples.
        seed: the run's.
        draws: samples of each example; the originals themselves are repeated.

    Returns:
        Of shape `(n, draws, num_labels)`.
    """
    size = len(subset)
    if added.edit is not None:
        edit = added.edit.model_copy(update={"copies": draws})
        copies = augmented(subset, edit, seed=seed).select(range(size, size * (draws + 1)))
        table = encode_table(copies, network.tokenizer, network.max_length)
        logits = run_inference(network.model, table, batch_size=BATCH_SIZE).logits
        return _softmax(logits.reshape(draws, size, -1).swapaxes(0, 1))
    table = encode_table(subset, network.tokenizer, network.max_length)
    if added.mixtures is None:
        logits = run_inference(network.model, table, batch_size=BATCH_SIZE).logits
        return _softmax(np.repeat(logits[:, None], draws, axis=1))
    settings = dict(added.mixtures.settings)
    mix_layer: MixLayer = settings.pop("mix_layer")
    if isinstance(mix_layer, int) and mix_layer:
        depth = layer_count(network.model)
        mix_layer = at_relative_depth(mix_layer, depth, added.mixtures.depth or depth)
    sampler = UnitSampler(
        table.lengths,
        batch_size=BATCH_SIZE,
        mixup_ratio=1.0,
        length_group_batches=0,
        seed=seed,
        classes=table.labels,
        **settings,
    )
    found = []
    for epoch in range(draws):
        sampler.set_epoch(epoch)
        units = [unit.pairs for unit in sampler]
        pairs = Pairs(
            *(
                np.concatenate([getattr(pairs, part.name) for pairs in units])
                for part in fields(Pairs)
            )
        )
        logits = run_mixed_inference(
            network.model, table, pairs, mix_layer=mix_layer, batch_size=BATCH_SIZE
        ).logits
        found.append(logits[np.argsort(pairs.first)])
    return _softmax(np.stack(found, axis=1))


def _softmax(logits: NDArray[np.float32]) -> NDArray[np.float64]:
    values: NDArray[np.float64] = softmax(logits.astype(np.float64), axis=-1)
    return values
