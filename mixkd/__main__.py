"""Start the command line: `mixkd`, `python -m mixkd`, `accelerate launch -m mixkd`.

`experiments`, `reports` and `theory` are names that other projects use as well. Python looks for
the modules of a program started with `-m` in the current folder before anywhere else, so a user's
own `experiments/` would be imported in place of ours.
"""

import sys
from importlib.util import find_spec
from pathlib import Path

HOME = Path(__file__).parents[1]
PACKAGES = ("mixkd_core", "theory", "reports", "experiments")


def main() -> None:
    """Run the command line of the packages that were installed together with this one."""
    leave_out_the_current_folder()
    refuse_strangers()
    from experiments.cli import main as run_command

    run_command()


def leave_out_the_current_folder() -> None:
    """Take the current folder off the module search path, unless the suite itself lies there."""
    here = Path.cwd()
    if not here.samefile(HOME):
        sys.path[:] = [entry for entry in sys.path if Path(entry).resolve() != here]


def refuse_strangers() -> None:
    """Check that the suite's packages are those beside this one.

    Raises:
        SystemExit: with status 2 and a sentence on stderr, if another project's package of the
            same name comes first on the module search path.
    """
    for name in PACKAGES:
        found = find_spec(name)
        places = list(found.submodule_search_locations or [str(found.origin)]) if found else []
        ours = HOME / name
        if places and ours.is_dir() and ours.samefile(places[0]):
            continue
        print(
            f"mixkd: the package {name!r} is found at {places[0] if places else 'no place'}, not "
            f"at {ours}: take the folder that hides it out of PYTHONPATH, or install mixkd again.",
            file=sys.stderr,
        )
        raise SystemExit(2)


if __name__ == "__main__":
    main()
