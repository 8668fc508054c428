"""The outcome of odd input: ended well, refused in a sentence, or a fault."""

import io
import signal
import sys
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from typing import Any

from mixkd_core.errors import MixKDError
from theory.errors import TheoryInputError

# Of the processor's time: what anything here may take. A hang takes for ever, and one that waits
# takes none of it; it is given so many times as long by the clock, for a busy machine.
SECONDS = 30
PATIENCE = 40

ACCEPTED, REFUSED = "accepted", "refused"


class FaultError(AssertionError):
    """An end that must never happen."""


class TracebackError(FaultError):
    """An error that no user should see."""


class HangError(FaultError):
    """More time than anything small may take."""


class ChangedError(FaultError):
    """A number other than it was, and nobody was told."""


class _TimeIsUpError(BaseException):
    """Not an Exception, so that nobody on the way takes it for one of theirs."""


@contextmanager
def limited(seconds: float = SECONDS) -> Iterator[None]:
    """End what is inside when its time is up.

    Raises:
        HangError: then.
    """

    def ring(*_: Any) -> None:
        raise _TimeIsUpError

    timers = {signal.SIGALRM: signal.ITIMER_REAL, signal.SIGPROF: signal.ITIMER_PROF}
    before = {which: signal.signal(which, ring) for which in timers}
    signal.setitimer(signal.ITIMER_PROF, seconds)
    signal.setitimer(signal.ITIMER_REAL, PATIENCE * seconds)
    try:
        yield
    except _TimeIsUpError:
        raise HangError(f"it took more than {seconds} s") from None
    finally:
        for which, timer in timers.items():
            signal.setitimer(timer, 0)
            signal.signal(which, before[which])


def outcome(action: Callable[[], Any], seconds: float = SECONDS) -> tuple[str, Any]:
    """Do something; return `(ACCEPTED, result)` or `(REFUSED, sentence)`.

    Raises:
        FaultError: if it ends in any other way.
    """
    try:
        with limited(seconds):
            return ACCEPTED, action()
    except FaultError:
        raise
    except (MixKDError, TheoryInputError) as error:
        said = str(error)
        if not said.strip() or not said.isprintable():
            raise TracebackError(f"a refusal that cannot be printed: {said!r}") from error
        return REFUSED, said
    except BaseException as error:
        if isinstance(error, KeyboardInterrupt):
            raise
        raise TracebackError(f"{type(error).__name__}: {error} ({_place(error)})") from error


def command(words: list[str], seconds: float = SECONDS) -> tuple[str, str]:
    """Run a command line in this process; return whether it was accepted, and what it printed.

    Raises:
        FaultError: if it ends in a traceback or not at all.
    """
    from experiments.cli import main

    out, err = io.StringIO(), io.StringIO()
    before = sys.argv
    sys.argv = ["mixkd", *words]
    try:
        with limited(seconds), redirect_stdout(out), redirect_stderr(err):
            main()
        status: Any = 0
    except SystemExit as ended:
        status = ended.code
    except FaultError as fault:
        raise type(fault)(f"{words}: {fault}") from fault
    except BaseException as error:
        if isinstance(error, KeyboardInterrupt):
            raise
        raise TracebackError(
            f"{words}: {type(error).__name__}: {error} ({_place(error)})"
        ) from error
    finally:
        sys.argv = before
    printed = out.getvalue() + err.getvalue()
    if "Traceback (most recent call last)" in printed:
        raise TracebackError(f"{words}: {printed}")
    if status not in (0, 1, 2, None):
        raise TracebackError(f"{words}: the exit status is {status}")
    if status == 2 and not err.getvalue().strip():
        raise TracebackError(f"{words}: refused without a word")
    return (ACCEPTED if not status else REFUSED), printed


def _place(error: BaseException) -> str:
    """The last line of the project that an error came through."""
    frames = traceback.extract_tb(error.__traceback__)
    own = [frame for frame in frames if "site-packages" not in frame.filename]
    return f"{own[-1].filename}, line {own[-1].lineno}" if own else "nowhere"
