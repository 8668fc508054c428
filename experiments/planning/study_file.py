"""Reading a study: shipped by name or any YAML file, with `key=value` changes on top.

Whatever cannot be used is refused in one sentence that says where it stands: the line of the file,
or the change that was asked for.
"""

import difflib
from collections.abc import Iterator, Sequence
from copy import copy
from pathlib import Path
from typing import Any, get_args, get_origin

import yaml
from pydantic import BaseModel, ValidationError

from experiments.planning.study import Study
from experiments.planning.yaml_text import MOST_CHARACTERS, read_yaml
from mixkd_core.errors import InputError
from mixkd_core.records.reading import cut

SHIPPED = Path(__file__).parents[1] / "studies"

Keys = tuple[str, ...]


def shipped_studies() -> tuple[str, ...]:
    """Names of the studies that come with the program."""
    return tuple(sorted(path.stem for path in SHIPPED.glob("*.yaml")))


def load_study(study: str, changes: Sequence[str] = ()) -> Study:
    """The study of a shipped name or a path.

    Args:
        study: the name, or the path of a YAML file.
        changes: `dotted.key=value`, the value in YAML; a list's items are counted from 0.

    Raises:
        InputError: for an unknown study, a file that cannot be read, a key that does not exist, a
            value that does not fit.
    """
    path = _find(study)
    content, places = _read(path)
    for change in changes:
        _apply(content, change, places)
    try:
        return Study.model_validate(content)
    except ValidationError as error:
        raise InputError(_sentence(error, path, places)) from error


def _find(study: str) -> Path:
    names = shipped_studies()
    if study in names:
        return SHIPPED / f"{study}.yaml"
    path = Path(study)
    if path.is_file():
        return path
    near = difflib.get_close_matches(study, names, n=1)
    suggestion = f"did you mean {near[0]!r}? " if near else ""
    raise InputError(
        f"there is no study {study!r}: {suggestion}Give one of {', '.join(names)}, or the path of "
        "a YAML file."
    )


def _read(path: Path) -> tuple[dict[str, Any], dict[Keys, str]]:
    """A file's content, and the place of every key path in it."""
    try:
        with path.open(encoding="utf-8") as file:
            text = file.read(MOST_CHARACTERS + 1)
    except OSError as error:
        raise InputError(f"study file {path} cannot be read: {error.strerror}.") from error
    except UnicodeDecodeError as error:
        raise InputError(f"study file {path} is not UTF-8 text, so not YAML.") from error
    content, node = read_yaml(text, f"study file {path}")
    if not isinstance(content, dict):
        raise InputError(f"study file {path} is not a mapping of keys to values.")
    places: dict[Keys, str] = {}
    for keys, line in _lines(node, ()):
        if keys in places:
            raise InputError(
                f"study file {path}, line {line}: the key {'.'.join(keys)!r} was given before "
                f"({places[keys]}); give it once."
            )
        places[keys] = f"line {line}"
    return content, places


def _lines(node: Any, keys: Keys) -> Iterator[tuple[Keys, int]]:
    if isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            if key.tag == "tag:yaml.org,2002:merge":
                continue  # its keys stand at the anchor, and may be given again here
            yield (*keys, key.value), key.start_mark.line + 1
            yield from _lines(value, (*keys, key.value))
    elif isinstance(node, yaml.SequenceNode):
        for place, value in enumerate(node.value):
            yield (*keys, str(place)), value.start_mark.line + 1
            yield from _lines(value, (*keys, str(place)))


def _apply(content: dict[str, Any], change: str, places: dict[Keys, str]) -> None:
    """Lay one change over the content."""
    key, equals, written = change.partition("=")
    said = f"--set {cut(change)!r}"
    if not equals or not all(key.split(".")):
        raise InputError(f"{said} is not KEY=VALUE, such as seeds=[0,1,2].")
    value, _ = read_yaml(written, f"{said}: the value")
    inside: Any = content
    passed: list[str] = []
    words = key.split(".")
    while True:
        found, used = _step(inside, words)
        passed.append(".".join(words[:used]))
        if isinstance(inside, list) and not (isinstance(found, int) and found < len(inside)):
            raise InputError(
                f"{said}: {'.'.join(passed[:-1])} is a list of {len(inside)}, so the "
                f"key after it is a number from 0 to {len(inside) - 1}, not {passed[-1]!r}."
            )
        words = words[used:]
        if not words:
            break
        inner = inside[found] if isinstance(inside, list) else inside.get(found)
        if isinstance(inner, (dict, list)):
            inner = copy(inner)  # where the file has an alias, another key has the same
        else:
            # Of a method that is given by its name alone, the name stays.
            named = passed[-1] == "base" or passed[:-1] == ["methods"]
            inner = {"method": inner} if named and isinstance(inner, str) else {}
            places[tuple(passed)] = f"--set {cut(change)}"
        inside[found] = inner
        inside = inner
    inside[found] = value
    _forget(places, tuple(passed))
    places[tuple(passed)] = f"--set {cut(change)}"


def _step(inside: Any, words: list[str]) -> tuple[Any, int]:
    """The key that the first words name and how many they are: `by_fraction.0.01` has two."""
    if isinstance(inside, list):
        return (int(words[0]) if words[0].isdecimal() else words[0]), 1
    known = {str(key): key for key in inside}
    for used in range(len(words), 0, -1):
        if ".".join(words[:used]) in known:
            return known[".".join(words[:used])], used
    return words[0], 1


def _forget(places: dict[Keys, str], replaced: Keys) -> None:
    for keys in [keys for keys in places if keys[: len(replaced)] == replaced]:
        del places[keys]


def _sentence(error: ValidationError, path: Path, places: dict[Keys, str]) -> str:
    """The first complaint: where, what, and what would do."""
    first = error.errors()[0]
    keys = tuple(str(part) for part in first["loc"] if part != "[key]")
    place = next((places[keys[:n]] for n in range(len(keys), 0, -1) if keys[:n] in places), None)
    where = f"study file {path}" if place is None or place.startswith("line") else place
    where += f", {place}" if place is not None and place.startswith("line") else ""
    subject = ".".join(keys) or "the study"
    if first["type"] == "extra_forbidden":
        known = _keys_at(Study, keys[:-1])
        near = difflib.get_close_matches(keys[-1], known, n=1)
        suggestion = f"did you mean {near[0]!r}? " if near else ""
        return f"{where}: unknown key {subject!r}: {suggestion}Its keys are {', '.join(known)}."
    if first["type"] == "missing":
        return f"{where}: the key {subject!r} is missing: add it."
    if first["type"] == "value_error":
        return f"{where}: {subject} cannot be used: {first['ctx']['error']}."
    value = cut(repr(first["input"]))
    needed = first["msg"][0].lower() + first["msg"][1:].replace("tuple", "list")
    return f"{where}: {subject} is {value}: {needed}."


def _keys_at(annotation: Any, keys: Keys) -> list[str]:
    """The keys that are known where `keys` lead, through models, lists and mappings."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        fields = annotation.model_fields
        if not keys:
            return list(fields)
        return _keys_at(fields[keys[0]].annotation, keys[1:]) if keys[0] in fields else []
    rest = keys[1:] if get_origin(annotation) in (dict, list, tuple) else keys
    found = (_keys_at(argument, rest) for argument in get_args(annotation))
    return next((known for known in found if known), [])
