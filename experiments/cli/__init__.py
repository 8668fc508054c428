"""The command `mixkd`: parsing and printing only.

Each command lives in a module of its own and imports what is heavy (torch, transformers, SciPy)
inside its function, so that `mixkd --help` answers at once.
"""

import os
import sys

import typer

from experiments.cli.behaviour import agreement, memorization
from experiments.cli.bench import bench
from experiments.cli.certify import certify
from experiments.cli.claims import claims
from experiments.cli.clean import clean
from experiments.cli.consistency import consistency
from experiments.cli.cost import cost
from experiments.cli.demo import demo
from experiments.cli.doctor import doctor
from experiments.cli.export import export
from experiments.cli.gaps import gaps
from experiments.cli.predict import predict
from experiments.cli.predictor import predictor
from experiments.cli.report import report
from experiments.cli.run import run
from experiments.cli.status import status
from experiments.cli.submit import submit
from experiments.cli.train import train
from experiments.cli.tune import tune
from experiments.cli.verify import verify
from experiments.running.processes import INTERRUPTED, follow, is_main, leading
from mixkd_core.errors import MixKDError
from mixkd_core.records.layout import shown
from theory.errors import TheoryInputError

app = typer.Typer(
    name="mixkd",
    help="MixKD, measured: train it, compare it, and check the theory it stands on.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)


for command in (
    demo, train, run, tune, status, clean, report, gaps, claims, consistency, memorization,
    agreement, predictor, export, predict, cost, doctor, certify, verify, submit, bench,
):  # fmt: skip
    app.command()(command)


def main() -> None:
    """Run the command line; bad input ends with one sentence and status 2, not a traceback."""
    debug = "--debug" in sys.argv
    if debug:
        sys.argv.remove("--debug")
    try:
        if is_main():
            with leading():
                app()
        else:
            follow()
    except KeyboardInterrupt:  # of a process that follows
        raise SystemExit(INTERRUPTED) from None
    except SystemExit as ended:
        if ended.code == INTERRUPTED:  # what typer makes of a KeyboardInterrupt
            typer.echo("mixkd: interrupted; repeat the command to go on from here", err=True)
        raise
    except (MixKDError, TheoryInputError) as error:
        if debug:
            raise
        if is_main():
            typer.echo(f"mixkd: {error}", err=True)
        raise SystemExit(2) from None
    except OSError as error:
        # Whatever a file system refuses that nobody on the way had a better sentence for, such as a
        # name that is too long.
        if debug or error.filename is None:
            raise
        if is_main():
            name = shown(os.fsdecode(error.filename))
            typer.echo(
                f"mixkd: {name} cannot be used ({error.strerror}): give another file or folder.",
                err=True,
            )
        raise SystemExit(2) from None
