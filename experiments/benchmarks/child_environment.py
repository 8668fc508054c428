"""The environment of the processes that a benchmark starts."""

import os
from pathlib import Path


def child_environment() -> dict[str, str]:
    """Return this process's environment, in which a child imports the packages imported here.

    Safe-path mode keeps the current folder, which may hold an `experiments` package of the user,
    off the child's module search path.
    """
    root = str(Path(__file__).resolve().parents[2])
    return {**os.environ, "PYTHONPATH": root, "PYTHONSAFEPATH": "1"}
