"""A setting's one home: the field of a specification owns its default, range and help.

The trainer's arguments, the options of `mixkd train` and the keys of a study are made from it.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, get_args, get_origin

from pydantic import BaseModel, Field

OBJECTIVE, MIXUP, TRAINING = "Objective", "Mixup", "Training"


_KINDS: Mapping[Any, type] = {bool: bool, int: int, float: float}


@dataclass(frozen=True)
class Setting:
    """A setting as a command line knows it.

    Attributes:
        name: of the field.
        kind: bool, int or float; str for anything that is none of these, or may be a word too.
        default: as that kind.
        help: one sentence; it ends with the words to choose from, where there are only these.
    """

    name: str
    kind: type
    default: Any
    help: str


def setting(default: Any, panel: str, help: str) -> Any:
    """Return a field that arguments and options are made from.

    Args:
        panel: the group of settings that it belongs to.
        help: one sentence for all who may set it.
    """
    return Field(default, description=help, json_schema_extra={"panel": panel})


def settings_of(spec: type[BaseModel], *panels: str) -> Mapping[str, Setting]:
    """Return the settings of a specification that belong to these groups, by name."""
    found = {}
    for name, field in spec.model_fields.items():
        extra = field.json_schema_extra
        if isinstance(extra, dict) and extra.get("panel") in panels:
            told = str(field.description)
            if get_origin(field.annotation) is Literal:
                told = f"{told.rstrip('.')}: {', '.join(get_args(field.annotation))}."
            kind = _KINDS.get(field.annotation, str)
            found[name] = Setting(name, kind, kind(field.default), told)
    return found
