"""The training step: our methods and their peers on one workload, in turn.

What comes out: speeds, ratios of ours to the peers', and how the cost of each method compares with
the operations that it has to do.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

from experiments.benchmarks.agreement import PeerAgreement
from experiments.benchmarks.alternation import (
    CLOCKS,
    Clock,
    Contestant,
    Spread,
    Stopwatch,
    Stretch,
    alternate,
    ratios,
)
from experiments.benchmarks.matrix_rate import MatrixRate
from experiments.benchmarks.operations import shape_of, step_operations
from experiments.benchmarks.ours import Ours, evenly_spread
from experiments.benchmarks.peers import (
    ObviousMixKD,
    PeerAbsentError,
    PlainTrainer,
    TextBrewerKD,
)
from experiments.benchmarks.workload import Workload, autocast
from mixkd_core.networks.inference import run_inference
from mixkd_core.objectives.objective import objective

Row = dict[str, Any]

METHODS = ("ft", "kd", "pkd", "tmkd", "sm+tmkd")
EPOCHS = 3  # of a whole training, as in the studies' defaults

PLAIN = "plain Trainer, padded to the maximum"
OBVIOUS_PADDED = "obvious MixKD, padded to the maximum"
OBVIOUS = "obvious MixKD, padded to the longest"
GROUPED = "obvious MixKD, grouped by length"
TEXTBREWER_PADDED = "TextBrewer KD, padded to the maximum"
TEXTBREWER = "TextBrewer KD, padded to the longest"
TEACHER = "teacher's pass"
WHOLE_KD = "kd, whole training"

COMPARISONS = (
    ("ft", PLAIN),
    ("kd", TEXTBREWER),
    ("kd", TEXTBREWER_PADDED),
    (WHOLE_KD, TEXTBREWER),
    (WHOLE_KD, TEXTBREWER_PADDED),
    ("sm+tmkd", GROUPED),
    ("sm+tmkd", OBVIOUS),
    ("sm+tmkd", OBVIOUS_PADDED),
)


@dataclass(frozen=True)
class StepResults:
    """Rows of the tables, and why a peer is missing from them."""

    steps: list[Row]
    ratios: list[Row]
    limits: list[Row]
    absent: dict[str, str]


class TeacherPass:
    """The frozen teacher over a sample of the training texts: what a training pays once."""

    def __init__(self, workload: Workload, precision: str, size: int = 256) -> None:
        rows = evenly_spread(workload.table.lengths, min(size, len(workload.table)))
        self.sample = replace(workload, dataset=workload.dataset.select(rows))
        self.precision = precision
        self.stopwatch = Stopwatch(workload.device)

    def __call__(self, seconds: float) -> Stretch:
        table = self.sample.table
        self.stopwatch.start()
        run_inference(
            self.sample.teacher,
            table,
            precision=lambda: autocast(self.sample.device, self.precision),
        )
        return Stretch(1, len(table), int(table.lengths.sum()), *self.stopwatch.elapsed())


def contestants(
    workload: Workload, precision: str, second_precision: str | None
) -> tuple[dict[str, Contestant], dict[str, str]]:
    """Ours and the peers by name, and why a peer is not among them.

    Args:
        precision: that all of them are in.
        second_precision: another one that `sm+tmkd` also runs in, or None.
    """
    found: dict[str, Contestant] = {
        method: Ours(workload, method, precision=precision) for method in METHODS
    }
    if second_precision is not None:
        name = f"sm+tmkd, {second_precision}"
        found[name] = Ours(workload, "sm+tmkd", precision=second_precision)
    found[TEACHER] = TeacherPass(workload, precision)
    found[PLAIN] = PlainTrainer(workload, precision=precision)
    found[OBVIOUS] = ObviousMixKD(workload, pad_to_maximum=False, precision=precision)
    found[GROUPED] = ObviousMixKD(workload, pad_to_maximum=False, grouped=True, precision=precision)
    found[OBVIOUS_PADDED] = ObviousMixKD(workload, pad_to_maximum=True, precision=precision)
    absent = {}
    try:
        found[TEXTBREWER] = TextBrewerKD(workload, pad_to_maximum=False, precision=precision)
        found[TEXTBREWER_PADDED] = TextBrewerKD(workload, pad_to_maximum=True, precision=precision)
    except PeerAbsentError as error:
        absent["TextBrewer"] = str(error)
    return found, absent


def measure_steps(
    workload: Workload,
    rates: Mapping[str, MatrixRate],
    *,
    repetitions: int,
    seconds: float,
    clock: Clock,
    precision: str,
    progress: Callable[[], object] = lambda: None,
) -> StepResults:
    """Every contestant on one workload.

    Args:
        rates: matrix rate by precision; where there is a second one, `sm+tmkd` also runs in it.
        clock: that ratios and shares are taken of.
    """
    second = next((other for other in rates if other != precision), None)
    found, absent = contestants(workload, precision, second)
    stretches = alternate(found, repetitions, seconds, progress)
    steps = [
        step_row(workload.name, name, second if second and second in name else precision, rounds)
        for name, rounds in stretches.items()
    ]
    compared = ratio_rows(workload.name, stretches, clock)
    if second is not None:
        name = f"sm+tmkd, {second}"
        speeds = _speeds(stretches, (name, "sm+tmkd"), clock)
        compared.append(_ratio_row(workload.name, name, "sm+tmkd", *speeds))
    ours = {name: it for name, it in found.items() if isinstance(it, Ours)}
    limits = limit_rows(workload, ours, stretches, rates, precision, clock)
    return StepResults(steps, compared, limits, absent)


def step_row(task: str, contestant: str, precision: str, rounds: Sequence[Stretch]) -> Row:
    """Speeds of one contestant, by both clocks."""
    row: Row = {
        "task": task,
        "contestant": contestant,
        "ours": contestant.split(",")[0] in (*METHODS, TEACHER),
        "precision": precision,
        "steps": rounds[0].steps,
        "rounds": len(rounds),
    }
    for clock in CLOCKS:
        examples = Spread.of([stretch.examples_per_second(clock) for stretch in rounds])
        tokens = Spread.of([stretch.tokens_per_second(clock) for stretch in rounds])
        row |= examples.named(f"{clock}_examples_per_second")
        row |= tokens.named(f"{clock}_tokens_per_second")
    return row


def ratio_rows(task: str, stretches: Mapping[str, Sequence[Stretch]], clock: Clock) -> list[Row]:
    """Return how many times as fast ours is, in examples per second, for every peer there."""
    return [
        _ratio_row(task, ours, peer, *_speeds(stretches, (ours, peer), clock))
        for ours, peer in COMPARISONS
        if peer in stretches
    ]


def _ratio_row(task: str, ours: str, peer: str, above: list[float], below: list[float]) -> Row:
    return {"task": task, "ours": ours, "peer": peer, **ratios(above, below).named("ratio")}


def _speeds(
    stretches: Mapping[str, Sequence[Stretch]], names: Sequence[str], clock: Clock
) -> list[list[float]]:
    """Examples per second of each, by round.

    A whole training of `kd` is `EPOCHS` epochs and one pass of the teacher over the same examples.
    """

    def speeds(name: str) -> list[float]:
        if name == WHOLE_KD:
            each = zip(speeds("kd"), speeds(TEACHER), strict=True)
            return [EPOCHS / (EPOCHS / student + 1 / teacher) for student, teacher in each]
        return [stretch.examples_per_second(clock) for stretch in stretches[name]]

    return [speeds(name) for name in names]


def limit_rows(
    workload: Workload,
    ours: Mapping[str, Ours],
    stretches: Mapping[str, Sequence[Stretch]],
    rates: Mapping[str, MatrixRate],
    precision: str,
    clock: Clock,
) -> list[Row]:
    """Operations done against the matrix rate, and each method's cost against fine-tuning's."""
    student, teacher = shape_of(workload.source), shape_of(workload.teacher)
    per_example: dict[str, float] = {}
    rows: list[Row] = []
    fine_tuning = [1 / speed for speed in _speeds(stretches, ("ft",), clock)[0]]
    for name, contestant in ours.items():
        method = name.split(",")[0]
        rounds = stretches[name]
        lengths = contestant.lengths(rounds[0].steps)
        operations = sum(
            step_operations(objective(method), student, teacher, batch) for batch in lengths
        )
        per_example[name] = operations / rounds[0].examples
        own = precision if name == method else name.split(", ")[1]
        per_second = [operations / stretch.seconds(clock) for stretch in rounds]
        rate = rates[own]
        row: Row = {
            "task": workload.name,
            "contestant": name,
            "precision": own,
            "gigaoperations_per_example": per_example[name] / 1e9,
            **Spread.of([one / rate.square.median for one in per_second]).named("share"),
            "share_of_shapes": Spread.of(per_second).median / rate.shapes.median,
        }
        if own == precision:
            cost = [1 / speed for speed in _speeds(stretches, (name,), clock)[0]]
            row |= ratios(cost, fine_tuning).named("cost")
            row["predicted_cost"] = per_example[name] / per_example["ft"]
            row["cost_over_predicted"] = row["cost"] / row["predicted_cost"]
        rows.append(row)
    return rows


def rate_rows(rates: Mapping[str, MatrixRate]) -> list[Row]:
    """The matrix rates as a table."""
    return [
        {
            "precision": rate.precision,
            "edge": rate.edge,
            **rate.square.named("square"),
            **rate.shapes.named("shapes"),
        }
        for rate in rates.values()
    ]


def agreement_rows(agreements: Sequence[PeerAgreement]) -> list[Row]:
    """Return what was checked before timing, as a table."""
    return [asdict(row) for row in agreements]
