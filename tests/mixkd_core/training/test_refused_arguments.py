"""Everything that `Trainer` takes is honoured or refused; a new argument has to be sorted in."""

import dataclasses
import inspect
from typing import Any

import pytest
import torch
from transformers import (
    DataCollatorWithPadding,
    Trainer,
    TrainingArguments,
    default_data_collator,
)

from mixkd_core.errors import InputError
from mixkd_core.training.arguments import MixKDArguments
from mixkd_core.training.refused_arguments import (
    ACCELERATOR,
    REFUSED_FIELDS,
    REFUSED_PARAMETERS,
    check_arguments,
)
from mixkd_core.training.trainer import MixKDTrainer

# Read by the loop, by evaluation or by saving, which are `Trainer`'s.
LEFT_TO_TRAINER = [
    "output_dir",
    "num_train_epochs",
    "max_steps",
    "learning_rate",
    "lr_scheduler_type",
    "lr_scheduler_kwargs",
    "warmup_steps",
    "optim",
    "optim_args",
    "weight_decay",
    "adam_beta1",
    "adam_beta2",
    "adam_epsilon",
    "optim_target_modules",
    "gradient_accumulation_steps",
    "max_grad_norm",
    "bf16",
    "fp16",
    "bf16_full_eval",
    "fp16_full_eval",
    "tf32",
    "activation_checkpointing",
    "activation_checkpointing_kwargs",
    "gradient_checkpointing",
    "gradient_checkpointing_kwargs",
    "torch_compile",
    "torch_compile_backend",
    "torch_compile_mode",
    "use_cache",
    "neftune_noise_alpha",
    "torch_empty_cache_steps",
    "logging_strategy",
    "logging_steps",
    "logging_first_step",
    "log_on_each_node",
    "log_level",
    "log_level_replica",
    "disable_tqdm",
    "report_to",
    "run_name",
    "project",
    "trackio_space_id",
    "trackio_bucket_id",
    "trackio_static_space_id",
    "eval_strategy",
    "eval_steps",
    "eval_delay",
    "per_device_eval_batch_size",
    "prediction_loss_only",
    "eval_on_start",
    "eval_do_concat_batches",
    "eval_use_gather_object",
    "eval_accumulation_steps",
    "include_for_metrics",
    "batch_eval_metrics",
    "save_only_model",
    "save_strategy",
    "save_steps",
    "save_on_each_node",
    "save_total_limit",
    "enable_jit_checkpoint",
    "push_to_hub",
    "hub_token",
    "hub_private_repo",
    "hub_model_id",
    "hub_strategy",
    "hub_always_push",
    "hub_revision",
    "load_best_model_at_end",
    "metric_for_best_model",
    "greater_is_better",
    "ignore_data_skip",
    "restore_callback_states_from_checkpoint",
    "full_determinism",
    "use_cpu",
    "remove_unused_columns",
    "ddp_find_unused_parameters",
    "ddp_bucket_cap_mb",
    "ddp_broadcast_buffers",
    "ddp_static_graph",
    "ddp_backend",
    "ddp_timeout",
    "fsdp",
    "fsdp_config",
    "deepspeed",
    "debug",
    "skip_memory_metrics",
    "do_train",
    "do_eval",
    "do_predict",
    "resume_from_checkpoint",
    "local_rank",
]

# Read here too, where the batches are made; tested below and in the knobs' tests.
HONOURED = [
    "per_device_train_batch_size",
    "seed",
    "data_seed",
    "dataloader_drop_last",
    "dataloader_num_workers",
    "dataloader_pin_memory",
    "dataloader_persistent_workers",
    "dataloader_prefetch_factor",
    "dataloader_multiprocessing_context",
    "dataloader_in_order",
    "accelerator_config",
]

# Alike whatever they are: the loss is a mean over examples and counts no tokens; one that is NaN
# stops training, so that there is none to filter.
INDIFFERENT = ["average_tokens_across_devices", "logging_nan_inf_filter"]

PARAMETERS_LEFT_TO_TRAINER = [
    "model",
    "args",
    "train_dataset",
    "eval_dataset",
    "processing_class",
    "compute_metrics",
    "callbacks",
    "optimizers",
    "optimizer_cls_and_kwargs",
    "preprocess_logits_for_metrics",
]

# For every refused field a value that would have an effect on `Trainer`.
GIVEN: dict[str, Any] = {
    "label_smoothing_factor": 0.1,
    "use_liger_kernel": True,
    "liger_kernel_config": {"rope": True},
    "auto_find_batch_size": True,
    "train_sampling_strategy": "group_by_length",
    "length_column_name": "size",
    "include_num_input_tokens_seen": "all",
    "label_names": ["label"],
    "parallelism_config": object(),
}


def test_every_field_of_the_arguments_is_sorted_in() -> None:
    sorted_in = [*LEFT_TO_TRAINER, *HONOURED, *INDIFFERENT, *REFUSED_FIELDS]
    assert len(sorted_in) == len(set(sorted_in))
    assert {field.name for field in dataclasses.fields(TrainingArguments)} <= set(sorted_in)


def test_every_parameter_of_the_trainer_is_sorted_in() -> None:
    sorted_in = [*PARAMETERS_LEFT_TO_TRAINER, *REFUSED_PARAMETERS]
    assert len(sorted_in) == len(set(sorted_in))
    assert set(inspect.signature(Trainer.__init__).parameters) <= {"self", *sorted_in}


def test_positional_arguments_are_trainers() -> None:
    def positional(function: Any) -> list[str]:
        kinds = inspect.signature(function).parameters.values()
        return [one.name for one in kinds if one.kind is one.POSITIONAL_OR_KEYWORD]

    ours, theirs = positional(MixKDTrainer.__init__), positional(Trainer.__init__)
    assert ours == theirs[: len(ours)]


@pytest.mark.parametrize("name", REFUSED_FIELDS)
def test_a_field_without_effect_is_refused(name: str) -> None:
    args = MixKDArguments("out", use_cpu=True)
    check_arguments(args)
    setattr(args, name, GIVEN[name])
    with pytest.raises(InputError, match=f"^{name} is .* has no effect here: "):
        check_arguments(args)


@pytest.mark.parametrize(
    "given",
    [
        {"label_smoothing_factor": 0.1},
        {"auto_find_batch_size": True},
        {"train_sampling_strategy": "group_by_length"},
        {"include_num_input_tokens_seen": True},
        {"label_names": ["label"]},
        {"debug": "underflow_overflow"},
        {"per_device_train_batch_size": 0},
        {"gradient_accumulation_steps": 0},
        {"accelerator_config": {"split_batches": True}},
        {"accelerator_config": {"dispatch_batches": True}},
        {"accelerator_config": {"even_batches": False}},
        {"compute_loss_func": lambda *given, **named: None},
        {"model_init": lambda: None},
        {"data_collator": lambda rows: rows},
    ],
)
def test_the_trainer_refuses_what_it_would_drop(given: dict[str, Any], mixkd_trainer: Any) -> None:
    with pytest.raises(InputError, match=next(iter(given))):
        mixkd_trainer(**given)


def test_it_accepts_what_says_the_same(mixkd_trainer: Any) -> None:
    for pads in (default_data_collator, DataCollatorWithPadding(None)):
        mixkd_trainer(label_names=["labels"], data_collator=pads)
    assert set(ACCELERATOR) <= set(vars(mixkd_trainer().args.accelerator_config))


def test_a_search_is_refused_with_or_without_model_init(mixkd_trainer: Any) -> None:
    with pytest.raises(InputError, match="hyperparameter_search has no effect here"):
        mixkd_trainer().hyperparameter_search(n_trials=1)
    with pytest.raises(InputError, match="model_init was given"):
        MixKDTrainer(
            args=MixKDArguments("out", use_cpu=True), train_dataset=[], model_init=lambda: None
        )


@pytest.mark.parametrize("args", [None, TrainingArguments("out", use_cpu=True)])
def test_arguments_of_another_kind_are_refused(args: Any, tiny_classifier: Any) -> None:
    with pytest.raises(InputError, match="give a sequence classifier and MixKDArguments"):
        MixKDTrainer(tiny_classifier(), args, train_dataset=[])


def test_how_data_are_loaded_is_honoured(mixkd_trainer: Any, tokenised_texts: Any) -> None:
    loader = mixkd_trainer(
        dataset=tokenised_texts(11),
        dataloader_num_workers=2,
        dataloader_prefetch_factor=3,
        dataloader_persistent_workers=True,
        dataloader_drop_last=True,
        dataloader_multiprocessing_context="spawn",
        dataloader_in_order=False,
    ).get_train_dataloader()
    assert (loader.num_workers, loader.prefetch_factor) == (2, 3)
    assert loader.persistent_workers
    assert len(loader) == 2
    assert loader.in_order is False
    assert loader.multiprocessing_context.get_start_method() == "spawn"


@pytest.mark.slow
def test_noise_on_embeddings_is_honoured(mixkd_trainer: Any, weights_of: Any) -> None:
    learnt = []
    for noise in (None, 5.0):
        trainer = mixkd_trainer(neftune_noise_alpha=noise)
        trainer.train()
        learnt.append(weights_of(trainer.model))
    assert not torch.equal(*learnt)


def test_with_an_optimiser_given_by_its_class_no_rows_are_held_apart(
    mixkd_trainer: Any, tokenised_texts: Any
) -> None:
    """The decay of rows without gradient is AdamW's, and `optim` does not name this optimiser."""
    few = tokenised_texts(3)
    given = (torch.optim.SGD, {"lr": 0.01, "momentum": 0.9})
    assert mixkd_trainer(dataset=few)._holds_rows_apart
    assert not mixkd_trainer(dataset=few, optimizer_cls_and_kwargs=given)._holds_rows_apart
