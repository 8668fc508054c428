"""Module replacement: BERT-of-Theseus (Xu et al., 2020).

The layers of a fine-tuned predecessor (the teacher) are split into as many groups as the successor
(the student) has layers. In each training step each group is replaced by the successor's layer
with probability p, independently; otherwise the predecessor's own, frozen layers run in that place:

    y_{i+1} = r_i · successor_i(y_i) + (1 − r_i) · group_i(y_i),    r_i ~ Bernoulli(p).

The rate p rises linearly to 1 (the paper's curriculum), and from then on the successor is
fine-tuned on its own. There is no loss but that of the labels. Embeddings, pooler and head are the
predecessor's; as long as groups are being replaced, only the successor's layers learn.

The successor remains an ordinary network: while it trains, the forward pass of each of its layers
is stood in for, which leaves its weights, checkpoints and evaluation as those of any other.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import nn
from transformers import TrainerCallback

from mixkd_core.errors import InputError
from mixkd_core.networks.layers import encoder_layers


@dataclass(frozen=True)
class ReplacementSchedule:
    """The replacing rate p by optimisation step.

    Attributes:
        start: p at the first step.
        share: part of the steps after which p is 1; the rest is the successor's fine-tuning.
    """

    start: float = 0.3
    share: float = 0.5

    def rate(self, step: int, steps: int) -> float:
        """p in step `step`, counted from 0, of `steps`."""
        replacing = self.share * steps
        # Exactly 1 at the end, which 0.3 + 0.7 is not.
        return 1.0 if step >= replacing else self.start + (1 - self.start) * step / replacing


def replacement_groups(successor_layers: int, predecessor_layers: int) -> tuple[range, ...]:
    """Return the predecessor layers, from 0, that each successor layer replaces.

    Three layers for six give 0–1, 2–3, 4–5.

    Raises:
        InputError: if the successor has more layers than the predecessor.
    """
    if not 1 <= successor_layers <= predecessor_layers:
        raise InputError(
            f"method 'theseus' replaces groups of the teacher's {predecessor_layers} layers, and "
            f"the student has {successor_layers}: take a student of at most as many layers."
        )
    ends = [k * predecessor_layers // successor_layers for k in range(successor_layers + 1)]
    return tuple(range(*ends[k : k + 2]) for k in range(successor_layers))


class ModuleReplacement(TrainerCallback):  # type: ignore[misc]
    """Stands in for the forward passes of a successor's layers while it is trained.

    Draws come from torch's generator on the CPU, whose state checkpoints carry.

    Args:
        successor: the student; its weights outside the layers become the predecessor's.
        predecessor: the fine-tuned teacher; the caller freezes it.

    Raises:
        InputError: if the two are not of one architecture and shape but for their depth.
    """

    def __init__(
        self,
        successor: Any,
        predecessor: Any,
        schedule: ReplacementSchedule = ReplacementSchedule(),
    ) -> None:
        self.schedule = schedule
        self.rate = 0.0
        self.layers, theirs = encoder_layers(successor), encoder_layers(predecessor)
        self.groups = check_replaceable(successor, predecessor)
        self.surroundings = _surroundings(successor, self.layers)
        given = _surroundings(predecessor, theirs)
        with torch.no_grad():
            for name, parameter in self.surroundings.items():
                parameter.copy_(given[name])

    def on_train_begin(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        for layer, group in zip(self.layers, self.groups, strict=True):
            layer.forward = self._replaceable(layer, layer.forward, group)

    def on_step_begin(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        self.rate = self.schedule.rate(state.global_step, state.max_steps)

    def on_pre_optimizer_step(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        # Dropped here, not switched off before: a batch in which nothing is replaced has no other
        # gradient, and would have none to go back through.
        if self.rate < 1:
            for parameter in self.surroundings.values():
                parameter.grad = None

    def on_train_end(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        for layer in self.layers:
            del layer.forward  # the class's own shows again

    def _replaceable(
        self, layer: nn.Module, own: Callable[..., Any], group: list[nn.Module]
    ) -> Callable[..., Any]:
        def forward(states: Any, *args: Any, **kwargs: Any) -> Any:
            if not layer.training or torch.rand(()) < self.rate:
                return own(states, *args, **kwargs)
            output = None
            for predecessor in group:
                output = predecessor(states, *args, **kwargs)
                states = output[0] if isinstance(output, tuple) else output
            return output

        return forward


def check_replaceable(successor: Any, predecessor: Any) -> list[list[nn.Module]]:
    """Return the groups of predecessor layers that the successor's layers replace.

    Raises:
        InputError: if the two are not of one architecture and shape but for their depth.
    """
    layers, theirs = encoder_layers(successor), encoder_layers(predecessor)
    places = replacement_groups(len(layers), len(theirs))
    groups = [[theirs[place] for place in group] for group in places]
    _check_same_shape(successor, predecessor, layers, groups)
    return groups


def _surroundings(network: Any, layers: nn.ModuleList) -> dict[str, nn.Parameter]:
    """The parameters outside the layers (embeddings, pooler, head), by name."""
    inside = {id(parameter) for parameter in layers.parameters()}
    return {
        name: parameter
        for name, parameter in network.named_parameters()
        if id(parameter) not in inside
    }


def _check_same_shape(
    successor: Any, predecessor: Any, layers: nn.ModuleList, groups: list[list[nn.Module]]
) -> None:
    ours, theirs = successor.config, predecessor.config
    shapes = [
        {name: parameter.shape for name, parameter in layer.named_parameters()}
        for layer in (layers[-1], groups[-1][-1])
    ]
    if type(successor) is not type(predecessor) or shapes[0] != shapes[1]:
        raise InputError(
            "method 'theseus' puts a student's layers among the teacher's, and the student is a "
            f"{type(successor).__name__} of width {ours.hidden_size}, the teacher a "
            f"{type(predecessor).__name__} of width {theirs.hidden_size}: make the student from "
            "the teacher's layers."
        )
    for layer, group in zip(layers, groups, strict=True):
        kinds = {getattr(member, "attention_type", None) for member in (layer, *group)}
        if len(kinds) > 1:
            raise InputError(
                f"method 'theseus' would replace layers of a {type(predecessor).__name__} that "
                "attend over different ranges by one of another range: use another method."
            )
