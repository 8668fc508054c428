"""Every argument of the method changes what is learnt, and parses from a command line."""

import dataclasses
import itertools
from typing import Any

import pytest
import torch
from transformers import HfArgumentParser, TrainingArguments

from mixkd_core.errors import InputError
from mixkd_core.mixing.pairing import PAIRINGS
from mixkd_core.training.arguments import MixKDArguments

# Knob → (what else is set, one value, another).
KNOBS: dict[str, tuple[dict[str, Any], Any, Any]] = {
    "method": ({}, "sm", "tmkd"),
    "alpha_mle": ({"method": "sm+tmkd"}, None, 0.3),
    "alpha_kd": ({"method": "kd"}, None, 3.0),
    "alpha_pkd": ({"method": "pkd"}, None, 3.0),
    "alpha_sm": ({"method": "sm+tmkd"}, None, 3.0),
    "alpha_tmkd": ({"method": "sm+tmkd"}, None, 3.0),
    "distance": ({}, "mse", "kl"),
    "temperature": ({"distance": "kl"}, 1.0, 5.0),
    "mixup_alpha": ({}, 0.4, 4.0),
    "mixup_ratio": ({}, 1.0, 2.0),
    "pairing": ({}, "dataset", "batch"),
    "self_pairs": ({}, False, True),
    "fixed_draws": ({"max_steps": 12}, False, True),  # apart from the second epoch on
    "mix_layer": ({"method": "sm"}, 0, 1),
    "length_group_batches": ({}, 0, 2),
}


def test_every_knob_is_tried_below() -> None:
    inherited = {field.name for field in dataclasses.fields(TrainingArguments)}
    own = {field.name for field in dataclasses.fields(MixKDArguments)} - inherited
    # Where a teacher's outputs are kept changes nothing: see networks/test_teacher_outputs.py. The
    # weight of the term on unlabelled texts is tried where there are some: test_transfer_set.py.
    assert own - {"teacher_cache_dir", "alpha_transfer"} == set(KNOBS)


@pytest.fixture
def learn(mixkd_trainer: Any, tiny_classifier: Any, tokenised_texts: Any, weights_of: Any) -> Any:
    """What three steps make of one student under given arguments."""

    def train(**arguments: Any) -> torch.Tensor:
        # Sixteen texts in batches of two, so that grouping has something to group.
        trainer = mixkd_trainer(
            student=tiny_classifier(seed=1),
            dataset=tokenised_texts(16),
            per_device_train_batch_size=2,
            **{"max_steps": 3, **arguments},
        )
        trainer.train()
        weights: torch.Tensor = weights_of(trainer.model)
        return weights

    return train


@pytest.mark.slow
@pytest.mark.parametrize("knob", KNOBS)
def test_a_knob_changes_what_is_learnt(knob: str, learn: Any) -> None:
    others, one, another = KNOBS[knob]
    first = learn(**others, **{knob: one})
    assert torch.equal(first, learn(**others, **{knob: one}))
    assert (first - learn(**others, **{knob: another})).abs().max() > 1e-4


@pytest.mark.slow
def test_every_pairing_learns_something_else(learn: Any) -> None:
    weights = [learn(pairing=pairing) for pairing in PAIRINGS]
    for one, another in itertools.combinations(weights, 2):
        assert (one - another).abs().max() > 1e-4


@pytest.mark.slow
def test_in_the_first_epoch_fixed_draws_are_fresh_ones(learn: Any) -> None:
    """Stored teacher outputs are those of a pass at each step, up to rounding.

    Plain descent: Adam turns a rounding error of a vanishing gradient into a whole step.
    """
    for others in ({"method": "tmkd"}, {"pairing": "across-classes", "mix_layer": 1}):
        epoch = {**others, "max_steps": 8, "optim": "sgd"}
        torch.testing.assert_close(
            learn(**epoch), learn(**epoch, fixed_draws=True), rtol=1e-4, atol=1e-5
        )


@pytest.mark.parametrize(("labels", "num_labels"), [("soft", 3), ("real", 1)])
def test_pairing_by_class_is_refused_where_examples_have_none(
    labels: str, num_labels: int, mixkd_trainer: Any, tiny_classifier: Any, tokenised_texts: Any
) -> None:
    with pytest.raises(InputError, match="real-valued or soft labels"):
        mixkd_trainer(
            student=tiny_classifier(num_labels=num_labels, seed=1),
            teacher=tiny_classifier(num_labels=num_labels, seed=2),
            dataset=tokenised_texts(12, labels),
            pairing="within-class",
        )


@pytest.mark.slow
@pytest.mark.parametrize("knob", ["alpha_mle", "alpha_kd", "alpha_pkd", "alpha_sm", "alpha_tmkd"])
def test_a_weight_added_to_fine_tuning_changes_what_is_learnt(knob: str, learn: Any) -> None:
    assert (learn(method="ft") - learn(method="ft", **{knob: 2.0})).abs().max() > 1e-4


@pytest.mark.slow
def test_a_weight_of_zero_is_the_method_without_the_term(learn: Any) -> None:
    assert torch.equal(learn(method="sm+tmkd", alpha_sm=0.0), learn(method="tmkd"))
    assert torch.equal(learn(method="kd", alpha_kd=0.0), learn(method="ft"))


@pytest.mark.slow
def test_soft_cross_entropy_teaches_what_divergence_does(learn: Any) -> None:
    """They differ by the teacher's entropy, which does not depend on the student."""
    torch.testing.assert_close(
        learn(distance="kl", temperature=2.0),
        learn(distance="soft-ce", temperature=2.0),
        rtol=1e-3,
        atol=1e-4,
    )


@pytest.mark.slow
@pytest.mark.parametrize("knob", ["seed", "data_seed"])
def test_seeds_change_what_is_learnt(knob: str, learn: Any) -> None:
    assert (learn(**{knob: 3}) - learn(**{knob: 4})).abs().max() > 1e-4


def test_arguments_parse_from_a_command_line() -> None:
    line = (
        "--output_dir out --use_cpu --method sm+tmkd --alpha_sm 0.5 --alpha_kd 2 --distance kl "
        "--temperature 2 --mixup_alpha 1 --mixup_ratio 1.5 --pairing batch --self_pairs "
        "--fixed_draws --mix_layer 1 --length_group_batches 10"
    )
    (parsed,) = HfArgumentParser(MixKDArguments).parse_args_into_dataclasses(line.split())
    assert parsed.objective.formula == "L = 1 mle + 2 kd + 0.5 sm + 1 tmkd"
    assert (parsed.distance, parsed.temperature) == ("kl", 2.0)
    assert (parsed.mixup_alpha, parsed.mixup_ratio, parsed.pairing) == (1.0, 1.5, "batch")
    assert parsed.fixed_draws
    assert (parsed.self_pairs, parsed.mixing_layer, parsed.length_group_batches) == (True, 1, 10)
    pooled = ["--output_dir", "out", "--use_cpu", "--mix_layer", "pooled"]
    (parsed,) = HfArgumentParser(MixKDArguments).parse_args_into_dataclasses(pooled)
    assert parsed.mixing_layer == "pooled"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"method": "mixkd"}, "unknown method 'mixkd'"),
        ({"alpha_sm": -1.0}, "the weight of 'sm' is -1.0"),
        ({"method": "ft", "alpha_mle": 0.0}, "nothing is left to minimise"),
        ({"distance": "cosine"}, "unknown distance 'cosine'"),
        ({"temperature": 2.0}, "'mse' compares logits and has no temperature"),
        ({"distance": "kl", "temperature": 0.0}, "temperature is 0.0"),
        ({"mixup_alpha": 0.0}, "mixup alpha is 0.0"),
        ({"mixup_ratio": 0.0}, "mixup ratio is 0, but the objective has terms on mixed samples"),
        ({"mixup_ratio": -1.0}, "mixup ratio is -1.0"),
        ({"pairing": "nearest"}, "unknown pairing 'nearest'"),
        ({"mix_layer": 3}, "mix_layer is 3, but the model has layers 1 to 2"),
        ({"mix_layer": -1}, "mix_layer is -1"),
        ({"mix_layer": "last"}, "mix_layer is 'last': give 0"),
        ({"length_group_batches": -1}, "length_group_batches is -1"),
        ({"method": "pkd"}, "teacher's have 16 dimensions but the student's 8"),
    ],
)
def test_bad_arguments_are_refused_before_training(
    arguments: dict[str, Any], message: str, mixkd_trainer: Any
) -> None:
    with pytest.raises(InputError, match=message):
        mixkd_trainer(**arguments)
