"""Layout of a folder of runs, and the names of the runs' folders.

    <run>/                    a finished run (`mixkd_core.records.run_folder`)
    <run>.partial/            a run that is not finished; failure.json says why its last try failed
    .locks/<id>.lock          held while a process works on a run (`mixkd_core.records.locks`)
    studies/<study>.json      what a study consists of (`mixkd_core.records.plans`)
    .teacher-outputs/         what teachers said of training texts, shared by their students
    .tokens/                  tokens of large sets (`mixkd_core.data.token_cache`)
    translations/             what was translated, by content
    consistency/<id>/<source>/    a run's predictions on altered texts
                              (`mixkd_core.records.consistency`)

A run is named `<task>-<fraction>-s<seed>-<method>-<id>`.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from mixkd_core.errors import InputError

MANIFEST = "manifest.json"
SPEC = "spec.json"
SUMMARY = "run.json"
HISTORY = "history.json"
LATENT = "latent.parquet"
FAILURE = "failure.json"
NETWORK = "model"

PARTIAL_SUFFIX = ".partial"
LOCKS = ".locks"
STUDIES = "studies"

_RUN_NAME = re.compile(
    r"(?P<task>.+)-(?P<fraction>[0-9](?:\.[0-9]+)?(?:e-[0-9]{2,3})?)-s(?P<seed>[0-9]{1,18})"
    r"-(?P<method>.+)-(?P<id>[0-9a-f]{12})"
)
_ENDS_LIKE_A_RUN = re.compile(r"-[0-9a-f]{12}$")


@dataclass(frozen=True)
class RunName:
    """A run folder's name, taken apart."""

    task: str
    fraction: float
    seed: int
    method: str
    id: str


@dataclass(frozen=True)
class RunPlace:
    """Folders of a run.

    Attributes:
        name: its folder's, without the suffix of an unfinished one.
        finished: folder of the finished run, if there is one.
        partial: folder that the unfinished run works in, if there is one.
    """

    name: str
    finished: Path | None
    partial: Path | None


def examples_file(set_name: str) -> str:
    """The file of a set's per-example table, inside a run folder."""
    return f"examples/{set_name}.parquet"


def run_name(name: str) -> RunName | None:
    """Take a run folder's name apart; None if mixkd gives no run such a name."""
    parts = _RUN_NAME.fullmatch(name)
    if parts is None or not name.isprintable() or not 0 < float(parts["fraction"]) <= 1:
        return None
    return RunName(
        parts["task"], float(parts["fraction"]), int(parts["seed"]), parts["method"], parts["id"]
    )


def run_places(out: Path) -> Iterator[RunPlace]:
    """Every folder that is a run's or looks like one, by name.

    A folder looks like a run's if its name ends with an id, or if it holds a run's files.

    Raises:
        InputError: if `out` cannot be listed.
    """
    try:
        folders = {path.name: path for path in out.iterdir() if path.is_dir()}
    except OSError as error:
        raise InputError(
            f"{shown(str(out))} cannot be read ({error.strerror}): give a folder that runs were "
            "written to (--out)."
        ) from error
    for name in sorted({folder.removesuffix(PARTIAL_SUFFIX) for folder in folders}):
        finished, partial = folders.get(name), folders.get(name + PARTIAL_SUFFIX)
        if _ENDS_LIKE_A_RUN.search(name) or any(map(_holds_a_run, (finished, partial))):
            yield RunPlace(name, finished, partial)


def shown(name: str) -> str:
    """A file's name as it can be printed: what is no text or moves the cursor is escaped."""
    return "".join(letter if letter.isprintable() else _escaped(letter) for letter in name)


def _escaped(letter: str) -> str:
    if "\udc80" <= letter <= "\udcff":  # a byte that is no UTF-8, as Python hands it over
        return f"\\x{ord(letter) - 0xDC00:02x}"
    return letter.encode("unicode_escape", "backslashreplace").decode()


def _holds_a_run(folder: Path | None) -> bool:
    try:
        return folder is not None and any((folder / file).is_file() for file in (MANIFEST, SPEC))
    except OSError:  # of another user, and closed
        return False
