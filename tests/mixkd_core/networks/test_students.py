"""Students made of some of a network's layers."""

import copy
from pathlib import Path
from typing import Any

import pytest
import torch
from transformers import AutoModelForSequenceClassification

from mixkd_core.errors import InputError
from mixkd_core.networks.layers import encoder_layers
from mixkd_core.networks.students import LAYER_CHOICES, choose_layers, student_from_layers
from mixkd_core.networks.tiny_networks import tiny_network

ARCHITECTURES = ("bert", "roberta", "distilbert", "electra", "deberta-v2", "modernbert")
HAS_TOKEN_TYPES = {"bert", "electra"}


@pytest.mark.parametrize(
    ("total", "keep", "choice", "expected"),
    [
        (6, 3, "first", (0, 1, 2)),
        (6, 3, "last", (3, 4, 5)),
        (6, 3, "alternate", (1, 3, 5)),
        (12, 3, "alternate", (3, 7, 11)),
        (12, 6, "alternate", (1, 3, 5, 7, 9, 11)),
        (12, 5, "alternate", (1, 3, 6, 8, 11)),
        (6, 6, "alternate", (0, 1, 2, 3, 4, 5)),
        (6, 1, "alternate", (5,)),
        (6, 1, "first", (0,)),
        (6, 3, "symmetric", (0, 1, 5)),
        (6, 2, "symmetric", (0, 5)),
        (6, 1, "symmetric", (0,)),
        (6, 6, "symmetric", (0, 1, 2, 3, 4, 5)),
        (12, 3, "symmetric", (0, 1, 11)),
        (12, 6, "symmetric", (0, 1, 2, 9, 10, 11)),
        (12, 8, "symmetric", (0, 1, 2, 3, 8, 9, 10, 11)),
    ],
)
def test_layers_that_are_chosen(
    total: int, keep: int, choice: str, expected: tuple[int, ...]
) -> None:
    assert choose_layers(total, keep, choice) == expected


@pytest.mark.parametrize("choice", LAYER_CHOICES)
def test_a_choice_ascends_and_keeps_the_number_asked_for(choice: str) -> None:
    for total in range(1, 13):
        for keep in range(1, total + 1):
            layers = choose_layers(total, keep, choice)
            assert list(layers) == sorted(set(layers))
            assert len(layers) == keep
            assert set(layers) <= set(range(total))


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_a_student_is_the_network_with_its_other_layers_removed(
    architecture: str, tiny_classifier: Any, padded_texts: Any, tmp_path: Path
) -> None:
    network = tiny_classifier(architecture, layers=5)
    before = copy.deepcopy(network.state_dict())
    # ModernBERT's first layer is built differently: it can only come first.
    layers = (0, 2, 4) if architecture == "modernbert" else (1, 2, 4)
    student = student_from_layers(network, layers).eval()
    assert student.config.num_hidden_layers == len(encoder_layers(student)) == 3
    assert all(torch.equal(before[name], tensor) for name, tensor in network.state_dict().items())

    pruned = copy.deepcopy(network)
    stack = encoder_layers(pruned)
    for layer in reversed(range(5)):
        if layer not in layers:
            del stack[layer]
    texts = padded_texts([5, 12, 7], token_types=architecture in HAS_TOKEN_TYPES)
    with torch.no_grad():
        logits = student(**texts).logits
        torch.testing.assert_close(logits, pruned(**texts).logits, rtol=0, atol=0)
        assert (logits - network(**texts).logits).abs().max() > 1e-3

    student.save_pretrained(tmp_path)
    assert [path.suffix for path in tmp_path.glob("*model*")] == [".safetensors"]
    restored = AutoModelForSequenceClassification.from_pretrained(tmp_path).eval()
    with torch.no_grad():
        torch.testing.assert_close(restored(**texts).logits, logits, rtol=0, atol=0)


def test_embeddings_pooler_and_head_are_copies(tiny_classifier: Any) -> None:
    network = tiny_classifier("bert", layers=4)
    network.config.id2label = {0: "no", 1: "perhaps", 2: "yes"}
    student = student_from_layers(network, (1, 3))
    theirs = network.state_dict()
    outside = [name for name in student.state_dict() if ".layer." not in name]
    assert any("word_embeddings" in name for name in outside)
    assert any("pooler" in name for name in outside)
    assert any(name.startswith("classifier") for name in outside)
    assert all(torch.equal(student.state_dict()[name], theirs[name]) for name in outside)
    assert student.config.id2label == network.config.id2label
    with torch.no_grad():
        student.classifier.weight.zero_()
    assert network.classifier.weight.abs().min() > 0


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (
            (6, 3, "middle"),
            "unknown layers 'middle': choose one of first, last, alternate, symmetric",
        ),
        ((6, 7, "first"), "a student of 7 layers cannot be made from a network of 6"),
        ((6, 0, "last"), "a student of 0 layers"),
    ],
)
def test_choices_that_cannot_be_had_are_refused(
    arguments: tuple[int, int, str], message: str
) -> None:
    with pytest.raises(InputError, match=message):
        choose_layers(*arguments)


def test_layers_that_do_not_fit_their_new_place_are_refused(tiny_classifier: Any) -> None:
    with pytest.raises(InputError, match=r"layers \[1, 3\] of a ModernBert.* keep its first"):
        student_from_layers(tiny_classifier("modernbert", layers=4), (1, 3))


@pytest.mark.parametrize(
    ("family", "message"),
    [
        ("esm", r"layers \[0, 1\] of a Esm.* do not fit .*: give a student checkpoint instead"),
        ("t5", "has an encoder and a decoder.* method ft or kd with a student checkpoint"),
    ],
)
def test_where_no_layers_fit_another_student_is_asked_for(family: str, message: str) -> None:
    with pytest.raises(InputError, match=message):
        student_from_layers(tiny_network(family), (0, 1))
