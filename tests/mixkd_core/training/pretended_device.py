"""Every method's step on a device that does not exist: does the host ever wait for it?

    python pretended_device.py    prints a line a case, with its calls of the kernel first

Run in a process of its own, because the device stays registered. Tensors on it are fake: they have
a shape, a type and a device, and no values. Whatever needs a value on the host (`item`, `nonzero`,
a branch on a loss) raises, and so does what mixes devices; copies to the host, which wait too, are
listed.
"""

import os
from typing import Any

import datasets
import numpy as np
import torch
from torch import nn
from torch._subclasses.fake_tensor import FakeTensorMode
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_map_only
from torch.utils.backend_registration import _setup_privateuseone_for_python_backend

from mixkd_core import MixKDArguments, MixKDTrainer
from mixkd_core.networks.speed import packed_attention, varlen_attention
from mixkd_core.networks.speed.shortcuts import FAMILIES, PACKED_ONLY, only_what_is_read
from mixkd_core.networks.tiny_networks import WORDS, tiny_network
from mixkd_core.objectives.objective import METHODS

DEVICE = "pretended"

CASES: tuple[dict[str, Any], ...] = (
    *({"method": method} for method in METHODS if method != "theseus"),
    {"method": "sm+tmkd", "fixed_draws": True},
    {"method": "sm+tmkd", "mixup_ratio": 0.5},
    *({"method": "kd+sm+tmkd", "family": family} for family in (*FAMILIES, *PACKED_ONLY)),
)

# With the kernel for texts of unequal length, as CUDA has it; students without dropout can have it.
VARLEN_CASES: tuple[dict[str, Any], ...] = (
    {"method": "sm+tmkd"},
    {"method": "sm+tmkd", "dropout": False},
    {"method": "sm+tmkd", "family": "modernbert"},
)


class Copies(TorchDispatchMode):
    """Lists the operators that copy from the device to the host."""

    def __init__(self) -> None:
        super().__init__()
        self.copies: list[str] = []

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        result = func(*args, **(kwargs or {}))
        tensors = [it for it in (*args[:1], result) if isinstance(it, torch.Tensor)]
        if [it.device.type for it in tensors] == [DEVICE, "cpu"]:
            self.copies.append(str(func))
        return result


def moved(module: nn.Module, mode: FakeTensorMode) -> None:
    """Put a network on the device."""
    for part in module.modules():
        for name, weight in part._parameters.items():
            if weight is not None:
                there = mode.from_tensor(weight.detach()).to(DEVICE)
                part._parameters[name] = nn.Parameter(there, weight.requires_grad)
        for name, buffer in part._buffers.items():
            if buffer is not None:
                part._buffers[name] = mode.from_tensor(buffer).to(DEVICE)


def trainer_of(
    method: str, family: str = "bert", dropout: bool = True, **settings: Any
) -> MixKDTrainer:
    """Return a trainer on the processor, with a teacher's outputs computed already."""
    generator = np.random.default_rng(0)
    rows = {
        "input_ids": [generator.integers(5, WORDS, 3 + k % 9).tolist() for k in range(12)],
        "labels": [k % 3 for k in range(12)],
    }
    texts = datasets.Dataset.from_dict(rows)
    arguments = MixKDArguments(
        "unused",
        method=method,
        use_cpu=True,
        report_to=[],
        per_device_train_batch_size=4,
        **settings,
    )
    trainer = MixKDTrainer(
        tiny_network(family, seed=1).train(),
        arguments,
        train_dataset=texts,
        teacher=tiny_network(family, seed=2),
        transfer_dataset=texts.remove_columns("labels") if method == "transfer" else None,
    )
    if not dropout:
        for module in trainer.model.modules():
            if isinstance(module, nn.Dropout):
                module.p = 0.0
    trainer._nan_guard.every = 50  # as on an accelerator
    if trainer.objective.terms & {"kd", "pkd"}:
        trainer._teacher_outputs.on_texts()
    if trainer.sampler.shared_draws is not None and "tmkd" in trainer.objective.terms:
        trainer._teacher_on_draws.on_pairs(
            trainer.sampler.shared_draws, trainer._matching.teacher_mix_layer
        )
    return trainer


def copies_of_a_step(trainer: MixKDTrainer) -> list[str]:
    """Return the copies to the host while the first batch's loss and gradient are taken."""
    batch = next(iter(trainer.get_train_dataloader()))
    networks = [trainer.model, *filter(None, [trainer.teacher])]
    mode = FakeTensorMode(allow_non_fake_inputs=True)
    with mode, only_what_is_read(*networks):
        for network in networks:
            moved(network, mode)
        batch = tree_map_only(torch.Tensor, lambda given: mode.from_tensor(given).to(DEVICE), batch)
        with Copies() as counted:
            loss = trainer.compute_loss(trainer.model, batch)
            loss.backward()
    gradients = [weight.grad for weight in trainer.model.parameters() if weight.grad is not None]
    assert {found.device.type for found in (loss, *gradients)} == {DEVICE}
    return counted.copies


def with_varlen_kernel(query: Any, key: Any, value: Any, dropout: nn.Dropout) -> bool:
    """Answer as `varlen_attention.fits` does on CUDA in half precision."""
    return not (dropout.training and dropout.p)


def counted(kernel: Any, calls: list[int]) -> Any:
    def call(*given: Any) -> Any:
        calls[0] += 1
        return kernel(*given)

    return call


if __name__ == "__main__":
    cases = (*CASES, *VARLEN_CASES)
    trainers = [trainer_of(**case) for case in cases]
    _setup_privateuseone_for_python_backend(rename=DEVICE)
    calls = [0]
    varlen_attention.varlen_attn = counted(varlen_attention.varlen_attn, calls)
    for number, (case, trainer) in enumerate(zip(cases, trainers, strict=True)):
        if number == len(CASES):
            packed_attention.fits = with_varlen_kernel
        copies = copies_of_a_step(trainer)
        print(calls[0], case, copies, flush=True)
        calls[0] = 0
    # The pretended device has no orderly end: torch's threads may abort while it is taken down.
    os._exit(0)
