"""The exceptions whose message is meant for the user: the command line prints it and exits 2."""


class MixKDError(Exception):
    """Base of the errors that end a command with one sentence and without a traceback."""


class InputError(MixKDError, ValueError):
    """Something the user gave cannot be used.

    The message is one sentence (or two) naming the value, where it came from and the remedy.
    """


class DamagedRecordError(InputError):
    """A stored file is missing, or does not hold what it must; nothing in it is believed."""


class NonFiniteError(MixKDError, ArithmeticError):
    """Training led to a loss, weight or logit that is NaN or infinite, and was stopped."""


class RunBusyError(MixKDError):
    """Another process is working on the run that was asked for."""


class DiskFullError(MixKDError):
    """No space is left where runs are written; what was finished before stays."""


def printable(text: str) -> str:
    """Return a text that may quote a stranger's file, without what moves a cursor."""
    return "".join(letter if letter.isprintable() else "?" for letter in text)
