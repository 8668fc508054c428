"""A network's outputs on a whole table."""

from contextlib import contextmanager
from typing import Any

import numpy as np
import pytest
import torch

from mixkd_core.data.token_table import token_table
from mixkd_core.errors import NonFiniteError
from mixkd_core.mixing.pairing import pairs_over_dataset
from mixkd_core.networks.inference import run_inference, run_mixed_inference
from mixkd_core.networks.mix_layer import MixLayer
from mixkd_core.networks.mixed_forward import MixedPairs, forward


@pytest.mark.parametrize("batch_size", [1, 4, 64])
def test_outputs_are_each_texts_own_in_the_order_of_the_table(
    batch_size: int, tiny_classifier: Any, tokenised_texts: Any
) -> None:
    model, table = tiny_classifier("bert", layers=3), token_table(tokenised_texts(10), 0)
    result = run_inference(model, table, batch_size=batch_size, state_layers=(1, 3))
    assert result.logits.shape == (10, 3)
    assert result.states is not None
    assert result.states.shape == (10, 2, 16)
    assert result.logits.dtype == result.states.dtype == np.float32
    for row in range(10):
        alone = table.pad(np.array([row]), int(table.lengths[row]))
        with torch.no_grad():
            outputs = model(**alone, output_hidden_states=True)
        expected = torch.stack([outputs.hidden_states[layer][0, 0] for layer in (1, 3)])
        np.testing.assert_allclose(result.logits[row], outputs.logits[0], rtol=1e-4, atol=1e-5)
        np.testing.assert_allclose(result.states[row], expected, rtol=1e-4, atol=1e-5)


def test_logits_that_overflow_are_a_divergence(tiny_classifier: Any, tokenised_texts: Any) -> None:
    model, table = tiny_classifier("bert"), token_table(tokenised_texts(10), 0)
    with torch.no_grad():
        model.classifier.weight.fill_(3e38)  # finite, as a check of the weights would find
    with pytest.raises(NonFiniteError, match="on 10 of 10 texts, first on row 0"):
        run_inference(model, table)


@pytest.mark.parametrize("batch_size", [1, 4, 64])
@pytest.mark.parametrize("mix_layer", [0, 2, "pooled"])
def test_outputs_on_mixed_samples_are_each_pairs_own(
    mix_layer: MixLayer, batch_size: int, tiny_classifier: Any, tokenised_texts: Any
) -> None:
    model, table = tiny_classifier("bert", layers=3), token_table(tokenised_texts(10), 0)
    pairs = pairs_over_dataset(10, 1.3, 1.0, False, np.random.default_rng(0))
    model.train()
    result = run_mixed_inference(
        model, table, pairs, mix_layer=mix_layer, batch_size=batch_size, state_layers=(1, 3)
    )
    assert model.training
    model.eval()
    assert result.logits.shape == (13, 3)
    assert result.states is not None
    for number in range(13):
        rows = [np.array([members[number]]) for members in (pairs.first, pairs.second)]
        length = int(max(table.lengths[row[0]] for row in rows))
        alone = MixedPairs(
            table.pad(rows[0], length),
            table.pad(rows[1], length),
            torch.tensor([pairs.mixing_coefficients[number]], dtype=torch.float32),
        )
        with torch.no_grad():
            expected = forward(model, None, alone, mix_layer=mix_layer, state_layers=(1, 3))
        assert expected.mixed_logits is not None
        assert expected.mixed_states is not None
        for found, one in (
            (result.logits, expected.mixed_logits),
            (result.states, expected.mixed_states),
        ):
            np.testing.assert_allclose(found[number], one[0], rtol=1e-4, atol=1e-5)


def test_states_are_left_out_unless_asked_for(tiny_classifier: Any, tokenised_texts: Any) -> None:
    assert run_inference(tiny_classifier(), token_table(tokenised_texts(3), 0)).states is None


def test_model_and_random_state_are_left_as_they_were(
    tiny_classifier: Any, tokenised_texts: Any
) -> None:
    model, table = tiny_classifier("bert"), token_table(tokenised_texts(6), 0)
    evaluated = run_inference(model, table).logits
    model.train()
    random_state = torch.random.get_rng_state()
    # Dropout is off although the model was found in training mode ...
    assert np.array_equal(run_inference(model, table).logits, evaluated)
    # ... and on again afterwards.
    assert model.training
    assert torch.equal(torch.random.get_rng_state(), random_state)
    assert all(parameter.grad is None for parameter in model.parameters())


def test_training_mode_comes_back_after_a_failure(
    tiny_classifier: Any, tokenised_texts: Any
) -> None:
    model = tiny_classifier("bert").train()

    @contextmanager
    def broken() -> Any:
        raise RuntimeError("no such precision")
        yield

    with pytest.raises(RuntimeError, match="no such precision"):
        run_inference(model, token_table(tokenised_texts(3), 0), precision=broken)
    assert model.training


def test_precision_and_progress(tiny_classifier: Any, tokenised_texts: Any) -> None:
    model, table = tiny_classifier("bert"), token_table(tokenised_texts(10), 0)
    done: list[int] = []
    half = run_inference(
        model,
        table,
        batch_size=4,
        precision=lambda: torch.autocast("cpu", torch.bfloat16),
        progress=done.append,
    )
    full = run_inference(model, table)
    assert done == [4, 4, 2]
    assert half.logits.dtype == np.float32
    assert not np.array_equal(half.logits, full.logits)
    np.testing.assert_allclose(half.logits, full.logits, atol=0.1)
