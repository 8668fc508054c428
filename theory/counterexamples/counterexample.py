"""A runnable counterexample: a tempting statement, and exact numbers that refute it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from fractions import Fraction

Value = Fraction | int | bool | tuple[Fraction | int, ...]


@dataclass(frozen=True)
class CounterexampleResult:
    """The values that running an example gave, beside those THEORY.md states."""

    identifier: str
    values: Mapping[str, Value]
    expected: Mapping[str, Value]

    @property
    def agrees(self) -> bool:
        """True when every stated value came out exactly, and nothing else did."""
        return dict(self.values) == dict(self.expected)

    @property
    def disagreements(self) -> dict[str, tuple[Value | None, Value | None]]:
        """(computed, expected) of every value that differs or is missing on one side."""
        keys = [*self.values, *(key for key in self.expected if key not in self.values)]
        pairs = {key: (self.values.get(key), self.expected.get(key)) for key in keys}
        return {key: pair for key, pair in pairs.items() if pair[0] != pair[1]}


@dataclass(frozen=True)
class Counterexample:
    """A tempting but false statement and its refutation by exact enumeration.

    Attributes:
        identifier: a short unique name, such as "nonmonotone_quantile".
        false_statement: what one would like to be true.
        refutation: why the numbers refute it, in a sentence.
        refutes: the numbers it has in THEORY.md's list of false statements.
        source: the section of THEORY.md that the expected values stand in.
        expected: the stated values.
        compute: recomputes them from the definitions.
    """

    identifier: str
    false_statement: str
    refutation: str
    refutes: tuple[str, ...]
    source: str
    expected: Mapping[str, Value]
    compute: Callable[[], Mapping[str, Value]]

    def run(self) -> CounterexampleResult:
        """Compute the values anew; nothing is cached or taken from `expected`."""
        return CounterexampleResult(self.identifier, self.compute(), self.expected)
