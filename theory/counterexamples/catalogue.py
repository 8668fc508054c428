"""All counterexamples by identifier; each is enumerated exactly when it is run."""

from theory.counterexamples.case1 import CASE1_COUNTEREXAMPLES
from theory.counterexamples.case2 import CASE2_COUNTEREXAMPLES
from theory.counterexamples.counterexample import Counterexample, CounterexampleResult
from theory.counterexamples.sampling import SAMPLING_COUNTEREXAMPLES
from theory.counterexamples.training import TRAINING_COUNTEREXAMPLES
from theory.errors import TheoryInputError

COUNTEREXAMPLES: dict[str, Counterexample] = {
    example.identifier: example
    for example in (
        *CASE1_COUNTEREXAMPLES,
        *CASE2_COUNTEREXAMPLES,
        *SAMPLING_COUNTEREXAMPLES,
        *TRAINING_COUNTEREXAMPLES,
    )
}


def run_counterexample(identifier: str) -> CounterexampleResult:
    """Run one example. Raises TheoryInputError for an unknown identifier."""
    if identifier not in COUNTEREXAMPLES:
        raise TheoryInputError(
            f"there is no counterexample {identifier!r}; choose one of {sorted(COUNTEREXAMPLES)}."
        )
    return COUNTEREXAMPLES[identifier].run()
