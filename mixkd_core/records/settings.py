"""A setting's one home: the field of a specification owns its default, range and help.

The trainer's arguments, the options of `mixkd train` and the keys of a study are made from it.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from pydantic import BaseModel, Field

OBJECTIVE, MIXUP, TRAINING, DATA, STUDENT = "Objective", "Mixup", "Training", "Data", "Student"
# Of a training, what teacher and student have of their own.
EACH = "Each network's training"
ALTERATION, TEACHER_MIXUP, EVALUATION = "Alteration", "The teacher's mixup", "Evaluation"

_KINDS: Mapping[Any, type] = {bool: bool, int: int, float: float}


@dataclass(frozen=True)
class Setting:
    """A setting as a command line knows it.

    Attributes:
        name: of the field.
        kind: bool, int or float; str for anything that is none of these, or may be a word too.
        default: as that kind; None where the field has none.
        help: one sentence; it ends with the words to choose from, where there are only these.
        open: whether it may be left out, as None, for the default to depend on other things.
    """

    name: str
    kind: type
    default: Any
    help: str
    open: bool = False

    def called(self, name: str, more: str = "") -> "Setting":
        """Return the setting under another name, its help going on with `more`."""
        return replace(self, name=name, help=f"{self.help.rstrip('.')}{more}.")

    def left_open(self, by_default: str) -> "Setting":
        """Return the setting as one that may be left out, for the reason `by_default`."""
        told = f"{self.help.rstrip('.')}; by default {by_default}."
        return replace(self, default=None, help=told, open=True)


def setting(default: Any, panel: str, help: str) -> Any:
    """Return a field that arguments and options are made from.

    Args:
        default: the field's; `...` for one that must be given.
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
            kind = _kind(field.annotation)
            default = None if field.is_required() else field.default
            open_ = default is None
            found[name] = Setting(name, kind, None if open_ else kind(default), told, open_)
    return found


def _kind(annotation: Any) -> type:
    """Return the kind of a value that may also be None; str where it may be of several kinds."""
    if get_origin(annotation) in (Union, UnionType):
        kinds = [its for its in get_args(annotation) if its is not NoneType]
        return _kind(kinds[0]) if len(kinds) == 1 else str
    if get_origin(annotation) is Annotated:
        return _kind(get_args(annotation)[0])
    return _KINDS.get(annotation, str)
