"""Paths and commands for other people to read: without this machine's folders and users."""

import re
import shlex
import sys
from pathlib import Path

# A path of two parts or more, or one in a home folder; not the middle of a web address.
_PATH = re.compile(r"(?<![\w.…/:~-])(?:~[\w.-]*)?/(?:[^\s/,;:()\[\]{}\"'<>|]+/)+(?=[^\s/,;:()\"'])")


def this_command() -> str:
    """Return the command line of this process, its paths reduced to their last parts."""
    return without_folders(shlex.join(["mixkd", *sys.argv[1:]]))


def without_folders(command: str) -> str:
    """Return a command line with its paths reduced to their last parts, as for a reader elsewhere.

    What cannot be taken apart as a command, and a comment, is taken for a text.
    """
    try:
        words = shlex.split(command)
    except ValueError:
        return elsewhere(command)
    if command.startswith("#"):
        return elsewhere(command)
    return shlex.join(_last_part(word) for word in words)


def elsewhere(text: str) -> str:
    """Return a text in which every absolute path is reduced to its last part."""
    return _PATH.sub("", text)


def _last_part(word: str) -> str:
    option, equals, value = word.rpartition("=")
    if Path(value).is_absolute() or value.startswith(("~", "..")):
        return f"{option}{equals}{Path(value).name}"
    # Inside a value of a study, such as students=[{checkpoint: /home/me/small}].
    return re.sub(
        r"(?<![\w:/.~-])(?:~[\w.-]*|\.\.)?/(?:[^\s/,\]}\"']+/)*(?=[^\s/,\]}\"'])", "", word
    )
