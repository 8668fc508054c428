"""Do the tests notice? Plant one mistake at a time and run the tests that ought to fail.

    python tests/mutants.py              every area
    python tests/mutants.py theory_bounds ...

The mistakes are listed in tests/mutants/AREA.yaml; each has a name, a file, the text to replace (it
must occur exactly once), what to put there, and the tests to run. They are planted in a temporary
copy, never in the working tree. A mutant is killed when a test, or a fixture it needs, fails; tests
that cannot even be collected kill nothing. The exit status is 1 if any mutant survives.
"""

import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import yaml

ROOT = Path(__file__).resolve().parents[1]
LISTS = ROOT / "tests" / "mutants"
COPIED = (
    "mixkd", "mixkd_core", "theory", "reports", "experiments", "tests", "pyproject.toml",
    "README.md", "LICENSE",
)  # fmt: skip
# A mutant may hang. Killed by the clock is one whose tests take this many times as long as all the
# tests took without any mutant, so that a busy machine kills nothing.
PATIENCE = 5

PASSED, FAILED = 0, 1  # pytest's exit statuses; every other one means that nothing was tested


@dataclass(frozen=True)
class Mutant:
    """One mistake: in `file`, `old` becomes `new`; `tests` (pytest arguments) should notice."""

    area: str
    name: str
    file: str
    old: str
    new: str
    tests: tuple[str, ...]

    def apply(self, root: Path) -> str:
        """The text of the file under root with the mistake in it.

        Raises:
            ValueError: the text to replace does not occur exactly once.
        """
        text = (root / self.file).read_text(encoding="utf-8")
        count = text.count(self.old)
        if count != 1:
            raise ValueError(
                f"{self.area}: {self.name}: the old text occurs {count} times in {self.file}"
            )
        return text.replace(self.old, self.new)


def areas() -> list[str]:
    """The names of the lists, sorted."""
    return sorted(path.stem for path in LISTS.glob("*.yaml"))


def load(area: str) -> list[Mutant]:
    """The mutants of one area, in the order of its list."""
    entries = yaml.safe_load((LISTS / f"{area}.yaml").read_text(encoding="utf-8"))
    return [
        Mutant(
            area=area,
            name=entry["name"],
            file=entry["file"],
            old=entry["old"],
            new=entry["new"],
            tests=tuple(entry["tests"]),
        )
        for entry in entries
    ]


def run_tests(
    root: Path, tests: Sequence[str], limit: float | None = None
) -> tuple[int | None, str]:
    """Run tests in the copy: pytest's exit status (None if beyond `limit` seconds), its output."""
    # Two mutants of one file can have the same size and second of change, which is all that the
    # validity of a compiled file is judged by: so none is written.
    environment = os.environ | {"PYTHONPATH": str(root), "PYTHONDONTWRITEBYTECODE": "1"}
    command = [sys.executable, "-m", "pytest", "-x", "-q", "-p", "no:cacheprovider", *tests]
    try:
        done = subprocess.run(
            command,
            cwd=root,
            env=environment,
            capture_output=True,
            text=True,
            timeout=limit,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return None, ""
    return done.returncode, done.stdout


def judge(root: Path, mutant: Mutant, limit: float) -> tuple[bool, str]:
    """Whether the mutant is killed, and by which test (or why not)."""
    path = root / mutant.file
    original = path.read_text(encoding="utf-8")
    path.write_text(mutant.apply(root), encoding="utf-8")
    try:
        status, output = run_tests(root, mutant.tests, limit)
    finally:
        path.write_text(original, encoding="utf-8")
    if status is None:
        return True, f"no end within {limit:.0f} s"
    if status == PASSED:
        return False, "every test passed"
    failure = re.search(r"^(?:FAILED|ERROR) (\S+)", output, flags=re.MULTILINE)
    if status != FAILED or failure is None:
        return False, f"pytest ended with status {status} before a test could fail"
    return True, failure.group(1)


def main(arguments: Sequence[str]) -> int:
    """Judge the mutants of the named areas, or of all; 1 if any survives."""
    unknown = sorted(set(arguments) - set(areas()))
    if unknown:
        print(f"no such area: {', '.join(unknown)}; there are {', '.join(areas())}")
        return 2
    mutants = [mutant for area in arguments or areas() for mutant in load(area)]
    survivors = []
    with tempfile.TemporaryDirectory(prefix="mutants-") as folder:
        root = Path(folder)
        for name in COPIED:
            source = ROOT / name
            if source.is_dir():
                ignored = shutil.ignore_patterns("__pycache__")
                shutil.copytree(source, root / name, ignore=ignored)
            else:
                shutil.copy(source, root / name)
        used = sorted({test for mutant in mutants for test in mutant.tests})
        began = time.monotonic()
        status, output = run_tests(root, used)
        limit = PATIENCE * (time.monotonic() - began)
        if status != PASSED:
            print(f"the tests do not pass without any mutant:\n{output}")
            return 2
        for number, mutant in enumerate(mutants, start=1):
            started = time.monotonic()
            killed, reason = judge(root, mutant, limit)
            if not killed:
                survivors.append(mutant)
            print(
                f"{number:3}/{len(mutants)}  {'killed' if killed else 'SURVIVED':8}  "
                f"{time.monotonic() - started:5.1f} s  {mutant.area}: {mutant.name}  [{reason}]",
                flush=True,
            )
    print(f"{len(mutants) - len(survivors)} of {len(mutants)} killed")
    return 1 if survivors else 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
