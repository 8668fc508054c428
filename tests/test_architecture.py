"""The arrows of import run one way, and starting is cheap."""

import ast
import subprocess
import sys
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]

MAY_IMPORT = {
    "mixkd_core": {"mixkd_core"},
    "theory": {"theory"},
    "reports": {"reports", "mixkd_core", "theory"},
    "experiments": {"experiments", "reports", "mixkd_core", "theory"},
    "mixkd": {"mixkd", "experiments"},
}
# The rooms of each package, from the ground up: a room imports from rooms to its left and from
# itself. Rooms in one set stand side by side and import nothing from each other. A file of no
# room (the demonstration, the submission) has a height of its own.
ROOMS: dict[str, tuple[set[str], ...]] = {
    "theory": (
        {"errors"}, {"bounds", "symbolic"}, {"laws"}, {"statements"}, {"counterexamples"},
        {"checks"},
    ),
    "mixkd_core": (
        {"errors", "atomic"}, {"data", "objectives"}, {"mixing"}, {"networks"}, {"records"},
        {"training"}, {"evaluation", "augmentation"},
    ),
    "reports": (
        {"files"}, {"statistics"}, {"evidence"}, {"tables"}, {"verdicts", "figures"},
        {"benchmarks"}, {"pages"},
    ),
    "experiments": (
        {"running"}, {"planning"}, {"execution"}, {"tuning"},
        {"submission", "demo", "benchmarks", "deployment"},
        {"cli"},
    ),
}  # fmt: skip
THEORY_LIBRARIES = {"numpy", "scipy", "sympy"}


def imported(path: Path) -> set[str]:
    """Top-level names of every absolute import in a file, inside functions too."""
    names = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative import"
            names.add(str(node.module).split(".")[0])
    return names


def modules(package: str) -> dict[str, Path]:
    """The files of a package by their dotted names."""
    found = {}
    for path in sorted((ROOT / package).rglob("*.py")):
        parts = path.relative_to(ROOT).with_suffix("").parts
        found[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = path
    return found


def arrows(package: str) -> dict[str, set[str]]:
    """By module of a package, the modules of the same package that it imports anywhere."""
    files = modules(package)
    graph: dict[str, set[str]] = {name: set() for name in files}
    for name, path in files.items():
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import):
                targets = [alias.name for alias in node.names]
            elif isinstance(node, ast.ImportFrom):
                inside = [f"{node.module}.{alias.name}" for alias in node.names]
                targets = [one if one in files else str(node.module) for one in inside]
            else:
                continue
            graph[name] |= {target for target in targets if target in files} - {name}
    return graph


@pytest.mark.parametrize("package", ROOMS)
def test_no_files_import_each_other_in_a_circle(package: str) -> None:
    try:
        TopologicalSorter(arrows(package)).prepare()
    except CycleError as error:
        pytest.fail(" -> ".join(error.args[1]))


@pytest.mark.slow
@pytest.mark.parametrize("package", ROOMS)
def test_a_room_imports_only_from_rooms_below_it(package: str) -> None:
    heights = {room: height for height, rooms in enumerate(ROOMS[package]) for room in rooms}
    for name, targets in arrows(package).items():
        if name == package:  # the package's face shows names of every room
            continue
        room = name.split(".")[1]
        assert room in heights, f"{name} stands in no room that the plan knows"
        for target in targets - {package}:
            below = target.split(".")[1]
            assert below == room or heights[below] < heights[room], f"{name} -> {target}"


def test_no_two_rooms_call_different_things_alike() -> None:
    """A command may be called like what it does; programs have `main`, pages `sections`."""
    homes: dict[str, list[str]] = {}
    for package in MAY_IMPORT:
        for name, path in modules(package).items():
            if name.startswith("experiments.cli"):
                continue
            for node in ast.parse(path.read_text(encoding="utf-8")).body:
                if isinstance(node, ast.FunctionDef | ast.ClassDef):
                    homes.setdefault(node.name, []).append(name)
    shared = {
        name: where
        for name, where in homes.items()
        if len(where) > 1 and not name.startswith("_") and name not in ("main", "sections")
    }
    assert not shared


@pytest.mark.parametrize("package", MAY_IMPORT)
def test_a_package_imports_only_what_stands_below_it(package: str) -> None:
    files = sorted((ROOT / package).rglob("*.py"))
    assert files
    for path in files:
        ours = imported(path) & set(MAY_IMPORT)
        assert ours <= MAY_IMPORT[package], path


def test_theory_needs_numpy_scipy_and_sympy_only() -> None:
    for path in sorted((ROOT / "theory").rglob("*.py")):
        foreign = imported(path) - set(sys.stdlib_module_names) - {"theory"}
        assert foreign <= THEORY_LIBRARIES, path


WRITERS_OF_JSON = {"json.dumps", "json.dump", "dumps", "dump"}
# Makes a name of what a stranger's configuration may hold, and writes none of it.
NAMES_BY_WHAT_MAY_BE_INFINITE = {ROOT / "mixkd_core" / "networks" / "teacher_outputs.py"}


@pytest.mark.parametrize("package", MAY_IMPORT)
def test_no_json_is_written_that_has_what_is_infinite(package: str) -> None:
    """`json` writes NaN and Infinity, which are no JSON, unless it is told not to."""
    for path in sorted({*(ROOT / package).rglob("*.py")} - NAMES_BY_WHAT_MAY_BE_INFINITE):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and ast.unparse(node.func) in WRITERS_OF_JSON:
                said = {word.arg: ast.unparse(word.value) for word in node.keywords}
                assert said.get("allow_nan") == "False", f"{path}, line {node.lineno}"


@pytest.mark.slow
@pytest.mark.parametrize(
    ("statement", "unwanted"),
    [
        ("import mixkd_core", ("torch", "transformers", "datasets")),
        ("import theory", ("torch", "transformers", "mixkd_core")),
        ("import reports.pages.report", ("torch", "transformers", "sklearn")),
        (
            "import mixkd.__main__, experiments.cli",
            ("torch", "transformers", "datasets", "scipy", "pandas"),
        ),
    ],
)
def test_starting_loads_nothing_heavy(statement: str, unwanted: tuple[str, ...]) -> None:
    code = f"import sys; {statement}; print([m for m in {unwanted!r} if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
