"""YAML of strangers: read within limits, so that no text of a few lines takes hours or memory.

An alias stands for a whole part of a text, and aliases of aliases for more than a machine holds.
"""

from typing import Any

import yaml

from mixkd_core.errors import InputError

# A study of hundreds of methods is a tenth of any of these.
MOST_CHARACTERS = 1 << 17
MOST_DEPTH = 30
MOST_VALUES = 5000
MOST_SCALAR = 10_000


def read_yaml(text: str, where: str) -> tuple[Any, Any]:
    """Return the content of a YAML text, and its tree of nodes with their places.

    Args:
        where: what the text is, for complaints: `"study file x.yaml"`.

    Raises:
        InputError: if it is no YAML, or beyond a limit.
    """
    if len(text) > MOST_CHARACTERS:
        raise InputError(
            f"{where} holds {len(text)} characters, and at most {MOST_CHARACTERS} are read: make "
            "several of it."
        )
    try:
        _check_events(text, where)
        node = yaml.compose(text, Loader=yaml.SafeLoader)
        if node is None:
            return None, None
        _count(node, where, set(), {})
        return yaml.SafeLoader("").construct_document(node), node
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        line = f", line {mark.line + 1}" if mark is not None else ""
        problem = getattr(error, "problem", None) or str(error).partition("\n")[0]
        raise InputError(f"{where}{line} is not YAML: {problem}.") from error
    except (ValueError, OverflowError) as error:
        if isinstance(error, InputError):
            raise
        # A number of thousands of digits, or a day that no month has.
        raise InputError(f"{where} holds a value that is none ({error}).") from error


def _check_events(text: str, where: str) -> None:
    """Refuse what is nested too deeply, too long or too much, before anything is made of it."""
    depth = 0
    for count, event in enumerate(yaml.parse(text, Loader=yaml.SafeLoader)):
        if isinstance(event, yaml.CollectionStartEvent):
            depth += 1
        elif isinstance(event, yaml.CollectionEndEvent):
            depth -= 1
        elif isinstance(event, yaml.ScalarEvent) and len(event.value) > MOST_SCALAR:
            raise InputError(
                f"{where}, line {_line(event.start_mark)}: a value of {len(event.value)} "
                f"characters, and at most {MOST_SCALAR} are read."
            )
        if depth > MOST_DEPTH:
            raise InputError(
                f"{where}, line {_line(event.start_mark)}: it is nested more than {MOST_DEPTH} "
                "deep, which nothing that is read here is."
            )
        if count > 2 * MOST_VALUES:
            raise _too_many(where)


def _count(node: yaml.Node, where: str, above: set[int], known: dict[int, int]) -> int:
    """The values that a node stands for, aliases written out."""
    if id(node) in above:
        raise InputError(
            f"{where}, line {_line(node.start_mark)}: an alias stands inside what it names."
        )
    if id(node) not in known:
        inside = []
        if isinstance(node, yaml.MappingNode):
            inside = [part for pair in node.value for part in pair]
        elif isinstance(node, yaml.SequenceNode):
            inside = node.value
        above.add(id(node))
        known[id(node)] = 1 + sum(_count(part, where, above, known) for part in inside)
        above.discard(id(node))
    if known[id(node)] > MOST_VALUES:
        raise _too_many(where)
    return known[id(node)]


def _line(mark: Any) -> int:
    return int(mark.line) + 1


def _too_many(where: str) -> InputError:
    return InputError(
        f"{where} holds more than {MOST_VALUES} values, aliases written out: make several of it."
    )
