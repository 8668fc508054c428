"""Pre-trained encoders and fine-tuned classifiers, from a folder or the hub; safetensors only."""

from pathlib import Path
from typing import Any

from mixkd_core.data.tasks import Task
from mixkd_core.errors import InputError
from mixkd_core.networks.gate import check_checkpoint, reading, trusts_code
from mixkd_core.networks.label_order import label_names, label_order, reorder_labels
from mixkd_core.networks.limits import same_vocabulary_size
from mixkd_core.networks.weights import read_network


def load_config(checkpoint: str | Path) -> Any:
    """The checkpoint's configuration.

    Raises:
        InputError: if there is no such checkpoint, or it does not pass the gate
            (`mixkd_core.networks.gate`).
    """
    from transformers import AutoConfig

    checked = check_checkpoint(checkpoint)
    with reading(checkpoint):
        config = AutoConfig.from_pretrained(checkpoint, trust_remote_code=trusts_code(), **checked)
    if "revision" in checked:  # by which runs are told apart; not every version notes it there
        config._commit_hash = checked["revision"]
    return config


def load_classifier(
    checkpoint: str | Path,
    task: Task,
    *,
    allow_new_weights: bool = False,
) -> Any:
    """Return a sequence classifier for `task` from an encoder or a fine-tuned checkpoint.

    Its weights are float32, however they are stored. The logits of a fine-tuned checkpoint whose
    labels have names are put into the order of the task's (`label_order`). A missing classification
    head is initialised at random, from torch's global generator: seed it first.

    Args:
        allow_new_weights: see `mixkd_core.networks.weights.read_network`.

    Raises:
        InputError: if there is no such checkpoint, it holds pickled weights only, its weights do
            not fit its configuration, or it was fine-tuned for other labels.
    """
    config = load_config(checkpoint)
    order = _order_of_labels(checkpoint, config, task) if is_fine_tuned(config) else None
    config.num_labels = task.num_labels
    if task.label_names is not None:
        config.id2label = dict(enumerate(task.label_names))
        config.label2id = {name: index for index, name in enumerate(task.label_names)}
    config.problem_type = (
        "regression" if task.label_names is None else "single_label_classification"
    )
    network = _classifier(checkpoint, config=config, allow_new_weights=allow_new_weights)
    if order is not None:
        reorder_labels(network, order)
    return network


def load_stored_classifier(checkpoint: str | Path) -> Any:
    """Return a fine-tuned classifier as it was stored, a run's for one, in float32.

    Raises:
        InputError: if it cannot be read, or its weights do not fit its configuration.
    """
    return _classifier(checkpoint)


def _classifier(checkpoint: str | Path, **settings: Any) -> Any:
    from transformers import AutoModelForSequenceClassification

    return read_network(AutoModelForSequenceClassification, checkpoint, **settings)


def load_tokenizer(checkpoint: str | Path) -> Any:
    """The checkpoint's tokenizer.

    Raises:
        InputError: if it has none, or one that states no usable length of its texts.
    """
    from transformers import AutoTokenizer

    checked = check_checkpoint(checkpoint)
    with reading(checkpoint):
        tokenizer = AutoTokenizer.from_pretrained(
            checkpoint, trust_remote_code=trusts_code(), **checked
        )
        # Where the files are missing, transformers hands out an empty one that knows no word.
        empty = set(tokenizer.get_vocab()) <= set(tokenizer.all_special_tokens)
    if empty:
        raise InputError(
            f"checkpoint {str(checkpoint)!r} has no tokenizer files: save its tokenizer there too."
        )
    longest = tokenizer.model_max_length
    if isinstance(longest, bool) or not isinstance(longest, int | float) or not longest >= 1:
        raise InputError(
            f"checkpoint {str(checkpoint)!r} says in tokenizer_config.json that its texts may have "
            f"{longest!r} tokens (model_max_length): give a number from 1 up there."
        )
    return tokenizer


def check_teacher_and_student(teacher: Any, student: Any) -> None:
    """Check that both networks speak of the same labels and read the same token ids.

    Raises:
        InputError: naming what differs.
    """
    if teacher.config.num_labels != student.config.num_labels:
        raise InputError(
            f"the teacher has {teacher.config.num_labels} labels and the student "
            f"{student.config.num_labels}: fine-tune both for the same task."
        )
    ours, theirs = label_names(student.config), label_names(teacher.config)
    in_order = list(range(student.config.num_labels))
    if ours != theirs and (not ours or not theirs or label_order(theirs, ours) != in_order):
        raise InputError(
            f"the teacher's labels are {_names(teacher.config)} and the student's "
            f"{_names(student.config)}: logits are compared position by position, so give both the "
            "same label order; "
            "mixkd_core.load_classifier(checkpoint, task) puts a checkpoint's into the task's."
        )
    if not same_vocabulary_size(teacher, student):
        sizes = [network.config.get_text_config().vocab_size for network in (teacher, student)]
        raise InputError(
            f"the teacher's vocabulary has {sizes[0]} entries and the student's {sizes[1]}: both "
            "read the same token ids, so take checkpoints that share a tokenizer."
        )


def check_same_tokenizer(teacher: Any, student: Any, names: tuple[str, str]) -> None:
    """Check that two tokenizers number the same vocabulary alike.

    Args:
        names: the checkpoints' names, for the message.

    Raises:
        InputError: if they do not.
    """
    if teacher.get_vocab() != student.get_vocab():
        raise InputError(
            f"teacher {names[0]!r} and student {names[1]!r} have different vocabularies: both "
            "read the same token ids, so take checkpoints that share a tokenizer."
        )


def is_fine_tuned(config: Any) -> bool:
    """Tell a fine-tuned classifier from a pre-trained encoder, by its configuration."""
    return any("ForSequenceClassification" in name for name in config.architectures or ())


def _order_of_labels(checkpoint: str | Path, config: Any, task: Task) -> list[int] | None:
    """Return where the task's labels stand among the checkpoint's; None if they are in order.

    Raises:
        InputError: if they are not the same labels.
    """
    if config.num_labels != task.num_labels:
        raise InputError(
            f"checkpoint {str(checkpoint)!r} was fine-tuned for {config.num_labels} labels, but "
            f"task {task.name!r} has {task.num_labels}: give a pre-trained encoder or a checkpoint "
            "of this task."
        )
    found = label_names(config)
    if task.label_names is None or found is None:
        return None
    order = label_order(found, task.label_names)
    if order is None:
        raise InputError(
            f"checkpoint {str(checkpoint)!r} has the labels {', '.join(found)}, but task "
            f"{task.name!r} has {', '.join(task.label_names)}: labels are matched by name, so "
            "rename those of one (in the checkpoint, id2label and label2id of its config.json)."
        )
    return None if order == sorted(order) else order


def _names(config: Any) -> str:
    return ", ".join(str(name) for name in config.id2label.values())
