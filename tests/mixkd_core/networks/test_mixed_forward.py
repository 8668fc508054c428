"""The pass over originals and mixed samples, on every architecture."""

from typing import Any

import pytest
import torch
from transformers import XLMConfig, XLMForSequenceClassification

from mixkd_core.errors import InputError
from mixkd_core.networks.layers import encoder_layers
from mixkd_core.networks.mix_layer import MixLayer, parsed_mix_layer
from mixkd_core.networks.mixed_forward import (
    MixedPairs,
    forward,
    mixed_embeddings,
    word_and_type_embeddings,
)

ARCHITECTURES = ("bert", "roberta", "distilbert", "electra", "deberta-v2", "modernbert")
HAS_TOKEN_TYPES = {"bert", "electra"}

# float32 on 16-wide models whose logits are of order 1; routes differ in the order of sums only.
TOLERANCE = {"rtol": 1e-5, "atol": 1e-5}


def texts_for(architecture: str, padded_texts: Any, lengths: list[int], seed: int) -> Any:
    return padded_texts(lengths, seed, token_types=architecture in HAS_TOKEN_TYPES)


def plain(model: Any, texts: Any) -> torch.Tensor:
    with torch.no_grad():
        return model(**texts).logits


@pytest.mark.parametrize("mix_layer", [0, 1, 2, "pooled"])
@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_coefficient_one_is_the_first_text_and_zero_the_second(
    architecture: str, mix_layer: MixLayer, tiny_classifier: Any, padded_texts: Any
) -> None:
    model = tiny_classifier(architecture)
    first = texts_for(architecture, padded_texts, [5, 12, 7], 1)
    second = texts_for(architecture, padded_texts, [9, 4, 7], 2)
    for value, expected in ((1.0, first), (0.0, second)):
        pairs = MixedPairs(first, second, torch.full((3,), value))
        with torch.no_grad():
            outputs = forward(model, None, pairs, mix_layer=mix_layer)
        torch.testing.assert_close(outputs.mixed_logits, plain(model, expected), **TOLERANCE)
        assert outputs.logits is None


@pytest.mark.parametrize("mix_layer", [0, 1, "pooled"])
@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_swapping_the_texts_and_the_coefficient_changes_nothing(
    architecture: str, mix_layer: MixLayer, tiny_classifier: Any, padded_texts: Any
) -> None:
    model = tiny_classifier(architecture)
    first = texts_for(architecture, padded_texts, [5, 12, 7], 1)
    second = texts_for(architecture, padded_texts, [9, 4, 7], 2)
    coefficients = torch.tensor([0.3, 0.8, 0.55])
    with torch.no_grad():
        one = forward(model, None, MixedPairs(first, second, coefficients), mix_layer=mix_layer)
        other = forward(
            model, None, MixedPairs(second, first, 1 - coefficients), mix_layer=mix_layer
        )
    torch.testing.assert_close(one.mixed_logits, other.mixed_logits, **TOLERANCE)
    # ... and the mixture is neither end, or the equality above would say little.
    assert (one.mixed_logits - plain(model, first)).abs().min(dim=0).values.max() > 1e-3


@pytest.mark.parametrize("mix_layer", [0, 1, "pooled"])
@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_one_pass_over_both_parts_is_two_passes(
    architecture: str, mix_layer: MixLayer, tiny_classifier: Any, padded_texts: Any
) -> None:
    model = tiny_classifier(architecture)
    originals = texts_for(architecture, padded_texts, [3, 12, 8, 6], 3)
    pairs = MixedPairs(
        texts_for(architecture, padded_texts, [5, 12], 1),
        texts_for(architecture, padded_texts, [9, 4], 2),
        torch.tensor([0.3, 0.8]),
    )
    with torch.no_grad():
        together = forward(model, originals, pairs, mix_layer=mix_layer, state_layers=(1,))
        alone = forward(model, None, pairs, mix_layer=mix_layer)
        states = model(**originals, output_hidden_states=True).hidden_states[1][:, :1]
    torch.testing.assert_close(together.logits, plain(model, originals), **TOLERANCE)
    torch.testing.assert_close(together.mixed_logits, alone.mixed_logits, **TOLERANCE)
    torch.testing.assert_close(together.states, states, **TOLERANCE)


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_padding_changes_no_logit(
    architecture: str, tiny_classifier: Any, padded_texts: Any
) -> None:
    model = tiny_classifier(architecture)
    first = texts_for(architecture, padded_texts, [5, 8], 1)
    second = texts_for(architecture, padded_texts, [7, 4], 2)
    coefficients = torch.tensor([0.3, 0.8])

    def cut(texts: Any, length: int) -> Any:
        return {name: tensor[:, :length] for name, tensor in texts.items()}

    with torch.no_grad():
        long = forward(model, first, MixedPairs(first, second, coefficients))
        short = forward(
            model, cut(first, 8), MixedPairs(cut(first, 8), cut(second, 8), coefficients)
        )
    torch.testing.assert_close(long.logits, short.logits, **TOLERANCE)
    torch.testing.assert_close(long.mixed_logits, short.mixed_logits, **TOLERANCE)


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_permuting_the_batch_permutes_the_result(
    architecture: str, tiny_classifier: Any, padded_texts: Any
) -> None:
    model = tiny_classifier(architecture)
    first = texts_for(architecture, padded_texts, [5, 12, 7], 1)
    second = texts_for(architecture, padded_texts, [9, 4, 7], 2)
    coefficients = torch.tensor([0.3, 0.8, 0.55])
    order = torch.tensor([2, 0, 1])

    def permuted(texts: Any) -> Any:
        return {name: tensor[order] for name, tensor in texts.items()}

    with torch.no_grad():
        plainly = forward(model, first, MixedPairs(first, second, coefficients))
        shuffled = forward(
            model,
            permuted(first),
            MixedPairs(permuted(first), permuted(second), coefficients[order]),
        )
    torch.testing.assert_close(shuffled.logits, plainly.logits[order], **TOLERANCE)
    torch.testing.assert_close(shuffled.mixed_logits, plainly.mixed_logits[order], **TOLERANCE)


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_the_mixed_embedding_lies_between_the_two(
    architecture: str, tiny_classifier: Any, padded_texts: Any
) -> None:
    model = tiny_classifier(architecture)
    first = texts_for(architecture, padded_texts, [5, 12], 1)
    second = texts_for(architecture, padded_texts, [9, 4], 2)
    with torch.no_grad():
        here = word_and_type_embeddings(model, first)
        there = word_and_type_embeddings(model, second)
        mixed = mixed_embeddings(model, MixedPairs(first, second, torch.tensor([0.3, 0.8])))
    assert torch.all(mixed <= torch.maximum(here, there) + 1e-6)
    assert torch.all(mixed >= torch.minimum(here, there) - 1e-6)
    torch.testing.assert_close(mixed[0], 0.3 * here[0] + 0.7 * there[0])


def test_token_types_are_mixed_with_the_words(tiny_classifier: Any, padded_texts: Any) -> None:
    model = tiny_classifier("bert")
    first = padded_texts([8, 8], 1)
    second = padded_texts([6, 9], 2)
    untyped = {name: tensor for name, tensor in first.items() if name != "token_type_ids"}
    coefficients = torch.tensor([0.4, 0.6])
    with torch.no_grad():
        typed = forward(model, None, MixedPairs(first, second, coefficients)).mixed_logits
        lost = forward(model, None, MixedPairs(untyped, second, coefficients)).mixed_logits
    assert (typed - lost).abs().max() > 1e-3


def test_the_padding_of_the_shorter_text_is_blended_in(
    tiny_classifier: Any, padded_texts: Any
) -> None:
    """The stated rule: past its end, a text contributes the [PAD] embedding, which is not 0."""
    model = tiny_classifier("distilbert")
    first = padded_texts([4], 1, token_types=False)
    second = padded_texts([9], 2, token_types=False)
    pairs = MixedPairs(first, second, torch.tensor([0.25]))
    table = model.get_input_embeddings().weight
    with torch.no_grad():
        mixed = mixed_embeddings(model, pairs)
        tail = 0.25 * table[0] + 0.75 * table[second["input_ids"][0, 8]]
    torch.testing.assert_close(mixed[0, 8], tail)
    assert pairs.attention_mask.tolist() == [[1] * 9 + [0] * 3]


@pytest.mark.parametrize("originals", [True, False])
def test_the_word_table_is_looked_into_once(
    originals: bool, tiny_classifier: Any, padded_texts: Any
) -> None:
    """Each look costs a gradient of the size of the table, 47 MB for 30,522 words of width 384."""
    model = tiny_classifier("bert")
    texts = padded_texts([3, 12], 3) if originals else None
    pairs = MixedPairs(padded_texts([5], 1), padded_texts([9], 2), torch.tensor([0.3]))
    looked = []
    hook = model.get_input_embeddings().register_forward_hook(lambda *_: looked.append(1))
    forward(model, texts, pairs)
    hook.remove()
    assert len(looked) == 1


def test_a_layer_that_is_not_there_is_refused(tiny_classifier: Any, padded_texts: Any) -> None:
    pairs = MixedPairs(padded_texts([4]), padded_texts([5]), torch.tensor([0.5]))
    with pytest.raises(InputError, match="layers 1 to 2"):
        forward(tiny_classifier("bert"), None, pairs, mix_layer=3)


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_the_layers_are_found(architecture: str, tiny_classifier: Any) -> None:
    assert len(encoder_layers(tiny_classifier(architecture, layers=3))) == 3


def test_a_sentence_vector_is_mixed_after_the_pooler(
    tiny_classifier: Any, padded_texts: Any
) -> None:
    """A second route: the pooled vectors of two plain passes, mixed and classified by hand."""
    model = tiny_classifier("bert")
    first, second = padded_texts([5, 12, 7], 1), padded_texts([9, 4, 7], 2)
    coefficients = torch.tensor([0.3, 0.8, 0.55])
    with torch.no_grad():
        one, other = (model.bert(**texts).pooler_output for texts in (first, second))
        expected = model.classifier(
            coefficients[:, None] * one + (1 - coefficients[:, None]) * other
        )
        outputs = forward(model, None, MixedPairs(first, second, coefficients), mix_layer="pooled")
    torch.testing.assert_close(outputs.mixed_logits, expected, **TOLERANCE)


def test_a_head_without_a_classifier_is_not_mixed_before(padded_texts: Any) -> None:
    config = XLMConfig(vocab_size=60, n_layers=1, n_heads=2, emb_dim=16, pad_token_id=0)
    pairs = MixedPairs(padded_texts([4]), padded_texts([5]), torch.tensor([0.5]))
    with pytest.raises(InputError, match="XLMForSequenceClassification has no module 'classifier'"):
        forward(XLMForSequenceClassification(config), None, pairs, mix_layer="pooled")


def test_a_place_is_a_number_or_pooled() -> None:
    assert [parsed_mix_layer(given) for given in (2, "2", "pooled")] == [2, 2, "pooled"]
    with pytest.raises(InputError, match="mix_layer is 'pooler': give 0"):
        parsed_mix_layer("pooler")
