"""The settings that a tuning may search, as they are written on the command line.

    weights.sm=0.1..4 log                       any number in between, evenly on a logarithmic scale
    training.batch_size=8..64 int               any whole number in between
    training.learning_rate=3e-5,1e-4,3e-4       one of these
    teacher.epochs=5,10,20                      the same of the teacher

A key is a field of a method (`experiments.planning.settings.MethodSettings`), or `teacher.` and a
field of its training.
"""

import difflib
import math
import re
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Protocol

from pydantic import ValidationError

from experiments.planning.partial import nested
from experiments.planning.settings import MethodSettings, TrainingSettings
from experiments.planning.study import Sweep
from experiments.planning.yaml_text import read_yaml
from mixkd_core.errors import InputError
from mixkd_core.objectives.objective import TERMS
from mixkd_core.records.reading import cut
from mixkd_core.records.specs import MIXUP_SETTINGS, TrainingSpec, draw_settings

TEACHER = "teacher"

# Of each training subset, the part that is held out unless another is asked for.
VALIDATION_SHARE = 0.2

_RANGE = re.compile(r"(?P<low>\S+?)\s*\.\.\s*(?P<high>\S+)(?P<words>(\s+\w+)*)")
_EXAMPLE = "'weights.sm=0.1..4 log' or 'training.learning_rate=3e-5,1e-4'"

# Two trials apart by less are one: a setting that is chosen can be written down.
SIGNIFICANT_DIGITS = 4


class Suggests(Protocol):
    """An `optuna.Trial`, as far as it is needed here."""

    def suggest_float(self, name: str, low: float, high: float, *, log: bool = False) -> float: ...
    def suggest_int(self, name: str, low: int, high: int, *, log: bool = False) -> int: ...
    def suggest_categorical(self, name: str, choices: Sequence[Any]) -> Any: ...


@dataclass(frozen=True)
class Dimension:
    """One dimension of a search space.

    Attributes:
        key: what is set.
        values: to choose from; empty for a range.
        low, high: ends of a range.
        logarithmic, whole: how a range is filled.
    """

    key: str
    values: tuple[Any, ...] = ()
    low: float = 0.0
    high: float = 0.0
    logarithmic: bool = False
    whole: bool = False

    def suggest(self, trial: Suggests) -> Any:
        """A trial's value."""
        if self.values:
            return trial.suggest_categorical(self.key, self.values)
        if self.whole:
            return trial.suggest_int(self.key, int(self.low), int(self.high), log=self.logarithmic)
        value = trial.suggest_float(self.key, self.low, self.high, log=self.logarithmic)
        return float(f"{value:.{SIGNIFICANT_DIGITS}g}")

    @property
    def probes(self) -> tuple[Any, ...]:
        """Values that must all fit if the whole setting is to."""
        if self.values:
            return self.values
        if self.whole:
            return int(self.low), int(self.high)
        # The one in between is whole for no integers: a field of whole numbers refuses it.
        return self.low, self.low + (self.high - self.low) / math.pi, self.high


def parsed_settings(written: Sequence[str]) -> tuple[Dimension, ...]:
    """The search space of `--search` options.

    Raises:
        InputError: for one that cannot be read, or a key given twice.
    """
    if not written:
        raise InputError(f"there is nothing to search: give --search, such as {_EXAMPLE}.")
    settings: dict[str, Dimension] = {}
    for text in written:
        setting = _parsed(text)
        if setting.key in settings:
            raise InputError(f"--search names {setting.key!r} twice: give each key once.")
        settings[setting.key] = setting
    return tuple(settings.values())


def decides(key: str, method: MethodSettings) -> bool:
    """Return True if a key decides anything of what a method's student learns.

    A weight of a term that the method has not would make another method of it.
    """
    objective = method.objective
    first, _, rest = key.partition(".")
    if first == "weights":
        return rest in objective.terms
    if first in MIXUP_SETTINGS:
        return first in draw_settings(objective)
    if first in ("distance", "temperature"):
        return bool(objective.terms & {"kd", "tmkd", "transfer"})
    return True


def check_setting(setting: Dimension, method: MethodSettings | None) -> None:
    """Check that a setting fits a method, or the teacher (None).

    Raises:
        InputError: naming the nearest key, or the value that does not fit.
    """
    where = f"--search {setting.key}"
    first, _, field = setting.key.partition(".")
    try:
        if first != TEACHER:
            assert method is not None
            Sweep.model_validate(
                {"base": method.given, "field": setting.key, "values": setting.probes}
            )
        elif field.partition(".")[0] not in TrainingSpec.model_fields:
            known = [f"{TEACHER}.{name}" for name in TrainingSpec.model_fields]
            near = difflib.get_close_matches(setting.key, known, n=1)
            suggestion = f"did you mean {near[0]!r}? " if near else ""
            raise InputError(
                f"{where}: a teacher has no such field: {suggestion}It has {', '.join(known)}."
            )
        else:
            for value in setting.probes:
                TrainingSettings.model_validate(nested(field, value))
    except ValidationError as error:
        problem = error.errors()[0]
        reason = str(problem.get("ctx", {}).get("error", problem["msg"]))
        hint = ", or write 'int' after the range" if "integer" in reason else ""
        raise InputError(f"{where} does not fit: {reason}{hint}.") from error


def grid_of(settings: Sequence[Dimension]) -> Mapping[str, list[Any]]:
    """Every key's values.

    Raises:
        InputError: if one of them is a range.
    """
    for setting in settings:
        if not setting.values:
            raise InputError(
                f"--grid tries every combination of values, and {setting.key!r} has a range: list "
                f"them, such as {setting.key}={setting.low:g},{setting.high:g}."
            )
    return {setting.key: list(setting.values) for setting in settings}


def _parsed(text: str) -> Dimension:
    key, equals, domain = (part.strip() for part in text.partition("="))
    if not equals or not domain or not all(key.split(".")):
        raise InputError(f"--search {text!r} is not KEY=VALUES, such as {_EXAMPLE}.")
    first, _, term = key.partition(".")
    if first == "weights" and term not in TERMS:
        near = difflib.get_close_matches(term, TERMS, n=1)
        suggestion = f"did you mean {near[0]!r}? " if near else ""
        raise InputError(
            f"--search {text!r}: there is no term {term!r}: {suggestion}The terms are "
            f"{', '.join(TERMS)}."
        )
    match = _RANGE.fullmatch(domain)
    if match is None:
        return Dimension(key, values=_values(text, domain))
    words = match["words"].split()
    unknown = [word for word in words if word not in ("log", "int")]
    if unknown:
        raise InputError(
            f"--search {text!r}: after a range comes 'log', 'int' or nothing, not {unknown[0]!r}."
        )
    try:
        low, high = float(match["low"]), float(match["high"])
    except ValueError:
        raise InputError(f"--search {text!r}: a range has two numbers, such as 0.1..4.") from None
    whole = "int" in words
    if not (math.isfinite(low) and math.isfinite(high) and low < high):
        raise InputError(f"--search {text!r}: a range goes up, from a number to a greater one.")
    if "log" in words and low <= 0:
        raise InputError(f"--search {text!r}: a logarithmic range starts above 0.")
    if whole and not (low.is_integer() and high.is_integer()):
        raise InputError(f"--search {text!r}: a range of whole numbers has whole ends.")
    return Dimension(key, low=low, high=high, logarithmic="log" in words, whole=whole)


def _values(text: str, domain: str) -> tuple[Any, ...]:
    values: list[Any] = []
    for part in domain.split(","):
        value, _ = read_yaml(part, f"--search {cut(text)!r}: {cut(part)!r}")
        if isinstance(value, str):
            # YAML 1.1 takes 3e-5 for a word: its numbers have a point.
            with suppress(ValueError):
                value = float(value)
        if not isinstance(value, (bool, int, float, str)):
            raise InputError(
                f"--search {text!r}: {part.strip()!r} is not a value; separate them by commas, "
                "such as 3e-5,1e-4."
            )
        if value in values:
            raise InputError(f"--search {text!r} repeats {part.strip()}: give each value once.")
        values.append(value)
    return tuple(values)
