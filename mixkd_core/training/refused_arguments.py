"""Arguments of `Trainer` that MixKD's batches and losses would drop: refused, never ignored."""

from dataclasses import fields
from typing import Any

from transformers import DataCollatorWithPadding, TrainingArguments, default_data_collator
from transformers.debug_utils import DebugOption

from mixkd_core.errors import InputError

LOSS = "the loss is the objective's: choose method, alpha_* and distance instead"
SEARCH = (
    "a trainer is made for one student: search with mixkd tune, or make a trainer for each setting"
)
BATCHES = "texts of like length are batched by length_group_batches"

# Fields of `TrainingArguments`, why each has no effect here, and what to do instead.
REFUSED_FIELDS = {
    "label_smoothing_factor": LOSS + ", or give soft labels",
    "use_liger_kernel": LOSS,
    "liger_kernel_config": LOSS,
    "auto_find_batch_size": "pairs are drawn for one batch size: set per_device_train_batch_size",
    "train_sampling_strategy": BATCHES,
    "length_column_name": BATCHES,
    "include_num_input_tokens_seen": "mixed samples would not be counted: multiply by 1 + "
    "mixup_ratio where a number is needed",
    "label_names": "the labels are in column 'labels': rename it",
    "parallelism_config": "texts are mixed whole: use accelerate launch or fsdp",
}

# Parameters of `Trainer`, likewise.
REFUSED_PARAMETERS = {
    "compute_loss_func": LOSS,
    "model_init": SEARCH,
    "data_collator": "MixKD forms batches of originals and pairs by itself: pass the tokenizer as "
    "processing_class, which pads in evaluation",
}

# How accelerate may share batches out; units travel in batches of one size, in step.
ACCELERATOR = {"split_batches": False, "dispatch_batches": None, "even_batches": True}


def check_arguments(args: TrainingArguments) -> None:
    """Refuse arguments of `Trainer`'s that would have no effect, or none but a crash.

    Raises:
        InputError: naming the first one that is not at its default, and what to do instead.
    """
    allowed = {field.name: [field.default] for field in fields(TrainingArguments)}
    allowed["label_names"].append(["labels"])
    for name, remedy in REFUSED_FIELDS.items():
        # Not every version of the library has every field.
        value = getattr(args, name, None)
        if value not in allowed.get(name, [None]):
            raise InputError(f"{name} is {value!r}, which has no effect here: {remedy}.")
    if DebugOption.UNDERFLOW_OVERFLOW in args.debug:
        raise InputError(
            "debug is 'underflow_overflow', whose hooks cannot read the masks of mixed passes: "
            "leave it out; a loss or weight that is not finite ends the training, its step named."
        )
    for name in ("per_device_train_batch_size", "gradient_accumulation_steps"):
        if getattr(args, name) < 1:
            raise InputError(f"{name} is {getattr(args, name)}: a step takes one example at least.")
    for name, wanted in ACCELERATOR.items():
        value = getattr(args.accelerator_config, name)
        if value != wanted:
            raise InputError(
                f"accelerator_config.{name} is {value!r}, and the processes of a launch take equal "
                f"parts of each batch: leave it at {wanted!r}."
            )


def check_parameters(given: dict[str, Any]) -> None:
    """Refuse parameters of `Trainer`'s that would have no effect.

    A collator that does nothing but pad is no contradiction: it serves evaluation.

    Raises:
        InputError: naming the first one, and what to do instead.
    """
    collator = given.get("data_collator")
    pads = collator is default_data_collator or isinstance(collator, DataCollatorWithPadding)
    for name, remedy in REFUSED_PARAMETERS.items():
        value = given.get(name)
        if value is not None and not (name == "data_collator" and pads):
            raise InputError(f"{name} was given, which has no effect here: {remedy}.")
