"""Classifiers that read the last token: their texts end together, and mixing is what it says."""

from typing import Any

import pytest
import torch

from mixkd_core.errors import InputError
from mixkd_core.networks.layers import encoder_layers
from mixkd_core.networks.mixed_forward import MixedPairs, forward
from mixkd_core.networks.reading import reads_last, texts_for
from mixkd_core.networks.students import student_from_layers
from mixkd_core.networks.tiny_networks import tiny_network

DECODERS = ("qwen2", "llama", "gpt2", "gemma", "mistral", "opt", "gpt_neo", "bloom", "ctrl")
TOLERANCE = {"rtol": 1e-4, "atol": 2e-5}


def alone(model: Any, texts: Any) -> torch.Tensor:
    """Logits of each text by itself, without padding: the naive loop."""
    logits = []
    for ids, mask in zip(texts["input_ids"], texts["attention_mask"], strict=True):
        text = ids[: int(mask.sum())][None]
        with torch.no_grad():
            logits.append(model(input_ids=text, attention_mask=torch.ones_like(text)).logits)
    return torch.cat(logits)


@pytest.mark.parametrize("mix_layer", [0, 1, "pooled"])
@pytest.mark.parametrize("family", DECODERS)
def test_each_end_of_a_mixture_is_the_text_by_itself(
    family: str, mix_layer: Any, padded_texts: Any
) -> None:
    model = tiny_network(family)
    first = padded_texts([5, 12, 7], 1, token_types=False)
    second = padded_texts([9, 4, 7], 2, token_types=False)
    for value, expected in ((1.0, first), (0.0, second)):
        pairs = MixedPairs(first, second, torch.full((3,), value))
        with torch.no_grad():
            outputs = forward(model, first, pairs, mix_layer=mix_layer)
        torch.testing.assert_close(outputs.mixed_logits, alone(model, expected), **TOLERANCE)
        torch.testing.assert_close(outputs.logits, alone(model, first), **TOLERANCE)


@pytest.mark.parametrize("family", ["qwen2", "gpt2"])
def test_a_mixture_is_that_of_the_stated_rule(family: str, padded_texts: Any) -> None:
    """By hand: both texts padded on the left, words mixed, the last slot read."""
    model = tiny_network(family)
    first = padded_texts([3], 1, token_types=False)
    second = padded_texts([5], 2, token_types=False)
    words = model.get_input_embeddings().weight
    padding = words[0].expand(2, -1)
    one = torch.cat([padding, words[first["input_ids"][0, :3]]])
    other = words[second["input_ids"][0, :5]]
    with torch.no_grad():
        mixed = (0.3 * one + 0.7 * other)[None]
        expected = model(inputs_embeds=mixed, attention_mask=torch.ones(1, 5)).logits
        pairs = MixedPairs(first, second, torch.tensor([0.3]))
        found = forward(model, None, pairs).mixed_logits
    torch.testing.assert_close(found, expected, **TOLERANCE)


@pytest.mark.parametrize("family", ["qwen2", "opt"])
def test_swapping_the_texts_and_the_coefficient_changes_nothing(
    family: str, padded_texts: Any
) -> None:
    model = tiny_network(family)
    first = padded_texts([5, 12, 7], 1, token_types=False)
    second = padded_texts([9, 4, 7], 2, token_types=False)
    coefficients = torch.tensor([0.3, 0.8, 0.55])
    with torch.no_grad():
        one = forward(model, None, MixedPairs(first, second, coefficients))
        other = forward(model, None, MixedPairs(second, first, 1 - coefficients))
    torch.testing.assert_close(one.mixed_logits, other.mixed_logits, **TOLERANCE)


def test_states_are_those_of_the_last_token(padded_texts: Any) -> None:
    model = tiny_network("qwen2")
    texts = padded_texts([5, 12], 1, token_types=False)
    with torch.no_grad():
        found = forward(model, texts, None, state_layers=(1,)).states
        states = model(
            input_ids=texts["input_ids"][:1, :5], output_hidden_states=True
        ).hidden_states[1]
    assert found is not None
    torch.testing.assert_close(found[0, 0], states[0, -1], **TOLERANCE)


def test_texts_end_at_one_slot(padded_texts: Any) -> None:
    texts = padded_texts([2, 4], 1, token_types=False)
    moved = texts_for(tiny_network("llama"), texts)
    assert moved["attention_mask"].tolist() == [[0] * 10 + [1] * 2, [0] * 8 + [1] * 4]
    assert moved["input_ids"][0, 10:].tolist() == texts["input_ids"][0, :2].tolist()
    assert moved["input_ids"][0, :10].tolist() == [0] * 10


@pytest.mark.parametrize("family", ["gpt2", "xlm", "flaubert", "openai-gpt"])
def test_token_types_looked_up_in_the_word_table_are_mixed(family: str, padded_texts: Any) -> None:
    model = tiny_network(family)
    first, second = padded_texts([8], 1), padded_texts([5], 2)
    pairs = MixedPairs(first, second, torch.ones(1))
    cut = {name: tensor[:, :8] for name, tensor in first.items()}
    with torch.no_grad():
        found = forward(model, None, pairs).mixed_logits
        expected = model(**cut).logits
        untyped = model(input_ids=cut["input_ids"], attention_mask=cut["attention_mask"]).logits
    torch.testing.assert_close(found, expected, **TOLERANCE)
    assert (expected - untyped).abs().max() > 1e-3


def test_a_student_of_a_decoder_keeps_its_layers(padded_texts: Any) -> None:
    model = tiny_network("qwen2")
    student = student_from_layers(model, [0, 2])
    assert len(encoder_layers(student)) == 2
    texts = padded_texts([5, 12], 1, token_types=False)
    del encoder_layers(model)[1]
    model.config.num_hidden_layers, model.config.use_cache = 2, False
    torch.testing.assert_close(alone(student, texts), alone(model, texts), **TOLERANCE)


def test_an_encoder_decoder_is_no_decoder() -> None:
    assert not reads_last(tiny_network("bart"))


def test_a_decoder_without_padding_token_is_refused(
    mixkd_trainer: Any, tokenised_texts: Any
) -> None:
    student = tiny_network("gpt2")
    student.config.pad_token_id = None
    with pytest.raises(InputError, match=r"network \(GPT2\w+\) has no padding token"):
        mixkd_trainer(student=student, teacher=False, method="sm", dataset=tokenised_texts(8))
