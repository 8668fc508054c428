"""Module replacement: the network in between, its schedule, and what learns when."""

import copy
from typing import Any

import pytest
import torch
from transformers import TrainerCallback

from mixkd_core.errors import InputError
from mixkd_core.networks.layers import encoder_layers
from mixkd_core.networks.students import student_from_layers
from mixkd_core.networks.theseus import ModuleReplacement, ReplacementSchedule, replacement_groups

ARCHITECTURES = ("bert", "roberta", "distilbert", "electra", "deberta-v2")
HAS_TOKEN_TYPES = {"bert", "electra"}


@pytest.mark.parametrize(
    ("successor", "predecessor", "groups"),
    [
        (3, 6, [(0, 1), (2, 3), (4, 5)]),
        (2, 5, [(0, 1), (2, 3, 4)]),
        (3, 3, [(0,), (1,), (2,)]),
        (1, 3, [(0, 1, 2)]),
    ],
)
def test_groups_of_layers(successor: int, predecessor: int, groups: list[tuple[int, ...]]) -> None:
    assert [tuple(group) for group in replacement_groups(successor, predecessor)] == groups


def test_a_successor_deeper_than_its_predecessor_is_refused() -> None:
    with pytest.raises(InputError, match="teacher's 3 layers, and the student has 4"):
        replacement_groups(4, 3)


def test_the_rate_rises_linearly_and_stays_at_one() -> None:
    schedule = ReplacementSchedule(start=0.2, share=0.5)
    rates = [schedule.rate(step, 20) for step in range(20)]
    assert rates[0] == 0.2
    assert rates[5] == pytest.approx(0.6)
    assert rates[9] == pytest.approx(0.92)
    assert rates[10:] == [1.0] * 10
    assert ReplacementSchedule(start=0.3, share=0.5).rate(6, 12) == 1.0
    assert ReplacementSchedule(start=0.2, share=0.0).rate(0, 20) == 1.0


def running(successor: Any, predecessor: Any, rate: float) -> ModuleReplacement:
    """The replacement in force, at a constant rate."""
    replacement = ModuleReplacement(successor, predecessor.eval())
    replacement.on_train_begin(None, None, None)
    replacement.rate = rate
    return replacement


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_between_a_predecessor_and_its_successor(
    architecture: str, tiny_classifier: Any, padded_texts: Any, no_dropout: Any
) -> None:
    """Rate 0 is the predecessor, rate 1 and evaluation the successor, in between a mixed stack."""
    predecessor = tiny_classifier(architecture, layers=5)
    successor = no_dropout(tiny_classifier(architecture, layers=2, seed=1))
    texts = padded_texts([5, 12, 7], token_types=architecture in HAS_TOKEN_TYPES)
    first_layer = copy.deepcopy(encoder_layers(successor)[0])
    replacement = running(successor, predecessor, 0.0)

    def logits(model: Any) -> torch.Tensor:
        with torch.no_grad():
            result: torch.Tensor = model(**texts).logits
        return result

    successor.train()
    torch.testing.assert_close(logits(successor), logits(predecessor), rtol=0, atol=1e-6)
    own = logits(successor.eval())
    assert (own - logits(predecessor)).abs().max() > 1e-3
    successor.train()
    replacement.rate = 1.0
    torch.testing.assert_close(logits(successor), own, rtol=0, atol=1e-6)

    # By hand: the first module replaced, the second not.
    mixed = copy.deepcopy(predecessor)
    stack = encoder_layers(mixed)
    stack[0] = first_layer
    del stack[1]
    replacement.rate = 0.5
    states = torch.random.get_rng_state()
    for seed in range(50):  # the first seed whose draws are (replaced, not replaced)
        torch.manual_seed(seed)
        draws = torch.rand(2) < 0.5
        if draws[0] and not draws[1]:
            torch.manual_seed(seed)
            torch.testing.assert_close(logits(successor), logits(mixed), rtol=0, atol=1e-6)
            break
    torch.random.set_rng_state(states)
    replacement.on_train_end(None, None, None)
    torch.testing.assert_close(logits(successor), own, rtol=0, atol=1e-6)
    assert not any("forward" in vars(layer) for layer in encoder_layers(successor))


class Watch(TrainerCallback):  # type: ignore[misc]
    """Weights after each step, inside and outside the student's layers."""

    def __init__(self, student: Any) -> None:
        self.student = student
        self.seen: list[tuple[torch.Tensor, torch.Tensor]] = [self._now()]

    def _now(self) -> tuple[torch.Tensor, torch.Tensor]:
        layers = {id(parameter) for parameter in encoder_layers(self.student).parameters()}
        parts: tuple[list[torch.Tensor], list[torch.Tensor]] = ([], [])
        for parameter in self.student.parameters():
            parts[id(parameter) not in layers].append(parameter.detach().flatten().clone())
        return torch.cat(parts[0]), torch.cat(parts[1])

    def on_step_end(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        self.seen.append(self._now())


@pytest.mark.slow
def test_layers_learn_first_and_the_rest_with_them_later(
    mixkd_trainer: Any, tiny_classifier: Any, weights_of: Any
) -> None:
    teacher = tiny_classifier(layers=4, seed=2)
    before = weights_of(teacher)
    student = tiny_classifier(seed=1)
    trainer = mixkd_trainer(
        student=student, teacher=teacher, method="theseus", max_steps=12, weight_decay=0.1
    )
    watch = Watch(student)
    trainer.add_callback(watch)
    trainer.train()
    assert torch.equal(weights_of(teacher), before)
    layers, rest = zip(*watch.seen, strict=True)
    assert all(torch.equal(rest[step], rest[0]) for step in range(7))  # steps 0 to 5 replace
    assert all(not torch.equal(rest[step], rest[step - 1]) for step in range(7, 13))
    assert sum(not torch.equal(layers[step], layers[step - 1]) for step in range(1, 7)) >= 3
    assert all(not torch.equal(layers[step], layers[step - 1]) for step in range(7, 13))


def test_embeddings_pooler_and_head_are_the_predecessors(tiny_classifier: Any) -> None:
    teacher, student = tiny_classifier(layers=4, seed=2), tiny_classifier(seed=1)
    layers = copy.deepcopy(encoder_layers(student).state_dict())
    ModuleReplacement(student, teacher)
    theirs = teacher.state_dict()
    for name, tensor in student.state_dict().items():
        assert ".layer." in name or torch.equal(tensor, theirs[name]), name
    for name, tensor in encoder_layers(student).state_dict().items():
        assert torch.equal(tensor, layers[name])


@pytest.mark.slow
def test_it_is_not_fine_tuning(mixkd_trainer: Any, tiny_classifier: Any, weights_of: Any) -> None:
    teacher = tiny_classifier(layers=4, seed=2)
    learnt = []
    for method in ("theseus", "ft"):
        student = student_from_layers(teacher, (0, 1))
        trainer = mixkd_trainer(student=student, teacher=teacher, method=method, max_steps=12)
        trainer.train()
        learnt.append(weights_of(student))
    assert (learnt[0] - learnt[1]).abs().max() > 1e-2


@pytest.mark.parametrize(("architecture", "width"), [("bert", 8), ("roberta", 16), ("electra", 16)])
def test_networks_that_do_not_fit_are_refused(
    architecture: str, width: int, tiny_classifier: Any
) -> None:
    with pytest.raises(InputError, match="make the student from the teacher's layers"):
        ModuleReplacement(
            tiny_classifier(architecture, width=width), tiny_classifier("bert", layers=4)
        )


def test_layers_of_another_range_are_not_replaced(tiny_classifier: Any) -> None:
    """ModernBERT's layers attend locally, but for every third."""
    with pytest.raises(InputError, match="attend over different ranges"):
        ModuleReplacement(
            tiny_classifier("modernbert", layers=2), tiny_classifier("modernbert", layers=4)
        )
