"""The exception that means "the question cannot be answered as asked"."""


class TheoryInputError(ValueError):
    """A value outside what a statement allows; the message names it, its place and the remedy."""
