"""The shape of a statement: hypotheses that can be judged, routes to conclusions, non-claims.

A theorem has hypotheses common to everything it says and one or more *routes*: alternative sets of
further hypotheses, each with its own conclusion. `Theorem.check(evidence)` judges every
hypothesis as *holds*, *fails* or *not assessable* and says what follows and what does not.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from enum import StrEnum

from theory.errors import TheoryInputError
from theory.laws.mixing_coefficient import BetaMixing
from theory.statements.numbers import Numbers, meaning

Judge = Callable[[Numbers], tuple[bool, str]]


class Answer(StrEnum):
    """The three answers; there is no "probably"."""

    HOLDS = "holds"
    FAILS = "fails"
    NOT_ASSESSABLE = "not assessable"


class Provenance(StrEnum):
    """The origin of a statement. Only the shape of Theorem 1 is the paper's."""

    PAPER_SHAPE = "shape from the paper; conditions, constants and proof are a reconstruction"
    RECONSTRUCTION = "reconstruction"


@dataclass(frozen=True)
class Finding:
    """One hypothesis judged: the answer and the numbers it rests on, or what is missing."""

    name: str
    statement: str
    answer: Answer
    reason: str
    counterexample: str | None


@dataclass(frozen=True)
class Hypothesis:
    """A named predicate on the numbers.

    `needs` are the evidence fields that `judge` reads; it is called only when all are given.
    `counterexample` is the id, in `theory.counterexamples.catalogue`, of what goes wrong
    without it.
    """

    name: str
    statement: str
    needs: tuple[str, ...]
    judge: Judge
    counterexample: str | None = None

    def find(self, evidence: Numbers) -> Finding:
        missing = evidence.missing(self.needs)
        if missing:
            wanted = "; ".join(f"{meaning(name)} ({name})" for name in missing)
            answer, reason = Answer.NOT_ASSESSABLE, f"not given: {wanted}"
        else:
            truth, reason = self.judge(evidence)
            answer = Answer.HOLDS if truth else Answer.FAILS
        return Finding(self.name, self.statement, answer, reason, self.counterexample)


@dataclass(frozen=True)
class Route:
    """One way to a conclusion: further hypotheses and the sentence they lead to."""

    name: str
    hypotheses: tuple[Hypothesis, ...]
    conclusion: str


@dataclass(frozen=True)
class Quantity:
    """A number the statement speaks of, computed when `needs` are given.

    `compute` may answer None where the quantity does not exist (a threshold for eps_p <= 0).
    """

    name: str
    formula: str
    needs: tuple[str, ...]
    compute: Callable[[Numbers], float | None]


@dataclass(frozen=True)
class RouteVerdict:
    """A route judged; `answer` takes the common hypotheses into account."""

    name: str
    findings: tuple[Finding, ...]
    answer: Answer
    conclusion: str


@dataclass(frozen=True)
class TheoremVerdict:
    """The answer of a theorem to the numbers given."""

    theorem: str
    provenance: str
    findings: tuple[Finding, ...]
    routes: tuple[RouteVerdict, ...]
    quantities: dict[str, float]
    follows: tuple[str, ...]
    does_not_follow: tuple[str, ...]
    notes: tuple[str, ...]

    @property
    def answer(self) -> Answer:
        """*holds* if some route does; *fails* if every route does; otherwise not assessable."""
        answers = [route.answer for route in self.routes]
        if Answer.HOLDS in answers:
            return Answer.HOLDS
        if all(answer is Answer.FAILS for answer in answers):
            return Answer.FAILS
        return Answer.NOT_ASSESSABLE


def no_notes(evidence: Numbers) -> tuple[str, ...]:
    """Return no remark, the default."""
    return ()


@dataclass(frozen=True)
class Theorem:
    """A statement of THEORY.md as an object.

    `threshold` is the size condition in words and symbols; `derivations` are ids in
    `theory.symbolic.catalogue` of the closed forms it uses; `counterexamples` are ids in
    `theory.counterexamples.catalogue`; `notes` remarks on the evidence (impossible or vacuous
    numbers).
    """

    id: str
    title: str
    provenance: Provenance
    statement: str
    latex: str
    routes: tuple[Route, ...]
    non_claims: tuple[str, ...]
    hypotheses: tuple[Hypothesis, ...] = ()
    threshold: str = ""
    quantities: tuple[Quantity, ...] = ()
    counterexamples: tuple[str, ...] = ()
    derivations: tuple[str, ...] = ()
    notes: Callable[[Numbers], tuple[str, ...]] = field(default=no_notes)

    @property
    def needs(self) -> tuple[str, ...]:
        """Return every field the statement can use, in the order it asks for them."""
        asked = [name for item in self.hypotheses for name in item.needs]
        asked += [name for route in self.routes for item in route.hypotheses for name in item.needs]
        asked += [name for quantity in self.quantities for name in quantity.needs]
        return tuple(dict.fromkeys(asked))

    def check(self, evidence: Numbers) -> TheoremVerdict:
        """Judge every hypothesis on the evidence and say what follows."""
        common = tuple(item.find(evidence) for item in self.hypotheses)
        routes = tuple(self._judge(route, common, evidence) for route in self.routes)
        follows = tuple(route.conclusion for route in routes if route.answer is Answer.HOLDS)
        unproved = tuple(
            f"{route.conclusion} ({route.name}: {_why(common + route.findings)})"
            for route in routes
            if route.answer is not Answer.HOLDS
        )
        return TheoremVerdict(
            theorem=self.id,
            provenance=self.provenance.value,
            findings=common,
            routes=routes,
            quantities=self._measure(evidence),
            follows=follows,
            does_not_follow=unproved + self.non_claims,
            notes=self.notes(evidence),
        )

    def _measure(self, evidence: Numbers) -> dict[str, float]:
        values = {}
        for quantity in self.quantities:
            if not evidence.missing(quantity.needs):
                value = quantity.compute(evidence)
                if value is not None:
                    values[f"{quantity.name} = {quantity.formula}"] = value
        return values

    @staticmethod
    def _judge(route: Route, common: tuple[Finding, ...], evidence: Numbers) -> RouteVerdict:
        own = tuple(item.find(evidence) for item in route.hypotheses)
        answers = [finding.answer for finding in common + own]
        if Answer.FAILS in answers:
            answer = Answer.FAILS
        elif Answer.NOT_ASSESSABLE in answers:
            answer = Answer.NOT_ASSESSABLE
        else:
            answer = Answer.HOLDS
        return RouteVerdict(route.name, own, answer, route.conclusion)


def given(evidence: Numbers, name: str) -> float:
    """Return the value of a numeric field that `needs` has promised.

    Raises TheoryInputError if it is missing after all.
    """
    value = getattr(evidence, name)
    if value is None:
        raise TheoryInputError(f"the {meaning(name)} is missing; give {name}.")
    return float(value)


def show(value: float) -> str:
    """Return six significant digits, whole numbers without a point."""
    return f"{value:.6g}"


def flag(
    name: str, statement: str, field_name: str, counterexample: str | None = None
) -> Hypothesis:
    """Return a hypothesis that only the user can vouch for: a yes/no field of the numbers."""

    def judge(evidence: Numbers) -> tuple[bool, str]:
        value = bool(getattr(evidence, field_name))
        return value, f"{field_name} is declared {'true' if value else 'false'}"

    return Hypothesis(name, statement, (field_name,), judge, counterexample)


def declared(name: str, statement: str, field_name: str) -> Hypothesis:
    """Return a hypothesis on a number that only the user can vouch for: it holds as declared."""
    return Hypothesis(
        name, statement, (field_name,), lambda e: (True, f"{show(given(e, field_name))}, declared")
    )


def beta_mixing(evidence: Numbers) -> BetaMixing:
    """Return the distribution λ ~ Beta(α, α) of the numbers."""
    return BetaMixing(given(evidence, "alpha"))


def _why(findings: tuple[Finding, ...]) -> str:
    """Return the hypotheses that stand in the way, failures first."""
    failing = [finding.name for finding in findings if finding.answer is Answer.FAILS]
    if failing:
        return "fails " + ", ".join(failing)
    open_ = [finding.name for finding in findings if finding.answer is Answer.NOT_ASSESSABLE]
    return "not assessable: " + ", ".join(open_)
