"""The one exception that means "the input is wrong", as against "the program is wrong"."""


class InputError(ValueError):
    """Something the user gave cannot be used.

    The message is one sentence (or two) naming the value, where it came from and the remedy; the
    command line prints it without a traceback and exits with status 2.
    """
