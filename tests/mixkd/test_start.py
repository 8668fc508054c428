"""The command starts from anywhere with its own packages, also as it is installed from a wheel."""

import os
import shutil
import subprocess
import sys
import sysconfig
import venv
import zipfile
from collections.abc import Sequence
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PIP = (sys.executable, "-m", "pip", "--disable-pip-version-check", "--quiet")
OFFLINE = ("--no-deps", "--no-index")
VERIFY = ("verify", "T1", "--n", "67", "--a", "67", "--delta", "0.05", "--loss-bound", "1")


def call(command: Sequence[str | Path], path: str | None) -> subprocess.CompletedProcess[str]:
    """Run a command in the current folder, with this PYTHONPATH alone."""
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    if path is not None:
        environment["PYTHONPATH"] = path
    return subprocess.run(command, capture_output=True, text=True, check=False, env=environment)


@pytest.mark.slow
@pytest.mark.parametrize("path", [str(ROOT), f"{ROOT}{os.pathsep}", f".{os.pathsep}{ROOT}"])
def test_a_users_own_packages_are_not_taken_for_ours(among_strangers: Path, path: str) -> None:
    done = call([sys.executable, "-m", "mixkd", *VERIFY], path)
    assert (done.returncode, done.stderr) == (0, "")
    assert "T1" in done.stdout


@pytest.mark.parametrize("stranger", ["experiments/__init__.py", "theory.py"])
def test_a_package_that_hides_ours_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, stranger: str
) -> None:
    place = tmp_path / "lib" / stranger
    place.parent.mkdir(parents=True)
    place.touch()
    monkeypatch.chdir(tmp_path)
    done = call([sys.executable, "-m", "mixkd", *VERIFY], f"lib{os.pathsep}{ROOT}")
    assert done.returncode == 2
    name = stranger.removesuffix(".py").split("/")[0]
    assert done.stderr.startswith(f"mixkd: the package {name!r} is found at {tmp_path}/lib/{name}")
    assert "PYTHONPATH" in done.stderr
    assert done.stderr.count("\n") == 1


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The suite's wheel, built from a copy of its packages."""
    folder = tmp_path_factory.mktemp("wheel")
    source = folder / "source"
    for name in ("mixkd", "mixkd_core", "theory", "experiments", "reports"):
        shutil.copytree(
            ROOT / name, source / name, ignore=shutil.ignore_patterns("__pycache__", "results")
        )
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, source)
    build = ["wheel", "--no-build-isolation", "--wheel-dir", folder, source]
    subprocess.run([*PIP, *build, *OFFLINE], check=True)
    (built,) = folder.glob("*.whl")
    return built


@pytest.fixture(scope="module")
def scripts(wheel: Path) -> Path:
    """The folder of programs of an environment into which the wheel was installed.

    The libraries are borrowed from the environment that runs the tests.
    """
    home = wheel.parent / "environment"
    venv.create(home)
    paths = sysconfig.get_paths(vars={"base": str(home), "platbase": str(home)})
    # A line in a .pth file adds a folder, but not what that folder's own .pth files add: an
    # editable installation of the suite stays out.
    borrowed = sysconfig.get_paths()["purelib"]
    Path(paths["purelib"], "borrowed.pth").write_text(f"{borrowed}\n")
    python = Path(paths["scripts"], "python")
    subprocess.run([*PIP, "--python", python, "install", wheel, *OFFLINE], check=True)
    return python.parent


@pytest.mark.slow
@pytest.mark.parametrize("start", ["mixkd", "python -m mixkd"])
def test_an_installed_wheel_verifies_from_a_users_project(
    scripts: Path, among_strangers: Path, start: str
) -> None:
    program, *words = start.split()
    done = call([scripts / program, *words, *VERIFY], None)
    assert (done.returncode, done.stderr) == (0, "")
    assert "T1" in done.stdout


@pytest.mark.slow
def test_the_wheel_brings_the_files_that_its_packages_read(wheel: Path) -> None:
    names = set(zipfile.ZipFile(wheel).namelist())
    folders = {"experiments/studies": "*.yaml", "reports/assets": "*", "theory": "*.md"}
    for folder, pattern in folders.items():
        files = sorted((ROOT / folder).glob(pattern))
        assert files
        assert {f"{folder}/{file.name}" for file in files} <= names
    assert {"mixkd_core/py.typed", "theory/py.typed"} <= names
    assert not [name for name in names if name.startswith(("tests/", "experiments/results/"))]
