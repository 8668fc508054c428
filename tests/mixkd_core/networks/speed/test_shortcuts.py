"""Without padding, the last layer at one position: equal to all of it, logits and gradients."""

from contextlib import nullcontext
from typing import Any

import pytest
import torch
import transformers
from torch import Tensor, nn

from mixkd_core.data.token_layout import TokenLayout
from mixkd_core.networks.layers import encoder_layers
from mixkd_core.networks.mixed_forward import MixedPairs, forward
from mixkd_core.networks.speed.quick_dropout import quick_dropout
from mixkd_core.networks.speed.shortcuts import (
    FAMILIES,
    PACKED_ONLY,
    _say_once,
    only_what_is_read,
    why_not,
)
from mixkd_core.networks.tiny_networks import tiny_network

# float64: the routes differ in the order of sums only.
TOLERANCE: Any = {"rtol": 1e-9, "atol": 1e-11}


@pytest.fixture
def bert(tiny_classifier: Any) -> Any:
    """A three-layer classifier in float64, in training mode, without dropout."""

    def build(implementation: str = "sdpa", **changes: Any) -> Any:
        model = without_dropout(tiny_classifier("bert", layers=3, **changes).double().train())
        model.set_attn_implementation(implementation)
        return model

    return build


def without_dropout(model: Any) -> Any:
    for module in model.modules():
        if isinstance(module, torch.nn.Dropout):
            module.p = 0.0
    return model


def a_batch(padded_texts: Any) -> tuple[Any, MixedPairs]:
    """Originals and pairs of unequal lengths; a mask of ones would hide a mask that is ignored."""
    pairs = MixedPairs(
        padded_texts([5, 12, 3], 1), padded_texts([9, 4, 3], 2), torch.tensor([0.3, 0.8, 0.5])
    )
    return padded_texts([3, 12, 8, 6], 3), pairs


def parts(model: Any, batch: tuple[Any, Any], **how: Any) -> dict[str, Tensor]:
    """Logits on both parts, the states asked for, and every gradient of a loss over all of it."""
    model.zero_grad()
    outputs = forward(model, *batch, **how)
    found = {
        name: tensor
        for name in ("logits", "mixed_logits", "states")
        if (tensor := getattr(outputs, name)) is not None
    }
    generator = torch.Generator().manual_seed(0)
    loss = sum(
        (tensor * torch.randn(tensor.shape, generator=generator)).sum() for tensor in found.values()
    )
    loss.backward()
    gradients = {
        name: parameter.grad.clone()
        for name, parameter in model.named_parameters()
        if parameter.grad is not None
    }
    return {name: tensor.detach() for name, tensor in found.items()} | gradients


def is_on(model: Any) -> bool:
    """Whether the last layer computes one position."""
    states = []
    hook = model.base_model.register_forward_hook(lambda _m, _i, out: states.append(out[0]))
    with torch.no_grad():
        model(input_ids=torch.tensor([[5, 6, 7]]))
    hook.remove()
    assert states[0].shape[1] in (1, 3)
    return bool(states[0].shape[1] == 1)


@pytest.mark.parametrize("implementation", ["sdpa", "eager"])
@pytest.mark.parametrize("mix_layer", [0, 1, 3])
def test_logits_states_and_gradients_are_the_same(
    mix_layer: int, implementation: str, bert: Any, padded_texts: Any
) -> None:
    """Mixing at the last layer itself (3) included; and the states that `pkd` compares."""
    model, batch = bert(implementation), a_batch(padded_texts)
    how: dict[str, Any] = {"mix_layer": mix_layer, "state_layers": (1, 2, 3)}
    whole = parts(model, batch, **how)
    with only_what_is_read(model):
        assert is_on(model)
        short = parts(model, batch, **how)
    torch.testing.assert_close(short, whole, **TOLERANCE)
    # Every weight took part, keys and values of the last layer too; or equal says little. (A bias
    # of keys shifts all scores of a query alike: its gradient is 0.)
    idle = {name for name, tensor in short.items() if tensor.abs().max() < 1e-9}
    assert all(name.endswith("key.bias") for name in idle), idle


@pytest.mark.parametrize("family", FAMILIES)
def test_every_family_computes_the_same(family: str, padded_texts: Any) -> None:
    """Without padding, mixing at a layer (padded), and at the last layer; states included."""
    model, batch = without_dropout(tiny_network(family).double().train()), a_batch(padded_texts)
    assert rows_of_first_layer(model, lambda: forward(model, *batch)) == (7, 12)
    for mix_layer in (0, 2, 4):
        how: dict[str, Any] = {"mix_layer": mix_layer, "state_layers": (1, 4)}
        whole = parts(model, batch, **how)
        with only_what_is_read(model):
            assert is_on(model)
            short = parts(model, batch, **how)
        torch.testing.assert_close(short, whole, **TOLERANCE)
    idle = {name for name, tensor in short.items() if tensor.abs().max() < 1e-9}
    assert all(name.endswith(("key.bias", "k.bias", "k_lin.bias")) for name in idle), idle
    with only_what_is_read(model):
        assert rows_of_first_layer(model, lambda: forward(model, *batch))[0] == 1
    assert rows_of_first_layer(model, lambda: forward(model, *batch)) == (7, 12)
    torch.testing.assert_close(parts(model, batch, **how), whole)


@pytest.mark.parametrize("family", PACKED_ONLY)
def test_encoders_that_are_only_packed_compute_the_same(family: str, padded_texts: Any) -> None:
    """Without padding, all positions of the last layer; texts as long as a window and longer."""
    model, batch = without_dropout(tiny_network(family).double().train()), a_batch(padded_texts)
    how: dict[str, Any] = {"state_layers": (1, 4)}
    whole = parts(model, batch, **how)
    with only_what_is_read(model):
        assert rows_of_first_layer(model, lambda: forward(model, *batch)) == (1, 64)
        torch.testing.assert_close(parts(model, batch, **how), whole, **TOLERANCE)
        # Padded texts too, as where mixing is at a layer.
        short = parts(model, batch, mix_layer=2, **how)
    torch.testing.assert_close(short, parts(model, batch, mix_layer=2, **how), **TOLERANCE)
    assert rows_of_first_layer(model, lambda: forward(model, *batch)) == (7, 12)


@pytest.mark.parametrize("reach", [1, 3, 6, 11, 20])
def test_windows_are_within_a_text(reach: int, padded_texts: Any) -> None:
    """ModernBERT attends over a window in most layers; here texts have up to 12 tokens."""
    model = without_dropout(tiny_network("modernbert").double().train())
    windowed = [layer.attn for layer in encoder_layers(model) if layer.attn.sliding_window]
    assert windowed
    model.config.sliding_window = reach
    for attention in windowed:
        attention.sliding_window = reach + 1
    batch = a_batch(padded_texts)
    whole = parts(model, batch)
    with only_what_is_read(model):
        torch.testing.assert_close(parts(model, batch), whole, **TOLERANCE)


def test_a_head_that_reads_every_position_is_left_alone(tiny_classifier: Any) -> None:
    model = tiny_classifier("modernbert")
    model.config.classifier_pooling = "mean"
    assert "reads every position" in str(why_not(model))


def test_distances_of_mpnet_are_within_a_text(padded_texts: Any) -> None:
    """Beyond 128 tokens distances share a bucket: texts longer than that, too."""
    model = without_dropout(tiny_network("mpnet").double().train())
    model.base_model.embeddings.position_embeddings = nn.Embedding(300, 16, 1, dtype=torch.float64)
    lengths = torch.tensor([200, 150, 3])
    mask = (torch.arange(200) < lengths[:, None]).long()
    ids = torch.randint(5, 64, mask.shape, generator=torch.Generator().manual_seed(0)) * mask
    texts = {"input_ids": ids, "attention_mask": mask}
    whole = parts(model, (texts, None))
    with only_what_is_read(model):
        torch.testing.assert_close(parts(model, (texts, None)), whole, **TOLERANCE)


def rows_of_first_layer(model: Any, call: Any) -> tuple[int, ...]:
    """The leading shape of what the first layer is given."""
    shapes = []
    hook = encoder_layers(model)[0].register_forward_pre_hook(
        lambda _m, inputs: shapes.append(tuple(inputs[0].shape[:2]))
    )
    call()
    hook.remove()
    return tuple(shapes[0])


def test_no_padding_is_computed(bert: Any, padded_texts: Any) -> None:
    """As many rows as there are tokens, but for fillers up to a multiple of 64."""
    model = bert()
    originals, pairs = padded_texts([3, 12, 8, 6] * 4, 3), a_batch(padded_texts)[1]
    for given, rows in (((originals, pairs), 192), ((originals, None), 128), ((None, pairs), 64)):
        assert rows_of_first_layer(model, lambda given=given: forward(model, *given))[1] == 12
        with only_what_is_read(model):
            shape = rows_of_first_layer(model, lambda given=given: forward(model, *given))
        assert shape == (1, rows)  # of 116 + 24, 116 and 24 tokens


@pytest.mark.slow
@pytest.mark.parametrize("wrapping", [nn.DataParallel, torch.compile])
def test_wrappings_that_need_rows_get_padded_texts(
    wrapping: Any, bert: Any, padded_texts: Any
) -> None:
    model, batch = bert(), a_batch(padded_texts)
    wrapped = wrapping(model)
    if wrapping is torch.compile:
        wrapped.forward = model.forward  # the wrapper without its compiler
    with only_what_is_read(model):
        rows = rows_of_first_layer(model, lambda: forward(wrapped, *batch, core=model))
    assert rows == (7, 12)


def test_a_text_of_weight_zero_has_no_say(bert: Any, padded_texts: Any) -> None:
    """At λ = 1 the mixture is the first text, and as short as that."""
    model = bert()
    first, second = padded_texts([5, 4], 1), padded_texts([12, 9], 2)
    pairs = MixedPairs(first, second, torch.ones(2))
    with torch.no_grad(), only_what_is_read(model):
        mixed = forward(model, None, pairs).mixed_logits
    assert TokenLayout.of(pairs.attention_mask).positions.shape == (9,)
    torch.testing.assert_close(mixed, model(**first).logits.detach(), **TOLERANCE)


@pytest.mark.parametrize("implementation", ["sdpa", "eager"])
@pytest.mark.parametrize("mask", ["none", "ones", "boolean"])
def test_every_form_of_mask(mask: str, implementation: str, bert: Any, padded_texts: Any) -> None:
    """transformers turns a mask of ones into None; others into (n, 1, length, length)."""
    model = bert(implementation)
    texts = padded_texts([12, 7, 3], 4)
    inputs = {name: texts[name] for name in ("input_ids", "token_type_ids")}
    if mask != "none":
        given = texts["attention_mask"]
        inputs["attention_mask"] = torch.ones_like(given) if mask == "ones" else given.bool()
    whole = model(**inputs).logits
    with only_what_is_read(model):
        torch.testing.assert_close(model(**inputs).logits, whole, **TOLERANCE)


@pytest.mark.parametrize("architecture", ["deberta-v2"])
def test_other_architectures_are_left_alone(
    architecture: str, tiny_classifier: Any, caplog: pytest.LogCaptureFixture
) -> None:
    """And it is said, once."""
    model = tiny_classifier(architecture)
    _say_once.cache_clear()
    for _ in range(2):
        with only_what_is_read(model):
            assert not is_on(model)
    assert caplog.text.count(f"there are no shortcuts for a {type(model).__name__}") == 1


@pytest.mark.parametrize(
    "changes",
    [{"is_decoder": True}, {"chunk_size_feed_forward": 3}, {"output_attentions": True}],
    ids=["decoder", "chunks", "attentions"],
)
def test_a_bert_that_works_otherwise_is_left_alone(changes: dict[str, Any], bert: Any) -> None:
    config = bert("eager").config
    config.update(changes)
    model = transformers.BertForSequenceClassification(config)
    assert why_not(model) is not None
    with only_what_is_read(model):
        assert not is_on(model)


def test_an_attention_of_ones_own_is_left_alone(bert: Any) -> None:
    model = bert()
    attention = encoder_layers(model)[-1].attention.self
    own = type("OwnAttention", (type(attention),), {})
    attention.__class__ = own
    with only_what_is_read(model):
        assert not is_on(model)
    assert type(attention) is own


class Doubled(nn.Linear):
    """A weight with an adapter around it: more comes out than the weight says."""

    def forward(self, given: Tensor) -> Tensor:
        return 2 * super().forward(given)


def test_a_wrapped_weight_is_called(bert: Any, padded_texts: Any) -> None:
    """An adapter's additions would be missed where the last layer uses the weights alone."""
    model, batch = bert(), a_batch(padded_texts)
    encoder_layers(model)[-1].attention.self.key.__class__ = Doubled
    whole = parts(model, batch, state_layers=(2, 3))
    with only_what_is_read(model):
        assert not is_on(model)
        short = parts(model, batch, state_layers=(2, 3))
        assert rows_of_first_layer(model, lambda: forward(model, *batch))[0] == 1
    torch.testing.assert_close(short, whole, **TOLERANCE)


def test_it_ends_with_the_context_however_that_ends(bert: Any) -> None:
    student, teacher = bert(), bert()

    def interrupted() -> None:
        with only_what_is_read(student, teacher, None):
            assert is_on(student)
            assert is_on(teacher)
            raise RuntimeError("stop")

    with pytest.raises(RuntimeError, match="stop"):
        interrupted()
    assert not is_on(student)
    assert not is_on(teacher)


def test_entering_twice_is_leaving_once(bert: Any) -> None:
    """Inference inside training: what the inner context found switched on stays on."""
    model = bert()
    with only_what_is_read(model):
        with only_what_is_read(model, model):
            assert is_on(model)
        assert is_on(model)
    assert not is_on(model)


@pytest.mark.parametrize("reentrant", [False, True])
@pytest.mark.parametrize("architecture", ["bert", "distilbert"])
def test_layers_that_are_run_again(
    architecture: str,
    reentrant: bool,
    tiny_classifier: Any,
    padded_texts: Any,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Gradient checkpointing: texts are padded, and that is said once."""
    model = without_dropout(tiny_classifier(architecture).double().train())
    batch = a_batch(padded_texts)
    whole = parts(model, batch)
    _say_once.cache_clear()
    with only_what_is_read(model):
        model.gradient_checkpointing_enable({"use_reentrant": reentrant})
        for _ in range(2):
            torch.testing.assert_close(parts(model, batch), whole, **TOLERANCE)
        assert caplog.text.count("gradient checkpointing is on") == 1


def test_a_layer_that_another_stands_in_for(tiny_classifier: Any, padded_texts: Any) -> None:
    """Module replacement: the student's last layer is stood in for by two of the teacher's."""
    student = without_dropout(tiny_classifier("distilbert", layers=2, seed=1).double().train())
    teacher = without_dropout(tiny_classifier("distilbert", layers=4, seed=2).double().train())
    last, batch = encoder_layers(student)[-1], a_batch(padded_texts)

    def two_of_the_teachers(states: Tensor, *args: Any, **kwargs: Any) -> Tensor:
        for layer in encoder_layers(teacher)[2:]:
            states = layer(states, *args, **kwargs)
        return states

    for forward_of_last in (two_of_the_teachers, last.forward):
        last.forward = forward_of_last
        whole = parts(student, batch)
        with only_what_is_read(student, teacher):
            torch.testing.assert_close(parts(student, batch), whole, **TOLERANCE)


@pytest.mark.slow
def test_a_compiled_model(bert: Any, padded_texts: Any) -> None:
    batch = a_batch(padded_texts)
    model = bert()
    whole = parts(model, batch)
    with only_what_is_read(model):
        torch.compiler.reset()
        compiled = torch.compile(model, backend="eager")
        outputs = forward(compiled, *batch, core=model)
    assert outputs.logits is not None
    assert outputs.mixed_logits is not None
    torch.testing.assert_close(outputs.logits.detach(), whole["logits"], **TOLERANCE)
    torch.testing.assert_close(outputs.mixed_logits.detach(), whole["mixed_logits"], **TOLERANCE)


def test_half_precision_stays_close(bert: Any, padded_texts: Any) -> None:
    """bfloat16 has 8 bits: logits of order 1 are those of float32 to a few hundredths.

    Not those of the whole pass in bfloat16, whose own rounding differs from processor to processor.
    """
    for implementation in ("sdpa", "eager"):
        model, batch = bert(implementation).float(), a_batch(padded_texts)
        with torch.no_grad():
            exact = forward(model, *batch).logits
            with torch.autocast("cpu", torch.bfloat16), only_what_is_read(model):
                short = forward(model, *batch).logits
        assert exact is not None
        torch.testing.assert_close(short.float(), exact, rtol=0.05, atol=0.05)
        assert not torch.equal(short.float(), exact)


def test_dropout_is_still_there(bert: Any, padded_texts: Any) -> None:
    """In training two passes differ, in evaluation they do not."""
    model = bert()
    for module in encoder_layers(model)[-1].modules():
        if isinstance(module, torch.nn.Dropout):
            module.p = 0.1
    texts = padded_texts([7], 1)
    torch.manual_seed(0)
    with only_what_is_read(model), torch.no_grad():
        drawn = [model(**texts).logits for _ in range(2)]
        model.eval()
        fixed = [model(**texts).logits for _ in range(2)]
    assert not torch.equal(drawn[0], drawn[1])
    assert torch.equal(fixed[0], fixed[1])


@pytest.mark.slow
@pytest.mark.parametrize("place", ["words", "attention", "states"])
def test_dropout_disturbs_gradients_as_much(place: str, bert: Any, padded_texts: Any) -> None:
    """With dropout in one kind of place, gradients have the mean and the variance they had.

    Both ways draw their own random numbers, so they agree in distribution only. Of each route 400
    gradients are projected onto 30 fixed directions; the spread of one is its mean squared distance
    from the mean, in units of the variance. Error budget: were the distributions equal, one of 3
    times 31 means would lie beyond 4.5 standard errors with probability 6e-4.
    """
    model, batch = bert(), a_batch(padded_texts)
    for name, module in model.named_modules():
        if isinstance(module, torch.nn.Dropout):
            parent = name.rpartition(".")[0].rpartition(".")[2]
            kind = {"embeddings": "words", "self": "attention"}.get(parent, "states")
            module.p = 0.3 if kind == place else 0.0
    generator = torch.Generator().manual_seed(0)
    weights = sum(parameter.numel() for parameter in model.parameters())
    directions = torch.randn(weights, 30, generator=generator, dtype=torch.float64)
    torch.manual_seed(1)

    def projected() -> Tensor:
        return torch.stack([_gradient(model, batch) @ directions for _ in range(400)])

    whole = projected()
    with only_what_is_read(model), quick_dropout(model):
        short = projected()
    assert (whole.var(0) > 0).all(), "no dropout took place"
    found, expected = (
        torch.cat([drawn, ((drawn - drawn.mean(0)) ** 2 / whole.var(0)).mean(1, keepdim=True)], 1)
        for drawn in (short, whole)
    )
    error = ((found.var(0) + expected.var(0)) / 400).sqrt()
    assert ((found.mean(0) - expected.mean(0)).abs() < 4.5 * error).all()


def _gradient(model: Any, batch: tuple[Any, Any]) -> Tensor:
    """Of a loss over originals and mixed samples, all parameters in one row."""
    model.zero_grad()
    outputs = forward(model, *batch)
    logits = torch.cat([outputs.logits, outputs.mixed_logits])  # type: ignore[list-item]
    logits.diff(dim=1).sum().backward()
    return torch.cat(
        [
            torch.zeros_like(parameter).flatten()
            if parameter.grad is None
            else parameter.grad.flatten()
            for parameter in model.parameters()
        ]
    )


def test_training_and_evaluation_use_it(
    mixkd_trainer: Any, tiny_classifier: Any, tokenised_texts: Any
) -> None:
    """Inside `train`, evaluation included, one position; outside of it the model is itself."""
    student, teacher = tiny_classifier(seed=1), tiny_classifier(layers=4, seed=2)
    widths: dict[str, set[int]] = {"student": set(), "teacher": set()}
    for name, model in (("student", student), ("teacher", teacher)):
        model.base_model.register_forward_hook(
            lambda _m, _i, out, name=name: widths[name].add(out[0].shape[1])
        )
    trainer = mixkd_trainer(
        student=student,
        teacher=teacher,
        method="kd+sm+tmkd",
        eval_dataset=tokenised_texts(5, seed=5),
        per_device_eval_batch_size=1,
        eval_strategy="epoch",
    )
    trainer.train()
    assert widths == {"student": {1}, "teacher": {1}}
    inside = [entry["eval_loss"] for entry in trainer.state.log_history if "eval_loss" in entry]
    assert trainer.evaluate()["eval_loss"] == pytest.approx(inside[-1], rel=1e-5)
    assert not is_on(student)
    assert not is_on(teacher)


@pytest.mark.slow
def test_pkd_trains_alike_with_and_without(
    mixkd_trainer: Any,
    tiny_classifier: Any,
    no_dropout: Any,
    weights_of: Any,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Whole runs of the trainer, in float64: weights agree after three steps."""
    after = []
    for route in (None, lambda *_: nullcontext()):
        if route is not None:
            monkeypatch.setattr("mixkd_core.training.trainer.only_what_is_read", route)
            monkeypatch.setattr("mixkd_core.networks.inference.only_what_is_read", route)
        student = no_dropout(tiny_classifier(layers=2, seed=1)).double()
        mixkd_trainer(
            student=student,
            teacher=tiny_classifier(layers=4, seed=2).double(),
            method="pkd",
            alpha_tmkd=1.0,
        ).train()
        after.append(weights_of(student))
    # The stored teacher outputs are float32: a last bit there is 1e-7 here.
    torch.testing.assert_close(after[0], after[1], rtol=1e-4, atol=1e-5)
