"""Mixup distillation: tasks, data, mixup, objectives, students, the trainer and its records.

The names below are the ones that most users need; they are imported when first asked for, so that
`import mixkd_core` costs nothing of `transformers`' trainer.
"""

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mixkd_core.data.encoding import encode as encode
    from mixkd_core.data.sources import load_task_data as load_task_data
    from mixkd_core.data.tasks import Task as Task
    from mixkd_core.data.tasks import find_task as find_task
    from mixkd_core.errors import InputError as InputError
    from mixkd_core.networks.checkpoints import load_classifier as load_classifier
    from mixkd_core.networks.checkpoints import load_tokenizer as load_tokenizer
    from mixkd_core.networks.students import choose_layers as choose_layers
    from mixkd_core.networks.students import student_from_layers as student_from_layers
    from mixkd_core.training.arguments import MixKDArguments as MixKDArguments
    from mixkd_core.training.trainer import MixKDTrainer as MixKDTrainer

_HOMES = {
    "InputError": "errors",
    "MixKDArguments": "training.arguments",
    "MixKDTrainer": "training.trainer",
    "Task": "data.tasks",
    "choose_layers": "networks.students",
    "encode": "data.encoding",
    "find_task": "data.tasks",
    "load_classifier": "networks.checkpoints",
    "load_task_data": "data.sources",
    "load_tokenizer": "networks.checkpoints",
    "student_from_layers": "networks.students",
}

__all__ = sorted(_HOMES)


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"{__name__}.{_HOMES[name]}"), name)


def __dir__() -> list[str]:
    return sorted(_HOMES)
